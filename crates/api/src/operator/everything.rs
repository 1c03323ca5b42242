//! What all subscriptions have, for those who see the host: peerings in a line each, registered
//! prefixes, and activated ones. Whole resources are ARM's business.

use crate::arm::{peering_services, peerings};
use crate::call::{Answer, Call, ok};
use crate::page::{Page, by_id, page};
use jiff::Timestamp;
use meetme_model::Prefix;
use meetme_model::connection::Connection;
use meetme_model::peering_service::{ActivePath, PeeringService};
use meetme_store::{
    connections_of_range, peering_by_id, peering_service_by_id, peerings_all, registered_prefixes_all,
    service_prefixes_all,
};
use serde::Serialize;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownPeering {
    resource_id: String,
    subscription: String,
    resource_group: String,
    name: String,
    asn: u32,
    peering_location: String,
    offering: String,
    deleting: bool,
    created_at: Timestamp,
    connections: Vec<ShownConnection>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownConnection {
    id: i64,
    connection_state: &'static str,
    removing: bool,
    bandwidth_in_mbps: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    router: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownRegistered {
    resource_id: String,
    subscription: String,
    asn: u32,
    peering_location: String,
    prefix: Prefix,
    prefix_validation_state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<String>,
    since: Timestamp,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownActivated {
    resource_id: String,
    subscription: String,
    prefix: Prefix,
    prefix_validation_state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<String>,
    active_path: ActivePath,
    #[serde(skip_serializing_if = "Option::is_none")]
    primary_peering_location: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backup_peering_location: Option<String>,
}

/// `GET /api/v1/peerings`.
pub(super) async fn all_peerings(call: Call) -> Answer {
    let inventory = crate::arm::inventory(&call).await?;
    let mut db = call.state.store.read().await?;
    let peerings = peerings_all(&mut db, by_id(&call)?).await?;
    let ids = peerings.iter().map(|p| p.id);
    let (first, last) = (ids.clone().min().unwrap_or(0), ids.max().unwrap_or(-1));
    let mut of: BTreeMap<i64, Vec<Connection>> = BTreeMap::new();
    for c in connections_of_range(&mut db, first, last).await? {
        of.entry(c.peering_id).or_default().push(c);
    }
    let rows = peerings.into_iter().map(|p| {
        let connections = of.remove(&p.id).unwrap_or_default();
        (p, connections)
    });
    let rows: Vec<_> = rows.collect();
    ok(page(
        &call,
        rows,
        |(p, _)| p.id.to_string(),
        |(p, connections)| ShownPeering {
            resource_id: peerings::id(&p),
            asn: p.spec.asn.0,
            offering: inventory
                .offering(p.spec.offering)
                .map_or_else(|| format!("{:?}", p.spec.offering), |o| o.name.clone()),
            peering_location: p.spec.location,
            deleting: p.deleting,
            created_at: p.stamp.created_at,
            subscription: p.subscription,
            resource_group: p.resource_group,
            name: p.name,
            connections: connections
                .into_iter()
                .map(|c| ShownConnection {
                    id: c.id,
                    connection_state: c.state.wire_name(),
                    removing: c.removal.is_some(),
                    bandwidth_in_mbps: c.spec.bandwidth_mbps,
                    router: c.ports.map(|p| p.router),
                })
                .collect(),
        },
    ))
}

/// `GET /api/v1/registeredPrefixes`.
pub(super) async fn all_registered(call: Call) -> Answer {
    let mut db = call.state.store.read().await?;
    let mut rows = registered_prefixes_all(&mut db, by_id(&call)?).await?;
    let next = next(&call, &mut rows, |r| r.id);
    let mut known = BTreeMap::new();
    let mut shown = Vec::with_capacity(rows.len());
    for r in rows {
        if let Entry::Vacant(entry) = known.entry(r.peering_id) {
            entry.insert(peering_by_id(&mut db, r.peering_id).await?);
        }
        let Some(Some(p)) = known.get(&r.peering_id) else { continue };
        shown.push(ShownRegistered {
            resource_id: format!("{}/registeredPrefixes/{}", peerings::id(p), r.name),
            subscription: p.subscription.clone(),
            asn: p.spec.asn.0,
            peering_location: p.spec.location.clone(),
            prefix: r.prefix,
            prefix_validation_state: r.verdict.state.wire_name(),
            error_message: r.verdict.error_message,
            since: r.since,
        });
    }
    ok(Page::part(&call, shown, next))
}

/// `GET /api/v1/activatedPrefixes`.
pub(super) async fn all_activated(call: Call) -> Answer {
    let mut db = call.state.store.read().await?;
    let mut rows = service_prefixes_all(&mut db, by_id(&call)?).await?;
    let next = next(&call, &mut rows, |r| r.id);
    let mut known: BTreeMap<i64, Option<PeeringService>> = BTreeMap::new();
    let mut shown = Vec::with_capacity(rows.len());
    for r in rows {
        if let Entry::Vacant(entry) = known.entry(r.service_id) {
            entry.insert(peering_service_by_id(&mut db, r.service_id).await?);
        }
        let Some(Some(s)) = known.get(&r.service_id) else { continue };
        shown.push(ShownActivated {
            resource_id: format!("{}/prefixes/{}", peering_services::id(s), r.name),
            subscription: s.subscription.clone(),
            prefix: r.prefix,
            prefix_validation_state: r.verdict.state.wire_name(),
            error_message: r.verdict.error_message,
            active_path: r.active_path,
            primary_peering_location: s.spec.primary.clone(),
            backup_peering_location: s.spec.backup.clone(),
        });
    }
    ok(Page::part(&call, shown, next))
}

/// Cuts what the store gave to a page; where the next one starts, if there is one.
fn next<R>(call: &Call, rows: &mut Vec<R>, id: impl Fn(&R) -> i64) -> Option<String> {
    let size = call.state.settings.page_size;
    let more = rows.len() > size;
    rows.truncate(size);
    rows.last().filter(|_| more).map(|last| id(last).to_string())
}
