//! What belongs to a peering besides its resource: compliance, configuration for the peer's side,
//! who did what.

use super::edges;
use super::fixture::*;
use axum::body::Body;
use axum::http::Method;
use jiff::SignedDuration;
use meetme_model::connection::ConnectionState;
use meetme_model::link::{BfdSessionState, BgpState, RouterState, SessionState};
use meetme_model::metric::{Metric, Owner, Series};
use meetme_model::registered_prefix::PrefixState;
use meetme_model::samples::Stat;
use meetme_store::*;
use serde_json::Value;
use std::collections::BTreeMap;

const PEERING: &str = "/api/v1/subscriptions/Sub-A/resourceGroups/telco/peerings/ams";

async fn active() -> (Api, Vec<meetme_model::connection::Connection>) {
    let api = Api::new().await;
    api.provider().await;
    let connections = api.all_connections("ams", ConnectionState::Active).await;
    (api, connections)
}

/// Each router tells that its session is up.
async fn seen(api: &Api) {
    let mut tx = api.store.begin().await.unwrap();
    let peering = peering_get(&mut tx, SUB, RG, "ams").await.unwrap().unwrap();
    for c in connections_of(&mut tx, peering.id).await.unwrap() {
        let session = SessionState {
            bgp: BgpState::Established,
            bfd: BfdSessionState::Up,
            bfd_detection_ms: Some(150),
            peer_router_id: Some(format!("198.19.255.{}", c.id)),
            ..Default::default()
        };
        let router = &c.ports.as_ref().unwrap().router;
        let state =
            RouterState { sessions: [(c.session_name(true), session)].into(), ..edges::reachable(router) };
        router_state_put(&mut tx, &state).await.unwrap();
    }
    tx.commit().await.unwrap();
}

async fn finding(api: &Api, requirement: &str) -> Value {
    let reply = api.get(&format!("{PEERING}/compliance")).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let all = reply.body["value"].as_array().unwrap();
    all.iter().find(|f| f["requirement"] == requirement).cloned().unwrap()
}

#[tokio::test]
async fn compliance_is_judged_by_what_routers_told_and_by_nothing_else() {
    let (api, _) = active().await;
    assert_eq!(finding(&api, "redundantConnections").await["standing"], "met");
    assert_eq!(finding(&api, "geoRedundancy").await["standing"], "notMet");
    assert_eq!(finding(&api, "bfd").await["standing"], "unknown");
    seen(&api).await;
    let bfd = finding(&api, "bfd").await;
    assert_eq!((&bfd["standing"], &bfd["seenAt"]), (&"met".into(), &now().to_string().into()));
    assert_eq!(finding(&api, "peerRouterPerCircuit").await["standing"], "met");
    assert_eq!(finding(&api, "lacp").await["standing"], "unknown", "no router told of a LAG");
}

#[tokio::test]
async fn capacity_comes_from_the_last_seven_days_of_each_connection() {
    let (api, connections) = active().await;
    assert_eq!(finding(&api, "capacity").await["standing"], "unknown");
    let now = jiff::Timestamp::now();
    for (bps, ago, expected) in [(7.9e9, 2, "met"), (8.0e9, 1, "notMet")] {
        let measured: BTreeMap<Series, Stat> = connections
            .iter()
            .map(|c| {
                let on = [("ConnectionId".to_owned(), c.spec.identifier.clone())].into();
                let owner = Owner::Peering(c.peering_id);
                let series = Series { owner, metric: Metric::EgressTrafficRate, dimensions: on };
                (series, Stat::of(bps))
            })
            .collect();
        let minute = now.as_second() / 60 * 60;
        let minute = jiff::Timestamp::from_second(minute).unwrap() - SignedDuration::from_hours(ago);
        let mut tx = api.store.begin().await.unwrap();
        metric_minute_put(&mut tx, "ams1-er1", minute, 0, &measured).await.unwrap();
        tx.commit().await.unwrap();
        let capacity = finding(&api, "capacity").await;
        assert_eq!(capacity["standing"], expected, "{capacity}");
    }
}

#[tokio::test]
async fn configurations_have_the_connections_values_and_never_the_key() {
    let (api, connections) = active().await;
    api.registered("sbc", "198.19.10.0/24", PrefixState::Verified).await;
    let mut tx = api.store.begin().await.unwrap();
    md5_key_put(&mut tx, connections[0].id, &meetme_model::Secret::new("s3cret")).await.unwrap();
    tx.commit().await.unwrap();
    let all = api.get(&format!("{PEERING}/routerConfiguration")).await;
    assert_eq!(all.body["value"].as_array().unwrap().len(), 10, "two connections, five vendors");
    let frr = api.get(&format!("{PEERING}/routerConfiguration?vendor=FRR")).await;
    let texts: Vec<&str> =
        frr.body["value"].as_array().unwrap().iter().map(|c| c["text"].as_str().unwrap()).collect();
    for (text, c) in texts.iter().zip(&connections) {
        let subnet = c.subnet_v4.unwrap();
        for value in [
            format!("neighbor {} remote-as 64500", subnet.host),
            format!("{}/31", subnet.peer),
            "network 198.19.10.0/24".to_owned(),
            "set community 64500:8007".to_owned(),
            "receive-interval 50".to_owned(),
            "maximum-prefix 500".to_owned(),
        ] {
            assert!(text.contains(&value), "{value}: {text}");
        }
    }
    assert!(texts[0].contains("password YOUR-KEY") && !texts[1].contains("password"));
    assert!(!all.body.to_string().contains("s3cret"));
    let other = api.get(&format!("{PEERING}/routerConfiguration?vendor=none")).await;
    assert_eq!((other.status.as_u16(), other.code()), (400, "UnknownVendor"));
}

#[tokio::test]
async fn without_addresses_there_is_nothing_to_configure() {
    let api = Api::new().await;
    api.provider().await;
    let reply = api.get(&format!("{PEERING}/routerConfiguration")).await;
    assert_eq!(reply.body["value"].as_array().unwrap().len(), 0);
}

#[tokio::test]
async fn a_peer_reads_who_did_what_with_its_peering_and_below_it() {
    let (api, _) = active().await;
    api.registered("sbc", "198.19.10.0/24", PrefixState::Verified).await;
    let reply = api.get(&format!("{PEERING}/audit")).await;
    let actions: Vec<&str> =
        reply.body["value"].as_array().unwrap().iter().map(|e| e["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["registeredPrefixes/write", "peerings/write"]);
}

#[tokio::test]
async fn nobody_else_reads_any_of_it() {
    let (api, _) = active().await;
    for part in ["compliance", "routerConfiguration", "audit"] {
        let path = format!("{PEERING}/{part}");
        let other = api.ask(&api.other, Method::GET, &path, Body::empty()).await;
        assert_eq!(other.status, 404, "{part}");
        let operator = api.ask(&api.operator, Method::GET, &path, Body::empty()).await;
        assert_eq!(operator.status, 200, "{part}");
        let none = api.get(&path.replace("/ams/", "/none/")).await;
        assert_eq!(none.status, 404, "{part}");
    }
}
