//! What is said on the lab's socket: one JSON request per connection and line, one JSON answer. Types only.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::topology::{Endpoint, Kind};

/// A request to the supervisor.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Request {
    /// [`Status`] of everything.
    Status,
    /// End the lab, with everything in it.
    Down,
    /// Run a command in a node to its end; answers [`Output`].
    Exec {
        /// The node.
        node: String,
        /// Program and arguments.
        command: Vec<String>,
    },
    /// Start a long-running command in a node; answers its process id inside the lab.
    Spawn {
        /// The node.
        node: String,
        /// Name to kill it by, also of its log file `<state>/log/NAME.log`.
        name: String,
        /// Program and arguments.
        command: Vec<String>,
        /// Additional environment variables.
        #[serde(default)]
        env: BTreeMap<String, String>,
    },
    /// Signal a spawned command.
    Kill {
        /// Its name.
        name: String,
        /// Signal name without `SIG`, `TERM` by default.
        #[serde(default)]
        signal: Option<String>,
    },
    /// Join two ports: both see light.
    Cable {
        /// One port.
        a: Endpoint,
        /// The other.
        b: Endpoint,
    },
    /// Take the cable of a port out: both ends go dark.
    Uncable {
        /// Either of its ports.
        port: Endpoint,
    },
    /// Configure a session on a peer router, replacing one of the same name.
    Session {
        /// The peer router.
        node: String,
        /// The session.
        session: Session,
    },
    /// Remove a session from a peer router.
    SessionRemove {
        /// The peer router.
        node: String,
        /// The session's name.
        name: String,
    },
    /// Announce prefixes on one session, or on all sessions, present and future, of a peer router.
    Announce {
        /// The peer router.
        node: String,
        /// One session, or all.
        #[serde(default)]
        session: Option<String>,
        /// What to announce; replaces what was announced for the same prefix.
        announcements: Vec<Announcement>,
    },
    /// Withdraw prefixes on one session or on all of a peer router.
    Withdraw {
        /// The peer router.
        node: String,
        /// One session, or all.
        #[serde(default)]
        session: Option<String>,
        /// Which prefixes; all of them when empty.
        #[serde(default)]
        prefixes: Vec<IpNet>,
    },
    /// What a peer router is told to do; answers [`PeerState`].
    Peer {
        /// The peer router.
        node: String,
    },
    /// Break something; answers the fault's id.
    Fault {
        /// What.
        fault: Fault,
    },
    /// Mend one fault, or all of them.
    Mend {
        /// Its id; all when absent.
        #[serde(default)]
        id: Option<u32>,
    },
    /// Start sending packets from host to host; answers [`ProbeStarted`].
    ProbeStart {
        /// What to send.
        probe: ProbeSpec,
    },
    /// Figures of a running probe so far; answers [`ProbeResult`].
    ProbeStatus {
        /// The probe.
        id: u32,
    },
    /// Stop a probe, wait for its last packets; answers [`ProbeResult`].
    ProbeStop {
        /// The probe.
        id: u32,
    },
    /// The path of packets from host to host; answers [`Trace`].
    Trace {
        /// Host that sends.
        from: String,
        /// Host that is sent to.
        to: String,
        /// UDP source port: that of a probe's flow shows this flow's path.
        #[serde(default)]
        source_port: Option<u16>,
    },
}

/// The answer to a request.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It worked; the value is the one that the request names.
    Ok(serde_json::Value),
    /// It didn't; what was wrong, where, and what to do.
    Error(String),
}

