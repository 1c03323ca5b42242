//! Lists that are filtered, sorted and paged where they are kept.

use super::fixture::*;
use axum::body::Body;
use axum::http::Method;
use meetme_model::connection::ConnectionState;
use meetme_model::registered_prefix::PrefixState;
use meetme_store::*;
use serde_json::{Value, json};

async fn operator(api: &Api, path: &str) -> Reply {
    api.ask(&api.operator, Method::GET, path, Body::empty()).await
}

fn names(reply: &Reply, name: &str) -> Vec<String> {
    let rows = reply.body["value"].as_array().unwrap_or_else(|| panic!("{}", reply.body));
    rows.iter().map(|row| row[name].as_str().unwrap_or_default().to_owned()).collect()
}

/// Peerings of one ASN in Amsterdam (Active) and Frankfurt.
async fn two_peerings() -> Api {
    let api = Api::new().await;
    api.provider().await;
    api.all_connections("ams", ConnectionState::Active).await;
    let reply = api.put(&peering("fra"), voice("Frankfurt", 58)).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    api
}

#[tokio::test]
async fn peerings_are_filtered_sorted_and_counted() {
    let api = two_peerings().await;
    let all = "/api/v1/peerings";
    for (query, expected) in [
        ("", &["ams", "fra"][..]),
        ("?sort=-name", &["fra", "ams"]),
        ("?filter=FRANK+64510", &["fra"]),
        ("?state=active", &["ams"]),
        ("?state=PendingApproval", &["fra"]),
        ("?location=AMSTERDAM&offering=Voice", &["ams"]),
        ("?offering=Edge", &[]),
        ("?$skip=1", &["fra"]),
        ("?$top=0", &[]),
    ] {
        assert_eq!(names(&operator(&api, &format!("{all}{query}")).await, "name"), expected, "{query}");
    }
    let part = operator(&api, &format!("{all}?$top=1&sort=-name")).await;
    assert_eq!((names(&part, "name"), &part.body["count"]), (vec!["fra".to_owned()], &json!(2)));
    let (_, next) = part.body["nextLink"].as_str().unwrap().split_once("/api/").unwrap();
    let rest = operator(&api, &format!("/api/{next}")).await;
    assert_eq!((names(&rest, "name"), &rest.body["nextLink"]), (vec!["ams".to_owned()], &Value::Null));
    assert_eq!(operator(&api, &format!("{all}?$skip=9")).await.body["count"], 2);
    assert_eq!(operator(&api, &format!("{all}?$top=0")).await.body["count"], 2);
}

#[tokio::test]
async fn a_peer_s_list_is_the_same_within_its_subscription() {
    let api = two_peerings().await;
    let own = format!("/api/v1/subscriptions/{SUB}/peerings");
    let reply = api.get(&format!("{own}?sort=-location")).await;
    assert_eq!((names(&reply, "name"), &reply.body["count"]), (vec!["fra".into(), "ams".into()], &json!(2)));
    let other = api.ask(&api.other, Method::GET, "/api/v1/subscriptions/Sub-B/peerings", Body::empty()).await;
    assert_eq!((&other.body["value"], &other.body["count"]), (&json!([]), &json!(0)));
    assert_eq!(api.ask(&api.other, Method::GET, &own, Body::empty()).await.status, 404);
}

#[tokio::test]
async fn what_a_list_cannot_be_asked_for_is_told_at_once() {
    let api = Api::new().await;
    let reply =
        operator(&api, "/api/v1/peerings?sort=size&state=Verified&offering=x&$top=1001&$skip=-1").await;
    let targets = ["sort", "state", "offering", "$top", "$skip"].map(|t| format!("InvalidQuery {t}"));
    assert_eq!(reply.violations(), targets);
    let token = operator(&api, "/api/v1/registeredPrefixes?$skipToken=zz").await;
    assert_eq!((token.status.as_u16(), token.code()), (400, "InvalidSkipToken"));
    let long = format!("/api/v1/queue?filter={}", "x".repeat(201));
    assert_eq!(operator(&api, &long).await.violations(), ["InvalidQuery filter"]);
}

#[tokio::test]
async fn prefixes_with_problems_come_first_and_any_order_can_be_asked_for() {
    let api = two_peerings().await;
    api.registered("good", "198.19.10.0/24", PrefixState::Verified).await;
    api.registered("bad", "198.19.12.0/24", PrefixState::Failed).await;
    api.registered("new", "198.19.2.0/24", PrefixState::Pending).await;
    let all = "/api/v1/registeredPrefixes";
    let listed = async |query: &str| names(&operator(&api, &format!("{all}{query}")).await, "prefix");
    let (good, bad, new) = ("198.19.10.0/24", "198.19.12.0/24", "198.19.2.0/24");
    assert_eq!(listed("").await, [bad, new, good]);
    assert_eq!(listed("?sort=prefix").await, [new, good, bad]);
    assert_eq!(listed("?state=Verified").await, [good]);
    assert_eq!(listed("?filter=198.19.1+ams").await, [bad, good]);
    assert_eq!(listed("?location=Frankfurt").await, Vec::<String>::new());
    assert_eq!(operator(&api, "/api/v1/activatedPrefixes?activePath=primary").await.body["count"], 0);
}

#[tokio::test]
async fn the_queue_checks_what_it_shows_and_counts_the_rest() {
    let api = Api::new().await;
    api.provider().await;
    api.put(&asn("second"), asn_body(64509)).await;
    let queue = operator(&api, "/api/v1/queue?$top=1").await;
    assert_eq!((queue.body["value"].as_array().unwrap().len(), &queue.body["count"]), (1, &json!(3)));
    assert!(queue.body["nextLink"].is_string() && queue.body["overdue"] == 0);
    let claims = operator(&api, "/api/v1/queue?kind=peerAsn").await;
    assert_eq!(names(&claims, "name"), ["second"]);
    let found = operator(&api, "/api/v1/queue?filter=amsterdam&sort=-name").await;
    assert_eq!(names(&found, "kind"), ["connection", "connection"]);
    assert_eq!(operator(&api, "/api/v1/queue?location=Paris").await.body["count"], 0);
    let sorted = operator(&api, "/api/v1/queue?sort=asn").await;
    assert_eq!(names(&sorted, "kind")[0], "peerAsn");
}

#[tokio::test]
async fn ports_are_found_by_router_and_use() {
    let api = Api::new().await;
    api.provider().await;
    let connections = api.all_connections("ams", ConnectionState::Active).await;
    let mut tx = api.store.begin().await.unwrap();
    let ports = connections[0].ports.clone().unwrap();
    port_assign(&mut tx, connections[0].id, &ports.router, &ports.ports).await.unwrap();
    tx.commit().await.unwrap();
    let used = operator(&api, "/api/v1/ports?use=used&sort=-name").await;
    let mut expected = ports.ports.clone();
    expected.sort_by(|a, b| b.cmp(a));
    assert_eq!(names(&used, "name"), expected);
    assert_eq!(used.body["value"][0]["usedBy"]["connection"], connections[0].id);
    let free = operator(&api, &format!("/api/v1/ports?use=free&filter={}&$top=1", ports.router)).await;
    assert!(free.body["value"][0]["usedBy"].is_null() && free.body["count"].as_i64().unwrap() > 1);
    assert_eq!(operator(&api, "/api/v1/ports?location=nowhere").await.body["count"], 0);
}
