//! A PostgreSQL server from Debian's package that listens on a socket in a directory of its own and
//! ends with what started it. The API's bench (`crates/journey/benches/api`) uses it, too: it knows no
//! client.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A running server.
pub struct Server {
    process: Child,
    directory: TempDir,
}

impl Server {
    /// Starts a server with settings such as `fsync=off`; it takes connections a moment later.
    pub fn start(settings: &[&str]) -> Self {
        let programs = newest_programs();
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        let as_root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
        if as_root {
            run(Command::new("chown").arg("postgres:").arg(directory.path()));
        }
        // The server refuses to run as root. If who started it is killed, the server ends as well.
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
            .args(["listen_addresses="].iter().chain(settings).flat_map(|setting| ["-c", setting]))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { process, directory }
    }

    /// The address of its database.
    pub fn url(&self) -> String {
        format!("postgres://postgres@localhost/postgres?host={}", self.directory.path().display())
    }

    /// Runs one command on it, outside any transaction, with its own client.
    #[allow(dead_code, reason = "the tests ask through the store")]
    pub fn run(&self, command: &str) {
        let mut psql = Command::new(newest_programs().join("psql"));
        psql.arg("-h").arg(self.directory.path());
        run(psql.args(["-U", "postgres", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", command]));
    }

    /// Where it is: `data` has its files, `log` what it said.
    #[allow(dead_code, reason = "the bench doesn't look into it")]
    pub fn directory(&self) -> &Path {
        self.directory.path()
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
    versions.ok().flatten().expect("this needs Debian's package postgresql: install it")
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
