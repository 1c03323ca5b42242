//! `GET connectionMonitorTests`.

use super::wire::show;
use crate::arm::peering_services::service_of;
use crate::call::{Answer, Call, ok};
use crate::page::{by_name, page};
use meetme_store::monitor_tests_list;

/// Answers the service's tests by name.
pub(super) async fn list(call: Call) -> Answer {
    let asked = by_name(&call)?;
    let mut db = call.state.store.read().await?;
    let service = service_of(&call, &mut db).await?;
    let mut shown = Vec::new();
    for test in monitor_tests_list(&mut db, service.id, &asked).await? {
        let name = test.name.clone();
        shown.push((name, show(&mut db, &service, test).await?));
    }
    ok(page(&call, shown, |(name, _)| name.clone(), |(_, s)| s))
}
