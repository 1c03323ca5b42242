//! An operator's yes or no: to a claim to an ASN, to a connection, to all connections of a peering.
//!
//! Only the decision is stored; what follows from it is the planner's.

use crate::arm::peer_asns;
use crate::arm::peerings::{self, peering_of};
use crate::call::{Answer, Call, ok};
use crate::error::ApiError;
use meetme_model::connection::{Connection, ConnectionState, Stage};
use meetme_model::peer_asn::{AsnState, Decision};
use meetme_model::peering::Peering;
use meetme_model::plan::place::taken_by;
use meetme_store::{
    Tx, WorkKind, connection_by_id, connection_update, peer_asn_get, peer_asn_lock, peer_asn_update,
    peering_lock, peering_rivals, work_enqueue,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Default, Deserialize)]
struct Reason {
    reason: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Name {
    /// Approves a claim under a name that another network has already.
    #[serde(default)]
    allow_duplicate_name: bool,
}

#[derive(Serialize)]
struct Decided {
    resource: String,
    approved: bool,
    reason: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    connections: Vec<i64>,
}

/// `POST …/peerAsns/{name}/approve`; with `allowDuplicateName` also under another network's name.
pub(super) async fn approve_asn(call: Call) -> Answer {
    asn(call, true).await
}

/// `POST …/peerAsns/{name}/refuse`, with a reason.
pub(super) async fn refuse_asn(call: Call) -> Answer {
    asn(call, false).await
}

/// `POST /api/v1/connections/{id}/approve`.
pub(super) async fn approve_connection(call: Call) -> Answer {
    connection(call, true).await
}

/// `POST /api/v1/connections/{id}/refuse`, with a reason.
pub(super) async fn refuse_connection(call: Call) -> Answer {
    connection(call, false).await
}

/// The number of a connection, with or without the letter before it.
pub(super) fn connection_number(text: &str) -> Option<i64> {
    text.trim_start_matches(['c', 'C']).parse().ok()
}

async fn asn(call: Call, approved: bool) -> Answer {
    let decision = decision(&call, approved)?;
    let allowed = call.json_or_default::<Name>()?.allow_duplicate_name;
    let mut tx = call.state.store.begin().await?;
    let name = call.param("peer_asn");
    let found = peer_asn_get(&mut tx, call.subscription(), name)
        .await?
        .ok_or_else(|| ApiError::not_found("peer ASN", name))?;
    let mut asn = peer_asn_lock(&mut tx, found.id).await?;
    let id = peer_asns::id(&asn.subscription, &asn.name);
    match asn.state {
        AsnState::Approved if approved => {}
        AsnState::Failed if !approved => {}
        AsnState::Approved => {
            return Err(ApiError::conflict(
                "AlreadyApproved",
                format!("AS{} is approved already; delete the association to take it back", asn.spec.asn),
            ));
        }
        AsnState::None | AsnState::Pending | AsnState::Failed => {
            if approved && !allowed {
                let spec = &asn.spec;
                peer_asns::refuse_taken(&mut tx, &asn.subscription, spec.asn, &spec.peer_name).await?;
            }
            asn.state = AsnState::Pending;
            asn.error_message = None;
            asn.decision = Some(decision.clone());
            asn.stamp.change(&call.principal.name, call.now);
            peer_asn_update(&mut tx, &asn).await?;
            let detail = if allowed { json!({ "allowDuplicateName": true }) } else { json!({}) };
            audit(&call, &mut tx, "peerAsns", &id, &decision, detail).await?;
            let key = asn.id.to_string();
            work_enqueue(&mut tx, WorkKind::PeerAsn, &key, call.now).await?;
        }
    }
    tx.commit().await?;
    ok(Decided { resource: id, approved, reason: decision.reason, connections: Vec::new() })
}

async fn connection(call: Call, approved: bool) -> Answer {
    let decision = decision(&call, approved)?;
    let text = call.param("connection");
    let unknown = || ApiError::not_found("connection", text);
    let id = connection_number(text).ok_or_else(unknown)?;
    let mut tx = call.state.store.begin().await?;
    let found = connection_by_id(&mut tx, id).await?.ok_or_else(unknown)?;
    let (peering, connections) = peering_lock(&mut tx, found.peering_id).await?;
    if approved {
        refuse_taken_place(&mut tx, &peering, &connections).await?;
    }
    let found = connections.into_iter().find(|c| c.id == id).ok_or_else(unknown)?;
    if !is_open_to(&found, approved) {
        return Err(ApiError::conflict(
            "DecisionNotAwaited",
            format!("connection {id} is in state {} and awaits no such decision", found.state.wire_name()),
        ));
    }
    let resource = peerings::id(&peering);
    decide(&call, &mut tx, &peering, vec![found], &decision).await?;
    tx.commit().await?;
    ok(Decided { resource, approved, reason: decision.reason, connections: vec![id] })
}

/// `POST …/peerings/{name}/approve`: every connection that waits for approval.
pub(super) async fn approve_peering(call: Call) -> Answer {
    let decision = decision(&call, true)?;
    let mut tx = call.state.store.begin().await?;
    let found = peering_of(&call, &mut tx).await?;
    let (peering, connections) = peering_lock(&mut tx, found.id).await?;
    refuse_taken_place(&mut tx, &peering, &connections).await?;
    let waiting: Vec<Connection> = connections.into_iter().filter(|c| is_open_to(c, true)).collect();
    let ids: Vec<i64> = waiting.iter().map(|c| c.id).collect();
    if !waiting.is_empty() {
        decide(&call, &mut tx, &peering, waiting, &decision).await?;
    }
    tx.commit().await?;
    ok(Decided {
        resource: peerings::id(&peering),
        approved: true,
        reason: decision.reason,
        connections: ids,
    })
}

/// A yes is for what waits or was refused, and issues a new letter to what waits for a
/// cross-connect beyond the old one's end; a no is for what waits.
pub(super) fn is_open_to(c: &Connection, approved: bool) -> bool {
    if c.removal.is_some() {
        return false;
    }
    match c.state {
        ConnectionState::Onboarding(Stage::PendingApproval) => true,
        ConnectionState::ProvisioningFailed(Stage::PendingApproval)
        | ConnectionState::ExternalBlocker(Stage::ProvisioningStarted) => approved,
        _ => false,
    }
}

/// 409 when another peering has the ASN, location and offering; an operator may know which.
async fn refuse_taken_place(
    tx: &mut Tx,
    peering: &Peering,
    connections: &[Connection],
) -> Result<(), ApiError> {
    let rivals = peering_rivals(tx, peering).await?;
    let Some(other) = taken_by(peering, connections, &rivals) else { return Ok(()) };
    let other = peerings::id(other);
    Err(ApiError::conflict(
        "PeeringExists",
        format!("{other} has this ASN, location and offering; refuse one of the two, or have one deleted"),
    ))
}

async fn decide(
    call: &Call,
    tx: &mut Tx,
    peering: &Peering,
    connections: Vec<Connection>,
    decision: &Decision,
) -> Result<(), ApiError> {
    let mut identifiers = Vec::new();
    for mut c in connections {
        c.decision = Some(decision.clone());
        connection_update(tx, &c).await?;
        identifiers.push(c.spec.identifier);
    }
    let detail = json!({ "connections": identifiers });
    audit(call, tx, "connections", &peerings::id(peering), decision, detail).await?;
    let key = peering.id.to_string();
    Ok(work_enqueue(tx, WorkKind::Peering, &key, call.now).await?)
}

async fn audit(
    call: &Call,
    tx: &mut Tx,
    what: &str,
    resource: &str,
    decision: &Decision,
    mut detail: serde_json::Value,
) -> Result<(), ApiError> {
    let verb = if decision.approved { "approve" } else { "refuse" };
    detail["reason"] = decision.reason.clone().into();
    let action = format!("{what}/{verb}");
    call.audit(tx, &action, resource, detail).await
}

/// The decision with its reason, which a no needs.
fn decision(call: &Call, approved: bool) -> Result<Decision, ApiError> {
    let reason = call.json_or_default::<Reason>()?.reason.unwrap_or_default().trim().to_owned();
    if reason.is_empty() && !approved {
        return Err(ApiError::bad_request(
            "ReasonRequired",
            "reason",
            "say why it is refused: the peer is told",
        ));
    }
    if reason.len() > 1000 || reason.chars().any(char::is_control) {
        return Err(ApiError::bad_request(
            "ReasonInvalid",
            "reason",
            "a reason has up to 1000 bytes and no control characters",
        ));
    }
    Ok(Decision {
        approved,
        by: call.principal.name.clone(),
        reason: if reason.is_empty() { "approved by an operator".into() } else { reason },
        at: call.now,
    })
}
