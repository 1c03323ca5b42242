//! How clients of a resource manager find their way and sign in: with a token of ours as the secret.

use super::fixture::*;
use crate::limit::{Rate, Rates};
use crate::{Settings, owns};
use axum::body::Body;
use axum::http::{HeaderMap, Method, StatusCode};
use serde_json::json;

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
    let api = Api::new().await;
    let open = async |path: &str| api.ask("", Method::GET, path, Body::empty()).await.body;
    let found = open("/metadata/endpoints?api-version=2022-09-01").await;
    let base = "http://api.example.net:8971";
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
    for secret in ["mt_wrong", "", &"x".repeat(300), "a%0Ab"] {
        let refused = sign_in(&api, FORM, credentials(secret)).await;
        assert_eq!(
            (refused.status.as_u16(), &refused.body["error"]),
            (401, &json!("invalid_client")),
            "{secret}"
        );
        assert!(secret.is_empty() || !refused.body.to_string().contains(secret), "{}", refused.body);
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

#[tokio::test]
async fn secrets_and_tokens_are_guessed_at_one_rate() {
    let rates = Rates { failed_tokens: Rate::new(1, 3), ..Rates::default() };
    let api = Api::with(no_edge(), Settings { rates, ..Settings::default() }).await;
    for n in 0..2 {
        assert_eq!(sign_in(&api, FORM, credentials(&format!("mt_{n}"))).await.status, 401);
    }
    assert_eq!(api.ask("mt_3", Method::GET, &asn(""), Body::empty()).await.status, 401);
    let refused = sign_in(&api, FORM, credentials("mt_4")).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (429, "TooManyRequests"));
    assert!(refused.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn whoever_sends_a_token_is_answered_in_json() {
    let api = Api::new().await;
    let mut headers = HeaderMap::new();
    assert!(!owns("/nothing/here", &headers) && !owns("/", &headers));
    for path in ["/tenants", "/metadata/endpoints", "/t/oauth2/v2.0/token", "//subscriptions/s"] {
        assert!(owns(path, &headers), "{path}");
    }
    headers.insert("authorization", "bearer x".parse().unwrap());
    assert!(owns("/nothing/here", &headers));
    let reply = api.get("/nothing/here").await;
    assert_eq!((reply.status.as_u16(), reply.code()), (404, "NotFound"));
    assert!(reply.headers["content-type"].to_str().unwrap().starts_with("application/json"));
}
