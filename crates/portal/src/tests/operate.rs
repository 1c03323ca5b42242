//! The host's side: who sees it, decisions, people, and that hostile names stay text.

use super::fixture::*;
use axum::http::Method;
use meetme_store::{IdPage, Role, mails_list, people_list, person_by_email};
use serde_json::{Value, json};

/// Pages that only show.
pub(super) const PAGES: &[&str] = &[
    "/operate/queue",
    "/operate/queue/connections/1",
    "/operate/queue/connections/1/preview",
    "/operate/queue/connections/2",
    "/operate/queue/asns/Sub-A/tel",
    "/operate/peerings",
    "/operate/prefixes",
    "/operate/prefixes/activated",
    "/operate/routers",
    "/operate/routers/er1",
    "/operate/routers/er1/diff",
    "/operate/sites",
    "/operate/ports",
    "/operate/pools",
    "/operate/offerings",
    "/operate/mails",
    "/operate/audit",
    "/operate/audit/Sub-A",
    "/operate/people",
    "/operate/people/invite",
    "/operate/people/1",
    "/operate/people/1/edit",
    "/operate/health",
];

const AT: &str = "2026-01-05T10:00:00Z";

fn peering_id() -> String {
    format!("/subscriptions/Sub-A/resourceGroups/rg/providers/Microsoft.Peering/peerings/{HOSTILE}")
}

fn waiting() -> Value {
    json!({
        "kind": "connection", "resourceId": peering_id(), "subscription": HOSTILE, "resourceGroup": "rg",
        "name": HOSTILE, "asn": 64510, "peerName": HOSTILE, "since": AT, "overdue": true, "connection": 1,
        "peeringLocation": HOSTILE, "bandwidthInMbps": 20000, "message": HOSTILE,
        "checks": [{ "name": "NocContact", "ok": false, "message": HOSTILE }],
        "connectionIdentifier": HOSTILE, "connectionState": "PendingApproval",
        "sessionAddressProvider": "Peer", "sessionPrefixesGivenByPeer": ["198.19.10.4/30", HOSTILE],
        "maxPrefixesAdvertisedV4": 1000, "approvable": true, "refusable": true, "revision": "1.0~seen=x",
    })
}

/// What another operator has refused.
fn refused() -> Value {
    let mut found = waiting();
    (found["connection"], found["refusable"]) = (json!(2), json!(false));
    found["decision"] = json!({ "approved": false, "by": HOSTILE, "reason": HOSTILE, "at": AT });
    found
}

fn router_value() -> Value {
    json!({
        "name": "er1", "site": HOSTILE, "location": HOSTILE, "loopback": "192.0.2.1", "reachable": false,
        "error": HOSTILE, "intendedGeneration": 3, "appliedGeneration": 2, "bmpConnected": false,
        "drifted": true, "sessions": 1, "routesReceived": 2, "drift": format!("-{HOSTILE}"),
        "coupling": { "proved": false, "at": AT, "found": HOSTILE },
        "state": {
            "at": AT,
            "lags": { "lag1": { "members": { HOSTILE: { "carrier": true, "collecting": false } } } },
            "sessions": { "c1v4": { "bgp": "Active", "bfd": "Down", "gate_open": false } },
        },
        "unitsFailing": 1, "pending": [{ "unit": HOSTILE, "reason": HOSTILE }],
        "routesDiffering": 1,
        "backboneSessionsDown": 1,
        "backboneDown": [{ "name": HOSTILE, "address": HOSTILE }],
        "differing": [{ "session": HOSTILE, "prefix": HOSTILE, "code": "Absent", "reason": HOSTILE }],
        "applies": [{
            "generation": 3, "units": [HOSTILE], "at": AT, "outcome": { "outcome": "rolled_back", "reason": HOSTILE },
            "diff": format!("+{HOSTILE}"),
        }],
    })
}

fn list(row: Value) -> Option<(u16, Value)> {
    Some((200, json!({ "value": [row] })))
}

