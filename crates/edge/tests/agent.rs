//! The whole agent against real routers: FRR and Open vSwitch on both ends of a LAG.

mod common;

use common::net::Node;
use common::site::{Control, access, connect, eventually, intended, is_up, routers_with};
use meetme_edge::routers::frr::version::{Capabilities, Version};
use meetme_model::intent::{InterfaceAddress, LagIntent, RouterIntent, SessionPhase};
use meetme_model::link::*;
use std::collections::BTreeMap;

on_each_frr!(
    routes_pass_only_while_bfd_and_bgp_are_up_and_policy_is_open,
    a_change_that_costs_another_session_is_undone_and_drift_is_shown_before_it_is_corrected,
    gates_close_on_the_router_while_bfd_or_bundling_cannot_be_spoken_with,
);

/// What the router uses of the peer's routes, with its preference.
fn used(here: &Node) -> BTreeMap<String, u64> {
    let table: serde_json::Value = serde_json::from_str(&here.vtysh("show bgp ipv4 unicast json")).unwrap();
    let routes = table["routes"].as_object().unwrap();
    let from_peer = |(prefix, paths): (&String, &serde_json::Value)| {
        let path = paths.as_array()?.iter().find(|p| p["peerId"] == "198.18.192.2" && p["valid"] == true)?;
        Some((prefix.clone(), path["locPrf"].as_u64().unwrap_or_default()))
    };
    routes.iter().filter_map(from_peer).collect()
}

