//! Peer ASNs: the list, associating one, its page, and its contacts.

use super::fixture::*;
use axum::http::Method;
use meetme_store::Role;
use serde_json::{Value, json};

const CLAIMS: &str = "/subscriptions/Sub-A/providers/Microsoft.Peering/peerAsns";

pub(super) fn claim(state: &str) -> Value {
    json!({
        "id": format!("{CLAIMS}/tel"),
        "name": "tel",
        "properties": {
            "peerAsn": 64510,
            "peerName": HOSTILE,
            "validationState": state,
            "errorMessage": "the NOC knows nothing of it",
            "peerContactDetail": [{ "role": "Noc", "email": HOSTILE, "phone": "+31 20 555 0100" }],
        },
        "systemData": { "createdAt": "2026-01-05T10:00:00Z", "lastModifiedAt": "2026-01-05T10:00:00Z" },
    })
}

fn error(code: &str, details: Value) -> Value {
    json!({ "error": { "code": code, "message": "several rules are broken", "details": details } })
}

/// An API with one claim, which refuses new ones with `refusal`.
async fn portal(state: &'static str, refusal: Option<(u16, Value)>) -> Portal {
    Portal::new(move |method, path| {
        let path = path.split('?').next().unwrap();
        match (method.as_str(), path.strip_prefix(CLAIMS)) {
            ("GET", Some("")) => Some((200, json!({ "value": [claim(state)] }))),
            ("GET", Some(_)) => Some((200, claim(state))),
            ("PUT", Some(_)) => Some(refusal.clone().unwrap_or_else(|| (201, claim("Pending")))),
            ("DELETE", Some(_)) => Some((200, Value::Null)),
            ("GET", None) => Some((200, json!({ "value": [] }))),
            _ => None,
        }
    })
    .await
}

fn form(csrf: &str, more: &str) -> String {
    format!(
        "_csrf={csrf}&subscription=Sub-A&name=tel&asn=AS64510&peer-name=Tel&contact-0-role=Noc\
         &contact-0-email=noc%40tel.example&contact-0-phone=%2B31+20&contact-4-role=Other\
         &contact-4-email=%22%3E%3Cimg+src%3Dx%3E&contact-4-phone=1&{more}"
    )
}

fn written(portal: &Portal) -> Vec<Asked> {
    portal.asked().into_iter().filter(|asked| asked.method != Method::GET).collect()
}

#[tokio::test]
async fn an_asn_is_listed_and_shown_with_what_is_missing_and_nothing_of_it_is_markup() {
    for (state, told) in [("Pending", "Missing: the decision"), ("Failed", "The NOC knows nothing of it.")] {
        let portal = portal(state, None).await;
        let cookie = portal.signed_in(Role::Peer, &["Sub-A"]).await;
        for path in ["/peer-asns", "/peer-asns/Sub-A/tel", "/peer-asns/Sub-A/tel/edit"] {
            let page = portal.get(path, &cookie).await;
            assert_eq!(page.status, 200, "{path}");
            assert!(page.text.contains("AS64510"), "{path}");
            assert!(!page.text.contains("<img"), "{path}");
        }
        assert!(portal.get("/peer-asns/Sub-A/tel", &cookie).await.text.contains(told));
        assert_eq!(portal.get("/peer-asns/Sub-B/tel", &cookie).await.status, 404, "another's");
    }
}

#[tokio::test]
async fn a_claim_is_sent_as_typed_and_leads_to_its_page() {
    let portal = portal("Pending", None).await;
    let cookie = portal.signed_in(Role::Peer, &["Sub-A"]).await;
    let csrf = portal.get("/peer-asns/create", &cookie).await.csrf();
    let reply = portal.post("/peer-asns/create", &cookie, &form(&csrf, "do=save")).await;
    assert_eq!(reply.location(), "/peer-asns/Sub-A/tel", "{}", reply.text);
    let sent = written(&portal).remove(0);
    assert_eq!(sent.body["properties"]["peerAsn"], 64510);
    assert_eq!(sent.body["properties"]["peerContactDetail"][0]["email"], "noc@tel.example");
    assert_eq!(sent.body["properties"]["peerContactDetail"][1]["role"], "Other");
}

