//! The inventory, and what goes to and comes from the edges.

use super::database::Database;
use super::fixtures::*;
use crate::*;
use meetme_model::intent::RouterIntent;
use meetme_model::intent_parts::IntentParts;
use meetme_model::inventory::Inventory;
use meetme_model::link::{ApplyOutcome, ApplyResult, RouterState, SessionRoutes};
use meetme_model::route::{PrefixPolicy, PrefixRole};
use meetme_model::unit::UnitName;
use serde_json::json;
use std::collections::BTreeMap;

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
        generation: Some(3),
        applied_generation: Some(3),
        bmp_connected: true,
        ..RouterState::reached(router, at(second))
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
    assert_eq!(router_intent_head(&mut reader, "r9").await.unwrap(), None);
    let all = router_intent_generations(&mut reader).await.unwrap();
    assert_eq!(all, [("r0".to_owned(), 1), ("r1".to_owned(), 3)].into());
}

pub async fn an_intent_is_kept_in_parts_and_no_part_outlives_its_use(db: &Database) {
    let mut tx = db.store.begin().await.unwrap();
    let mut wanted = intent("r1", "one");
    wanted.sessions[0].policy.prefixes = ["198.19.10.0/24", "198.19.20.0/24"]
        .map(|p| PrefixPolicy { prefix: p.parse().unwrap(), role: PrefixRole::Registered })
        .into();
    router_intent_put(&mut tx, &wanted).await.unwrap();
    let first = kept(&mut tx, "r1").await;
    let key = named("one");
    let with_key = IntentParts { keys: [(key.name, key.secret)].into(), ..first.clone() };
    assert_eq!(with_key.whole().unwrap(), RouterIntent { generation: 1, ..wanted.clone() });

    wanted.sessions[0].policy.prefixes = [].into();
    router_intent_put(&mut tx, &wanted).await.unwrap();
    let second = kept(&mut tx, "r1").await;
    let old = first.lists.keys().find(|digest| !second.lists.contains_key(digest)).unwrap();
    assert_eq!(router_list_get(&mut tx, "r1", old).await.unwrap(), None);

    wanted.sessions.clear();
    router_intent_put(&mut tx, &wanted).await.unwrap();
    let names: Vec<_> = router_units(&mut tx, "r1").await.unwrap().into_keys().collect();
    assert_eq!(names, [UnitName::Backbone]);
    router_intent_delete(&mut tx, "r1").await.unwrap();
    assert_eq!(router_intent_head(&mut tx, "r1").await.unwrap(), None);
    assert!(router_units(&mut tx, "r1").await.unwrap().is_empty());
}

/// The intent of a router as it is kept, without keys.
async fn kept(tx: &mut Tx, router: &str) -> IntentParts {
    let head = router_intent_head(tx, router).await.unwrap().unwrap();
    let mut wanted = vec![head.own.announced.clone()];
    let (mut units, mut lists) = (BTreeMap::new(), BTreeMap::new());
    for name in router_units(tx, router).await.unwrap().into_keys() {
        let (unit, references) = router_unit_get(tx, router, &name).await.unwrap().unwrap();
        wanted.extend(references.lists);
        units.insert(name, unit);
    }
    for digest in wanted {
        let list = router_list_get(tx, router, &digest).await.unwrap().unwrap();
        lists.insert(digest, list);
    }
    IntentParts { head, units, lists, keys: BTreeMap::new() }
}
