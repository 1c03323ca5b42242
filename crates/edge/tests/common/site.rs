//! A site with an edge, its router with a peer, and the control plane's end of the link, as the
//! test plays it.

use super::fixture::intent;
use super::net::{Node, sh};
use futures::{SinkExt, StreamExt};
use meetme_edge::agent::{Agent, AgentConfig};
use meetme_model::intent::{BfdTimers, RouterIntent, SessionPhase};
use meetme_model::intent_parts::{IntentPart, IntentParts};
use meetme_model::inventory::{LagBackend, Management, RouterAccess};
use meetme_model::link::*;
use meetme_model::probe::ProbeOutcome;
use meetme_model::samples::RouterSamples;
use meetme_model::unit::UnitName;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::io::DuplexStream;
use tokio_util::codec::{Framed, LengthDelimitedCodec};

/// The peer: what it announces breaks every rule that a real router lets it break. FRR may send a
/// route back to whom it came from when a session comes up twice; `OWN` keeps that out of the counts.
const PEER: &str = "\
bfd
 profile p
  transmit-interval 500
  receive-interval 500
 exit
exit
route-map GOOD permit 10
 set community 8075:8007
exit
route-map LONG permit 10
 set community 8075:8007
 set as-path prepend 64510 64510 64510
exit
route-map PRIVATE permit 10
 set community 8075:8007
 set as-path prepend 65001
exit
route-map PLAIN permit 10
exit
ip prefix-list OWN seq 5 deny 198.18.0.0/17
ip prefix-list OWN seq 10 permit any
router bgp 64510
 bgp router-id 198.19.255.1
 no bgp ebgp-requires-policy
 no bgp network import-check
 neighbor 198.18.192.3 remote-as 64500
 neighbor 198.18.192.3 password s3cret
 neighbor 198.18.192.3 ttl-security hops 1
 no neighbor 198.18.192.3 ebgp-multihop
 neighbor 198.18.192.3 bfd
 neighbor 198.18.192.3 bfd profile p
 neighbor 198.18.192.3 timers connect 1
 address-family ipv4 unicast
  neighbor 198.18.192.3 prefix-list OWN out
  network 198.19.10.0/24 route-map GOOD
  network 198.19.20.0/25 route-map GOOD
  network 198.19.30.0/24 route-map GOOD
  network 198.19.40.0/24 route-map PLAIN
  network 198.19.50.0/24 route-map PRIVATE
  network 198.19.60.0/25 route-map LONG
  network 0.0.0.0/0 route-map GOOD
  network 10.1.0.0/16 route-map GOOD
  network 198.18.5.0/24 route-map GOOD
  network 198.19.70.8/30 route-map GOOD
 exit-address-family
exit
";

/// Longest wait for anything: a minute's samples come when it is over.
const PATIENCE: Duration = Duration::from_secs(120);

/// The control plane's end of the link, and what was last told there.
pub struct Control {
    /// The link.
    pub link: Framed<DuplexStream, LengthDelimitedCodec>,
    pub state: Option<RouterState>,
    gathered: GatheredState,
    /// Units that the edge was sent.
    units: BTreeSet<UnitName>,
    pub result: Option<ApplyResult>,
    pub routes: BTreeMap<String, SessionRoutes>,
    pub samples: Vec<RouterSamples>,
    pub probed: BTreeMap<String, ProbeOutcome>,
    pub answers: BTreeMap<u64, Result<EdgeAnswer, String>>,
    /// Told when something never happens.
    pub nodes: Vec<String>,
}

impl Control {
    /// Nothing told yet.
    pub fn new(link: DuplexStream, nodes: Vec<String>) -> Self {
        Self {
            link: framed(link),
            state: None,
            gathered: GatheredState::default(),
            units: BTreeSet::new(),
            result: None,
            routes: BTreeMap::new(),
            samples: Vec::new(),
            probed: BTreeMap::new(),
            answers: BTreeMap::new(),
            nodes,
        }
    }

    pub async fn send(&mut self, message: ToEdge) {
        self.link.send(bytes::Bytes::from(serde_json::to_vec(&message).unwrap())).await.unwrap();
    }

