//! More established sessions than one step may reset, on a real router: the change goes on in steps and ends
//! well, and another peer's change doesn't wait for it.

mod common;

use common::fixture;
use common::net::{Node, sh};
use common::site::{access, connect_edge, eventually, intended, is_up};
use meetme_model::intent::{BfdTimers, RouterIntent, SessionPhase};
use meetme_model::link::*;
use meetme_model::unit::UnitName;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

on_each_frr!(seventeen_sessions_leave_in_two_steps_and_anothers_change_goes_through_meanwhile);

/// One more than a step may reset leave, and another stays.
const SESSIONS: u8 = 18;

/// A router and a peer with a LAG of one link for each session.
fn routers(version: &str) -> (Node, Node) {
    let here = Node::here_with(version);
    let (peer, peer_pid) = Node::elsewhere();
    for node in [&here, &peer] {
        node.start_ovs();
        node.start_frr(&["zebra", "bfdd", "bgpd"]);
    }
    let mut config = "bfd\n profile p\n  transmit-interval 500\n  receive-interval 500\n exit\nexit\n\
                      router bgp 64510\n bgp router-id 198.19.255.1\n"
        .to_owned();
    for n in 1..=SESSIONS {
        sh(&format!("ip link add et{n} type veth peer name p{n} netns {peer_pid}"));
        peer.sh(&format!("ip link set p{n} up arp off"));
        peer.vsctl(&format!(
            "add-br b{n} -- set bridge b{n} datapath_type=netdev other_config:hwaddr=02:00:00:00:00:{n:02x} -- \
             add-port b{n} p{n} -- set port p{n} lacp=active other_config:lacp-time=fast"
        ));
        peer.sh(&format!("ip link set b{n} up"));
        peer.sh(&format!("ip addr add 198.18.192.{}/31 dev b{n}", 2 * n));
        let host = format!("198.18.192.{}", 2 * n + 1);
        for line in [
            "remote-as 64500",
            "password s3cret",
            "ttl-security hops 1",
            "bfd",
            "bfd profile p",
            "timers connect 1",
        ] {
            let _ = writeln!(config, " neighbor {host} {line}");
            if line.starts_with("ttl-security") {
                let _ = writeln!(config, " no neighbor {host} ebgp-multihop");
            }
        }
    }
    peer.configure(&format!("{config}exit\n"));
    (here, peer)
}

fn with_sessions(generation: u64, sessions: u8) -> RouterIntent {
    let mut intent = intended(generation, SessionPhase::Open);
    intent.lags = (1..=sessions).map(fixture::lag).collect();
    for (n, lag) in (1..).zip(&mut intent.lags) {
        lag.members = vec![format!("et{n}")];
    }
    intent.sessions = (1..=sessions).map(|n| fixture::session(n, SessionPhase::Open)).collect();
    for session in &mut intent.sessions {
        session.bfd = BfdTimers { interval_ms: 500, multiplier: 3, strict: false };
        session.policy.host_space = ["198.18.0.0/17".parse().unwrap()].into();
    }
    intent
}

/// How many sessions the router says are established.
fn established(show: &str) -> usize {
    sh(show).matches(r#""state":"Established""#).count()
}

async fn seventeen_sessions_leave_in_two_steps_and_anothers_change_goes_through_meanwhile(
    version: &'static str,
) {
    let (here, peer) = routers(version);
    let shows = [&here, &peer].map(|n| n.vtysh_command("show bgp summary")).to_vec();
    let (mut control, _agent, _streams) = connect_edge(shows);
    control.send(access(&here)).await;
    control.intend(&with_sessions(1, SESSIONS)).await;
    let all_up = |state: &RouterState| {
        state.sessions.len() == usize::from(SESSIONS) && state.sessions.values().all(is_up)
    };
    control
        .until("every session is up and confirmed", |c| {
            c.state.as_ref().is_some_and(|s| all_up(s) && s.pending.is_empty())
        })
        .await;
    assert!(control.state.as_ref().and_then(|s| s.coupling.as_ref()).is_some_and(|c| c.is_proved()));

    let show = here.vtysh_command("show bgp summary json");
    let over = std::sync::Arc::new(AtomicBool::new(false));
    let is_over = over.clone();
    let counting = std::thread::spawn(move || {
        let mut seen = BTreeSet::new();
        while !is_over.load(Ordering::Relaxed) {
            seen.insert(established(&show));
            std::thread::sleep(Duration::from_millis(100));
        }
        seen
    });
    let mut after = with_sessions(2, SESSIONS);
    after.lags.drain(..usize::from(SESSIONS) - 1);
    after.sessions.drain(..usize::from(SESSIONS) - 1);
    // One that resets nothing: a change of the limit would count among those that do, and wait its turn.
    after.sessions[0].description.push_str(" B");
    control.intend(&after).await;
    control
        .until("the other's change is confirmed while one of the seventeen waits", |c| {
            let stays = UnitName::Connection(format!("lag{SESSIONS}"));
            c.state.as_ref().is_some_and(|s| {
                s.generation == Some(2) && !s.pending.is_empty() && !s.pending.contains_key(&stays)
            })
        })
        .await;
    control
        .until("all that was to leave has left, and that is confirmed", |c| {
            c.state.as_ref().is_some_and(|s| s.applied_generation == Some(2) && s.pending.is_empty())
        })
        .await;
    over.store(true, Ordering::Relaxed);
    let seen = counting.join().unwrap();
    assert!(seen.contains(&2), "one of them waits until the first sixteen are confirmed: {seen:?}");
    assert_eq!(established(&here.vtysh_command("show bgp summary json")), 1);
    let left = || {
        let running = here.vtysh("show running-config");
        let stays = format!("neighbor 198.18.192.{} ", 2 * SESSIONS);
        let ours = running.lines().filter(|l| l.contains("neighbor 198.18.192.") && !l.contains(&stays));
        ours.map(str::to_owned).collect::<Vec<_>>()
    };
    eventually(left, Vec::is_empty).await;
}
