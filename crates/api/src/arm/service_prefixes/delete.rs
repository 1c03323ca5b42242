//! `DELETE prefixes/{name}`: the prefix is routed hot potato from then on.

use crate::arm::peering_services::id;
use crate::call::{Answer, Call, deleted};
use meetme_store::{
    peering_by_id, peering_service_get, registered_prefix_by_id, service_prefix_delete, service_prefix_get,
    work_enqueue_routers_of,
};
use serde_json::json;

/// Deletes an activated prefix with its events: 204 when there is none.
pub(super) async fn delete(call: Call) -> Answer {
    let mut tx = call.state.store.begin().await?;
    let service = peering_service_get(
        &mut tx,
        call.subscription(),
        call.resource_group(),
        call.param("peering_service"),
    )
    .await?;
    let Some(service) = service else {
        call.check_conditions(None)?;
        return deleted(false);
    };
    let name = call.param("prefix");
    let found = service_prefix_get(&mut tx, service.id, name).await?;
    call.check_conditions(found.as_ref().map(|f| &f.stamp))?;
    let Some(found) = found else {
        return deleted(false);
    };
    service_prefix_delete(&mut tx, found.id).await?;
    call.audit(
        &mut tx,
        "peeringServices/prefixes/delete",
        &format!("{}/prefixes/{}", id(&service), found.name),
        json!({ "prefix": found.prefix }),
    )
    .await?;
    let registration = registered_prefix_by_id(&mut tx, found.registered_prefix_id).await?;
    if let Some(registration) = registration
        && let Some(peering) = peering_by_id(&mut tx, registration.peering_id).await?
    {
        work_enqueue_routers_of(&mut tx, peering.spec.asn, call.now).await?;
    }
    tx.commit().await?;
    deleted(true)
}