    pub async fn intend(&mut self, intent: &RouterIntent) {
        let parts = IntentParts::of(intent);
        let units: BTreeSet<UnitName> = parts.units.keys().cloned().collect();
        let gone: Vec<UnitName> = self.units.difference(&units).cloned().collect();
        self.units = units;
        let (parts, head) = parts.one_by_one();
        let gone = gone.into_iter().map(|name| IntentPart::Unit { name, document: None });
        for part in parts.chain(gone) {
            self.send(ToEdge::IntentPart { router: intent.router.clone(), part }).await;
        }
        self.send(ToEdge::Intent { head: Box::new(head) }).await;
    }

    pub async fn next(&mut self) {
        let frame = self.link.next().await.expect("the edge keeps the link").unwrap();
        match serde_json::from_slice(&frame).unwrap() {
            ToControl::Hello { version, site } => {
                assert_eq!((version, site.as_str()), (LINK_VERSION, "ams1"));
            }
            ToControl::IntentWanted { router } => panic!("{router} was told everything"),
            ToControl::RouterPart { part, .. } => self.gathered.take(*part),
            ToControl::Router { state } => self.state = Some(self.gathered.complete(*state)),
            ToControl::Applied { result } => self.result = Some(*result),
            ToControl::Routes { routes } => {
                self.routes.insert(routes.session.clone(), *routes);
            }
            ToControl::Samples { samples } => self.samples.push(*samples),
            ToControl::Probed { outcome } => {
                self.probed.insert(outcome.id.clone(), *outcome);
            }
            ToControl::Answer { id, answer } => {
                self.answers.insert(id, answer);
            }
        }
    }

    /// Reads on until something holds; what was last seen when it never does.
    pub async fn until(&mut self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let waiting = async {
            while !holds(self) {
                self.next().await;
            }
        };
        if tokio::time::timeout(PATIENCE, waiting).await.is_err() {
            let outcome = self.result.as_ref().map(|r| (r.generation, &r.outcome));
            self.nodes.iter().for_each(|show| println!("{}", sh(show)));
            panic!(
                "never: {what}\n{:#?}\n{outcome:?}\n{:#?}\n{:#?}\n{:#?}\n{:#?}",
                self.state, self.routes, self.samples, self.probed, self.answers
            );
        }
    }

    pub fn session(&self) -> SessionState {
        let state = self.state.as_ref();
        state.and_then(|s| s.sessions.get("c1v4")).cloned().unwrap_or_default()
    }

    pub fn outcome(&self, generation: u64) -> Option<&ApplyOutcome> {
        self.result.as_ref().filter(|r| r.generation == generation).map(|r| &r.outcome)
    }
}

pub fn is_up(session: &SessionState) -> bool {
    session.bgp == BgpState::Established && session.bfd == BfdSessionState::Up
}

/// The site's router and a peer's, both with the machine's own FRR.
pub fn routers() -> (Node, Node) {
    beside_a_peer(Node::here())
}

/// The same, but that the site's router runs FRR of that version.
pub fn routers_with(version: &str) -> (Node, Node) {
    beside_a_peer(Node::here_with(version))
}

/// The site's router with FRR of that version, and a peer that has BFD and no BGP of its own.
pub fn router_with_a_silent_peer(version: &str) -> (Node, Node) {
    let (here, peer) = cabled(Node::here_with(version));
    peer.start_frr(&["zebra", "bfdd"]);
    // GTSM looks for it (RFC 5082).
    peer.sh("sysctl -qw net.ipv4.ip_default_ttl=255");
    peer.configure("bfd\n peer 198.18.192.3 local-address 198.18.192.2\n  transmit-interval 500\n  receive-interval 500\n exit\nexit\n");
    (here, peer)
}

fn beside_a_peer(here: Node) -> (Node, Node) {
    let (here, peer) = cabled(here);
    peer.start_frr(&["zebra", "staticd", "bfdd", "bgpd"]);
    peer.configure(PEER);
    (here, peer)
}

