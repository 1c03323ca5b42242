//! The store itself: opening it, transactions, read handles, and waking those who wait for work.

use crate::engine::{Engine, without_password};
use crate::error::{Result, StoreError};
use crate::memory::Memory;
use crate::migrate;
use meetme_seal::{SealKey, Sealer};
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, AnyPool, Connection, SqlSafeStr, Transaction};
use std::future::Future;
use std::os::unix::fs::OpenOptionsExt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// How long a caller waits for a connection before it is told that the database is busy.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection that lay idle for this long is tested before it is used: it may be broken.
const TEST_AFTER_IDLE: Duration = Duration::from_secs(1);

/// The store. Cheap to clone; all clones are one store.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    engine: Engine,
    write: AnyPool,
    read: AnyPool,
    sealer: Arc<Sealer>,
    memory: Arc<Memory>,
    wake: Arc<Notify>,
    listener: Option<tokio::task::AbortHandle>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(listener) = &self.listener {
            listener.abort();
        }
    }
}

impl Store {
    /// Opens `sqlite:/path` (created when missing, for its owner's eyes only) or `postgres://…`,
    /// and brings its schema up to date.
    ///
    /// # Errors
    /// [`StoreError::NewerSchema`] when a newer version migrated it, [`StoreError::Seal`] when
    /// its secrets were sealed with another key.
    pub async fn open(url: &str, seal_key: &SealKey) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let engine = Engine::of(url)?;
        if engine == Engine::Sqlite {
            create_private_file(url)?;
        }
        let options = AnyConnectOptions::from_str(&engine.connect_url(url))
            .map_err(|e| StoreError::Url { url: without_password(url), reason: e.to_string() })?;
        let write = pool(engine, &options, engine.write_connections()).await?;
        let sealer = Arc::new(Sealer::new(seal_key));
        let memory = Arc::new(Memory::default());
        let wake = Arc::new(Notify::new());
        migrate::migrate(&write, engine, &sealer, &wake).await?;
        let read = match engine.read_connections() {
            Some(connections) => pool(engine, &options, connections).await?,
            None => write.clone(),
        };
        let listener = engine.listen(url, &wake);
        Ok(Self(Arc::new(Inner { engine, write, read, sealer, memory, wake, listener })))
    }

    /// Begins a write transaction. Dropping it without [`Tx::commit`] undoes it.
    ///
    /// On SQLite there is one at a time: don't hold it across a network call.
    pub async fn begin(&self) -> Result<Tx> {
        let tx = Tx::begin(&self.0.write, self.0.engine, self.0.sealer.clone(), self.0.wake.clone()).await?;
        Ok(Tx { memory: self.0.memory.clone(), ..tx })
    }

    /// A handle to read with.
    pub async fn read(&self) -> Result<Reader> {
        Ok(Reader {
            connection: self.0.read.acquire().await?,
            engine: self.0.engine,
            sealer: self.0.sealer.clone(),
            memory: self.0.memory.clone(),
        })
    }

    /// What it remembers.
    pub(crate) fn memory(&self) -> &Memory {
        &self.0.memory
    }

    /// Resolves when a transaction that enqueued work, or was written to the audit trail, committed
    /// after this call: in this process, or with PostgreSQL in another one. A wake may be missed (also
    /// poll) or come for nothing.
    pub fn changed(&self) -> impl Future<Output = ()> + Send + '_ {
        // `notified()` counts from its creation, not from its first poll: what commits between
        // this call and the await isn't missed.
        self.0.wake.notified()
    }

    /// Closes all connections; SQLite writes its log back into the file.
    pub async fn close(&self) {
        self.0.read.close().await;
        self.0.write.close().await;
    }

    #[cfg(test)]
    pub(crate) fn is_postgres(&self) -> bool {
        self.0.engine == Engine::Postgres
    }
}

async fn pool(engine: Engine, options: &AnyConnectOptions, connections: u32) -> Result<AnyPool> {
    Ok(AnyPoolOptions::new()
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // Each test is a round trip; one when a connection is given back is made in any case.
        .test_before_acquire(false)
        .before_acquire(|connection, idle| {
            Box::pin(async move { Ok(idle.idle_for < TEST_AFTER_IDLE || connection.ping().await.is_ok()) })
        })
        .after_connect(move |connection, _| {
            Box::pin(async move {
                if let Some(setup) = engine.connection_setup() {
                    sqlx::raw_sql(setup).execute(connection).await?;
                }
                Ok(())
            })
        })
        .connect_with(options.clone())
        .await?)
}

