//! The FRR driver against real FRR daemons and a real Open vSwitch.

mod common;

use common::drive::{diff, make, targets, tidy};
use common::fixture::{intent, lag, session};
use common::net::{Node, inside_namespaces};
use meetme_edge::routers::frr::Frr;
use meetme_edge::routers::frr::vty::{Daemon, Vty};
use meetme_edge::routers::{Driver, DriverError, GateChange, Gates};
use meetme_model::intent::{RouterIntent, SessionPhase};
use meetme_model::inventory::LagBackend;
use meetme_model::unit::{UnitFault, UnitName, units};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

on_each_frr!(
    route_servers_paths_may_begin_with_another_as,
    an_intent_is_applied_once_and_changes_only_what_is_ours,
    a_hand_made_change_in_what_is_ours_is_seen_and_taken_back,
    a_unit_that_the_router_refuses_half_way_is_taken_back_and_the_others_are_made,
    an_instance_keeps_its_own_identifier_and_the_sessions_of_others,
    a_session_is_shut_and_started_again_and_ports_move_between_lags,
);

const BY_HAND: &str = "\
ip prefix-list MINE seq 5 permit 192.0.2.0/24
route-map MINE permit 10
 match ip address prefix-list MINE
exit
router bgp 64500
 bgp router-id 198.18.255.99
 neighbor 192.0.2.77 remote-as 65001
 neighbor 192.0.2.77 description an operator's own
 address-family ipv4 unicast
  neighbor 192.0.2.77 route-map MINE in
 exit-address-family
exit
";

fn router(version: &str) -> (Node, Frr) {
    let node = Node::here_with(version);
    node.start_frr(&["zebra", "staticd", "bfdd", "bgpd"]);
    node.start_ovs();
    for port in 1..=4 {
        node.sh(&format!("ip link add et{port} type veth peer name far{port}"));
        node.sh(&format!("ip link set far{port} up"));
    }
    let backend = LagBackend::Ovs { db: node.path("db.sock"), ctl: node.path("vswitchd.ctl"), netns: None };
    let frr = Frr::new(node.dir.clone(), backend);
    (node, frr)
}

async fn apply(frr: &Frr, intent: &RouterIntent, gates: &Gates) -> String {
    let made = make(frr, intent, gates).await;
    assert!(made.faults.is_empty(), "{made:?}");
    made.diff
}

fn open(intent: &RouterIntent) -> Gates {
    intent.sessions.iter().map(|s| s.name.clone()).collect()
}

async fn an_intent_is_applied_once_and_changes_only_what_is_ours(version: &'static str) {
    let (node, frr) = router(version);
    node.configure(BY_HAND);
    let by_hand = node.vtysh("show running-config");

    let mut wanted = intent(1, SessionPhase::Denied);
    let first = apply(&frr, &wanted, &Gates::new()).await;
    assert!(first.contains("+password ***") && !first.contains("s3cret"), "{first}");
    assert_eq!(diff(&frr, &wanted).await, "", "a second apply changes nothing");

    let running = node.vtysh("show running-config");
    for line in by_hand.lines() {
        assert!(running.contains(line), "'{line}' was the operator's");
    }
    assert!(running.contains("bgp router-id 198.18.255.99"), "an existing BGP identifier stays");

    // Every kind of change: gates, phases, another session, another policy, a second LAG member.
    apply(&frr, &wanted, &open(&wanted)).await;
    let points_at = |map: &str| {
        let line = format!("neighbor 198.18.192.2 route-map {map}");
        node.vtysh("show running-config").contains(&line)
    };
    assert!(points_at("MEETME-HOLD4 in") && points_at("MEETME-DENY out"), "denied has nothing to open");
    wanted.sessions[0].phase = SessionPhase::Open;
    assert_eq!(apply(&frr, &wanted, &open(&wanted)).await, "", "only the gate changes");
    assert!(points_at("MEETME-IN-c1v4-") && points_at("MEETME-OUT-"));
    wanted.sessions[0].policy.prefixes = wanted.sessions[0].policy.prefixes[..1].into();
    wanted.sessions[0].policy.ordinary_used = true;
    wanted.sessions[0].policy.max_path = Some(5);
    wanted.sessions[0].md5_key = None;
    wanted.sessions[0].max_prefixes = 2000;
    wanted.sessions[0].bfd.interval_ms = 50;
    wanted.lags.push(lag(2));
    wanted.lags[0].members.truncate(1);
    wanted.sessions.push(session(2, SessionPhase::Draining));
    let mut v6 = session(2, SessionPhase::Open);
    v6.name = "c2v6".into();
    v6.local_address = "2001:db8:ffff::1".parse().unwrap();
    v6.peer_address = "2001:db8:ffff::".parse().unwrap();
    v6.policy = common::fixture::policy("2001:db8:ffff::");
    v6.policy.ordinary_used = true;
    wanted.lags[1]
        .addresses
        .push(meetme_model::intent::InterfaceAddress { address: v6.local_address, prefix_len: 127 });
    wanted.sessions.push(v6);
    apply(&frr, &wanted, &open(&wanted)).await;
    assert_eq!(diff(&frr, &wanted).await, "");
    wanted.sessions[1].phase = SessionPhase::Shutdown;
    apply(&frr, &wanted, &open(&wanted)).await;

    // And everything of ours gone again.
    let nothing = RouterIntent {
        lags: vec![],
        sessions: vec![],
        ibgp: vec![],
        transits: vec![],
        announced: [].into(),
        bmp: None,
        ..wanted
    };
    apply(&frr, &nothing, &Gates::new()).await;
    tidy(&frr, &nothing).await;
    let running = node.vtysh("show running-config");
    for line in by_hand.lines() {
        assert!(running.contains(line), "'{line}' was the operator's");
    }
    assert!(!running.contains("meetme:"), "{running}");
    assert!(!running.contains("MEETME-IN") && !running.contains("MEETME-REFUSED"), "{running}");
    assert!(!node.vsctl("list-br").contains("lag"));
}

