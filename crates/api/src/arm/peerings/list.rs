//! `GET peerings`, of a subscription or of one of its resource groups.

use super::wire::{Shown, Source};
use crate::call::{Answer, Call, ok};
use crate::error::ApiError;
use crate::page::{by_name, page};
use meetme_model::inventory::Inventory;
use meetme_store::{ShownRow, inventory_get, path_key, peerings_shown};
use serde_json::value::RawValue;
use std::sync::Arc;

/// Rows that are worth a thread of their own.
const CHUNK: usize = 100;
/// Threads for one page at most.
const THREADS: usize = 4;

/// A row's place in the list, and the row as JSON.
type Rendered = (String, Box<RawValue>);

/// Answers a page of peerings by resource group and name.
pub(super) async fn list(call: Call) -> Answer {
    let asked = by_name(&call)?;
    let group = Some(call.resource_group()).filter(|g| !g.is_empty());
    let mut db = call.state.store.read().await?;
    let rows = peerings_shown(&mut db, call.subscription(), group, &asked).await?;
    let inventory = inventory_get(&mut db).await?.map(|(_, inventory)| inventory);
    drop(db);
    let rendered = render(rows, inventory).await?;
    ok(page(&call, rendered, |(key, _)| key.clone(), |(_, row)| row))
}

/// Reading and writing a thousand rows takes longer than finding them, so threads share it.
async fn render(
    mut rows: Vec<ShownRow>,
    inventory: Option<Arc<Inventory>>,
) -> Result<Vec<Rendered>, ApiError> {
    let chunk = rows.len().div_ceil(THREADS).max(CHUNK);
    let mut parts = Vec::new();
    while !rows.is_empty() {
        let rest = rows.split_off(chunk.min(rows.len()));
        let part = std::mem::replace(&mut rows, rest);
        let inventory = inventory.clone();
        parts.push(tokio::task::spawn_blocking(move || {
            part.iter().map(|row| one(row, inventory.as_deref())).collect::<Result<Vec<_>, _>>()
        }));
    }
    let mut rendered = Vec::new();
    for part in parts {
        rendered.extend(part.await.map_err(ApiError::internal)??);
    }
    Ok(rendered)
}

fn one(row: &ShownRow, inventory: Option<&Inventory>) -> Result<Rendered, ApiError> {
    let (peering, connections) = row.read()?;
    let key = path_key(&peering.resource_group, &peering.name);
    let shown = Shown::from(Source { peering, connections, inventory });
    Ok((key, serde_json::value::to_raw_value(&shown).map_err(ApiError::internal)?))
}
