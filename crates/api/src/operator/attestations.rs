//! `PUT` and `DELETE …/peerings/{name}/attestations/{requirement}`: what the peer states of its peering
//! where nothing can be measured (`docs/rules.md` §7). It is read with the compliance.
//!
//! Only the peer's own people state something: an operator's word isn't theirs.

use crate::arm::peerings::{id, peering_of};
use crate::call::{Answer, Call, deleted, written};
use crate::error::ApiError;
use meetme_model::Violations;
use meetme_model::compliance::{ATTESTABLE, Attestation, Requirement, attestable, check_note};
use meetme_model::peering::Peering;
use meetme_store::{Role, attestation_delete, attestation_put, attestations_of};
use serde::Deserialize;
use serde_json::json;

#[derive(Default, Deserialize)]
struct Sent {
    note: Option<String>,
}

/// States that a requirement is met: 201, or 200 instead of an earlier statement.
pub(super) async fn put(call: Call) -> Answer {
    only_peers(&call)?;
    let requirement = requirement(&call)?;
    let mut v = Violations::default();
    let note = check_note(&call.json_or_default::<Sent>()?.note.unwrap_or_default(), &mut v);
    v.into_result(())?;
    let mut tx = call.state.store.begin().await?;
    let peering = peering_of(&call, &mut tx).await?;
    let before = attestations_of(&mut tx, peering.id).await?;
    let new = Attestation { requirement, by: call.principal.name.clone(), at: call.now, note };
    attestation_put(&mut tx, peering.id, &new).await?;
    let detail = json!({ "note": new.note });
    call.audit(&mut tx, "attestations/write", &resource(&peering, requirement), detail).await?;
    tx.commit().await?;
    written(!before.iter().any(|a| a.requirement == requirement), new)
}

/// Takes a statement back: 204 when there is none.
pub(super) async fn delete(call: Call) -> Answer {
    only_peers(&call)?;
    let requirement = requirement(&call)?;
    let mut tx = call.state.store.begin().await?;
    let peering = peering_of(&call, &mut tx).await?;
    if !attestation_delete(&mut tx, peering.id, requirement).await? {
        return deleted(false);
    }
    call.audit(&mut tx, "attestations/delete", &resource(&peering, requirement), json!({})).await?;
    tx.commit().await?;
    deleted(true)
}

fn only_peers(call: &Call) -> Result<(), ApiError> {
    match call.principal.role {
        Role::Peer => Ok(()),
        Role::Operator | Role::Reader => {
            Err(ApiError::forbidden("only the peer states this of itself; ask its people to do it"))
        }
    }
}

fn requirement(call: &Call) -> Result<Requirement, ApiError> {
    let name = call.param("requirement");
    attestable(name).ok_or_else(|| {
        let known = ATTESTABLE.map(Requirement::wire_name).join(", ");
        let mut error = ApiError::not_found("requirement that is stated", name);
        error.message = format!("{}; stated are {known}, all others are measured", error.message);
        error
    })
}

fn resource(peering: &Peering, requirement: Requirement) -> String {
    format!("{}/attestations/{}", id(peering), requirement.wire_name())
}