async fn a_hand_made_change_in_what_is_ours_is_seen_and_taken_back(version: &'static str) {
    let (node, frr) = router(version);
    let wanted = intent(1, SessionPhase::Open);
    apply(&frr, &wanted, &open(&wanted)).await;
    let text = frr.read().await.unwrap().owned.text();
    let named = |what: &str| {
        let line = text.lines().find(|l| l.starts_with("route-map ") && l.contains(what)).unwrap();
        line.split(' ').nth(1).unwrap().to_owned()
    };
    let (map, class) = (named("MEETME-IN-"), named("MEETME-USE-"));
    for (by_hand, shown) in [
        (
            "router bgp 64500\n neighbor 198.18.192.2 description mine now\nexit\n",
            "+description meetme: c1v4",
        ),
        ("router bgp 64500\n neighbor 198.18.192.2 weight 10\nexit\n", "-weight 10"),
        (
            "router bgp 64500\n address-family ipv4 unicast\n  no neighbor 198.18.192.2 maximum-prefix\n exit-address-family\nexit\n",
            "+maximum-prefix 1000 80",
        ),
        (&format!("route-map {map} permit 5\nexit\n"), "-permit"),
        (
            &format!("route-map {class} permit 10\n no match community\n set local-preference 999\nexit\n"),
            "+match community",
        ),
        ("interface lag1\n ip address 192.0.2.1/24\nexit\n", "-ip address 192.0.2.1/24"),
        ("bfd\n profile meetme-3x100\n  receive-interval 1000\n exit\nexit\n", "-receive-interval 1000"),
        ("router bgp 64500\n no neighbor 198.18.192.2\nexit\n", "+remote-as 64510"),
    ] {
        node.configure(by_hand);
        let found = diff(&frr, &wanted).await;
        assert!(found.contains(shown), "after {by_hand}: {found}");
        apply(&frr, &wanted, &open(&wanted)).await;
        assert_eq!(diff(&frr, &wanted).await, "", "after {by_hand}");
    }
}

async fn a_unit_that_the_router_refuses_half_way_is_taken_back_and_the_others_are_made(
    version: &'static str,
) {
    let (node, frr) = router(version);
    let wanted = intent(1, SessionPhase::Open);
    apply(&frr, &wanted, &open(&wanted)).await;
    let before = frr.read().await.unwrap();
    let mut next = wanted.clone();
    next.sessions[0].policy.ordinary_used = true;
    // zebra takes no address of a loopback network (RFC 1122) for an interface.
    next.lags.push(lag(2));
    next.lags[1].addresses[0] =
        meetme_model::intent::InterfaceAddress { address: "127.0.0.1".parse().unwrap(), prefix_len: 31 };
    let made = make(&frr, &next, &open(&next)).await;
    let culprit = UnitName::Connection("lag2".into());
    assert!(
        matches!(&made.faults[&culprit], UnitFault::RouterRefused { said } if said.contains("127.0.0.1")),
        "{made:?}"
    );
    assert_eq!(made.faults.len(), 1, "{made:?}");
    next.lags.truncate(1);
    assert!(diff(&frr, &next).await.contains("@@ lag lag2 @@"), "what was half made is seen");
    apply(&frr, &next, &open(&next)).await;
    assert!(!node.vsctl("list-br").contains("lag2"));
    apply(&frr, &wanted, &open(&wanted)).await;
    tidy(&frr, &wanted).await;
    assert_eq!(frr.read().await.unwrap(), before);
}

