//! Where packets go and how long they are lost, with real packets between the lab's hosts.

use anyhow::{Context, ensure};
use meetme_lab::LabClient;
use meetme_lab::proto::{Fault, ProbeSpec};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

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
    Ok(Path {
        nodes: trace.nodes().into_iter().map(str::to_owned).collect(),
        reached: trace.reached,
    })
}

/// Waits until packets from `from` to `to` leave at `exit`; gives the path, or the last one seen.
pub async fn path_by(
    lab: &LabClient,
    from: &str,
    to: &str,
    exit: &str,
    limit: Duration,
) -> anyhow::Result<Path> {
    let until = std::time::Instant::now() + limit;
    loop {
        let seen = path(lab, from, to).await?;
        if seen.exit() == exit || std::time::Instant::now() > until {
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

/// Breaks something while packets run every few milliseconds, watches for `watch`, and tells how
/// long packets were lost: the longest gap of any flow from the fault on. At least one flow
/// crosses the provider's router `over` when the fault comes. The fault stays.
pub async fn outage(
    lab: &LabClient,
    from: &str,
    to: &str,
    over: &str,
    faults: &[Fault],
    watch: Duration,
) -> anyhow::Result<(Outage, Vec<u32>)> {
    let probe = lab
        .probe_start(&ProbeSpec {
            flows: FLOWS,
            ..ProbeSpec::new(from, to)
        })
        .await?;
    let until = std::time::Instant::now() + SPREAD_LIMIT;
    while !crosses(lab, from, to, &probe.source_ports, over).await? {
        ensure!(
            std::time::Instant::now() < until,
            "no flow from {from} to {to} crosses {over}: nothing could be measured"
        );
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let since_ms = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    let mut ids = Vec::new();
    for fault in faults {
        ids.push(
            lab.fault(fault)
                .await
                .with_context(|| format!("can't inject {fault:?}"))?,
        );
    }
    tokio::time::sleep(watch).await;
    let result = lab.probe_stop(probe.id).await?;
    // Every flow is measured for itself: one that stayed on a path that lives hides nothing of
    // one that didn't.
    let worst = |pick: fn(&meetme_lab::proto::FlowResult) -> &meetme_lab::proto::Losses| {
        let mut worst = Some(0.0_f64);
        for flow in &result.flows {
            let losses = pick(flow);
            let gap = losses.longest_since(since_ms).map_or(0.0, |g| g.length_ms);
            worst = if losses.recovered || losses.lost == 0 {
                worst.map(|w| w.max(gap))
            } else {
                None
            };
        }
        worst
    };
    Ok((
        Outage {
            forward_ms: worst(|f| &f.forward),
            round_trip_ms: worst(|f| &f.round_trip),
        },
        ids,
    ))
}

async fn crosses(
    lab: &LabClient,
    from: &str,
    to: &str,
    ports: &[u16],
    over: &str,
) -> anyhow::Result<bool> {
    for port in ports {
        if lab
            .trace(from, to, Some(*port))
            .await?
            .nodes()
            .contains(&over)
        {
            return Ok(true);
        }
    }
    Ok(false)
}
