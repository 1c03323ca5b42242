//! `GET peerings`, of a subscription or of one of its resource groups.

use super::wire::{Shown, Source};
use crate::call::{Answer, Call, ok_of};
use crate::error::ApiError;
use crate::page::{by_name, page};
use meetme_model::inventory::Inventory;
use meetme_model::peering::Peering;
use meetme_store::{SeenConnection, ShownChunk, inventory_get, path_key, peerings_shown};
use serde_json::value::RawValue;

/// Peerings that a thread reads and writes, while the next ones are still being found: both take about as
/// long.
const CHUNK: u32 = 100;

/// A row's place in the list, and the row as JSON.
type Rendered = (String, Box<RawValue>);

/// Answers a page of peerings by resource group and name.
pub(super) async fn list(call: Call) -> Answer {
    let asked = by_name(&call)?;
    let group = Some(call.resource_group()).filter(|g| !g.is_empty());
    let mut db = call.state.store.read().await?;
    let inventory = inventory_get(&mut db).await?.map(|(_, inventory)| inventory);
    let mut chunks = Vec::new();
    peerings_shown(&mut db, call.subscription(), group, &asked, CHUNK, |chunk| {
        let inventory = inventory.clone();
        chunks.push(tokio::task::spawn_blocking(move || rendered(&chunk, inventory.as_deref())));
    })
    .await?;
    drop(db);
    let mut rows = Vec::new();
    for chunk in chunks {
        rows.extend(chunk.await.map_err(ApiError::internal)??);
    }
    let bytes = rows.iter().map(|(_, row)| row.get().len() + 1).sum();
    ok_of(bytes, page(&call, rows, |(key, _)| key.clone(), |(_, row)| row))
}

fn rendered(chunk: &ShownChunk, inventory: Option<&Inventory>) -> Result<Vec<Rendered>, ApiError> {
    let one = |(peering, connections): (Peering, Vec<SeenConnection>)| {
        let key = path_key(&peering.resource_group, &peering.name);
        let shown = Shown::from(Source { peering, connections, inventory });
        Ok((key, serde_json::value::to_raw_value(&shown).map_err(ApiError::internal)?))
    };
    chunk.read()?.into_iter().map(one).collect()
}
