//! `GET prefixes/{name}`, with `$expand=events`.

use super::wire::Shown;
use crate::arm::peering_services::service_of;
use crate::call::{Answer, Call, ok};
use crate::error::ApiError;
use meetme_model::peering_service::{PeeringService, PrefixEvent, ServicePrefix};
use meetme_store::{Db, IdPage, prefix_events_list, service_prefix_get};

/// The newest events shown with a prefix.
const EVENTS_SHOWN: u32 = 200;

/// Answers one activated prefix.
pub(super) async fn get(call: Call) -> Answer {
    let mut db = call.state.store.read().await?;
    let (service, found) = service_prefix_of(&call, &mut db).await?;
    let events = events(&call, &mut db, found.id).await?;
    call.tagged(&found.stamp.clone(), ok(Shown::new(&service, found, events)))
}

/// The activated prefix that the path names, with its service, or 404.
pub(crate) async fn service_prefix_of(
    call: &Call,
    db: &mut impl Db,
) -> Result<(PeeringService, ServicePrefix), ApiError> {
    let service = service_of(call, db).await?;
    let name = call.param("prefix");
    let found = service_prefix_get(db, service.id, name)
        .await?
        .ok_or_else(|| ApiError::not_found("peering service prefix", name))?;
    Ok((service, found))
}

/// The prefix's events, newest first, when the request asks for them.
pub(super) async fn events(
    call: &Call,
    db: &mut impl Db,
    prefix: i64,
) -> Result<Option<Vec<PrefixEvent>>, ApiError> {
    let asked = call.query("$expand").unwrap_or("");
    if !asked.split(',').any(|e| e.trim().eq_ignore_ascii_case("events")) {
        return Ok(None);
    }
    let events = prefix_events_list(db, prefix, IdPage::first(EVENTS_SHOWN)).await?;
    Ok(Some(events.into_iter().map(|e| e.event).collect()))
}
