//! What would come of an approval: the planner run on copies of the records, and the router's
//! intent that follows.

use crate::EdgeQueries;
use crate::error::ApiError;
use jiff::Timestamp;
use meetme_model::Asn;
use meetme_model::allocation::SubnetUse;
use meetme_model::connection::Connection;
use meetme_model::intent::RouterIntent;
use meetme_model::intent_parts::IntentParts;
use meetme_model::inventory::Inventory;
use meetme_model::link::{EdgeAnswer, EdgeQuery, LagState, MemberState};
use meetme_model::peer_asn::{Decision, PeerAsn};
use meetme_model::peering::Peering;
use meetme_model::plan::Timing;
use meetme_model::plan::approval::ApprovalPolicy;
use meetme_model::plan::peering::{Effect, Input, apply, plan};
use meetme_model::plan::place::Rival;
use meetme_model::plan::router::{PeerPrefix, RouterConnection, router_intent};
use meetme_model::plan::validation::Observed;
use meetme_model::secret::NamedSecret;
use meetme_model::session_space::Registration;
use meetme_store::{
    Db, Page, connection_observed, connections_of, md5_key_get, peer_asn_get, peering_by_id, peering_rivals,
    ports_used, registered_asns_list, registered_prefixes_with_service, registrations_overlapping,
    subnets_overlapping,
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// As many rounds as the reconciler plans.
const MAX_ROUNDS: usize = 32;

/// One step of the connection's way, on its router.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Step {
    /// `approved`, or `lagUp`: once all members of the LAG are up.
    when: &'static str,
    router: String,
    ports: Vec<String>,
    /// Both ends of each session: `198.18.192.0/31`.
    session_prefixes: Vec<String>,
    /// The difference to the router as it is now; secrets masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<String>,
    /// Why the router wouldn't be given it as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
    /// Why there is no difference to show.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Copies of all that a plan of one peering depends on.
pub(super) struct World<'a> {
    inventory: &'a Inventory,
    peering: Peering,
    connections: Vec<Connection>,
    asn: Option<PeerAsn>,
    observed: BTreeMap<i64, Observed>,
    ports: BTreeSet<(String, String)>,
    subnets: Vec<SubnetUse>,
    registrations: Vec<Registration>,
    rivals: Vec<Rival>,
    md5_key: Option<NamedSecret>,
    prefixes: Vec<PeerPrefix>,
    /// ASNs registered on the peering.
    behind: Vec<Asn>,
}

impl<'a> World<'a> {
    /// Reads what concerns `connection`.
    pub async fn read(
        db: &mut impl Db,
        inventory: &'a Inventory,
        connection: &Connection,
    ) -> Result<Self, ApiError> {
        let peering = peering_by_id(db, connection.peering_id)
            .await?
            .ok_or_else(|| ApiError::not_found("connection", &connection.id.to_string()))?;
        let connections = connections_of(db, peering.id).await?;
        let asn = peer_asn_get(db, &peering.subscription, &peering.spec.peer_asn_name).await?;
        let mut observed = BTreeMap::new();
        for c in &connections {
            observed.insert(c.id, connection_observed(db, c).await?);
        }
        let ports = ports_used(db).await?.into_iter().map(|(router, port, _)| (router, port)).collect();
        let mut subnets = Vec::new();
        let pools = inventory.pools.iter().filter(|p| p.location == peering.spec.location);
        let given = connections.iter().flat_map(|c| [c.spec.session_prefix_v4, c.spec.session_prefix_v6]);
        for prefix in pools.map(|p| p.prefix).chain(given.flatten()).collect::<BTreeSet<_>>() {
            for used in subnets_overlapping(db, prefix).await? {
                let freed_at = used.freed_at.filter(|_| used.connection_id.is_none());
                subnets.push(SubnetUse { prefix: used.prefix, freed_at });
            }
        }
        let mut registrations = Vec::new();
        for given in connections.iter().flat_map(Connection::given_and_not_allocated) {
            registrations.extend(registrations_overlapping(db, given).await?);
        }
        let registered = registered_prefixes_with_service(db, peering.spec.asn).await?;
        Ok(Self {
            registrations,
            rivals: peering_rivals(db, &peering).await?,
            md5_key: md5_key_get(db, connection.id).await?,
            prefixes: registered.iter().filter_map(|(r, s)| PeerPrefix::of(r, s.as_ref())).collect(),
            behind: registered_asns_list(db, peering.id, &Page::first(u32::MAX))
                .await?
                .into_iter()
                .map(|registered| registered.asn)
                .collect(),
            inventory,
            peering,
            connections,
            asn,
            observed,
            ports,
            subnets,
        })
    }

    /// Says yes to a connection.
    pub fn approve(&mut self, id: i64, by: &str, at: Timestamp) {
        if let Some(c) = self.connections.iter_mut().find(|c| c.id == id) {
            let (by, reason) = (by.to_owned(), String::new());
            c.decision = Some(Decision { approved: true, by, reason, at, checks: Vec::new() });
        }
    }

