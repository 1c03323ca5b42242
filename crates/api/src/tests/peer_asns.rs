//! `peerAsns` (`docs/rules.md` §1).

use super::fixture::*;
use axum::body::Body;
use axum::http::Method;
use meetme_model::peer_asn::AsnState;
use meetme_store::*;
use serde_json::json;

#[tokio::test]
async fn a_claim_is_created_read_changed_listed_and_deleted() {
    let api = Api::new().await;
    let created = api.put(&asn("Tel-1"), asn_body(64510)).await;
    assert_eq!(created.status, 201);
    assert_eq!(created.body["properties"]["validationState"], "Pending");
    assert_eq!(created.body["properties"]["peerAsn"], 64510);
    assert_eq!(created.body["id"], asn("Tel-1").as_str());
    assert_eq!(created.body["type"], "Microsoft.Peering/peerAsns");
    // Found by any case, shown as first written.
    let read = api.get(&asn("TEL-1")).await;
    assert_eq!((read.status.as_u16(), read.body["name"].as_str()), (200, Some("Tel-1")));
    let mut changed = asn_body(64510);
    changed["properties"]["peerContactDetail"][0]["phone"] = "+31 20 555 0199".into();
    let changed = api.put(&asn("tel-1"), changed).await;
    assert_eq!(changed.status, 200);
    assert_eq!(changed.body["name"], "Tel-1");
    let list = api.get(&asn("")).await;
    assert_eq!(list.body["value"].as_array().unwrap().len(), 1);
    assert!(list.body.get("nextLink").is_none());
    assert_eq!(api.delete(&asn("TEL-1")).await.status, 200);
    assert_eq!(api.delete(&asn("Tel-1")).await.status, 204);
    assert_eq!(api.get(&asn("Tel-1")).await.status, 404);
}

#[tokio::test]
async fn a_write_leaves_an_audit_entry_and_work() {
    let api = Api::new().await;
    api.put(&asn("tel"), asn_body(64510)).await;
    let mut db = api.store.read().await.unwrap();
    let audit = audit_list(&mut db, Scope::Subscription(SUB), IdPage::first(10)).await;
    let audit = audit.unwrap();
    assert_eq!(audit[0].action, "peerAsns/write");
    assert_eq!(audit[0].principal, "peer-Sub-A");
    assert!(work_next_due(&mut db).await.unwrap().is_some());
}

#[tokio::test]
async fn every_violation_is_told_with_its_target() {
    let api = Api::new().await;
    let reply = api
        .put(
            &asn("tel"),
            json!({ "properties": {
                "peerAsn": 64512,
                "peerName": "",
                "peerContactDetail": [
                    { "role": "Noc", "email": "me@freemail.example", "phone": "" },
                    { "role": "Boss", "email": "nobody", "phone": "+31 20 555 0100" },
                ],
            } }),
        )
        .await;
    assert_eq!((reply.status.as_u16(), reply.code()), (400, "InvalidRequest"));
    assert_eq!(
        reply.violations(),
        [
            "PeerAsnReserved properties.peerAsn",
            "PeerNameInvalid properties.peerName",
            "ContactEmailNotCorporate properties.peerContactDetail[0].email",
            "ContactPhoneInvalid properties.peerContactDetail[0].phone",
            "ContactRoleInvalid properties.peerContactDetail[1].role",
            "ContactEmailInvalid properties.peerContactDetail[1].email",
        ]
    );
    assert!(reply.message().contains("RFC 6996"), "{}", reply.message());
}

#[tokio::test]
async fn numbers_that_no_peer_can_have_are_refused_and_large_ones_pass() {
    let api = Api::new().await;
    for (number, code) in [
        (0i64, "PeerAsnReserved"),
        (23456, "PeerAsnReserved"),
        (65535, "PeerAsnReserved"),
        (65536, "PeerAsnReserved"),
        (4_200_000_000, "PeerAsnReserved"),
        (4_294_967_295, "PeerAsnReserved"),
        (4_294_967_296, "PeerAsnOutOfRange"),
        (-5, "PeerAsnOutOfRange"),
        (64500, "PeerAsnIsHost"),
    ] {
        let reply = api.put(&asn("tel"), asn_body(number)).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (400, code), "{number}");
        assert_eq!(reply.body["error"]["target"], "properties.peerAsn");
    }
    let empty = api.put(&asn("tel"), json!({})).await;
    assert_eq!(
        empty.violations(),
        [
            "PeerAsnMissing properties.peerAsn",
            "PeerNameInvalid properties.peerName",
            "NocContactMissing properties.peerContactDetail",
        ]
    );
    // Beyond the SDK's int32, a JSON number all the same.
    let reply = api.put(&asn("tel"), asn_body(4_199_999_999)).await;
    assert_eq!(reply.body["properties"]["peerAsn"], 4_199_999_999u32);
}

