//! Work for the reconcilers: "look at this again, at the latest then".
//!
//! A row holds no input, so one row per thing is enough, a wake too many is harmless and a lost
//! one costs only time. While a row is leased its due time is that of later requests only: a
//! reconciler that asks for its own next run and then calls [`work_done`] runs at that time.

use crate::db::{Db, Store, Tx};
use crate::error::{Result, StoreError};
use crate::statement::{Columns, sql};
use jiff::Timestamp;
use meetme_model::Asn;

/// What kind of thing is to be looked at; each has its reconciler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WorkKind {
    /// A peer ASN, by id.
    PeerAsn,
    /// A peering with its connections, by id.
    Peering,
    /// A registered prefix, by id.
    RegisteredPrefix,
    /// A peering-service prefix, by id.
    ServicePrefix,
    /// A router's intent, by name.
    Router,
    /// A mail, by key.
    Mail,
}

impl WorkKind {
    /// All kinds.
    pub const ALL: [Self; 6] =
        [Self::PeerAsn, Self::Peering, Self::RegisteredPrefix, Self::ServicePrefix, Self::Router, Self::Mail];

    /// Its name in the database and in logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::PeerAsn => "peer_asn",
            Self::Peering => "peering",
            Self::RegisteredPrefix => "registered_prefix",
            Self::ServicePrefix => "service_prefix",
            Self::Router => "router",
            Self::Mail => "mail",
        }
    }
}

/// Claimed work, to be given back with [`work_done`] or [`work_retry`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkItem {
    /// What kind of thing.
    pub kind: WorkKind,
    /// Which.
    pub key: String,
    /// Counts requests; when it grew meanwhile, the work is done once more.
    pub seq: i64,
    /// How often it was retried since it last succeeded.
    pub attempts: u32,
    /// Who claimed it.
    pub holder: String,
    /// Until when it is ours.
    pub lease_until: Timestamp,
}

/// The due time of what is leased and not asked for again.
const NOT_ASKED_MS: i64 = i64::MAX;

statements! {
    ENQUEUE = "INSERT INTO work (kind, key, seq, due_at_ms, attempts) VALUES ($1, $2, 1, $3, 0)
               ON CONFLICT (kind, key) DO UPDATE SET seq = work.seq + 1, due_at_ms =
               CASE WHEN excluded.due_at_ms < work.due_at_ms
               THEN excluded.due_at_ms ELSE work.due_at_ms END";
    ENQUEUE_ROUTERS_OF = "INSERT INTO work (kind, key, seq, due_at_ms, attempts)
               SELECT DISTINCT 'router', c.router, 1, CAST($2 AS BIGINT), 0
               FROM connections c JOIN peerings p ON p.id = c.peering_id
               WHERE p.asn = $1 AND c.router IS NOT NULL ORDER BY c.router
               ON CONFLICT (kind, key) DO UPDATE SET seq = work.seq + 1, due_at_ms =
               CASE WHEN excluded.due_at_ms < work.due_at_ms
               THEN excluded.due_at_ms ELSE work.due_at_ms END";
    CLAIMABLE = "SELECT kind, key, seq, attempts FROM work
                 WHERE (lease_until_ms IS NULL AND due_at_ms <= $1) OR lease_until_ms <= $1
                 ORDER BY COALESCE(lease_until_ms, due_at_ms), kind, key LIMIT $2 {skip_locked}";
    CLAIM = "UPDATE work SET holder = $1, lease_until_ms = $2, due_at_ms = $3
             WHERE kind = $4 AND key = $5";
    DELETE_DONE = "DELETE FROM work WHERE kind = $1 AND key = $2 AND holder = $3
                   AND lease_until_ms = $4 AND seq = $5";
    RELEASE = "UPDATE work SET holder = NULL, lease_until_ms = NULL, attempts = 0
               WHERE kind = $1 AND key = $2 AND holder = $3 AND lease_until_ms = $4";
    RETRY = "UPDATE work SET holder = NULL, lease_until_ms = NULL, attempts = attempts + 1,
             due_at_ms = CASE WHEN due_at_ms < $5 THEN due_at_ms ELSE $5 END
             WHERE kind = $1 AND key = $2 AND holder = $3 AND lease_until_ms = $4";
    NEXT_DUE = "SELECT MIN(COALESCE(lease_until_ms, due_at_ms)) FROM work";
    DEPTH = "SELECT COUNT(*) FROM work WHERE lease_until_ms IS NOT NULL OR due_at_ms <= $1";
}