/// A peer router's side of a BGP session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Name, unique on the router.
    pub name: String,
    /// Ports that form a LAG with LACP (active, fast); empty for a session on an interface that is there already.
    #[serde(default)]
    pub members: Vec<String>,
    /// The interface that carries the address. With members: the LAG's name, else `lagN`. Without: an existing
    /// interface, as a port without LAG or the LAG of another session.
    #[serde(default)]
    pub interface: Option<String>,
    /// Own address with the subnet's length.
    pub local: IpNet,
    /// The host's address.
    pub remote: IpAddr,
    /// Own AS; the router's by default.
    #[serde(default)]
    pub local_asn: Option<u32>,
    /// The host's AS.
    pub remote_asn: u32,
    /// BFD timers; no BFD when absent.
    #[serde(default)]
    pub bfd: Option<Bfd>,
    /// TCP MD5 key (RFC 2385).
    #[serde(default)]
    pub md5: Option<String>,
    /// GTSM (RFC 5082): TTL 255 sent and required. On by default.
    #[serde(default = "yes")]
    pub gtsm: bool,
}

fn yes() -> bool {
    true
}

/// BFD timers (RFC 5880).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bfd {
    /// Desired transmit and required receive interval, in milliseconds.
    pub interval_ms: u32,
    /// Detection multiplier.
    pub multiplier: u8,
}

/// One prefix as a peer router announces it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Announcement {
    /// The prefix.
    pub prefix: IpNet,
    /// Communities: `N:N` (RFC 1997) or `N:N:N` (RFC 8092).
    #[serde(default)]
    pub communities: Vec<String>,
    /// AS path behind the router's own AS: prepends, private ASNs, whatever.
    #[serde(default)]
    pub as_path: Vec<u32>,
    /// Next hop other than the session's own address.
    #[serde(default)]
    pub next_hop: Option<IpAddr>,
    /// Multi-exit discriminator.
    #[serde(default)]
    pub med: Option<u32>,
}

impl Announcement {
    /// A plain announcement: no community, no path but the router's own AS.
    pub fn of(prefix: IpNet) -> Self {
        Announcement { prefix, communities: Vec::new(), as_path: Vec::new(), next_hop: None, med: None }
    }

    /// As many IPv4 prefixes of one length in a row, for announcing in bulk.
    pub fn in_a_row(first: IpNet, count: u32) -> Result<Vec<IpNet>, String> {
        let IpNet::V4(first) = first else {
            return Err(format!("{first} isn't IPv4"));
        };
        let size = 1_u64 << (32 - first.prefix_len());
        let start = u64::from(u32::from(first.network()));
        if start + size * u64::from(count) > 1 << 32 {
            return Err(format!("{count} prefixes from {first} on run past the end of IPv4"));
        }
        let nth = |n: u32| std::net::Ipv4Addr::from((start + size * u64::from(n)) as u32);
        (0..count).map(|n| IpNet::new(nth(n).into(), first.prefix_len()).map_err(|e| e.to_string())).collect()
    }

    /// The same with one community more.
    pub fn with_community(mut self, community: &str) -> Self {
        self.communities.push(community.into());
        self
    }
}

/// What a peer router is told to do.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct PeerState {
    /// Its sessions.
    pub sessions: Vec<Session>,
    /// Announced on all sessions, present and future.
    pub on_all: BTreeMap<IpNet, Announcement>,
    /// Announced on one session; `None` where a prefix of `on_all` is withdrawn on this session alone.
    pub on_one: BTreeMap<String, BTreeMap<IpNet, Option<Announcement>>>,
}

/// What can be broken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, clap::Subcommand)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Fault {
    /// One link goes dark at both ends.
    CutMember {
        /// A port or an interface of a permanent link.
        port: Endpoint,
    },
    /// All members of a LAG go dark.
    CutLag {
        /// The router at either end.
        node: String,
        /// The LAG's interface, or a session of this router.
        lag: String,
    },
    /// All cables of a site's routers go dark: the location is lost to its peers, its routers live.
    CutSite {
        /// The site's node.
        site: String,
    },
    /// A black hole: packets vanish on the session's interconnect while light and LACP stay.
    Silent {
        /// The peer router.
        node: String,
        /// The session.
        session: String,
    },
    /// A daemon dies (SIGKILL) and stays dead.
    KillDaemon {
        /// The node.
        node: String,
        /// As `status` names it: `bgpd`, `bird`, `ovs-vswitchd`, …
        daemon: String,
    },
    /// All daemons of a router die and all its links go dark.
    KillRouter {
        /// The router.
        node: String,
    },
    /// All routers of a site die at once.
    KillSite {
        /// The site's node.
        site: String,
    },
}

