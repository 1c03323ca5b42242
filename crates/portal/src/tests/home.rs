//! Home, search, locations and the looking glass.

use super::fixture::*;
use axum::http::Method;
use meetme_store::Role;
use serde_json::{Value, json};

const PEERING: &str = "/subscriptions/Sub-A/resourceGroups/g/providers/Microsoft.Peering/peerings/ams";

fn counts(n: u64) -> Value {
    json!({ "peerAsns": n, "peerings": n, "registeredPrefixes": n, "peeringServices": n, "activatedPrefixes": n,
            "connections": { "Active": n } })
}

fn list(rows: Value) -> Option<(u16, Value)> {
    Some((200, json!({ "value": rows })))
}

fn unsettled(awaited: &str, message: &str) -> Value {
    json!({ "kind": "connection", "resourceId": PEERING, "name": HOSTILE, "state": "ExternalBlocker",
            "awaited": awaited, "message": message, "connection": 7, "since": "2026-01-05T10:00:00Z" })
}

#[tokio::test]
async fn a_peer_sees_first_what_waits_for_the_peer_in_each_of_its_subscriptions() {
    let portal = Portal::new(|_, path| match path {
        "/api/v1/subscriptions/Sub-A/attention" => list(json!([unsettled("peer", "no light is seen")])),
        "/api/v1/subscriptions/Sub-B/attention" => {
            list(json!([unsettled("operator", "it waits for approval")]))
        }
        path if path.ends_with("/counts") => Some((200, counts(2))),
        _ => None,
    })
    .await;
    let cookie = portal.signed_in(Role::Peer, &["Sub-A", "Sub-B"]).await;
    let page = portal.get("/", &cookie).await.text;
    let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text}"));
    assert!(at("Needs your attention") < at("No light is seen."));
    assert!(at("No light is seen.") < at("On its way") && at("On its way") < at("It waits for approval."));
    assert!(page.contains(r#"href="/peerings/Sub-A/g/ams""#) && !page.contains("<img"));
    assert!(page.contains(r#"<p class="figure">4</p>"#), "of both subscriptions together");
    assert!(!page.contains("What to do first"), "every step was taken");
}

#[tokio::test]
async fn who_has_nothing_yet_is_told_what_to_do_first() {
    let portal = Portal::new(|_, path| match path {
        path if path.ends_with("/attention") => list(json!([])),
        path if path.ends_with("/counts") => Some((200, counts(0))),
        _ => None,
    })
    .await;
    let cookie = portal.signed_in(Role::Peer, &["Sub-A"]).await;
    let page = portal.get("/", &cookie).await.text;
    let places: Vec<usize> =
        ["Associate your ASN", "Create a peering</a></p>", "Register prefixes", "Activate them"]
            .iter()
            .map(|step| page.find(step).unwrap_or_else(|| panic!("{step}")))
            .collect();
    assert!(places.is_sorted());
}

#[tokio::test]
async fn an_operator_sees_the_queue_routers_and_mails() {
    let portal = Portal::new(|_, path| match path {
        "/api/v1/queue?$top=1" => {
            Some((200, json!({ "value": [{ "since": "2026-01-05T10:00:00Z" }], "count": 2, "overdue": 1 })))
        }
        "/api/v1/routers" => list(json!([
            { "name": "r1", "reachable": true, "drifted": false },
            { "name": "r2", "reachable": false, "error": HOSTILE },
            { "name": "r3", "reachable": true, "drifted": true },
            { "name": "r4", "reachable": true, "drifted": false, "unitsFailing": 2 },
            { "name": "r5", "reachable": true, "drifted": false, "unitsFailing": 0, "routesDiffering": 3 },
            { "name": "r6", "reachable": true, "drifted": false, "backboneSessionsDown": 1 },
        ])),
        "/api/v1/health" => Some((200, json!({ "mailsUnsent": 3 }))),
        "/api/v1/counts" => Some((200, counts(1))),
        _ => None,
    })
    .await;
    let cookie = portal.signed_in(Role::Operator, &[]).await;
    let page = portal.get("/", &cookie).await.text;
    for told in [
        "2 requests wait",
        "1 overdue",
        "Router r2",
        "Router r3",
        "Router r4",
        "2 parts of it were refused or undone",
        "Router r5",
        "something else with some routes than the rules say",
        "Router r6",
        "your own backbone or the Internet are down",
        "3 mails aren&#39;t sent",
        "2026-01-05T10:00:00Z",
    ] {
        assert!(page.contains(told) || page.contains(&told.replace("&#39;", "'")), "{told}");
    }
    assert!(!page.contains("Router r1") && !page.contains("<img"));
}

#[tokio::test]
async fn search_finds_pages_actions_and_resources_that_the_person_reaches() {
    let portal = Portal::new(|_, path| match path {
        "/api/v1/subscriptions/Sub-A/search?q=peering%20serv" => list(json!([
            { "kind": "peering", "resourceId": PEERING, "name": HOSTILE, "detail": "AS64510" },
        ])),
        path if path.starts_with("/api/v1/subscriptions/Sub-A/search") => list(json!([])),
        _ => None,
    })
    .await;
    let cookie = portal.signed_in(Role::Peer, &["Sub-A"]).await;
    let page = portal.get("/search?q=peering+serv", &cookie).await.text;
    for link in ["/peering-services\"", "/peering-services/create\"", "/peerings/Sub-A/g/ams\""] {
        assert!(page.contains(&format!("href=\"{link}")), "{link}");
    }
    assert!(!page.contains("<img"));
    let none = portal.get("/search?q=%3Cimg%20src=x%3E", &cookie).await.text;
    assert!(none.contains("Nothing found") && !none.contains("<img"));
    let routers = portal.get("/search?q=routers", &cookie).await.text;
    assert!(!routers.contains("/operate/"), "the host's pages aren't a peer's");
    let reader = portal.signed_in(Role::Reader, &["Sub-A"]).await;
    let page = portal.get("/search?q=create", &reader).await.text;
    assert!(!page.contains("/peerings/create"), "what a reader can't do isn't offered");
    assert_eq!(portal.get("/search", &cookie).await.status, 200);
}

#[tokio::test]
async fn locations_have_facilities_offerings_and_speeds_of_both_kinds() {
    let portal = Portal::new(|_, path| {
        let base = "/subscriptions/Sub-A/providers/Microsoft.Peering";
        let properties = |kind: Value| {
            let mut all = json!({ "country": "NL", "azureRegion": "westeurope" });
            all.as_object_mut().unwrap().extend(kind.as_object().unwrap().clone());
            list(json!([{ "name": "Amsterdam", "properties": all }]))
        };
        match path.strip_prefix(base)? {
            p if p.starts_with("/peeringLocations?kind=Direct") => properties(json!({ "direct": {
                "peeringFacilities": [{ "address": HOSTILE, "directPeeringType": "Voice", "peeringDBFacilityId": 64 }],
                "bandwidthOffers": [{ "offerName": "10Gbps" }] } })),
            p if p.starts_with("/peeringLocations?kind=Exchange") => properties(json!({ "exchange": {
                "peeringFacilities": [{ "exchangeName": "ix", "peeringDBFacilityId": 64 }] } })),
            p if p.starts_with("/peeringServiceLocations") => list(json!([{ "name": "North Holland" }])),
            _ => None,
        }
    })
    .await;
    let cookie = portal.signed_in(Role::Peer, &["Sub-A"]).await;
    let page = portal.get("/locations", &cookie).await.text;
    for told in ["Amsterdam, NL", "Voice, Exchange", "10 Gbps", "PeeringDB facility 64", "North Holland"] {
        assert!(page.contains(told), "{told}");
    }
    assert!(!page.contains("<img"));
}

#[tokio::test]
async fn the_looking_glass_shows_output_as_text_and_refusals_where_they_belong() {
    let portal = Portal::new(|method, path| {
        let error = |code: &str, message: &str, target: Option<&str>| {
            json!({ "error": { "code": code, "message": message, "target": target } })
        };
        match (method, path) {
            (&Method::GET, _) => list(json!([{ "name": "Amsterdam" }])),
            (_, path) if path.contains("198.19.10.1") => Some((200, json!({ "command": "Ping", "output": HOSTILE }))),
            (_, path) if path.contains("busy") => Some((429, error("TooManyRequests", "too many", None))),
            (_, path) if path.contains("away") => Some((503, error("EdgeUnavailable", "the edge can't answer now", None))),
            _ => Some((400, error("DestinationInvalid", "10.0.0.1 is private", Some("destinationIP")))),
        }
    })
    .await;
    let cookie = portal.signed_in(Role::Peer, &["Sub-A"]).await;
    let csrf = portal.get("/looking-glass", &cookie).await.csrf();
    let look = async |to: &str| {
        let form = format!("_csrf={csrf}&command=Ping&source=Amsterdam&destination={to}");
        portal.post("/looking-glass", &cookie, &form).await.text
    };
    let shown = look("198.19.10.1").await;
    assert!(shown.contains("&lt;img") && !shown.contains("<img") && shown.contains("Copy the output"));
    assert!(look("10.0.0.1").await.contains(r#"id="destination-error">10.0.0.1 is private."#));
    let busy = look("busy").await;
    assert!(busy.contains("many looks") && busy.contains(r#"value="busy""#));
    assert!(look("away").await.contains("The edge can't answer now."));
    let asked = portal.asked().into_iter().find(|asked| asked.method == Method::POST).unwrap();
    assert!(
        asked
            .path
            .contains("command=Ping&sourceType=EdgeSite&sourceLocation=Amsterdam&destinationIP=198.19.10.1")
    );
    let reader = portal.signed_in(Role::Reader, &["Sub-A"]).await;
    assert!(portal.get("/looking-glass", &reader).await.text.contains("disabled>Look"));
}
