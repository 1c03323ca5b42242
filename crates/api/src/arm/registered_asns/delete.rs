//! `DELETE registeredAsns/{name}`. Nothing is activated with the key of an ASN, so nothing can be
//! in the way.

use super::wire::id;
use crate::call::{Answer, Call, deleted};
use meetme_store::{peering_get, registered_asn_delete, registered_asn_get, work_enqueue_routers_of};
use serde_json::json;

/// Deletes a registered ASN: 204 when there is none.
pub(super) async fn delete(call: Call) -> Answer {
    let mut tx = call.state.store.begin().await?;
    let peering =
        peering_get(&mut tx, call.subscription(), call.resource_group(), call.param("peering")).await?;
    let Some(peering) = peering else {
        call.check_conditions(None)?;
        return deleted(false);
    };
    let found = registered_asn_get(&mut tx, peering.id, call.param("registered_asn")).await?;
    call.check_conditions(found.as_ref().map(|f| &f.stamp))?;
    let Some(found) = found else {
        return deleted(false);
    };
    registered_asn_delete(&mut tx, found.id).await?;
    call.audit(&mut tx, "registeredAsns/delete", &id(&peering, &found.name), json!({ "asn": found.asn }))
        .await?;
    work_enqueue_routers_of(&mut tx, peering.spec.asn, call.now).await?;
    tx.commit().await?;
    deleted(true)
}
