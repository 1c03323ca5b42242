//! `DELETE peerAsns/{name}`: refused while a peering uses it.

use super::wire::id;
use crate::arm::peerings::leaving;
use crate::call::{Answer, Call, deleted};
use meetme_store::{peer_asn_delete, peer_asn_get, peer_asn_lock};
use serde_json::json;

/// Deletes a peer ASN: 204 when there is none.
pub(super) async fn delete(call: Call) -> Answer {
    let mut tx = call.state.store.begin().await?;
    let found = peer_asn_get(&mut tx, call.subscription(), call.param("peer_asn")).await?;
    let found = match found {
        Some(found) => Some(peer_asn_lock(&mut tx, found.id).await?),
        None => None,
    };
    call.check_conditions(found.as_ref().map(|f| &f.stamp))?;
    let Some(found) = found else {
        return deleted(false);
    };
    if let Err(e) = peer_asn_delete(&mut tx, found.id).await {
        return Err(leaving::refuse(&call, &mut tx, e).await);
    }
    call.audit(
        &mut tx,
        "peerAsns/delete",
        &id(&found.subscription, &found.name),
        json!({ "asn": found.spec.asn }),
    )
    .await?;
    tx.commit().await?;
    deleted(true)
}