#[tokio::test]
async fn the_number_is_fixed_and_the_name_once_it_is_approved() {
    let api = Api::new().await;
    api.provider().await;
    let mut body = asn_body(64511);
    body["properties"]["peerName"] = "Another".into();
    let reply = api.put(&asn("tel"), body).await;
    assert_eq!(
        reply.violations(),
        ["PropertyImmutable properties.peerAsn", "PropertyImmutable properties.peerName",]
    );
}

#[tokio::test]
async fn a_refused_claim_that_is_sent_again_waits_again() {
    let api = Api::new().await;
    api.put(&asn("tel"), asn_body(64510)).await;
    let mut tx = api.store.begin().await.unwrap();
    let mut claim = peer_asn_get(&mut tx, SUB, "tel").await.unwrap().unwrap();
    claim.state = AsnState::Failed;
    claim.error_message = Some("no proof".into());
    peer_asn_update(&mut tx, &claim).await.unwrap();
    tx.commit().await.unwrap();
    let read = api.get(&asn("tel")).await;
    assert_eq!(read.body["properties"]["validationState"], "Failed");
    assert_eq!(read.body["properties"]["errorMessage"], "no proof");
    let again = api.put(&asn("tel"), asn_body(64510)).await;
    assert_eq!(again.body["properties"]["validationState"], "Pending");
    assert!(again.body["properties"].get("errorMessage").is_none());
}

#[tokio::test]
async fn an_asn_in_use_cannot_be_deleted_and_the_peerings_are_named() {
    let api = Api::new().await;
    api.provider().await;
    let reply = api.delete(&asn("tel")).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (409, "PeerAsnInUse"));
    assert_eq!(reply.violations(), ["PeerAsnInUse ams"]);
    assert_eq!(reply.headers.get("retry-after"), None);
}

#[tokio::test]
async fn what_holds_up_a_deletion_while_it_is_deleted_itself_is_told_with_when_to_come_again() {
    let api = Api::new().await;
    api.provider().await;
    assert_eq!(api.delete(&peering("ams")).await.status, 200);
    let group = format!("/subscriptions/{SUB}/resourceGroups/{RG}");
    let other = api.put(&peering("other"), voice("Amsterdam", 64)).await;
    for (reply, code) in [
        (api.delete(&asn("tel")).await, "PeerAsnInUse"),
        (api.delete(&group).await, "ResourceGroupNotEmpty"),
        (other, "PeeringExists"),
    ] {
        assert_eq!((reply.status.as_u16(), reply.code()), (409, code));
        assert!(reply.message().contains("being deleted already"), "{}", reply.message());
        let seconds: u64 = reply.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..60).contains(&seconds), "{code}: nothing has to drain, and {seconds} s are told");
    }
    assert_eq!(api.put(&peering("stays"), edge("Frankfurt", 58)).await.status, 201);
    for path in [asn("tel"), group] {
        let held = api.delete(&path).await;
        assert_eq!((held.status.as_u16(), held.headers.get("retry-after")), (409, None), "{path}");
    }
}

#[tokio::test]
async fn a_list_comes_in_pages_with_links_to_the_host_that_was_asked() {
    let settings = crate::Settings { page_size: 2, ..crate::Settings::default() };
    let queries: crate::EdgeQueries = std::sync::Arc::new(|_, _| Box::pin(async { Err("no".into()) }));
    let api = Api::with(queries, settings).await;
    for n in 0..5 {
        let reply = api.put(&asn(&format!("tel{n}")), asn_body(64501 + n)).await;
        assert_eq!(reply.status, 201, "{}", reply.body);
    }
    let (mut names, mut pages) = (Vec::new(), 0);
    let mut next = Some(asn(""));
    while let Some(path) = next {
        let page = api.get(&path).await;
        assert_eq!(page.status, 200, "{}", page.body);
        pages += 1;
        for row in page.body["value"].as_array().unwrap() {
            names.push(row["name"].as_str().unwrap().to_owned());
        }
        next = page.body["nextLink"].as_str().map(|link| {
            let path = link.strip_prefix("http://api.example.net:8971").unwrap();
            assert!(path.contains("api-version=2022-10-01"), "{path}");
            path.to_owned()
        });
    }
    assert_eq!((pages, names.join(" ")), (3, "tel0 tel1 tel2 tel3 tel4".into()));
    let bad = api.get(&format!("{}?$skipToken=zz", asn(""))).await;
    assert_eq!((bad.status.as_u16(), bad.violations()), (400, vec!["InvalidSkipToken $skipToken".into()]));
}

/// Puts a claim of another subscription.
async fn other(api: &Api, number: i64, name: &str) -> Reply {
    let mut body = asn_body(number);
    body["properties"]["peerName"] = name.into();
    let path = asn("other").replace(SUB, "Sub-B");
    api.ask(&api.other, Method::PUT, &path, Body::from(body.to_string())).await
}