/// A fault that is in force.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FaultInForce {
    /// Its id, to mend it by.
    pub id: u32,
    /// What is broken.
    pub fault: Fault,
    /// Since when, in milliseconds since the epoch.
    pub since_ms: u64,
}

/// What a command said.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Output {
    /// Exit status; -1 when ended by a signal.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// Everything about a running lab.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Status {
    /// The topology's name.
    pub name: String,
    /// The state directory.
    pub state_dir: String,
    /// Nodes in the topology's order.
    pub nodes: Vec<NodeStatus>,
    /// Cables, both ends.
    pub cables: Vec<(Endpoint, Endpoint)>,
    /// Faults in force.
    pub faults: Vec<FaultInForce>,
    /// Commands spawned in nodes.
    pub spawned: Vec<DaemonStatus>,
}

/// One node.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NodeStatus {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: Kind,
    /// Its daemons.
    pub daemons: Vec<DaemonStatus>,
    /// Its sessions, for a peer router.
    pub sessions: Vec<String>,
}

/// One process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DaemonStatus {
    /// Its name.
    pub name: String,
    /// Its process id inside the lab.
    pub pid: u32,
    /// Whether it runs.
    pub alive: bool,
    /// Resident memory, in KiB; 0 when it doesn't run.
    pub rss_kib: u64,
}

/// Packets to send: UDP, DSCP EF, echoed by the receiving host.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProbeSpec {
    /// Host that sends.
    pub from: String,
    /// Host that echoes.
    pub to: String,
    /// Time between two packets of a flow, in milliseconds.
    #[serde(default = "five")]
    pub interval_ms: u32,
    /// Flows, each with a source port of its own (routers hash them on different paths).
    #[serde(default = "one")]
    pub flows: u16,
}

fn five() -> u32 {
    5
}

fn one() -> u16 {
    1
}

impl ProbeSpec {
    /// One flow, a packet every 5 ms.
    pub fn new(from: &str, to: &str) -> Self {
        ProbeSpec { from: from.into(), to: to.into(), interval_ms: five(), flows: one() }
    }
}

/// A probe that runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProbeStarted {
    /// Its id.
    pub id: u32,
    /// The flows' UDP source ports.
    pub source_ports: Vec<u16>,
}

/// What a probe saw.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ProbeResult {
    /// Packets sent, over all flows; those still under way in a running probe aren't counted.
    pub sent: u64,
    /// Packets that came back.
    pub received: u64,
    /// Median round trip, in microseconds.
    pub rtt_p50_us: u64,
    /// 99th percentile of the round trip, in microseconds.
    pub rtt_p99_us: u64,
    /// Losses of the round trip.
    pub round_trip: Losses,
    /// Losses on the way there, by the echoing host's own record; empty while the probe runs.
    pub forward: Losses,
    /// Each flow for itself.
    pub flows: Vec<FlowResult>,
}

/// One flow of a probe.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct FlowResult {
    /// Its UDP source port.
    pub source_port: u16,
    /// Packets sent.
    pub sent: u64,
    /// Packets that came back.
    pub received: u64,
    /// Losses of the round trip.
    pub round_trip: Losses,
    /// Losses on the way there.
    pub forward: Losses,
}

/// Lost packets, as gaps.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Losses {
    /// Packets lost in all.
    pub lost: u64,
    /// The longest gap, in milliseconds: from the sending of the last packet that arrived before it to the sending of
    /// the first that arrived after it. 0 when nothing was lost.
    pub longest_gap_ms: f64,
    /// When the longest gap began, in milliseconds since the epoch; 0 when nothing was lost.
    pub longest_gap_began_ms: u64,
    /// Whether packets arrived again after every gap. A probe that ends inside a gap never recovered.
    pub recovered: bool,
    /// Gaps in order of time; at most [`GAPS_MAX`], the first ones.
    pub gaps: Vec<Gap>,
}

