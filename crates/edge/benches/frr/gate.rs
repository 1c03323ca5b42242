//! A session whose peer, a BIRD, brings 20,000 routes: how long from BFD up until its gate is open and
//! its routes are used, and what a route costs bgpd. A real edge drives the router.

use crate::common::net::Node;
use crate::common::site::{self, Control};
use crate::cpu_s;
use meetme_edge::routers::frr::vty::{Daemon, Vty};
use meetme_figures::Figures;
use meetme_model::intent::{BfdTimers, RouterIntent, SessionPhase};
use meetme_model::link::ApplyOutcome;
use meetme_model::prefix::Prefix;
use meetme_model::route::{PrefixPolicy, PrefixRole};
use std::fmt::Write;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const ROUTES: u32 = 20_000;
/// Registered prefixes among them, with Voice.
const REGISTERED: u32 = 100;
/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(180);
const POLL: Duration = Duration::from_millis(10);

/// Measures on that version, with Voice: what is registered is used, the rest is held.
pub async fn measure(version: &str, prefix: &str, figures: &mut Figures) -> anyhow::Result<()> {
    let (here, peer) = site::cabled(Node::here_with(version));
    let show = here.vtysh_command("show bfd peers' -c 'show bgp summary");
    let (mut control, _edge, _streams) = site::connect_edge(vec![show]);
    control.send(site::access(&here)).await;
    let voice = brought(&here, &peer, &mut control).await?;
    let told = |what: &str| format!("FRR {version}, one session, 20,000 received routes, {what}");
    let how = told("100 of them registered, from BFD up until its policy is open and they are used");
    figures.at_most(&format!("{prefix}.gate_open_20k_routes_s"), Some(voice.open_s), "s", 5.0, &how);
    let how = told("processor time of bgpd for each, from its start until they are used and told by BMP");
    figures.at_most(&format!("{prefix}.cpu_us_per_route"), Some(voice.cpu_us), "µs", 50.0, &how);
    Ok(())
}

/// What a session's coming took.
struct Brought {
    open_s: f64,
    cpu_us: f64,
}

/// Applies the intent, starts the peer, and waits until all is in use and told.
async fn brought(here: &Node, peer: &Node, control: &mut Control) -> anyhow::Result<Brought> {
    control.intend(&intent()).await;
    control.until("applied", |c| c.outcome(1) == Some(&ApplyOutcome::Confirmed)).await;
    let cpu_before = cpu_s(here, "bgpd")?;
    let _bird = Bird::start(peer)?;
    let up = tokio::spawn(bfd_up(here.dir.clone()));
    let in_kernel = tokio::spawn(used_in_kernel(REGISTERED));
    control.until("open", |c| c.session().gate_open).await;
    let open = Instant::now();
    let is_told = |c: &Control| {
        c.routes.get("c1v4").is_some_and(|r| r.synced && r.received == ROUTES && r.used == REGISTERED)
    };
    control.until("all routes told", is_told).await;
    let open = in_kernel.await??.max(open);
    let cpu_us = (cpu_s(here, "bgpd")? - cpu_before) * 1e6 / f64::from(ROUTES);
    Ok(Brought { open_s: (open - up.await??).as_secs_f64(), cpu_us })
}

/// One session with timers as a lab has them.
fn intent() -> RouterIntent {
    let mut intent = site::intended(1, SessionPhase::Open);
    for session in &mut intent.sessions {
        session.bfd = BfdTimers { interval_ms: 100, multiplier: 3, strict: false };
        session.max_prefixes = ROUTES + 1_000;
        let registered = |n| PrefixPolicy { prefix: prefix(n), role: PrefixRole::Primary };
        // Spread over all that comes.
        let step = (ROUTES / REGISTERED) as usize;
        session.policy.prefixes = (0..ROUTES).step_by(step).map(registered).collect();
    }
    intent
}

/// The peer's prefix `n`.
fn prefix(n: u32) -> Prefix {
    format!("{}/24", Ipv4Addr::from(0x0B00_0000 + (n << 8))).parse().expect("a prefix")
}

/// The peer's router; it ends when dropped.
struct Bird<'n>(&'n Node);

impl<'n> Bird<'n> {
    fn start(peer: &'n Node) -> anyhow::Result<Self> {
        let mut config = format!(
            "log \"{}\" {{ info, warning, error, fatal, bug, auth }};\n\
             router id 198.19.255.1;\nprotocol device {{}}\n\
             protocol bfd {{ interface \"bundle\" {{ interval 100 ms; multiplier 3; idle tx interval 100 ms; }}; }}\n\
             protocol bgp host {{\n local 198.18.192.2 as 64510; neighbor 198.18.192.3 as 64500; direct;\n \
             ttl security on; password \"s3cret\"; bfd on; connect delay time 1; connect retry time 1;\n \
             error wait time 1, 1; ipv4 {{ import all; export where source = RTS_STATIC; }};\n}}\n\
             protocol static {{\n ipv4;\n",
            peer.path("bird.log").display()
        );
        for n in 0..ROUTES {
            let _ = writeln!(config, " route {} blackhole {{ bgp_community.add((8075,8007)); }};", prefix(n));
        }
        config.push_str("}\n");
        let path = |name| peer.path(name).display().to_string();
        std::fs::write(peer.path("bird.conf"), config)?;
        peer.sh(&format!("bird -c {} -s {} -P {}", path("bird.conf"), path("bird.ctl"), path("bird.pid")));
        Ok(Self(peer))
    }
}

impl Drop for Bird<'_> {
    fn drop(&mut self) {
        self.0.signal("bird", "KILL");
    }
}

/// When the router's BFD says that the session's is up, asked without bgpd.
async fn bfd_up(dir: PathBuf) -> anyhow::Result<Instant> {
    let until = Instant::now() + PATIENCE;
    loop {
        let peers = Vty::connect(&dir, Daemon::Bfdd).await?.json("show bfd peers json").await?;
        let is_up = |peer: &serde_json::Value| peer["status"] == "up";
        if peers.as_array().is_some_and(|peers| peers.iter().any(is_up)) {
            return Ok(Instant::now());
        }
        anyhow::ensure!(Instant::now() < until, "BFD doesn't come up: {peers}");
        tokio::time::sleep(POLL).await;
    }
}

/// When so many of the peer's routes are in the kernel.
async fn used_in_kernel(used: u32) -> anyhow::Result<Instant> {
    let until = Instant::now() + PATIENCE;
    loop {
        let routes =
            tokio::process::Command::new("ip").args(["-4", "route", "show", "proto", "bgp"]).output().await?;
        let have = routes.stdout.iter().filter(|byte| **byte == b'\n').count();
        if have == used as usize {
            return Ok(Instant::now());
        }
        anyhow::ensure!(Instant::now() < until, "{have} routes are in the kernel, not {used}");
        tokio::time::sleep(5 * POLL).await;
    }
}
