//! `meetme-lab`: the command line over the lab's socket, and the lab's own processes as hidden subcommands. No logic:
//! everything it does is a call into the library.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{IpAddr, SocketAddr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use ipnet::IpNet;
use meetme_lab::proto::{Announcement, Bfd, Fault, ProbeResult, ProbeSpec, Session, Status, Trace};
use meetme_lab::topology::Endpoint;
use meetme_lab::{LabClient, Topology, echo, probe, supervisor, trace, up};

/// A line on standard output. A reader that has gone (`| head`) is no reason to fail.
macro_rules! say {
    ($($text:tt)*) => { say_raw(&(format!($($text)*) + "\n")) };
}

fn say_raw(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// A lab of real routers in network namespaces (docs/lab.md).
#[derive(Parser)]
#[command(name = "meetme-lab", version)]
struct Cli {
    /// The lab's state directory.
    #[arg(long, global = true, default_value = ".meetme/lab", env = "MEETME_LAB_STATE")]
    state: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build a lab and leave it running; returns when all daemons answer.
    Up {
        /// The topology file.
        #[arg(long, default_value = "labs/default/topology.toml")]
        topology: PathBuf,
        /// Stay, and end the lab on interrupt.
        #[arg(long)]
        foreground: bool,
    },
    /// End the lab.
    Down,
    /// Nodes, daemons, cables, faults.
    Status {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Run a command in a node.
    Exec {
        /// The node.
        node: String,
        /// The command.
        #[arg(last = true, required = true)]
        command: Vec<String>,
    },
    /// Start a long-running command in a node, logging to <state>/log/NAME.log.
    Spawn {
        /// The node.
        node: String,
        /// Name to kill it by.
        name: String,
        /// The command.
        #[arg(last = true, required = true)]
        command: Vec<String>,
    },
    /// Signal a spawned command.
    Kill {
        /// Its name.
        name: String,
        /// The signal.
        #[arg(long, default_value = "TERM")]
        signal: String,
    },
    /// Put a cable between two ports, NODE:PORT each.
    Cable {
        /// One port.
        a: Endpoint,
        /// The other.
        b: Endpoint,
    },
    /// Take a port's cable out.
    Uncable {
        /// The port.
        port: Endpoint,
    },
    /// Configure a session on a peer router.
    Session(SessionArgs),
    /// Remove a session from a peer router.
    SessionRemove {
        /// The peer router.
        node: String,
        /// The session.
        name: String,
    },
    /// Show what a peer router is told to do, as JSON.
    Peer {
        /// The peer router.
        node: String,
    },
    /// Announce a prefix from a peer router.
    Announce(AnnounceArgs),
    /// Withdraw prefixes from a peer router; all when none is named.
    Withdraw {
        /// The peer router.
        node: String,
        /// Which.
        prefixes: Vec<IpNet>,
        /// On this session only.
        #[arg(long)]
        session: Option<String>,
    },
    /// Break something.
    Fault {
        #[command(subcommand)]
        fault: Fault,
    },
    /// Mend a fault by its number, or all.
    Mend {
        /// `all` or a number.
        #[arg(default_value = "all")]
        which: String,
    },
    /// Send packets from host to host and tell what was lost.
    Probe {
        /// Host that sends.
        from: String,
        /// Host that echoes.
        to: String,
        /// For how long.
        #[arg(long, default_value_t = 5)]
        seconds: u64,
        /// Milliseconds between two packets of a flow.
        #[arg(long, default_value_t = 5)]
        interval_ms: u32,
        /// Flows, each with a source port of its own.
        #[arg(long, default_value_t = 1)]
        flows: u16,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show the path of packets from host to host.
    Trace {
        /// Host that sends.
        from: String,
        /// Host that is sent to.
        to: String,
        /// UDP source port.
        #[arg(long)]
        source_port: Option<u16>,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    #[command(hide = true)]
    Supervise {
        #[arg(long)]
        topology: PathBuf,
        #[arg(long)]
        until_input_ends: bool,
    },
    #[command(hide = true)]
    UdpEcho {
        #[arg(long)]
        port: u16,
        #[arg(long)]
        record: PathBuf,
    },
    #[command(hide = true)]
    UdpProbe {
        #[arg(long)]
        to: SocketAddr,
        #[arg(long, value_delimiter = ',')]
        source_ports: Vec<u16>,
        #[arg(long)]
        interval_ms: u64,
        #[arg(long)]
        record: PathBuf,
    },
    #[command(hide = true)]
    UdpTrace {
        #[arg(long)]
        to: SocketAddrV4,
        #[arg(long)]
        source_port: u16,
    },
}

#[derive(Args)]
struct SessionArgs {
    /// The peer router.
    node: String,
    /// The session's name.
    name: String,
    /// Ports that form a LAG.
    #[arg(long, value_delimiter = ',')]
    members: Vec<String>,
    /// Interface: the LAG's name, or a port without LAG.
    #[arg(long)]
    interface: Option<String>,
    /// Own address with length.
    #[arg(long)]
    local: IpNet,
    /// The host's address.
    #[arg(long)]
    remote: IpAddr,
    /// Own AS; the router's by default.
    #[arg(long)]
    local_asn: Option<u32>,
    /// The host's AS.
    #[arg(long)]
    remote_asn: u32,
    /// BFD interval in milliseconds; 0 for no BFD.
    #[arg(long, default_value_t = 50)]
    bfd_interval_ms: u32,
    /// BFD multiplier.
    #[arg(long, default_value_t = 3)]
    bfd_multiplier: u8,
    /// TCP MD5 key.
    #[arg(long)]
    md5: Option<String>,
    /// Without GTSM.
    #[arg(long)]
    no_gtsm: bool,
}

#[derive(Args)]
struct AnnounceArgs {
    /// The peer router.
    node: String,
    /// The prefix, or the first of them with --count.
    prefix: IpNet,
    /// On this session only.
    #[arg(long)]
    session: Option<String>,
    /// Communities, N:N or N:N:N.
    #[arg(long = "community")]
    communities: Vec<String>,
    /// AS path behind the router's own AS.
    #[arg(long, value_delimiter = ',')]
    as_path: Vec<u32>,
    /// Next hop.
    #[arg(long)]
    next_hop: Option<IpAddr>,
    /// Multi-exit discriminator.
    #[arg(long)]
    med: Option<u32>,
    /// How many prefixes of this length in a row (IPv4).
    #[arg(long, default_value_t = 1)]
    count: u32,
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("meetme-lab: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Up { topology, foreground } => start(&cli.state, topology, foreground)?,
        Command::Supervise { topology, until_input_ends } => {
            supervise(&topology, &cli.state, until_input_ends)?
        }
        Command::UdpEcho { port, record } => echo::serve(port, &record)?,
        Command::UdpProbe { to, source_ports, interval_ms, record } => {
            let interval = Duration::from_millis(interval_ms);
            probe::run(&probe::Options { to, interval, source_ports, record })?;
        }
        Command::UdpTrace { to, source_port } => {
            println!("{}", serde_json::to_string(&trace::run(to, source_port)?)?)
        }
        command => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            return runtime.block_on(request(&cli.state, command));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn start(state: &Path, topology: PathBuf, foreground: bool) -> anyhow::Result<()> {
    let options = up::Options {
        program: std::env::current_exe()?,
        topology,
        state: state.to_path_buf(),
        bound_to_caller: foreground,
    };
    let started = up::up(&options, |step| eprintln!("  {step}"))?;
    println!("the lab is up; its state is in {}", started.client.state_dir().display());
    if foreground {
        started.wait()?;
    }
    Ok(())
}

fn supervise(topology: &Path, state: &Path, until_input_ends: bool) -> anyhow::Result<()> {
    if until_input_ends {
        std::thread::spawn(|| {
            let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
            std::process::exit(0);
        });
    }
    let begin = std::time::Instant::now();
    let progress = |step: &str| println!("{:5.1} s  {step}", begin.elapsed().as_secs_f32());
    supervisor::run(Topology::load(topology)?, state, &progress, || println!("{}", up::READY))
}

async fn request(state: &Path, command: Command) -> anyhow::Result<ExitCode> {
    let lab = LabClient::new(state);
    match command {
        Command::Down => up::down(state).await?,
        Command::Status { json } => {
            let status = lab.status().await?;
            if json { say!("{}", serde_json::to_string_pretty(&status)?) } else { print_status(&status) }
        }
        Command::Exec { node, command } => {
            let words: Vec<&str> = command.iter().map(String::as_str).collect();
            let output = lab.exec(&node, &words).await?;
            say_raw(&output.stdout);
            eprint!("{}", output.stderr);
            return Ok(ExitCode::from(u8::try_from(output.code).unwrap_or(255)));
        }
        Command::Spawn { node, name, command } => {
            let words: Vec<&str> = command.iter().map(String::as_str).collect();
            say!("{}", lab.spawn(&node, &name, &words, BTreeMap::new()).await?);
        }
        Command::Kill { name, signal } => lab.kill(&name, Some(&signal)).await?,
        Command::Cable { a, b } => lab.cable(&a, &b).await?,
        Command::Uncable { port } => lab.uncable(&port).await?,
        Command::Session(args) => lab.session(&args.node.clone(), &session(args)).await?,
        Command::SessionRemove { node, name } => lab.session_remove(&node, &name).await?,
        Command::Peer { node } => {
            say!("{}", serde_json::to_string_pretty(&lab.peer(&node).await?)?)
        }
        Command::Announce(args) => {
            let (node, session) = (args.node.clone(), args.session.clone());
            lab.announce(&node, session.as_deref(), announcements(args)?).await?;
        }
        Command::Withdraw { node, prefixes, session } => {
            lab.withdraw(&node, session.as_deref(), prefixes).await?
        }
        Command::Fault { fault } => say!("fault {}", lab.fault(&fault).await?),
        Command::Mend { which } => {
            let id = if which == "all" { None } else { Some(which.parse()?) };
            lab.mend(id).await?;
        }
        Command::Probe { from, to, seconds, interval_ms, flows, json } => {
            let started = lab.probe_start(&ProbeSpec { from, to, interval_ms, flows }).await?;
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            let result = lab.probe_stop(started.id).await?;
            if json { say!("{}", serde_json::to_string_pretty(&result)?) } else { print_probe(&result) }
        }
        Command::Trace { from, to, source_port, json } => {
            let trace = lab.trace(&from, &to, source_port).await?;
            if json { say!("{}", serde_json::to_string_pretty(&trace)?) } else { print_trace(&trace) }
        }
        Command::Up { .. }
        | Command::Supervise { .. }
        | Command::UdpEcho { .. }
        | Command::UdpProbe { .. }
        | Command::UdpTrace { .. } => unreachable!("handled before"),
    }
    Ok(ExitCode::SUCCESS)
}

fn session(args: SessionArgs) -> Session {
    let bfd = Bfd { interval_ms: args.bfd_interval_ms, multiplier: args.bfd_multiplier };
    Session {
        name: args.name,
        members: args.members,
        interface: args.interface,
        local: args.local,
        remote: args.remote,
        local_asn: args.local_asn,
        remote_asn: args.remote_asn,
        bfd: (bfd.interval_ms > 0).then_some(bfd),
        md5: args.md5,
        gtsm: !args.no_gtsm,
    }
}

fn announcements(args: AnnounceArgs) -> anyhow::Result<Vec<Announcement>> {
    let one = Announcement {
        prefix: args.prefix,
        communities: args.communities,
        as_path: args.as_path,
        next_hop: args.next_hop,
        med: args.med,
    };
    if args.count == 1 {
        return Ok(vec![one]);
    }
    let prefixes = Announcement::in_a_row(args.prefix, args.count).map_err(anyhow::Error::msg)?;
    Ok(prefixes.into_iter().map(|prefix| Announcement { prefix, ..one.clone() }).collect())
}

fn print_status(status: &Status) {
    say!("lab '{}' in {}", status.name, status.state_dir);
    for node in &status.nodes {
        let daemons: Vec<_> = node
            .daemons
            .iter()
            .map(|d| if d.alive { d.name.clone() } else { format!("{} (dead)", d.name) })
            .collect();
        let kind = format!("{:?}", node.kind).to_lowercase();
        say!("  {:<12} {kind:<7} {} {}", node.name, daemons.join(" "), node.sessions.join(" "));
    }
    for (a, b) in &status.cables {
        say!("  cable        {a} - {b}");
    }
    for fault in &status.faults {
        say!("  fault {:<6} {:?}", fault.id, fault.fault);
    }
    for command in &status.spawned {
        say!("  spawned      {} {}", command.name, if command.alive { "runs" } else { "ended" });
    }
    let daemons = || status.nodes.iter().flat_map(|node| &node.daemons);
    let rss: u64 = daemons().map(|daemon| daemon.rss_kib).sum();
    say!(
        "  {} daemons, {} alive, {} MiB",
        daemons().count(),
        daemons().filter(|d| d.alive).count(),
        rss / 1024
    );
}

fn print_probe(result: &ProbeResult) {
    say!(
        "sent {}, received {}, round trip {} us (p50), {} us (p99)",
        result.sent,
        result.received,
        result.rtt_p50_us,
        result.rtt_p99_us
    );
    for (way, losses) in [("round trip", &result.round_trip), ("forward", &result.forward)] {
        let recovered = if losses.recovered { "" } else { ", never recovered" };
        say!("{way}: lost {}, longest gap {:.1} ms{recovered}", losses.lost, losses.longest_gap_ms);
    }
}

fn print_trace(trace: &Trace) {
    for hop in &trace.hops {
        let address = hop.address.map_or("*".to_string(), |address| address.to_string());
        let interface = hop.interface.as_deref().unwrap_or("");
        say!("{:>2}  {:<16} {} {interface}", hop.ttl, address, hop.node.as_deref().unwrap_or("*"));
    }
    say!("{}", if trace.reached { "reached" } else { "not reached" });
}
