//! `GET registeredAsns/{name}`.

use super::wire::Shown;
use crate::arm::peerings::peering_of;
use crate::call::{Answer, Call, ok};
use crate::error::ApiError;
use meetme_store::registered_asn_get;

/// Answers one registered ASN.
pub(super) async fn get(call: Call) -> Answer {
    let mut db = call.state.store.read().await?;
    let peering = peering_of(&call, &mut db).await?;
    let name = call.param("registered_asn");
    let found = registered_asn_get(&mut db, peering.id, name)
        .await?
        .ok_or_else(|| ApiError::not_found("registered ASN", name))?;
    call.tagged(&found.stamp.clone(), ok(Shown::new(&peering, found)))
}
