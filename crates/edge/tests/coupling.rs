//! The trial of BFD and BGP at first contact, on real routers.

mod common;

use common::drive::{diff, make, tidy};
use common::fixture::intent;
use common::net::Node;
use common::site::{access, eventually};
use meetme_edge::routers::frr::Frr;
use meetme_edge::routers::{Driver, Gates, driver};
use meetme_model::coupling::Found;
use meetme_model::intent::{RouterIntent, SessionPhase};
use meetme_model::link::ToEdge;

on_each_frr!(
    bgp_falls_with_bfd_and_nothing_of_the_trial_stays,
    bgp_that_does_not_follow_bfd_is_found_out,
    a_trial_whose_edge_died_is_taken_away_by_the_next_plan,
);

const NEIGHBOR: &str = "neighbor 127.77.69.84 ";

/// A router that has the host's own part, and nothing else.
async fn router(version: &str) -> (Node, Frr, RouterIntent) {
    let node = Node::here_with(version);
    node.start_frr(&["zebra", "staticd", "bfdd", "bgpd"]);
    node.start_ovs();
    let ToEdge::Routers { routers } = access(&node) else { unreachable!() };
    let frr = driver(&routers[0]);
    let mut wanted = intent(1, SessionPhase::Open);
    (wanted.lags, wanted.sessions) = (vec![], vec![]);
    let made = make(&frr, &wanted, &Gates::new()).await;
    assert!(made.faults.is_empty(), "{made:?}");
    (node, frr, wanted)
}

async fn bgp_falls_with_bfd_and_nothing_of_the_trial_stays(version: &'static str) {
    let (node, frr, wanted) = router(version).await;
    let before = node.vtysh("show running-config");
    let found = frr.prove_coupling().await.unwrap();
    println!("FRR {version}: {found:?}");
    assert!(matches!(found, Found::Fell { detection_ms: 300, .. }), "{found:?}");
    assert_eq!(diff(&frr, &wanted).await, "", "the router is as intended");
    tidy(&frr, &wanted).await;
    // bfdd has been spoken with, which FRR writes down.
    assert_eq!(node.vtysh("show running-config").replace("bfd\nexit\n!\n", ""), before);
}

/// BFD of the same session, but asked for by hand, and not by BGP.
async fn bgp_that_does_not_follow_bfd_is_found_out(version: &'static str) {
    let (node, frr, _) = router(version).await;
    node.configure(
        "bfd\n peer 127.77.69.84 local-address 198.18.255.11\n  receive-interval 100\n  transmit-interval 100\n \
         exit\nexit\n",
    );
    let trial = tokio::spawn(async move { frr.prove_coupling().await.unwrap() });
    eventually(|| node.vtysh("show running-config").contains(NEIGHBOR), |there| *there).await;
    node.configure("router bgp 64500\n no neighbor 127.77.69.84 bfd\nexit\n");
    let found = trial.await.unwrap();
    assert!(matches!(found, Found::Stood { detection_ms: 300, .. }), "{found:?}");
}

async fn a_trial_whose_edge_died_is_taken_away_by_the_next_plan(version: &'static str) {
    let (node, frr, wanted) = router(version).await;
    let edge = frr.clone();
    let trial = tokio::spawn(async move { edge.prove_coupling().await });
    eventually(|| node.vtysh("show running-config").contains(NEIGHBOR), |there| *there).await;
    trial.abort();
    assert!(trial.await.is_err_and(|e| e.is_cancelled()), "it was under way");
    assert!(node.vtysh("show running-config").contains(NEIGHBOR), "nobody took it away");
    let made = make(&frr, &wanted, &Gates::new()).await;
    assert!(made.faults.is_empty(), "{made:?}");
    assert!(!node.vtysh("show running-config").contains(NEIGHBOR));
}
