//! Pages of what is decided: what they offer, and what they tell when something came before.

use super::fixture::*;
use super::operate::host;
use axum::http::Method;
use meetme_store::Role;
use serde_json::{Value, json};

const CONNECTION: &str = "/operate/queue/connections/1";
const CLAIM: &str = "/operate/queue/asns/Sub-A/tel";

/// What the usual host answers, with other properties of what waits.
fn changed(method: &Method, path: &str, changes: &Value) -> Option<(u16, Value)> {
    let (status, mut body) = host(method, path)?;
    if let Some(waiting) = body.as_object_mut().filter(|all| all.contains_key("revision")) {
        if path.ends_with("/checks") {
            waiting.remove("connection");
            let own = [("kind", "peerAsn"), ("subscription", "Sub-A"), ("name", "tel")];
            waiting.extend(own.map(|(name, value)| (name.to_owned(), value.into())));
        }
        waiting.extend(changes.as_object().unwrap().clone());
    }
    Some((status, body))
}

/// A portal whose operator looks at such things.
async fn with(changes: Value) -> (Portal, String) {
    let portal = Portal::new(move |method, path| changed(method, path, &changes)).await;
    let cookie = portal.signed_in(Role::Operator, &[]).await;
    (portal, cookie)
}

fn decision(approved: bool) -> Value {
    json!({ "approved": approved, "by": "bo@example.net", "reason": "no cage there", "at": "2026-01-05T10:00:00Z" })
}

/// The verbs that a page offers.
fn offers(page: &Reply) -> Vec<&'static str> {
    let is_offered = |verb: &&str| page.text.contains(&format!("name=\"do\" value=\"{verb}\""));
    ["approve", "refuse"].into_iter().filter(is_offered).collect()
}

#[tokio::test]
async fn what_waits_offers_both_and_what_is_decided_neither_but_says_who_when_and_why() {
    let (portal, cookie) = with(json!({})).await;
    for path in [CONNECTION, CLAIM] {
        assert_eq!(offers(&portal.get(path, &cookie).await), ["approve", "refuse"], "{path}");
    }
    for (approved, word) in [(true, "Approved"), (false, "Refused")] {
        let changes =
            json!({ "decision": decision(approved), "approvable": !approved, "refusable": approved });
        let (portal, cookie) = with(changes).await;
        for path in [CONNECTION, CLAIM] {
            let page = portal.get(path, &cookie).await;
            assert_eq!(offers(&page), Vec::<&str>::new(), "{path}");
            for words in
                [word, "bo@example.net", "2026-01-05T10:00:00Z", "no cage there", "when it was decided"]
            {
                assert!(page.text.contains(words), "{words} on {path}");
            }
            assert!(!page.text.contains("name=\"reason\""), "{path}");
        }
    }
}

#[tokio::test]
async fn a_letter_that_has_ended_is_issued_anew() {
    let (portal, cookie) = with(json!({ "decision": decision(true), "refusable": false })).await;
    let page = portal.get(CONNECTION, &cookie).await;
    assert_eq!(offers(&page), ["approve"]);
    assert!(page.text.contains(">Issue a new letter</button>") && !page.text.contains(">Approve</button>"));
}

#[tokio::test]
async fn an_asn_that_somebody_else_has_is_no_pass_and_is_allowed_by_a_box_of_its_own() {
    let fails = json!([{ "name": "AsnFree", "ok": false, "message": "AS64510 is approved for subscription Sub-B already" }]);
    let (portal, cookie) = with(json!({ "checks": fails })).await;
    let page = portal.get(CLAIM, &cookie).await;
    assert!(page.text.contains("id=\"allow-asn\"") && !page.text.contains("id=\"allow-name\""));
    assert!(page.text.contains("Sub-B already"));
    let (portal, cookie) = with(json!({})).await;
    assert!(!portal.get(CLAIM, &cookie).await.text.contains("id=\"allow-asn\""));
}

