//! `GET prefixes`, with `$expand=events`.

use super::get::events;
use super::wire::Shown;
use crate::arm::peering_services::service_of;
use crate::call::{Answer, Call, ok};
use crate::page::{by_name, page};
use meetme_store::service_prefixes_list;

/// Answers the service's prefixes by name.
pub(super) async fn list(call: Call) -> Answer {
    let asked = by_name(&call)?;
    let mut db = call.state.store.read().await?;
    let service = service_of(&call, &mut db).await?;
    let rows = service_prefixes_list(&mut db, service.id, &asked).await?;
    let mut shown = Vec::with_capacity(rows.len());
    for row in rows {
        let events = events(&call, &mut db, row.id).await?;
        let name = row.name.clone();
        shown.push((name, Shown::new(&service, row, events)));
    }
    ok(page(&call, shown, |(name, _)| name.clone(), |(_, s)| s))
}
