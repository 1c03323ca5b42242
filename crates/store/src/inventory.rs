//! The inventory, whole: each one that was applied is a version, and the last one holds.

use crate::db::{Db, Tx};
use crate::error::{Result, StoreError};
use crate::statement::{Columns, sql, to_doc};
use jiff::Timestamp;
use meetme_model::inventory::Inventory;
use std::sync::Arc;

statements! {
    NEWEST = "SELECT version, at_ms FROM inventory ORDER BY version DESC LIMIT 1";
    GET = "SELECT doc FROM inventory WHERE version = $1";
    VERSION = "SELECT MAX(version) FROM inventory";
    PUT = "INSERT INTO inventory (at_ms, doc) VALUES ($1, $2) RETURNING version";
}

/// The inventory that holds, with its version; `None` before the first one.
pub async fn inventory_get(db: &mut impl Db) -> Result<Option<(i64, Arc<Inventory>)>> {
    let Some(newest) = sql(NEWEST).optional(db).await? else {
        return Ok(None);
    };
    // A version of a transaction that was undone may come again, but not at the same time.
    let key = (newest.int(0)?, newest.int(1)?);
    if let Some(known) = db.memory().inventory(key) {
        return Ok(Some((key.0, known)));
    }
    let Some(row) = sql(GET).bind(key.0).optional(db).await? else {
        return Ok(None);
    };
    let inventory: Arc<Inventory> = Arc::new(row.doc(0, "inventory")?);
    db.memory().keep_inventory(key, &inventory);
    Ok(Some((key.0, inventory)))
}

/// The version of the inventory that holds, without reading it; 0 before the first one.
pub async fn inventory_version(db: &mut impl Db) -> Result<i64> {
    match sql(VERSION).optional(db).await? {
        Some(row) => Ok(row.int_or_null(0)?.unwrap_or(0)),
        None => Ok(0),
    }
}

/// Makes `inventory` the one that holds, and gives its version.
pub async fn inventory_put(tx: &mut Tx, inventory: &Inventory, at: Timestamp) -> Result<i64> {
    sql(PUT)
        .bind_time(at)
        .bind(to_doc(inventory, "inventory")?)
        .optional(tx)
        .await?
        .ok_or(StoreError::Busy)?
        .int(0)
}
