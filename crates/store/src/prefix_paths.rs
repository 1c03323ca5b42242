//! The history of activated prefixes' paths (`docs/rules.md` §6): an entry for each change.

use crate::db::{Db, IdPage, Tx};
use crate::error::Result;
use crate::statement::{Columns, sql, to_doc};
use jiff::{SignedDuration, Timestamp};
use meetme_model::peering_service::PathSince;

/// So long an entry is kept after another one took its place: as long as metrics by five minutes.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

statements! {
    ADD = "INSERT INTO prefix_paths (service_prefix_id, at_ms, doc) VALUES ($1, $2, $3)";
    LIST = "SELECT id, doc FROM prefix_paths WHERE service_prefix_id = $1 AND id < $2
            AND id >= COALESCE((SELECT MAX(id) FROM prefix_paths
                                WHERE service_prefix_id = $1 AND at_ms <= $3), 0)
            ORDER BY id DESC LIMIT $4";
    PRUNE = "DELETE FROM prefix_paths WHERE id IN (
                 SELECT old.id FROM prefix_paths old WHERE old.at_ms < $1 AND EXISTS (
                     SELECT 1 FROM prefix_paths newer WHERE newer.service_prefix_id = old.service_prefix_id
                     AND newer.id > old.id AND newer.at_ms < $1)
                 ORDER BY old.id LIMIT $2)";
}

/// An entry as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPath {
    /// Database id; newer ones are greater.
    pub id: i64,
    /// The path.
    pub path: PathSince,
}

/// Writes an entry. Whether there is one is the model's finding: once per change.
pub async fn prefix_path_add(tx: &mut Tx, service_prefix_id: i64, path: &PathSince) -> Result<()> {
    sql(ADD).bind(service_prefix_id).bind_time(path.since).bind(to_doc(path, "prefix path")?).run(tx).await?;
    Ok(())
}

/// A prefix's history, newest first, back to the entry that held at `since`.
pub async fn prefix_paths_list(
    db: &mut impl Db,
    service_prefix_id: i64,
    since: Timestamp,
    page: IdPage,
) -> Result<Vec<StoredPath>> {
    let rows = sql(LIST)
        .bind(service_prefix_id)
        .bind(page.after.unwrap_or(i64::MAX))
        .bind_time(since)
        .bind(i64::from(page.limit))
        .all(db)
        .await?;
    rows.iter().map(|row| Ok(StoredPath { id: row.int(0)?, path: row.doc(1, "prefix path")? })).collect()
}

/// Takes at most `limit` entries away that are older than they are kept; one that still holds, or held
/// then, stays. Gives how many went.
pub async fn prefix_paths_prune(tx: &mut Tx, now: Timestamp, limit: u32) -> Result<u64> {
    sql(PRUNE).bind_time(now - KEPT).bind(i64::from(limit)).run(tx).await
}
