//! `GET peerings/{name}`, and reading a peering whole for whoever shows it.

use super::wire::{Shown, Source};
use crate::call::{Answer, Call, ok};
use crate::error::ApiError;
use meetme_model::peering::Peering;
use meetme_store::{Db, connections_of, md5_key_has, peering_get, router_state_get};
use std::collections::HashMap;

/// Answers one peering.
pub(super) async fn get(call: Call) -> Answer {
    let mut db = call.state.store.read().await?;
    let peering = peering_of(&call, &mut db).await?;
    ok(show(&mut db, peering).await?)
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
    let connections = connections_of(db, peering.id).await?;
    let mut routers = HashMap::new();
    let mut with_key = Vec::new();
    for c in &connections {
        if md5_key_has(db, c.id).await? {
            with_key.push(c.id);
        }
        if let Some(ports) = &c.ports
            && !routers.contains_key(&ports.router)
            && let Some(state) = router_state_get(db, &ports.router).await?
        {
            routers.insert(ports.router.clone(), state);
        }
    }
    Ok(Shown::from(Source { peering, connections, routers, with_key }))
}
