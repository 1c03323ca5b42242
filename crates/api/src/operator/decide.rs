//! An operator's yes or no: to a claim to an ASN, to a connection, to all connections of a peering.
//!
//! Only the decision is stored; what follows from it is the planner's.

use super::waiting::{ASN_FREE, Checked, NAME_FREE, Names};
use crate::arm::peerings::{self, peering_of};
use crate::arm::{inventory_in, peer_asns};
use crate::call::{Answer, Call, ok};
use crate::error::ApiError;
use axum::http::StatusCode;
use meetme_model::Violations;
use meetme_model::connection::{Connection, ConnectionState, Stage};
use meetme_model::peer_asn::{AsnState, Decision, PeerAsn};
use meetme_model::peering::Peering;
use meetme_model::plan::approval::ApprovalCheck;
use meetme_model::plan::place::taken_by;
use meetme_model::revision::Revision;
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

/// What a claim is approved in spite of.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Allowed {
    /// A name that another network has already.
    #[serde(default)]
    allow_duplicate_name: bool,
    /// An ASN that somebody else has already.
    #[serde(default)]
    allow_duplicate_asn: bool,
}

impl Allowed {
    /// 409 for each of these checks that fails and isn't allowed to.
    fn refuse_duplicates(&self, checks: &[ApprovalCheck]) -> Result<(), ApiError> {
        let known = [
            (ASN_FREE, self.allow_duplicate_asn, "PeerAsnTaken", "allowDuplicateAsn"),
            (NAME_FREE, self.allow_duplicate_name, "PeerNameTaken", "allowDuplicateName"),
        ];
        let mut v = Violations::default();
        for check in checks.iter().filter(|check| !check.ok) {
            if let Some((.., code, field)) =
                known.iter().find(|(n, allowed, ..)| *n == check.name && !allowed)
            {
                v.add(code, *field, &check.message);
            }
        }
        v.into_result(()).map_err(|v| ApiError { status: StatusCode::CONFLICT, ..v.into() })
    }

    /// For the audit trail.
    fn told(&self) -> serde_json::Value {
        let mut told = json!({});
        for (field, allowed) in [
            ("allowDuplicateName", self.allow_duplicate_name),
            ("allowDuplicateAsn", self.allow_duplicate_asn),
        ] {
            if allowed {
                told[field] = true.into();
            }
        }
        told
    }
}

#[derive(Serialize)]
struct Decided {
    resource: String,
    approved: bool,
    reason: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    connections: Vec<i64>,
}

/// `POST …/peerAsns/{name}/approve`; with `allowDuplicateName` also under another network's name, with
/// `allowDuplicateAsn` also of an ASN that is approved for somebody else.
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
    let mut decision = decision(&call, approved)?;
    let allowed = call.json_or_default::<Allowed>()?;
    let mut tx = call.state.store.begin().await?;
    let name = call.param("peer_asn");
    let found = peer_asn_get(&mut tx, call.subscription(), name)
        .await?
        .ok_or_else(|| ApiError::not_found("peer ASN", name))?;
    let mut asn = peer_asn_lock(&mut tx, found.id).await?;
    let id = peer_asns::id(&asn.subscription, &asn.name);
    if claim_is_open_to(&asn, approved) {
        call.check_seen(&Revision::of_claim(&asn))?;
        decision.checks = Names::read(&mut tx).await?.checks(&asn);
        if approved {
            allowed.refuse_duplicates(&decision.checks)?;
        }
        asn.state = AsnState::Pending;
        asn.error_message = None;
        asn.decision = Some(decision.clone());
        asn.stamp.change(&call.principal.name, call.now);
        peer_asn_update(&mut tx, &asn).await?;
        let detail = if approved { allowed.told() } else { json!({}) };
        audit(&call, &mut tx, "peerAsns", &id, &decision, detail).await?;
        let key = asn.id.to_string();
        work_enqueue(&mut tx, WorkKind::PeerAsn, &key, call.now).await?;
    } else if !is_same(asn.decision.as_ref(), &decision) {
        return Err(too_late(&format!("AS{}", asn.spec.asn), asn.decision.as_ref(), "approved already"));
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
    let found = connections.iter().find(|c| c.id == id).cloned().ok_or_else(unknown)?;
    let resource = peerings::id(&peering);
    if is_open_to(&found, approved) {
        call.check_seen(&Revision::of_connection(&found))?;
        if approved {
            refuse_taken_place(&mut tx, &peering, &connections).await?;
        }
        decide(&call, &mut tx, &peering, vec![found], &decision).await?;
    } else if !is_same(found.decision.as_ref(), &decision) {
        let state = format!("in state {}", found.state.wire_name());
        return Err(too_late(&format!("connection {id}"), found.decision.as_ref(), &state));
    }
    tx.commit().await?;
    ok(Decided { resource, approved, reason: decision.reason, connections: vec![id] })
}

