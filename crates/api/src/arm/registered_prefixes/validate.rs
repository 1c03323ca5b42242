//! `POST registeredPrefixes/{name}/validate`: has the prefix looked at again now.

use super::get::registered_prefix_of;
use super::wire::{Shown, id};
use crate::call::{Answer, Call, ok};
use meetme_store::{WorkKind, work_enqueue};
use serde_json::json;

/// Asks for a new look and answers the registration as it is.
pub(super) async fn validate(call: Call) -> Answer {
    let mut tx = call.state.store.begin().await?;
    let (peering, found) = registered_prefix_of(&call, &mut tx).await?;
    call.audit(&mut tx, "registeredPrefixes/validate", &id(&peering, &found.name), json!({})).await?;
    let key = found.id.to_string();
    work_enqueue(&mut tx, WorkKind::RegisteredPrefix, &key, call.now).await?;
    tx.commit().await?;
    call.tagged(&found.stamp.clone(), ok(Shown::new(&peering, found)))
}
