//! What a decision is about, what it needs, and what is told to one that comes too late.

use super::fixture::*;
use axum::body::Body;
use axum::http::Method;
use meetme_model::connection::{Connection, ConnectionState, Stage};
use meetme_model::peer_asn::{AsnState, PeerAsn};
use meetme_store::*;
use serde_json::{Value, json};

const CLAIM: &str = "/api/v1/subscriptions/Sub-A/peerAsns/tel";
const PEERING: &str = "/api/v1/subscriptions/Sub-A/resourceGroups/telco/peerings/ams/approve";

fn reason(text: &str) -> Value {
    json!({ "reason": text })
}

async fn operator(api: &Api, path: &str) -> Value {
    api.ask(&api.operator, Method::GET, path, Body::empty()).await.body
}

async fn claim(api: &Api, subscription: &str, name: &str) -> PeerAsn {
    let mut db = api.store.read().await.unwrap();
    peer_asn_get(&mut db, subscription, name).await.unwrap().unwrap()
}

async fn connection(api: &Api, id: i64) -> Connection {
    let mut db = api.store.read().await.unwrap();
    connection_by_id(&mut db, id).await.unwrap().unwrap()
}

/// The provider's Voice peering, waiting: the numbers of its connections.
async fn waiting(api: &Api) -> Vec<i64> {
    api.provider().await;
    let state = ConnectionState::Onboarding(Stage::PendingApproval);
    api.all_connections("ams", state).await.iter().map(|c| c.id).collect()
}

/// Puts a claim of another subscription.
async fn other(api: &Api, number: i64, name: &str) {
    let mut body = asn_body(number);
    body["properties"]["peerName"] = name.into();
    let path = asn("copy").replace(SUB, "Sub-B");
    let reply = api.ask(&api.other, Method::PUT, &path, Body::from(body.to_string())).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
}

#[tokio::test]
async fn a_claim_is_decided_as_it_was_seen_or_not_at_all() {
    let api = Api::new().await;
    api.put(&asn("tel"), asn_body(64510)).await;
    let approve = format!("{CLAIM}/approve");
    let seen = api.seen(&approve).await;
    assert_eq!(
        seen,
        format!("\"{}\"", operator(&api, &format!("{CLAIM}/checks")).await["revision"].as_str().unwrap())
    );
    let body = Body::from(reason("fine").to_string());
    let blind = api.ask(&api.operator, Method::POST, &approve, body).await;
    assert_eq!((blind.status.as_u16(), blind.code()), (428, "PreconditionRequired"));
    let blind = api.decide_seen(&approve, "*", reason("fine")).await;
    assert_eq!(blind.status, 428, "what nobody has seen");
    let mut body = asn_body(64510);
    body["properties"]["peerName"] = "Tel, Other".into();
    body["properties"]["peerContactDetail"][0]["phone"] = "+31 20 555 0199".into();
    assert_eq!(api.put(&asn("tel"), body).await.status, 200);
    for verb in ["approve", "refuse"] {
        let changed = api.decide_seen(&format!("{CLAIM}/{verb}"), &seen, reason("fine")).await;
        assert_eq!((changed.status.as_u16(), changed.code()), (412, "PreconditionFailed"));
        assert_eq!(changed.body["error"]["target"], "If-Match");
        let told = changed.message();
        for words in ["name was Tel Example, is Tel, Other;", "contacts are others;", "nothing was decided"] {
            assert!(told.contains(words), "{words} in {told}");
        }
    }
    assert!(claim(&api, SUB, "tel").await.decision.is_none());
    let seen = api.seen(&approve).await;
    assert_eq!(api.decide_seen(&approve, &seen, reason("fine")).await.status, 200);
}

#[tokio::test]
async fn a_claim_made_anew_under_the_same_name_is_told_as_another_one() {
    let api = Api::new().await;
    api.put(&asn("tel"), asn_body(64509)).await;
    let approve = format!("{CLAIM}/approve");
    let seen = api.seen(&approve).await;
    assert_eq!(api.delete(&asn("tel")).await.status, 200);
    let gone = api.decide_seen(&approve, &seen, reason("the NOC of AS64509 confirmed it")).await;
    assert_eq!(gone.status, 404);
    api.put(&asn("tel"), asn_body(64510)).await;
    let switched = api.decide_seen(&approve, &seen, reason("the NOC of AS64509 confirmed it")).await;
    assert_eq!(switched.status, 412);
    let told = switched.message();
    assert!(
        told.contains("another request in its place") && told.contains("ASN was 64509, is 64510"),
        "{told}"
    );
    assert!(claim(&api, SUB, "tel").await.decision.is_none());
}

