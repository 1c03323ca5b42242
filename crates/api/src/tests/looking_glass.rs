//! `lookingGlass`: what reaches a router, and what doesn't.

use super::edges;
use super::fixture::*;
use crate::{EdgeQueries, Rate, Rates, Settings};
use axum::body::Body;
use axum::http::Method;
use meetme_model::link::{EdgeAnswer, EdgeQuery, RouterState};
use meetme_model::probe::LookingGlass;
use meetme_store::router_state_put;
use serde_json::json;
use std::sync::{Arc, Mutex};

/// What the fake edge was asked.
type Asked = Arc<Mutex<Vec<(String, LookingGlass)>>>;

async fn api(asked: &Asked) -> Api {
    let asked = asked.clone();
    let queries: EdgeQueries = Arc::new(move |router, query| {
        let asked = asked.clone();
        Box::pin(async move {
            let EdgeQuery::LookingGlass { router: named, look } = query else {
                return Err("unexpected".into());
            };
            assert_eq!(router, named);
            asked.lock().unwrap().push((router, look));
            Ok(EdgeAnswer::LookingGlass { output: "1  198.18.192.2  0.2 ms\n".into() })
        })
    });
    let rates = Rates { live: Rate::new(100, 1000), ..Rates::default() };
    Api::with(queries, Settings { rates, ..Settings::default() }).await
}

async fn seen(api: &Api, router: &str, reachable: bool) {
    let state = RouterState { reachable, ..edges::reachable(router) };
    let mut tx = api.store.begin().await.unwrap();
    router_state_put(&mut tx, &state).await.unwrap();
    tx.commit().await.unwrap();
}

async fn look(api: &Api, command: &str, kind: &str, place: &str, destination: &str) -> Reply {
    let path = format!(
        "/subscriptions/{SUB}/providers/Microsoft.Peering/lookingglass?command={command}&sourceType={kind}&sourceLocation={place}&destinationIP={destination}"
    );
    api.ask(&api.peer, Method::POST, &path, Body::empty()).await
}

#[tokio::test]
async fn a_look_reaches_a_router_of_the_place_as_a_value_of_its_type() {
    let asked = Asked::default();
    let api = api(&asked).await;
    seen(&api, "ams1-er1", false).await;
    seen(&api, "ams1-er2", true).await;
    let reply = look(&api, "Traceroute", "EdgeSite", "ams1", "198.19.10.7").await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(reply.body, json!({ "command": "Traceroute", "output": "1  198.18.192.2  0.2 ms\n" }));
    look(&api, "ping", "azureregion", "West%20Europe", "2001:db8::1").await;
    look(&api, "BgpRoute", "AzureRegion", "Amsterdam", "198.19.10.0/24").await;
    look(&api, "BgpRoute", "EdgeSite", "Amsterdam", "198.18.1.1").await;
    let expected = [
        LookingGlass::Traceroute("198.19.10.7".parse().unwrap()),
        LookingGlass::Ping("2001:db8::1".parse().unwrap()),
        LookingGlass::BgpRoute("198.19.10.0/24".parse().unwrap()),
        LookingGlass::BgpRoute("198.18.1.1/32".parse().unwrap()),
    ];
    let asked = asked.lock().unwrap();
    assert_eq!(*asked, expected.map(|look| ("ams1-er2".to_owned(), look)), "the one that is reachable");
}

#[tokio::test]
async fn what_cannot_be_looked_at_is_told_whole_and_asks_nobody() {
    let asked = Asked::default();
    let api = api(&asked).await;
    seen(&api, "ams1-er1", true).await;
    let reply = look(&api, "Reboot", "Satellite", "ams1", "").await;
    assert_eq!(reply.status, 400);
    assert_eq!(
        reply.violations(),
        ["CommandInvalid command", "SourceTypeInvalid sourceType", "DestinationRequired destinationIP"]
    );
    let unknown = look(&api, "Ping", "EdgeSite", "atlantis", "198.19.10.7").await;
    assert_eq!(unknown.violations(), ["SourceLocationUnknown sourceLocation"]);
    assert!(unknown.message().contains("ams1, fra1"), "{}", unknown.message());
    let region = look(&api, "Ping", "AzureRegion", "eastus", "198.19.10.7").await;
    assert!(region.message().contains("westeurope"), "{}", region.message());
    for (command, destination, code) in [
        ("Ping", "198.19.10.7;reboot", "DestinationInvalid"),
        ("Ping", "-f%20198.19.10.7", "DestinationInvalid"),
        ("Ping", "$(reboot)", "DestinationInvalid"),
        ("Ping", "198.19.10.7%0Areboot", "DestinationInvalid"),
        ("Ping", "sbc.tel.example", "DestinationInvalid"),
        ("Ping", "198.19.10.0/24", "DestinationInvalid"),
        ("Traceroute", "198.18.255.11", "DestinationInHostSpace"),
        ("Traceroute", "198.18.192.1", "DestinationInHostSpace"),
        ("Traceroute", "192.168.0.1", "DestinationNotPublic"),
        ("BgpRoute", "0.0.0.0/0", "DestinationInvalid"),
        ("BgpRoute", "198.19.10.7/24", "DestinationInvalid"),
        ("BgpRoute", "198.19.10.0/24%20longer-prefixes", "DestinationInvalid"),
        ("BgpRoute", "10.0.0.0/8", "DestinationNotPublic"),
    ] {
        let reply = look(&api, command, "EdgeSite", "ams1", destination).await;
        assert_eq!(reply.status, 400, "{destination}");
        assert_eq!(reply.violations(), [format!("{code} destinationIP")], "{destination}");
    }
    assert!(asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_place_without_a_reachable_router_is_unavailable() {
    let asked = Asked::default();
    let api = api(&asked).await;
    let never_seen = look(&api, "Ping", "EdgeSite", "ams1", "198.19.10.7").await;
    assert_eq!((never_seen.status.as_u16(), never_seen.code()), (503, "EdgeUnavailable"));
    seen(&api, "ams1-er1", false).await;
    let away = look(&api, "Ping", "EdgeSite", "ams1", "198.19.10.7").await;
    assert_eq!(away.status, 503);
    let no_edge = Api::new().await;
    seen(&no_edge, "ams1-er1", true).await;
    let reply = look(&no_edge, "Ping", "EdgeSite", "ams1", "198.19.10.7").await;
    assert_eq!((reply.status.as_u16(), reply.code()), (503, "EdgeUnavailable"));
}
