//! `rpUnbilledPrefixes`: what the host uses of a peering, each prefix once.

use super::edges::{self, Asked, edges_with};
use super::fixture::*;
use crate::{EdgeQueries, Settings};
use axum::body::Body;
use axum::http::Method;
use meetme_model::Prefix;
use meetme_model::connection::{ConnectionState, Stage};
use meetme_model::link::JudgedRoute;
use meetme_model::route::RouteUse;
use serde_json::json;
use std::sync::Arc;

fn known(router: &str, session: &str, prefix: &str, used: bool) -> JudgedRoute {
    let mut route = edges::route(router, session, prefix, &[64510]);
    if !used {
        route.verdict.usage = RouteUse::Unused;
    }
    route
}

async fn api(routes: Vec<JudgedRoute>, page_size: usize) -> (Api, Asked) {
    let asked = Asked::default();
    let settings = Settings { page_size, ..Settings::default() };
    let api = Api::with(edges_with(routes, asked.clone()), settings).await;
    api.provider().await;
    api.all_connections("ams", ConnectionState::Active).await;
    (api, asked)
}

fn path(query: &str) -> String {
    format!("{}/rpUnbilledPrefixes{query}", peering("ams"))
}

/// All prefixes, page after page, and the number of pages.
async fn walk(api: &Api, query: &str) -> (Vec<String>, usize) {
    let (rows, pages) = edges::walk(api, path(query)).await;
    (rows.iter().map(|row| row["prefix"].as_str().unwrap().to_owned()).collect(), pages)
}

#[tokio::test]
async fn a_prefix_that_any_session_uses_is_listed_once() {
    let (api, _) = api(
        vec![
            known("ams1-er1", "c1v4", "198.19.10.0/24", true),
            known("ams1-er2", "c2v4", "198.19.10.0/24", true),
            known("ams1-er1", "c1v4", "198.19.11.0/24", false),
            known("ams1-er2", "c2v4", "198.19.11.0/24", true),
            known("ams1-er1", "c1v4", "198.19.12.0/24", false),
        ],
        10,
    )
    .await;
    let reply = api.get(&path("")).await;
    let row = |prefix: &str| json!({ "prefix": prefix, "azureRegion": "westeurope", "peerAsn": 64510 });
    assert_eq!(reply.body, json!({ "value": [row("198.19.10.0/24"), row("198.19.11.0/24")] }));
}

#[tokio::test]
async fn pages_of_several_routers_miss_and_repeat_nothing() {
    let mut routes = Vec::new();
    for n in 0..23 {
        let (a, b) = (format!("198.19.{n}.0/24"), format!("2001:db8:{n:x}::/48"));
        routes.push(known("ams1-er1", "c1v4", &a, n % 5 != 0));
        if n % 3 != 0 {
            routes.push(known("ams1-er2", "c2v4", &a, true));
        }
        if n % 4 == 0 {
            routes.push(known("ams1-er2", "c2v4", &b, true));
        }
    }
    let mut expected: Vec<Prefix> =
        routes.iter().filter(|r| r.verdict.usage != RouteUse::Unused).map(|r| r.route.prefix).collect();
    expected.sort_unstable();
    expected.dedup();
    let expected: Vec<String> = expected.iter().map(Prefix::to_string).collect();
    for size in [1, 2, 7, expected.len(), 100] {
        let (api, _) = api(routes.clone(), size).await;
        let (found, pages) = walk(&api, "?consolidate=false").await;
        assert_eq!(found, expected, "page size {size}");
        assert_eq!(pages, expected.len().div_ceil(size), "page size {size}");
    }
}

#[tokio::test]
async fn consolidated_prefixes_cover_the_same_in_fewer_over_all_routers() {
    let routes = vec![
        known("ams1-er1", "c1v4", "198.19.0.0/24", true),
        known("ams1-er2", "c2v4", "198.19.1.0/24", true),
        known("ams1-er1", "c1v4", "198.19.1.128/25", true),
        known("ams1-er1", "c1v4", "198.19.3.0/24", true),
        known("ams1-er1", "c1v4", "198.19.2.0/24", false),
        known("ams1-er2", "c2v4", "198.19.8.0/22", true),
        known("ams1-er2", "c2v4", "198.19.12.0/22", true),
    ];
    for size in [1, 2, 10] {
        let (api, _) = api(routes.clone(), size).await;
        let (found, _) = walk(&api, "?consolidate=TRUE").await;
        assert_eq!(found, ["198.19.0.0/23", "198.19.3.0/24", "198.19.8.0/21"], "page size {size}");
    }
}

#[tokio::test]
async fn what_is_too_much_to_consolidate_is_told_and_comes_in_pages_all_the_same() {
    let prefix = |n: u32| format!("11.{}.{}.{}/32", n >> 16, n >> 8 & 255, n & 255);
    let routes: Vec<JudgedRoute> = (0..22_002).map(|n| known("ams1-er1", "c1v4", &prefix(n), true)).collect();
    let (fitting, _) = api(routes[..22_000].to_vec(), 1_000).await;
    assert_eq!(fitting.get(&path("?consolidate=true")).await.status, 200);
    let (api, _) = api(routes, 1_000).await;
    let reply = api.get(&path("?consolidate=true")).await;
    assert_eq!(reply.violations(), ["TooManyPrefixes consolidate"]);
    let (found, _) = walk(&api, "").await;
    assert_eq!(found.len(), 22_002);
}

#[tokio::test]
async fn only_sessions_of_active_connections_are_asked() {
    let (api, asked) = api(vec![], 10).await;
    let mut connections = api.all_connections("ams", ConnectionState::Active).await;
    let mut tx = api.store.begin().await.unwrap();
    connections[1].state = ConnectionState::Onboarding(Stage::Validating);
    meetme_store::connection_update(&mut tx, &connections[1]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(api.get(&path("")).await.body, json!({ "value": [] }));
    let first = format!("c{}v4", connections[0].id);
    let asked = asked.lock().unwrap();
    let sessions: Vec<_> = asked.iter().flat_map(|(sessions, _)| sessions).collect();
    assert_eq!(sessions, [&("ams1-er1".to_owned(), first)]);
}

#[tokio::test]
async fn an_edge_that_cannot_answer_is_told_and_a_young_peering_has_no_prefixes() {
    let down: EdgeQueries = Arc::new(|router, _| Box::pin(async move { Err(format!("{router} is away")) }));
    let api = Api::with(down, Settings::default()).await;
    api.provider().await;
    for state in [Stage::PendingApproval, Stage::Validating] {
        api.all_connections("ams", ConnectionState::Onboarding(state)).await;
        assert_eq!(api.get(&path("")).await.body, json!({ "value": [] }));
    }
    api.all_connections("ams", ConnectionState::Active).await;
    for query in ["", "?consolidate=true"] {
        let reply = api.get(&path(query)).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (503, "EdgeUnavailable"));
    }
}

#[tokio::test]
async fn a_wrong_question_is_told_and_others_find_nothing() {
    let (api, _) = api(vec![], 10).await;
    assert_eq!(api.get(&path("?consolidate=maybe")).await.violations(), ["InvalidFilter consolidate"]);
    assert_eq!(api.get(&path("?$skipToken=6162")).await.violations(), ["InvalidSkipToken $skipToken"]);
    let missing = format!("{}/rpUnbilledPrefixes", peering("none"));
    assert_eq!(api.get(&missing).await.status, 404);
    let stranger = api.ask(&api.other, Method::GET, &path(""), Body::empty()).await;
    assert_eq!(stranger.status, 404);
}