#[tokio::test]
async fn a_connection_is_approved_with_the_bandwidth_that_was_seen() {
    let api = Api::new().await;
    let ids = waiting(&api).await;
    let approve = format!("/api/v1/connections/{}/approve", ids[0]);
    let (seen, seen_whole) = (api.seen(&approve).await, api.seen(PEERING).await);
    let mut body = api.get(&peering("ams")).await.body;
    for c in body["properties"]["direct"]["connections"].as_array_mut().unwrap() {
        c["bandwidthInMbps"] = 40_000.into();
    }
    assert_eq!(api.put(&peering("ams"), body).await.status, 200);
    let changed = api.decide_seen(&approve, &seen, reason("fine")).await;
    assert_eq!((changed.status.as_u16(), changed.code()), (412, "PreconditionFailed"));
    let told = changed.message();
    assert!(told.contains("it isn't as you saw it: bandwidth in Mbps was 20000, is 40000;"), "{told}");
    let changed = api.decide_seen(PEERING, &seen_whole, reason("fine")).await;
    assert_eq!(changed.status, 412);
    assert!(changed.message().contains("peer-Sub-A changed it"), "{}", changed.message());
    assert!(connection(&api, ids[0]).await.decision.is_none());
    let blind = Body::from(reason("fine").to_string());
    assert_eq!(api.ask(&api.operator, Method::POST, PEERING, blind).await.status, 428);
    assert_eq!(api.decide(&approve, reason("fine")).await.status, 200);
    assert_eq!(api.decide(PEERING, reason("fine")).await.body["connections"], json!([ids[1]]));
}

#[tokio::test]
async fn an_approval_that_isn_t_executed_yet_is_of_nothing_that_is_asked_later() {
    let api = Api::new().await;
    let ids = waiting(&api).await;
    assert_eq!(api.decide(PEERING, reason("fine")).await.status, 200);
    let same = api.get(&peering("ams")).await.body;
    assert_eq!(api.put(&peering("ams"), same.clone()).await.status, 200);
    assert!(connection(&api, ids[0]).await.decision.is_some(), "the same is asked");
    let mut body = same;
    for c in body["properties"]["direct"]["connections"].as_array_mut().unwrap() {
        c["bandwidthInMbps"] = 40_000.into();
    }
    assert_eq!(api.put(&peering("ams"), body).await.status, 200);
    assert!(connection(&api, ids[0]).await.decision.is_none());
    let queue = operator(&api, "/api/v1/queue").await;
    assert_eq!(queue["count"], 2, "they wait again");
}

#[tokio::test]
async fn every_decision_needs_a_reason() {
    let api = Api::new().await;
    let ids = waiting(&api).await;
    let connection = format!("/api/v1/connections/{}", ids[0]);
    let paths = [
        format!("{CLAIM}/approve"),
        format!("{CLAIM}/refuse"),
        format!("{connection}/approve"),
        format!("{connection}/refuse"),
        PEERING.to_owned(),
    ];
    for path in paths {
        for body in [json!({}), reason(""), reason(" \t ")] {
            let silent = api.decide(&path, body).await;
            assert_eq!(
                (silent.status.as_u16(), silent.violations()),
                (400, vec!["ReasonRequired reason".into()]),
                "{path}"
            );
        }
        let seen = api.seen(&path).await;
        let empty =
            api.ask_with(&api.operator, &[("if-match", &seen)], Method::POST, &path, Body::empty()).await;
        assert_eq!(empty.violations(), ["ReasonRequired reason"], "{path}");
    }
}

