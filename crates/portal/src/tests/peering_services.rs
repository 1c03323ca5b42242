//! Peering services: creating one step by step, its page, its prefixes, locations, tags and tests.

use super::fixture::*;
use axum::http::Method;
use meetme_store::Role;
use serde_json::{Value, json};

const BASE: &str = "/subscriptions/Sub-A/providers/Microsoft.Peering";
const SERVICE: &str =
    "/subscriptions/Sub-A/resourceGroups/voice/providers/Microsoft.Peering/peeringServices/nl";
const EXTENSION: &str = "/api/v1/subscriptions/Sub-A/resourceGroups/voice/peeringServices/nl";
const CREATE: &str = "/peering-services/create";

fn service(agents: Option<Value>) -> Value {
    json!({
        "id": SERVICE, "name": "nl", "location": "westeurope", "tags": { HOSTILE: HOSTILE },
        "properties": {
            "peeringServiceLocation": "North Holland",
            "peeringServiceProvider": "Tel",
            "providerPrimaryPeeringLocation": "Amsterdam",
            "logAnalyticsWorkspaceProperties": agents.map(|a| json!({ "connectedAgents": a })),
            "provisioningState": "Succeeded",
        },
    })
}

fn prefix() -> Value {
    json!({ "name": "sbc", "properties": {
        "prefix": "198.19.10.0/24", "prefixValidationState": "Warning", "learnedType": "ViaSession",
        "peeringServicePrefixKey": "the-key", "errorMessage": HOSTILE,
        "events": [{ "eventTimestamp": "2026-01-05T10:00:00Z", "eventLevel": "Warning",
                     "eventSummary": "Moved", "eventDescription": HOSTILE }],
    } })
}

fn status() -> Value {
    json!({
        "activePath": "backup", "primaryPeeringLocation": "Amsterdam", "backupPeeringLocation": "Frankfurt",
        "checks": [{ "kind": "receivedEverywhere", "outcome": "partial", "message": HOSTILE,
                     "evidence": [{ "session": "198.18.192.2", "router": "r1", "seen": HOSTILE, "ok": false,
                                    "at": "2026-01-05T10:00:00Z" }] }],
    })
}

fn list(rows: Value) -> Option<(u16, Value)> {
    Some((200, json!({ "value": rows })))
}

/// An API with one service, `nl`, or with none when `there` is false.
pub(super) fn answer(there: bool, method: &Method, path: &str) -> Option<(u16, Value)> {
    let path = path.split('?').next().unwrap();
    let found = |body: Value| there.then_some((200, body));
    match (method.as_str(), path) {
        ("GET", p) if p == format!("{BASE}/peeringServiceLocations") => list(
            json!([{ "name": "North Holland", "properties": { "country": "NL", "azureRegion": "westeurope" } }]),
        ),
        ("GET", p) if p == format!("{BASE}/peeringServiceProviders") => {
            list(json!([{ "name": "Tel", "properties": { "peeringLocations": ["Amsterdam"] } }]))
        }
        ("GET", p) if p == format!("{BASE}/peeringLocations") => {
            list(json!([{ "name": "Amsterdam" }, { "name": "Frankfurt" }]))
        }
        ("GET", p) if p == format!("{BASE}/peeringServices") => list(json!([service(None)])),
        ("GET", "/subscriptions/Sub-A/resourceGroups") => list(json!([{ "name": "voice" }])),
        ("GET", SERVICE) => found(service(None)),
        ("GET", p) if p == format!("{SERVICE}/prefixes") => list(json!([prefix()])),
        ("GET", p) if p == format!("{SERVICE}/prefixes/sbc") => found(prefix()),
        ("GET", p) if p == format!("{EXTENSION}/prefixes/sbc/status") => found(status()),
        ("POST", p) if p == format!("{EXTENSION}/validate") => Some((200, json!({ "created": !there }))),
        ("PUT", _) => Some((201, json!({}))),
        ("PATCH" | "DELETE", _) => Some((200, json!({}))),
        _ => None,
    }
}

async fn signed_in(portal: &Portal) -> (String, String) {
    let cookie = portal.signed_in(Role::Peer, &["Sub-A"]).await;
    let csrf = portal.get("/account", &cookie).await.csrf();
    (cookie, csrf)
}

/// What is chosen, as it stands in the address.
const CHOSEN: &str = "subscription=Sub-A&group=voice&name=nl&location=North%20Holland&provider=Tel&primary=Amsterdam\
                      &backup=&prefix-2-name=sbc&prefix-2-prefix=198.19.10.0%2F24";