#[tokio::test]
async fn another_networks_approved_name_is_refused_in_any_case() {
    let api = Api::new().await;
    api.provider().await;
    for name in ["Tel Example", "TEL example"] {
        let reply = other(&api, 64509, name).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (409, "PeerNameTaken"), "{name}");
        assert_eq!(reply.body["error"]["target"], "properties.peerName");
    }
    // The same network elsewhere, and another network of the same subscription, may have it.
    assert_eq!(other(&api, 64510, "TEL Example").await.status, 201);
    assert_eq!(api.put(&asn("tel2"), asn_body(64509)).await.status, 201);
    // A claim that is there doesn't get it by renaming, either.
    assert_eq!(api.delete(&asn("tel2")).await.status, 200);
    let path = asn("other").replace(SUB, "Sub-B");
    api.ask(&api.other, Method::DELETE, &path, Body::empty()).await;
    assert_eq!(other(&api, 64509, "Other Example").await.status, 201);
    let renamed = other(&api, 64509, "tel example").await;
    assert_eq!((renamed.status.as_u16(), renamed.code()), (409, "PeerNameTaken"));
    let kept = api.ask(&api.other, Method::GET, &path, Body::empty()).await;
    assert_eq!(kept.body["properties"]["peerName"], "Other Example");
}

#[tokio::test]
async fn an_operator_approves_a_second_network_of_a_name_only_on_purpose() {
    let api = Api::new().await;
    // Both ask while none has the name.
    assert_eq!(other(&api, 64509, "tel example").await.status, 201);
    api.provider().await;
    let at = "/api/v1/subscriptions/Sub-B/peerAsns/other/approve";
    let reply = api.decide(at, json!({ "reason": "proved" })).await;
    assert_eq!(
        (reply.status.as_u16(), reply.violations()),
        (409, vec!["PeerNameTaken allowDuplicateName".into()])
    );
    let refused = other(&api, 64508, "tel example").await;
    assert_eq!(refused.code(), "PropertyImmutable");
    let reply = api.decide(at, json!({ "reason": "same company", "allowDuplicateName": true })).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let mut db = api.store.read().await.unwrap();
    let claim = peer_asn_get(&mut db, "Sub-B", "other").await.unwrap().unwrap();
    assert!(claim.decision.unwrap().approved);
}

#[tokio::test]
async fn new_contacts_keep_a_decision_and_a_new_name_takes_it_back() {
    let api = Api::new().await;
    api.put(&asn("tel"), asn_body(64510)).await;
    let at = format!("/api/v1/subscriptions/{SUB}/peerAsns/tel/refuse");
    api.decide(&at, json!({ "reason": "no proof" })).await;
    let claim = async || {
        let mut db = api.store.read().await.unwrap();
        peer_asn_get(&mut db, SUB, "tel").await.unwrap().unwrap()
    };
    let asked = claim().await;
    let mut body = asn_body(64510);
    body["properties"]["peerContactDetail"][0]["phone"] = "+31 20 555 0199".into();
    assert_eq!(api.put(&asn("tel"), body.clone()).await.status, 200);
    let changed = claim().await;
    assert_eq!(changed.spec.contacts[0].phone, "+31 20 555 0199");
    assert!(changed.decision.is_some());
    assert_eq!((&changed.decision, changed.asked_at), (&asked.decision, None));
    body["properties"]["peerName"] = "Tel Other".into();
    assert_eq!(api.put(&asn("tel"), body.clone()).await.status, 200);
    assert!(claim().await.decision.is_none());
    // Refused and asked again, it counts from then and is as old as before.
    let mut failed = asked.clone();
    failed.state = AsnState::Failed;
    failed.spec.peer_name = "Tel Other".into();
    failed.stamp.modified_at = now();
    let mut tx = api.store.begin().await.unwrap();
    peer_asn_update(&mut tx, &failed).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(api.put(&asn("tel"), body).await.status, 200);
    let again = claim().await;
    assert_eq!((again.state, &again.decision), (AsnState::Pending, &None));
    assert!(again.stamp.modified_at > now());
    assert_eq!(
        (again.asked_at, again.stamp.created_at),
        (Some(again.stamp.modified_at), asked.stamp.created_at)
    );
}

#[tokio::test]
async fn what_a_version_without_roles_shows_and_sends_back_changes_nobody_s_role() {
    let api = Api::new().await;
    let mut body = asn_body(64510);
    body["properties"]["peerContactDetail"] = json!([
        { "role": "Policy", "email": "policy@tel.example", "phone": "" },
        { "role": "Noc", "email": "noc@tel.example", "phone": "+31 20 555 0100" },
    ]);
    assert_eq!(api.put(&asn("tel"), body).await.status, 201);
    let before = api.get(&asn("tel")).await.body["properties"]["peerContactDetail"].clone();
    let old = format!("{}?api-version=2019-08-01-preview", asn("tel"));
    let shown = api.get(&old).await.body;
    assert_eq!(api.put(&old, shown).await.status, 200);
    assert_eq!(api.get(&asn("tel")).await.body["properties"]["peerContactDetail"], before);
}
