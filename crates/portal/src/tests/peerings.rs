//! The pages of peerings: what they show of what the API tells, and what they send to it.

use super::fixture::{HOSTILE, Portal};
use axum::http::Method;
use meetme_store::Role;
use serde_json::{Value, json};

const ONE: &str = "/peerings/Sub-A/voice/ams";
const RESOURCE: &str = "/subscriptions/Sub-A/resourceGroups/voice/providers/Microsoft.Peering/peerings/ams";

/// A peering with two connections, one of them Active.
fn peering() -> Value {
    let connection = |n: u32, state: &str| {
        json!({ "bandwidthInMbps": 20000, "sessionAddressProvider": "Microsoft", "peeringDBFacilityId": 64,
            "connectionState": state, "microsoftTrackingId": format!("c{n}"), "connectionIdentifier": format!("id-{n}"),
            "bgpSession": { "maxPrefixesAdvertisedV4": 1000, "md5AuthenticationKeyIsSet": n == 1 } })
    };
    json!({ "id": RESOURCE, "name": "ams", "kind": "Direct", "location": "westeurope",
        "sku": { "name": "Premium_Direct_Free" }, "tags": { HOSTILE: HOSTILE },
        "properties": { "peeringLocation": "Amsterdam", "provisioningState": "Succeeded",
            "direct": { "directPeeringType": "Voice", "useForPeeringService": true,
                "peerAsn": { "id": "/subscriptions/Sub-A/providers/Microsoft.Peering/peerAsns/tel" },
                "connections": [connection(1, "Active"), connection(2, "ProvisioningStarted")] } },
        "systemData": { "createdAt": "2026-01-05T10:00:00Z", "createdBy": HOSTILE } })
}

fn connections(state: &str) -> Value {
    let one = |n: u32, state: &str, party: &str| {
        json!({ "trackingId": format!("c{n}"), "connectionIdentifier": format!("id-{n}"), "connectionState": state,
            "since": "2026-01-05T10:00:00Z", "awaited": { "party": party, "what": HOSTILE },
            "bandwidthInMbps": 20000,
            "router": { "name": HOSTILE, "site": "ams1", "address": HOSTILE, "reachable": true },
            "loa": { "code": "LOA-1", "issuedAt": "2026-01-05T10:00:00Z", "expiresAt": "2026-03-05T10:00:00Z", "expired": false },
            "lag": { "name": "lag1", "light": true, "up": n == 1, "ports": [
                { "name": "et1", "speedMbps": 10000, "light": true, "collecting": n == 1, "distributing": n == 1 },
                { "name": "et2", "speedMbps": 10000, "light": n == 1, "collecting": n == 1, "distributing": n == 1 } ] },
            "sessions": [{ "sessionPrefix": "198.18.192.0/31", "hostAddress": "198.18.192.1", "peerAddress": "198.18.192.0",
                "bgp": if n == 1 { "Established" } else { "Idle" }, "bfd": if n == 1 { "Up" } else { "Down" },
                "advisedMaxPrefixes": 500, "gateOpen": n == 1, "flaps": 0, "lastError": HOSTILE }] })
    };
    json!({ "value": [one(1, state, "nobody"), one(2, "ProvisioningStarted", "peer")] })
}

/// What the host offers: Voice, and plain peerings.
fn offerings() -> Value {
    json!({ "value": [
        { "name": "AS64500 (with Voice)", "kind": "Direct", "directPeeringType": "Voice",
          "skus": [{ "name": "Premium_Direct_Free", "leastConnections": 2, "peeringService": true }],
          "sessionAddressProviders": ["Microsoft"], "peeringService": "always", "community": "8075:8007" },
        { "name": "AS64500", "kind": "Direct", "directPeeringType": "Edge",
          "skus": [{ "name": "Basic_Direct_Free", "leastConnections": 1, "peeringService": false },
                   { "name": "Premium_Direct_Free", "leastConnections": 2, "peeringService": true }],
          "sessionAddressProviders": ["Microsoft", "Peer"], "peeringService": "optional" } ] })
}

