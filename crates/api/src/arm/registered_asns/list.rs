//! `GET registeredAsns`.

use super::wire::Shown;
use crate::arm::peerings::peering_of;
use crate::call::{Answer, Call, ok};
use crate::page::{by_name, page};
use meetme_store::registered_asns_list;

/// Answers the peering's registered ASNs by name.
pub(super) async fn list(call: Call) -> Answer {
    let asked = by_name(&call)?;
    let mut db = call.state.store.read().await?;
    let peering = peering_of(&call, &mut db).await?;
    let rows = registered_asns_list(&mut db, peering.id, &asked).await?;
    ok(page(&call, rows, |r| r.name.clone(), |r| Shown::new(&peering, r)))
}
