//! `GET /api/v1/inventory`: the inventory in force, with its version.

use crate::call::{Answer, Call, ok};
use meetme_model::inventory::Inventory;
use meetme_store::inventory_get;
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize)]
struct Shown {
    /// 0 before the first one was applied.
    version: i64,
    inventory: Option<Arc<Inventory>>,
}

/// Answers the inventory.
pub(super) async fn get(call: Call) -> Answer {
    let mut db = call.state.store.read().await?;
    let (version, inventory) = match inventory_get(&mut db).await? {
        Some((version, inventory)) => (version, Some(inventory)),
        None => (0, None),
    };
    ok(Shown { version, inventory })
}
