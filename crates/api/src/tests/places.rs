//! One peering for an ASN, a location and an offering: who has proved nothing keeps nobody away.

use super::fixture::*;
use axum::body::Body;
use axum::http::Method;
use meetme_model::connection::{ConnectionState, Stage};
use meetme_model::peer_asn::AsnState;
use meetme_store::*;
use serde_json::{Value, json};

const OTHER: &str = "Sub-B";

/// The other subscription claims the provider's ASN and asks for its peering, too.
async fn rival(api: &Api, approved: bool) -> Reply {
    let claim = asn("tel").replace(SUB, OTHER);
    let sent = Body::from(asn_body(64510).to_string());
    api.ask(&api.other, Method::PUT, &claim, sent).await;
    if approved {
        approve(api, OTHER).await;
    }
    let body = voice("Amsterdam", 64).to_string().replace(SUB, OTHER);
    let path = peering("copy").replace(SUB, OTHER);
    api.ask(&api.other, Method::PUT, &path, Body::from(body)).await
}

async fn approve(api: &Api, subscription: &str) {
    let mut tx = api.store.begin().await.unwrap();
    let mut claim = peer_asn_get(&mut tx, subscription, "tel").await.unwrap().unwrap();
    claim.state = AsnState::Approved;
    peer_asn_update(&mut tx, &claim).await.unwrap();
    tx.commit().await.unwrap();
}

async fn place_free(api: &Api, connection: &Value) -> Value {
    let path = format!("/api/v1/connections/{connection}");
    let reply = api.ask(&api.operator, Method::GET, &path, Body::empty()).await;
    let checks = reply.body["checks"].as_array().unwrap();
    checks.iter().find(|c| c["name"] == "PlaceFree").cloned().unwrap()
}

#[tokio::test]
async fn a_claim_that_isn_t_approved_keeps_nobody_away_and_learns_of_nobody() {
    let api = Api::new().await;
    let first = rival(&api, false).await;
    assert_eq!(first.status, 201, "{}", first.body);
    api.provider().await;
    let queue = api.ask(&api.operator, Method::GET, "/api/v1/queue", Body::empty()).await.body;
    let row = queue["value"].as_array().unwrap().iter().find(|r| r["name"] == "ams").unwrap();
    assert_eq!(place_free(&api, &row["connection"]).await["ok"], true);
    let twice = rival(&api, false).await;
    assert_eq!(twice.status, 200, "its own, unchanged: {}", twice.body);
}

#[tokio::test]
async fn of_two_approved_claims_the_first_has_the_place_and_the_other_is_told_without_a_name() {
    let api = Api::new().await;
    api.provider().await;
    let second = rival(&api, true).await;
    assert_eq!((second.status.as_u16(), second.code()), (409, "PeeringExists"));
    assert!(!second.message().contains("telco"), "{}", second.message());
}

#[tokio::test]
async fn who_began_has_the_place_when_another_claim_is_approved_later() {
    let api = Api::new().await;
    rival(&api, false).await;
    api.provider().await;
    api.all_connections("ams", ConnectionState::Onboarding(Stage::Approved)).await;
    approve(&api, OTHER).await;
    let queue = api.ask(&api.operator, Method::GET, "/api/v1/queue", Body::empty()).await.body;
    let row = queue["value"].as_array().unwrap().iter().find(|r| r["name"] == "copy").unwrap();
    let check = place_free(&api, &row["connection"]).await;
    assert_eq!(check["ok"], false);
    assert!(check["message"].as_str().unwrap().contains("/subscriptions/Sub-A/"), "{check}");
    for path in [
        format!("/api/v1/connections/{}/approve", row["connection"]),
        "/api/v1/subscriptions/Sub-B/resourceGroups/telco/peerings/copy/approve".to_owned(),
    ] {
        let reply = api.decide(&path, json!({ "reason": "fine" })).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (409, "PeeringExists"), "{path}");
        assert!(reply.message().contains("/peerings/ams"), "{}", reply.message());
    }
    let refused = format!("/api/v1/connections/{}/refuse", row["connection"]);
    assert_eq!(api.decide(&refused, json!({ "reason": "taken" })).await.status, 200);
}
