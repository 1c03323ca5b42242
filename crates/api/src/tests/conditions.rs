//! `If-Match`, `If-None-Match`, ETags and `systemData`.

use super::fixture::*;
use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};

/// Asks as the peer with one more header.
async fn with(api: &Api, header: (&str, &str), method: Method, path: &str, body: Value) -> Reply {
    api.ask_with(&api.peer, &[header], method, path, Body::from(body.to_string())).await
}

#[tokio::test]
async fn a_write_with_an_old_tag_is_412_and_changes_nothing() {
    let api = Api::new().await;
    api.provider().await;
    let path = peering("ams");
    let first = api.get(&path).await.headers["etag"].to_str().unwrap().to_owned();
    let tags = |value: &str| json!({ "tags": { "n": value } });
    let changed = with(&api, ("if-match", &first), Method::PATCH, &path, tags("1")).await;
    assert_eq!(changed.status, 200);
    let second = changed.headers["etag"].to_str().unwrap().to_owned();
    assert_ne!(first, second);
    for method in [Method::PATCH, Method::PUT, Method::DELETE] {
        let body = if method == Method::PUT { voice("Amsterdam", 64) } else { tags("2") };
        let refused = with(&api, ("If-Match", &first), method.clone(), &path, body).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (412, "PreconditionFailed"), "{method}");
        assert_eq!(refused.body["error"]["target"], "If-Match");
    }
    let now = api.get(&path).await;
    assert_eq!((now.headers["etag"].to_str().unwrap(), &now.body["tags"]["n"]), (&*second, &json!("1")));
    let listed = format!("\"else\", {second}");
    assert_eq!(with(&api, ("If-Match", &listed), Method::PATCH, &path, tags("3")).await.status, 200);
    assert_eq!(with(&api, ("If-Match", "*"), Method::PATCH, &path, tags("4")).await.status, 200);
}

#[tokio::test]
async fn only_what_is_not_there_yet_is_made_when_the_caller_asks_so() {
    let api = Api::new().await;
    let path = asn("tel");
    let body = asn_body(64510);
    assert_eq!(with(&api, ("If-Match", "*"), Method::PUT, &path, body.clone()).await.status, 412);
    assert_eq!(with(&api, ("If-None-Match", "*"), Method::PUT, &path, body.clone()).await.status, 201);
    assert_eq!(with(&api, ("If-None-Match", "*"), Method::PUT, &path, body.clone()).await.status, 412);
    assert_eq!(with(&api, ("If-Match", "*"), Method::DELETE, &asn("none"), json!(null)).await.status, 412);
    // A conflict stays a conflict.
    let mut other = body;
    other["properties"]["peerAsn"] = json!(64511);
    let refused = with(&api, ("If-Match", "*"), Method::PUT, &path, other).await;
    assert_eq!(refused.code(), "PropertyImmutable");
}

#[tokio::test]
async fn what_did_not_change_is_not_sent_again() {
    let api = Api::new().await;
    let path = asn("tel");
    let made = api.put(&path, asn_body(64510)).await;
    let etag = made.headers["etag"].to_str().unwrap();
    let same = with(&api, ("If-None-Match", etag), Method::GET, &path, json!(null)).await;
    assert_eq!((same.status.as_u16(), &same.body), (304, &Value::Null));
    assert_eq!(with(&api, ("If-None-Match", "\"x\""), Method::GET, &path, json!(null)).await.status, 200);
    assert_eq!(with(&api, ("If-Match", "\"x\""), Method::GET, &path, json!(null)).await.status, 412);
}

#[tokio::test]
async fn who_made_and_changed_a_resource_is_told() {
    let api = Api::new().await;
    let path = asn("tel");
    api.put(&path, asn_body(64510)).await;
    let system = api.get(&format!("{path}?api-version=2025-05-01")).await.body["systemData"].clone();
    assert_eq!(system["createdBy"], format!("peer-{SUB}"));
    assert_eq!(system["createdByType"], "Application");
    let mut again = asn_body(64510);
    again["properties"]["peerContactDetail"][0]["phone"] = json!("+31 20 555 0199");
    api.ask(&api.operator, Method::PUT, &path, Body::from(again.to_string())).await;
    let later = api.get(&format!("{path}?api-version=2025-05-01")).await.body["systemData"].clone();
    assert_eq!(later["lastModifiedBy"], "operator-all");
    assert_eq!((&later["createdAt"], &later["createdBy"]), (&system["createdAt"], &system["createdBy"]));
}
