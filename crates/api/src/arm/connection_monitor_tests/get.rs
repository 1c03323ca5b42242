//! `GET connectionMonitorTests/{name}`.

use super::wire::show;
use crate::arm::peering_services::service_of;
use crate::call::{Answer, Call, ok};
use crate::error::ApiError;
use meetme_store::monitor_test_get;

/// Answers one test with what its newest try came to.
pub(super) async fn get(call: Call) -> Answer {
    let mut db = call.state.store.read().await?;
    let service = service_of(&call, &mut db).await?;
    let name = call.param("connection_monitor_test");
    let found = monitor_test_get(&mut db, service.id, name)
        .await?
        .ok_or_else(|| ApiError::not_found("connection monitor test", name))?;
    let stamp = found.stamp.clone();
    call.tagged(&stamp, ok(show(&mut db, &service, found).await?))
}
