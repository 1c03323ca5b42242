//! Every address asks who looks, every form where it comes from, and no page lets anything foreign run.
//! The addresses are read from the sources, so that none is forgotten.

use super::fixture::*;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, header};
use meetme_store::Role;
use std::path::Path;

/// Addresses that need no session.
const OPEN: [&str; 4] = ["/sign-in", "/sign-out", "/invitation/", "/assets/"];

/// A registered address, with names in the place of its parameters.
struct Route {
    path: String,
    get: bool,
    post: bool,
}

impl Route {
    fn is_open(&self) -> bool {
        OPEN.iter().any(|open| self.path.starts_with(open))
    }
}

fn routes() -> Vec<Route> {
    let mut found = Vec::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/pages"), &mut found);
    assert!(found.len() > 80, "only {} addresses were found", found.len());
    found
}

fn read(folder: &Path, found: &mut Vec<Route>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.extend(registered(&std::fs::read_to_string(path).unwrap()));
        }
    }
}

/// What a file registers: `.route("/path", get(…).post(…))`, or below the first path that it names.
fn registered(source: &str) -> Vec<Route> {
    let above = ["const ONE: &str = \"", "format!(\"/"].iter().find_map(|start| source.split_once(start));
    let above = above.map_or("", |(_, rest)| rest.split('"').next().unwrap());
    let above = format!("/{}", above.trim_start_matches('/').replace("{{", "{").replace("}}", "}"));
    let above = above.trim_end_matches("{path}");
    let one = |call: &str| {
        let call = call.split("\n}").next().unwrap();
        let (first, handlers) = call.split_once(',').expect("a path and its handlers");
        let quoted = first.split('"').nth(1).unwrap_or("");
        let path = if quoted.is_empty() || first.contains("below") {
            format!("{above}{quoted}")
        } else {
            quoted.into()
        };
        let mut filled = String::new();
        for (i, part) in path.split(['{', '}']).enumerate() {
            filled.push_str(if i % 2 == 0 { part } else { "1" });
        }
        Route { path: filled, get: handlers.contains("get("), post: handlers.contains("post(") }
    };
    source.split(".route(").skip(1).map(one).collect()
}

/// Holds what every page says to browsers.
fn check_page(path: &str, reply: &Reply) {
    if reply.text.is_empty() || path.starts_with("/assets/") {
        return;
    }
    let of = |name| reply.headers.get(name).map_or("", |v| v.to_str().unwrap());
    let policy = of(header::CONTENT_SECURITY_POLICY);
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy:?}");
    assert_eq!(of(header::X_CONTENT_TYPE_OPTIONS), "nosniff", "{path}");
    assert!(!reply.text.contains("<style") && !reply.text.contains("<script>"), "{path}");
}

fn post(path: &str, cookie: &str, site: &str, form: String) -> Request {
    Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(header::COOKIE, cookie)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("sec-fetch-site", site)
        .body(Body::from(form))
        .unwrap()
}

#[tokio::test]
async fn who_has_no_session_is_asked_to_sign_in_at_every_address() {
    let portal = Portal::new(|_, _| None).await;
    for route in routes().iter().filter(|r| !r.is_open()) {
        let mut replies = Vec::new();
        if route.get {
            replies.push(portal.get(&route.path, "").await);
        }
        if route.post {
            replies.push(portal.post(&route.path, "", "").await);
        }
        for reply in &replies {
            assert_eq!(reply.status, 303, "{}: {}", route.path, reply.text);
            assert!(reply.location().starts_with("/sign-in?next="), "{}", route.path);
        }
        assert!(!replies.is_empty(), "{}", route.path);
    }
    assert!(portal.asked().is_empty(), "nobody asks the API for somebody unknown");
}

#[tokio::test]
async fn every_form_of_another_page_is_refused() {
    let portal = Portal::new(|_, _| None).await;
    let cookie = portal.signed_in(Role::Operator, &[]).await;
    let token = portal.get("/account", &cookie).await.csrf();
    for route in routes().iter().filter(|r| r.post) {
        let path = &route.path;
        for site in ["cross-site", "same-site"] {
            let reply = portal.send(post(path, &cookie, site, format!("_csrf={token}&name=x"))).await;
            assert_eq!(reply.status, 403, "{path} from {site}: {}", reply.text);
            check_page(path, &reply);
        }
        let needs_token = !path.starts_with("/sign-in") && !path.starts_with("/invitation/");
        for form in ["name=x", "_csrf=0&name=x"].iter().filter(|_| needs_token) {
            let reply = portal.send(post(path, &cookie, "same-origin", (*form).to_owned())).await;
            assert_eq!(reply.status, 403, "{path} with {form}: {}", reply.text);
            check_page(path, &reply);
        }
    }
    let writes: Vec<_> = portal.asked().into_iter().filter(|asked| asked.method != Method::GET).collect();
    assert!(writes.is_empty(), "{writes:?}");
    assert_eq!(portal.get("/account", &cookie).await.status, 200, "the session goes on");
}

#[tokio::test]
async fn every_page_forbids_what_is_not_of_this_portal() {
    let portal = Portal::new(|_, _| None).await;
    let cookie = portal.signed_in(Role::Operator, &[]).await;
    // A stream has no end to wait for.
    for route in routes().iter().filter(|r| r.get && r.path != "/live") {
        check_page(&route.path, &portal.get(&route.path, &cookie).await);
    }
}