pub(super) fn host(method: &Method, path: &str) -> Option<(u16, Value)> {
    if *method == Method::POST {
        return Some((200, json!({})));
    }
    let prefix = json!({
        "resourceId": format!("{}/registeredPrefixes/x", peering_id()), "subscription": HOSTILE,
        "asn": 64510, "peeringLocation": HOSTILE, "prefix": "198.19.10.0/24",
        "prefixValidationState": "Failed", "errorMessage": HOSTILE, "since": AT, "activePath": "internet",
    });
    match path.split('?').next().unwrap_or(path) {
        "/api/v1/queue" => Some((200, json!({ "value": [waiting()], "overdue": 1 }))),
        "/api/v1/connections/1" | "/api/v1/subscriptions/Sub-A/peerAsns/tel/checks" => Some((200, waiting())),
        "/api/v1/connections/2" => Some((200, refused())),
        "/api/v1/connections/1/preview" => Some((
            200,
            json!({ "message": HOSTILE, "steps": [
            { "when": "approved", "router": HOSTILE, "ports": [HOSTILE], "sessionPrefixes": [], "diff": format!("+{HOSTILE}") },
            { "when": "lagUp", "router": "er1", "ports": [], "sessionPrefixes": [HOSTILE], "error": HOSTILE },
        ] }),
        )),
        "/subscriptions/Sub-A/providers/Microsoft.Peering/peerAsns/tel" => Some((
            200,
            json!({ "properties": {
            "validationState": "Pending", "errorMessage": HOSTILE,
            "peerContactDetail": [{ "role": "Noc", "email": HOSTILE, "phone": HOSTILE }],
        } }),
        )),
        "/api/v1/peerings" => list(json!({
            "resourceId": peering_id(), "subscription": HOSTILE, "name": HOSTILE, "asn": 64510,
            "peeringLocation": HOSTILE, "offering": HOSTILE, "deleting": true, "createdAt": AT,
            "connections": [{ "id": 1, "connectionState": "Active", "removing": false, "router": HOSTILE }],
        })),
        "/api/v1/registeredPrefixes" | "/api/v1/activatedPrefixes" => list(prefix),
        "/api/v1/routers" => list(router_value()),
        "/api/v1/routers/er1" => Some((200, router_value())),
        "/api/v1/routers/er1/diff" => Some((200, json!({ "generation": 3, "diff": format!("-{HOSTILE}") }))),
        "/api/v1/inventory" => Some((
            200,
            json!({ "inventory": {
            "host": { "name": HOSTILE, "asn": 64500 },
            "site": [{ "name": HOSTILE, "location": HOSTILE, "address": HOSTILE, "latitude": 1.5, "longitude": -2.0 }],
            "offering": [{ "name": HOSTILE, "kind": "Voice", "bfd": { "multiplier": 3, "interval_ms": 50 } }],
            "router": [{ "name": "er1", "site": HOSTILE, "management": { "driver": "frr", "lag": { "backend": "ovs" } }, "port": [{}] }],
        } }),
        )),
        "/api/v1/ports" => list(json!({
            "router": HOSTILE, "site": "s", "name": HOSTILE, "speedMbps": 10000, "panel": HOSTILE, "light": false,
            "usedBy": { "connection": 1, "resourceId": peering_id(), "asn": 64510, "connectionState": "Active", "removing": false },
        })),
        "/api/v1/pools" => list(json!({
            "prefix": "198.18.192.0/24", "location": HOSTILE, "subnetLength": 31, "subnets": 128, "used": 120, "resting": 0,
        })),
        "/api/v1/mails" => list(json!({
            "createdAt": AT, "subject": HOSTILE, "text": HOSTILE, "recipients": [HOSTILE], "milestone": HOSTILE,
            "resourceId": peering_id(), "attempts": 3, "error": HOSTILE, "sentAt": null,
        })),
        "/api/v1/audit" => list(json!({
            "at": AT, "principal": HOSTILE, "action": HOSTILE, "resource": peering_id(),
            "detail": { HOSTILE: { "x": HOSTILE } },
        })),
        "/api/v1/health" => Some((
            200,
            json!({
                "version": HOSTILE, "inventoryVersion": 1, "workDepth": 0, "mailsUnsent": 2,
                "sites": [{ "name": HOSTILE, "location": HOSTILE, "routers": 2, "routersReachable": 1, "bmpConnected": 2, "toldAt": AT, "errors": [HOSTILE] }],
            }),
        )),
        _ => None,
    }
}

