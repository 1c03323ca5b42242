//! The wizard that creates a peering.

use super::fixture::{Portal, Reply};
use super::peerings::usual;
use axum::http::Method;
use meetme_store::Role;
use serde_json::{Value, json};

const BASICS: &str = "subscription=Sub-A&group=voice&name=new&asn=tel";
const NEW: &str = "/subscriptions/Sub-A/resourceGroups/voice/providers/Microsoft.Peering/peerings/new";

/// An API that says `told` to a validation and `put` to a PUT.
async fn portal(told: (u16, Value), put: (u16, Value)) -> (Portal, String) {
    let portal = Portal::new(move |method, path| match *method {
        Method::POST if path.ends_with("/validate") => Some(told.clone()),
        Method::PUT => Some(put.clone()),
        _ => usual(method, path, "Active"),
    })
    .await;
    let cookie = portal.signed_in(Role::Peer, &["Sub-A"]).await;
    (portal, cookie)
}

fn fine() -> (u16, Value) {
    (200, json!({ "created": true, "added": [], "changed": [], "removed": [] }))
}

fn refused(violations: &[(&str, &str)]) -> (u16, Value) {
    let one = |(target, message): &(&str, &str)| json!({ "code": "X", "target": target, "message": message });
    let all: Vec<Value> = violations.iter().map(one).collect();
    (400, json!({ "error": { "code": "InvalidRequest", "message": "several", "details": all } }))
}

