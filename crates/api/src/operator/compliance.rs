//! `GET …/peerings/{name}/compliance`: what the peer has to meet, and how each of it is seen
//! (`docs/rules.md` §7). Gathers what is known; `meetme_model::compliance` judges.

use crate::arm::inventory;
use crate::arm::peerings::peering_of;
use crate::call::{Answer, Call, ok};
use crate::error::ApiError;
use jiff::{SignedDuration, Timestamp};
use meetme_model::compliance::{Facts, Finding, Interconnect, Probed, Utilisation, compliance, utilisation};
use meetme_model::connection::Connection;
use meetme_model::metric::{CONNECTION_ID, Grain, Metric, Owner};
use meetme_model::peering::Peering;
use meetme_model::probe_id::ProbeId;
use meetme_model::registered_prefix::RegisteredPrefix;
use meetme_store::{
    Db, PointsAsked, attestations_of, connection_observed, connections_of, metric_points, metric_series_of,
    peer_asn_get, peerings_of_asn, probe_outcome_get, registered_prefixes_of_asn, router_state_get,
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Use is looked at over so long.
const LOOKED_BACK: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Use is averaged over so long.
const INTERVAL_MS: i64 = 5 * 60 * 1000;

#[derive(Serialize)]
struct Shown {
    at: Timestamp,
    value: Vec<Finding>,
}

/// Answers how each requirement stands.
pub(super) async fn get(call: Call) -> Answer {
    let inventory = inventory(&call).await?;
    let mut db = call.state.store.read().await?;
    let peering = peering_of(&call, &mut db).await?;
    let asn = peer_asn_get(&mut db, &peering.subscription, &peering.spec.peer_asn_name).await?;
    let siblings = siblings(&mut db, &peering).await?;
    let prefixes = prefixes(&mut db, &peering, &siblings).await?;
    let metros = metros(&mut db, &siblings).await?;
    let used = Use::read(&mut db, peering.id, call.now).await?;
    let attestations = attestations_of(&mut db, peering.id).await?;
    let probes = probed(&mut db, &peering).await?;
    let mut connections = Vec::new();
    for connection in connections_of(&mut db, peering.id).await? {
        connections.push(interconnect(&mut db, connection, &used).await?);
    }
    let value = compliance(&Facts {
        peering: &peering,
        offering: inventory.offering(peering.spec.offering),
        asn: asn.as_ref(),
        connections: &connections,
        prefixes: &prefixes,
        metros: &metros,
        attestations: &attestations,
        probes: &probes,
    });
    ok(Shown { at: call.now, value })
}

/// The subscription's peerings of the same ASN, this one among them. Those of other subscriptions
/// are nobody else's business.
async fn siblings(db: &mut impl Db, peering: &Peering) -> Result<Vec<Peering>, ApiError> {
    let mut all = peerings_of_asn(db, peering.spec.asn).await?;
    all.retain(|p| p.subscription.eq_ignore_ascii_case(&peering.subscription));
    Ok(all)
}

async fn prefixes(
    db: &mut impl Db,
    peering: &Peering,
    siblings: &[Peering],
) -> Result<Vec<RegisteredPrefix>, ApiError> {
    let own: BTreeSet<i64> = siblings.iter().map(|p| p.id).collect();
    let mut all = registered_prefixes_of_asn(db, peering.spec.asn).await?;
    all.retain(|p| own.contains(&p.peering_id));
    Ok(all)
}

/// The peering's probes that were tried.
async fn probed(db: &mut impl Db, peering: &Peering) -> Result<Vec<Probed>, ApiError> {
    let mut probed = Vec::new();
    for probe in &peering.spec.probes {
        let id = ProbeId::Peering { id: peering.id, place: probe.place };
        if let Some(outcome) = probe_outcome_get(db, id).await? {
            probed.push(Probed { endpoint: probe.endpoint, protocol: probe.protocol, outcome });
        }
    }
    Ok(probed)
}

/// Active connections by metro.
async fn metros(db: &mut impl Db, siblings: &[Peering]) -> Result<BTreeMap<String, usize>, ApiError> {
    let mut metros: BTreeMap<String, usize> = BTreeMap::new();
    for peering in siblings.iter().filter(|p| !p.deleting) {
        let connections = connections_of(db, peering.id).await?;
        let active = connections.iter().filter(|c| c.state.is_open() && c.removal.is_none()).count();
        *metros.entry(peering.spec.location.clone()).or_default() += active;
    }
    Ok(metros)
}

async fn interconnect(
    db: &mut impl Db,
    connection: Connection,
    used: &Use,
) -> Result<Interconnect, ApiError> {
    let observed = connection_observed(db, &connection).await?;
    let read_at = match &connection.ports {
        Some(ports) => router_state_get(db, &ports.router).await?.map(|s| s.at),
        None => None,
    };
    let utilisation = used.of(&connection.spec.identifier);
    Ok(Interconnect { connection, observed, read_at, utilisation })
}

/// Averages in bits per second, by connection, then by interval.
type Averages = BTreeMap<String, BTreeMap<i64, f64>>;

/// What a peering's connections carried lately.
struct Use {
    ingress: Averages,
    egress: Averages,
    until: Timestamp,
}

impl Use {
    async fn read(db: &mut impl Db, peering_id: i64, now: Timestamp) -> Result<Self, ApiError> {
        // Whole intervals only.
        let until_ms = now.as_millisecond().div_euclid(INTERVAL_MS) * INTERVAL_MS;
        let until = Timestamp::from_millisecond(until_ms).map_err(ApiError::internal)?;
        let asked = PointsAsked {
            grain: Grain::FiveMinutes,
            from: until - LOOKED_BACK,
            until,
            length_ms: INTERVAL_MS,
        };
        Ok(Self {
            ingress: averages(db, peering_id, Metric::IngressTrafficRate, asked).await?,
            egress: averages(db, peering_id, Metric::EgressTrafficRate, asked).await?,
            until,
        })
    }

    fn of(&self, connection: &str) -> Option<Utilisation> {
        let none = BTreeMap::new();
        let of = |averages: &Averages| averages.get(connection).unwrap_or(&none).clone();
        utilisation(&of(&self.ingress), &of(&self.egress), self.until)
    }
}

async fn averages(
    db: &mut impl Db,
    peering_id: i64,
    metric: Metric,
    asked: PointsAsked,
) -> Result<Averages, ApiError> {
    let mut connections: Vec<String> = Vec::new();
    let mut series: Vec<(i64, usize)> = Vec::new();
    for (id, dimensions) in metric_series_of(db, Owner::Peering(peering_id), metric).await? {
        let Some(connection) = dimensions.get(CONNECTION_ID) else { continue };
        let group = connections.iter().position(|c| c == connection).unwrap_or_else(|| {
            connections.push(connection.clone());
            connections.len() - 1
        });
        series.push((id, group));
    }
    let mut averages = Averages::new();
    for point in metric_points(db, &series, asked).await? {
        if let Some(connection) = connections.get(point.group) {
            averages.entry(connection.clone()).or_default().insert(point.index, point.stat.average());
        }
    }
    Ok(averages)
}