#[tokio::test]
async fn hostile_names_stay_text_on_every_page_and_in_every_file() {
    let portal = Portal::new(host).await;
    let cookie = portal.signed_in(Role::Operator, &[]).await;
    let mut files = 0;
    for path in PAGES {
        let page = portal.get(path, &cookie).await;
        assert_eq!(page.status, 200, "{path}: {}", page.text);
        assert!(!page.text.contains("<img"), "{path}");
        assert!(page.text.contains("aria-current=\"page\""), "{path} is marked in the navigation");
        if page.text.contains("format=csv") {
            let file = portal.get(&format!("{path}?format=csv"), &cookie).await;
            assert!(file.headers["content-type"].to_str().unwrap().starts_with("text/csv"), "{path}");
            assert!(file.text.lines().count() >= 2, "{path}");
            files += 1;
        }
    }
    assert_eq!(files, 13);
}

#[tokio::test]
async fn only_those_who_see_the_host_see_its_side() {
    let portal = Portal::new(host).await;
    let peer = portal.signed_in(Role::Peer, &["Sub-A"]).await;
    for path in PAGES {
        assert_eq!(portal.get(path, &peer).await.status, 404, "{path}");
    }
    assert!(!portal.get("/", &peer).await.text.contains("/operate/"));
    assert!(portal.asked().iter().all(|a| !a.path.contains("/queue")), "the API isn't even asked");
    let csrf = portal.get("/account", &peer).await.csrf();
    let form = format!("_csrf={csrf}&do=approve");
    for path in ["/operate/queue/connections/1", "/operate/people/1/disable", "/operate/people/invite"] {
        let status = portal.post(path, &peer, &form).await.status;
        assert!(status == 403 || status == 404, "{path}: {status}");
    }
    assert!(portal.asked().iter().all(|a| a.method == Method::GET));
}

#[tokio::test]
async fn a_reader_of_everything_looks_and_decides_nothing() {
    let portal = Portal::new(host).await;
    let reader = portal.signed_in(Role::Reader, &[]).await;
    let page = portal.get("/operate/queue/connections/1", &reader).await;
    assert!(page.text.contains("operators decide") && !page.text.contains("value=\"approve\""));
    let form = format!("_csrf={}&do=approve", page.csrf());
    assert_eq!(portal.post("/operate/queue/connections/1", &reader, &form).await.status, 403);
    assert_eq!(portal.get("/operate/people/invite", &reader).await.status, 403);
    assert_eq!(portal.post("/operate/people/7/disable", &reader, &form).await.status, 403);
    assert!(portal.asked().iter().all(|a| a.method == Method::GET));
}

