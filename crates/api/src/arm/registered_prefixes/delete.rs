//! `DELETE registeredPrefixes/{name}`: refused while a peering service uses its key.

use super::wire::id;
use crate::call::{Answer, Call, deleted};
use meetme_store::{peering_get, registered_prefix_delete, registered_prefix_get, work_enqueue_routers_of};
use serde_json::json;

/// Deletes a registered prefix: 204 when there is none.
pub(super) async fn delete(call: Call) -> Answer {
    let mut tx = call.state.store.begin().await?;
    let peering =
        peering_get(&mut tx, call.subscription(), call.resource_group(), call.param("peering")).await?;
    let Some(peering) = peering else {
        call.check_conditions(None)?;
        return deleted(false);
    };
    let name = call.param("registered_prefix");
    let found = registered_prefix_get(&mut tx, peering.id, name).await?;
    call.check_conditions(found.as_ref().map(|f| &f.stamp))?;
    let Some(found) = found else {
        return deleted(false);
    };
    registered_prefix_delete(&mut tx, found.id).await.map_err(|e| call.refuse(e))?;
    call.audit(
        &mut tx,
        "registeredPrefixes/delete",
        &id(&peering, &found.name),
        json!({ "prefix": found.prefix }),
    )
    .await?;
    work_enqueue_routers_of(&mut tx, peering.spec.asn, call.now).await?;
    tx.commit().await?;
    deleted(true)
}
