//! What the edge measures of real routers: sessions, traffic, and what a looking glass shows.

mod common;

use common::site::{Control, access, connect, intended, is_up, routers_with};
use meetme_model::intent::SessionPhase;
use meetme_model::link::{EdgeAnswer, EdgeQuery, LagState, ToEdge};
use meetme_model::probe::LookingGlass;
use meetme_model::samples::{LagSample, SessionSample, Stat};
use std::time::Duration;

on_each_frr!(sessions_and_traffic_are_measured_as_the_router_counts_them,);

/// Bytes of an echo and its answer on the wire: Ethernet, IPv4, ICMP, data.
const ECHO_BYTES: f64 = 14.0 + 20.0 + 8.0 + 1000.0;
const ECHOES: u32 = 2000;

fn sessions(control: &Control) -> Vec<SessionSample> {
    control.samples.iter().filter_map(|s| s.sessions.get("c1v4")).copied().collect()
}

fn all(stats: impl Iterator<Item = Stat>) -> Option<Stat> {
    stats.reduce(Stat::and)
}

fn traffic(control: &Control, of: fn(&LagSample) -> Stat) -> Option<Stat> {
    all(control.samples.iter().filter_map(|s| s.lags.get("lag1")).map(of))
}

async fn sessions_and_traffic_are_measured_as_the_router_counts_them(version: &'static str) {
    let (here, peer) = routers_with(version);
    let (mut control, _agent, streams) = connect(&here, &peer);
    control.send(access(&here)).await;
    control.intend(&intended(1, SessionPhase::Open)).await;
    control
        .until("the LAG comes up", |c| {
            c.state.as_ref().is_some_and(|s| s.lags.get("lag1").is_some_and(LagState::is_up))
        })
        .await;
    control.until("the session comes up", |c| is_up(&c.session()) && c.session().gate_open).await;
    control.until("BMP tells the routes", |c| c.routes.get("c1v4").is_some_and(|r| r.received == 10)).await;

    let look = LookingGlass::BgpRoute("198.19.10.0/24".parse().unwrap());
    for (id, look) in [(1, look), (2, LookingGlass::BgpRoute("198.19.99.0/24".parse().unwrap()))] {
        let query = EdgeQuery::LookingGlass { router: "ams1-er1".into(), look };
        control.send(ToEdge::Query { id, query }).await;
    }
    control.until("the looks are answered", |c| c.answers.len() == 2).await;
    let shown = |id: u64| match &control.answers[&id] {
        Ok(EdgeAnswer::LookingGlass { output }) => output.clone(),
        other => panic!("{other:?}"),
    };
    for told in ["198.19.10.0/24", "64510", "from a session of this router", "Community: no-export"] {
        assert!(shown(1).contains(told), "{told}: {}", shown(1));
    }
    assert!(!shown(1).contains("Advertised") && !shown(1).contains("s3cret"), "{}", shown(1));
    assert!(shown(2).contains("not in table"), "{}", shown(2));

    // Echoes of a known size at a known pace, for longer than two readings of the counters.
    let ping = format!("ping -n -q -s 1000 -i 0.0125 -c {ECHOES} 198.18.192.3");
    let sending = std::thread::spawn({
        let command = format!("nsenter -n -t {} {ping}", peer.pid());
        move || {
            let start = std::time::Instant::now();
            let said = common::net::sh(&command);
            assert!(said.contains(&format!("{ECHOES} received")), "{said}");
            start.elapsed()
        }
    });
    while !sending.is_finished() {
        // The link is read meanwhile, as a control plane does.
        let _ = tokio::time::timeout(Duration::from_millis(200), control.next()).await;
    }
    let sent_bps = f64::from(ECHOES) * ECHO_BYTES * 8.0 / sending.join().unwrap().as_secs_f64();

    let flaps = control.session().flaps;
    peer.configure("router bgp 64510\n neighbor 198.18.192.3 shutdown\nexit\n");
    control.until("the session is lost", |c| c.session().flaps == flaps + 1).await;
    let lost = |c: &Control| sessions(c).iter().map(|s| s.flaps).sum::<u32>() > flaps;
    control.until("the minute of the loss is told", lost).await;
    // The minute comes in parts, sessions first.
    let minute = control.samples.iter().map(|s| s.minute).max();
    let has_lags = |c: &Control| c.samples.iter().any(|s| Some(s.minute) == minute && !s.lags.is_empty());
    control.until("its traffic is told", has_lags).await;

    let seen = sessions(&control);
    assert_eq!(seen.iter().map(|s| s.flaps).sum::<u32>(), control.session().flaps, "{seen:?}");
    let available = all(seen.iter().map(|s| s.available)).unwrap();
    assert_eq!((available.min, available.max), (0.0, 1.0), "{seen:?}");
    assert!(seen.iter().all(|s| s.available.count <= 60), "once a second at most: {seen:?}");
    for rate in [traffic(&control, |l| l.ingress_bps), traffic(&control, |l| l.egress_bps)] {
        // What BGP, BFD and LACP send besides is little.
        let greatest = rate.expect("the LAG was measured").max;
        assert!((0.9..1.15).contains(&(greatest / sent_bps)), "{greatest} of {sent_bps} bit/s");
    }
    let dropped = traffic(&control, |l| l.drop_bps).unwrap();
    assert!(dropped.max < 0.01 * sent_bps, "{dropped:?}");

    // A new link is told the last minutes again: the old one may have lost them.
    let told = control.samples.clone();
    let (ours, theirs) = tokio::io::duplex(64 << 10);
    control = Control::new(ours, control.nodes);
    streams.send(theirs).await.unwrap();
    control.until("they are told again", |c| told.iter().all(|s| c.samples.contains(s))).await;
}
