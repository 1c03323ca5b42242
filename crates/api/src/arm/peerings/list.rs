//! `GET peerings`, of a subscription or of one of its resource groups.

use super::wire::{Shown, Source};
use crate::call::{Answer, Call, ok};
use crate::error::ApiError;
use crate::page::{by_name, page};
use meetme_model::inventory::Inventory;
use meetme_store::{ShownRow, inventory_get, path_key, peerings_shown};
use serde_json::value::RawValue;

/// Rows that a thread reads and writes, while the next ones are still being found: both take about as
/// long.
const CHUNK: usize = 100;

/// A row's place in the list, and the row as JSON.
type Rendered = (String, Box<RawValue>);

/// Answers a page of peerings by resource group and name.
pub(super) async fn list(call: Call) -> Answer {
    let asked = by_name(&call)?;
    let group = Some(call.resource_group()).filter(|g| !g.is_empty());
    let mut db = call.state.store.read().await?;
    let inventory = inventory_get(&mut db).await?.map(|(_, inventory)| inventory);
    let mut chunks = Vec::new();
    peerings_shown(&mut db, call.subscription(), group, &asked, CHUNK, |rows| {
        let inventory = inventory.clone();
        chunks.push(tokio::task::spawn_blocking(move || {
            rows.iter().map(|row| one(row, inventory.as_deref())).collect::<Result<Vec<_>, _>>()
        }));
    })
    .await?;
    drop(db);
    let mut rendered = Vec::new();
    for chunk in chunks {
        rendered.extend(chunk.await.map_err(ApiError::internal)??);
    }
    ok(page(&call, rendered, |(key, _)| key.clone(), |(_, row)| row))
}

fn one(row: &ShownRow, inventory: Option<&Inventory>) -> Result<Rendered, ApiError> {
    let (peering, connections) = row.read()?;
    let key = path_key(&peering.resource_group, &peering.name);
    let shown = Shown::from(Source { peering, connections, inventory });
    Ok((key, serde_json::value::to_raw_value(&shown).map_err(ApiError::internal)?))
}
