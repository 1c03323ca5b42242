//! Probes and looks from a router in a namespace of its own, which isn't the edge's.

mod common;

use common::net::{inside_namespaces, sh};
use common::site::{Control, connect_edge};
use meetme_model::inventory::{LagBackend, Management, RouterAccess};
use meetme_model::link::{EdgeAnswer, EdgeQuery, ToEdge};
use meetme_model::probe::{LookingGlass, Probe};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::net::{IpAddr, TcpListener};

const LOOPBACK: &str = "198.18.255.11";
const HOST: &str = "198.18.1.10";
/// Routed to the host, which forwards nothing and says nothing.
const SILENT: &str = "203.0.113.50";
/// The router has no route to it.
const NOWHERE: &str = "192.0.2.99";
const PORT: u16 = 5061;

/// A router, and a host that listens behind it; the edge's own namespace has neither.
fn network() -> TcpListener {
    sh("mkdir -p /run/netns && mount -t tmpfs test-netns /run/netns");
    for name in ["router", "host"] {
        sh(&format!("ip netns add {name} && ip -n {name} link set lo up"));
    }
    sh("ip link add eth0 netns router type veth peer name eth0 netns host");
    for (name, address) in [("router", "198.18.1.1/24"), ("host", "198.18.1.10/24")] {
        sh(&format!("ip -n {name} addr add {address} dev eth0 && ip -n {name} link set eth0 up"));
    }
    sh(&format!("ip -n router addr add {LOOPBACK}/32 dev lo"));
    sh(&format!("ip -n router route add 203.0.113.0/24 via {HOST}"));
    sh(&format!("ip -n host route add {LOOPBACK}/32 via 198.18.1.1"));
    // A link that was just made may take a second until it carries anything.
    sh(&format!("until ip netns exec router ping -q -c 1 -W 1 -I {LOOPBACK} {HOST}; do sleep 0.1; done"));
    let listen = || {
        let namespace = std::fs::File::open("/run/netns/host").unwrap();
        move_into_link_name_space(std::os::fd::AsFd::as_fd(&namespace), Some(LinkNameSpaceType::Network))
            .unwrap();
        TcpListener::bind((HOST, PORT)).unwrap()
    };
    std::thread::spawn(listen).join().unwrap()
}

fn probe(id: &str, destination: &str, tcp_port: Option<u16>) -> Probe {
    Probe {
        id: id.into(),
        router: "ams1-er1".into(),
        destination: destination.parse().unwrap(),
        tcp_port,
        interval_s: 10,
        refusal_answers: false,
        with_path: false,
    }
}

