//! The BMP station against a real FRR: what it can't know is had again from the router, session by
//! session.

mod common;

use common::fixture;
use common::net::{Node, inside_namespaces};
use meetme_edge::bmp::{Station, StationEvent, StationRouter, StationSession};
use meetme_edge::routers::Driver;
use meetme_edge::routers::frr::Frr;
use meetme_model::inventory::LagBackend;
use meetme_model::link::SessionRoutes;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(60);

const HERE: &str = "\
router bgp 64500
 bgp router-id 198.18.255.11
 no bgp ebgp-requires-policy
 neighbor 192.0.2.0 remote-as 64510
 neighbor 192.0.2.0 timers connect 1
 neighbor 192.0.2.2 remote-as 64510
 neighbor 192.0.2.2 timers connect 1
 address-family ipv4 unicast
  neighbor 192.0.2.0 soft-reconfiguration inbound
  neighbor 192.0.2.2 soft-reconfiguration inbound
 exit-address-family
 bmp targets meetme
  bmp monitor ipv4 unicast pre-policy
  bmp connect 127.0.0.1 port 1790 min-retry 1000 max-retry 2000
 exit
exit
";

/// Each neighbour is told three prefixes.
const PEER: &str = "\
ip prefix-list OWN seq 5 permit 198.19.0.0/16 ge 24
router bgp 64510
 bgp router-id 198.19.255.1
 no bgp ebgp-requires-policy
 no bgp network import-check
 neighbor 192.0.2.1 remote-as 64500
 neighbor 192.0.2.1 timers connect 1
 neighbor 192.0.2.3 remote-as 64500
 neighbor 192.0.2.3 timers connect 1
 address-family ipv4 unicast
  neighbor 192.0.2.1 prefix-list OWN out
  neighbor 192.0.2.3 prefix-list OWN out
  network 198.19.10.0/24
  network 198.19.11.0/24
  network 198.19.12.0/24
 exit-address-family
exit
";

fn routers() -> (Node, Node) {
    let here = Node::here();
    let (peer, peer_pid) = Node::elsewhere();
    here.sh(&format!("ip link add et1 type veth peer name p1 netns {peer_pid}"));
    here.sh("ip link set et1 up");
    peer.sh("ip link set p1 up");
    for (node, port, addresses) in
        [(&here, "et1", ["192.0.2.1", "192.0.2.3"]), (&peer, "p1", ["192.0.2.0", "192.0.2.2"])]
    {
        addresses.iter().for_each(|address| drop(node.sh(&format!("ip addr add {address}/31 dev {port}"))));
        node.start_frr(&["zebra", "bgpd"]);
    }
    here.configure(HERE);
    peer.configure(PEER);
    (here, peer)
}

fn session(name: &str, peer: &str) -> StationSession {
    let policy = fixture::policy(peer);
    StationSession { name: name.to_owned(), peer_address: peer.parse().unwrap(), policy }
}

async fn event(events: &mut mpsc::Receiver<StationEvent>) -> StationEvent {
    let event = tokio::time::timeout(PATIENCE, events.recv()).await;
    event.expect("the router goes on").expect("the station runs")
}

async fn until(
    events: &mut mpsc::Receiver<StationEvent>,
    holds: impl Fn(&SessionRoutes) -> bool,
) -> SessionRoutes {
    loop {
        match event(events).await {
            StationEvent::Routes(routes) if holds(&routes) => return routes,
            StationEvent::Disconnected { .. } => panic!("the connection belongs to all sessions"),
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_was_missed_is_repeated_by_the_router_and_the_other_one_stays() {
    if !inside_namespaces("a_session_that_was_missed_is_repeated_by_the_router_and_the_other_one_stays") {
        return;
    }
    let (sender, mut events) = mpsc::channel(256);
    let station = Station::new(sender);
    let source = "127.0.0.1".parse().unwrap();
    station.configure_routers(vec![StationRouter { name: "er1".into(), bmp_source: source }]);
    station.configure_sessions("er1", vec![session("b", "192.0.2.2")]);
    let listener = TcpListener::bind("127.0.0.1:1790").await.unwrap();
    tokio::spawn(station.clone().listen(listener));
    let (here, _peer) = routers();
    until(&mut events, |b| b.session == "b" && b.synced && b.received == 3).await;
    let both = || here.vtysh("show bgp summary").matches("64510").count();
    assert_eq!(both(), 2, "both sessions are there");
    // The other session may have come up a moment later.
    tokio::time::sleep(Duration::from_secs(3)).await;

    station.configure_sessions("er1", vec![session("a", "192.0.2.0"), session("b", "192.0.2.2")]);
    let peer = loop {
        match event(&mut events).await {
            StationEvent::RefreshWanted { session, peer_address, .. } if session == "a" => {
                break peer_address;
            }
            StationEvent::Disconnected { .. } => panic!("the connection belongs to all sessions"),
            _ => {}
        }
    };
    station.refresh("er1", "a");
    let backend = LagBackend::Ovs { db: here.path("db.sock"), ctl: here.path("vswitchd.ctl"), netns: None };
    Frr::new(here.dir.clone(), backend).repeat_received(peer).await.unwrap();
    let a = until(&mut events, |a| {
        assert!(a.session != "b" || a.synced, "the other session stays: {a:?}");
        a.session == "a" && a.synced
    })
    .await;
    assert_eq!((a.received, a.error), (3, None));
}
