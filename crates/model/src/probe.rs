//! Probes that a router of an edge sends: connection monitor tests of peering services and
//! connectivity probes of peerings (`docs/rules.md` §8).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// A probe, as its router is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// Who asked for it: `test:<id>` or `peering:<id>:<place>`.
    pub id: String,
    /// The router that sends it.
    pub router: String,
    /// Where it goes.
    pub destination: IpAddr,
    /// TCP port to connect to; none: ICMP echo.
    pub tcp_port: Option<u16>,
    /// Time between tries.
    pub interval_s: u32,
    /// Whether a refused TCP connection counts as an answer: for reachability it does.
    pub refusal_answers: bool,
    /// Whether the path is looked for, too.
    pub with_path: bool,
}

/// What the newest try of a probe came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeOutcome {
    /// The probe.
    pub id: String,
    /// The router that sent it.
    pub router: String,
    /// When it ended.
    pub at: Timestamp,
    /// Round trip; `None`: not answered, `error` says why.
    pub rtt_ms: Option<f64>,
    /// The path as far as it answered, one address or `*` a hop; empty when it wasn't looked for.
    pub path: Vec<String>,
    /// Why it failed.
    pub error: Option<String>,
    /// True when it couldn't even be sent, so that it says nothing about its destination.
    #[serde(default)]
    pub untried: bool,
}

/// What a looking glass is asked (`docs/rules.md` §8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LookingGlass {
    /// The path to an address.
    Traceroute(IpAddr),
    /// Whether an address answers.
    Ping(IpAddr),
    /// The routes to an address or prefix.
    BgpRoute(crate::prefix::Prefix),
}