/// While BFD is down BGP comes back, or, with a version that waits for BFD, doesn't; no route is used in either case.
async fn nothing_without_bfd(here: &Node, version: &str) {
    let established = || here.vtysh("show bgp summary json").contains(r#""state":"Established""#);
    let version = Version::said_in(&format!("frr version {version}")).unwrap();
    if Capabilities::of(version).unwrap().waits_for_bfd {
        eventually(established, |up| !up).await;
        for _ in 0..30 {
            assert!(!established(), "FRR {version} doesn't try BGP before BFD");
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    } else {
        eventually(established, |up| *up).await;
    }
    assert_eq!(used(here), BTreeMap::new(), "a session without BFD brings nothing");
}

async fn routes_pass_only_while_bfd_and_bgp_are_up_and_policy_is_open(version: &'static str) {
    let (here, peer) = routers_with(version);
    let (mut control, _agent, _streams) = connect(&here, &peer);
    control.send(access(&here)).await;
    control.intend(&intended(1, SessionPhase::Denied)).await;
    control
        .until("the LAG comes up", |c| {
            c.state.as_ref().is_some_and(|s| s.lags.get("lag1").is_some_and(LagState::is_up))
        })
        .await;
    control.until("the session comes up", |c| is_up(&c.session())).await;
    control.until("BMP tells the routes", |c| c.routes.get("c1v4").is_some_and(|r| r.received == 10)).await;
    assert!(!control.session().gate_open);
    assert_eq!(used(&here), BTreeMap::new(), "nothing is used while denied");
    control.until("BFD is negotiated", |c| c.session().bfd_detection_ms == Some(1500)).await;
    assert_eq!(control.session().peer_router_id.as_deref(), Some("198.19.255.1"));

    control.intend(&intended(2, SessionPhase::Open)).await;
    control.until("generation 2 is confirmed", |c| c.outcome(2) == Some(&ApplyOutcome::Confirmed)).await;
    control.until("the gate is open", |c| c.session().gate_open).await;
    let all_good = BTreeMap::from([("198.19.10.0/24".to_owned(), 400), ("198.19.20.0/25".to_owned(), 200)]);
    eventually(|| used(&here), |used| *used == all_good).await;
    let judged = &control.routes["c1v4"];
    assert_eq!(judged.used, 2, "the verdicts say what the router does: {judged:?}");
    let announced = || peer.vtysh("show bgp ipv4 unicast 198.18.0.0/17 json");
    eventually(announced, |route| route.contains("64500")).await;

    // BFD alone dies: the router closes the session, opens it again, and nothing passes.
    let flaps = control.session().flaps;
    peer.signal("bfdd", "STOP");
    control.until("the gate closes", |c| !c.session().gate_open && c.session().flaps > flaps).await;
    nothing_without_bfd(&here, version).await;
    assert_ne!(control.session().bfd, BfdSessionState::Up);
    peer.signal("bfdd", "CONT");
    control.until("the gate opens anew", |c| is_up(&c.session()) && c.session().gate_open).await;
    eventually(|| used(&here), |used| *used == all_good).await;

    let mut draining = intended(3, SessionPhase::Draining);
    control.intend(&draining).await;
    control.until("draining", |c| c.outcome(3) == Some(&ApplyOutcome::Confirmed)).await;
    let drained =
        |used: &BTreeMap<String, u64>| used.len() == 2 && used.values().all(|&local_pref| local_pref == 0);
    eventually(|| used(&here), drained).await;
    let announced = || peer.vtysh("show bgp ipv4 unicast 198.18.0.0/17 json");
    eventually(announced, |route| route.contains("gracefulShutdown")).await;
    draining.generation = 4;
    draining.sessions[0].phase = SessionPhase::Shutdown;
    control.intend(&draining).await;
    control.until("shut down", |c| c.session().bgp == BgpState::Idle && !c.session().gate_open).await;
}

async fn a_change_that_costs_another_session_is_undone_and_drift_is_shown_before_it_is_corrected(
    version: &'static str,
) {
    let (here, peer) = routers_with(version);
    let (mut control, _agent, streams) = connect(&here, &peer);
    control.send(access(&here)).await;
    // An operator's own session runs over a second LAG.
    let mut first = intended(1, SessionPhase::Open);
    first.lags.push(LagIntent {
        name: "lag2".into(),
        description: "spare".into(),
        members: vec!["et3".into()],
        addresses: vec![InterfaceAddress { address: "192.0.2.1".parse().unwrap(), prefix_len: 31 }],
    });
    here.configure(
        "router bgp 64500\n neighbor 192.0.2.0 remote-as 64510\n neighbor 192.0.2.0 timers connect 1\nexit\n",
    );
    peer.configure(
        "router bgp 64510\n neighbor 192.0.2.1 remote-as 64500\n neighbor 192.0.2.1 timers connect 1\nexit\n",
    );
    control.intend(&first).await;
    control.until("the gate is open", |c| c.session().gate_open).await;
    control.until("generation 1 is confirmed", |c| c.outcome(1) == Some(&ApplyOutcome::Confirmed)).await;
    let own = || here.vtysh("show bgp neighbors 192.0.2.0 json");
    // Only a session that has stood for a while says something about a change.
    let stood = || {
        let own: serde_json::Value = serde_json::from_str(&own()).unwrap();
        own["192.0.2.0"]["bgpTimerUpMsec"].as_u64().unwrap_or_default()
    };
    eventually(stood, |ms| *ms > 11_000).await;

    let harmful = intended(2, SessionPhase::Open);
    control.intend(&harmful).await;
    control
        .until("generation 2 is undone", |c| matches!(c.outcome(2), Some(ApplyOutcome::RolledBack { .. })))
        .await;
    let result = control.result.clone().unwrap();
    assert!(result.diff.contains("-members et3"), "{}", result.diff);
    let ApplyOutcome::RolledBack { fault } = result.outcome else { unreachable!() };
    assert!(fault.to_string().contains("192.0.2.0"), "{fault}");
    control
        .until("generation 1 stands", |c| c.state.as_ref().is_some_and(|s| s.applied_generation == Some(1)))
        .await;
    eventually(own, |own| own.contains(r#""bgpState":"Established""#)).await;

    let good = RouterIntent { generation: 3, ..first };
    control.intend(&good).await;
    control.until("generation 3 is confirmed", |c| c.outcome(3) == Some(&ApplyOutcome::Confirmed)).await;
    here.configure("router bgp 64500\n neighbor 198.18.192.2 timers 3 9\nexit\n");
    control.until("drift is shown", |c| c.state.as_ref().is_some_and(|s| s.drift.is_some())).await;
    let drift = control.state.as_ref().unwrap().drift.clone().unwrap();
    assert!(drift.contains("-timers 3 9") && drift.contains("+timers 10 30"), "{drift}");
    assert!(here.vtysh("show running-config").contains("neighbor 198.18.192.2 timers 3 9"));
    control.until("drift is corrected", |c| c.state.as_ref().is_some_and(|s| s.drift.is_none())).await;
    assert!(here.vtysh("show running-config").contains("neighbor 198.18.192.2 timers 10 30"));

    // A new intent takes a hand-made change back as well, but not before it was shown.
    here.configure("router bgp 64500\n neighbor 198.18.192.2 timers 5 15\nexit\n");
    let mut good = RouterIntent { generation: 4, ..good };
    good.sessions[0].max_prefixes = 900;
    control.intend(&good).await;
    control
        .until("the other hand-made change is shown", |c| {
            let drift = c.state.as_ref().and_then(|s| s.drift.as_ref());
            drift.is_some_and(|d| d.contains("-timers 5 15") && !d.contains("maximum-prefix"))
        })
        .await;
    control.until("generation 4 is confirmed", |c| c.outcome(4) == Some(&ApplyOutcome::Confirmed)).await;
    assert!(here.vtysh("show running-config").contains("neighbor 198.18.192.2 timers 10 30"));

    // The control plane goes and comes back, and is told everything.
    let (ours, theirs) = tokio::io::duplex(64 << 10);
    control = Control::new(ours, control.nodes);
    streams.send(theirs).await.unwrap();
    control.until("state is told anew", |c| c.state.is_some()).await;
    control.until("the last result is told anew", |c| c.outcome(4).is_some()).await;

    // A router that dies is told as such, and gets all of its configuration once it is back.
    here.signal("bgpd", "KILL");
    control
        .until("the router is unreachable", |c| {
            c.state.as_ref().is_some_and(|s| !s.reachable && s.error.is_some())
        })
        .await;
    here.start_frr(&["bgpd"]);
    control.until("it is back", |c| c.state.as_ref().is_some_and(|s| s.reachable)).await;
    control.intend(&RouterIntent { generation: 5, ..good }).await;
    control.until("generation 5 is confirmed", |c| c.outcome(5) == Some(&ApplyOutcome::Confirmed)).await;
    assert!(here.vtysh("show running-config").contains("neighbor 198.18.192.2 remote-as 64510"));
}

async fn gates_close_on_the_router_while_bfd_or_bundling_cannot_be_spoken_with(version: &'static str) {
    let (here, peer) = routers_with(version);
    let (mut control, _agent, _streams) = connect(&here, &peer);
    control.send(access(&here)).await;
    control.intend(&intended(1, SessionPhase::Open)).await;
    control.until("the gate is open", |c| c.session().gate_open).await;
    eventually(|| used(&here), |used| used.len() == 2).await;
    let running = || here.vtysh("show running-config");
    let closed = |running: &String| running.contains("neighbor 198.18.192.2 route-map MEETME-HOLD4 in");
    assert!(!closed(&running()));

    here.signal("bfdd", "KILL");
    eventually(running, closed).await;
    control.until("the gate is told as closed", |c| !c.session().gate_open).await;
    here.start_frr(&["bfdd"]);
    control.until("the gate opens anew", |c| is_up(&c.session()) && c.session().gate_open).await;
    eventually(|| used(&here), |used| used.len() == 2).await;

    // Open vSwitch goes on bundling, but nobody new reaches its database any more.
    std::fs::rename(here.path("db.sock"), here.path("elsewhere.sock")).unwrap();
    control.until("the router counts as away", |c| c.state.as_ref().is_some_and(|s| !s.reachable)).await;
    peer.signal("bfdd", "STOP");
    eventually(running, closed).await;
    nothing_without_bfd(&here, version).await;
}
