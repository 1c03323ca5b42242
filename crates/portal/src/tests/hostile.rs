//! Whatever the API says, and whatever people typed, is text on every page: never markup.

use super::fixture::*;
use super::{operate, peer_asns, peering_parts, peering_services, peerings};
use axum::http::Method;
use jiff::Timestamp;
use meetme_model::link::{BfdSessionState, BgpState};
use meetme_store::Role;
use serde_json::{Value, json};

/// Every page of a peer.
const PAGES: &[&str] = &[
    "/",
    "/search?q=%22%3E%3Cimg",
    "/locations",
    "/looking-glass",
    "/account",
    "/peer-asns",
    "/peer-asns/create",
    "/peer-asns/Sub-A/tel",
    "/peer-asns/Sub-A/tel/edit",
    "/peering-services",
    "/peering-services/create",
    "/peering-services/create/configuration?subscription=Sub-A&group=g&name=x&prefix-0-name=%22%3E%3Cimg",
    "/peering-services/create/review?subscription=Sub-A&group=g&name=x&prefix-0-prefix=%22%3E%3Cimg",
    "/peering-services/Sub-A/voice/nl",
    "/peering-services/Sub-A/voice/nl/activate",
    "/peering-services/Sub-A/voice/nl/prefixes/sbc",
    "/peering-services/Sub-A/voice/nl/locations",
    "/peering-services/Sub-A/voice/nl/locations?primary=%22%3E%3Cimg&backup=",
    "/peering-services/Sub-A/voice/nl/monitor",
    "/peering-services/Sub-A/voice/nl/json",
    "/peering-services/Sub-A/voice/nl/tags",
    "/peerings",
    "/peerings/create?subscription=Sub-A&group=%22%3E%3Cimg&name=%22%3E%3Cimg",
    "/peerings/create/configuration?subscription=Sub-A&group=g&name=%22%3E%3Cimg&asn=tel&connection=%22%3E%3Cimg",
    "/peerings/create/connection?subscription=Sub-A&group=g&name=n&asn=tel&metro=%22%3E%3Cimg",
    "/peerings/create/review?subscription=Sub-A&group=g&name=%22%3E%3Cimg&asn=tel&connection=%22%3E%3Cimg",
    "/peerings/Sub-A/voice/ams",
    "/peerings/Sub-A/voice/ams/deployment",
    "/peerings/Sub-A/voice/ams/connections",
    "/peerings/Sub-A/voice/ams/connections/add",
    "/peerings/Sub-A/voice/ams/connections/id-1",
    "/peerings/Sub-A/voice/ams/connections/id-1/remove",
    "/peerings/Sub-A/voice/ams/registered-prefixes",
    "/peerings/Sub-A/voice/ams/registered-prefixes/add",
    "/peerings/Sub-A/voice/ams/registered-prefixes/sbc",
    "/peerings/Sub-A/voice/ams/registered-prefixes/sbc/delete",
    "/peerings/Sub-A/voice/ams/received-routes?prefix=%22%3E%3Cimg",
    "/peerings/Sub-A/voice/ams/metrics",
    "/peerings/Sub-A/voice/ams/events",
    "/peerings/Sub-A/voice/ams/registered-asns",
    "/peerings/Sub-A/voice/ams/tags",
    "/peerings/Sub-A/voice/ams/json",
    "/peerings/Sub-A/voice/ams/delete",
    "/nothing/%22%3E%3Cimg",
];

/// Forms, each with a field.
const FORMS: &[(&str, &str)] = &[
    ("/peer-asns/create", "subscription=Sub-A&name=x&asn=1&peer-name="),
    ("/peer-asns/Sub-A/tel/edit", "contact-0-role=Noc&contact-0-email="),
    ("/peering-services/create", "subscription=Sub-A&group=g&name=x&location="),
    ("/peering-services/Sub-A/voice/nl/activate", "name=x&prefix="),
    ("/peering-services/Sub-A/voice/nl/tags", "tag-0-name=x&tag-0-value="),
    ("/peering-services/Sub-A/voice/nl/locations", "primary="),
    ("/peerings/create", "subscription=Sub-A&group=g&name=x&asn=tel&metro="),
    ("/peerings/Sub-A/voice/ams/connections/add", "identifier="),
    ("/peerings/Sub-A/voice/ams/connections/id-1", "prefix_v4="),
    ("/peerings/Sub-A/voice/ams/registered-prefixes/add", "name=x&prefix="),
    ("/peerings/Sub-A/voice/ams/tags", "name=x&value="),
    ("/peerings/Sub-A/voice/ams/delete", "name=ams&more="),
    ("/looking-glass", "command=Ping&source=x&destination="),
];