async fn an_instance_keeps_its_own_identifier_and_the_sessions_of_others(version: &'static str) {
    let (node, frr) = router(version);
    let theirs = "router bgp 64500\n neighbor 192.0.2.77 remote-as 65001\nexit\n";
    node.configure(theirs);
    let wanted = intent(1, SessionPhase::Open);
    apply(&frr, &wanted, &open(&wanted)).await;
    let running = node.vtysh("show running-config");
    assert!(!running.contains("bgp router-id"), "{running}");
    assert!(!running.contains(" shutdown\n"), "every session was started: {running}");
    let nothing =
        RouterIntent { lags: vec![], sessions: vec![], ibgp: vec![], transits: vec![], bmp: None, ..wanted };
    apply(&frr, &nothing, &Gates::new()).await;
    assert!(node.vtysh("show running-config").contains("neighbor 192.0.2.77 remote-as 65001"));
}

async fn a_session_is_shut_and_started_again_and_ports_move_between_lags(version: &'static str) {
    let (node, frr) = router(version);
    let mut wanted = intent(1, SessionPhase::Shutdown);
    wanted.lags.push(lag(2));
    apply(&frr, &wanted, &Gates::new()).await;
    wanted.sessions[0].phase = SessionPhase::Denied;
    apply(&frr, &wanted, &Gates::new()).await;
    assert!(!node.vtysh("show running-config").contains("neighbor 198.18.192.2 shutdown"));

    let members = |one: &[&str], two: &[&str]| {
        let mut moved = wanted.clone();
        moved.lags[0].members = one.iter().map(|m| m.to_string()).collect();
        moved.lags[1].members = two.iter().map(|m| m.to_string()).collect();
        moved
    };
    for moved in [
        members(&["et1", "et2", "et3"], &["et4"]),
        members(&["et4"], &["et1", "et2", "et3"]),
        members(&["et1"], &["et2", "et4"]),
    ] {
        apply(&frr, &moved, &Gates::new()).await;
        assert_eq!(diff(&frr, &moved).await, "");
    }
    let mut without_second = members(&["et1", "et2"], &[]);
    without_second.lags.truncate(1);
    apply(&frr, &without_second, &Gates::new()).await;
    assert!(!node.vsctl("list-br").contains("lag2"));
}

async fn route_servers_paths_may_begin_with_another_as(version: &'static str) {
    let (node, frr) = router(version);
    let wanted = intent(1, SessionPhase::Open);
    apply(&frr, &wanted, &open(&wanted)).await;
    let told = "no neighbor 198.18.192.2 enforce-first-as";
    let running = node.vtysh("show running-config");
    assert_eq!(running.contains(told), frr.capabilities().await.unwrap().enforces_first_as, "{running}");
    // By hand it is enforced: that shows, and is taken back.
    node.configure("router bgp 64500\n neighbor 198.18.192.2 enforce-first-as\nexit\n");
    assert_ne!(diff(&frr, &wanted).await, "");
    apply(&frr, &wanted, &open(&wanted)).await;
    assert_eq!(node.vtysh("show running-config"), running);
    assert_eq!(diff(&frr, &wanted).await, "");
}

#[tokio::test]
async fn a_lock_that_another_session_holds_is_waited_for() {
    if !inside_namespaces("a_lock_that_another_session_holds_is_waited_for") {
        return;
    }
    let (node, frr) = router("10.3");
    // What `vtysh -f` does, but slower.
    let mut theirs = Vty::connect(&node.dir, Daemon::Mgmtd).await.unwrap();
    theirs.run("configure terminal file-lock").await.unwrap();
    let held = Duration::from_secs(1);
    let release = tokio::spawn(async move {
        tokio::time::sleep(held).await;
        theirs.run("end").await.unwrap();
    });
    let started = Instant::now();
    let wanted = intent(1, SessionPhase::Denied);
    apply(&frr, &wanted, &Gates::new()).await;
    assert!(started.elapsed() >= held, "it was not held up: {:?}", started.elapsed());
    release.await.unwrap();
    assert!(node.vtysh("show running-config").contains("description meetme: Example Telecom"));
}