    /// Lets every member of a connection's LAG come up.
    pub fn light_up(&mut self, id: i64) {
        let ports = self.find(id).and_then(|c| c.ports.as_ref()).map(|p| p.ports.clone()).unwrap_or_default();
        let up = MemberState { carrier: true, collecting: true, distributing: true };
        let observed = self.observed.entry(id).or_default();
        observed.lag = Some(LagState { members: ports.into_iter().map(|port| (port, up)).collect() });
        observed.apply_fault = None;
    }

    /// Plans until nothing more is to do.
    ///
    /// # Errors
    /// 500 when the plan doesn't come to rest, or moves a connection as none can be moved.
    pub fn settle(&mut self, now: Timestamp) -> Result<(), ApiError> {
        for _ in 0..MAX_ROUNDS {
            let effects = plan(
                &Input {
                    inventory: self.inventory,
                    peering: &self.peering,
                    connections: &self.connections,
                    asn: self.asn.as_ref(),
                    policy: &ApprovalPolicy::default(),
                    timing: &Timing::default(),
                    observed: &self.observed,
                    ports_in_use: &self.ports,
                    subnets: &self.subnets,
                    registrations: &self.registrations,
                    rivals: &self.rivals,
                },
                now,
            );
            if effects.iter().all(Effect::is_repeatable) {
                return Ok(());
            }
            for effect in &effects {
                self.execute(effect, now)?;
            }
        }
        Err(ApiError::internal("the preview of an approval doesn't come to rest"))
    }

    fn execute(&mut self, effect: &Effect, now: Timestamp) -> Result<(), ApiError> {
        let id = match effect {
            Effect::Reserve { connection, ports } => {
                self.ports.extend(ports.ports.iter().map(|p| (ports.router.clone(), p.clone())));
                *connection
            }
            Effect::Allocate { connection, subnet } => {
                self.subnets.push(SubnetUse { prefix: subnet.prefix, freed_at: None });
                *connection
            }
            Effect::Forget { connection } => {
                self.connections.retain(|c| c.id != *connection);
                return Ok(());
            }
            Effect::Decide { connection, .. }
            | Effect::Transition { connection, .. }
            | Effect::Light { connection }
            | Effect::Tell { connection, .. }
            | Effect::Remove { connection, .. } => *connection,
            Effect::IssueLoa { .. } | Effect::ForgetPeering | Effect::Mail(_) | Effect::WakeAt(_) => {
                return Ok(());
            }
        };
        let Some(c) = self.connections.iter_mut().find(|c| c.id == id) else { return Ok(()) };
        apply(c, effect, now).map_err(|e| ApiError::internal(format!("the preview of an approval: {e}")))
    }

    fn find(&self, id: i64) -> Option<&Connection> {
        self.connections.iter().find(|c| c.id == id)
    }

    /// What is told about a connection by now.
    pub fn message(&self, id: i64) -> Option<String> {
        self.find(id).and_then(|c| c.error_message.clone())
    }

    /// What the connection would be on its router by now, alone. `None` while it has no ports.
    pub fn intent(&self, id: i64) -> Option<RouterIntent> {
        let connection = self.find(id)?;
        let ports = connection.ports.as_ref()?;
        let router = self.inventory.router(&ports.router)?;
        let alone = RouterConnection {
            peering: &self.peering,
            connection,
            md5_key: self.md5_key.clone(),
            prefixes: &self.prefixes,
            behind: &self.behind,
        };
        Some(router_intent(self.inventory, router, &[alone]))
    }

    /// Holds the connection against the router, among all that the router has besides.
    pub async fn step(
        &self,
        when: &'static str,
        id: i64,
        intent: RouterIntent,
        queries: &EdgeQueries,
    ) -> Step {
        let router = intent.router.clone();
        let c = self.find(id);
        let ports = c.and_then(|c| c.ports.as_ref()).map(|p| p.ports.clone()).unwrap_or_default();
        let session_prefixes =
            c.into_iter().flat_map(Connection::sessions).map(|(_, s)| s.prefix.to_string());
        let session_prefixes = session_prefixes.collect();
        let instead = Some(Box::new(IntentParts::of(&intent)));
        let query = EdgeQuery::Diff { router: router.clone(), instead };
        let (diff, refused, error) = match queries(router.clone(), query).await {
            Ok(EdgeAnswer::Diff { diff, faults, .. }) => {
                let faults: Vec<String> = faults.values().map(ToString::to_string).collect();
                (Some(diff), (!faults.is_empty()).then(|| faults.join("; ")), None)
            }
            Ok(_) => (None, None, Some("the edge answered another question".to_owned())),
            Err(e) => (None, None, Some(e)),
        };
        Step { when, router, ports, session_prefixes, diff, refused, error }
    }
}
