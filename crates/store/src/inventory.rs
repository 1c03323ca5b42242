//! The inventory, whole: each one that was applied is a version, and the last one holds.

use crate::db::{Db, Tx};
use crate::error::{Result, StoreError};
use crate::statement::{Columns, sql, to_doc};
use jiff::Timestamp;
use meetme_model::inventory::Inventory;

statements! {
    GET = "SELECT version, doc FROM inventory ORDER BY version DESC LIMIT 1";
    VERSION = "SELECT MAX(version) FROM inventory";
    PUT = "INSERT INTO inventory (at_ms, doc) VALUES ($1, $2) RETURNING version";
}

/// The inventory that holds, with its version; `None` before the first one.
pub async fn inventory_get(db: &mut impl Db) -> Result<Option<(i64, Inventory)>> {
    match sql(GET).optional(db).await? {
        Some(row) => Ok(Some((row.int(0)?, row.doc(1, "inventory")?))),
        None => Ok(None),
    }
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
