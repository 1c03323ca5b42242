//! `receivedRoutes`: merging routers, filters, pages.

use super::edges::{self, Asked, edges_with};
use super::fixture::*;
use crate::{EdgeQueries, Settings};
use meetme_model::Prefix;
use meetme_model::connection::ConnectionState;
use meetme_model::link::JudgedRoute;
use meetme_model::route::*;
use serde_json::{Value, json};
use std::sync::Arc;

/// A route; one with the private ASN 64512 in its path isn't used.
fn route(router: &str, session: &str, prefix: &str, path: &[u32]) -> JudgedRoute {
    let mut route = edges::route(router, session, prefix, path);
    if path.contains(&64512) {
        route.verdict.usage = RouteUse::Unused;
        route.verdict.faults = vec![RouteFault::ReservedAsn { asn: meetme_model::Asn(64512) }];
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
    format!("{}/receivedRoutes{query}", peering("ams"))
}

/// All rows as `prefix router`, and the number of pages.
async fn walk(api: &Api, query: &str) -> (Vec<String>, usize) {
    let (rows, pages) = edges::walk(api, path(query)).await;
    let shown =
        |row: &Value| format!("{} {}", row["prefix"].as_str().unwrap(), row["router"].as_str().unwrap());
    (rows.iter().map(shown).collect(), pages)
}

#[tokio::test]
async fn a_row_says_what_is_done_with_a_route_and_why() {
    let (api, _) = api(
        vec![
            route("ams1-er1", "c1v4", "198.19.10.0/24", &[64510]),
            route("ams1-er1", "c1v4", "198.19.11.0/24", &[64510, 64512]),
        ],
        10,
    )
    .await;
    let reply = api.get(&path("")).await;
    let rows = reply.body["value"].as_array().unwrap();
    assert_eq!(
        rows[0],
        json!({
            "prefix": "198.19.10.0/24",
            "nextHop": "198.18.192.2",
            "asPath": "64510",
            "originAsValidationState": "Valid",
            "rpkiValidationState": "Unknown",
            "trustAnchor": "None",
            "receivedTimestamp": "2026-01-05T10:00:00Z",
            "accepted": true,
            "reasons": [],
            "sessionIp": "198.18.192.2",
            "router": "ams1-er1",
        })
    );
    assert_eq!(rows[1]["accepted"], false);
    assert_eq!(rows[1]["reasons"][0]["code"], "ReservedAsn");
    assert_eq!(rows[1]["originAsValidationState"], "Invalid");
    assert!(reply.body.get("nextLink").is_none());
}

#[tokio::test]
async fn pages_of_several_routers_come_merged_each_row_once() {
    let mut routes = Vec::new();
    for n in 0..23 {
        routes.push(route("ams1-er1", "c1v4", &format!("198.19.{n}.0/24"), &[64510]));
        if n % 3 != 0 {
            routes.push(route("ams1-er2", "c2v4", &format!("198.19.{n}.0/24"), &[64510]));
        }
    }
    routes.push(route("ams1-er1", "unknown", "198.19.99.0/24", &[64510]));
    let expected: Vec<String> = routes
        .iter()
        .filter(|r| r.session != "unknown")
        .map(|r| format!("{} {}", r.route.prefix, r.router))
        .collect();
    for size in [1, 2, 5, 38, 100] {
        let (api, _) = api(routes.clone(), size).await;
        let (rows, pages) = walk(&api, "").await;
        assert_eq!(rows, expected, "page size {size}");
        assert!(pages <= expected.len().div_ceil(size) + 1, "{pages} of {size}");
    }
}

#[tokio::test]
async fn an_origin_filter_finds_rows_behind_many_that_do_not_match() {
    let mut routes: Vec<JudgedRoute> =
        (0..40).map(|n| route("ams1-er1", "c1v4", &format!("198.19.{n}.0/24"), &[64510])).collect();
    routes.push(route("ams1-er2", "c2v4", "198.19.77.0/24", &[64510, 64511]));
    let (api, _) = api(routes, 3).await;
    let (rows, _) = walk(&api, "?originAsValidationState=invalid").await;
    assert_eq!(rows, ["198.19.77.0/24 ams1-er2"]);
    let (rows, _) = walk(&api, "?originAsValidationState=Valid").await;
    assert_eq!(rows.len(), 40);
}

#[tokio::test]
async fn filters_reach_the_edge_and_wrong_ones_are_told() {
    let (api, asked) = api(vec![], 10).await;
    api.get(&path("?prefix=198.19.10.0/24&asPath=64510%2064511&rpkiValidationState=Invalid")).await;
    let filter = asked.lock().unwrap()[0].1.clone();
    let prefix: Prefix = "198.19.10.0/24".parse().unwrap();
    assert_eq!(filter.prefix, Some(prefix));
    assert_eq!(filter.as_path.as_deref(), Some("64510 64511"));
    assert_eq!(filter.rpki, Some(RpkiState::Invalid));
    for (query, target) in [
        ("?prefix=198.19.10.1/24", "prefix"),
        ("?prefix=x", "prefix"),
        ("?asPath=.*", "asPath"),
        ("?originAsValidationState=Maybe", "originAsValidationState"),
        ("?rpkiValidationState=Maybe", "rpkiValidationState"),
    ] {
        let reply = api.get(&path(query)).await;
        assert_eq!(reply.violations(), [format!("InvalidFilter {target}")]);
    }
    for token in ["zz", "6162", "61"] {
        let reply = api.get(&path(&format!("?$skipToken={token}"))).await;
        assert_eq!(reply.violations(), ["InvalidSkipToken $skipToken"]);
    }
}

#[tokio::test]
async fn an_edge_that_cannot_answer_is_told_and_a_young_peering_has_no_routes() {
    let down: EdgeQueries = Arc::new(|router, _| Box::pin(async move { Err(format!("{router} is away")) }));
    let api = Api::with(down, Settings::default()).await;
    api.provider().await;
    let young = api.get(&path("")).await;
    assert_eq!(young.body["value"], Value::Array(vec![]));
    api.all_connections("ams", ConnectionState::Active).await;
    let reply = api.get(&path("")).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (503, "EdgeUnavailable"));
}

#[tokio::test]
async fn the_edge_is_asked_for_used_or_unused_routes_only() {
    let (api, asked) = api(vec![], 10).await;
    for (query, used) in [("?accepted=true", Some(true)), ("?accepted=False", Some(false)), ("", None)] {
        walk(&api, query).await;
        assert_eq!(asked.lock().unwrap().last().unwrap().1.used, used, "{query}");
    }
    let wrong = api.get(&path("?accepted=maybe")).await;
    assert_eq!(wrong.violations(), ["InvalidFilter accepted"]);
}
