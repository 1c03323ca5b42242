//! What waits for an operator, with all checks of it: in the queue, and one by one.
//!
//! Checks only show; whether something is approved is the decision's and the planner's.

use super::decide::{claim_is_open_to, is_open_to};
use crate::arm::{peer_asns, peerings};
use crate::call::{Answer, Call, ok};
use crate::conditions::with_etag;
use crate::error::ApiError;
use jiff::{SignedDuration, Timestamp};
use meetme_model::Asn;
use meetme_model::connection::Connection;
use meetme_model::inventory::Inventory;
use meetme_model::peer_asn::{ASN_DECISION_DUE_H, ContactRole, Decision, PeerAsn};
use meetme_model::peering::Peering;
use meetme_model::plan::approval::{ApprovalCheck, PLACE_FREE, checks};
use meetme_model::plan::place::{Rival, taken_by};
use meetme_model::revision::Revision;
use meetme_store::{
    Db, IdPage, connections_of, peer_asn_get, peer_asns_all, peering_by_id, peering_rivals, ports_used,
};
use serde::Serialize;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Claims read at a time.
const BATCH: u32 = 500;

/// Something that waits, or waited.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Waiting {
    /// `peerAsn` or `connection`.
    pub kind: &'static str,
    /// ARM id of the claim, or of the connection's peering.
    pub resource_id: String,
    pub subscription: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_group: Option<String>,
    pub name: String,
    pub asn: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer_name: Option<String>,
    pub since: Timestamp,
    pub overdue: bool,
    /// The connection's number, for `…/connections/{id}/approve`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection: Option<i64>,
    /// What the connection is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracking_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peering_location: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bandwidth_in_mbps: Option<u32>,
    /// What speaks against approval, as the checks say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What is asked and decided as one word, to be sent with a decision.
    pub revision: String,
    /// Whether a yes has an effect now, and whether a no has one.
    pub approvable: bool,
    pub refusable: bool,
    /// The decision, also before it is executed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// As they are now; of what was decided, as they were then.
    pub checks: Vec<ApprovalCheck>,
}

/// The decision, and the checks that it was made on, or those of `now` where nothing is decided.
fn decided(
    decision: Option<Decision>,
    now: impl FnOnce() -> Vec<ApprovalCheck>,
) -> (Option<Decision>, Vec<ApprovalCheck>) {
    match decision {
        Some(d) => (Some(d.clone().without_checks()), d.checks),
        None => (None, now()),
    }
}

/// Since when a claim waits.
pub(super) fn since(claim: &PeerAsn) -> Timestamp {
    claim.asked_at.unwrap_or(claim.stamp.created_at)
}

/// Whether something waits longer than anything may.
pub(super) fn overdue(since: Timestamp, now: Timestamp) -> bool {
    now.duration_since(since) > SignedDuration::from_hours(ASN_DECISION_DUE_H)
}

/// The check that no other network has a claim's name, and the one that nobody else has its ASN.
pub(super) const NAME_FREE: &str = "PeerNameFree";
pub(super) const ASN_FREE: &str = "AsnFree";

/// An approved claim.
struct Held {
    id: i64,
    subscription: String,
    asn: Asn,
    /// As names compare.
    name: String,
}

/// Approved claims, to tell whether another one has a claim's name or ASN.
#[derive(Default)]
pub(super) struct Names(Vec<Held>);

impl Names {
    /// Those of everybody.
    pub async fn read(db: &mut impl Db) -> Result<Self, ApiError> {
        let mut names = Vec::new();
        let mut page = IdPage::first(BATCH);
        loop {
            let claims = peer_asns_all(db, page).await?;
            page.after = claims.last().map(|c| c.id);
            let last = claims.len() < BATCH as usize;
            names.extend(claims.into_iter().filter(peer_asns::is_approved).map(|c| {
                let name = peer_asns::folded(&c.spec.peer_name);
                Held { id: c.id, subscription: c.subscription, asn: c.spec.asn, name }
            }));
            if last {
                return Ok(Self(names));
            }
        }
    }

    /// All checks of a claim. That the number is the peer's own is for the operator to find out.
    pub fn checks(&self, claim: &PeerAsn) -> Vec<ApprovalCheck> {
        let name = peer_asns::folded(&claim.spec.peer_name);
        let asn = claim.spec.asn;
        let other = self.0.iter().find(|held| {
            held.name == name
                && held.asn != asn
                && !held.subscription.eq_ignore_ascii_case(&claim.subscription)
        });
        let name_message = match other {
            Some(held) => format!(
                "AS{} of subscription {} is approved as '{}'; tell the two apart, or allow the name on purpose",
                held.asn, held.subscription, claim.spec.peer_name
            ),
            None => format!("no other network is approved as '{}'", claim.spec.peer_name),
        };
        let holder = self.0.iter().find(|held| held.asn == asn && held.id != claim.id);
        let holder_message = match holder {
            Some(held) => format!(
                "AS{asn} is approved for subscription {} already; ask its holder, or allow the ASN on purpose",
                held.subscription
            ),
            None => format!("AS{asn} is approved for nobody else"),
        };
        let noc = claim.spec.contacts.iter().find(|c| c.role == ContactRole::Noc);
        let noc_message =
            noc.map_or("there is no Noc contact".to_owned(), |c| format!("{}, {}", c.email, c.phone));
        let check = |name: &str, ok, message| ApprovalCheck { name: name.to_owned(), ok, message };
        vec![
            check(ASN_FREE, holder.is_none(), holder_message),
            check(NAME_FREE, other.is_none(), name_message),
            check("NocContact", noc.is_some(), noc_message),
        ]
    }