fn places() -> Value {
    json!({ "value": [{ "name": "Amsterdam", "properties": { "peeringLocation": "Amsterdam", "country": "NL",
        "azureRegion": "westeurope", "direct": {
            "peeringFacilities": [{ "address": HOSTILE, "peeringDBFacilityId": 64 }],
            "bandwidthOffers": [{ "valueInMbps": 10000 }] } } }] })
}

fn asns() -> Value {
    let one = |name: &str, state: &str| json!({ "name": name, "properties": { "peerAsn": 64510, "peerName": HOSTILE, "validationState": state } });
    json!({ "value": [one("tel", "Approved"), one("late", "Pending")] })
}

/// What the API answers where a test says nothing else.
pub(super) fn usual(method: &Method, path: &str, state: &str) -> Option<(u16, Value)> {
    let path = path.split('?').next().unwrap();
    if method != Method::GET {
        return None;
    }
    let prefix = json!({ "name": "sbc", "properties": { "prefix": "198.19.10.0/24", "prefixValidationState": "Failed",
        "errorMessage": HOSTILE, "trafficClasses": ["media"] } });
    let body = match path {
        RESOURCE => peering(),
        "/subscriptions/Sub-A/providers/Microsoft.Peering/peerings" => json!({ "value": [peering()] }),
        "/api/v1/subscriptions/Sub-A/peerings" => {
            json!({ "value": [{ "resourceId": RESOURCE, "name": HOSTILE,
            "subscription": "Sub-A", "resourceGroup": HOSTILE, "asn": 64510, "peeringLocation": HOSTILE,
            "offering": HOSTILE, "deleting": false, "createdAt": "2026-01-05T10:00:00Z",
            "connections": [{ "id": 1, "connectionState": "Active", "removing": false, "bandwidthInMbps": 20000 }] }],
            "count": 1 })
        }
        "/subscriptions/Sub-A/providers/Microsoft.Peering/peerAsns" => asns(),
        "/subscriptions/Sub-A/providers/Microsoft.Peering/peeringLocations" => places(),
        "/subscriptions/Sub-A/resourceGroups" => json!({ "value": [{ "name": "voice" }] }),
        "/api/v1/subscriptions/Sub-A/offerings" => offerings(),
        "/api/v1/subscriptions/Sub-A/locations" => json!({ "value": [{ "name": "Amsterdam", "facilities": [
            { "peeringDBFacilityId": 64, "links": [{ "speedMbps": 10_000, "most": 4 }] }] }] }),
        _ if path.ends_with("/peerings/ams/connections") => connections(state),
        _ if path.ends_with("/registeredPrefixes/sbc/checks") => {
            json!({ "since": "2026-01-05T10:00:00Z", "checks": [{ "kind": "community", "outcome": "partial", "message": HOSTILE,
                "evidence": [{ "session": "198.18.192.0", "router": HOSTILE, "seen": HOSTILE, "ok": false, "at": "2026-01-05T10:00:00Z" }] }] })
        }
        _ if path.ends_with("/registeredPrefixes/sbc") => prefix,
        _ if path.ends_with("/registeredPrefixes") => json!({ "value": [prefix] }),
        _ => return None,
    };
    Some((200, body))
}

async fn portal() -> Portal {
    Portal::new(|method, path| usual(method, path, "Active")).await
}

#[tokio::test]
async fn what_people_and_routers_say_is_text_on_every_page() {
    let portal = portal().await;
    let cookie = portal.signed_in(Role::Peer, &["Sub-A"]).await;
    let below = [
        "",
        "/deployment",
        "/connections",
        "/connections/add",
        "/connections/id-1",
        "/connections/id-1/remove",
        "/registered-prefixes",
        "/registered-prefixes/add",
        "/registered-prefixes/sbc",
        "/tags",
        "/json",
        "/delete",
    ];
    let own = below.map(|path| format!("{ONE}{path}"));
    let draft = "?subscription=Sub-A&group=voice&name=new&asn=tel&c=64~10000~%22%3E%3Cimg%20src=x%20onerror=alert(1)%3E";
    let steps =
        ["", "/configuration", "/connection", "/review"].map(|step| format!("/peerings/create{step}{draft}"));
    for path in own.iter().chain(&steps).chain([&"/peerings".to_owned()]) {
        let page = portal.get(path, &cookie).await;
        assert_eq!(page.status, 200, "{path}: {}", page.text);
        assert!(!page.text.contains("<img"), "{path}");
        assert!(!page.text.contains(" style="), "{path}");
    }
}

