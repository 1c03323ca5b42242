//! Invitations, signing in and out, sessions, and forms of other sites.

use super::fixture::*;
use axum::body::Body;
use axum::extract::Request;
use axum::http::Method;
use meetme_store::Role;

async fn portal() -> Portal {
    Portal::new(|_, _| None).await
}

#[tokio::test]
async fn an_invitation_is_used_once_and_then_the_password_counts() {
    let portal = portal().await;
    let token = portal.invited(Role::Peer, &["Sub-A"]).await;
    let path = format!("/invitation/{token}");
    assert!(portal.get(&path, "").await.text.contains("peer@tel.example"));
    let short = portal.post(&path, "", "password=short&repeated=short").await;
    assert!(short.status == 200 && short.text.contains("at least 12 characters"));
    let taken = portal.post(&path, "", "password=correct+horse+battery&repeated=correct+horse+battery").await;
    assert_eq!((taken.status.as_u16(), taken.location()), (303, "/"));
    assert_eq!(portal.get(&path, "").await.status, 410);
    let wrong = portal.post("/sign-in", "", "email=peer@tel.example&password=correct+horse+batterx").await;
    assert!(wrong.text.contains("is wrong") && !wrong.headers.contains_key("set-cookie"));
    let right = "email=PEER@tel.example&password=correct+horse+battery&next=/account";
    let right = portal.post("/sign-in", "", right).await;
    assert_eq!((right.status.as_u16(), right.location()), (303, "/account"));
    assert!(portal.get("/account", &right.cookie()).await.text.contains("Sub-A"));
}

#[tokio::test]
async fn who_is_not_signed_in_is_asked_to_and_comes_back() {
    let portal = portal().await;
    let asked = portal.get("/account?x=1&y=%22", "").await;
    assert_eq!(asked.location(), "/sign-in?next=%2Faccount%3Fx%3D1%26y%3D%2522");
    let cookie = portal.signed_in(Role::Operator, &[]).await;
    let csrf = portal.get("/account", &cookie).await.csrf();
    assert_eq!(portal.post("/sign-out", &cookie, &format!("_csrf={csrf}")).await.location(), "/sign-in");
    assert_eq!(portal.get("/account", &cookie).await.status, 303, "the cookie is worth nothing any more");
    let sent = Request::builder()
        .method(Method::POST)
        .uri("/account/password")
        .header("cookie", &cookie)
        .header("referer", "http://meet.example/account?x=1")
        .body(Body::empty())
        .unwrap();
    assert_eq!(portal.send(sent).await.location(), "/sign-in?next=%2Faccount%3Fx%3D1", "back to the form");
}

#[tokio::test]
async fn a_form_without_its_session_s_token_or_from_another_site_does_nothing() {
    let portal = portal().await;
    let cookie = portal.signed_in(Role::Operator, &[]).await;
    let csrf = portal.get("/account", &cookie).await.csrf();
    for form in ["", "_csrf=", "_csrf=0000"] {
        assert_eq!(portal.post("/sign-out", &cookie, form).await.status, 403, "{form}");
    }
    let foreign = Request::builder()
        .method(Method::POST)
        .uri("/sign-out")
        .header("cookie", &cookie)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "cross-site")
        .body(Body::from(format!("_csrf={csrf}")))
        .unwrap();
    assert_eq!(portal.send(foreign).await.status, 403);
    assert_eq!(portal.get("/account", &cookie).await.status, 200, "still signed in");
}

#[tokio::test]
async fn a_new_password_ends_all_other_sessions() {
    let portal = portal().await;
    let first = portal.signed_in(Role::Operator, &[]).await;
    let form = "email=operator@tel.example&password=correct+horse+battery";
    let second = portal.post("/sign-in", "", form).await.cookie();
    let csrf = portal.get("/account", &second).await.csrf();
    let new = |current: &str| {
        format!("_csrf={csrf}&current={current}&password=another+long+one&repeated=another+long+one")
    };
    let wrong = portal.post("/account/password", &second, &new("nonsense")).await;
    assert!(wrong.text.contains("isn&#39;t your password") || wrong.text.contains("isn't your password"));
    assert_eq!(portal.get("/account", &first).await.status, 200);
    portal.post("/account/password", &second, &new("correct+horse+battery")).await;
    assert_eq!(portal.get("/account", &first).await.status, 303);
    assert_eq!(portal.get("/account", &second).await.status, 200);
}

#[tokio::test]
async fn every_page_is_guarded_and_loads_nothing_from_elsewhere() {
    let portal = portal().await;
    let cookie = portal.signed_in(Role::Operator, &[]).await;
    for path in ["/", "/account", "/sign-in"] {
        let page = portal.get(path, if path == "/sign-in" { "" } else { &cookie }).await;
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{path}");
        assert!(!page.text.contains("http://") && !page.text.contains("https://"), "{path}");
        assert_eq!(page.headers["cache-control"], "no-store");
    }
    let style = portal.get(&crate::assets::path("portal.css"), "").await;
    assert!(style.headers["cache-control"].to_str().unwrap().contains("immutable"));
    assert_eq!(portal.get("/assets/none.css", "").await.status, 404);
}