#[tokio::test]
async fn a_decision_goes_to_the_api_as_its_operator_with_the_reason() {
    let portal = Portal::new(host).await;
    let cookie = portal.signed_in(Role::Operator, &[]).await;
    let page = "/operate/queue/connections/1";
    let shown = portal.get(page, &cookie).await;
    assert!(shown.text.contains("name=\"seen\" value=\"1.0~seen=x\""), "{}", shown.text);
    let csrf = shown.csrf();
    let form = format!("_csrf={csrf}&seen=1.0~seen%3Dx&reason=fine+%3Cb%3E&do=approve");
    let sent = portal.post(page, &cookie, &form).await;
    assert_eq!((sent.status.as_u16(), sent.location()), (303, page));
    let asked = portal.asked().pop().unwrap();
    assert_eq!((asked.method, asked.path.as_str()), (Method::POST, "/api/v1/connections/1/approve"));
    assert_eq!(asked.body, json!({ "reason": "fine <b>" }));
    assert_eq!(asked.if_match.as_deref(), Some("\"1.0~seen=x\""), "what the page showed");
    assert_eq!(asked.principal.name, "operator@tel.example");
    let claim = "/operate/queue/asns/Sub-A/tel";
    let form = format!("_csrf={csrf}&reason=same+company&allow-name=yes&allow-asn=yes&do=approve");
    assert_eq!(portal.post(claim, &cookie, &form).await.location(), claim);
    let asked = portal.asked().pop().unwrap();
    assert_eq!(asked.path, "/api/v1/subscriptions/Sub-A/peerAsns/tel/approve");
    assert_eq!(
        asked.body,
        json!({ "reason": "same company", "allowDuplicateName": true, "allowDuplicateAsn": true })
    );
    let refusal = format!("_csrf={csrf}&seen=%0D%0A\u{e9}x&reason=no&allow-asn=yes&do=refuse");
    portal.post(claim, &cookie, &refusal).await;
    let asked = portal.asked().pop().unwrap();
    assert_eq!((asked.body, asked.if_match.as_deref()), (json!({ "reason": "no" }), Some("\"x\"")));
    let before = portal.asked().len();
    for form in ["do=approve".to_owned(), format!("_csrf={csrf}&reason=x&do=ask")] {
        portal.post(page, &cookie, &form).await;
    }
    let new = &portal.asked()[before..];
    assert!(new.iter().all(|a| a.method == Method::GET), "no token or no decision: nothing is sent");
}

#[tokio::test]
async fn a_refused_decision_comes_back_with_what_was_typed_and_why() {
    let portal = Portal::new(|method, path| {
        if *method == Method::POST {
            let error =
                json!({ "code": "ReasonRequired", "target": "reason", "message": "say why it is refused" });
            return Some((400, json!({ "error": error })));
        }
        host(method, path)
    })
    .await;
    let cookie = portal.signed_in(Role::Operator, &[]).await;
    let page = "/operate/queue/connections/1";
    let csrf = portal.get(page, &cookie).await.csrf();
    let back = portal.post(page, &cookie, &format!("_csrf={csrf}&reason=%22typed&do=refuse")).await;
    assert_eq!(back.status, 200);
    assert!(back.text.contains("Say why it is refused.") && back.text.contains("&quot;typed"));
    assert!(back.text.contains("id=\"reason-error\""));
}

#[tokio::test]
async fn a_router_that_cant_be_asked_leaves_the_rest_of_the_page() {
    let portal = Portal::new(|method, path| {
        if path.ends_with("/preview") || path.ends_with("/diff") {
            let error = json!({ "code": "EdgeUnavailable", "message": "er1: no edge serves it" });
            return Some((503, json!({ "error": error })));
        }
        host(method, path)
    })
    .await;
    let cookie = portal.signed_in(Role::Operator, &[]).await;
    for path in ["/operate/queue/connections/1/preview", "/operate/routers/er1/diff"] {
        let page = portal.get(path, &cookie).await;
        assert!(page.status == 200 && page.text.contains("no edge serves it"), "{path}");
    }
}

