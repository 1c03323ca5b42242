//! `GET peerAsns/{name}`.

use super::wire::Shown;
use crate::call::{Answer, Call, ok};
use crate::error::ApiError;
use meetme_store::peer_asn_get;

/// Answers one peer ASN.
pub(super) async fn get(call: Call) -> Answer {
    let name = call.param("peer_asn");
    let mut db = call.state.store.read().await?;
    let found = peer_asn_get(&mut db, call.subscription(), name).await?;
    let found = found.ok_or_else(|| ApiError::not_found("peer ASN", name))?;
    call.tagged(&found.stamp.clone(), ok(Shown::from(found)))
}