async fn site() -> Control {
    let (mut control, agent, streams) = connect_edge(Vec::new());
    // Both live as long as the test.
    std::mem::forget((agent, streams));
    let lag = LagBackend::Bonding { netns: Some("router".into()) };
    let management =
        Management::Frr { vty_dir: "/nonexistent".into(), lag, bmp_source: "127.0.0.1".parse().unwrap() };
    let loopback = LOOPBACK.parse().unwrap();
    let routers = vec![RouterAccess { router: "ams1-er1".into(), loopback, management }];
    control.send(ToEdge::Routers { routers }).await;
    control
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn probes_leave_from_the_routers_loopback_and_tell_what_they_came_to() {
    if !inside_namespaces("probes_leave_from_the_routers_loopback_and_tell_what_they_came_to") {
        return;
    }
    let listener = network();
    let mut control = site().await;
    let with_path = |probe| Probe { with_path: true, ..probe };
    let probes = vec![
        with_path(probe("echo", HOST, None)),
        probe("open", HOST, Some(PORT)),
        probe("refused", HOST, Some(PORT + 1)),
        Probe { refusal_answers: true, ..probe("reached", HOST, Some(PORT + 1)) },
        with_path(probe("silent", SILENT, None)),
        probe("silent-tcp", SILENT, Some(PORT)),
        probe("nowhere", NOWHERE, None),
        probe("nowhere-tcp", NOWHERE, Some(PORT)),
        Probe { router: "fra1-er1".into(), ..probe("elsewhere", HOST, None) },
    ];
    control.send(ToEdge::Probes { probes }).await;
    control.until("every probe was tried", |c| c.probed.len() >= 8).await;
    let said = |id: &str| {
        let outcome = &control.probed[id];
        assert_eq!(outcome.rtt_ms.is_some(), outcome.error.is_none(), "{outcome:?}");
        assert!(outcome.rtt_ms.is_none_or(|ms| ms > 0.0 && ms < 2000.0), "{outcome:?}");
        outcome.error.clone().unwrap_or_default()
    };
    for answered in ["echo", "open", "reached"] {
        assert_eq!(said(answered), "", "{answered}");
    }
    assert_eq!(said("refused"), "connection refused");
    assert_eq!(said("silent"), "no answer within 2 s");
    assert_eq!(said("silent-tcp"), "no answer within 3 s");
    assert_eq!(said("nowhere"), "no answer within 2 s");
    assert_eq!(said("nowhere-tcp"), "the router has no route to it");
    assert!(!control.probed.contains_key("elsewhere"), "no router of this site");
    assert_eq!(control.probed["echo"].path, [HOST]);
    assert_eq!(control.probed["silent"].path, Vec::<String>::new());
    let (_, from) = listener.accept().unwrap();
    assert_eq!(from.ip().to_string(), LOOPBACK);

    control.until("the minute is told", |c| c.samples.iter().any(|s| s.probes.len() == 8)).await;
    let samples = control.samples.iter().find(|s| s.probes.len() == 8).unwrap();
    assert_eq!(samples.minute.as_second() % 60, 0);
    assert!(samples.sessions.is_empty() && samples.lags.is_empty(), "the router couldn't be read");
    let (open, silent) = (samples.probes["open"], samples.probes["silent"]);
    assert!((open.available_percent.average() - 100.0).abs() < 1e-9);
    assert_eq!(open.rtt_ms.unwrap().count, open.available_percent.count);
    assert_eq!((silent.available_percent.max, silent.rtt_ms), (0.0, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_looking_glass_looks_from_the_router_two_looks_at_a_time() {
    if !inside_namespaces("a_looking_glass_looks_from_the_router_two_looks_at_a_time") {
        return;
    }
    let _listener = network();
    let mut control = site().await;
    let ask = |id: u64, router: &str, look: LookingGlass| ToEdge::Query {
        id,
        query: EdgeQuery::LookingGlass { router: router.into(), look },
    };
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    control.send(ask(1, "ams1-er1", LookingGlass::Ping(address(SILENT)))).await;
    control.send(ask(2, "ams1-er1", LookingGlass::Traceroute(address(HOST)))).await;
    control.send(ask(3, "ams1-er1", LookingGlass::Ping(address(HOST)))).await;
    control.send(ask(4, "fra1-er1", LookingGlass::Ping(address(HOST)))).await;
    control.until("all are answered", |c| c.answers.len() == 4).await;
    let shown = |control: &Control, id: u64| match &control.answers[&id] {
        Ok(EdgeAnswer::LookingGlass { output }) => output.clone(),
        other => panic!("{id}: {other:?}"),
    };
    let silent = shown(&control, 1);
    assert!(silent.contains("from 198.18.255.11") && silent.contains("100% packet loss"), "{silent}");
    let path = shown(&control, 2);
    assert!(path.contains(&format!(" 1  {HOST}")), "{path}");
    let busy = control.answers[&3].as_ref().unwrap_err();
    assert!(busy.contains("'ams1-er1' is busy"), "{busy}");
    assert!(control.answers[&4].as_ref().unwrap_err().contains("isn't of this site"));

    control.send(ask(5, "ams1-er1", LookingGlass::Traceroute(address(NOWHERE)))).await;
    control.send(ask(6, "ams1-er1", LookingGlass::Ping(address(HOST)))).await;
    control.until("a later one has its turn", |c| c.answers.len() == 6).await;
    assert!(shown(&control, 5).contains("Network is unreachable"));
    assert!(shown(&control, 6).contains("4 received"));
}