#[tokio::test]
async fn an_invitation_is_shown_once_mailed_and_written_down() {
    let portal = Portal::new(host).await;
    let cookie = portal.signed_in(Role::Operator, &[]).await;
    let csrf = portal.get("/operate/people/invite", &cookie).await.csrf();
    let wrong = format!("_csrf={csrf}&name=Bo&email=bo&role=peer&subscriptions=");
    let wrong = portal.post("/operate/people/invite", &cookie, &wrong).await;
    assert!(wrong.text.contains("email-error") && wrong.text.contains("subscriptions-error"));
    assert!(wrong.text.contains("value=\"Bo\""), "what was typed is kept");
    let form = format!("_csrf={csrf}&name=Bo&email=bo%40tel.example&role=peer&subscriptions=Sub-A+Sub-B");
    let shown = portal.post("/operate/people/invite", &cookie, &form).await;
    let (_, rest) = shown.text.split_once("/invitation/").expect("the link");
    let token: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    assert!(portal.get(&format!("/invitation/{token}"), "").await.text.contains("bo@tel.example"));
    let again = portal.post("/operate/people/invite", &cookie, &form).await;
    assert!(again.text.contains("invited already"));
    let mut db = portal.store.read().await.unwrap();
    let bo = person_by_email(&mut db, "bo@tel.example").await.unwrap().unwrap();
    assert_eq!(
        (bo.role, bo.subscriptions.as_slice()),
        (Role::Peer, ["Sub-A".to_owned(), "Sub-B".into()].as_slice())
    );
    let mails = mails_list(&mut db, meetme_store::Scope::All, IdPage::first(9)).await.unwrap();
    assert_eq!(mails.len(), 1);
    assert_eq!((mails[0].mail.milestone.as_str(), mails[0].mail.recipients.len()), ("Invitation", 1));
    assert!(mails[0].mail.text.contains(&token) && !mails[0].mail.html.contains("<img"));
    let audit = meetme_store::audit_list(&mut db, meetme_store::Scope::All, IdPage::first(9)).await.unwrap();
    assert_eq!(
        (audit[0].action.as_str(), audit[0].principal.as_str()),
        ("people/invite", "operator@tel.example")
    );
    assert!(!audit[0].detail.to_string().contains(&token), "no link in the audit trail");
    drop(db);
    let page = portal.get(&format!("/operate/people/{}", bo.id), &cookie).await;
    assert!(!page.text.contains(&token) && page.text.contains("Sub-A, Sub-B"));
}

#[tokio::test]
async fn people_are_disabled_and_enabled_and_no_operator_does_it_to_themselves() {
    let portal = Portal::new(host).await;
    let operator = portal.signed_in(Role::Operator, &[]).await;
    let peer = portal.signed_in(Role::Peer, &["Sub-A"]).await;
    let csrf = portal.get("/account", &operator).await.csrf();
    let people = people_list(&mut portal.store.read().await.unwrap(), IdPage::first(9)).await.unwrap();
    let id = |role| people.iter().find(|p| p.role == role).unwrap().id;
    let post = async |who: i64, verb: &str| {
        portal.post(&format!("/operate/people/{who}/{verb}"), &operator, &format!("_csrf={csrf}")).await
    };
    for verb in ["disable", "end-sessions", "invite", "enable"] {
        assert_eq!(post(id(Role::Operator), verb).await.status, 403, "{verb} oneself");
    }
    assert_eq!(post(99, "disable").await.status, 404);
    assert_eq!(portal.get("/account", &peer).await.status, 200);
    assert_eq!(post(id(Role::Peer), "end-sessions").await.status, 303);
    assert_eq!(portal.get("/account", &peer).await.status, 303, "signed out");
    let sign_in = "email=peer@tel.example&password=correct+horse+battery";
    let peer = portal.post("/sign-in", "", sign_in).await.cookie();
    let again = post(id(Role::Peer), "invite").await;
    let (_, rest) = again.text.split_once("/invitation/").unwrap();
    let token: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    assert_eq!(post(id(Role::Peer), "disable").await.status, 303);
    assert_eq!(portal.get("/account", &peer).await.status, 303);
    assert_eq!(portal.get(&format!("/invitation/{token}"), "").await.status, 410, "no way back in");
    assert!(portal.post("/sign-in", "", sign_in).await.text.contains("is wrong"));
    assert_eq!(post(id(Role::Peer), "enable").await.status, 303);
    assert_eq!(portal.post("/sign-in", "", sign_in).await.status, 303);
}

#[tokio::test]
async fn a_session_that_tries_in_vain_is_no_good_news_to_operators_either() {
    let portal = Portal::new(host).await;
    let cookie = portal.signed_in(Role::Operator, &[]).await;
    let page = portal.get("/operate/routers/er1", &cookie).await.text;
    for badge in ["badge bad\">Active (trying)<", "badge bad\">Down<"] {
        assert!(page.contains(badge), "{badge}: {page}");
    }
}