/// The site's router, running, and a peer's machine with its cables, bundles and addresses, on which
/// no router runs yet.
pub fn cabled(here: Node) -> (Node, Node) {
    let (peer, peer_pid) = Node::elsewhere();
    here.start_ovs();
    here.start_frr(&["zebra", "staticd", "bfdd", "bgpd"]);
    peer.start_ovs();
    for port in 1..=3 {
        sh(&format!("ip link add et{port} type veth peer name p{port} netns {peer_pid}"));
        peer.sh(&format!("ip link set p{port} up arp off"));
    }
    peer.vsctl(
        "add-br bundle -- set bridge bundle datapath_type=netdev other_config:hwaddr=02:00:00:00:00:01 -- \
         add-bond bundle bond p1 p2 lacp=active bond_mode=balance-tcp other_config:lacp-time=fast",
    );
    peer.vsctl(
        "add-br second -- set bridge second datapath_type=netdev other_config:hwaddr=02:00:00:00:00:02 -- \
         add-port second p3 -- set port p3 lacp=active other_config:lacp-time=fast",
    );
    for (bundle, address) in [("bundle", "198.18.192.2/31"), ("second", "192.0.2.0/31")] {
        peer.sh(&format!("ip link set {bundle} up"));
        peer.sh(&format!("ip addr add {address} dev {bundle}"));
    }
    (here, peer)
}

/// An edge with its first link. Another link takes over when its stream is sent.
pub fn connect(
    here: &Node,
    peer: &Node,
) -> (Control, tokio::task::JoinHandle<()>, tokio::sync::mpsc::Sender<DuplexStream>) {
    let show = "show bfd peers' -c 'show bfd peers counters' -c 'show bgp summary' -c 'show bgp ipv4 unicast";
    connect_edge([here, peer].map(|n| n.vtysh_command(show)).to_vec())
}

/// The same, for an edge without such routers.
pub fn connect_edge(
    nodes: Vec<String>,
) -> (Control, tokio::task::JoinHandle<()>, tokio::sync::mpsc::Sender<DuplexStream>) {
    let (ours, theirs) = tokio::io::duplex(64 << 10);
    let (streams, waiting) = tokio::sync::mpsc::channel(4);
    streams.try_send(theirs).unwrap();
    let waiting = std::sync::Arc::new(tokio::sync::Mutex::new(waiting));
    let config =
        AgentConfig { site: "ams1".into(), bmp_listen: "127.0.0.1:1790".parse().unwrap(), state_dir: None };
    let agent = tokio::spawn(async move {
        let connector = move || {
            let waiting = waiting.clone();
            async move { waiting.lock().await.recv().await.ok_or_else(|| std::io::ErrorKind::NotConnected.into()) }
        };
        Agent::new(config).run(connector).await.unwrap();
    });
    (Control::new(ours, nodes), agent, streams)
}

pub fn framed(stream: DuplexStream) -> Framed<DuplexStream, LengthDelimitedCodec> {
    let codec = LengthDelimitedCodec::builder().max_frame_length(MAX_FRAME_BYTES).new_codec();
    Framed::new(stream, codec)
}

pub fn access(here: &Node) -> ToEdge {
    let lag = LagBackend::Ovs { db: here.path("db.sock"), ctl: here.path("vswitchd.ctl"), netns: None };
    let management =
        Management::Frr { vty_dir: here.dir.clone(), lag, bmp_source: "127.0.0.1".parse().unwrap() };
    ToEdge::Routers {
        routers: vec![RouterAccess {
            router: "ams1-er1".into(),
            loopback: "198.18.255.11".parse().unwrap(),
            management,
        }],
    }
}

/// Waits for what a router does in its own time; panics with what it showed last.
pub async fn eventually<T: std::fmt::Debug>(look: impl Fn() -> T, holds: impl Fn(&T) -> bool) {
    for _ in 0..300 {
        if holds(&look()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("never as it should be: {:?}", look());
}

pub fn intended(generation: u64, phase: SessionPhase) -> RouterIntent {
    let mut intent = intent(generation, phase);
    intent.announced = intent.announced[..1].into();
    intent.sessions[0].policy.host_space = ["198.18.0.0/17".parse().unwrap()].into();
    intent.ibgp.clear();
    intent.transits.clear();
    // Slow enough for a machine that does much else besides.
    intent.sessions[0].bfd = BfdTimers { interval_ms: 500, multiplier: 3, strict: false };
    intent
}
