//! The process inside the lab's namespaces: builds the lab, then answers requests on `<state>/lab.sock` until told to
//! go down. Everything it started dies with it, as they share a process namespace.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::IpAddr;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

use crate::construct;
use crate::daemons::{self, Daemons, Spec};
use crate::echo;
use crate::faults::{Faults, Site};
use crate::frr::Programs;
use crate::panel::Panel;
use crate::peer::{Peers, World};
use crate::proto::{Answer, DaemonStatus, NodeStatus, ProbeSpec, ProbeStarted, Request, Status, Trace};
use crate::sys;
use crate::topology::{Kind, Topology};
use crate::validate::is_name;

/// A request longer than this is refused: 10 000 announcements take about 2 MiB.
const REQUEST_BYTES_MAX: u64 = 32 << 20;
/// A log that has grown beyond this is cut to nothing.
const LOG_BYTES_MAX: u64 = 16 << 20;
/// Source ports of probes: a block for each.
const SOURCE_PORT_BASE: u16 = 40_000;
const FLOWS_MAX: u16 = 64;
const PROBE_BLOCKS: u32 = 300;
/// Source port of traces that name none.
const TRACE_PORT: u16 = 39_999;

struct Lab {
    topology: Topology,
    state: PathBuf,
    exe: PathBuf,
    frrs: BTreeMap<Option<String>, Programs>,
    panel: Panel,
    daemons: Daemons,
    peers: Peers,
    faults: Faults,
    /// Spawned commands: name → node.
    spawned: BTreeMap<String, String>,
}

struct Probe {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// What all connections share. Slow requests (commands, probes, traces) don't hold the lab's lock.
struct Shared {
    lab: Mutex<Lab>,
    probes: Mutex<BTreeMap<u32, Arc<Mutex<Probe>>>>,
    probe_count: Mutex<u32>,
    addresses: Mutex<BTreeMap<IpAddr, (String, String)>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}

/// Builds the lab and serves it. `progress` is told each long step; `ready` is called once, when all answers.
pub fn run(
    topology: Topology,
    state: &Path,
    progress: &dyn Fn(&str),
    ready: impl FnOnce(),
) -> anyhow::Result<()> {
    let exe = std::env::current_exe().context("the lab's own program can't be found")?;
    let frr_nodes = topology.nodes.iter().filter(|node| node.kind == Kind::Frr);
    let frrs = Programs::find_all(frr_nodes.map(|node| node.frr.as_deref()))?;
    construct::private_mounts(state)?;
    progress("making namespaces and links");
    let panel = construct::network(&topology)?;
    let (mut daemons, mut peers) = (Daemons::default(), Peers::default());
    let mut world = World { topology: &topology, state_dir: state, daemons: &mut daemons, frrs: &frrs };
    construct::daemons(&mut world, &mut peers, &exe, progress)?;
    let state = state.to_path_buf();
    let socket = state.join("lab.sock");
    let _ = std::fs::remove_file(&socket);
    let listener =
        UnixListener::bind(&socket).with_context(|| format!("{} can't be made", socket.display()))?;
    let logs = state.clone();
    let spawned = BTreeMap::new();
    let faults = Faults::default();
    let lab = Lab { topology, state, exe, frrs, panel, daemons, peers, faults, spawned };
    let shared = Arc::new(Shared {
        lab: Mutex::new(lab),
        probes: Mutex::default(),
        probe_count: Mutex::default(),
        addresses: Mutex::default(),
    });
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(Duration::from_secs(30));
            bound_logs(&logs);
        }
    });
    ready();
    for stream in listener.incoming() {
        let stream = stream?;
        let shared = shared.clone();
        std::thread::spawn(move || {
            if let Err(error) = serve(stream, &shared) {
                eprintln!("a client went away: {error}");
            }
        });
    }
    Ok(())
}

fn serve(stream: UnixStream, shared: &Shared) -> anyhow::Result<()> {
    let mut line = String::new();
    BufReader::new(std::io::Read::take(&stream, REQUEST_BYTES_MAX)).read_line(&mut line)?;
    let request = serde_json::from_str::<Request>(&line);
    let going_down = matches!(request, Ok(Request::Down));
    let answer = match request {
        Ok(request) => match handle(shared, request) {
            Ok(value) => Answer::Ok(value),
            Err(error) => Answer::Error(format!("{error:#}")),
        },
        Err(error) => Answer::Error(format!("the request isn't one of the lab's: {error}")),
    };
    let mut text = serde_json::to_string(&answer)?;
    text.push('\n');
    (&stream).write_all(text.as_bytes())?;
    if going_down {
        // Everything else in the process namespace goes with its first process, which waits for this one.
        std::process::exit(0);
    }
    Ok(())
}

