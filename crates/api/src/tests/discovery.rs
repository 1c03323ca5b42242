//! How clients of a resource manager find their way and sign in: with a token of ours as the secret.

use super::fixture::*;
use crate::entry::Entry;
use crate::limit::{Asks, Limits, Rate, Rates};
use crate::{ApiState, Scheme, Settings, is_api_path};
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tower::ServiceExt;

const FORM: &str = "application/x-www-form-urlencoded";

async fn sign_in(api: &Api, kind: &str, form: String) -> Reply {
    let path = "/contoso.example/oauth2/v2.0/token";
    api.ask_with("", &[("content-type", kind)], Method::POST, path, Body::from(form)).await
}

fn credentials(secret: &str) -> String {
    format!(
        "grant_type=client_credentials&client_id=anything&scope=https%3A%2F%2Fx%2F.default&client_secret={secret}"
    )
}

#[tokio::test]
async fn a_resource_manager_says_where_to_sign_in_to_whoever_asks() {
    let base = "https://peering.cloud.example";
    let settings = Settings { external_url: Some(format!("{base}/")), ..Settings::default() };
    let api = Api::with(no_edge(), settings).await;
    let open = async |path: &str| {
        let reply = api.ask("", Method::GET, path, Body::empty()).await;
        assert_eq!(reply.headers["cache-control"], "no-store", "{path}");
        reply.body
    };
    let found = open("/metadata/endpoints?api-version=2022-09-01").await;
    assert_eq!(found["authentication"]["loginEndpoint"], base);
    assert_eq!(found["authentication"]["audiences"], json!([base]));
    assert_eq!((&found["resourceManager"], &found["suffixes"]), (&json!(base), &json!({})));
    for version in ["/v2.0", ""] {
        let found = open(&format!("/contoso.example{version}/.well-known/openid-configuration")).await;
        assert_eq!(found["token_endpoint"], format!("{base}/contoso.example/oauth2/v2.0/token"));
        assert_eq!(found["issuer"], format!("{base}/contoso.example/v2.0"));
        assert!(found["authorization_endpoint"].is_string(), "MSAL fails without one");
        let keys = found["jwks_uri"].as_str().unwrap().strip_prefix(base).unwrap();
        assert_eq!(open(keys).await, json!({ "keys": [] }));
    }
    let odd = api.ask("", Method::GET, "/%22x/v2.0/.well-known/openid-configuration", Body::empty()).await;
    assert_eq!(odd.status, 404);
    assert_eq!(api.get("/tenants?api-version=2022-12-01").await.body["value"], json!([]));
    let nobody = api.ask("", Method::GET, "/tenants?api-version=2022-12-01", Body::empty()).await;
    assert_eq!(nobody.status, 401);
}

#[tokio::test]
async fn over_plain_http_only_the_machine_itself_is_told_where_to_sign_in() {
    let api = Api::new().await;
    let ask = async |scheme: Scheme, host: &str, path: &str| {
        let request = Request::get(path).header("host", host).extension(scheme).body(Body::empty()).unwrap();
        let response = api.app.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    };
    for path in ["/metadata/endpoints", "/contoso.example/v2.0/.well-known/openid-configuration"] {
        for (scheme, host, base) in [
            (Scheme::Https, "peering.cloud.example", "https://peering.cloud.example"),
            (Scheme::Http, "127.0.0.1:8971", "http://127.0.0.1:8971"),
        ] {
            let (status, body) = ask(scheme, host, path).await;
            assert_eq!((status, body.contains(base)), (200, true), "{body}");
        }
        let (status, body) = ask(Scheme::Http, "peering.cloud.example", path).await;
        assert_eq!(status, 400, "{body}");
        assert!(body.contains("TlsRequired") && body.contains("external_url"), "{body}");
    }
}

#[tokio::test]
async fn a_token_of_ours_as_the_secret_is_given_back_as_the_access_token() {
    let api = Api::new().await;
    let granted = sign_in(&api, FORM, credentials(&api.peer)).await;
    assert_eq!(granted.status, 200, "{}", granted.body);
    assert_eq!(granted.headers["cache-control"], "no-store");
    assert_eq!(granted.body["token_type"], "Bearer");
    assert_eq!(granted.body["expires_in"], 3600);
    let token = granted.body["access_token"].as_str().unwrap();
    assert_eq!(api.ask(token, Method::GET, &asn(""), Body::empty()).await.status, 200);
}

#[tokio::test]
async fn a_token_that_ends_soon_is_said_to() {
    let api = Api::new().await;
    let mut tx = api.store.begin().await.unwrap();
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(100);
    let new = meetme_store::NewToken {
        name: "short".into(),
        role: meetme_store::Role::Peer,
        subscription: Some(SUB.into()),
        expires_at: Some(soon),
    };
    let (token, _) = meetme_store::token_create(&mut tx, new, now()).await.unwrap();
    tx.commit().await.unwrap();
    let expires_in_s = sign_in(&api, FORM, credentials(&token)).await.body["expires_in"].as_i64().unwrap();
    assert!((50..=100).contains(&expires_in_s), "{expires_in_s}");
}

