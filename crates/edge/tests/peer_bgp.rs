//! What a peer may say by BGP, to a real router of each version with the whole edge: what the rules
//! say of it, what the router does, and what is told.

mod common;

use common::net::{Node, sh};
use common::site::{Control, access, connect_edge, eventually, intended, is_up, router_with_a_silent_peer};
use common::speaker::{ADD_PATH, GRACEFUL_RESTART, IPV4, IPV6, Opening, PROVIDER, Route, Speaker};
use meetme_edge::routers::Driver;
use meetme_edge::routers::frr::Frr;
use meetme_model::asn::Asn;
use meetme_model::intent::{RouterIntent, SessionPhase, TransitIntent};
use meetme_model::inventory::LagBackend;
use meetme_model::link::SeenRoute;
use meetme_model::route::{
    LastResort, PrefixRole, RouteFault, RouteUse, RouterDifference, RouterPath, RouterWord,
};
use meetme_model::session_down::DownReason;
use std::net::IpAddr;
use std::time::Duration;

on_each_frr!(
    what_a_peer_announces_is_used_as_the_rules_say,
    why_a_session_is_down_is_told_and_gone_when_it_no_longer_holds,
);

const PEER: u32 = 64510;
const HOST: u32 = 64500;
const TRANSIT: u32 = 64499;
const PEER_ADDRESS: [u8; 4] = [198, 18, 192, 2];
const PREFIX: [u8; 4] = [198, 19, 10, 0];
const COMMUNITY: (u16, u16) = (8075, 8007);
const GRACEFUL_SHUTDOWN: (u16, u16) = (65535, 0);
const NO_ADVERTISE: (u16, u16) = (65535, 0xff02);
const BLACKHOLE: (u16, u16) = (65535, 666);
/// Only to customers, said by AS 64999 (RFC 9234 §5): a peer that sends it leaks.
const ONLY_TO_CUSTOMERS: &[u8] = &[0xc0, 35, 4, 0, 0, 0xfd, 0xe7];

struct Site {
    here: Node,
    peer: Node,
    frr: Frr,
    control: Control,
    intent: RouterIntent,
    agent: tokio::task::JoinHandle<()>,
    _streams: tokio::sync::mpsc::Sender<tokio::io::DuplexStream>,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.agent.abort();
    }
}

impl Site {
    /// A router with a session to the peer, and one to the Internet over another link.
    async fn new(version: &str) -> Self {
        let (here, peer) = router_with_a_silent_peer(version);
        sh(&format!("ip link add et9 type veth peer name p9 netns {}", peer.pid()));
        sh("ip link set et9 up && ip addr add 198.18.250.0/31 dev et9");
        peer.sh("ip link set p9 up");
        peer.sh("ip addr add 198.18.250.1/31 dev p9");
        let backend =
            LagBackend::Ovs { db: here.path("db.sock"), ctl: here.path("vswitchd.ctl"), netns: None };
        let frr = Frr::new(here.dir.clone(), backend);
        let show = ["show bgp summary", "show bgp ipv4 unicast"].map(|c| here.vtysh_command(c)).to_vec();
        let (mut control, agent, streams) = connect_edge(show);
        control.send(access(&here)).await;
        let mut intent = intended(1, SessionPhase::Open);
        intent.sessions[0].md5_key = None;
        intent.sessions[0].max_prefixes = 10;
        intent.transits = vec![TransitIntent {
            name: "internet-ams".into(),
            address: "198.18.250.1".parse().unwrap(),
            asn: Asn(TRANSIT),
            host_space: ["198.18.0.0/17".parse().unwrap()].into(),
            space: intent.sessions[0].policy.space.clone(),
        }];
        control.intend(&intent).await;
        Self { here, peer, frr, control, intent, agent, _streams: streams }
    }

    fn speaker(&self, opening: &Opening) -> Speaker {
        Speaker::start(self.peer.pid(), "198.18.192.2", opening)
    }

    async fn until_open(&mut self) {
        self.control.until("the gate is open", |c| is_up(&c.session()) && c.session().gate_open).await;
    }

    async fn until_down(&mut self, reason: DownReason) {
        let what = format!("the session is down: {reason}");
        self.control.until(&what, |c| c.session().down.is_some_and(|d| d.reason == reason)).await;
    }

