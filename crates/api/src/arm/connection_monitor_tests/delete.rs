//! `DELETE connectionMonitorTests/{name}`: the site stops trying.

use super::wire::id;
use crate::call::{Answer, Call, deleted};
use meetme_store::{monitor_test_delete, monitor_test_get, peering_service_get};
use serde_json::json;

/// Deletes a test: 204 when there is none.
pub(super) async fn delete(call: Call) -> Answer {
    let mut tx = call.state.store.begin().await?;
    let service = call.param("peering_service");
    let service = peering_service_get(&mut tx, call.subscription(), call.resource_group(), service).await?;
    let Some(service) = service else {
        call.check_conditions(None)?;
        return deleted(false);
    };
    let found = monitor_test_get(&mut tx, service.id, call.param("connection_monitor_test")).await?;
    call.check_conditions(found.as_ref().map(|f| &f.stamp))?;
    let Some(found) = found else {
        return deleted(false);
    };
    monitor_test_delete(&mut tx, found.id).await?;
    call.audit(
        &mut tx,
        "connectionMonitorTests/delete",
        &id(&service, &found.name),
        json!({ "destination": found.spec.destination }),
    )
    .await?;
    tx.commit().await?;
    deleted(true)
}