#[tokio::test]
async fn an_open_page_says_that_something_else_is_asked_by_now() {
    let (portal, cookie) = with(json!({})).await;
    for path in [CONNECTION, CLAIM] {
        let fresh = portal.get(path, &cookie).await;
        assert!(fresh.text.contains(&format!("hx-get=\"{path}?seen=1.0~seen%3Dx\"")), "{}", fresh.text);
        assert!(!fresh.text.contains("Look at it anew"));
        let same = portal.get(&format!("{path}?seen=1.0~seen%3Dx"), &cookie).await;
        assert!(!same.text.contains("Look at it anew"));
        let other = portal.get(&format!("{path}?seen=1.0~seen%3D%3Cy"), &cookie).await;
        assert!(other.text.contains("Look at it anew"));
        assert!(
            other.text.contains(&format!("hx-get=\"{path}?seen=1.0~seen%3D%3Cy\"")),
            "until it is loaded anew"
        );
    }
}

#[tokio::test]
async fn a_decision_about_something_else_is_told_with_what_changed_and_decides_nothing_further() {
    let portal = Portal::new(|method, path| {
        if *method == Method::POST {
            let message =
                "it isn't as you saw it: bandwidth in Mbps was 10000, is 40000; nothing was decided";
            let error = json!({ "code": "PreconditionFailed", "target": "If-Match", "message": message });
            return Some((412, json!({ "error": error })));
        }
        let taken = json!([{ "name": "PeerNameFree", "ok": false, "message": "taken" }]);
        changed(method, path, &json!({ "checks": taken }))
    })
    .await;
    let cookie = portal.signed_in(Role::Operator, &[]).await;
    for path in [CONNECTION, CLAIM] {
        let csrf = portal.get(path, &cookie).await.csrf();
        let form = format!("_csrf={csrf}&seen=old&reason=fine&allow-name=yes&do=approve");
        let back = portal.post(path, &cookie, &form).await;
        assert_eq!(back.status, 200);
        assert!(back.text.contains("bandwidth in Mbps was 10000, is 40000"), "{}", back.text);
        assert!(back.text.contains("value=\"fine\"") && back.text.contains("value=\"1.0~seen=x\""));
        let (_, box_of_name) = back.text.split_once("id=\"allow-name\"").unwrap();
        let (box_of_name, _) = box_of_name.split_once('>').unwrap();
        assert!(!box_of_name.contains("checked"), "it was allowed of something else");
    }
}

#[tokio::test]
async fn a_decision_that_came_too_late_is_told_where_there_is_no_form_any_more() {
    let portal = Portal::new(|method, path| {
        if *method == Method::POST {
            let error =
                json!({ "code": "DecisionNotAwaited", "message": "connection 1 was approved by bo: fine" });
            return Some((409, json!({ "error": error })));
        }
        changed(method, path, &json!({ "decision": decision(true), "approvable": false, "refusable": false }))
    })
    .await;
    let cookie = portal.signed_in(Role::Operator, &[]).await;
    for path in [CONNECTION, CLAIM] {
        let csrf = portal.get("/account", &cookie).await.csrf();
        let back = portal.post(path, &cookie, &format!("_csrf={csrf}&seen=old&reason=no&do=refuse")).await;
        assert_eq!((back.status.as_u16(), offers(&back)), (200, vec![]));
        assert!(back.text.contains("onnection 1 was approved by bo: fine."), "{}", back.text);
        assert!(back.text.contains("bo@example.net"));
    }
}

#[tokio::test]
async fn every_refusal_of_one_decision_is_told() {
    let portal = Portal::new(|method, path| {
        if *method == Method::POST {
            let details = json!([
                { "code": "PeerAsnTaken", "target": "allowDuplicateAsn", "message": "the ASN is taken" },
                { "code": "PeerNameTaken", "target": "allowDuplicateName", "message": "the name is taken" },
            ]);
            return Some((
                409,
                json!({ "error": { "code": "InvalidRequest", "message": "2 rules", "details": details } }),
            ));
        }
        host(method, path)
    })
    .await;
    let cookie = portal.signed_in(Role::Operator, &[]).await;
    let csrf = portal.get(CLAIM, &cookie).await.csrf();
    let back = portal.post(CLAIM, &cookie, &format!("_csrf={csrf}&seen=x&reason=fine&do=approve")).await;
    assert!(back.text.contains("The ASN is taken.") && back.text.contains("The name is taken."));
}