fn handle(shared: &Shared, request: Request) -> anyhow::Result<Value> {
    Ok(match request {
        Request::Status => json!(lock(&shared.lab).status()),
        Request::Down => Value::Null,
        Request::Exec { node, command } => {
            lock(&shared.lab).known(&node)?;
            let (program, args) = command.split_first().context("no command is given")?;
            let mut process = sys::in_node(&node, program);
            process.args(args);
            json!(sys::output(process, None)?)
        }
        Request::Spawn { node, name, command, env } => {
            json!(lock(&shared.lab).spawn(node, name, command, env)?)
        }
        Request::Kill { name, signal } => {
            done(lock(&shared.lab).kill(&name, signal.as_deref().unwrap_or("TERM"))?)
        }
        Request::Cable { a, b } => done(lock(&shared.lab).panel.cable(&a, &b)?),
        Request::Uncable { port } => done(lock(&shared.lab).panel.uncable(&port)?),
        Request::Session { node, session } => {
            done(lock(&shared.lab).with_peers(|peers, world| peers.session(world, &node, session))?)
        }
        Request::SessionRemove { node, name } => {
            done(lock(&shared.lab).with_peers(|peers, world| peers.session_remove(world, &node, &name))?)
        }
        Request::Announce { node, session, announcements } => done(
            lock(&shared.lab)
                .with_peers(|peers, world| peers.announce(world, &node, session.as_deref(), announcements))?,
        ),
        Request::Withdraw { node, session, prefixes } => done(
            lock(&shared.lab)
                .with_peers(|peers, world| peers.withdraw(world, &node, session.as_deref(), &prefixes))?,
        ),
        Request::Peer { node } => {
            let lab = lock(&shared.lab);
            lab.known(&node)?;
            json!(lab.peers.state(&node))
        }
        Request::Fault { fault } => {
            json!(lock(&shared.lab).with_site(|faults, site| faults.inject(site, fault))?)
        }
        Request::Mend { id } => done(lock(&shared.lab).with_site(|faults, site| faults.mend(site, id))?),
        Request::ProbeStart { probe } => json!(shared.probe_start(&probe)?),
        Request::ProbeStatus { id } => shared.probe_ask(id, "status")?,
        Request::ProbeStop { id } => shared.probe_stop(id)?,
        Request::Trace { from, to, source_port } => json!(shared.trace(&from, &to, source_port)?),
    })
}

fn done(_: ()) -> Value {
    Value::Null
}

impl Lab {
    fn known(&self, node: &str) -> anyhow::Result<Kind> {
        match self.topology.node(node) {
            Some(place) => Ok(place.kind),
            None => {
                let names: Vec<_> = self.topology.nodes.iter().map(|n| n.name.as_str()).collect();
                bail!("there is no node '{node}'; there are: {}", names.join(", "))
            }
        }
    }

    fn with_peers<T>(&mut self, work: impl FnOnce(&mut Peers, &mut World) -> T) -> T {
        let mut world = World {
            topology: &self.topology,
            state_dir: &self.state,
            daemons: &mut self.daemons,
            frrs: &self.frrs,
        };
        work(&mut self.peers, &mut world)
    }

    fn with_site<T>(&mut self, work: impl FnOnce(&mut Faults, &mut Site) -> T) -> T {
        let mut world = World {
            topology: &self.topology,
            state_dir: &self.state,
            daemons: &mut self.daemons,
            frrs: &self.frrs,
        };
        let (panel, peers, exe) = (&self.panel, &mut self.peers, self.exe.as_path());
        work(&mut self.faults, &mut Site { world: &mut world, panel, peers, exe })
    }

