//! `PATCH peeringServices/{name}`: tags.

use super::get::service_of;
use super::monitor::monitor_of;
use super::wire::{SentTags, Shown, id};
use crate::arm::tags;
use crate::call::{Answer, Call, ok};
use meetme_store::{peering_service_lock, peering_service_update};
use serde_json::json;

/// Replaces a peering service's tags.
pub(super) async fn patch(call: Call) -> Answer {
    let tags = tags::check(call.json::<SentTags>()?.tags)?;
    let mut tx = call.state.store.begin().await?;
    let found = service_of(&call, &mut tx).await?;
    let mut service = peering_service_lock(&mut tx, found.id).await?;
    call.check_conditions(Some(&service.stamp))?;
    if let Some(tags) = tags {
        service.spec.tags = tags;
        service.stamp.change(&call.principal.name, call.now);
        peering_service_update(&mut tx, &service).await?;
        call.audit(&mut tx, "peeringServices/write", &id(&service), json!({ "tags": service.spec.tags }))
            .await?;
    }
    let monitor = monitor_of(&call, &mut tx).await?;
    tx.commit().await?;
    call.tagged(&service.stamp.clone(), ok(Shown::new(service, monitor.as_ref())))
}
