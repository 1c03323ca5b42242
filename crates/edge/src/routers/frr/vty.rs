//! FRR's vty sockets: one command in, its text and a status out.
//!
//! This is what `vtysh` itself speaks, without a process per command: a command ends with a zero
//! byte; the answer ends with three zero bytes and a status byte. Nothing here knows BGP.

use super::error::FrrError;
use super::owned::{holds_secret, masked};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// Longest wait for one answer; a daemon that is busier than that is as good as gone.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest wait for a lock: another session loads a configuration file, which takes seconds.
const LOCK_PATIENCE: Duration = Duration::from_secs(10);
/// Time between two tries at a lock.
const LOCK_RETRY: Duration = Duration::from_millis(50);
/// Largest answer taken: a running configuration of a router with thousands of sessions.
const ANSWER_LIMIT: usize = 256 << 20;

/// The FRR daemons that the driver speaks with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Daemon {
    /// Interfaces and addresses, until [`super::version`] says otherwise.
    Zebra,
    /// Static routes, until then as well.
    Staticd,
    /// The configuration of daemons that no longer have their own.
    Mgmtd,
    /// BFD.
    Bfdd,
    /// BGP and BMP.
    Bgpd,
}

impl fmt::Display for Daemon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Zebra => "zebra",
            Self::Staticd => "staticd",
            Self::Mgmtd => "mgmtd",
            Self::Bfdd => "bfdd",
            Self::Bgpd => "bgpd",
        })
    }
}

/// Where a daemon listens.
pub fn socket(dir: &Path, daemon: Daemon) -> PathBuf {
    dir.join(format!("{daemon}.vty"))
}

/// Whether a refusal says that another session has mgmtd's lock. Nothing has been done then.
fn is_locked(error: &FrrError) -> bool {
    matches!(error, FrrError::Refused { daemon: Daemon::Mgmtd, said, .. } if said.contains("could not lock"))
}

/// An open vty, in enable mode.
#[derive(Debug)]
pub struct Vty {
    daemon: Daemon,
    path: PathBuf,
    stream: UnixStream,
    answer: Vec<u8>,
}

impl Vty {
    /// Connects to a daemon's socket in `dir`.
    pub async fn connect(dir: &Path, daemon: Daemon) -> Result<Self, FrrError> {
        let path = socket(dir, daemon);
        let stream = UnixStream::connect(&path).await.map_err(|source| FrrError::Unreachable {
            daemon,
            path: path.clone(),
            source,
        })?;
        let mut vty = Self { daemon, path, stream, answer: Vec::new() };
        vty.run("enable").await?;
        Ok(vty)
    }

    /// Runs one command; its text when the daemon accepted it. Waits while another session has the daemon's
    /// configuration locked.
    pub async fn run(&mut self, command: &str) -> Result<String, FrrError> {
        let started = Instant::now();
        loop {
            let answer = self.run_once(command).await;
            if !answer.as_ref().is_err_and(is_locked) {
                return answer;
            }
            if started.elapsed() > LOCK_PATIENCE {
                return Err(FrrError::Locked {
                    daemon: self.daemon,
                    command: masked(command).into_owned(),
                    seconds: LOCK_PATIENCE.as_secs(),
                });
            }
            tokio::time::sleep(LOCK_RETRY).await;
        }
    }

    async fn run_once(&mut self, command: &str) -> Result<String, FrrError> {
        let exchange = tokio::time::timeout(ANSWER_TIMEOUT, self.exchange(command));
        let status = match exchange.await {
            Ok(Ok(status)) => status,
            Ok(Err(source)) => {
                return Err(FrrError::Unreachable { daemon: self.daemon, path: self.path.clone(), source });
            }
            Err(_) => {
                return Err(FrrError::Silent {
                    daemon: self.daemon,
                    command: masked(command).into_owned(),
                    seconds: ANSWER_TIMEOUT.as_secs(),
                });
            }
        };
        let text = String::from_utf8_lossy(&self.answer[..self.answer.len() - 4]).into_owned();
        if status == 0 {
            return Ok(text);
        }
        Err(FrrError::Refused {
            daemon: self.daemon,
            command: masked(command).into_owned(),
            said: said(command, text.trim(), status),
        })
    }

    /// Runs a `show … json` command.
    pub async fn json(&mut self, command: &str) -> Result<serde_json::Value, FrrError> {
        let text = match self.run(command).await {
            // Without a BGP instance the answer is an empty object and a warning.
            Err(FrrError::Refused { said, .. }) if said == "{}" => said,
            answer => answer?,
        };
        // bfdd and bgpd print nothing, not even an empty object, while they have nothing to tell.
        if text.trim().is_empty() {
            return Ok(serde_json::Value::Null);
        }
        serde_json::from_str(&text).map_err(|source| FrrError::NotJson {
            daemon: self.daemon,
            command: command.to_owned(),
            source,
        })
    }

    async fn exchange(&mut self, command: &str) -> std::io::Result<u8> {
        let mut request = Vec::with_capacity(command.len() + 1);
        request.extend_from_slice(command.as_bytes());
        request.push(0);
        self.stream.write_all(&request).await?;
        self.answer.clear();
        loop {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            if let [.., 0, 0, 0, status] = self.answer[..] {
                return Ok(status);
            }
            if self.answer.len() > ANSWER_LIMIT {
                return Err(std::io::Error::other("the answer doesn't end"));
            }
        }
    }
}

/// What a daemon said no with, as it may be shown. Of a command that carries a key nothing of it
/// is: the daemon repeats parts of the line in its own way, and which part is the key isn't told.
fn said(command: &str, answer: &str, status: u8) -> String {
    if holds_secret(command) {
        return format!("status {status}; its words aren't kept, as they may repeat the key");
    }
    match answer {
        "" => format!("status {status}"),
        answer => masked(answer).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_daemon_says_of_a_key_is_not_repeated() {
        let command = "neighbor 192.0.2.1 password hunter2";
        for answer in ["% Unknown argument hunter2", "% hunter2", ""] {
            assert!(!said(command, answer, 2).contains("hunter2"), "{answer}");
        }
        assert_eq!(said("neighbor 192.0.2.1 bfd", "% No such neighbor", 2), "% No such neighbor");
        assert_eq!(said("neighbor 192.0.2.1 bfd", "", 2), "status 2");
    }
}
