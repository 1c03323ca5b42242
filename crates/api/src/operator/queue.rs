//! `GET /api/v1/queue`: what waits for an operator, oldest first, with what is overdue.

use crate::arm::{peer_asns, peerings};
use crate::call::{Answer, Call, ok};
use jiff::{SignedDuration, Timestamp};
use meetme_model::peer_asn::ASN_DECISION_DUE_H;
use meetme_store::{IdPage, connections_pending, peer_asns_pending, peering_by_id};
use serde::Serialize;

/// Most of each kind that are shown; a queue longer than this is worked off from its old end.
const SHOWN: u32 = 500;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Waiting {
    /// `peerAsn` or `connection`.
    kind: &'static str,
    /// ARM id of the claim, or of the connection's peering.
    resource_id: String,
    subscription: String,
    name: String,
    asn: u32,
    since: Timestamp,
    overdue: bool,
    /// The connection's number, for `…/connections/{id}/approve`.
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peering_location: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bandwidth_in_mbps: Option<u32>,
    /// What speaks against approval, as the checks say.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

#[derive(Serialize)]
struct Queue {
    value: Vec<Waiting>,
    overdue: usize,
}

/// Answers the queue.
pub(super) async fn list(call: Call) -> Answer {
    let mut db = call.state.store.read().await?;
    let due = SignedDuration::from_hours(ASN_DECISION_DUE_H);
    let overdue = |since: Timestamp| call.now.duration_since(since) > due;
    let mut value = Vec::new();
    for asn in peer_asns_pending(&mut db, IdPage::first(SHOWN)).await? {
        if asn.decision.is_some() {
            continue;
        }
        value.push(Waiting {
            kind: "peerAsn",
            resource_id: peer_asns::id(&asn.subscription, &asn.name),
            subscription: asn.subscription,
            name: asn.name,
            asn: asn.spec.asn.0,
            since: asn.asked_at.unwrap_or(asn.created_at),
            overdue: overdue(asn.asked_at.unwrap_or(asn.created_at)),
            connection: None,
            peering_location: None,
            bandwidth_in_mbps: None,
            message: None,
        });
    }
    for c in connections_pending(&mut db, IdPage::first(SHOWN)).await? {
        if c.decision.is_some() || c.removal.is_some() {
            continue;
        }
        let Some(peering) = peering_by_id(&mut db, c.peering_id).await? else {
            continue;
        };
        value.push(Waiting {
            kind: "connection",
            resource_id: peerings::id(&peering),
            subscription: peering.subscription,
            name: peering.name,
            asn: peering.spec.asn.0,
            since: c.since,
            overdue: overdue(c.since),
            connection: Some(c.id),
            peering_location: Some(peering.spec.location),
            bandwidth_in_mbps: Some(c.spec.bandwidth_mbps),
            message: c.error_message,
        });
    }
    value.sort_by_key(|w| w.since);
    let overdue = value.iter().filter(|w| w.overdue).count();
    ok(Queue { value, overdue })
}
