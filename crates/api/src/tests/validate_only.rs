//! What can be asked before a peering is asked for: the offerings, and what a PUT would say.

use super::fixture::*;
use axum::body::Body;
use axum::http::Method;
use meetme_store::*;
use serde_json::json;

const OFFERINGS: &str = "/api/v1/subscriptions/Sub-A/offerings";

fn validate(name: &str) -> String {
    format!("/api/v1/subscriptions/{SUB}/resourceGroups/{RG}/peerings/{name}/validate")
}

async fn ask(api: &Api, token: &str, name: &str, body: serde_json::Value) -> Reply {
    api.ask(token, Method::POST, &validate(name), Body::from(body.to_string())).await
}

#[tokio::test]
async fn a_validation_says_what_a_put_would_and_leaves_nothing_behind() {
    let api = Api::new().await;
    api.provider().await;
    let good = ask(&api, &api.peer, "fra", voice("Frankfurt", 58)).await;
    assert_eq!((good.status.as_u16(), &good.body["created"]), (200, &json!(true)), "{}", good.body);
    assert_eq!(good.body["added"].as_array().unwrap().len(), 2);
    let same = ask(&api, &api.peer, "ams", voice("Amsterdam", 64)).await;
    assert_eq!(same.body, json!({ "created": false, "added": [], "changed": [], "removed": [] }));
    assert_eq!(api.get(&peering("fra")).await.status, 404);
    let mut db = api.store.read().await.unwrap();
    let audit = audit_list(&mut db, Scope::All, IdPage::first(100)).await.unwrap();
    assert!(!audit.iter().any(|entry| entry.resource.ends_with("/fra")));
}

#[tokio::test]
async fn a_validation_tells_every_violation_and_conflict() {
    let api = Api::new().await;
    api.provider().await;
    let mut wrong = voice("Frankfurt", 999);
    wrong["sku"]["name"] = "Basic_Direct_Free".into();
    let wrong = ask(&api, &api.peer, "fra", wrong).await;
    assert_eq!(wrong.status, 400);
    for target in ["sku.name", "properties.direct.connections[1].peeringDBFacilityId"] {
        assert!(wrong.violations().iter().any(|v| v.ends_with(target)), "{:?}", wrong.violations());
    }
    let second = ask(&api, &api.peer, "ams2", voice("Amsterdam", 64)).await;
    assert_eq!((second.status.as_u16(), second.code()), (409, "PeeringExists"));
    assert_eq!(ask(&api, &api.other, "fra", voice("Frankfurt", 58)).await.status, 404);
    assert_eq!(ask(&api, &api.reader, "fra", voice("Frankfurt", 58)).await.status, 403);
}

#[tokio::test]
async fn offerings_are_told_by_name_with_what_they_force() {
    let api = Api::new().await;
    let offered = api.get(OFFERINGS).await;
    let all = offered.body["value"].as_array().unwrap();
    let voice = all.iter().find(|o| o["directPeeringType"] == "Voice").unwrap();
    assert_eq!(voice["sessionAddressProviders"], json!(["Microsoft"]));
    assert_eq!(
        voice["skus"],
        json!([{ "name": "Premium_Direct_Free", "leastConnections": 2, "peeringService": true }])
    );
    assert_eq!(api.ask(&api.other, Method::GET, OFFERINGS, Body::empty()).await.status, 404);
}
