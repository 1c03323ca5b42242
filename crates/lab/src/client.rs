//! The way to talk to a running lab, from tests, the journey and the command line. One connection per request;
//! it holds no state and retries nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use crate::proto::{
    Announcement, Answer, Fault, Output, PeerState, ProbeResult, ProbeSpec, ProbeStarted, Request, Session,
    Status, Trace,
};
use crate::topology::Endpoint;

/// Why a request to the lab failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No lab answers there.
    #[error("no lab answers at {socket}; start one with 'meetme-lab up'")]
    NotUp {
        /// The socket.
        socket: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The connection broke.
    #[error("the lab's supervisor closed the connection")]
    Broken(#[from] std::io::Error),
    /// The answer isn't what was asked for.
    #[error("the lab's answer can't be read")]
    Answer(#[from] serde_json::Error),
    /// The lab refused; its reason.
    #[error("{0}")]
    Refused(String),
}

/// A handle to the lab whose state is in a directory. Cheap to clone.
#[derive(Debug, Clone)]
pub struct LabClient {
    state: PathBuf,
}

type Result<T> = std::result::Result<T, ClientError>;

impl LabClient {
    /// The lab of that state directory, running or not.
    pub fn new(state: impl Into<PathBuf>) -> Self {
        LabClient { state: state.into() }
    }

    /// The state directory.
    pub fn state_dir(&self) -> &Path {
        &self.state
    }

    /// Directory of the vty sockets of an FRR node.
    pub fn vty_dir(&self, node: &str) -> PathBuf {
        self.state.join(node).join("vty")
    }

    /// Directory of the sockets of a node's Open vSwitch; `db.sock` in it is the database's.
    pub fn ovs_dir(&self, node: &str) -> PathBuf {
        self.state.join(node).join("ovs")
    }

    /// Sends a request and reads its answer.
    pub async fn request<T: DeserializeOwned>(&self, request: &Request) -> Result<T> {
        let socket = self.state.join("lab.sock");
        let mut stream =
            UnixStream::connect(&socket).await.map_err(|source| ClientError::NotUp { socket, source })?;
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        stream.write_all(&line).await?;
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).await?;
        match serde_json::from_str(&answer)? {
            Answer::Ok(value) => Ok(serde_json::from_value(value)?),
            Answer::Error(reason) => Err(ClientError::Refused(reason)),
        }
    }

    /// Nodes, daemons, cables, faults.
    pub async fn status(&self) -> Result<Status> {
        self.request(&Request::Status).await
    }

    /// Ends the lab with everything in it.
    pub async fn down(&self) -> Result<()> {
        self.request(&Request::Down).await
    }

    /// Runs a command in a node to its end.
    pub async fn exec(&self, node: &str, command: &[&str]) -> Result<Output> {
        self.request(&Request::Exec { node: node.into(), command: strings(command) }).await
    }

    /// Starts a long-running command in a node, logging to `<state>/log/NAME.log`; gives its process id in the lab.
    pub async fn spawn(
        &self,
        node: &str,
        name: &str,
        command: &[&str],
        env: BTreeMap<String, String>,
    ) -> Result<u32> {
        self.request(&Request::Spawn { node: node.into(), name: name.into(), command: strings(command), env })
            .await
    }

    /// Signals a spawned command (`TERM` when no signal is named); `KILL` and `TERM` wait until it is gone.
    pub async fn kill(&self, name: &str, signal: Option<&str>) -> Result<()> {
        self.request(&Request::Kill { name: name.into(), signal: signal.map(Into::into) }).await
    }

    /// Puts a cable between two ports.
    pub async fn cable(&self, a: &Endpoint, b: &Endpoint) -> Result<()> {
        self.request(&Request::Cable { a: a.clone(), b: b.clone() }).await
    }

    /// Takes the cable of a port out.
    pub async fn uncable(&self, port: &Endpoint) -> Result<()> {
        self.request(&Request::Uncable { port: port.clone() }).await
    }

    /// Configures a session on a peer router, replacing one of the same name.
    pub async fn session(&self, node: &str, session: &Session) -> Result<()> {
        self.request(&Request::Session { node: node.into(), session: session.clone() }).await
    }

    /// Removes a session from a peer router.
    pub async fn session_remove(&self, node: &str, name: &str) -> Result<()> {
        self.request(&Request::SessionRemove { node: node.into(), name: name.into() }).await
    }

    /// Announces on one session of a peer router, or on all of them.
    pub async fn announce(
        &self,
        node: &str,
        session: Option<&str>,
        announcements: Vec<Announcement>,
    ) -> Result<()> {
        self.request(&Request::Announce {
            node: node.into(),
            session: session.map(Into::into),
            announcements,
        })
        .await
    }

    /// Withdraws on one session of a peer router, or on all of them; everything when no prefix is named.
    pub async fn withdraw(&self, node: &str, session: Option<&str>, prefixes: Vec<IpNet>) -> Result<()> {
        self.request(&Request::Withdraw { node: node.into(), session: session.map(Into::into), prefixes })
            .await
    }

    /// What a peer router is told to do.
    pub async fn peer(&self, node: &str) -> Result<PeerState> {
        self.request(&Request::Peer { node: node.into() }).await
    }

    /// Breaks something; gives the id to mend it by.
    pub async fn fault(&self, fault: &Fault) -> Result<u32> {
        self.request(&Request::Fault { fault: fault.clone() }).await
    }

    /// Mends one fault, or all.
    pub async fn mend(&self, id: Option<u32>) -> Result<()> {
        self.request(&Request::Mend { id }).await
    }

    /// Starts sending packets.
    pub async fn probe_start(&self, probe: &ProbeSpec) -> Result<ProbeStarted> {
        self.request(&Request::ProbeStart { probe: probe.clone() }).await
    }

    /// Figures of a running probe.
    pub async fn probe_status(&self, id: u32) -> Result<ProbeResult> {
        self.request(&Request::ProbeStatus { id }).await
    }

    /// Stops a probe and gives its figures.
    pub async fn probe_stop(&self, id: u32) -> Result<ProbeResult> {
        self.request(&Request::ProbeStop { id }).await
    }

    /// The path of packets between two hosts.
    pub async fn trace(&self, from: &str, to: &str, source_port: Option<u16>) -> Result<Trace> {
        self.request(&Request::Trace { from: from.into(), to: to.into(), source_port }).await
    }
}

fn strings(command: &[&str]) -> Vec<String> {
    command.iter().map(|word| word.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn without_a_lab_the_error_says_how_to_start_one() {
        let error = LabClient::new("/nonexistent/lab").status().await.unwrap_err().to_string();
        assert!(error.contains("/nonexistent/lab/lab.sock") && error.contains("meetme-lab up"), "{error}");
    }
}