    fn spawn(
        &mut self,
        node: String,
        name: String,
        command: Vec<String>,
        env: BTreeMap<String, String>,
    ) -> anyhow::Result<u32> {
        self.known(&node)?;
        ensure!(is_name(&name), "'{name}': names are 1 to 32 of a-z, 0-9 and '-'");
        ensure!(!command.is_empty(), "no command is given");
        if let Some(other) = self.spawned.get(&name) {
            let running = self.daemons.is_alive(other, &spawned_name(&name));
            ensure!(!running, "'{name}' already runs in {other}; 'kill {name}' first");
        }
        let log = self.state.join("log").join(format!("{name}.log"));
        let pid = self.daemons.start(Spec {
            node: node.clone(),
            name: spawned_name(&name),
            command,
            env,
            log,
            real_time: false,
        })?;
        self.spawned.insert(name, node);
        Ok(pid)
    }

    fn kill(&mut self, name: &str, signal: &str) -> anyhow::Result<()> {
        let Some(node) = self.spawned.get(name) else {
            let known: Vec<_> = self.spawned.keys().cloned().collect();
            bail!("nothing was spawned as '{name}'; there is: {}", known.join(", "));
        };
        ensure!(signal.chars().all(|c| c.is_ascii_alphanumeric()), "'{signal}' is no signal");
        self.daemons.signal(node, &spawned_name(name), signal)
    }

    fn status(&mut self) -> Status {
        let mut nodes = Vec::new();
        let mut spawned = Vec::new();
        for node in &self.topology.nodes {
            let (own, others): (Vec<DaemonStatus>, Vec<_>) = self
                .daemons
                .status(&node.name)
                .into_iter()
                .partition(|daemon| !daemon.name.starts_with(SPAWNED));
            spawned.extend(others.into_iter().map(|daemon| DaemonStatus {
                name: daemon.name.trim_start_matches(SPAWNED).to_string(),
                ..daemon
            }));
            let sessions = self.peers.state(&node.name).sessions.into_iter().map(|s| s.name).collect();
            nodes.push(NodeStatus { name: node.name.clone(), kind: node.kind, daemons: own, sessions });
        }
        Status {
            name: self.topology.name.clone(),
            state_dir: self.state.display().to_string(),
            nodes,
            cables: self.panel.cables().to_vec(),
            faults: self.faults.in_force().to_vec(),
            spawned,
        }
    }
}

/// Keeps spawned commands apart from the lab's own daemons of a node.
const SPAWNED: &str = "spawned:";

fn spawned_name(name: &str) -> String {
    format!("{SPAWNED}{name}")
}

impl Shared {
    /// Address of a host and the record of its responder.
    fn host(&self, name: &str) -> anyhow::Result<(IpAddr, PathBuf)> {
        let lab = lock(&self.lab);
        lab.known(name)?;
        let address = lab.topology.host_address(name);
        let address =
            address.with_context(|| format!("'{name}' is no host; packets are sent between hosts"))?;
        Ok((address, lab.state.join(name).join("echo.sock")))
    }

    fn own_program(&self, node: &str) -> std::process::Command {
        let exe = lock(&self.lab).exe.clone();
        // A sender that waits for the processor would show gaps that the network doesn't have.
        daemons::in_node_real_time(node, "1", &exe.to_string_lossy())
    }

    fn probe_start(&self, spec: &ProbeSpec) -> anyhow::Result<ProbeStarted> {
        ensure!((1..=FLOWS_MAX).contains(&spec.flows), "flows: 1 to {FLOWS_MAX}");
        ensure!((1..=10_000).contains(&spec.interval_ms), "interval_ms: 1 to 10000");
        self.host(&spec.from)?;
        let (to, record) = self.host(&spec.to)?;
        let id = {
            let mut count = lock(&self.probe_count);
            *count += 1;
            *count
        };
        let first = SOURCE_PORT_BASE + (id % PROBE_BLOCKS) as u16 * FLOWS_MAX;
        let source_ports: Vec<u16> = (first..first + spec.flows).collect();
        let ports = source_ports.iter().map(u16::to_string).collect::<Vec<_>>().join(",");
        let mut command = self.own_program(&spec.from);
        command.args(["udp-probe", "--to", &format!("{to}:{}", echo::PORT), "--source-ports", &ports]);
        command.args(["--interval-ms", &spec.interval_ms.to_string(), "--record"]).arg(record);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (input, output) =
            (child.stdin.take().context("no input")?, child.stdout.take().context("no output")?);
        let probe = Probe { child, input, output: BufReader::new(output) };
        lock(&self.probes).insert(id, Arc::new(Mutex::new(probe)));
        Ok(ProbeStarted { id, source_ports })
    }

