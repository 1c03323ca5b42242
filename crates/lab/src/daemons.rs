//! The processes that the lab keeps running: starting, killing, asking whether they live. It never restarts one by
//! itself: a dead daemon stays dead until a fault is mended, so that tests see what they caused.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use crate::proto::DaemonStatus;
use crate::sys::{self, SysError};

/// How a daemon is started; kept to start it again.
#[derive(Debug, Clone)]
pub(crate) struct Spec {
    /// The node in whose namespace it runs.
    pub node: String,
    /// Its name within the node.
    pub name: String,
    /// Program and arguments.
    pub command: Vec<String>,
    /// Additional environment.
    pub env: BTreeMap<String, String>,
    /// Both its output streams, appended.
    pub log: PathBuf,
    /// Whether it is a router's daemon, which a real router would give processors of its own: scheduled before
    /// ordinary processes where the system allows, or a busy machine would look like failing links.
    pub real_time: bool,
}

#[derive(Debug)]
struct Daemon {
    spec: Spec,
    child: Child,
    dead: bool,
}

/// All processes of the lab by node and name.
#[derive(Debug, Default)]
pub(crate) struct Daemons {
    map: BTreeMap<(String, String), Daemon>,
}

/// Waiting longer than this for a killed process means that it hangs in the kernel.
const DEATH_LIMIT: Duration = Duration::from_secs(10);

impl Daemons {
    /// Starts a daemon, in the place of a dead one of the same name.
    pub(crate) fn start(&mut self, spec: Spec) -> anyhow::Result<u32> {
        let key = (spec.node.clone(), spec.name.clone());
        if self.map.get_mut(&key).is_some_and(|daemon| daemon.is_alive()) {
            anyhow::bail!("'{}' already runs in {}", spec.name, spec.node);
        }
        let child = spawn(&spec)?;
        let pid = child.id();
        self.map.insert(key, Daemon { spec, child, dead: false });
        Ok(pid)
    }

    /// Whether it was started and hasn't ended.
    pub(crate) fn is_alive(&mut self, node: &str, name: &str) -> bool {
        self.map.get_mut(&key(node, name)).is_some_and(Daemon::is_alive)
    }

    /// Names of the daemons of a node, dead ones too.
    pub(crate) fn names(&self, node: &str) -> Vec<String> {
        self.map.keys().filter(|(n, _)| n == node).map(|(_, name)| name.clone()).collect()
    }

    /// Signals a daemon. After `TERM` or `KILL`, waits until it is gone.
    pub(crate) fn signal(&mut self, node: &str, name: &str, signal: &str) -> anyhow::Result<()> {
        let Some(daemon) = self.map.get_mut(&key(node, name)) else {
            let known = self.names(node).join(", ");
            anyhow::bail!("there is no '{name}' in {node}; there is: {known}");
        };
        if !daemon.is_alive() {
            return Ok(());
        }
        let pid = daemon.child.id().to_string();
        sys::run(sys::command("kill", [&format!("-{signal}"), &pid]), None)?;
        if ["TERM", "KILL"].contains(&signal) {
            let log = daemon.spec.log.clone();
            sys::wait_until(&format!("the end of {name} in {node}"), &log, DEATH_LIMIT, || {
                !daemon.is_alive()
            })?;
        }
        Ok(())
    }

    /// Kills all daemons of a node at once and waits until they are gone.
    pub(crate) fn kill_all(&mut self, node: &str) -> anyhow::Result<()> {
        let mut alive: Vec<&mut Daemon> = Vec::new();
        for (_, daemon) in self.map.iter_mut().filter(|((n, _), _)| n == node) {
            if daemon.is_alive() {
                daemon.child.kill()?;
                alive.push(daemon);
            }
        }
        for daemon in alive {
            daemon.child.wait()?;
            daemon.dead = true;
        }
        Ok(())
    }

    /// Forgets a daemon after ending it.
    pub(crate) fn remove(&mut self, node: &str, name: &str) -> anyhow::Result<()> {
        if self.map.contains_key(&key(node, name)) {
            self.signal(node, name, "KILL")?;
            self.map.remove(&key(node, name));
        }
        Ok(())
    }

    /// State of every daemon of a node.
    pub(crate) fn status(&mut self, node: &str) -> Vec<DaemonStatus> {
        self.map.iter_mut().filter(|((n, _), _)| n == node).map(|(_, daemon)| daemon.status()).collect()
    }
}

impl Daemon {
    fn is_alive(&mut self) -> bool {
        // `try_wait` also reaps it.
        self.dead = self.dead || !matches!(self.child.try_wait(), Ok(None));
        !self.dead
    }

    fn status(&mut self) -> DaemonStatus {
        let alive = self.is_alive();
        let pid = self.child.id();
        let rss_kib = if alive { rss_kib(pid) } else { 0 };
        DaemonStatus { name: self.spec.name.clone(), pid, alive, rss_kib }
    }
}

fn key(node: &str, name: &str) -> (String, String) {
    (node.into(), name.into())
}

fn spawn(spec: &Spec) -> Result<Child, SysError> {
    let line = spec.command.join(" ");
    let error = |source| SysError::Start { program: line.clone(), source };
    let log = OpenOptions::new().create(true).append(true).open(&spec.log).map_err(error)?;
    let errors = log.try_clone().map_err(error)?;
    let (program, args) =
        spec.command.split_first().ok_or_else(|| error(std::io::ErrorKind::InvalidInput.into()))?;
    let mut command = if spec.real_time {
        in_node_real_time(&spec.node, priority(&spec.name), program)
    } else {
        sys::in_node(&spec.node, program)
    };
    command.args(args).envs(&spec.env).stdin(Stdio::null()).stdout(log).stderr(errors);
    command.spawn().map_err(error)
}

/// A command that will run in a node with real-time priority, where that is allowed.
pub(crate) fn in_node_real_time(node: &str, priority: &str, program: &str) -> Command {
    if !real_time_allowed() {
        return sys::in_node(node, program);
    }
    let mut command = sys::in_node(node, "chrt");
    command.args(["--rr", priority, program]);
    command
}

/// What forwards packets and what answers BFD goes before what computes routes: in a real router, hardware does it.
fn priority(daemon: &str) -> &'static str {
    match daemon {
        "ovs-vswitchd" | "bfdd" | "bird" => "20",
        _ => "1",
    }
}

/// Asked once: without root it usually isn't.
fn real_time_allowed() -> bool {
    static ALLOWED: OnceLock<bool> = OnceLock::new();
    *ALLOWED.get_or_init(|| sys::run(sys::command("chrt", ["--rr", "1", "true"]), None).is_ok())
}

fn rss_kib(pid: u32) -> u64 {
    let text =
        std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