/// Creates a missing SQLite file so that nobody else can read it; its log gets the same mode.
fn create_private_file(url: &str) -> Result<()> {
    let path = url.trim_start_matches("sqlite:");
    let path = path.strip_prefix("//").unwrap_or(path);
    let path = path.split('?').next().unwrap_or(path);
    match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(()),
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(e) => Err(StoreError::Url {
            url: url.to_owned(),
            reason: format!("{e}; the directory must exist and be writable"),
        }),
    }
}

/// What reads go through: a [`Reader`], or a [`Tx`] that also sees its own writes.
pub trait Db: Access {}

impl<T: Access> Db for T {}

/// How this crate, and no other, reaches the connection behind a handle.
pub trait Access: Send {
    /// The connection.
    fn connection(&mut self) -> &mut AnyConnection;
    /// What it is a connection to.
    fn engine(&self) -> Engine;
    /// What seals and opens secrets.
    fn sealer(&self) -> Arc<Sealer>;
    /// What the store remembers.
    fn memory(&self) -> Arc<Memory>;
}

/// A handle to read with; each query sees the latest commit.
pub struct Reader {
    connection: PoolConnection<Any>,
    engine: Engine,
    sealer: Arc<Sealer>,
    memory: Arc<Memory>,
}

impl Access for Reader {
    fn connection(&mut self) -> &mut AnyConnection {
        &mut self.connection
    }

    fn engine(&self) -> Engine {
        self.engine
    }

    fn sealer(&self) -> Arc<Sealer> {
        self.sealer.clone()
    }

    fn memory(&self) -> Arc<Memory> {
        self.memory.clone()
    }
}

/// A write transaction. Dropped without [`Tx::commit`], it never happened.
pub struct Tx {
    transaction: Transaction<'static, Any>,
    engine: Engine,
    sealer: Arc<Sealer>,
    memory: Arc<Memory>,
    wake: Arc<Notify>,
    wakes: bool,
    ends_tokens: bool,
}

impl Tx {
    pub(crate) async fn begin(
        pool: &AnyPool,
        engine: Engine,
        sealer: Arc<Sealer>,
        wake: Arc<Notify>,
    ) -> Result<Self> {
        Ok(Self {
            transaction: pool.begin_with(engine.begin().into_sql_str()).await?,
            engine,
            sealer,
            memory: Arc::default(),
            wake,
            wakes: false,
            ends_tokens: false,
        })
    }

    /// Makes everything of it durable, and wakes who waits for work that it enqueued.
    pub async fn commit(mut self) -> Result<()> {
        if let (true, Some(statement)) = (self.wakes, self.engine.wake_statement()) {
            sqlx::raw_sql(statement).execute(&mut *self.transaction).await?;
        }
        self.transaction.commit().await?;
        if self.wakes {
            self.wake.notify_waiters();
        }
        if self.ends_tokens {
            self.memory.forget_principals();
        }
        Ok(())
    }

    /// Notes that who was known by a token may be so no more after commit.
    pub(crate) fn ends_tokens(&mut self) {
        self.ends_tokens = true;
    }

    /// Notes that there is new work to tell of on commit.
    pub(crate) fn wakes_workers(&mut self) {
        self.wakes = true;
    }
}

impl Access for Tx {
    fn connection(&mut self) -> &mut AnyConnection {
        &mut self.transaction
    }

    fn engine(&self) -> Engine {
        self.engine
    }

    fn sealer(&self) -> Arc<Sealer> {
        self.sealer.clone()
    }

    fn memory(&self) -> Arc<Memory> {
        self.memory.clone()
    }
}

/// Whose rows a list may show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope<'a> {
    /// Everybody's: for operators.
    All,
    /// One subscription's.
    Subscription(&'a str),
}

impl Scope<'_> {
    /// As a parameter: null for all.
    pub(crate) fn parameter(self) -> Option<String> {
        match self {
            Self::All => None,
            Self::Subscription(subscription) => Some(crate::statement::fold(subscription)),
        }
    }
}

/// A page of a list in the order of names (for resources in groups: of [`crate::path_key`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Continue after this name, any case; `None`: from the start.
    pub after: Option<String>,
    /// At most so many rows.
    pub limit: u32,
}

impl Page {
    /// The first page.
    pub fn first(limit: u32) -> Self {
        Self { after: None, limit }
    }

    pub(crate) fn after_key(&self) -> String {
        crate::statement::fold(self.after.as_deref().unwrap_or(""))
    }
}

/// A page of a list in the order of ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdPage {
    /// Continue after this id (in lists with the newest first: with smaller ones).
    pub after: Option<i64>,
    /// At most so many rows.
    pub limit: u32,
}

impl IdPage {
    /// The first page.
    pub fn first(limit: u32) -> Self {
        Self { after: None, limit }
    }
}