    fn probe_ask(&self, id: u32, word: &str) -> anyhow::Result<Value> {
        let probe =
            lock(&self.probes).get(&id).cloned().with_context(|| format!("no probe number {id} runs"))?;
        let mut probe = lock(&probe);
        writeln!(probe.input, "{word}").with_context(|| format!("probe number {id} has ended by itself"))?;
        let mut line = String::new();
        probe.output.read_line(&mut line)?;
        serde_json::from_str(&line).with_context(|| format!("probe number {id} has ended by itself"))
    }

    fn probe_stop(&self, id: u32) -> anyhow::Result<Value> {
        let result = self.probe_ask(id, "stop");
        if let Some(probe) = lock(&self.probes).remove(&id) {
            let mut probe = lock(&probe);
            if result.is_err() {
                let _ = probe.child.kill();
            }
            probe.child.wait()?;
        }
        result
    }

    fn trace(&self, from: &str, to: &str, source_port: Option<u16>) -> anyhow::Result<Trace> {
        self.host(from)?;
        let (to, _) = self.host(to)?;
        let mut command = self.own_program(from);
        command.args(["udp-trace", "--to", &format!("{to}:{}", echo::PORT)]);
        command.args(["--source-port", &source_port.unwrap_or(TRACE_PORT).to_string()]);
        let mut trace: Trace = serde_json::from_str(&sys::run(command, None)?)?;
        if trace.hops.iter().filter_map(|hop| hop.address).any(|a| !lock(&self.addresses).contains_key(&a)) {
            // Sessions come and go, and their addresses with them.
            let nodes: Vec<String> = lock(&self.lab).topology.nodes.iter().map(|n| n.name.clone()).collect();
            *lock(&self.addresses) = addresses(&nodes)?;
        }
        let known = lock(&self.addresses);
        for hop in &mut trace.hops {
            if let Some((node, interface)) = hop.address.and_then(|address| known.get(&address)) {
                hop.node = Some(node.clone());
                hop.interface = Some(interface.clone());
            }
        }
        Ok(trace)
    }
}

/// Who has which address.
fn addresses(nodes: &[String]) -> anyhow::Result<BTreeMap<IpAddr, (String, String)>> {
    let mut found = BTreeMap::new();
    for node in nodes {
        let text = sys::run(sys::command("ip", ["-n", node, "-j", "address"]), None)?;
        let interfaces: Value = serde_json::from_str(&text)?;
        for interface in interfaces.as_array().into_iter().flatten() {
            let name = interface["ifname"].as_str().unwrap_or_default();
            for address in interface["addr_info"].as_array().into_iter().flatten() {
                let address = address["local"].as_str().and_then(|text| text.parse::<IpAddr>().ok());
                if let Some(address) = address.filter(|address| !address.is_loopback()) {
                    found.insert(address, (node.clone(), name.to_string()));
                }
            }
        }
    }
    Ok(found)
}

/// Cuts logs that have grown too long. Daemons append, so they go on writing at the new end.
fn bound_logs(state: &Path) {
    let dirs = std::fs::read_dir(state).into_iter().flatten().flatten().map(|entry| entry.path());
    for dir in dirs.filter(|path| path.is_dir()).flat_map(|dir| [dir.join("ovs"), dir]) {
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            let is_log = entry.path().extension().is_some_and(|ext| ext == "log");
            if is_log && entry.metadata().is_ok_and(|meta| meta.len() > LOG_BYTES_MAX) {
                let file = std::fs::OpenOptions::new().write(true).open(entry.path());
                let _ = file.and_then(|file| file.set_len(0));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_has_grown_too_long_is_cut_and_other_files_are_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let node = dir.path().join("r1");
        std::fs::create_dir(&node).unwrap();
        for (name, length) in
            [("long.log", LOG_BYTES_MAX + 1), ("short.log", 10), ("conf.db", LOG_BYTES_MAX + 1)]
        {
            std::fs::File::create(node.join(name)).unwrap().set_len(length).unwrap();
        }
        bound_logs(dir.path());
        let length = |name: &str| std::fs::metadata(node.join(name)).unwrap().len();
        assert_eq!((length("long.log"), length("short.log")), (0, 10));
        assert_eq!(length("conf.db"), LOG_BYTES_MAX + 1);
    }
}