/// What the API answers to everything that pages ask.
fn api(method: &Method, path: &str) -> Option<(u16, Value)> {
    let bare = path.split('?').next().unwrap_or(path);
    let claims = "/subscriptions/Sub-A/providers/Microsoft.Peering/peerAsns";
    if bare == claims {
        return Some((200, json!({ "value": [peer_asns::claim("Pending")] })));
    }
    if bare.starts_with(claims) {
        return Some((200, peer_asns::claim("Failed")));
    }
    peerings::usual(method, path, "Active")
        .or_else(|| peering_services::answer(true, method, path))
        .or_else(|| peering_parts::routes(path))
        .or_else(|| peering_parts::metrics(path))
        .or_else(|| operate::host(method, path))
        .or_else(|| Some((200, json!({ "value": [] }))))
}

/// Every text made hostile. With `keep`, what pages are found and ordered by stays, and what they read as
/// one of a few words: ids, times, states of sessions.
fn poisoned(value: &mut Value, keep: bool) {
    match value {
        Value::String(text) if keep && is_kept(text) => {}
        Value::String(text) => text.push_str(HOSTILE),
        Value::Array(all) => all.iter_mut().for_each(|one| poisoned(one, keep)),
        Value::Object(all) => all.values_mut().for_each(|one| poisoned(one, keep)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn is_kept(text: &str) -> bool {
    let is_session_state = serde_json::from_value::<BgpState>(text.into()).is_ok()
        || serde_json::from_value::<BfdSessionState>(text.into()).is_ok();
    is_session_state || text.starts_with('/') || text.starts_with("id-") || text.parse::<Timestamp>().is_ok()
}

async fn portal(keep: bool) -> Portal {
    Portal::new(move |method, path| {
        if method != Method::GET {
            let told = |n: usize| json!({ "message": HOSTILE, "target": format!("{HOSTILE}{n}") });
            let error = json!({ "code": HOSTILE, "message": HOSTILE, "target": HOSTILE, "details": [told(1), told(2)] });
            return Some((400, json!({ "error": error })));
        }
        let (status, mut body) = api(method, path)?;
        poisoned(&mut body, keep);
        Some((status, body))
    })
    .await
}

fn is_clean(page: &Reply) -> bool {
    !page.text.contains("<img") && !page.text.is_empty()
}

#[tokio::test]
async fn nothing_that_the_api_says_is_markup_on_any_page() {
    for keep in [true, false] {
        let portal = portal(keep).await;
        let peer = portal.signed_in(Role::Peer, &["Sub-A"]).await;
        let operator = portal.signed_in(Role::Operator, &[]).await;
        let pages = PAGES.iter().map(|path| (path, &peer)).chain(PAGES.iter().map(|path| (path, &operator)));
        let mut told = 0;
        for (path, cookie) in pages.chain(operate::PAGES.iter().map(|path| (path, &operator))) {
            let page = portal.get(path, cookie).await;
            assert!(is_clean(&page), "{path}: {}", page.text);
            let is_there = page.status == 200 || path.starts_with("/nothing/");
            assert!(!keep || is_there, "{path}: {} {}", page.status, page.text);
            told += usize::from(page.text.contains("&lt;img"));
        }
        assert!(!keep || told > 60, "it is shown where it is text: {told}");
    }
}

#[tokio::test]
async fn nothing_that_is_typed_or_refused_is_markup_in_any_form() {
    let portal = portal(true).await;
    let cookie = portal.signed_in(Role::Peer, &["Sub-A"]).await;
    let csrf = portal.get("/account", &cookie).await.csrf();
    for (path, fields) in FORMS {
        let form = format!("{fields}{}&_csrf={csrf}", crate::query::encode(HOSTILE));
        let page = portal.post(path, &cookie, &form).await;
        assert!(is_clean(&page), "{path}: {}", page.text);
        assert!(page.text.contains("&lt;img"), "{path}: {} {}", page.status, page.text);
    }
}
