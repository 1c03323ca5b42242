//! `GET registeredPrefixes/{name}`.

use super::wire::Shown;
use crate::arm::peerings::peering_of;
use crate::call::{Answer, Call, ok};
use crate::error::ApiError;
use meetme_model::peering::Peering;
use meetme_model::registered_prefix::RegisteredPrefix;
use meetme_store::{Db, registered_prefix_get};

/// Answers one registered prefix.
pub(super) async fn get(call: Call) -> Answer {
    let mut db = call.state.store.read().await?;
    let (peering, found) = registered_prefix_of(&call, &mut db).await?;
    call.tagged(&found.stamp.clone(), ok(Shown::new(&peering, found)))
}

/// The registered prefix that the path names, with its peering, or 404.
pub(crate) async fn registered_prefix_of(
    call: &Call,
    db: &mut impl Db,
) -> Result<(Peering, RegisteredPrefix), ApiError> {
    let peering = peering_of(call, db).await?;
    let name = call.param("registered_prefix");
    let found = registered_prefix_get(db, peering.id, name)
        .await?
        .ok_or_else(|| ApiError::not_found("registered prefix", name))?;
    Ok((peering, found))
}