/// `POST …/peerings/{name}/approve`: every connection that waits for approval. What was refused stays
/// so: that is taken back one by one.
pub(super) async fn approve_peering(call: Call) -> Answer {
    let decision = decision(&call, true)?;
    let mut tx = call.state.store.begin().await?;
    let found = peering_of(&call, &mut tx).await?;
    let (peering, connections) = peering_lock(&mut tx, found.id).await?;
    call.check_seen_resource(&peering.stamp)?;
    refuse_taken_place(&mut tx, &peering, &connections).await?;
    let waits = |c: &Connection| is_open_to(c, true) && c.decision.as_ref().is_none_or(|d| d.approved);
    let last = connections.iter().filter_map(|c| c.decision.clone()).max_by_key(|d| d.at);
    let waiting: Vec<Connection> = connections.into_iter().filter(waits).collect();
    let ids: Vec<i64> = waiting.iter().map(|c| c.id).collect();
    if waiting.is_empty() {
        return Err(too_late("the last connection", last.as_ref(), "beyond its approval"));
    }
    decide(&call, &mut tx, &peering, waiting, &decision).await?;
    tx.commit().await?;
    ok(Decided {
        resource: peerings::id(&peering),
        approved: true,
        reason: decision.reason,
        connections: ids,
    })
}

/// True when this very decision was made before: it is sent again because its answer was lost.
fn is_same(made: Option<&Decision>, decision: &Decision) -> bool {
    made.is_some_and(|d| {
        (d.approved, &d.by, &d.reason) == (decision.approved, &decision.by, &decision.reason)
    })
}

/// 409 of a decision that another one came before, which is told; or else the state that it meets.
fn too_late(what: &str, decision: Option<&Decision>, state: &str) -> ApiError {
    let found = match decision {
        Some(d) => format!("was {} by {} at {}: {}", d.verb(), d.by, d.at, d.reason),
        None => format!("is {state}"),
    };
    ApiError::conflict(
        "DecisionNotAwaited",
        format!("such a decision isn't awaited any more: {what} {found}"),
    )
}

/// A yes is for what waits or was refused, a no for what waits; either also takes back the other
/// while it isn't executed.
pub(super) fn claim_is_open_to(claim: &PeerAsn, approved: bool) -> bool {
    match claim.state {
        AsnState::Approved => false,
        AsnState::Failed => approved,
        AsnState::None | AsnState::Pending => differs(claim.decision.as_ref(), approved),
    }
}

/// The same of a connection; a yes also issues a new letter to what waits for a cross-connect beyond
/// the old one's end.
pub(super) fn is_open_to(c: &Connection, approved: bool) -> bool {
    if c.removal.is_some() {
        return false;
    }
    match c.state {
        ConnectionState::Onboarding(Stage::PendingApproval) => differs(c.decision.as_ref(), approved),
        ConnectionState::ProvisioningFailed(Stage::PendingApproval) => {
            approved && differs(c.decision.as_ref(), approved)
        }
        ConnectionState::ExternalBlocker(Stage::ProvisioningStarted) => approved,
        _ => false,
    }
}

fn differs(decision: Option<&Decision>, approved: bool) -> bool {
    decision.is_none_or(|d| d.approved != approved)
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
    let inventory = inventory_in(tx).await?;
    let mut checked = Checked::read(tx, &inventory).await?;
    let mut identifiers = Vec::new();
    for mut c in connections {
        let checks = checked.checks(tx, &c).await?;
        c.decision = Some(Decision { checks, ..decision.clone() });
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

/// The decision with its reason, which it needs; not checked yet.
fn decision(call: &Call, approved: bool) -> Result<Decision, ApiError> {
    let reason = call.json_or_default::<Reason>()?.reason.unwrap_or_default().trim().to_owned();
    if reason.is_empty() {
        let message = if approved {
            "say why it is approved: how you know, or what you agreed"
        } else {
            "say why it is refused: the peer is told"
        };
        return Err(ApiError::bad_request("ReasonRequired", "reason", message));
    }
    if reason.len() > 1000 || reason.chars().any(char::is_control) {
        return Err(ApiError::bad_request(
            "ReasonInvalid",
            "reason",
            "a reason has up to 1000 bytes and no control characters",
        ));
    }
    Ok(Decision { approved, by: call.principal.name.clone(), reason, at: call.now, checks: Vec::new() })
}