    /// A claim.
    pub fn claim(&self, asn: PeerAsn, now: Timestamp) -> Waiting {
        let since = since(&asn);
        let (decision, checks) = decided(asn.decision.clone(), || self.checks(&asn));
        Waiting {
            kind: "peerAsn",
            revision: Revision::of_claim(&asn).word(),
            approvable: claim_is_open_to(&asn, true),
            refusable: claim_is_open_to(&asn, false),
            decision,
            checks,
            resource_id: peer_asns::id(&asn.subscription, &asn.name),
            subscription: asn.subscription,
            resource_group: None,
            name: asn.name,
            asn: asn.spec.asn.0,
            peer_name: Some(asn.spec.peer_name),
            since,
            overdue: overdue(since, now),
            connection: None,
            tracking_id: None,
            peering_location: None,
            bandwidth_in_mbps: None,
            message: None,
        }
    }
}

/// What connections are checked against, each peering read once.
pub(super) struct Checked<'a> {
    inventory: &'a Inventory,
    ports: BTreeSet<(String, String)>,
    peerings: BTreeMap<i64, Option<Arc<Whole>>>,
}

struct Whole {
    peering: Peering,
    connections: Vec<Connection>,
    asn: Option<PeerAsn>,
    rivals: Vec<Rival>,
}

impl Whole {
    /// All checks of a connection, in words for operators: these may know whose a taken place is.
    fn checks(
        &self,
        inventory: &Inventory,
        c: &Connection,
        ports: &BTreeSet<(String, String)>,
    ) -> Vec<ApprovalCheck> {
        let Self { peering, connections, asn, rivals } = self;
        let mut found = checks(inventory, peering, connections, c, asn.as_ref(), ports, rivals);
        let other = taken_by(peering, connections, rivals);
        let place = found.iter_mut().find(|check| check.name == PLACE_FREE);
        if let (Some(other), Some(place)) = (other, place) {
            place.message = format!("{} has this ASN, location and offering", peerings::id(other));
        }
        found
    }
}

impl<'a> Checked<'a> {
    /// With the ports that are in use now.
    pub async fn read(db: &mut impl Db, inventory: &'a Inventory) -> Result<Self, ApiError> {
        let ports = ports_used(db).await?.into_iter().map(|(router, port, _)| (router, port)).collect();
        Ok(Self { inventory, ports, peerings: BTreeMap::new() })
    }

    /// The checks that a decision about a connection is made on: as they are now, or of one that has
    /// its ports, those of the decision that gave them.
    pub async fn checks(&mut self, db: &mut impl Db, c: &Connection) -> Result<Vec<ApprovalCheck>, ApiError> {
        if let (Some(decision), Some(_)) = (&c.decision, &c.ports) {
            return Ok(decision.checks.clone());
        }
        let whole = self.whole(db, c.peering_id).await?;
        Ok(whole.map(|whole| whole.checks(self.inventory, c, &self.ports)).unwrap_or_default())
    }

    async fn whole(&mut self, db: &mut impl Db, peering: i64) -> Result<Option<Arc<Whole>>, ApiError> {
        if let Entry::Vacant(entry) = self.peerings.entry(peering) {
            entry.insert(whole(db, peering).await?.map(Arc::new));
        }
        Ok(self.peerings.get(&peering).cloned().flatten())
    }

    /// A connection; `None` when its peering is gone.
    pub async fn connection(
        &mut self,
        db: &mut impl Db,
        c: Connection,
        now: Timestamp,
    ) -> Result<Option<Waiting>, ApiError> {
        let Some(whole) = self.whole(db, c.peering_id).await? else { return Ok(None) };
        let peering = &whole.peering;
        let (decision, checks) =
            decided(c.decision.clone(), || whole.checks(self.inventory, &c, &self.ports));
        Ok(Some(Waiting {
            kind: "connection",
            revision: Revision::of_connection(&c).word(),
            approvable: is_open_to(&c, true),
            refusable: is_open_to(&c, false),
            decision,
            checks,
            resource_id: peerings::id(peering),
            subscription: peering.subscription.clone(),
            resource_group: Some(peering.resource_group.clone()),
            name: peering.name.clone(),
            asn: peering.spec.asn.0,
            peer_name: whole.asn.as_ref().map(|a| a.spec.peer_name.clone()),
            since: c.since,
            overdue: overdue(c.since, now),
            connection: Some(c.id),
            tracking_id: Some(c.name),
            peering_location: Some(peering.spec.location.clone()),
            bandwidth_in_mbps: Some(c.spec.bandwidth_mbps),
            message: c.error_message,
        }))
    }
}

async fn whole(db: &mut impl Db, peering: i64) -> Result<Option<Whole>, ApiError> {
    let Some(peering) = peering_by_id(db, peering).await? else { return Ok(None) };
    let connections = connections_of(db, peering.id).await?;
    let asn = peer_asn_get(db, &peering.subscription, &peering.spec.peer_asn_name).await?;
    let rivals = peering_rivals(db, &peering).await?;
    Ok(Some(Whole { peering, connections, asn, rivals }))
}

/// `GET …/peerAsns/{name}/checks`: a claim as it is in the queue, decided or not.
pub(super) async fn of_asn(call: Call) -> Answer {
    let mut db = call.state.store.read().await?;
    let name = call.param("peer_asn");
    let claim = peer_asn_get(&mut db, call.subscription(), name)
        .await?
        .ok_or_else(|| ApiError::not_found("peer ASN", name))?;
    let revision = Revision::of_claim(&claim);
    with_etag(&revision, ok(Names::read(&mut db).await?.claim(claim, call.now)))
}
