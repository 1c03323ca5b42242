//! Brings the intent of one router up to the records. The edge gets it over its link.

use super::{Outcome, inventory};
use crate::ControlError;
use crate::links::Links;
use meetme_model::asn::Asn;
use meetme_model::plan::router::{PeerPrefix, RouterConnection, router_intent};
use meetme_model::secret::NamedSecret;
use meetme_store::{self as store, Page, Store, Tx};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

pub(crate) async fn reconcile(store: &Store, links: &Links, name: &str) -> Result<Outcome, ControlError> {
    let mut tx = store.begin().await?;
    let inventory = inventory(&mut tx).await?;
    let Some(router) = inventory.router(name) else {
        store::router_intent_delete(&mut tx, name).await?;
        tx.commit().await?;
        return Ok(Outcome::Settled);
    };
    let connections = store::connections_on_router(&mut tx, name).await?;
    let mut peerings = BTreeMap::new();
    let mut prefixes: BTreeMap<Asn, Vec<PeerPrefix>> = BTreeMap::new();
    let mut behind: BTreeMap<i64, Vec<Asn>> = BTreeMap::new();
    let mut keys: BTreeMap<i64, NamedSecret> = BTreeMap::new();
    for connection in &connections {
        if let Entry::Vacant(entry) = peerings.entry(connection.peering_id)
            && let Some(peering) = store::peering_by_id(&mut tx, connection.peering_id).await?
        {
            if let Entry::Vacant(entry) = prefixes.entry(peering.spec.asn) {
                entry.insert(prefixes_of(&mut tx, peering.spec.asn).await?);
            }
            let registered = store::registered_asns_list(&mut tx, peering.id, &Page::first(u32::MAX)).await?;
            behind.insert(peering.id, registered.into_iter().map(|r| r.asn).collect());
            entry.insert(peering);
        }
        if let Some(key) = store::md5_key_get(&mut tx, connection.id).await? {
            keys.insert(connection.id, key);
        }
    }
    let on_router: Vec<RouterConnection<'_>> = connections
        .iter()
        .filter_map(|connection| {
            let peering = peerings.get(&connection.peering_id)?;
            Some(RouterConnection {
                peering,
                connection,
                md5_key: keys.get(&connection.id).cloned(),
                prefixes: prefixes.get(&peering.spec.asn).map_or(&[], Vec::as_slice),
                behind: behind.get(&peering.id).map_or(&[], Vec::as_slice),
            })
        })
        .collect();
    let intent = router_intent(&inventory, router, &on_router);
    let before = store::router_intent_generation(&mut tx, name).await?;
    let generation = store::router_intent_put(&mut tx, &intent).await?;
    tx.commit().await?;
    if generation != before {
        tracing::info!(router = name, generation, "new intent");
        links.intents_changed();
    }
    Ok(Outcome::Settled)
}

/// What the peer registered and where it is activated.
async fn prefixes_of(tx: &mut Tx, asn: Asn) -> Result<Vec<PeerPrefix>, ControlError> {
    let found = store::registered_prefixes_with_service(tx, asn).await?;
    Ok(found
        .iter()
        .filter_map(|(registered, service)| PeerPrefix::of(registered, service.as_ref()))
        .collect())
}

#[cfg(test)]
mod tests;
