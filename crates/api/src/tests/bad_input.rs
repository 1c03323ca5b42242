//! What no client should send: broken JSON, wrong types, huge bodies, odd names and versions.

use super::fixture::*;
use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};

async fn put(api: &Api, path: &str, body: impl Into<Body>) -> Reply {
    api.ask(&api.peer, Method::PUT, path, body.into()).await
}

#[tokio::test]
async fn broken_json_is_told() {
    let api = Api::new().await;
    for body in ["", "{", "{]", "nonsense", "{\"a\":1} trailing", "\u{0}", "[1,"] {
        for path in [asn("x"), peering("x"), service("x")] {
            let reply = put(&api, &path, body).await;
            assert_eq!(
                (reply.status.as_u16(), reply.violations()),
                (400, vec!["InvalidRequestContent $".to_owned()]),
                "{body:?} to {path}"
            );
        }
    }
    let not_utf8 = put(&api, &asn("x"), vec![b'"', 0xff, b'"']).await;
    assert_eq!(not_utf8.status, 400);
    let deep = "[".repeat(100_000);
    let reply = put(&api, &asn("x"), format!("{{\"properties\":{deep}")).await;
    assert_eq!(reply.status, 400);
}

#[tokio::test]
async fn a_wrong_type_is_told_with_its_path() {
    let api = Api::new().await;
    api.provider().await;
    let c = "properties.direct.connections";
    for (path, pointer, value, target) in [
        (asn("x"), "/properties/peerAsn", json!("64510"), "properties.peerAsn"),
        (asn("x"), "/properties/peerAsn", json!(1.5), "properties.peerAsn"),
        (asn("x"), "/properties/peerContactDetail", json!({}), "properties.peerContactDetail"),
        (asn("x"), "/properties/peerContactDetail/0/role", json!(7), "properties.peerContactDetail[0].role"),
        (
            peering("x"),
            "/properties/direct/connections/1/bandwidthInMbps",
            json!("many"),
            &format!("{c}[1].bandwidthInMbps"),
        ),
        (peering("x"), "/properties/direct/connections/0", json!([]), &format!("{c}[0]")),
        (peering("x"), "/sku", json!("Premium"), "sku"),
        (peering("x"), "/properties", json!(true), "properties"),
    ] {
        let mut body = if path.contains("peerAsns") { asn_body(64510) } else { voice("Amsterdam", 64) };
        *body.pointer_mut(pointer).unwrap() = value;
        let reply = api.put(&path, body).await;
        let found = reply.violations().remove(0);
        assert_eq!(reply.status, 400, "{pointer}: {}", reply.body);
        assert_eq!(found, format!("InvalidType {target}"), "{pointer}");
    }
    let list = put(&api, &asn("x"), "[]").await;
    assert_eq!(list.status, 400);
}

#[tokio::test]
async fn unknown_fields_and_nulls_are_ignored() {
    let api = Api::new().await;
    let mut body = asn_body(64510);
    body["surprise"] = json!({ "deep": [1, 2, { "x": null }] });
    body["properties"]["validationState"] = "Approved".into();
    body["properties"]["errorMessage"] = Value::Null;
    let reply = api.put(&asn("tel"), body).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    assert_eq!(reply.body["properties"]["validationState"], "Pending");
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_413() {
    let api = Api::new().await;
    let padded = |total: usize| {
        let mut text = asn_body(64510).to_string();
        text.push_str(&" ".repeat(total - text.len()));
        text
    };
    let mib = 1024 * 1024;
    let reply = put(&api, &asn("x"), padded(mib + 1)).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (413, "RequestTooLarge"));
    let reply = put(&api, &asn("x"), padded(mib)).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    // Told by its length alone, before it is read.
    let request = axum::http::Request::builder()
        .method(Method::PUT)
        .uri(format!("{}?api-version=2022-10-01", asn("x")))
        .header("authorization", format!("Bearer {}", api.peer))
        .header("content-length", "99999999999")
        .body(Body::empty())
        .unwrap();
    let response = tower::ServiceExt::oneshot(api.app.clone(), request).await;
    assert_eq!(response.unwrap().status(), 413);
}