#[tokio::test]
async fn the_overview_draws_the_interconnects_and_says_who_is_awaited() {
    let portal = portal().await;
    let cookie = portal.signed_in(Role::Peer, &["Sub-A"]).await;
    let page = portal.get(ONE, &cookie).await.text;
    assert!(page.contains("c1 to ") && page.contains("2 of 2 members up, 1 of 1 sessions up"), "{page}");
    assert!(page.contains("0 of 2 members up, 0 of 1 sessions up"));
    assert!(page.contains("waits for you") && page.contains("Your turn"));
    assert!(page.contains("20 Gbps</") || page.contains("20 Gbps in use of 40 Gbps"));
    assert!(page.contains("8075:8007") && page.contains("hx-trigger=\"changed from:body\""));
    assert_eq!(page.matches("aria-current=\"step\"").count(), 1, "only the second connection is on its way");
}

#[tokio::test]
async fn bgp_s_active_is_never_shown_as_a_connection_s() {
    for (state, told) in
        [("Active", "Active (trying)"), ("Connect", "Connect (trying)"), ("None", "not seen yet")]
    {
        let portal = Portal::new(move |method, path| {
            let (status, body) = usual(method, path, "Active")?;
            Some((status, serde_json::from_str(&body.to_string().replace("Idle", state)).unwrap()))
        })
        .await;
        let cookie = portal.signed_in(Role::Peer, &["Sub-A"]).await;
        let (class, tab) = (if state == "None" { "quiet" } else { "bad" }, format!("{ONE}/connections"));
        let badge = format!("<span class=\"badge {class}\">{told}</span>");
        assert!(portal.get(&tab, &cookie).await.text.contains(&badge), "{state}");
        let drawn = portal.get(ONE, &cookie).await.text;
        let line = drawn.split("<g class=\"link ").find(|line| line.contains(&format!("BGP {told}")));
        assert!(line.unwrap().starts_with(class), "{state}: {drawn}");
    }
}

#[tokio::test]
async fn nobody_sees_a_peering_of_another_subscription() {
    let portal = portal().await;
    let cookie = portal.signed_in(Role::Peer, &["Sub-B"]).await;
    for path in ["", "/connections", "/json", "/delete", "/tags"] {
        assert_eq!(portal.get(&format!("{ONE}{path}"), &cookie).await.status, 404, "{path}");
    }
    assert!(!portal.get("/peerings", &cookie).await.text.contains("/ams"));
}

#[tokio::test]
async fn a_reader_looks_and_is_told_why_nothing_can_be_changed() {
    let portal = portal().await;
    let cookie = portal.signed_in(Role::Reader, &["Sub-A"]).await;
    let page = portal.get(&format!("{ONE}/connections"), &cookie).await.text;
    assert!(page.contains("aria-disabled=\"true\"") && page.contains("may look, but not change"));
    assert!(!page.contains("/connections/add\""));
    assert!(portal.get("/peerings/create", &cookie).await.text.contains("may look, but not create"));
    for path in ["/connections/add", "/connections/id-1", "/connections/id-1/remove", "/delete"] {
        assert_eq!(portal.get(&format!("{ONE}{path}"), &cookie).await.status, 403, "{path}");
    }
    let csrf = portal.get("/account", &cookie).await.csrf();
    let remove =
        portal.post(&format!("{ONE}/connections/id-2/remove"), &cookie, &format!("_csrf={csrf}")).await;
    assert_eq!(remove.status, 403);
    assert!(portal.asked().iter().all(|a| a.method == Method::GET));
}

#[tokio::test]
async fn prefixes_can_be_added_once_a_connection_is_active() {
    let early = Portal::new(|method, path| usual(method, path, "Validating")).await;
    let cookie = early.signed_in(Role::Peer, &["Sub-A"]).await;
    let page = early.get(&format!("{ONE}/registered-prefixes"), &cookie).await.text;
    assert!(page.contains("once a connection is Active") && !page.contains("/registered-prefixes/add\""));
    let portal = portal().await;
    let cookie = portal.signed_in(Role::Peer, &["Sub-A"]).await;
    let page = portal.get(&format!("{ONE}/registered-prefixes"), &cookie).await.text;
    assert!(page.contains("/registered-prefixes/add\""));
}