fn typed(csrf: &str) -> String {
    format!("_csrf={csrf}&{CHOSEN}&prefix-2-key=%22%3E%3Cimg")
}

fn written(portal: &Portal) -> Vec<Asked> {
    portal.asked().into_iter().filter(|a| a.method != Method::GET).collect()
}

#[tokio::test]
async fn a_service_is_created_step_by_step_and_each_step_can_be_opened_again() {
    let portal = Portal::new(|m, p| answer(false, m, p)).await;
    let (cookie, csrf) = signed_in(&portal).await;
    assert!(portal.get(CREATE, &cookie).await.text.contains("<option value=\"voice\">"));
    let wrong = "subscription=Sub-A&group=voice&name=b%20d&prefix-0-name=kept";
    for step in ["configuration", "review"] {
        let wrong = portal.get(&format!("{CREATE}/{step}?{wrong}"), &cookie).await;
        assert_eq!(
            wrong.location(),
            format!("{CREATE}?subscription=Sub-A&group=voice&name=b%20d&prefix-0-name=kept&check=1")
        );
        let wrong = portal.get(wrong.location(), &cookie).await;
        assert!(
            wrong.text.contains("name-error") && wrong.text.contains(r#"name="prefix-0-name" value="kept""#)
        );
    }
    let more = portal.get(&format!("{CREATE}/configuration?{CHOSEN}&do=add-prefix"), &cookie).await;
    assert_eq!(
        more.location(),
        format!("{CREATE}/configuration?{CHOSEN}&prefix-3-name="),
        "loaded again it adds no other"
    );
    let step = portal.get(more.location(), &cookie).await;
    for kept in ["prefix-3-name", "Tel</strong> is present in Amsterdam", r#"name="group" value="voice""#] {
        assert!(step.text.contains(kept), "{kept}");
    }
    let review = portal.get(&format!("{CREATE}/review?{CHOSEN}"), &cookie).await;
    assert!(review.text.contains("Validation passed.") && review.text.contains("198.19.10.0/24"));
    let back = format!("href=\"{CREATE}/configuration?{}\"", CHOSEN.replace('&', "&amp;"));
    assert!(review.text.contains(&back), "{}", review.text);
    assert!(written(&portal).iter().all(|asked| asked.path.ends_with("/validate")), "nothing is made yet");
    let made = portal.post(CREATE, &cookie, &typed(&csrf)).await;
    assert_eq!(made.location(), "/peering-services/Sub-A/voice/nl", "{}", made.text);
    let puts: Vec<Asked> = written(&portal).into_iter().filter(|a| a.method == Method::PUT).collect();
    assert!(
        puts[0].path.starts_with(SERVICE) && puts[1].path.starts_with(&format!("{SERVICE}/prefixes/sbc"))
    );
    assert_eq!(puts[0].body["location"], "westeurope", "the location's region");
    assert_eq!(puts[0].body["properties"]["providerBackupPeeringLocation"], Value::Null);
    assert_eq!(puts[1].body["properties"]["peeringServicePrefixKey"], "\"><img");
}

#[tokio::test]
async fn what_validation_refuses_stands_beside_its_field_and_nothing_is_made() {
    let portal = Portal::new(|method, path| {
        if path.ends_with("/validate") {
            let details = json!([
                { "message": "that is the primary one", "target": "properties.providerBackupPeeringLocation" },
                { "message": "another is called so", "target": "prefixes[0].name" },
                { "message": "no such key", "target": "prefixes[0].peeringServicePrefixKey" },
            ]);
            return Some((400, json!({ "error": { "code": "InvalidRequest", "message": "two", "details": details } })));
        }
        answer(false, method, path)
    })
    .await;
    let (cookie, csrf) = signed_in(&portal).await;
    let review = portal.get(&format!("{CREATE}/review?{CHOSEN}"), &cookie).await;
    assert!(!review.text.contains("No such key."), "no key was typed yet");
    let refused = portal.post(CREATE, &cookie, &typed(&csrf)).await;
    assert!(refused.text.contains(r#"id="prefix-2-key-error">No such key."#), "beside the row's own field");
    assert!(refused.text.contains("&quot;&gt;&lt;img") && !refused.text.contains("<img"), "the key is kept");
    assert_eq!(
        refused.headers["cache-control"], "private, no-cache",
        "a browser goes back to it without sending it again"
    );
    for page in [&review, &refused] {
        assert!(page.text.contains("That is the primary one."));
        assert!(page.text.contains(r#"type="submit" disabled>Create"#));
        assert!(!page.text.contains(&format!("{CHOSEN}&amp;prefix-2-key")), "no key stands in an address");
    }
    let back = portal.get(&format!("{CREATE}/configuration?{CHOSEN}&check=1"), &cookie).await;
    assert!(back.text.contains(r#"id="prefix-2-name-error">Another is called so."#));
    assert!(written(&portal).iter().all(|asked| asked.method != Method::PUT));
}

#[tokio::test]
async fn a_key_that_is_refused_is_corrected_where_it_is() {
    let portal = Portal::new(|method, path| {
        if path.ends_with("/validate") {
            let details =
                json!([{ "message": "no such key", "target": "prefixes[0].peeringServicePrefixKey" }]);
            return Some((
                400,
                json!({ "error": { "code": "InvalidRequest", "message": "one", "details": details } }),
            ));
        }
        answer(false, method, path)
    })
    .await;
    let (cookie, csrf) = signed_in(&portal).await;
    let review = portal.get(&format!("{CREATE}/review?{CHOSEN}"), &cookie).await;
    assert!(review.text.contains("Validation passed. The keys are checked by Create."));
    let refused = portal.post(CREATE, &cookie, &typed(&csrf)).await;
    assert!(refused.text.contains("No such key.") && !refused.text.contains("disabled>Create"));
}

#[tokio::test]
async fn a_name_that_another_service_has_is_told_and_the_same_service_is_gone_on_with() {
    let portal = Portal::new(|method, path| match method.as_str() {
        "PUT" if !path.contains("/prefixes/") => {
            Some((412, json!({ "error": { "code": "PreconditionFailed", "message": "it is there" } })))
        }
        _ => answer(true, method, path),
    })
    .await;
    let (cookie, csrf) = signed_in(&portal).await;
    let twice = portal.post(CREATE, &cookie, &typed(&csrf)).await;
    assert_eq!(twice.location(), "/peering-services/Sub-A/voice/nl", "{}", twice.text);
    let other = typed(&csrf).replace("primary=Amsterdam", "primary=Frankfurt");
    let other = portal.post(CREATE, &cookie, &other).await;
    assert!(other.status == 200 && other.text.contains("a peering service of this name already"));
}

#[tokio::test]
async fn a_service_s_pages_show_path_reason_and_events_as_text() {
    let portal = Portal::new(|m, p| answer(true, m, p)).await;
    let (cookie, _) = signed_in(&portal).await;
    let page = "/peering-services/Sub-A/voice/nl";
    let escaped = "&quot;&gt;&lt;img src=x onerror=alert(1)&gt;";
    for (path, told) in [
        ("/peering-services".to_owned(), "North Holland"),
        (page.to_owned(), "Backup: Frankfurt"),
        (page.to_owned(), escaped),
        (format!("{page}/prefixes/sbc"), "On some sessions"),
        (format!("{page}/prefixes/sbc"), escaped),
        (format!("{page}/prefixes/sbc"), "the-key"),
        (format!("{page}/locations"), "Amsterdam"),
        (format!("{page}/activate"), "Exactly as it is registered"),
        (format!("{page}/tags"), escaped),
        (format!("{page}/json"), "peeringServices/nl?api-version="),
        (format!("{page}/json?of=prefixes"), "the-key"),
        (format!("{page}/monitor"), "Initialize the connection monitor"),
    ] {
        let shown = portal.get(&path, &cookie).await;
        assert_eq!(shown.status, 200, "{path}");
        assert!(shown.text.contains(told), "{path}: {told}");
        assert!(!shown.text.contains("<img"), "{path}");
    }
    assert_eq!(portal.get("/peering-services/Sub-B/voice/nl", &cookie).await.status, 404);
    let reader = portal.signed_in(Role::Reader, &["Sub-A"]).await;
    for path in ["/activate", "/locations"] {
        assert_eq!(portal.get(&format!("{page}{path}"), &reader).await.status, 403, "{path}");
    }
    assert!(!portal.get(page, &reader).await.text.contains("/delete"));
}

#[tokio::test]
async fn prefixes_locations_and_tags_are_changed_as_typed() {
    let portal = Portal::new(|m, p| answer(true, m, p)).await;
    let (cookie, csrf) = signed_in(&portal).await;
    let page = "/peering-services/Sub-A/voice/nl";
    let sent = async |path: &str, form: &str| {
        let reply = portal.post(&format!("{page}{path}"), &cookie, &format!("_csrf={csrf}&{form}")).await;
        (reply.location().to_owned(), written(&portal).pop())
    };
    let (to, asked) = sent("/activate", "name=sbc&prefix=198.19.10.0/24&key=k").await;
    assert_eq!((to.as_str(), &asked.unwrap().body["properties"]["prefix"]), (page, &json!("198.19.10.0/24")));
    let choice = portal.get(&format!("{page}/locations?primary=Frankfurt&backup="), &cookie).await;
    for told in
        ["Amsterdam → <strong>Frankfurt</strong>", "198.19.10.0/24", "Backup: Frankfurt", "moves at once"]
    {
        assert!(choice.text.contains(told), "{told}: {}", choice.text);
    }
    let same = portal.get(&format!("{page}/locations?primary=Amsterdam&backup="), &cookie).await;
    assert!(same.text.contains("at these locations already") && !same.text.contains(">Move</button>"));
    let (to, asked) = sent("/locations", "primary=Frankfurt&backup=").await;
    let body = asked.unwrap().body;
    assert_eq!(
        (to.as_str(), &body["properties"]["providerPrimaryPeeringLocation"]),
        (page, &json!("Frankfurt"))
    );
    assert_eq!(body["tags"], json!({ HOSTILE: HOSTILE }), "tags stay");
    let (_, asked) = sent("/tags", "tag-0-name=a&tag-0-value=b&tag-1-name=&tag-1-value=&do=save").await;
    assert_eq!(asked.unwrap().body, json!({ "tags": { "a": "b" } }));
    let (to, _) = sent("/tags", "tag-0-name=a&tag-0-value=b&tag-1-name=a&tag-1-value=c&do=save").await;
    assert_eq!(to, "", "two of one name");
    let (to, _) = sent("/delete", "confirm=nm").await;
    assert_eq!(to, "", "another name");
    let (to, asked) = sent("/delete", "confirm=nl").await;
    assert_eq!((to.as_str(), asked.unwrap().method), ("/peering-services", Method::DELETE));
}

#[tokio::test]
async fn a_move_that_the_api_refuses_is_told_before_anything_moves() {
    let portal = Portal::new(|method, path| {
        if path.ends_with("/validate") {
            let details = json!([{ "message": "Tel isn't there", "target": "properties.providerPrimaryPeeringLocation" }]);
            return Some((400, json!({ "error": { "code": "InvalidRequest", "message": "one", "details": details } })));
        }
        answer(true, method, path)
    })
    .await;
    let (cookie, _) = signed_in(&portal).await;
    let form = "/peering-services/Sub-A/voice/nl/locations?primary=Frankfurt&backup=";
    let page = portal.get(form, &cookie).await;
    assert!(
        page.text.contains(r#"id="primary-error">Tel isn't there."#) && !page.text.contains(">Move</button>")
    );
    assert!(page.text.contains(r#"value="Frankfurt" selected"#), "the choice stays");
    assert!(written(&portal).iter().all(|a| a.path.ends_with("/validate")));
}

#[tokio::test]
async fn tests_of_the_connection_monitor_show_their_newest_try_and_what_is_wrong_with_a_new_one() {
    let portal = Portal::new(|method, path| {
        let path = path.split('?').next().unwrap();
        match (method.as_str(), path.strip_prefix(SERVICE)) {
            ("GET", Some("")) => Some((200, service(Some(json!(["ams1"]))))),
            ("GET", Some("/connectionMonitorTests")) => list(json!([{ "name": "t", "properties": {
                "sourceAgent": "ams1", "destination": "198.19.10.1", "destinationPort": 0,
                "testFrequencyInSec": 60, "isTestSuccessful": false, "path": ["198.18.0.1", HOSTILE] } }])),
            ("PUT", Some(_)) => Some((400, json!({ "error": {
                "code": "DestinationInvalid", "message": "10.0.0.1 is private", "target": "properties.destination" } }))),
            _ => answer(true, method, path),
        }
    })
    .await;
    let (cookie, csrf) = signed_in(&portal).await;
    let page = "/peering-services/Sub-A/voice/nl/monitor";
    let shown = portal.get(page, &cookie).await.text;
    for told in ["No answer", "2 hops", "ICMP echo"] {
        assert!(shown.contains(told), "{told}");
    }
    assert!(!shown.contains("<img"));
    let form = format!("_csrf={csrf}&name=n&agent=ams1&destination=10.0.0.1&port=x&interval=");
    let wrong = portal.post(page, &cookie, &form).await.text;
    assert!(wrong.contains(r#"id="destination-error">10.0.0.1 is private."#), "{wrong}");
    assert!(wrong.contains(r#"id="port-error">This isn't a whole number."#));
    let form = format!("_csrf={csrf}&name=a+b&agent=ams1&destination=10.0.0.1&port=&interval=");
    let wrong = portal.post(page, &cookie, &form).await.text;
    assert!(wrong.contains("name-error") && wrong.contains("destination-error"), "both at once");
}