#[tokio::test]
async fn a_wrong_secret_is_refused_in_the_words_of_oauth_and_never_repeated() {
    let api = Api::new().await;
    let long = "x".repeat(300);
    let right_and_more = format!("{}#x", api.peer);
    for (sent, secret) in [
        ("mt_wrong", Some("mt_wrong")),
        ("", None),
        (&long, Some(&*long)),
        ("wro%0Ang", Some("wro\ng")),
        ("wr%FFng", Some("wr\u{fffd}ng")),
        (&right_and_more, Some(&*api.peer)),
    ] {
        let refused = sign_in(&api, FORM, credentials(sent)).await;
        assert_eq!(
            (refused.status.as_u16(), &refused.body["error"]),
            (401, &json!("invalid_client")),
            "{sent}"
        );
        assert!(refused.headers["www-authenticate"].to_str().unwrap().starts_with("Bearer"), "{sent}");
        let told = refused.body["error_description"].as_str().unwrap();
        assert!(secret.is_none_or(|secret| !told.contains(secret)), "{told}");
    }
    for (form, error) in [
        (credentials(&api.peer).replace("client_credentials", "password"), "unsupported_grant_type"),
        (credentials(&api.peer).replace("grant_type", "type"), "invalid_request"),
        (format!("{0}&{0}", credentials(&api.peer)), "invalid_request"),
        (format!("{}&x={}", credentials(&api.peer), "y".repeat(10_000)), "invalid_request"),
    ] {
        let refused = sign_in(&api, FORM, form).await;
        assert_eq!((refused.status.as_u16(), &refused.body["error"]), (400, &json!(error)));
        assert!(!refused.body.to_string().contains(&api.peer), "{}", refused.body);
    }
    let other_type = sign_in(&api, "application/json", credentials(&api.peer)).await;
    assert_eq!((other_type.status.as_u16(), &other_type.body["error"]), (400, &json!("invalid_request")));
    let get = api.ask("", Method::GET, "/t/oauth2/v2.0/token", Body::empty()).await;
    assert_eq!(get.status, StatusCode::METHOD_NOT_ALLOWED);
}

/// The way in with limits of its own, which the test can put forward in time.
fn entry(api: &Api, rates: &Rates) -> Entry {
    let state = ApiState { store: api.store.clone(), queries: no_edge(), settings: Settings::default() };
    let (limits, inner) = (Limits::new(rates), axum::Router::new());
    Entry { state: Arc::new(state), limits, inner, paths: Vec::new() }
}

fn tomorrow() -> Instant {
    Instant::now() + Duration::from_secs(86_400)
}

fn signing_in(secret: &str) -> Request<Body> {
    let request = Request::post("/t/oauth2/v2.0/token").header("content-type", FORM);
    request.body(credentials(secret).into()).unwrap()
}

#[tokio::test]
async fn secrets_and_tokens_are_guessed_at_one_rate() {
    let api = Api::new().await;
    let entry = entry(&api, &Rates { failed_tokens: Rate::new(1, 4), ..Rates::default() });
    let with_token = |token: &str| {
        let request = Request::get("/tenants?api-version=2022-12-01");
        request.header("authorization", format!("Bearer {token}")).body(Body::empty()).unwrap()
    };
    // Taken tomorrow, so that nothing fills up until then.
    entry.limits.guess_at(with_token("mt_0").headers(), tomorrow()).unwrap().settle(false);
    for request in [signing_in("mt_1"), with_token("mt_2"), signing_in("mt_3")] {
        assert_eq!(entry.answer(request).await.status(), 401);
    }
    for request in [signing_in("mt_4"), with_token("mt_5")] {
        let refused = entry.answer(request).await;
        assert_eq!(refused.status(), 429);
        assert!(refused.headers().contains_key("retry-after"));
    }
}

#[tokio::test]
async fn signing_in_counts_among_the_writes_of_the_token() {
    let api = Api::new().await;
    let entry = entry(&api, &Rates { writes: Rate::new(1, 2), ..Rates::default() });
    let found = meetme_store::token_principal(&api.store, &api.peer, jiff::Timestamp::now()).await;
    let peer = found.unwrap().unwrap().id;
    entry.limits.admit_at(peer, &Method::POST, Asks::Nobody, tomorrow()).unwrap();
    let granted = entry.answer(signing_in(&api.peer)).await;
    assert_eq!(granted.status(), 200);
    assert_eq!(granted.headers()["x-ms-ratelimit-remaining-subscription-writes"], "0");
    assert_eq!(entry.answer(signing_in(&api.peer)).await.status(), 429);
    assert_eq!(entry.answer(signing_in(&api.other)).await.status(), 200, "others don't notice");
}

#[tokio::test]
async fn what_is_the_api_s_is_answered_in_json() {
    let api = Api::new().await;
    for path in ["/tenants", "/metadata/endpoints", "/t/oauth2/v2.0/token", "//subscriptions/s"] {
        assert!(is_api_path(path), "{path}");
    }
    assert!(!is_api_path("/nothing/here") && !is_api_path("/"));
    let reply = api.get("/nothing/here").await;
    assert_eq!((reply.status.as_u16(), reply.code()), (404, "NotFound"));
    assert!(reply.headers["content-type"].to_str().unwrap().starts_with("application/json"));
}
