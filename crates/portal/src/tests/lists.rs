//! Lists that the API filters, sorts and pages.

use super::fixture::Portal;
use axum::http::Method;
use meetme_store::Role;
use serde_json::{Value, json};

/// A peering's line.
fn line(subscription: &str, n: usize) -> Value {
    json!({ "resourceId": format!("/subscriptions/{subscription}/resourceGroups/g/providers/Microsoft.Peering/peerings/p{n:04}"),
        "subscription": subscription, "resourceGroup": "g", "name": format!("p{n:04}"), "asn": 64510 + n,
        "peeringLocation": "Amsterdam", "offering": "with Voice", "deleting": false,
        "createdAt": format!("2026-01-05T10:00:{:02}Z", n % 60), "connections": [] })
}

fn number(path: &str, name: &str) -> Option<usize> {
    let (_, query) = path.split_once('?')?;
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).and_then(|n| n.parse().ok())
}

/// An API with so many peerings in a list, of which filters find seven.
fn api(method: &Method, path: &str, subscription: &str, there: usize) -> Option<(u16, Value)> {
    assert_eq!(method, Method::GET);
    if path.contains("sort=nonsense") || path.contains("filter=refused") {
        let error = json!({ "code": "InvalidQuery", "target": "filter", "message": "use fewer words" });
        return Some((400, json!({ "error": error })));
    }
    let matching = if path.contains("filter=") || path.contains("state=") { 7 } else { there };
    let skip = number(path, "$skip").unwrap_or(0);
    let top = number(path, "$top").expect("every list is asked for in parts");
    assert!(top <= 1000, "{path}");
    let rows: Vec<Value> = (skip..(skip + top).min(matching)).map(|n| line(subscription, n)).collect();
    Some((200, json!({ "value": rows, "count": matching })))
}

async fn operators(there: usize) -> (Portal, String) {
    let portal = Portal::new(move |method, path| {
        path.starts_with("/api/v1/peerings?").then(|| api(method, path, "Sub-A", there))?
    })
    .await;
    let cookie = portal.signed_in(Role::Operator, &[]).await;
    (portal, cookie)
}

#[tokio::test]
async fn a_page_reads_its_own_rows_and_no_others() {
    let (portal, cookie) = operators(4321).await;
    let page = portal.get("/operate/peerings?page=3&sort=-name", &cookie).await.text;
    assert!(page.contains("p0200") && page.contains("p0299") && !page.contains("p0300"));
    assert!(page.contains("4,321 peerings") && page.contains("Page 3 of 44"));
    let asked: Vec<String> =
        portal.asked().into_iter().map(|a| a.path).filter(|p| p.contains("/peerings")).collect();
    assert_eq!(asked, ["/api/v1/peerings?sort=-name&$skip=200&$top=100"]);
}

#[tokio::test]
async fn a_filter_goes_to_the_api_and_both_counts_are_told() {
    let (portal, cookie) = operators(4321).await;
    let page = portal.get("/operate/peerings?filter=ams+a%26b&state=Active&page=9", &cookie).await.text;
    assert!(page.contains("7 of 4,321 peerings") && page.contains("p0006"), "the last page there is");
    let asked = portal.asked();
    let filtered = |path: &str| path.contains("filter=ams%20a%26b&state=Active&");
    assert!(asked.iter().any(|a| filtered(&a.path)), "{asked:?}");
}

#[tokio::test]
async fn what_the_api_refuses_is_told_above_the_list() {
    let (portal, cookie) = operators(3).await;
    let page = portal.get("/operate/peerings?filter=refused", &cookie).await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("Use fewer words.") && page.text.contains("value=\"refused\""));
    let unknown = portal.get("/operate/peerings?sort=nonsense", &cookie).await;
    assert!(unknown.text.contains("p0002"), "what isn't sorted by isn't asked for");
}

#[tokio::test]
async fn a_file_has_all_rows_that_match_whatever_the_page() {
    let (portal, cookie) = operators(2500).await;
    let file = portal.get("/operate/peerings?page=2&format=csv", &cookie).await;
    assert_eq!(file.text.lines().count(), 2501);
    assert!(file.text.contains("p2499"));
}

#[tokio::test]
async fn several_subscriptions_are_one_list_in_one_order() {
    let portal = Portal::new(|method, path| {
        let (_, rest) = path.split_once("/subscriptions/")?;
        let (subscription, rest) = rest.split_once('/')?;
        rest.starts_with("peerings?").then(|| api(method, path, subscription, 150))?
    })
    .await;
    let cookie = portal.signed_in(Role::Peer, &["Sub-A", "Sub-B"]).await;
    let first = portal.get("/peerings?sort=name", &cookie).await.text;
    assert!(first.contains("300 peerings") && first.contains("Page 1 of 3"));
    assert_eq!(first.matches(">p0049<").count(), 2, "one of each subscription");
    assert!(!first.contains(">p0050<"));
    let last = portal.get("/peerings?sort=name&page=3", &cookie).await.text;
    assert_eq!((last.matches(">p0149<").count(), last.matches(">p0099<").count()), (2, 0));
    let file = portal.get("/peerings?format=csv", &cookie).await;
    assert_eq!(file.text.lines().count(), 301);
}