/// Asks for something to be looked at, at `due_at` at the latest.
pub async fn work_enqueue(tx: &mut Tx, kind: WorkKind, key: &str, due_at: Timestamp) -> Result<()> {
    sql(ENQUEUE).bind(kind.name()).bind(key).bind_time(due_at).run(tx).await?;
    tx.wakes_workers();
    Ok(())
}

/// Asks for every router that has a connection of `asn` to be planned again, at `due_at` at the latest.
pub async fn work_enqueue_routers_of(tx: &mut Tx, asn: Asn, due_at: Timestamp) -> Result<()> {
    if sql(ENQUEUE_ROUTERS_OF).bind(i64::from(asn.0)).bind_time(due_at).run(tx).await? > 0 {
        tx.wakes_workers();
    }
    Ok(())
}

/// Claims up to `limit` of what is due, the longest due first, for `lease_ms` milliseconds.
/// What another holder failed to give back in its time is claimed as well.
pub async fn work_claim(
    store: &Store,
    holder: &str,
    now: Timestamp,
    lease_ms: u32,
    limit: u32,
) -> Result<Vec<WorkItem>> {
    // Most looks find nothing: they shouldn't wait for the write lock.
    let next = work_next_due(&mut store.read().await?).await?;
    if next.is_none_or(|due| due > now) {
        return Ok(Vec::new());
    }
    let lease_until = Timestamp::from_millisecond(now.as_millisecond() + i64::from(lease_ms))
        .map_err(|e| StoreError::corrupt("time", e))?;
    let mut tx = store.begin().await?;
    let rows = sql(CLAIMABLE).bind_time(now).bind(i64::from(limit)).all(&mut tx).await?;
    let mut items = Vec::with_capacity(rows.len());
    for row in &rows {
        let item = WorkItem {
            kind: kind_named(&row.text(0)?)?,
            key: row.text(1)?,
            seq: row.int(2)?,
            attempts: u32::try_from(row.int(3)?).unwrap_or(u32::MAX),
            holder: holder.to_owned(),
            lease_until,
        };
        sql(CLAIM)
            .bind(holder)
            .bind_time(lease_until)
            .bind(NOT_ASKED_MS)
            .bind(item.kind.name())
            .bind(item.key.as_str())
            .run_one(&mut tx, "work", &item.key)
            .await?;
        items.push(item);
    }
    tx.commit().await?;
    Ok(items)
}

/// Gives back work that is done. When it was asked for again meanwhile it stays, due as asked.
/// Work whose lease was lost to another holder is left to that one.
pub async fn work_done(tx: &mut Tx, item: &WorkItem) -> Result<()> {
    let deleted = held(DELETE_DONE, item).bind(item.seq).run(tx).await?;
    if deleted == 0 && held(RELEASE, item).run(tx).await? == 1 {
        tx.wakes_workers();
    }
    Ok(())
}

/// Gives back work that failed, to be tried again at `due_at` or when it is asked for earlier.
pub async fn work_retry(tx: &mut Tx, item: &WorkItem, due_at: Timestamp) -> Result<()> {
    if held(RETRY, item).bind_time(due_at).run(tx).await? == 1 {
        tx.wakes_workers();
    }
    Ok(())
}

/// When something is due next: a request, or the end of somebody's lease.
pub async fn work_next_due(db: &mut impl Db) -> Result<Option<Timestamp>> {
    match sql(NEXT_DUE).optional(db).await? {
        Some(row) => row.time_or_null(0),
        None => Ok(None),
    }
}

/// How many things are due by `now` or being looked at.
pub async fn work_depth(db: &mut impl Db, now: Timestamp) -> Result<i64> {
    match sql(DEPTH).bind_time(now).optional(db).await? {
        Some(row) => row.int(0),
        None => Ok(0),
    }
}

fn held(text: &'static str, item: &WorkItem) -> crate::statement::Statement {
    sql(text)
        .bind(item.kind.name())
        .bind(item.key.as_str())
        .bind(item.holder.as_str())
        .bind_time(item.lease_until)
}

fn kind_named(name: &str) -> Result<WorkKind> {
    WorkKind::ALL
        .into_iter()
        .find(|kind| kind.name() == name)
        .ok_or_else(|| StoreError::corrupt("work", format!("unknown kind '{name}'")))
}
