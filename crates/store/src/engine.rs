//! Every difference between SQLite and PostgreSQL, and nothing else.
//!
//! Statements are written once. Where the engines can't agree, a statement carries a token in
//! braces that is replaced here.

use crate::error::{Result, StoreError};
use sqlx::postgres::PgListener;
use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// The channel that tells of new work.
const CHANNEL: &str = "meetme_work";

/// Which database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// One file, one machine.
    Sqlite,
    /// Any number of machines.
    Postgres,
}

impl Engine {
    /// The engine that `url` speaks of.
    pub fn of(url: &str) -> Result<Self> {
        let refuse =
            |reason: &str| Err(StoreError::Url { url: without_password(url), reason: reason.to_owned() });
        match url.split_once(':') {
            Some(("sqlite", path)) if path.contains(":memory:") || path.contains("mode=memory") => {
                refuse("a database in memory can't be shared by connections; give a file")
            }
            Some(("sqlite", path)) if path.trim_start_matches('/').is_empty() => {
                refuse("the file is missing; write sqlite:/path/to/file")
            }
            Some(("sqlite", _)) => Ok(Self::Sqlite),
            Some(("postgres" | "postgresql", _)) => Ok(Self::Postgres),
            _ => refuse("write sqlite:/path/to/file or postgres://user@host/database"),
        }
    }

    /// The address that the driver gets: SQLite creates its file, nothing else is changed.
    pub fn connect_url(self, url: &str) -> String {
        match self {
            Self::Sqlite if url.contains('?') => url.to_owned(),
            Self::Sqlite => format!("{url}?mode=rwc"),
            Self::Postgres => url.to_owned(),
        }
    }

    /// How a write transaction begins. SQLite takes the write lock at once: a transaction that
    /// reads first and writes later would otherwise fail when another one wrote in between.
    pub fn begin(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN",
        }
    }

    /// What every new connection is told. WAL lets readers go on beside the writer; FULL makes a
    /// commit durable before it is acknowledged. PostgreSQL compiles a statement that it takes for a
    /// costly one: for ours that takes many times as long as running it.
    pub fn connection_setup(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => Some(
                "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; \
                 PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;",
            ),
            Self::Postgres => Some("SET jit = off"),
        }
    }

    /// Connections for writing; SQLite has one writer at a time anyway.
    pub fn write_connections(self) -> u32 {
        match self {
            Self::Sqlite => 1,
            Self::Postgres => 16,
        }
    }

    /// Connections for reading besides; `None`: the ones for writing serve both.
    pub fn read_connections(self) -> Option<u32> {
        match self {
            Self::Sqlite => Some(4),
            Self::Postgres => None,
        }
    }

    /// Keeps two starting processes from migrating at once, until the transaction ends.
    pub fn migration_lock(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some("DO $$ BEGIN PERFORM pg_advisory_xact_lock(78336333); END $$"),
        }
    }

    /// Tells the other processes, on commit, that there is work; SQLite's others poll.
    pub fn wake_statement(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some("NOTIFY meetme_work"),
        }
    }

    /// `sql` with its tokens replaced.
    pub fn render(self, sql: &'static str) -> SqlStr {
        if !sql.contains('{') {
            return sql.into_sql_str();
        }
        let tokens = match self {
            Self::Sqlite => [
                ("{id}", "INTEGER PRIMARY KEY AUTOINCREMENT"),
                ("{bytes}", "BLOB"),
                ("{key}", "TEXT"),
                ("{for_update}", ""),
                ("{skip_locked}", ""),
                ("{rows}", "json_each($1)"),
                ("{doc}", "doc"),
                ("{as_json}", ""),
                ("{by_bytes}", ""),
                ("{quoted}", "json_quote"),
                ("{clustered}", "WITHOUT ROWID"),
            ],
            Self::Postgres => [
                ("{id}", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"),
                ("{bytes}", "BYTEA"),
                // Pages continue after a key: its order must not depend on the locale.
                ("{key}", "TEXT COLLATE \"C\""),
                ("{for_update}", "FOR UPDATE"),
                ("{skip_locked}", "FOR UPDATE SKIP LOCKED"),
                // Many rows as one parameter, a JSON array of arrays; columns are `value ->> 0` and so on.
                ("{rows}", "json_array_elements(CAST(CAST($1 AS TEXT) AS json))"),
                // A row's document, to ask `->` and `->>` of.
                ("{doc}", "CAST(doc AS json)"),
                // The same after a document of one of several tables.
                ("{as_json}", "::json"),
                // Sorted as SQLite does, whatever the locale.
                ("{by_bytes}", "COLLATE \"C\""),
                // A text as JSON.
                ("{quoted}", "to_json"),
                // Rows in the order of their key: what a range of it costs in SQLite.
                ("{clustered}", ""),
            ],
        };
        let text = tokens.iter().fold(sql.to_owned(), |text, (token, with)| text.replace(token, with));
        AssertSqlSafe(text).into_sql_str()
    }

    /// Listens for other processes' work until the returned task is aborted; `None` where there
    /// is nothing to listen to.
    pub fn listen(self, url: &str, wake: &Arc<Notify>) -> Option<tokio::task::AbortHandle> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some(tokio::spawn(listen(url.to_owned(), wake.clone())).abort_handle()),
        }
    }
}

/// Hands notifications on. A lost connection costs only time, since everybody also polls.
async fn listen(url: String, wake: Arc<Notify>) {
    const RECONNECT_AFTER: Duration = Duration::from_secs(5);
    loop {
        if let Err(error) = listen_once(&url, &wake).await {
            tracing::warn!(%error, "listening for work of other processes failed; trying again");
        }
        tokio::time::sleep(RECONNECT_AFTER).await;
    }
}

async fn listen_once(url: &str, wake: &Notify) -> std::result::Result<(), sqlx::Error> {
    let mut listener = PgListener::connect(url).await?;
    listener.listen(CHANNEL).await?;
    wake.notify_waiters();
    loop {
        listener.recv().await?;
        wake.notify_waiters();
    }
}

/// True for codes that mean "somebody else holds it, try again": SQLite's BUSY and LOCKED with
/// their extensions, PostgreSQL's serialization failure, deadlock and lock not available.
pub(crate) fn is_busy(code: &str) -> bool {
    match code {
        "40001" | "40P01" | "55P03" => true,
        _ => code.parse::<u32>().is_ok_and(|c| c < 10_000 && matches!(c & 0xff, 5 | 6)),
    }
}

/// `url` as it may be shown.
pub(crate) fn without_password(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((before, host))) if before.contains("://") => {
            let user = before[scheme.len() + 3..].split(':').next().unwrap_or("");
            format!("{scheme}://{user}@{host}")
        }
        _ => url.to_owned(),
    }
}
