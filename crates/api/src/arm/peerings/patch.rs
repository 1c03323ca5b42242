//! `PATCH peerings/{name}`: tags.

use super::get::{peering_of, show};
use super::sent::SentTags;
use super::wire::id;
use crate::arm::tags;
use crate::call::{Answer, Call, ok};
use meetme_store::{peering_lock, peering_update};
use serde_json::json;

/// Replaces a peering's tags.
pub(super) async fn patch(call: Call) -> Answer {
    let tags = tags::check(call.json::<SentTags>()?.tags)?;
    let mut tx = call.state.store.begin().await?;
    let found = peering_of(&call, &mut tx).await?;
    let (mut peering, _) = peering_lock(&mut tx, found.id).await?;
    call.check_conditions(Some(&peering.stamp))?;
    if let Some(tags) = tags {
        peering.spec.tags = tags;
        peering.stamp.change(&call.principal.name, call.now);
        peering_update(&mut tx, &peering).await?;
        call.audit(&mut tx, "peerings/write", &id(&peering), json!({ "tags": peering.spec.tags })).await?;
    }
    let stamp = peering.stamp.clone();
    let shown = show(&mut tx, peering).await?;
    tx.commit().await?;
    call.tagged(&stamp, ok(shown))
}
