//! `GET peeringServices/{name}`.

use super::monitor::monitor_of;
use super::wire::Shown;
use crate::call::{Answer, Call, ok};
use crate::error::ApiError;
use meetme_model::peering_service::PeeringService;
use meetme_store::{Db, peering_service_get};

/// Answers one peering service.
pub(super) async fn get(call: Call) -> Answer {
    let mut db = call.state.store.read().await?;
    let found = service_of(&call, &mut db).await?;
    let monitor = monitor_of(&call, &mut db).await?;
    call.tagged(&found.stamp.clone(), ok(Shown::new(found, monitor.as_ref())))
}

/// The peering service that the path names, or 404.
pub(crate) async fn service_of(call: &Call, db: &mut impl Db) -> Result<PeeringService, ApiError> {
    let name = call.param("peering_service");
    peering_service_get(db, call.subscription(), call.resource_group(), name)
        .await?
        .ok_or_else(|| ApiError::not_found("peering service", name))
}