    /// Waits for what is told of the prefix.
    async fn until_seen(&mut self, what: &str, holds: impl Fn(Option<&SeenRoute>) -> bool) {
        self.control.until(what, |c| holds(seen(c))).await;
    }

    /// The router's paths for the prefix.
    async fn paths(&self) -> Vec<RouterPath> {
        let prefix = "198.19.10.0/24".parse().unwrap();
        self.frr.paths(&[prefix]).await.unwrap().remove(&prefix).unwrap_or_default()
    }

    /// The router does with the peer's route what the rules say, and has the other way all the time.
    async fn until_router_agrees(&mut self) -> Vec<RouterPath> {
        for _ in 0..300 {
            let paths = self.paths().await;
            let route = seen(&self.control).expect("the route is seen");
            let differs = RouterDifference::of(&paths, address(), &route.verdict, false);
            if differs.is_none() {
                return paths;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("never as the rules say: {:?}, {:?}", seen(&self.control), self.paths().await);
    }
}

fn seen(control: &Control) -> Option<&SeenRoute> {
    let evidence = &control.routes.get("c1v4")?.evidence;
    evidence.iter().find(|e| e.prefix.to_string() == "198.19.10.0/24")?.route.as_ref()
}

fn address() -> IpAddr {
    PEER_ADDRESS.into()
}

fn route(path: &[u32], more: &[(u16, u16)]) -> Route {
    let communities = [&[COMMUNITY], more].concat();
    let extra = Vec::new();
    Route { prefix: PREFIX, length: 24, path: path.to_vec(), next_hop: PEER_ADDRESS, communities, extra }
}

fn is_used(route: Option<&SeenRoute>) -> bool {
    let used = |r: &SeenRoute| r.verdict.usage == RouteUse::Registered(PrefixRole::Primary);
    route.is_some_and(|r| used(r) && r.verdict.last_resort.is_none() && r.router == RouterWord::Agrees)
}

async fn what_a_peer_announces_is_used_as_the_rules_say(version: &'static str) {
    let mut site = Site::new(version).await;
    let opening = Opening { capabilities: vec![IPV4, GRACEFUL_RESTART, ADD_PATH], ..Opening::of(PEER) };
    let peer = site.speaker(&opening);
    let internet = Speaker::start(site.peer.pid(), "198.18.250.1", &Opening::of(TRANSIT));
    site.until_open().await;
    eventually(|| (peer.is_up(), internet.is_up()), |up| *up == (true, true)).await;

    // It takes one path for each prefix, keeps none for who restarts, and is a peer.
    assert_eq!(peer.their_capability(9), Some(vec![4]), "RFC 9234");
    let receives = |v: &Vec<u8>| v.chunks(4).any(|family| family.get(3).is_some_and(|mode| mode & 1 != 0));
    assert!(!peer.their_capability(69).as_ref().is_some_and(receives), "RFC 7911");
    assert_eq!(peer.their_capability(64).map(|v| v.len()).unwrap_or_default() / 3, 0, "RFC 4724");

    let by_internet = Route { next_hop: [198, 18, 250, 1], ..route(&[TRANSIT, PEER], &[]) };
    internet.announce(&by_internet);
    let good = route(&[PEER], &[]);
    peer.announce(&good);
    site.until_seen("the route is used, as the router says, too", is_used).await;
    let best = |paths: &[RouterPath]| paths.iter().find(|p| p.is_best).and_then(|p| p.from);
    assert_eq!(best(&site.until_router_agrees().await), Some(address()));

    peer.announce(&route(&[PEER], &[GRACEFUL_SHUTDOWN]));
    let drains = |r: &SeenRoute| r.verdict.last_resort == Some(LastResort::PeerDrains);
    site.until_seen("the peer drains it", |r| r.is_some_and(drains)).await;
    let paths = site.until_router_agrees().await;
    assert_eq!(best(&paths), Some("198.18.250.1".parse().unwrap()), "after every other way: {paths:?}");
    assert!(paths.iter().any(|p| p.from == Some(address()) && p.is_valid), "and still a way: {paths:?}");

    for (what, bad, fault) in [
        ("NO_ADVERTISE", route(&[PEER], &[NO_ADVERTISE]), RouteFault::NoAdvertise),
        ("BLACKHOLE", route(&[PEER], &[BLACKHOLE]), RouteFault::Blackhole),
        ("its own ASN", route(&[PEER, HOST], &[]), RouteFault::OwnAsn { asn: Asn(HOST) }),
    ] {
        peer.announce(&bad);
        let refused =
            |r: &SeenRoute| r.verdict.usage == RouteUse::Unused && r.verdict.faults == [fault.clone()];
        site.until_seen(what, |r| r.is_some_and(|r| refused(r) && r.router == RouterWord::Agrees)).await;
        let paths = site.until_router_agrees().await;
        assert!(!paths.iter().any(|p| p.from == Some(address()) && p.is_valid), "{what}: {paths:?}");
        peer.announce(&good);
        site.until_seen("the route is used again", is_used).await;
    }

    // What the router refuses before any policy, while the gate is open.
    for (what, bad) in [
        ("another's ASN first", route(&[64511, PEER], &[])),
        ("a leak", Route { extra: ONLY_TO_CUSTOMERS.to_vec(), ..route(&[PEER], &[(64510, 2)]) }),
    ] {
        peer.announce(&bad);
        site.until_seen(what, |r| !is_used(r)).await;
        println!("{version}: {what}: {:?}", seen(&site.control));
        let paths = site.paths().await;
        assert!(!paths.iter().any(|p| p.from == Some(address()) && p.is_valid), "{what}: {paths:?}");
        peer.announce(&good);
        site.until_seen("the route is used again", is_used).await;
    }

    // Somebody has the router originate the prefix itself: no rule knows of that.
    let originates = |no: &str| {
        let network =
            format!("address-family ipv4 unicast\n  {no}network 198.19.10.0/24\n exit-address-family");
        let route = format!("{no}ip route 198.19.10.0/24 blackhole");
        site.here.configure(&format!("{route}\nrouter bgp {HOST}\n {network}\nexit\n"));
    };
    originates("");
    peer.announce(&Route { communities: vec![COMMUNITY, (64510, 1)], ..good.clone() });
    let overruled = RouterWord::Differs { difference: RouterDifference::Overruled { by: None } };
    site.control.until("the router differs", |c| seen(c).is_some_and(|r| r.router == overruled)).await;
    site.control
        .until("operators see it", |c| c.state.as_ref().is_some_and(|s| s.differing.count == 1))
        .await;
    originates("no ");
    site.control.until("it does as the rules say again", |c| is_used(seen(c))).await;

    // It said that it restarts gracefully, and dies.
    peer.kill();
    site.until_down(DownReason::Closed).await;
    let paths = site.paths().await;
    assert!(!paths.iter().any(|p| p.from == Some(address())), "no stale path: {paths:?}");
    site.until_seen("nothing is received", |r| r.is_none()).await;
}

async fn why_a_session_is_down_is_told_and_gone_when_it_no_longer_holds(version: &'static str) {
    let mut site = Site::new(version).await;
    let refused = |subcode| DownReason::Notification { code: 2, subcode, sent: true };
    for (opening, reason) in [
        (Opening::of(64511), refused(2)),
        (Opening { hold_s: 1, ..Opening::of(PEER) }, refused(6)),
        (Opening { capabilities: vec![IPV6], ..Opening::of(PEER) }, refused(7)),
        (Opening { capabilities: vec![IPV4, PROVIDER], ..Opening::of(PEER) }, refused(11)),
    ] {
        let peer = site.speaker(&opening);
        site.until_down(reason).await;
        peer.kill();
    }
    let peer = site.speaker(&Opening::of(PEER));
    site.until_open().await;
    assert_eq!(site.control.session().down, None);

    eventually(|| peer.is_up(), |up| *up).await;
    for third in 0..14 {
        peer.announce(&Route { prefix: [198, 19, 100 + third, 0], ..route(&[PEER], &[]) });
    }
    site.until_down(DownReason::MaxPrefixes).await;
    site.intent.sessions[0].max_prefixes = 100;
    site.intent.generation += 1;
    site.control.intend(&site.intent).await;
    site.until_open().await;
    assert_eq!(site.control.session().down, None, "nobody had to clear it");
}