#[tokio::test]
async fn an_asn_that_somebody_else_holds_is_approved_only_on_purpose() {
    let api = Api::new().await;
    // Both ask while none is approved.
    other(&api, 64510, "Copy").await;
    let checks = "/api/v1/subscriptions/Sub-B/peerAsns/copy/checks";
    let asn_free = async || {
        let found = operator(&api, checks).await["checks"].clone();
        found.as_array().unwrap().iter().find(|c| c["name"] == "AsnFree").unwrap().clone()
    };
    assert_eq!(asn_free().await["ok"], true);
    api.provider().await;
    let check = asn_free().await;
    assert_eq!(check["ok"], false);
    assert!(check["message"].as_str().unwrap().contains("subscription Sub-A"), "{check}");
    let queue = operator(&api, "/api/v1/queue?kind=peerAsn").await;
    assert!(queue["value"][0]["checks"].as_array().unwrap().iter().any(|c| c["ok"] == false));
    let approve = "/api/v1/subscriptions/Sub-B/peerAsns/copy/approve";
    for body in [reason("they said so"), json!({ "reason": "x", "allowDuplicateName": true })] {
        let refused = api.decide(approve, body).await;
        assert_eq!(
            (refused.status.as_u16(), refused.violations()),
            (409, vec!["PeerAsnTaken allowDuplicateAsn".into()])
        );
    }
    assert!(claim(&api, "Sub-B", "copy").await.decision.is_none());
    let on_purpose = json!({ "reason": "its second subscription", "allowDuplicateAsn": true });
    let reply = api.decide(approve, on_purpose).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let audit = operator(&api, "/api/v1/audit?subscription=Sub-B").await;
    assert_eq!(audit["value"][0]["detail"]["allowDuplicateAsn"], true);
    // A refusal needs no such word, and the holder's own claim isn't in its own way.
    assert_eq!(claim(&api, SUB, "tel").await.state, AsnState::Approved);
}

#[tokio::test]
async fn a_name_and_an_asn_that_are_both_taken_are_told_at_once() {
    let api = Api::new().await;
    other(&api, 64510, "Copy").await;
    api.provider().await;
    let mut body = asn_body(64509);
    body["properties"]["peerName"] = "copy".into();
    assert_eq!(api.put(&asn("third"), body).await.status, 201);
    let mut tx = api.store.begin().await.unwrap();
    let mut third = peer_asn_get(&mut tx, SUB, "third").await.unwrap().unwrap();
    third.state = AsnState::Approved;
    peer_asn_update(&mut tx, &third).await.unwrap();
    tx.commit().await.unwrap();
    let approve = "/api/v1/subscriptions/Sub-B/peerAsns/copy/approve";
    let both = api.decide(approve, reason("fine")).await;
    assert_eq!(both.status, 409);
    assert_eq!(both.violations(), ["PeerAsnTaken allowDuplicateAsn", "PeerNameTaken allowDuplicateName"]);
}

#[tokio::test]
async fn a_subscription_has_an_asn_once() {
    let api = Api::new().await;
    assert_eq!(api.put(&asn("tel"), asn_body(64510)).await.status, 201);
    let twice = api.put(&asn("again"), asn_body(64510)).await;
    assert_eq!(
        (twice.status.as_u16(), twice.violations()),
        (409, vec!["PeerAsnExists properties.peerAsn".into()])
    );
    assert!(twice.message().contains("'tel'"), "{}", twice.message());
    assert_eq!(api.put(&asn("TEL"), asn_body(64510)).await.status, 200, "the same claim");
    assert_eq!(api.delete(&asn("tel")).await.status, 200);
    assert_eq!(api.put(&asn("again"), asn_body(64510)).await.status, 201);
}

