//! The FRR driver against real FRR daemons and a real Open vSwitch.

mod common;

use common::fixture::{intent, lag, session};
use common::net::{Node, inside_namespaces};
use meetme_edge::routers::Gates;
use meetme_edge::routers::frr::Frr;
use meetme_model::intent::{RouterIntent, SessionPhase};
use meetme_model::inventory::LagBackend;
use std::collections::BTreeSet;

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

fn router() -> (Node, Frr) {
    let node = Node::here();
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
    let plan = frr.plan(intent, gates).await.unwrap();
    frr.check(&plan, &BTreeSet::new()).await.unwrap();
    if let Err(error) = frr.apply(&plan).await {
        panic!("{error}\n{}", plan.diff);
    }
    plan.diff
}

fn open(intent: &RouterIntent) -> Gates {
    intent.sessions.iter().map(|s| s.name.clone()).collect()
}

#[tokio::test]
async fn an_intent_is_applied_once_and_changes_only_what_is_ours() {
    if !inside_namespaces("an_intent_is_applied_once_and_changes_only_what_is_ours") {
        return;
    }
    let (node, frr) = router();
    node.configure(BY_HAND);
    let by_hand = node.vtysh("show running-config");

    let mut wanted = intent(1, SessionPhase::Denied);
    let diff = apply(&frr, &wanted, &Gates::new()).await;
    assert!(diff.contains("+password ***") && !diff.contains("s3cret"), "{diff}");
    assert_eq!(frr.plan(&wanted, &Gates::new()).await.unwrap().diff, "", "a second apply changes nothing");

    let running = node.vtysh("show running-config");
    for line in by_hand.lines() {
        assert!(running.contains(line), "'{line}' was the operator's");
    }
    assert!(running.contains("bgp router-id 198.18.255.99"), "an existing BGP identifier stays");

    // Every kind of change: gates, phases, another session, another policy, a second LAG member.
    apply(&frr, &wanted, &open(&wanted)).await;
    wanted.sessions[0].phase = SessionPhase::Open;
    let diff = apply(&frr, &wanted, &open(&wanted)).await;
    assert!(
        diff.contains("-route-map MEETME-HOLD4 in") && diff.contains("+route-map MEETME-IN-c1v4-"),
        "{diff}"
    );
    wanted.sessions[0].policy.prefixes.truncate(1);
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
    assert_eq!(frr.plan(&wanted, &open(&wanted)).await.unwrap().diff, "");
    wanted.sessions[1].phase = SessionPhase::Shutdown;
    apply(&frr, &wanted, &open(&wanted)).await;

    // And everything of ours gone again.
    let nothing = RouterIntent {
        lags: vec![],
        sessions: vec![],
        ibgp: vec![],
        transits: vec![],
        announced: vec![],
        bmp: None,
        ..wanted
    };
    apply(&frr, &nothing, &Gates::new()).await;
    let running = node.vtysh("show running-config");
    for line in by_hand.lines() {
        assert!(running.contains(line), "'{line}' was the operator's");
    }
    assert!(!running.contains("meetme:"), "{running}");
    assert!(!node.vsctl("list-br").contains("lag"));
}

#[tokio::test]
async fn a_hand_made_change_in_what_is_ours_is_seen_and_taken_back() {
    if !inside_namespaces("a_hand_made_change_in_what_is_ours_is_seen_and_taken_back") {
        return;
    }
    let (node, frr) = router();
    let wanted = intent(1, SessionPhase::Open);
    apply(&frr, &wanted, &open(&wanted)).await;
    let text = frr.read().await.unwrap().text();
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
        let plan = frr.plan(&wanted, &open(&wanted)).await.unwrap();
        assert!(plan.diff.contains(shown), "after {by_hand}: {}", plan.diff);
        apply(&frr, &wanted, &open(&wanted)).await;
        assert_eq!(frr.plan(&wanted, &open(&wanted)).await.unwrap().diff, "", "after {by_hand}");
    }
}

#[tokio::test]
async fn a_change_that_fails_half_way_is_undone() {
    if !inside_namespaces("a_change_that_fails_half_way_is_undone") {
        return;
    }
    let (node, frr) = router();
    let wanted = intent(1, SessionPhase::Open);
    apply(&frr, &wanted, &open(&wanted)).await;
    let before = frr.read().await.unwrap();
    let mut next = wanted.clone();
    next.sessions[0].policy.ordinary_used = true;
    next.sessions.push(session(2, SessionPhase::Open));
    next.lags.push(lag(2));
    let mut plan = frr.plan(&next, &open(&next)).await.unwrap();
    let middle = plan.change.steps.len() / 2;
    plan.change.steps[middle].commands.push("nobody knows this command".into());
    let error = frr.apply(&plan).await.unwrap_err();
    assert!(error.to_string().contains("nobody knows this command"), "{error}");
    frr.undo(&plan).await.unwrap();
    assert_eq!(frr.read().await.unwrap(), before);
    assert!(!node.vsctl("list-br").contains("lag2"));
}

#[tokio::test]
async fn a_first_change_is_undone_without_a_trace_and_an_instance_keeps_its_own_identifier() {
    if !inside_namespaces("a_first_change_is_undone_without_a_trace_and_an_instance_keeps_its_own_identifier")
    {
        return;
    }
    let (node, frr) = router();
    let wanted = intent(1, SessionPhase::Open);
    let before = frr.read().await.unwrap();
    let plan = frr.plan(&wanted, &open(&wanted)).await.unwrap();
    frr.apply(&plan).await.unwrap();
    assert!(node.vtysh("show running-config").contains("bgp router-id 198.18.255.11"));
    frr.undo(&plan).await.unwrap();
    let after = frr.read().await.unwrap();
    assert_eq!((after.blocks, after.asn), (before.blocks, None));

    let theirs = "router bgp 64500\n neighbor 192.0.2.77 remote-as 65001\nexit\n";
    node.configure(theirs);
    let plan = frr.plan(&wanted, &open(&wanted)).await.unwrap();
    frr.apply(&plan).await.unwrap();
    let running = node.vtysh("show running-config");
    assert!(!running.contains("bgp router-id"), "{running}");
    assert!(!running.contains(" shutdown\n"), "every session was started: {running}");
    frr.undo(&plan).await.unwrap();
    assert!(node.vtysh("show running-config").contains("neighbor 192.0.2.77 remote-as 65001"));
}

#[tokio::test]
async fn a_session_is_shut_and_started_again_and_ports_move_between_lags() {
    if !inside_namespaces("a_session_is_shut_and_started_again_and_ports_move_between_lags") {
        return;
    }
    let (node, frr) = router();
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
        assert_eq!(frr.plan(&moved, &Gates::new()).await.unwrap().diff, "");
    }
    let mut without_second = members(&["et1", "et2"], &[]);
    without_second.lags.truncate(1);
    apply(&frr, &without_second, &Gates::new()).await;
    assert!(!node.vsctl("list-br").contains("lag2"));
}
