//! The limit of a session's prefixes, on real routers: what isn't used counts as well.

mod common;

use common::drive::make;
use common::net::{Node, inside_namespaces};
use common::site::{eventually, intended, routers};
use meetme_edge::routers::Gates;
use meetme_edge::routers::frr::Frr;
use meetme_model::intent::{RouterIntent, SessionPhase};
use meetme_model::inventory::LagBackend;

/// Routes that the peer brings; two of them would be used.
const BROUGHT: u32 = 10;

fn driver(node: &Node) -> Frr {
    let lag = LagBackend::Ovs { db: node.path("db.sock"), ctl: node.path("vswitchd.ctl"), netns: None };
    Frr::new(node.dir.clone(), lag)
}

async fn apply(frr: &Frr, intent: &RouterIntent, gates: &Gates) {
    let made = make(frr, intent, gates).await;
    assert!(made.faults.is_empty(), "{made:?}");
}

/// The session's state and how many routes it brings, as the router tells.
fn session(node: &Node) -> (String, u64) {
    let summary: serde_json::Value = serde_json::from_str(&node.vtysh("show bgp summary json")).unwrap();
    let peer = &summary["ipv4Unicast"]["peers"]["198.18.192.2"];
    (peer["state"].as_str().unwrap_or_default().to_owned(), peer["pfxRcd"].as_u64().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn held_routes_count_towards_the_limit_that_closes_the_session() {
    if !inside_namespaces("held_routes_count_towards_the_limit_that_closes_the_session") {
        return;
    }
    let (here, _peer) = routers();
    let frr = driver(&here);
    let mut wanted = intended(1, SessionPhase::Open);
    for gates in [Gates::new(), Gates::from(["c1v4".to_owned()])] {
        wanted.sessions[0].max_prefixes = BROUGHT;
        apply(&frr, &wanted, &gates).await;
        eventually(|| session(&here), |s| *s == ("Established".to_owned(), u64::from(BROUGHT))).await;
        // FRR counts what it has before it adds a route, so one more than the limit still stands.
        wanted.sessions[0].max_prefixes = BROUGHT - 2;
        apply(&frr, &wanted, &gates).await;
        // FRR looks at the limit when a route comes.
        here.vtysh("clear bgp 198.18.192.2");
        eventually(|| session(&here), |(state, _)| state == "Idle (PfxCt)").await;
        wanted.sessions[0].max_prefixes = BROUGHT;
        apply(&frr, &wanted, &gates).await;
        here.vtysh("clear bgp 198.18.192.2");
    }
}