#[tokio::test]
async fn what_is_decided_keeps_the_checks_that_it_was_decided_on() {
    let api = Api::new().await;
    let ids = waiting(&api).await;
    let path = format!("/api/v1/connections/{}", ids[0]);
    let before = operator(&api, &path).await;
    assert_eq!((&before["approvable"], &before["refusable"]), (&json!(true), &json!(true)));
    api.decide(&format!("{path}/approve"), reason("ports are free")).await;
    // It has its ports, and nobody else finds any.
    let mut tx = api.store.begin().await.unwrap();
    let all: Vec<String> = (1..=12).map(|n| format!("et{n}")).collect();
    for router in ["ams1-er1", "ams1-er2"] {
        port_assign(&mut tx, ids[0], router, &all).await.unwrap();
    }
    tx.commit().await.unwrap();
    api.all_connections("ams", ConnectionState::Onboarding(Stage::ProvisioningStarted)).await;
    let after = operator(&api, &path).await;
    assert_eq!(after["checks"], before["checks"]);
    assert!(after["checks"].as_array().unwrap().iter().all(|c| c["ok"] == true), "{after}");
    assert_eq!((&after["approvable"], &after["refusable"]), (&json!(false), &json!(false)));
    assert_eq!(
        (&after["decision"]["approved"], &after["decision"]["by"], &after["decision"]["reason"]),
        (&json!(true), &json!("operator-all"), &json!("ports are free"))
    );
    assert!(after["decision"].get("checks").is_none());
    let undecided = operator(&api, &format!("/api/v1/connections/{}", ids[1])).await;
    assert!(undecided["checks"].as_array().unwrap().iter().any(|c| c["ok"] == false), "of now");
    // A new letter is no new look for ports.
    api.all_connections("ams", ConnectionState::ExternalBlocker(Stage::ProvisioningStarted)).await;
    assert_eq!(api.decide(&format!("{path}/approve"), reason("a new letter")).await.status, 200);
    assert_eq!(operator(&api, &path).await["checks"], before["checks"]);
    // The peer reads the decision, not what operators were told.
    let shown = api.get(&format!("{}/connections", PEERING.trim_end_matches("/approve"))).await.body;
    assert_eq!(shown["value"][0]["decision"]["reason"], "a new letter");
    assert!(shown["value"][0]["decision"].get("checks").is_none());
}

#[tokio::test]
async fn a_claim_that_is_decided_isn_t_held_against_who_came_later() {
    let api = Api::new().await;
    api.put(&asn("tel"), asn_body(64510)).await;
    api.decide(&format!("{CLAIM}/approve"), reason("proved")).await;
    other(&api, 64510, "Copy").await;
    let on_purpose = json!({ "reason": "its second subscription", "allowDuplicateAsn": true });
    api.decide("/api/v1/subscriptions/Sub-B/peerAsns/copy/approve", on_purpose).await;
    let first = operator(&api, &format!("{CLAIM}/checks")).await;
    assert!(first["checks"].as_array().unwrap().iter().all(|c| c["ok"] == true), "{first}");
    let second = operator(&api, "/api/v1/subscriptions/Sub-B/peerAsns/copy/checks").await;
    assert!(second["checks"].as_array().unwrap().iter().any(|c| c["name"] == "AsnFree" && c["ok"] == false));
}

#[tokio::test]
async fn a_decision_that_came_too_late_is_told_whose_came_first_and_changes_nothing() {
    let api = Api::new().await;
    let ids = waiting(&api).await;
    other(&api, 64509, "Copy").await;
    let claim_path = "/api/v1/subscriptions/Sub-B/peerAsns/copy";
    let connection_path = format!("/api/v1/connections/{}", ids[0]);
    for path in [claim_path, connection_path.as_str()] {
        let (approve, refuse) = (format!("{path}/approve"), format!("{path}/refuse"));
        let seen = api.seen(&approve).await;
        assert_eq!(api.decide_seen(&approve, &seen, reason("proved")).await.status, 200);
        assert_eq!(api.decide_seen(&approve, &seen, reason("proved")).await.status, 200, "sent twice");
        let same = api.decide_seen(&approve, &seen, reason("fine, too")).await;
        assert_eq!((same.status.as_u16(), same.code()), (409, "DecisionNotAwaited"));
        assert!(same.message().contains("was approved by operator-all at 20"), "{}", same.message());
        assert!(same.message().contains(": proved\""), "{}", same.message());
        let no = api.decide_seen(&refuse, &seen, reason("no cage")).await;
        assert_eq!(no.status, 412, "{}", no.body);
        assert!(no.message().contains("is approved by operator-all at 20"), "{}", no.message());
    }
    let (first, second) = (claim(&api, "Sub-B", "copy").await, connection(&api, ids[0]).await);
    for decision in [first.decision.unwrap(), second.decision.unwrap()] {
        assert_eq!((decision.approved, decision.reason.as_str()), (true, "proved"));
    }
    // Once it is executed nothing takes it back so.
    api.all_connections("ams", ConnectionState::Active).await;
    let late = api.decide(&format!("{connection_path}/refuse"), reason("no cage")).await;
    assert_eq!((late.status.as_u16(), late.code()), (409, "DecisionNotAwaited"));
    assert!(late.message().contains("was approved by operator-all"), "{}", late.message());
    let none = api.decide(PEERING, reason("fine")).await;
    assert_eq!((none.status.as_u16(), none.code()), (409, "DecisionNotAwaited"));
}