#[tokio::test]
async fn a_refused_prefix_keeps_what_was_typed_with_the_error_beside_it() {
    let portal = Portal::new(|method, path| match *method {
        Method::PUT => Some((400, json!({ "error": { "code": "PrefixNotPublic", "message": "it is private", "target": "properties.prefix" } }))),
        _ => usual(method, path, "Active"),
    })
    .await;
    let cookie = portal.signed_in(Role::Peer, &["Sub-A"]).await;
    let csrf = portal.get(ONE, &cookie).await.csrf();
    let form =
        format!("_csrf={csrf}&name=sbc9&prefix=10.0.0.0%2F8&class=media&class=signalling&endpoint=sbc");
    let page = portal.post(&format!("{ONE}/registered-prefixes/add"), &cookie, &form).await.text;
    assert!(page.contains("It is private.") && page.contains("id=\"prefix-error\""));
    assert!(page.contains("value=\"10.0.0.0/8\"") && page.contains("value=\"sbc9\""));
    let put = portal.asked().into_iter().find(|a| a.method == Method::PUT).unwrap();
    assert_eq!(
        put.body,
        json!({ "properties": { "prefix": "10.0.0.0/8", "trafficClasses": ["media", "signalling"], "endpoints": ["sbc"] } })
    );
}

#[tokio::test]
async fn a_change_sends_the_whole_peering_and_leaves_the_rest_of_it_alone() {
    let portal = Portal::new(|method, path| match *method {
        Method::PUT => Some((200, peering())),
        _ => usual(method, path, "Active"),
    })
    .await;
    let cookie = portal.signed_in(Role::Peer, &["Sub-A"]).await;
    let csrf = portal.get(ONE, &cookie).await.csrf();
    let form = format!("_csrf={csrf}&bandwidth=40000&max_v4=2000&max_v6=&md5=&no_key=1");
    let saved = portal.post(&format!("{ONE}/connections/ID-1"), &cookie, &form).await;
    assert_eq!(saved.location(), format!("{ONE}/connections"));
    let put = portal.asked().into_iter().find(|a| a.method == Method::PUT).unwrap().body;
    let mut expected = peering();
    let first = &mut expected["properties"]["direct"]["connections"][0];
    first["bandwidthInMbps"] = 40000.into();
    first["bgpSession"]["maxPrefixesAdvertisedV4"] = 2000.into();
    first["bgpSession"]["md5AuthenticationKey"] = "".into();
    assert_eq!(put, expected);
    portal.post(&format!("{ONE}/connections/id-2/remove"), &cookie, &format!("_csrf={csrf}")).await;
    let put = portal.asked().into_iter().rfind(|a| a.method == Method::PUT).unwrap().body;
    let left = put["properties"]["direct"]["connections"].as_array().unwrap();
    assert_eq!((left.len(), &left[0]["connectionIdentifier"]), (1, &json!("id-1")));
}

#[tokio::test]
async fn a_peering_is_deleted_when_its_name_is_typed_and_never_otherwise() {
    let portal = Portal::new(|method, path| match *method {
        Method::DELETE => Some((200, Value::Null)),
        _ => usual(method, path, "Active"),
    })
    .await;
    let cookie = portal.signed_in(Role::Peer, &["Sub-A"]).await;
    let csrf = portal.get(ONE, &cookie).await.csrf();
    let path = format!("{ONE}/delete");
    for wrong in [format!("_csrf={csrf}"), format!("_csrf={csrf}&name=AMS"), "_csrf=&name=ams".into()] {
        portal.post(&path, &cookie, &wrong).await;
    }
    assert!(!portal.asked().iter().any(|a| a.method == Method::DELETE));
    let done = portal.post(&path, &cookie, &format!("_csrf={csrf}&name=ams")).await;
    assert_eq!(done.location(), "/peerings");
    assert!(portal.asked().iter().any(|a| a.method == Method::DELETE && a.path.starts_with(RESOURCE)));
}
