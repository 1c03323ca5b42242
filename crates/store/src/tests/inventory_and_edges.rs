//! The inventory, and what goes to and comes from the edges.

use super::database::Database;
use super::fixtures::*;
use crate::*;
use meetme_model::inventory::Inventory;
use meetme_model::link::{ApplyOutcome, ApplyResult, RouterState, SessionRoutes};
use serde_json::json;

fn inventory(location: &str) -> Inventory {
    serde_json::from_value(json!({
        "host": {"name": "Example Cloud", "asn": 64500, "announced": ["198.18.0.0/17"]},
        "location": [{"name": location, "country": "NL", "region": "westeurope"}],
        "site": [{"name": "ams1", "location": location, "facility_id": 1, "address": "Street 1",
                  "latitude": 52.3, "longitude": 4.9}],
    }))
    .unwrap()
}

pub async fn the_last_inventory_holds(db: &Database) {
    let mut tx = db.store.begin().await.unwrap();
    assert_eq!(inventory_get(&mut tx).await.unwrap(), None);
    let first = inventory_put(&mut tx, &inventory("Amsterdam"), at(0)).await.unwrap();
    let second = inventory_put(&mut tx, &inventory("Frankfurt"), at(1)).await.unwrap();
    assert!(second > first);
    let held = inventory_get(&mut tx).await.unwrap();
    assert_eq!(held, Some((second, std::sync::Arc::new(inventory("Frankfurt")))));
}

fn state(router: &str, second: i64) -> RouterState {
    RouterState {
        router: router.into(),
        at: at(second),
        reachable: true,
        error: None,
        generation: Some(3),
        applied_generation: Some(3),
        pending: Default::default(),
        drift: None,
        lags: Default::default(),
        sessions: Default::default(),
        bmp_connected: true,
        coupling: None,
    }
}

fn routes(router: &str, session: &str, received: u32) -> SessionRoutes {
    SessionRoutes {
        router: router.into(),
        session: session.into(),
        peer_address: "198.18.192.0".parse().unwrap(),
        at: at(0),
        synced: true,
        error: None,
        received,
        used: 0,
        faults: Default::default(),
        examples: Default::default(),
        evidence: vec![],
    }
}

pub async fn a_router_s_state_and_its_sessions_routes_are_the_latest_ones(db: &Database) {
    let mut tx = db.store.begin().await.unwrap();
    for (router, second) in [("r2", 1), ("r1", 1), ("r1", 2)] {
        router_state_put(&mut tx, &state(router, second)).await.unwrap();
    }
    assert_eq!(router_state_get(&mut tx, "r1").await.unwrap(), Some(state("r1", 2)));
    assert_eq!(router_state_get(&mut tx, "r3").await.unwrap(), None);
    let all = router_state_list(&mut tx).await.unwrap();
    assert_eq!(all, [state("r1", 2), state("r2", 1)]);

    for (session, received) in [("c1v4", 1), ("c1v6", 5), ("c1v4", 2)] {
        session_routes_put(&mut tx, &routes("r1", session, received)).await.unwrap();
    }
    let found = session_routes_get(&mut tx, "r1", "c1v4").await.unwrap();
    assert_eq!(found, Some(routes("r1", "c1v4", 2)));
    assert_eq!(session_routes_list(&mut tx, "r1").await.unwrap().len(), 2);
    let asked = [("r1", "c1v6"), ("r2", "c1v4")].map(|(r, s)| (r.to_owned(), s.to_owned()));
    let found = session_routes_of(&mut tx, &asked).await.unwrap();
    assert_eq!(found, [routes("r1", "c1v6", 5)]);
    session_routes_delete(&mut tx, "r1", "c1v6").await.unwrap();
    assert_eq!(session_routes_list(&mut tx, "r1").await.unwrap().len(), 1);
}

pub async fn results_of_applying_are_bounded(db: &Database) {
    let mut tx = db.store.begin().await.unwrap();
    let result = |router: &str, generation| ApplyResult {
        router: router.into(),
        generation,
        at: at(0),
        units: vec![],
        outcome: ApplyOutcome::Confirmed,
        diff: String::new(),
    };
    apply_result_put(&mut tx, &result("r2", 1)).await.unwrap();
    let count = u64::from(APPLY_RESULTS_KEPT) + 5;
    for generation in 1..=count {
        apply_result_put(&mut tx, &result("r1", generation)).await.unwrap();
    }
    let kept = apply_results_list(&mut tx, "r1", 1000).await.unwrap();
    assert_eq!(kept.len(), APPLY_RESULTS_KEPT as usize);
    assert_eq!((kept[0].generation, kept[49].generation), (count, 6));
    assert_eq!(apply_results_list(&mut tx, "r1", 1).await.unwrap().len(), 1);
    assert_eq!(apply_results_list(&mut tx, "r2", 9).await.unwrap().len(), 1);
}

pub async fn an_intent_s_generation_counts_changes_only(db: &Database) {
    let mut tx = db.store.begin().await.unwrap();
    let mut generations = Vec::new();
    for md5_key in ["one", "one", "two", "one"] {
        generations.push(router_intent_put(&mut tx, &intent("r1", md5_key)).await.unwrap());
    }
    assert_eq!(generations, [1, 1, 2, 3]);
    assert_eq!(router_intent_put(&mut tx, &intent("r0", "x")).await.unwrap(), 1);
    tx.commit().await.unwrap();
    let mut reader = db.store.read().await.unwrap();
    let mut expect = intent("r1", "one");
    expect.generation = 3;
    assert_eq!(router_intent_get(&mut reader, "r1").await.unwrap(), Some(expect));
    assert_eq!(router_intent_get(&mut reader, "r9").await.unwrap(), None);
    let all = router_intent_list(&mut reader).await.unwrap();
    let all: Vec<_> = all.iter().map(|i| (i.router.as_str(), i.generation)).collect();
    assert_eq!(all, [("r0", 1), ("r1", 3)]);
}