/// How many gaps a result lists.
pub const GAPS_MAX: usize = 100;

/// A run of lost packets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gap {
    /// When it began, in milliseconds since the epoch.
    pub began_ms: u64,
    /// How long it was, in milliseconds.
    pub length_ms: f64,
    /// Packets lost in it.
    pub lost: u64,
}

impl Losses {
    /// The longest gap that was not over before a moment (milliseconds since the epoch), as after a fault's injection.
    pub fn longest_since(&self, since_ms: u64) -> Option<&Gap> {
        self.gaps
            .iter()
            .filter(|gap| gap.began_ms as f64 + gap.length_ms >= since_ms as f64)
            .max_by(|a, b| a.length_ms.total_cmp(&b.length_ms))
    }
}

/// The path that packets took.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Trace {
    /// Whether the other host was reached.
    pub reached: bool,
    /// Hops in order, the last one being the host.
    pub hops: Vec<Hop>,
}

impl Trace {
    /// Names of the nodes on the way, `*` for a silent one.
    pub fn nodes(&self) -> Vec<&str> {
        self.hops.iter().map(|hop| hop.node.as_deref().unwrap_or("*")).collect()
    }

    /// Whether packets crossed from one node directly to the other.
    pub fn crosses(&self, from: &str, to: &str) -> bool {
        self.nodes().windows(2).any(|pair| pair == [from, to])
    }
}

/// One hop of a path.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Hop {
    /// Time to live that the packet had.
    pub ttl: u8,
    /// Who answered: the address of the interface that the packet came in by.
    pub address: Option<IpAddr>,
    /// The node that has this address.
    pub node: Option<String>,
    /// The interface that has this address.
    pub interface: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_without_optional_fields_has_gtsm_and_no_bfd() {
        let session: Session = serde_json::from_str(
            r#"{"name":"s","local":"198.18.192.0/31","remote":"198.18.192.1","remote_asn":64500}"#,
        )
        .unwrap();
        assert!(session.gtsm && session.bfd.is_none() && session.members.is_empty());
    }

    #[test]
    fn a_fault_reads_as_its_command_line_name() {
        let json = serde_json::to_string(&Fault::CutMember { port: "a:et1".parse().unwrap() }).unwrap();
        assert_eq!(json, r#"{"kind":"cut-member","port":"a:et1"}"#);
    }

    #[test]
    fn the_longest_gap_since_a_moment_ignores_those_that_were_over() {
        let gap = |began_ms, length_ms| Gap { began_ms, length_ms, lost: 1 };
        let losses =
            Losses { gaps: vec![gap(1000, 500.0), gap(2000, 20.0), gap(2500, 90.0)], ..Losses::default() };
        assert_eq!(losses.longest_since(1900).unwrap().length_ms, 90.0);
        assert_eq!(losses.longest_since(1400).unwrap().length_ms, 500.0);
        assert_eq!(losses.longest_since(9000), None);
    }

    #[test]
    fn prefixes_in_a_row_follow_each_other_and_end_with_the_address_space() {
        let row = Announcement::in_a_row("198.19.255.0/24".parse().unwrap(), 2).unwrap();
        assert_eq!(row, ["198.19.255.0/24".parse().unwrap(), "198.20.0.0/24".parse::<IpNet>().unwrap()]);
        assert!(Announcement::in_a_row("255.255.255.0/24".parse().unwrap(), 2).is_err());
        assert!(Announcement::in_a_row("2001:db8::/48".parse().unwrap(), 2).is_err());
    }

    #[test]
    fn a_trace_tells_which_interconnect_is_crossed() {
        let hop = |ttl, node: &str| Hop { ttl, address: None, node: Some(node.into()), interface: None };
        let trace = Trace { reached: true, hops: vec![hop(1, "cr"), hop(2, "er1"), hop(3, "tel-1")] };
        assert!(trace.crosses("er1", "tel-1"));
        assert!(!trace.crosses("cr", "tel-1"));
    }
}
