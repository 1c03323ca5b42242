//! Forms of what somebody else changed meanwhile: nothing is overwritten unseen, and nothing typed is lost.

use super::fixture::*;
use super::{peer_asns, peering_services, peerings};
use axum::http::Method;
use meetme_store::Role;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const PEERING: &str = "/peerings/Sub-A/voice/ams";
const SERVICE: &str = "/peering-services/Sub-A/voice/nl";
const CLAIM: &str = "/peer-asns/Sub-A/tel/edit";

/// A page with a form, where the form is sent, what is typed, and what shows that it is kept.
const FORMS: [(&str, &str, &str, &str); 8] = [
    (
        CLAIM,
        CLAIM,
        "peer-name=Tel&contact-0-role=Noc&contact-0-email=new%40tel.example&contact-0-phone=1&do=save",
        "value=\"new@tel.example\"",
    ),
    ("/tags", "/tags", "tag=mine&value=typed", "value=\"typed\""),
    (
        "/connections/add",
        "/connections/add",
        "identifier=id-9&facility=64&bandwidth=70000",
        "value=\"70000\" selected",
    ),
    ("/connections/id-1", "/connections/id-1", "bandwidth=20000&max_v4=777&md5=s3cret", "value=\"777\""),
    ("/connections/id-1", "/connections/id-1", "bandwidth=20000&md5=s3cret", "Type the key again"),
    ("/connections/id-2/remove", "/connections/id-2/remove", "", "Remove connection"),
    ("/tags?service", "/tags?service", "tag-0-name=mine&tag-0-value=typed&do=save", "value=\"typed\""),
    (
        "/locations?primary=Frankfurt&backup=",
        "/locations",
        "primary=Frankfurt&backup=",
        "<strong>Frankfurt</strong>",
    ),
];

fn page_of(path: &str) -> String {
    match path {
        CLAIM => path.to_owned(),
        "/tags?service" => format!("{SERVICE}/tags"),
        _ if path.starts_with("/locations") => format!("{SERVICE}{path}"),
        _ => format!("{PEERING}{path}"),
    }
}

/// An API in which somebody else is faster: the first write finds another version.
async fn overtaken() -> Portal {
    let overtaken = Arc::new(AtomicBool::new(false));
    Portal::new(move |method, path| {
        let is_check = path.split('?').next().unwrap().ends_with("/validate");
        if *method != Method::GET && !is_check {
            let first = !overtaken.swap(true, Ordering::SeqCst);
            return Some(if first { (412, json!({})) } else { (200, json!({})) });
        }
        let claim = path.contains("/peerAsns/tel").then(|| (200, peer_asns::claim("Pending")));
        let found = claim.or_else(|| peerings::usual(method, path, "Active"));
        let (status, mut body) = found.or_else(|| peering_services::answer(true, method, path))?;
        if overtaken.load(Ordering::SeqCst) {
            body["systemData"]["lastModifiedBy"] = "bob@tel.example".into();
            if body["tags"].is_object() {
                body["tags"] = json!({ "theirs": HOSTILE });
            }
            if let Some(contact) = body.pointer_mut("/properties/peerContactDetail/0") {
                contact["phone"] = "theirs".into();
            }
        }
        Some((status, body))
    })
    .await
}

fn writes(portal: &Portal) -> Vec<String> {
    let asked = portal.asked().into_iter();
    asked
        .filter(|a| a.method != Method::GET && !a.path.contains("/validate"))
        .filter_map(|a| a.if_match)
        .collect()
}

#[tokio::test]
async fn a_form_of_an_older_version_comes_back_filled_and_says_what_changed() {
    for (page, action, typed, kept) in FORMS {
        let portal = overtaken().await;
        let cookie = portal.signed_in(Role::Peer, &["Sub-A"]).await;
        let action = page_of(action);
        let form = portal.get(&page_of(page), &cookie).await;
        let sent = |of: &Reply| format!("_csrf={}&{typed}{}", form.csrf(), of.version());
        let back = portal.post(&action, &cookie, &sent(&form)).await;
        assert_eq!(back.status, 200, "{action}");
        for told in
            ["bob@tel.example changed this while your form was open", "No longer: ", "Now: ", "theirs", kept]
        {
            assert!(back.text.contains(told), "{action}: {told}: {}", back.text);
        }
        assert!(!back.text.contains("<img"), "{action}");
        let saved = portal.post(&action, &cookie, &sent(&back)).await;
        assert_eq!(saved.status, 303, "{action}: {}", saved.text);
        let versions = writes(&portal);
        assert_eq!(versions.len(), 2, "{action}");
        assert!(
            versions.iter().all(|etag| etag.len() > 2) && versions[0] != versions[1],
            "{action}: {versions:?}"
        );
    }
}

#[tokio::test]
async fn a_form_without_a_version_overwrites_nothing() {
    for (_, action, typed, _) in FORMS {
        let portal = overtaken().await;
        let cookie = portal.signed_in(Role::Peer, &["Sub-A"]).await;
        let csrf = portal.get("/account", &cookie).await.csrf();
        portal.post(&page_of(action), &cookie, &format!("_csrf={csrf}&{typed}")).await;
        assert_eq!(writes(&portal), [""], "{action}: a condition that no version meets");
    }
}

#[tokio::test]
async fn rights_that_another_operator_changed_meanwhile_are_not_given_back() {
    let portal = Portal::new(|_, _| Some((200, json!({ "value": Value::Array(Vec::new()) })))).await;
    let operator = portal.signed_in(Role::Operator, &[]).await;
    let peer = portal.signed_in(Role::Peer, &["Sub-A"]).await;
    let at = "/operate/people/2/edit";
    let (old, csrf) = (portal.get(at, &operator).await, portal.get("/account", &operator).await.csrf());
    let sent = |of: &Reply, typed: &str| format!("_csrf={csrf}&{typed}{}", of.version());
    let revoked = portal.post(at, &operator, &sent(&old, "name=Ann&role=reader&subscriptions=Sub-B")).await;
    assert_eq!(revoked.status, 303, "{}", revoked.text);
    let late = portal.post(at, &operator, &sent(&old, "name=Ann+B&role=peer&subscriptions=Sub-A")).await;
    for told in ["No longer: role peer.", "Now: role reader.", "Now: subscription Sub-B.", "value=\"Ann B\""]
    {
        assert!(late.text.contains(told), "{told}: {}", late.text);
    }
    assert!(portal.get("/account", &peer).await.text.contains("Sub-B"));
}