/// The values of a page's hidden fields of a name.
fn hidden(page: &Reply, name: &str) -> Vec<String> {
    let start = format!("name=\"{name}\" value=\"");
    let values = page.text.split(&start).skip(1);
    values.map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn basics_says_what_is_fixed_and_offers_approved_asns_only() {
    let (portal, cookie) = portal(fine(), fine()).await;
    let page = portal.get("/peerings/create", &cookie).await.text;
    assert!(page.contains("can't be changed later") || page.contains("can&#39;t be changed later"));
    assert!(page.contains("value=\"tel\"") && !page.contains("value=\"late\""));
    let back = portal
        .get("/peerings/create/configuration?from=basics&subscription=Sub-A&group=&name=", &cookie)
        .await;
    assert!(back.location().starts_with("/peerings/create?") && back.location().ends_with("&check=1"));
    let page = portal.get(back.location(), &cookie).await.text;
    assert!(page.contains("Give the peering a name.") && page.contains("Choose a resource group"));
    let foreign = portal.get("/peerings/create/configuration?subscription=Sub-B", &cookie).await;
    assert!(foreign.location().starts_with("/peerings/create?"), "another's subscription is none");
    let taken =
        portal.get("/peerings/create?subscription=Sub-A&group=voice&name=ams&asn=tel&check=1", &cookie).await;
    assert!(taken.text.contains("of this name in the group already"));
}

#[tokio::test]
async fn configuration_shows_what_the_network_forces_and_why() {
    let (portal, cookie) = portal(fine(), fine()).await;
    let at = |step: &str, more: &str| format!("/peerings/create/{step}?{BASICS}&{more}");
    let voice = portal.get(&at("configuration", "type=Voice"), &cookie).await.text;
    assert!(voice.contains("AS64500 (with Voice)") && voice.contains("With Voice it is always so."));
    assert!(voice.contains("needs 2 or more") && !voice.contains("Basic Free"));
    let pane = portal.get(&at("connection", "type=Voice"), &cookie).await.text;
    assert!(pane.contains("Given by the host") && !pane.contains("name=\"prefix_v4\""));
    assert!(!pane.contains("type=\"checkbox\""));
    let plain = portal.get(&at("connection", "type=Edge"), &cookie).await.text;
    assert!(plain.contains("name=\"prefix_v4\"") && plain.contains("type=\"checkbox\""));
}

#[tokio::test]
async fn a_plain_peering_has_the_sku_that_fits_whatever_was_chosen_before() {
    let (portal, cookie) = portal(fine(), (201, json!({}))).await;
    let plain = "c=64~10000~Microsoft~~~~1000~";
    let old = format!("{BASICS}&type=Edge&sku=Premium_Direct_Free&metro=Amsterdam&{plain}");
    let page = portal.get(&format!("/peerings/create/configuration?{old}"), &cookie).await;
    assert!(page.text.contains("Basic Free") && page.text.contains("One or more; two are advised."));
    let review = portal.get(&format!("/peerings/create/review?{old}"), &cookie).await;
    portal.post("/peerings/create", &cookie, &format!("_csrf={}&{old}&identifier=a", review.csrf())).await;
    let with_service = old.replace("Microsoft~~", "Microsoft~1~");
    let page = portal.get(&format!("/peerings/create/configuration?{with_service}"), &cookie).await;
    assert!(page.text.contains("Premium Free") && page.text.contains("Peering Service needs 2 or more"));
    portal.get(&format!("/peerings/create/review?{with_service}"), &cookie).await;
    let sent: Vec<Value> = portal
        .asked()
        .into_iter()
        .filter(|a| a.method != Method::GET)
        .map(|a| a.body["sku"]["name"].clone())
        .collect();
    assert_eq!(
        sent,
        ["Basic_Direct_Free", "Basic_Direct_Free", "Premium_Direct_Free"],
        "review, create, review"
    );
}

#[tokio::test]
async fn only_what_a_router_has_ports_for_is_offered() {
    let (portal, cookie) = portal(fine(), fine()).await;
    let pane = portal.get(&format!("/peerings/create/connection?{BASICS}&type=Voice"), &cookie).await.text;
    let offered: Vec<&str> =
        pane.split("<option value=\"").filter_map(|o| o.split_once("0000\"").map(|(n, _)| n)).collect();
    assert_eq!(offered, ["1", "2", "3", "4"], "four ports of 10 Gbps");
    assert!(pane.contains("40 Gbps (4 × 10 Gbps)"));
}

#[tokio::test]
async fn a_connection_joins_the_others_once_nothing_is_wrong_with_it() {
    let wrong = [("properties.direct.connections[1].bandwidthInMbps", "too much"), ("sku.name", "elsewhere")];
    let (bad, cookie) = portal(refused(&wrong), fine()).await;
    let save = format!(
        "/peerings/create/connection?{BASICS}&type=Voice&c=64~10000~Microsoft~~~~1000~&save=1&facility=64&bandwidth=70000&provider=Microsoft"
    );
    let pane = bad.get(&save, &cookie).await;
    assert_eq!(pane.status, 200);
    assert!(
        pane.text.contains("Too much.")
            && !pane.text.contains("elsewhere")
            && !pane.text.contains("Elsewhere")
    );
    assert!(pane.text.contains("id=\"bandwidth-error\"") && pane.text.contains("70000"));
    let (good, cookie) = portal(refused(&wrong[1..]), fine()).await;
    let saved = good.get(&save, &cookie).await;
    assert!(
        saved
            .location()
            .starts_with("/peerings/create/configuration?subscription=Sub-A&group=voice&name=new")
    );
    assert!(saved.location().contains("c=64~70000~Microsoft~~~~~"), "{}", saved.location());
    assert_eq!(saved.location().matches("&c=").count(), 2);
    let sent = good.asked().into_iter().find(|a| a.path.ends_with("/validate")).unwrap();
    let direct = &sent.body["properties"]["direct"];
    assert_eq!(direct["connections"][1]["bandwidthInMbps"], 70000);
    assert_eq!(direct["connections"][1].get("useForPeeringService"), None, "what is forced isn't sent");
    assert_eq!(direct["peerAsn"]["id"], "/subscriptions/Sub-A/providers/Microsoft.Peering/peerAsns/tel");
    assert_eq!(sent.body["location"], "westeurope");
    let removed = portal_remove(&good, &cookie).await;
    assert!(!removed.contains("64~10000") && removed.contains("64~20000"), "{removed}");
}

async fn portal_remove(portal: &Portal, cookie: &str) -> String {
    let path = format!("/peerings/create/configuration?{BASICS}&c=64~10000~~~~~~&c=64~20000~~~~~~&remove=0");
    portal.get(&path, cookie).await.location().to_owned()
}

#[tokio::test]
async fn review_puts_each_error_beside_what_it_is_about_with_the_way_back() {
    let wrong = [
        ("properties.direct.connections[0].peeringDBFacilityId", "not there"),
        ("properties.direct.connections", "two are needed"),
        ("properties.peeringLocation", "one is enough"),
        ("somewhere.else", "odd"),
    ];
    let (portal, cookie) = portal(refused(&wrong), fine()).await;
    let page = portal
        .get(&format!("/peerings/create/review?{BASICS}&type=Voice&c=99~10000~~~~~~"), &cookie)
        .await
        .text;
    for (_, message) in wrong {
        let mut sentence = message.to_owned();
        sentence[..1].make_ascii_uppercase();
        assert!(page.contains(&sentence), "{message}: {page}");
    }
    assert!(page.contains("edit=0\">Change</a>") && page.contains("type=\"submit\" disabled"));
}

#[tokio::test]
async fn create_asks_once_for_what_was_reviewed_with_the_keys_and_leads_to_the_deployment() {
    let (portal, cookie) = portal(fine(), (201, json!({}))).await;
    let review = format!(
        "/peerings/create/review?{BASICS}&type=Voice&metro=Amsterdam&c=64~20000~Microsoft~~~~1000~&c=64~20000~Microsoft~~~~1000~"
    );
    let page = portal.get(&review, &cookie).await;
    assert!(page.text.contains("Validation passed."));
    let identifiers = hidden(&page, "identifier");
    assert_eq!((identifiers.len(), identifiers[0].len()), (2, 36));
    assert_ne!(identifiers[0], identifiers[1]);
    let form = form(&page, &identifiers);
    let done = portal.post("/peerings/create", &cookie, &form).await;
    assert_eq!(done.location(), "/peerings/Sub-A/voice/new/deployment", "{}", done.text);
    let puts: Vec<_> = portal.asked().into_iter().filter(|a| a.method == Method::PUT).collect();
    assert_eq!((puts.len(), puts[0].path.starts_with(NEW)), (1, true));
    let sent = &puts[0].body["properties"]["direct"]["connections"];
    assert_eq!(sent[0]["connectionIdentifier"], identifiers[0].as_str());
    assert_eq!(sent[0]["bgpSession"].get("md5AuthenticationKey"), None);
    assert_eq!(sent[1]["bgpSession"]["md5AuthenticationKey"], "s3cret");
    assert!(!portal.get(&review, &cookie).await.text.contains("s3cret"));
}

fn form(page: &Reply, identifiers: &[String]) -> String {
    let c = "c=64~20000~Microsoft~~~~1000~";
    let ids: Vec<String> = identifiers.iter().map(|id| format!("identifier={id}")).collect();
    format!(
        "_csrf={}&{BASICS}&type=Voice&sku=Premium_Direct_Free&metro=Amsterdam&{c}&{c}&{}&md5=&md5=s3cret",
        page.csrf(),
        ids.join("&")
    )
}

#[tokio::test]
async fn the_same_form_sent_twice_makes_one_peering_and_another_s_name_is_told() {
    let taken = (412, json!({ "error": { "code": "PreconditionFailed", "message": "it is there" } }));
    let portal = Portal::new(move |method, path| match *method {
        Method::PUT => Some(taken.clone()),
        Method::GET if path.starts_with(NEW) => Some((
            200,
            json!({ "properties": { "direct": { "connections": [{ "connectionIdentifier": "own-id" }] } } }),
        )),
        _ => usual(method, path, "Active"),
    })
    .await;
    let cookie = portal.signed_in(Role::Peer, &["Sub-A"]).await;
    let page = portal.get("/account", &cookie).await;
    let again = portal.post("/peerings/create", &cookie, &form(&page, &["own-id".into(), "b".into()])).await;
    assert_eq!(again.location(), "/peerings/Sub-A/voice/new/deployment");
    let other = portal.post("/peerings/create", &cookie, &form(&page, &["a".into(), "b".into()])).await;
    assert_eq!(
        (other.status.as_u16(), &other.headers["cache-control"]),
        (200, &"private, no-cache".parse().unwrap())
    );
    assert!(other.text.contains("of this name in the group already"));
    let foreign =
        portal.post("/peerings/create", &cookie, &form(&page, &[]).replace("_csrf=", "_csrf=x")).await;
    assert_eq!(foreign.status, 403);
}
