//! Where packets go and how long they are lost, with real packets between the lab's hosts.

use anyhow::{Context, ensure};
use meetme_lab::LabClient;
use meetme_lab::proto::{Fault, Losses, ProbeSpec, ProbeStarted};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Where traffic leaves the host's network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// Nodes on the way, `*` for a silent one.
    pub nodes: Vec<String>,
    /// Whether the other host was reached.
    pub reached: bool,
}

impl Path {
    /// The metro whose interconnect is crossed, or `Internet`, or `nowhere`.
    pub fn exit(&self) -> &'static str {
        if !self.reached {
            "nowhere"
        } else if self.nodes.iter().any(|n| n == "transit") {
            "Internet"
        } else if self.nodes.iter().any(|n| n.starts_with("tel-ams")) {
            "Amsterdam"
        } else if self.nodes.iter().any(|n| n.starts_with("tel-fra")) {
            "Frankfurt"
        } else {
            "nowhere"
        }
    }
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.exit(), self.nodes.join(" → "))
    }
}

/// The path of packets between two hosts.
pub async fn path(lab: &LabClient, from: &str, to: &str) -> anyhow::Result<Path> {
    let trace = lab.trace(from, to, None).await?;
    Ok(Path { nodes: trace.nodes().into_iter().map(str::to_owned).collect(), reached: trace.reached })
}

/// Waits until packets from `from` to `to` leave at `exit`; gives the path, or the last one seen.
pub async fn path_by(
    lab: &LabClient,
    from: &str,
    to: &str,
    exit: &str,
    limit: Duration,
) -> anyhow::Result<Path> {
    let until = Instant::now() + limit;
    loop {
        let seen = path(lab, from, to).await?;
        if seen.exit() == exit || Instant::now() > until {
            return Ok(seen);
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

/// How long packets were lost around a fault.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outage {
    /// Host → provider, ms; `None`: packets never came again.
    pub forward_ms: Option<f64>,
    /// Round trip, ms; `None`: packets never came again.
    pub round_trip_ms: Option<f64>,
}

/// Flows of a probe: enough that routers hash some of them over every path.
const FLOWS: u16 = 8;
/// Traffic is back on all paths within this time after everything was mended.
const SPREAD_LIMIT: Duration = Duration::from_secs(20);

/// Breaks something while packets run from each of `hosts` every few milliseconds, watches for
/// `watch`, and tells for each host how long packets were lost: the longest gap of any flow from
/// the fault on. At least one flow crosses the provider's router `over` when the fault comes. The
/// faults stay; their ids are given back.
pub async fn outage<const N: usize>(
    lab: &LabClient,
    hosts: [&str; N],
    to: &str,
    over: &str,
    faults: &[Fault],
    watch: Duration,
) -> anyhow::Result<([Outage; N], Vec<u32>)> {
    let mut probes = Vec::new();
    for from in hosts {
        probes.push(lab.probe_start(&ProbeSpec { flows: FLOWS, ..ProbeSpec::new(from, to) }).await?);
    }
    let until = Instant::now() + SPREAD_LIMIT;
    while !crosses(lab, &hosts, to, &probes, over).await? {
        ensure!(Instant::now() < until, "no flow to {to} crosses {over}: nothing could be measured");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let since_ms = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    let mut ids = Vec::new();
    for fault in faults {
        ids.push(lab.fault(fault).await.with_context(|| format!("can't inject {fault:?}"))?);
    }
    tokio::time::sleep(watch).await;
    let mut outages = [Outage::default(); N];
    for (probe, outage) in probes.iter().zip(&mut outages) {
        let flows = lab.probe_stop(probe.id).await?.flows;
        outage.forward_ms = longest(flows.iter().map(|f| &f.forward), since_ms);
        outage.round_trip_ms = longest(flows.iter().map(|f| &f.round_trip), since_ms);
    }
    Ok((outages, ids))
}

/// The longest gap of any flow. Every flow is measured for itself: one that stayed on a path that
/// lives hides nothing of one that didn't.
fn longest<'l>(flows: impl Iterator<Item = &'l Losses>, since_ms: u64) -> Option<f64> {
    let mut worst = 0.0_f64;
    for losses in flows {
        if losses.lost > 0 && !losses.recovered {
            return None;
        }
        worst = worst.max(losses.longest_since(since_ms).map_or(0.0, |g| g.length_ms));
    }
    Some(worst)
}

async fn crosses(
    lab: &LabClient,
    hosts: &[&str],
    to: &str,
    probes: &[ProbeStarted],
    over: &str,
) -> anyhow::Result<bool> {
    for (from, probe) in hosts.iter().zip(probes) {
        for port in &probe.source_ports {
            if lab.trace(from, to, Some(*port)).await?.nodes().contains(&over) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
