//! Databases for the tests: a SQLite file, or a database of a PostgreSQL server that listens on
//! a socket in a directory of its own and ends with the test.

use crate::db::Store;
use crate::seal::SealKey;
use sqlx::{AssertSqlSafe, Connection};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
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

/// A PostgreSQL server from Debian's package.
pub struct Server {
    process: Child,
    directory: TempDir,
}

impl Server {
    pub fn start() -> Self {
        let programs = newest_programs();
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        let as_root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
        if as_root {
            run(Command::new("chown").arg("postgres:").arg(directory.path()));
        }
        // The server refuses to run as root. If the test is killed, the server ends as well.
        let program = |name: &str| {
            let mut command = Command::new("setpriv");
            command.args(["--pdeathsig", "INT"]);
            if as_root {
                command.args(["--reuid", "postgres", "--regid", "postgres", "--init-groups"]);
            }
            command.arg(programs.join(name)).current_dir(directory.path());
            command
        };
        // A locale whose order isn't that of bytes shows where an order depends on it.
        run(program("initdb")
            .arg("-D")
            .arg(&data)
            .args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"])
            .args(["--locale", "C.UTF-8", "--locale-provider", "icu", "--icu-locale", "en"]));
        let log = std::fs::File::create(directory.path().join("log")).unwrap();
        let process = program("postgres")
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(directory.path())
            .args(["-c", "listen_addresses=", "-c", "fsync=off"])
            .args(["-c", "shared_buffers=16MB", "-c", "max_connections=80"])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { process, directory }
    }

    fn url(&self) -> String {
        let socket = self.directory.path().display();
        format!("postgres://postgres@localhost/postgres?host={socket}")
    }

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
            files: self.directory.path().join("data/pg_wal"),
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
        let log = std::fs::read_to_string(self.directory.path().join("log"));
        panic!("PostgreSQL didn't start: {}", log.unwrap_or_default());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fast shutdown frees the server's shared memory, which killing it wouldn't.
        let pid = self.process.id().to_string();
        let _ = Command::new("kill").args(["-INT", &pid]).status();
        let _ = self.process.wait();
    }
}

fn newest_programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").map(|dir| {
        dir.flatten().map(|entry| entry.path().join("bin")).filter(|bin| bin.join("initdb").exists()).max()
    });
    versions.ok().flatten().expect("these tests need Debian's package postgresql: install it")
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
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
