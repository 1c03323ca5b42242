//! Subscriptions, resource groups, the provider, and lists of all resources.

use super::fixture::*;
use axum::body::Body;
use axum::http::Method;
use serde_json::json;

const GROUP: &str = "/subscriptions/Sub-A/resourceGroups/voice";

#[tokio::test]
async fn a_group_is_made_changed_and_deleted_when_it_is_empty() {
    let api = Api::new().await;
    let made = api.put(GROUP, json!({ "location": "westeurope" })).await;
    assert_eq!((made.status.as_u16(), made.body["name"].as_str()), (201, Some("voice")));
    let tagged = json!({ "location": "WestEurope", "tags": { "team": "sip" } });
    assert_eq!(api.put(&GROUP.to_uppercase().replace("SUB-A", "sub-a"), tagged).await.status, 200);
    assert_eq!(api.get(GROUP).await.body["tags"]["team"], "sip");
    let moved = api.put(GROUP, json!({ "location": "elsewhere" })).await;
    assert_eq!((moved.status.as_u16(), moved.code()), (409, "InvalidResourceGroupLocation"));
    assert_eq!(api.put(GROUP, json!({})).await.violations(), ["LocationRequired location"]);
    let head = |path: &'static str| api.ask(&api.peer, Method::HEAD, path, Body::empty());
    assert_eq!(head(GROUP).await.status, 204);
    assert_eq!(head("/subscriptions/Sub-A/resourceGroups/none").await.status, 404);
    assert_eq!(api.delete(GROUP).await.status, 200);
    assert_eq!(api.delete(GROUP).await.status, 204);
    assert_eq!(api.get(GROUP).await.code(), "ResourceGroupNotFound");
}

#[tokio::test]
async fn a_group_comes_with_its_first_resource_and_stays_while_it_has_any() {
    let api = Api::new().await;
    api.provider().await;
    let group = format!("/subscriptions/{SUB}/resourceGroups/{RG}");
    assert_eq!(api.get(&group).await.body["location"], "westeurope");
    let refused = api.delete(&group).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (409, "ResourceGroupNotEmpty"));
    assert_eq!(refused.violations(), ["ResourceInGroup peerings/ams"]);
    for path in ["/subscriptions/Sub-A/resources".to_owned(), format!("{group}/resources")] {
        let all = api.get(&path).await;
        assert_eq!(all.body["value"][0]["type"], "Microsoft.Peering/peerings", "{path}");
        let none =
            api.get(&format!("{path}?$filter=resourceType%20eq%20'Microsoft.Peering/peeringServices'")).await;
        assert_eq!(none.body["value"], json!([]));
    }
    assert_eq!(api.get("/subscriptions/Sub-A/resources?$filter=name").await.code(), "InvalidFilter");
}

#[tokio::test]
async fn everybody_sees_the_subscriptions_that_they_reach() {
    let api = Api::new().await;
    let ids = |reply: &Reply| -> Vec<String> {
        let all = reply.body["value"].as_array().unwrap();
        all.iter().map(|s| s["subscriptionId"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&api.get("/subscriptions").await), ["Sub-A"]);
    let all = api.ask(&api.operator, Method::GET, "/subscriptions", Body::empty()).await;
    assert_eq!(ids(&all), ["sub-a", "sub-b"]);
    assert_eq!(api.get("/subscriptions/Sub-A").await.body["state"], "Enabled");
    assert_eq!(api.get("/subscriptions/Sub-B").await.status, 404);
    let locations = api.get("/subscriptions/Sub-A/locations").await;
    assert!(locations.body["value"].as_array().unwrap().iter().any(|l| l["name"] == "westeurope"));
}

#[tokio::test]
async fn the_provider_is_registered_everywhere_and_lists_its_types() {
    let api = Api::new().await;
    let one = "/subscriptions/Sub-A/providers/microsoft.peering";
    let shown = api.get(one).await.body;
    assert_eq!(shown["registrationState"], "Registered");
    let types = shown["resourceTypes"].as_array().unwrap();
    let peerings = types.iter().find(|t| t["resourceType"] == "peerings").unwrap();
    assert_eq!(peerings["apiVersions"][0], "2025-05-01");
    assert_eq!(api.ask(&api.peer, Method::POST, &format!("{one}/Register"), Body::empty()).await.status, 200);
    let refused = api.ask(&api.peer, Method::POST, &format!("{one}/unregister"), Body::empty()).await;
    assert_eq!(refused.code(), "CannotUnregister");
    assert_eq!(api.get("/providers").await.body["value"][0]["namespace"], "Microsoft.Peering");
}

#[tokio::test]
async fn other_namespaces_take_any_version_that_is_a_date() {
    let api = Api::new().await;
    for version in ["2016-06-01", "2030-01-31-preview"] {
        assert_eq!(api.get(&format!("{GROUP}s?api-version={version}")).await.status, 404, "{version}");
        assert_eq!(api.get(&format!("/subscriptions?api-version={version}")).await.status, 200, "{version}");
    }
    for version in ["", "latest", "2021-13-01"] {
        let refused = api.get(&format!("/subscriptions?api-version={version}")).await;
        assert_eq!(refused.code(), "MissingApiVersionParameter", "{version}");
    }
}
