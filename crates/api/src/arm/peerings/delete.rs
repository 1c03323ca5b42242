//! `DELETE peerings/{name}`: takes its connections away step by step, then frees everything. Refused while a
//! connection is being provisioned or a registered prefix is in use (`docs/rules.md` §2).

use super::wire::id;
use crate::call::{Answer, Call, deleted};
use crate::error::ApiError;
use meetme_model::Violation;
use meetme_model::connection::{Connection, ConnectionState, Removal, Stage};
use meetme_model::plan::removal::first_step;
use meetme_store::{
    Conflict, Db, Page, ResourceRef, WorkKind, connection_update, peering_get, peering_lock,
    peering_service_by_id, peering_update, registered_prefixes_list, service_prefixes_of_registration,
    work_enqueue,
};
use serde_json::json;

/// Begins the deletion of a peering: 204 when there is none.
pub(super) async fn delete(call: Call) -> Answer {
    let mut tx = call.state.store.begin().await?;
    let name = call.param("peering");
    let found = peering_get(&mut tx, call.subscription(), call.resource_group(), name).await?;
    let Some(found) = found else {
        call.check_conditions(None)?;
        return deleted(false);
    };
    let (mut peering, connections) = peering_lock(&mut tx, found.id).await?;
    call.check_conditions(Some(&peering.stamp))?;
    if peering.deleting {
        return deleted(true);
    }
    refuse_while_provisioning(&connections)?;
    let services = uses(&mut tx, peering.id).await?;
    if !services.is_empty() {
        return Err(call.refuse(Conflict::PeeringInUse { services }.into()));
    }
    for mut connection in connections.into_iter().filter(|c| c.removal.is_none()) {
        connection.removal = Some(Removal { step: first_step(&connection), since: call.now });
        connection_update(&mut tx, &connection).await?;
    }
    peering.deleting = true;
    peering.stamp.change(&call.principal.name, call.now);
    peering_update(&mut tx, &peering).await?;
    call.audit(&mut tx, "peerings/delete", &id(&peering), json!({})).await?;
    work_enqueue(&mut tx, WorkKind::Peering, &peering.id.to_string(), call.now).await?;
    tx.commit().await?;
    deleted(true)
}

/// The peering-service prefixes that live on this peering's registrations.
pub(super) async fn uses(db: &mut impl Db, peering: i64) -> Result<Vec<ResourceRef>, ApiError> {
    let mut found = Vec::new();
    let all = Page::first(u32::MAX);
    for registered in registered_prefixes_list(db, peering, &all).await? {
        for used in service_prefixes_of_registration(db, registered.id).await? {
            if let Some(service) = peering_service_by_id(db, used.service_id).await? {
                found.push(ResourceRef {
                    subscription: service.subscription,
                    resource_group: service.resource_group,
                    name: format!("{}/{}", service.name, used.name),
                });
            }
        }
    }
    Ok(found)
}

/// True from the port's configuration until Active: what is half built isn't torn down.
fn is_being_provisioned(c: &Connection) -> bool {
    if c.removal.is_some() {
        return false;
    }
    match c.state {
        ConnectionState::Onboarding(Stage::PendingApproval | Stage::Approved) => false,
        ConnectionState::Onboarding(
            Stage::ProvisioningStarted | Stage::ProvisioningCompleted | Stage::Validating,
        )
        | ConnectionState::TypeChangeRequested
        | ConnectionState::TypeChangeInProgress => true,
        ConnectionState::Active
        | ConnectionState::ProvisioningFailed(_)
        | ConnectionState::ExternalBlocker(_) => false,
    }
}

fn refuse_while_provisioning(connections: &[Connection]) -> Result<(), ApiError> {
    let busy: Vec<Violation> = connections
        .iter()
        .enumerate()
        .filter(|(_, c)| is_being_provisioned(c))
        .map(|(i, c)| Violation {
            code: "ConnectionBeingProvisioned".into(),
            target: format!("properties.direct.connections[{i}]"),
            message: format!(
                "connection {} ({}) is in state {}",
                c.name,
                c.spec.identifier,
                c.state.wire_name()
            ),
        })
        .collect();
    if busy.is_empty() {
        return Ok(());
    }
    let mut error = ApiError::conflict(
        "ConnectionBeingProvisioned",
        "the peering can't be deleted while a connection is being provisioned; wait until it is Active, or let the operators stop it",
    );
    error.details = busy;
    Err(error)
}
