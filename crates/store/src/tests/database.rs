//! Databases for the tests: a SQLite file, or a schema of a PostgreSQL server of their own.

use super::postgres::Server;
use crate::db::Store;
use meetme_seal::SealKey;
use sqlx::{AssertSqlSafe, Connection};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// A database of its own for one test.
pub struct Database {
    pub url: String,
    pub store: Store,
    /// Where its bytes are: the SQLite files, or the server's write-ahead log.
    pub files: PathBuf,
    _directory: Option<TempDir>,
}

pub fn key() -> SealKey {
    SealKey::new([7; 32])
}

impl Database {
    pub async fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", directory.path().join("meetme.db").display());
        Self {
            store: Store::open(&url, &key()).await.unwrap(),
            url,
            files: directory.path().to_owned(),
            _directory: Some(directory),
        }
    }

    /// The same database, as another process has it open.
    pub async fn open_again(&self) -> Store {
        Store::open(&self.url, &key()).await.unwrap()
    }
}

impl Server {
    /// An empty schema named `name` (cut to what PostgreSQL takes), which is all that the test
    /// sees: a database for each would take most of the suite's time.
    pub async fn database(&self, name: &str) -> Database {
        let name = &name[..name.len().min(60)];
        sqlx::any::install_default_drivers();
        let mut connection = self.connect().await;
        let create = format!("CREATE SCHEMA {name}");
        sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        let url = format!("{}&options[search_path]={name}", self.url());
        Database {
            store: Store::open(&url, &key()).await.unwrap(),
            url,
            files: self.directory().join("data/pg_wal"),
            _directory: None,
        }
    }

    /// Connects as soon as the server is there.
    async fn connect(&self) -> sqlx::AnyConnection {
        for _ in 0..600 {
            match sqlx::AnyConnection::connect(&self.url()).await {
                Ok(connection) => return connection,
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
        let log = std::fs::read_to_string(self.directory().join("log"));
        panic!("PostgreSQL didn't start: {}", log.unwrap_or_default());
    }
}

/// True when `needle` is in any file of `directory`.
pub fn files_contain(directory: &Path, needle: &[u8]) -> bool {
    std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .any(|path| contains(&std::fs::read(path).unwrap(), needle))
}

/// A search that is fast without optimisation: by the first byte, then the rest.
fn contains(mut hay: &[u8], needle: &[u8]) -> bool {
    while let Some(at) = hay.iter().position(|byte| *byte == needle[0]) {
        if hay[at..].starts_with(needle) {
            return true;
        }
        hay = &hay[at + 1..];
    }
    false
}