#[tokio::test]
async fn names_that_could_mean_something_else_are_refused() {
    let api = Api::new().await;
    for name in [
        "..",
        ".",
        "%2e%2e",
        "..%2Fx",
        "%2Fetc%2Fpasswd",
        "a%00b",
        "a%0Ab",
        "a%5Cb",
        "a%20b",
        "%C3%A4",
        "%ff",
        "a;b",
        "a'b",
        &"x".repeat(64),
    ] {
        for path in [asn(name), peering(name), service(name), registered("ams", name)] {
            for method in [Method::PUT, Method::GET, Method::DELETE] {
                let reply = api.ask(&api.peer, method.clone(), &path, Body::from("{}")).await;
                assert_eq!(
                    (reply.status.as_u16(), reply.code()),
                    (400, "InvalidResourceName"),
                    "{method} {path}: {}",
                    reply.body
                );
            }
        }
    }
    let group = peering("x").replace(RG, "bad%2F..");
    let reply = put(&api, &group, voice("Amsterdam", 64).to_string()).await;
    assert_eq!(reply.violations(), ["InvalidResourceName resource_group"]);
}

#[tokio::test]
async fn paths_take_any_case() {
    let api = Api::new().await;
    api.provider().await;
    for path in [peering("ams").to_uppercase(), peering("ams").to_lowercase(), format!("{}/", peering("Ams"))]
    {
        let reply = api.get(&format!("{path}?API-VERSION=2025-05-01")).await;
        let reply = if reply.status == 200 { reply } else { api.get(&path).await };
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        assert_eq!(reply.body["name"], "ams");
    }
    // A resource group written otherwise is the same one.
    let other = peering("AMS").replace(RG, "TELCO");
    let reply = put(&api, &other, voice("Amsterdam", 64).to_string()).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(reply.body["id"], peering("ams").as_str());
}

#[tokio::test]
async fn every_known_version_is_spoken_and_others_are_told_which() {
    let api = Api::new().await;
    let at = |query: &str| format!("/subscriptions/{SUB}/providers/Microsoft.Peering/peerAsns{query}");
    for version in crate::VERSIONS {
        let reply = api.get(&at(&format!("?api-version={version}"))).await;
        assert_eq!(reply.status, 200, "{version}");
    }
    for (query, code) in [
        ("?api-version=", "MissingApiVersionParameter"),
        ("?x=api-version=", "MissingApiVersionParameter"),
        ("?api-version=2019-08-01", "InvalidApiVersionParameter"),
        ("?api-version=latest", "InvalidApiVersionParameter"),
    ] {
        let reply = api.get(&at(query)).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (400, code), "{query}");
        for version in crate::VERSIONS {
            assert!(reply.message().contains(version), "{}", reply.message());
        }
    }
}

#[tokio::test]
async fn a_wrong_method_and_a_path_that_is_none_are_told() {
    let api = Api::new().await;
    let reply = api.ask(&api.peer, Method::PATCH, &asn("x"), Body::from("{}")).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (405, "MethodNotAllowed"));
    let allow = reply.headers["allow"].to_str().unwrap();
    for method in ["GET", "PUT", "DELETE"] {
        assert!(allow.contains(method), "{allow}");
    }
    for path in ["/", "/api/v1", "/api/v1/nothing", "/subscriptions/Sub-A/nothing"] {
        let reply = api.get(path).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (404, "NotFound"), "{path}");
    }
}

#[tokio::test]
async fn every_answer_has_a_request_id_of_its_own() {
    let api = Api::new().await;
    let mut ids = Vec::new();
    for (token, path) in [
        (api.peer.as_str(), asn("")),
        (api.peer.as_str(), "/nothing".into()),
        ("", asn("")),
        ("", "/healthz".into()),
        ("", "/readyz".into()),
    ] {
        let reply = api.ask(token, Method::GET, &path, Body::empty()).await;
        ids.push(reply.headers["x-ms-request-id"].clone());
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 5);
}
