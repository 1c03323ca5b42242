//! Rendering and diffing the configuration of 50 routers with 100 sessions each: what a change of
//! the host's own prefixes costs. Prints one figure and adds it to `target/figures/bench.jsonl`.

#[path = "../tests/common/fixture.rs"]
mod fixture;

use meetme_edge::routers::frr::diff::change;
use meetme_edge::routers::frr::owned::Owned;
use meetme_edge::routers::frr::render::{Origination, render};
use meetme_figures::{Figures, percentile};
use meetme_model::asn::Asn;
use meetme_model::intent::{RouterIntent, SessionPhase};
use meetme_model::route::PrefixPolicy;
use std::net::Ipv4Addr;
use std::time::Instant;

const ROUTERS: u32 = 50;
const SESSIONS: u32 = 100;
const ROUNDS: usize = 7;
const BOUND_MS: f64 = 200.0;

/// A router whose sessions are with as many different peers, each with prefixes of its own.
fn intent(router: u32) -> RouterIntent {
    let mut intent = fixture::intent(1, SessionPhase::Open);
    intent.router = format!("er{router}");
    intent.lags.clear();
    intent.sessions = (0..SESSIONS)
        .map(|n| {
            let id = router * SESSIONS + n;
            let peer = Ipv4Addr::from(0xC612_C000 + 2 * id);
            let mut session = fixture::session(1, SessionPhase::Open);
            session.name = format!("c{id}v4");
            session.lag = format!("lag{id}");
            session.local_address = Ipv4Addr::from(u32::from(peer) + 1).into();
            session.peer_address = peer.into();
            session.policy.next_hop = peer.into();
            session.policy.peer_asn = Asn(100_000 + id);
            let own = |k: u32| format!("{}/24", Ipv4Addr::from(0x0B00_0000 + ((id * 2 + k) << 8)));
            session.policy.prefixes = (0u32..)
                .zip(&*session.policy.prefixes)
                .map(|(k, policy)| PrefixPolicy { prefix: own(k).parse().expect("a prefix"), ..*policy })
                .collect();
            session
        })
        .collect();
    intent
}

fn rendered(intent: &RouterIntent) -> Owned {
    let gates = intent.sessions.iter().map(|s| s.name.clone()).collect();
    render(intent, &gates, Origination::Statics)
}

fn main() -> anyhow::Result<()> {
    let before: Vec<RouterIntent> = (0..ROUTERS).map(intent).collect();
    let have: Vec<Owned> = before.iter().map(rendered).collect();
    let mut after = before;
    for intent in &mut after {
        let more = "198.18.64.0/18".parse().expect("a prefix");
        intent.announced = intent.announced.iter().copied().chain([more]).collect();
    }
    let took_ms: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            let changed = after
                .iter()
                .zip(&have)
                .filter(|(intent, have)| !change(have, &rendered(intent)).is_empty())
                .count();
            assert_eq!(changed, ROUTERS as usize, "every router changes");
            began.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    let mut figures = Figures::default();
    let how =
        format!("render and diff {ROUTERS} routers with {SESSIONS} sessions each, {ROUNDS} runs, median");
    figures.at_most("render.50x100_ms", percentile(&took_ms, 50.0), "ms", BOUND_MS, &how);
    print!("{}", figures.table());
    figures.record()
}