#[tokio::test]
async fn every_refusal_stands_beside_its_field_and_nothing_typed_is_lost() {
    let details = json!([
        { "code": "A", "message": "AS64510 is reserved", "target": "properties.peerAsn" },
        { "code": "B", "message": "contact 2 needs an address", "target": "properties.peerContactDetail[1].email" },
        { "code": "C", "message": "something else", "target": "elsewhere" },
    ]);
    let portal = portal("Pending", Some((400, error("InvalidRequest", details)))).await;
    let cookie = portal.signed_in(Role::Peer, &["Sub-A"]).await;
    let csrf = portal.get("/peer-asns/create", &cookie).await.csrf();
    let page = portal.post("/peer-asns/create", &cookie, &form(&csrf, "do=save")).await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains(r#"id="asn-error">AS64510 is reserved."#));
    assert!(
        page.text.contains(r#"id="contact-4-email-error">Contact 2 needs an address."#),
        "the row's own name"
    );
    assert!(page.text.contains("Something else."));
    assert!(page.text.contains("noc@tel.example") && !page.text.contains("<img"));
}

#[tokio::test]
async fn a_form_sent_twice_makes_one_and_a_name_that_is_taken_is_told() {
    let portal =
        portal("Pending", Some((412, json!({ "error": { "code": "PreconditionFailed", "message": "x" } }))))
            .await;
    let cookie = portal.signed_in(Role::Peer, &["Sub-A"]).await;
    let csrf = portal.get("/peer-asns/create", &cookie).await.csrf();
    let other = portal.post("/peer-asns/create", &cookie, &form(&csrf, "do=save")).await;
    assert!(other.text.contains("has an ASN of this name already"));
    let same = format!(
        "_csrf={csrf}&do=save&subscription=Sub-A&name=tel&asn=64510&peer-name={name}&contact-0-role=Noc\
         &contact-0-email={name}&contact-0-phone=%2B31+20+555+0100",
        name = crate::query::encode(HOSTILE)
    );
    assert_eq!(portal.post("/peer-asns/create", &cookie, &same).await.location(), "/peer-asns/Sub-A/tel");
}

#[tokio::test]
async fn rows_of_contacts_come_and_go_without_anything_being_sent() {
    let portal = portal("Pending", None).await;
    let cookie = portal.signed_in(Role::Peer, &["Sub-A"]).await;
    let csrf = portal.get("/peer-asns/create", &cookie).await.csrf();
    let more = portal.post("/peer-asns/create", &cookie, &form(&csrf, "do=add-contact")).await;
    assert!(more.text.contains("contact-5-email") && more.text.contains("noc@tel.example"));
    let fewer = portal.post("/peer-asns/create", &cookie, &form(&csrf, "do=remove-contact-0")).await;
    assert!(!fewer.text.contains("contact-0-email") && fewer.text.contains("contact-4-email"));
    assert!(written(&portal).is_empty());
}

#[tokio::test]
async fn deleting_asks_for_a_tick_and_a_reader_changes_nothing() {
    let portal = portal("Approved", None).await;
    let cookie = portal.signed_in(Role::Peer, &["Sub-A"]).await;
    let csrf = portal.get("/account", &cookie).await.csrf();
    let path = "/peer-asns/Sub-A/tel/delete";
    assert_eq!(portal.post(path, &cookie, &format!("_csrf={csrf}")).await.status, 200);
    assert!(written(&portal).is_empty());
    assert_eq!(portal.post(path, &cookie, "confirm=yes").await.status, 403, "without the session's token");
    let gone = portal.post(path, &cookie, &format!("_csrf={csrf}&confirm=yes")).await;
    assert_eq!((gone.location(), written(&portal).len()), ("/peer-asns", 1));
    let reader = portal.signed_in(Role::Reader, &["Sub-A"]).await;
    assert_eq!(portal.get("/peer-asns/create", &reader).await.status, 403);
    let page = portal.get("/peer-asns/Sub-A/tel", &reader).await;
    assert!(page.text.contains("Your account may look only.") && !page.text.contains("/delete"));
}
