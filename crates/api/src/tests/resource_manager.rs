//! Subscriptions, resource groups, the provider, and lists of all resources.

use super::fixture::*;
use crate::Settings;
use axum::body::Body;
use axum::http::Method;
use meetme_model::peering_service::{PeeringService, PeeringServiceSpec};
use meetme_model::resource_group::ResourceGroup;
use meetme_model::stamp::Stamp;
use meetme_store::{peering_service_insert, resource_group_add};
use serde_json::json;
use std::collections::BTreeMap;

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

fn encoded(text: &str) -> String {
    text.replace(' ', "%20").replace('\'', "%27")
}

fn names(reply: &Reply) -> Vec<&str> {
    reply.body["value"].as_array().unwrap().iter().map(|r| r["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn lists_of_resources_are_filtered_cut_and_expanded_as_asked_for() {
    let settings = Settings { page_size: 2, ..Settings::default() };
    let api = Api::with(no_edge(), settings).await;
    api.provider().await;
    for (n, (location, facility)) in [("Frankfurt", 58), ("Amsterdam", 64)].into_iter().enumerate() {
        let mut body = edge(location, facility);
        body["tags"] = json!({ "Env": if n == 0 { "old" } else { "new" } });
        assert_eq!(api.put(&peering(&format!("plain{n}")), body).await.status, 201);
    }
    let list =
        async |query: &str| api.get(&format!("/subscriptions/Sub-A/resources?{}", encoded(query))).await;
    for (filter, found) in [
        ("resourceGroup eq 'TELCO' and name eq 'plain0'", &["plain0"][..]),
        ("resourceGroup eq 'other'", &[]),
        ("tagname eq 'env' and tagvalue eq 'new'", &["plain1"]),
        ("tagname eq 'env'", &["plain0", "plain1"]),
        ("location eq 'West Europe' and resourceType eq 'Microsoft.Peering/peerings'", &["ams", "plain0"]),
        ("resourceType eq 'Microsoft.Compute/disks'", &[]),
    ] {
        let reply = list(&format!("$filter={filter}")).await;
        assert_eq!(names(&reply), found, "{filter}");
    }
    let first = list("$filter=location eq 'westeurope'").await;
    let rest = first.body["nextLink"].as_str().unwrap().strip_prefix("http://api.example.net:8971").unwrap();
    assert_eq!(names(&api.get(rest).await), ["plain1"]);
    let cut = list("$top=1").await;
    assert_eq!((names(&cut), cut.body.get("nextLink")), (vec!["ams"], None));
    let cut = list("$top=3&$expand=createdTime,provisioningState").await;
    assert_eq!(cut.body["value"][0]["provisioningState"], "Succeeded");
    assert!(
        cut.body["value"][0]["createdTime"].is_string() && cut.body["value"][0].get("changedTime").is_none()
    );
    let rest = cut.body["nextLink"].as_str().unwrap().strip_prefix("http://api.example.net:8971").unwrap();
    let rest = api.get(rest).await;
    assert_eq!((names(&rest), rest.body.get("nextLink")), (vec!["plain1"], None));
    assert!(rest.body["value"][0]["createdTime"].is_string());
    let shown = &list("$filter=name eq 'plain0'").await.body["value"][0];
    assert_eq!((&shown["kind"], &shown["sku"]["name"]), (&json!("Direct"), &json!("Basic_Direct_Free")));
    for (query, code) in [
        ("$filter=name ne 'ams'", "InvalidFilter"),
        ("$top=0", "InvalidTop"),
        ("$expand=everything", "InvalidExpand"),
    ] {
        assert_eq!((list(query).await.code(), list(query).await.status.as_u16()), (code, 400), "{query}");
    }
}

#[tokio::test]
async fn lists_of_groups_have_only_those_that_are_asked_for() {
    let settings = Settings { page_size: 2, ..Settings::default() };
    let api = Api::with(no_edge(), settings).await;
    for (name, tag) in [("a", "old"), ("b", "new"), ("c", "new"), ("d", "old")] {
        let body = json!({ "location": "West Europe", "tags": { "env": tag } });
        let made = api.put(&format!("/subscriptions/Sub-A/resourceGroups/{name}"), body).await;
        assert_eq!(made.body["location"], "westeurope");
    }
    let list =
        async |query: &str| api.get(&format!("/subscriptions/Sub-A/resourcegroups?{}", encoded(query))).await;
    assert_eq!(names(&list("$filter=tagName eq 'env' and tagValue eq 'old'").await), ["a", "d"]);
    assert_eq!(names(&list("$filter=tagName eq 'nobody'").await), Vec::<&str>::new());
    assert_eq!(names(&list("$top=1").await), ["a"]);
    assert_eq!(list("$filter=substringof('a', name)").await.code(), "InvalidFilter");
    let expanded = list("$expand=createdTime").await;
    assert!(expanded.body["value"][0]["createdTime"].is_string());
}

#[tokio::test]
async fn a_request_looks_at_a_bounded_number_of_rows_and_leads_on() {
    let settings = Settings { page_size: 1, ..Settings::default() };
    let api = Api::with(no_edge(), settings).await;
    let mut tx = api.store.begin().await.unwrap();
    for n in 0..29 {
        let (name, env) = (format!("r{n:02}"), if n == 28 { "new" } else { "old" });
        let tags = BTreeMap::from([("env".to_owned(), env.to_owned())]);
        let stamp = Stamp::new("test", now());
        let group = ResourceGroup {
            subscription: SUB.into(),
            name: name.clone(),
            location: "westeurope".into(),
            tags: tags.clone(),
            stamp: stamp.clone(),
        };
        assert!(resource_group_add(&mut tx, &group).await.unwrap());
        let spec = PeeringServiceSpec {
            region: "westeurope".into(),
            location: "Noord-Holland".into(),
            provider: "Tel Example".into(),
            primary: None,
            backup: None,
            sku: None,
            tags,
        };
        let service = PeeringService {
            id: 0,
            subscription: SUB.into(),
            resource_group: name.clone(),
            name,
            spec,
            stamp,
        };
        peering_service_insert(&mut tx, &service).await.unwrap();
    }
    tx.commit().await.unwrap();
    for list in ["resourcegroups", "resources"] {
        for (filter, found) in [("new", &["r28"][..]), ("none", &[])] {
            let mut link = format!(
                "/subscriptions/Sub-A/{list}?{}",
                encoded(&format!("$filter=tagValue eq '{filter}' and startswith(tagName, 'en')"))
            );
            let (mut all, mut requests) = (Vec::new(), 0);
            loop {
                let page = api.get(&link).await;
                all.extend(names(&page).into_iter().map(str::to_owned));
                requests += 1;
                let Some(next) = page.body["nextLink"].as_str() else { break };
                link = next.strip_prefix("http://api.example.net:8971").unwrap().to_owned();
            }
            assert_eq!(all, found, "{list} {filter}");
            assert_eq!(requests, 5, "{list} {filter}: six rows are looked at in each");
        }
    }
}

#[tokio::test]
async fn empty_segments_of_a_path_are_as_none() {
    let api = Api::new().await;
    api.provider().await;
    let path = peering("ams");
    for path in
        [format!("/{path}"), path.replace("Microsoft.Peering/", "Microsoft.Peering//"), format!("{path}/")]
    {
        let reply = api.get(&format!("{path}?api-version=2025-05-01")).await;
        assert_eq!(reply.body["name"], "ams", "{path}: {}", reply.body);
    }
    let metrics =
        format!("/{path}/providers/microsoft.insights/metricNamespaces?api-version=2017-12-01-preview");
    let found = api.get(&metrics).await;
    assert_eq!(found.body["value"][0]["properties"]["metricNamespaceName"], "Microsoft.Peering/peerings");
}

#[tokio::test]
async fn head_of_something_that_is_there_is_204() {
    let api = Api::new().await;
    api.provider().await;
    for (path, status) in [(peering("ams"), 204), (asn("tel"), 204), (peering("none"), 404)] {
        let reply = api.ask(&api.peer, Method::HEAD, &path, Body::empty()).await;
        assert_eq!(reply.status, status, "{path}");
        assert_eq!(reply.headers.contains_key("etag"), status == 204);
    }
    let elsewhere = api.ask(&api.operator, Method::HEAD, "/api/v1/routers", Body::empty()).await;
    assert_eq!(elsewhere.status, 200);
}

#[tokio::test]
async fn what_is_not_there_is_404_whatever_its_version() {
    let api = Api::new().await;
    api.provider().await;
    let namespace = "/subscriptions/Sub-A/providers/Microsoft.Peering";
    for (path, code) in [
        (format!("{namespace}/resourceTypes?api-version=2022-09-01"), "InvalidResourceType"),
        (format!("{}/toys/x?api-version=2022-10-01", peering("ams")), "InvalidResourceType"),
        (
            format!("{}/providers/Microsoft.Resources/tags/default?api-version=2024-11-01", peering("ams")),
            "NotFound",
        ),
        (
            "/subscriptions/Sub-A/providers/Microsoft.Features/features?api-version=2021-07-01".to_owned(),
            "NotFound",
        ),
    ] {
        let reply = api.get(&path).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (404, code), "{path}");
    }
    let known = api.get(&format!("{namespace}/peerings?api-version=2022-09-01")).await;
    assert_eq!((known.status.as_u16(), known.code()), (400, "InvalidApiVersionParameter"));
    assert!(known.message().contains("'2022-09-01'"), "{}", known.message());
    let bidi = api.get(&format!("{namespace}/peerings?api-version=2022%E2%80%AE%0A")).await;
    assert!(bidi.body["error"]["message"].as_str().unwrap().contains("'2022\\u{202e}\\n'"), "{}", bidi.body);
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
    let versions = |name: &str| {
        let found = types.iter().find(|t| t["resourceType"] == name).unwrap();
        let all = found["apiVersions"].as_array().unwrap();
        (all.len(), all[0].as_str().unwrap(), all[all.len() - 1].as_str().unwrap())
    };
    assert_eq!(peerings["apiVersions"][0], "2025-05-01");
    assert_eq!(versions("peerings"), (11, "2025-05-01", "2019-08-01-preview"));
    assert_eq!(versions("peerings/registeredPrefixes"), (9, "2025-05-01", "2020-01-01-preview"));
    assert_eq!(versions("peerings/receivedRoutes"), (8, "2025-05-01", "2020-04-01"));
    assert_eq!(versions("lookingGlass"), (5, "2025-05-01", "2021-06-01"));
    assert_eq!(versions("operations").0, 11);
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
