//! `GET peeringServices`, of a subscription or of one of its resource groups.

use super::monitor::monitor_of;
use super::wire::Shown;
use crate::call::{Answer, Call, ok};
use crate::page::{by_name, page};
use meetme_store::{path_key, peering_services_list};

/// Answers a page of peering services by resource group and name.
pub(super) async fn list(call: Call) -> Answer {
    let asked = by_name(&call)?;
    let group = Some(call.resource_group()).filter(|g| !g.is_empty());
    let mut db = call.state.store.read().await?;
    let rows = peering_services_list(&mut db, call.subscription(), group, &asked).await?;
    let key = |s: &meetme_model::peering_service::PeeringService| path_key(&s.resource_group, &s.name);
    let monitor = monitor_of(&call, &mut db).await?;
    ok(page(&call, rows, key, |s| Shown::new(s, monitor.as_ref())))
}