#[tokio::test]
async fn a_version_that_is_not_driven_is_told_before_anything_is_touched() {
    let dir = tempfile::tempdir().unwrap();
    let heard = daemons_of("frr version 7.5.1", "{}", dir.path());
    let backend = LagBackend::Bonding { netns: None };
    let frr = Frr::new(dir.path().to_owned(), backend);
    let wanted = intent(1, SessionPhase::Open);
    let error = frr.plan(&targets(&wanted), &Default::default()).await.unwrap_err();
    assert!(matches!(error, DriverError::Fault(_)));
    let gates = units(&wanted).into_values().map(|unit| GateChange {
        session: "c1v4".into(),
        unit: Arc::new(unit),
        open: false,
    });
    assert!(frr.set_gates(&gates.collect::<Vec<_>>()).await.is_err());
    assert!(error.to_string().contains("FRR 7.5.1, which isn't supported"), "{error}");
    assert!(frr.capabilities().await.is_err());
    let heard = heard.lock().unwrap();
    assert!(heard.iter().all(|c| c == "enable" || c.starts_with("show ")), "{heard:?}");
}

#[tokio::test]
async fn a_gate_of_who_was_seen_to_be_ours_asks_for_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let heard = daemons_of("frr version 8.4.4", "{\"of\": \"MEETME-DENY\"}", dir.path());
    let frr = Frr::new(dir.path().to_owned(), LagBackend::Bonding { netns: None });
    let close = async || {
        heard.lock().unwrap().clear();
        for unit in units(&intent(1, SessionPhase::Open)).into_values().filter(|u| !u.sessions().is_empty()) {
            let gate = GateChange { session: "c1v4".into(), unit: Arc::new(unit), open: false };
            assert!(frr.set_gates(&[gate]).await.unwrap().is_empty());
        }
        let heard = heard.lock().unwrap();
        assert!(
            heard.iter().any(|c| c.contains("neighbor 198.18.192.2 route-map MEETME-HOLD4 in")),
            "{heard:?}"
        );
        heard.iter().filter(|c| c.starts_with("show bgp ")).cloned().collect::<Vec<_>>()
    };
    let asked = ["show bgp summary json", "show bgp neighbors 198.18.192.2 json"];
    assert_eq!(close().await, asked, "it could be somebody else's");
    assert_eq!(close().await, [""; 0]);
    for daemon in ["bgpd", "bfdd"] {
        std::fs::rename(dir.path().join(format!("{daemon}.vty")), dir.path().join("away")).unwrap();
        assert!(frr.observe().await.is_err() || daemon == "bfdd");
        std::fs::rename(dir.path().join("away"), dir.path().join(format!("{daemon}.vty"))).unwrap();
        assert_eq!(close().await, asked, "the router was away, and may be another one");
    }
}

#[tokio::test]
async fn a_neighbour_of_somebody_else_keeps_its_policy_and_never_counts_as_ours() {
    let dir = tempfile::tempdir().unwrap();
    let heard = daemons_of("frr version 8.4.4", "{}", dir.path());
    let frr = Frr::new(dir.path().to_owned(), LagBackend::Bonding { netns: None });
    let unit =
        units(&intent(1, SessionPhase::Open)).into_values().find(|u| !u.sessions().is_empty()).unwrap();
    let gate = GateChange { session: "c1v4".into(), unit: Arc::new(unit), open: false };
    for _ in 0..2 {
        heard.lock().unwrap().clear();
        let missing = frr.set_gates(std::slice::from_ref(&gate)).await.unwrap();
        assert!(missing.contains("c1v4"), "{missing:?}");
        let heard = heard.lock().unwrap();
        assert!(heard.iter().any(|c| c.starts_with("show bgp neighbors ")), "{heard:?}");
        assert!(!heard.iter().any(|c| c.contains("route-map")), "{heard:?}");
    }
}

/// Daemons that answer every command with one text, and what is asked for as JSON with another; what they were told.
fn daemons_of(answer: &'static str, json: &'static str, dir: &Path) -> Arc<Mutex<Vec<String>>> {
    let heard = Arc::new(Mutex::new(Vec::new()));
    for daemon in ["zebra", "staticd", "bfdd", "bgpd"] {
        let listener = UnixListener::bind(dir.join(format!("{daemon}.vty"))).unwrap();
        let heard = heard.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mut reader = BufReader::new(stream);
                let mut command = Vec::new();
                while reader.read_until(0, &mut command).is_ok_and(|n| n > 0) {
                    let text = String::from_utf8_lossy(&command).trim_end_matches('\0').to_owned();
                    let said = match text.as_str() {
                        "enable" => "",
                        asked if asked.ends_with(" json") => json,
                        _ => answer,
                    };
                    heard.lock().unwrap().push(text);
                    reader.get_mut().write_all(&[said.as_bytes(), &[0, 0, 0, 0]].concat()).unwrap();
                    command.clear();
                }
            }
        });
    }
    heard
}
