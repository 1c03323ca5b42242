//! Where peering locations are, and over which paths an activated prefix' traffic left.

use super::fixture::*;
use axum::body::Body;
use axum::http::Method;
use jiff::Timestamp;
use meetme_model::connection::ConnectionState;
use meetme_model::peering_service::{ActivePath, PathSeen, PathSince};
use meetme_model::registered_prefix::PrefixState;
use meetme_store::*;
use serde_json::json;

#[tokio::test]
async fn locations_are_shown_where_they_are_with_the_caller_s_connections_only() {
    let api = Api::new().await;
    api.provider().await;
    api.all_connections("ams", ConnectionState::Active).await;
    let mut tx = api.store.begin().await.unwrap();
    let mut placed = inventory();
    (placed.sites[0].latitude, placed.sites[0].longitude) = (Some(52.3), Some(4.9));
    inventory_put(&mut tx, &placed, now()).await.unwrap();
    tx.commit().await.unwrap();
    let own = "/api/v1/subscriptions/Sub-A/locations";
    let reply = api.get(own).await;
    let ams = json!({ "name": "Amsterdam", "country": "NL", "region": "westeurope", "latitude": 52.3,
                      "longitude": 4.9, "connections": { "Active": 2 }, "facilities": [
                          { "peeringDBFacilityId": 64, "links": [{ "speedMbps": 10_000, "most": 8 }] }] });
    assert_eq!(reply.body["value"][0], ams);
    let fra = json!({ "name": "Frankfurt", "country": "DE", "region": "germanywestcentral", "connections": {},
                      "facilities": [{ "peeringDBFacilityId": 58, "links": [{ "speedMbps": 10_000, "most": 8 }] }] });
    assert_eq!(reply.body["value"][1], fra);
    let host = api.ask(&api.operator, Method::GET, "/api/v1/locations", Body::empty()).await;
    assert_eq!(host.body["value"][0], ams);
    let other =
        api.ask(&api.other, Method::GET, "/api/v1/subscriptions/Sub-B/locations", Body::empty()).await;
    assert_eq!(other.body["value"][0]["connections"], json!({}));
    for path in [own, "/api/v1/locations"] {
        assert_eq!(api.ask(&api.other, Method::GET, path, Body::empty()).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_prefix_path_is_told_over_time_back_to_the_one_that_held() {
    let api = Api::new().await;
    api.provider().await;
    api.all_connections("ams", ConnectionState::Active).await;
    let key = api.registered("media", "198.19.10.0/24", PrefixState::Verified).await;
    let body = json!({ "location": "westeurope", "properties": {
        "peeringServiceLocation": "Noord-Holland", "peeringServiceProvider": "Tel Example",
        "providerPrimaryPeeringLocation": "Amsterdam" } });
    let reply = api.put(&service("svc"), body).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    let prefix = format!("{}/prefixes/p", service("svc"));
    let body = json!({ "properties": { "prefix": "198.19.10.0/24", "peeringServicePrefixKey": key } });
    let reply = api.put(&prefix, body).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    let mut tx = api.store.begin().await.unwrap();
    let kept = service_prefix_by_prefix(&mut tx, "198.19.10.0/24".parse().unwrap()).await.unwrap().unwrap();
    for (at, path) in [(1, Some(ActivePath::Internet)), (2, Some(ActivePath::Primary)), (3, None)] {
        let locations = if path == Some(ActivePath::Primary) { vec!["Amsterdam".to_owned()] } else { vec![] };
        let since = Timestamp::from_second(at).unwrap();
        let entry = PathSince { since, seen: PathSeen { path, locations } };
        prefix_path_add(&mut tx, kept.id, &entry).await.unwrap();
    }
    tx.commit().await.unwrap();
    let paths =
        format!("/api/v1/subscriptions/{SUB}/resourceGroups/{RG}/peeringServices/svc/prefixes/p/paths");
    let told = async |query: &str| -> Vec<String> {
        let reply = api.get(&format!("{paths}{query}")).await;
        let rows = reply.body["value"].as_array().unwrap().clone();
        rows.iter().map(|row| row["path"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(told("").await, ["unknown", "primary", "internet"]);
    assert_eq!(told("?since=1970-01-01T00:00:02.5Z").await, ["unknown", "primary"]);
    let reply = api.get(&format!("{paths}?since=yesterday")).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (400, "InvalidTime"));
    assert_eq!(api.ask(&api.other, Method::GET, &paths, Body::empty()).await.status, 404);
}
