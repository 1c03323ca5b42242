//! Migrations: numbered SQL files, embedded, forward only, the same text for both engines.
//!
//! Each runs in a transaction of its own together with the note that it ran. A database that a
//! newer version migrated is left alone. The seal key is checked here as well: a start with the
//! wrong one fails at once, not at the first secret.

use crate::db::{Access, Tx};
use crate::engine::Engine;
use crate::error::{Result, StoreError};
use crate::folded::fold_all;
use crate::statement::{Columns, sql};
use meetme_seal::{SealError, Sealer};
use sqlx::AnyPool;
use std::sync::Arc;
use tokio::sync::Notify;

/// All migrations in order; the first is number 1. Never change one that was released.
const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001_initial.sql"),
    include_str!("../migrations/0002_metrics.sql"),
    include_str!("../migrations/0003_registered_asns.sql"),
    include_str!("../migrations/0004_monitor_tests.sql"),
    include_str!("../migrations/0005_resource_groups.sql"),
    include_str!("../migrations/0006_people.sql"),
    include_str!("../migrations/0007_prefix_paths.sql"),
    include_str!("../migrations/0008_attestations.sql"),
    include_str!("../migrations/0009_places.sql"),
    include_str!("../migrations/0010_lists.sql"),
    include_str!("../migrations/0011_folded_names.sql"),
    include_str!("../migrations/0012_providing.sql"),
    include_str!("../migrations/0013_unit_results.sql"),
    include_str!("../migrations/0014_intent_parts.sql"),
    include_str!("../migrations/0015_connection_names.sql"),
];

/// Sealed into every database, to tell a wrong key.
const KEY_CHECK: &str = "the key check";

const CREATE_SCHEMA: &str = "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL PRIMARY KEY)";

statements! {
    VERSION = "SELECT COALESCE(MAX(version), 0) FROM schema_version";
    VERSION_ADD = "INSERT INTO schema_version (version) VALUES ($1)";
    META_GET = "SELECT value FROM meta WHERE key = $1";
    META_ADD = "INSERT INTO meta (key, value) VALUES ($1, $2)";
}

/// Brings the schema up to date and checks the key.
pub(crate) async fn migrate(
    pool: &AnyPool,
    engine: Engine,
    sealer: &Arc<Sealer>,
    wake: &Arc<Notify>,
) -> Result<()> {
    let mut tx = Tx::begin(pool, engine, sealer.clone(), wake.clone()).await?;
    if let Some(lock) = engine.migration_lock() {
        sqlx::raw_sql(lock).execute(tx.connection()).await?;
    }
    sqlx::raw_sql(CREATE_SCHEMA).execute(tx.connection()).await?;
    let found = schema_version(&mut tx).await?;
    let known = MIGRATIONS.len() as i64;
    if found > known {
        return Err(StoreError::NewerSchema { found, known });
    }
    for (version, text) in (1..).zip(MIGRATIONS).skip(found as usize) {
        sqlx::raw_sql(engine.render(text)).execute(tx.connection()).await?;
        sql(VERSION_ADD).bind::<i64>(version).run(&mut tx).await?;
        tracing::info!(version, "migrated the database");
    }
    if found < known {
        fold_all(&mut tx).await?;
    }
    check_key(&mut tx).await?;
    tx.commit().await
}

async fn schema_version(tx: &mut Tx) -> Result<i64> {
    match sql(VERSION).optional(tx).await? {
        Some(row) => row.int(0),
        None => Ok(0),
    }
}

async fn check_key(tx: &mut Tx) -> Result<()> {
    let sealer = tx.sealer();
    if let Some(row) = sql(META_GET).bind(KEY_CHECK).optional(tx).await? {
        return sealer
            .open(KEY_CHECK, &row.bytes(0)?)
            .map(drop)
            .map_err(|_| SealError::Sealed { what: "the database".to_owned() }.into());
    }
    let sealed = sealer.seal(KEY_CHECK, KEY_CHECK.as_bytes());
    sql(META_ADD).bind(KEY_CHECK).bind(sealed).run(tx).await?;
    Ok(())
}
