//! Who may do what: every route without a token, tenants, readers.

use super::fixture::*;
use axum::body::Body;
use axum::http::Method;
use meetme_model::connection::ConnectionState;
use meetme_model::registered_prefix::PrefixState;
use meetme_store::*;

/// A route's path with its parameters filled in.
fn filled(path: &str, subscription: &str) -> String {
    let filled: Vec<&str> = path
        .split('/')
        .map(|segment| match segment {
            "{subscription}" => subscription,
            "{resource_group}" => RG,
            "{peering}" => "ams",
            "{peer_asn}" => "tel",
            "{registered_prefix}" | "{prefix}" => "media",
            "{registered_asn}" => "behind",
            "{connection_monitor_test}" => "sbc",
            "{peering_service}" => "voice",
            "{connection}" => "1",
            "{router}" => "ams1-er1",
            "{requirement}" => "noRateLimit",
            fixed => {
                assert!(!fixed.starts_with('{'), "no value for {fixed}");
                fixed
            }
        })
        .collect();
    filled.join("/")
}

/// A provider with one of everything.
async fn everything() -> Api {
    let api = Api::new().await;
    api.provider().await;
    api.all_connections("ams", ConnectionState::Active).await;
    let key = api.registered("media", "198.19.10.0/24", PrefixState::Verified).await;
    super::services::activate(&api, &key).await;
    api
}

#[tokio::test]
async fn no_route_answers_without_a_valid_token() {
    let api = everything().await;
    let routes = crate::routes();
    assert!(routes.len() > 40, "{}", routes.len());
    for route in routes {
        let path = filled(route.path, SUB);
        for token in ["", "wrong", "mt_0000", " "] {
            let reply = api.ask(token, route.method.clone(), &path, Body::from("{}")).await;
            assert_eq!(reply.status, 401, "{} {path}", route.method);
            if route.method != Method::HEAD {
                assert_eq!(reply.code(), "AuthenticationFailed", "{} {path}", route.method);
            }
            assert!(reply.headers["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
        }
    }
    let nowhere = api.ask("", Method::GET, "/nothing", Body::empty()).await;
    assert_eq!(nowhere.status, 401);
    for open in ["/healthz", "/readyz"] {
        let reply = api.ask("", Method::GET, open, Body::empty()).await;
        assert_eq!(reply.status, 200, "{open}");
    }
}

#[tokio::test]
async fn another_tenant_finds_nothing_anywhere() {
    let api = everything().await;
    for route in crate::routes() {
        if route.access == crate::Access::Anyone {
            continue;
        }
        let path = filled(route.path, SUB);
        let reply = api.ask(&api.other, route.method.clone(), &path, Body::from("{}")).await;
        assert_eq!(reply.status, 404, "{} {path}", route.method);
        assert!(route.method == Method::HEAD || reply.code() == "NotFound", "{} {path}", route.method);
        // No different from what isn't there at all.
        let absent = path.replace("Sub-A", "Sub-Z");
        let nothing = api.ask(&api.other, route.method.clone(), &absent, Body::from("{}")).await;
        assert_eq!(reply.body, nothing.body);
    }
    // Nothing was changed, and its own subscription is empty.
    assert_eq!(api.get(&peering("ams")).await.status, 200);
    let own = peering("").replace(SUB, "Sub-B");
    let own = api.ask(&api.other, Method::GET, &own, Body::empty()).await;
    assert_eq!(own.body["value"], serde_json::json!([]));
}

#[tokio::test]
async fn a_peer_decides_nothing_and_a_reader_writes_nothing() {
    let api = everything().await;
    for route in crate::routes() {
        let path = filled(route.path, SUB);
        let ask = async |token: &str| {
            api.ask(token, route.method.clone(), &path, Body::from("{}")).await.status.as_u16()
        };
        if !matches!(route.method, Method::GET | Method::HEAD) {
            assert_eq!(ask(&api.reader).await, 403, "{} {path}", route.method);
        }
        match route.access {
            crate::Access::Decision => assert_eq!(ask(&api.peer).await, 403, "{path}"),
            crate::Access::Host | crate::Access::HostDecision => {
                assert_eq!(ask(&api.peer).await, 404, "{path}");
            }
            crate::Access::Anyone | crate::Access::Subscription => {}
        }
    }
    let seen = api.ask(&api.reader, Method::GET, &peering("ams"), Body::empty()).await;
    assert_eq!(seen.status, 200);
}

#[tokio::test]
async fn an_expired_or_revoked_token_is_none() {
    let api = Api::new().await;
    let mut tx = api.store.begin().await.unwrap();
    let expired =
        NewToken { name: "old".into(), role: Role::Operator, subscription: None, expires_at: Some(now()) };
    let (expired, _) = token_create(&mut tx, expired, now()).await.unwrap();
    let revoked =
        NewToken { name: "gone".into(), role: Role::Operator, subscription: None, expires_at: None };
    let (revoked, principal) = token_create(&mut tx, revoked, now()).await.unwrap();
    token_revoke(&mut tx, principal.id, now()).await.unwrap();
    tx.commit().await.unwrap();
    for token in [expired, revoked] {
        let reply = api.ask(&token, Method::GET, "/api/v1/queue", Body::empty()).await;
        assert_eq!(reply.status, 401);
    }
}
