//! `GET peerings/{name}`, and reading a peering whole for whoever shows it.

use super::wire::{Shown, Source};
use crate::call::{Answer, Call, ok};
use crate::error::ApiError;
use meetme_model::peering::Peering;
use meetme_store::{Db, SeenConnection, inventory_get, peering_get, peering_shown};

/// Answers one peering.
pub(super) async fn get(call: Call) -> Answer {
    let name = call.param("peering");
    let mut db = call.state.store.read().await?;
    let (peering, connections) = peering_shown(&mut db, call.subscription(), call.resource_group(), name)
        .await?
        .ok_or_else(|| ApiError::not_found("peering", name))?;
    let stamp = peering.stamp.clone();
    call.tagged(&stamp, ok(shown(&mut db, peering, connections).await?))
}

/// The peering that the path names, or 404.
pub(crate) async fn peering_of(call: &Call, db: &mut impl Db) -> Result<Peering, ApiError> {
    let name = call.param("peering");
    peering_get(db, call.subscription(), call.resource_group(), name)
        .await?
        .ok_or_else(|| ApiError::not_found("peering", name))
}

/// A peering with its connections and what their routers say.
pub(crate) async fn show(db: &mut impl Db, peering: Peering) -> Result<Shown, ApiError> {
    let found = peering_shown(db, &peering.subscription, &peering.resource_group, &peering.name).await?;
    shown(db, peering, found.map_or_else(Vec::new, |(_, connections)| connections)).await
}

async fn shown(
    db: &mut impl Db,
    peering: Peering,
    connections: Vec<SeenConnection>,
) -> Result<Shown, ApiError> {
    let inventory = match peering.spec.probes.is_empty() {
        true => None,
        false => inventory_get(db).await?.map(|(_, inventory)| inventory),
    };
    Ok(Shown::from(Source { peering, connections, inventory: inventory.as_deref() }))
}
