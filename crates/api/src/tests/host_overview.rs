//! What operators look at before they decide, and the lists over all subscriptions.

use super::fixture::*;
use crate::{EdgeQueries, Settings};
use axum::body::Body;
use axum::http::Method;
use meetme_model::connection::{ConnectionState, Stage};
use meetme_model::link::{EdgeAnswer, EdgeQuery};
use meetme_model::peer_asn::AsnState;
use meetme_model::registered_prefix::PrefixState;
use meetme_store::*;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

async fn operator(api: &Api, path: &str) -> Reply {
    api.ask(&api.operator, Method::GET, path, Body::empty()).await
}

fn failing(row: &Value) -> Vec<&str> {
    let checks = row["checks"].as_array().unwrap();
    checks.iter().filter(|c| c["ok"] == false).map(|c| c["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn what_waits_has_all_its_checks() {
    let api = Api::new().await;
    let theirs = asn("copy").replace(SUB, "Sub-B");
    let body = asn_body(64509).to_string().replace("Tel Example", "TEL example");
    api.ask(&api.other, Method::PUT, &theirs, Body::from(body)).await;
    let claim = "/api/v1/subscriptions/Sub-B/peerAsns/copy/checks";
    assert_eq!(failing(&operator(&api, claim).await.body), Vec::<&str>::new());
    // Meanwhile another network of the same name is approved.
    api.provider().await;
    assert_eq!(failing(&operator(&api, claim).await.body), ["PeerNameFree"]);
    let rows = operator(&api, "/api/v1/queue").await.body["value"].clone();
    assert_eq!((&rows[0]["kind"], failing(&rows[0])), (&json!("peerAsn"), vec!["PeerNameFree"]));
    let row = &rows[1];
    assert_eq!(failing(row), Vec::<&str>::new());
    assert!(row["checks"].as_array().unwrap().iter().any(|c| c["name"] == "PortsAndDiversity"));
    assert_eq!((&row["peerName"], &row["resourceGroup"]), (&json!("Tel Example"), &json!(RG)));
    let mut tx = api.store.begin().await.unwrap();
    let mut tel = peer_asn_get(&mut tx, SUB, "tel").await.unwrap().unwrap();
    tel.state = AsnState::Failed;
    peer_asn_update(&mut tx, &tel).await.unwrap();
    tx.commit().await.unwrap();
    let id = row["connection"].as_i64().unwrap();
    let one = operator(&api, &format!("/api/v1/connections/c{id}")).await.body;
    assert_eq!(failing(&one), ["AsnApproved"]);
    assert_eq!((&one["connectionState"], &one["refusable"]), (&json!("PendingApproval"), &json!(true)));
    assert_eq!(operator(&api, "/api/v1/connections/999").await.status, 404);
    assert_eq!(api.get(&format!("/api/v1/connections/{id}")).await.status, 404, "not a peer's");
}

#[tokio::test]
async fn a_request_shows_what_the_peer_gives_for_its_sessions() {
    let api = Api::new().await;
    api.provider().await;
    let mut body = edge("Amsterdam", 64);
    let one = &mut body["properties"]["direct"]["connections"][0];
    one["sessionAddressProvider"] = "Peer".into();
    one["bgpSession"] = json!({ "sessionPrefixV4": "198.19.200.0/31", "maxPrefixesAdvertisedV4": 900 });
    assert_eq!(api.put(&peering("e"), body).await.status, 201);
    let queue = operator(&api, "/api/v1/queue").await.body;
    let row = queue["value"].as_array().unwrap().iter().find(|r| r["name"] == "e").unwrap().clone();
    let told = row["checks"].as_array().unwrap().iter().find(|c| c["name"] == "SessionSubnets").unwrap();
    assert!(told["message"].as_str().unwrap().contains("198.19.200.0/31"), "{told}");
    let found = operator(&api, &format!("/api/v1/connections/{}", row["connection"])).await.body;
    assert_eq!(found["sessionAddressProvider"], "Peer");
    assert_eq!(found["sessionPrefixesGivenByPeer"], json!(["198.19.200.0/31"]));
    assert_eq!(found["maxPrefixesAdvertisedV4"], 900);
}

/// An edge that shows what of an intent is about peers, and the API before it.
async fn previewing() -> (Api, Arc<Mutex<usize>>) {
    let asked: Arc<Mutex<usize>> = Arc::default();
    let counted = asked.clone();
    let queries: EdgeQueries = Arc::new(move |_, query| {
        let counted = counted.clone();
        Box::pin(async move {
            let EdgeQuery::Diff { instead: Some(parts), .. } = query else { return Err("unexpected".into()) };
            let intent = parts.whole().unwrap();
            *counted.lock().unwrap() += 1;
            let lags = intent.lags.iter().map(|l| format!("+{} {}\n", l.name, l.members.join(" ")));
            let sessions = intent.sessions.iter().map(|s| format!("+{} {:?}\n", s.peer_address, s.phase));
            let diff = lags.chain(sessions).collect();
            Ok(EdgeAnswer::Diff { generation: Some(1), diff, faults: Default::default() })
        })
    });
    let api = Api::with(queries, Settings::default()).await;
    api.provider().await;
    (api, asked)
}

#[tokio::test]
async fn a_preview_says_what_an_approval_would_change_and_changes_nothing() {
    let (api, asked) = previewing().await;
    let waiting = ConnectionState::Onboarding(Stage::PendingApproval);
    let ids: Vec<i64> = api.all_connections("ams", waiting).await.iter().map(|c| c.id).collect();
    let path = format!("/api/v1/connections/{}/preview", ids[0]);
    let first = operator(&api, &path).await.body;
    let lag = format!("+lag{} et1 et2\n", ids[0]);
    assert_eq!(first["steps"][0]["when"], "approved");
    assert_eq!(first["steps"][0]["diff"], lag.as_str(), "{first}");
    assert_eq!(first["steps"][1]["sessionPrefixes"], json!(["198.18.192.0/31"]));
    assert_eq!(first["steps"][1]["diff"], format!("{lag}+198.18.192.0 Denied\n"));
    assert_eq!(operator(&api, &path).await.body, first, "nothing was taken");
    assert_eq!(*asked.lock().unwrap(), 4);
    let mut db = api.store.read().await.unwrap();
    let c = connection_by_id(&mut db, ids[0]).await.unwrap().unwrap();
    assert!(c.decision.is_none() && c.ports.is_none() && c.state == waiting);
    assert!(ports_used(&mut db).await.unwrap().is_empty());
    drop(db);
    api.all_connections("ams", ConnectionState::Active).await;
    let late = operator(&api, &path).await;
    assert_eq!((late.status.as_u16(), late.code()), (409, "DecisionNotAwaited"));
}

#[tokio::test]
async fn a_preview_is_of_the_connection_alone_and_says_what_is_awaited() {
    let (api, _) = previewing().await;
    let waiting = ConnectionState::Onboarding(Stage::PendingApproval);
    let id = api.all_connections("ams", waiting).await[0].id;
    let path = format!("/api/v1/connections/{id}/preview");
    let with = operator(&api, &path).await.body;
    assert_eq!(with["steps"][0]["diff"], format!("+lag{id} et1 et2\n"));
    let mut tx = api.store.begin().await.unwrap();
    let mut tel = peer_asn_get(&mut tx, SUB, "tel").await.unwrap().unwrap();
    tel.state = AsnState::Pending;
    peer_asn_update(&mut tx, &tel).await.unwrap();
    tx.commit().await.unwrap();
    let held = operator(&api, &path).await.body;
    assert_eq!(held["steps"], json!([]));
    assert!(held["message"].as_str().unwrap().contains("ASN"), "{held}");
}

#[tokio::test]
async fn ports_pools_and_prefixes_of_everybody_are_shown_with_their_use() {
    let api = Api::new().await;
    api.provider().await;
    let connections = api.all_connections("ams", ConnectionState::Active).await;
    let mut tx = api.store.begin().await.unwrap();
    for c in &connections {
        let ports = c.ports.as_ref().unwrap();
        port_assign(&mut tx, c.id, &ports.router, &ports.ports).await.unwrap();
        subnet_take(&mut tx, c.id, c.subnet_v4.unwrap().prefix).await.unwrap();
    }
    subnets_release(&mut tx, connections[1].id, jiff::Timestamp::now()).await.unwrap();
    tx.commit().await.unwrap();
    api.registered("media", "198.19.10.0/24", PrefixState::Warning).await;
    let ports = operator(&api, "/api/v1/ports").await.body["value"].clone();
    let ports = ports.as_array().unwrap();
    assert_eq!(ports.len(), 48);
    let used: Vec<&Value> = ports.iter().filter(|p| p["usedBy"].is_object()).collect();
    assert_eq!(used.len(), 4);
    assert_eq!(used[0]["usedBy"]["resourceId"], peering("ams").as_str());
    assert_eq!(used[0]["usedBy"]["trackingId"], "ams-1");
    assert!(used[0]["light"].is_null(), "the router told nothing");
    let pool = &operator(&api, "/api/v1/pools").await.body["value"][0];
    let counts = (&pool["subnets"], &pool["used"], &pool["resting"]);
    assert_eq!(counts, (&json!(128), &json!(1), &json!(1)));
    let peerings = operator(&api, "/api/v1/peerings").await.body;
    assert_eq!(peerings["value"][0]["connections"].as_array().unwrap().len(), 2);
    assert_eq!(peerings["value"][0]["offering"], "AS64500 (with Voice)");
    let prefixes = operator(&api, "/api/v1/registeredPrefixes").await.body;
    assert_eq!(prefixes["value"][0]["prefixValidationState"], "Warning");
    assert_eq!(prefixes["value"][0]["resourceId"], registered("ams", "media").as_str());
    assert_eq!(operator(&api, "/api/v1/activatedPrefixes").await.body["value"], json!([]));
    for path in ["ports", "pools", "peerings", "registeredPrefixes", "activatedPrefixes", "health"] {
        assert_eq!(api.get(&format!("/api/v1/{path}")).await.status, 404, "{path} isn't a peer's");
    }
}

#[tokio::test]
async fn lists_of_everybody_come_in_pages() {
    let queries: EdgeQueries = Arc::new(|_, _| Box::pin(async { Err("no".into()) }));
    let api = Api::with(queries, Settings { page_size: 1, ..Settings::default() }).await;
    api.provider().await;
    api.all_connections("ams", ConnectionState::Active).await;
    api.registered("one", "198.19.10.0/24", PrefixState::Verified).await;
    api.registered("two", "198.19.11.0/24", PrefixState::Failed).await;
    let first = operator(&api, "/api/v1/registeredPrefixes").await.body;
    assert_eq!(first["value"].as_array().unwrap().len(), 1);
    let next = first["nextLink"].as_str().unwrap();
    let (_, path) = next.split_once("/api/").unwrap();
    let second = operator(&api, &format!("/api/{path}")).await.body;
    assert_eq!(
        (&first["value"][0]["prefix"], &second["value"][0]["prefix"]),
        (&json!("198.19.11.0/24"), &json!("198.19.10.0/24"))
    );
    assert!(second["nextLink"].is_null());
}

#[tokio::test]
async fn health_tells_what_is_known_and_no_more() {
    let api = Api::new().await;
    let health = operator(&api, "/api/v1/health").await.body;
    assert_eq!(health["version"], env!("CARGO_PKG_VERSION"));
    let site = &health["sites"][0];
    assert_eq!((&site["routers"], &site["routersReachable"]), (&json!(2), &json!(0)));
    assert!(site["toldAt"].is_null());
    assert!(site["errors"][0].as_str().unwrap().contains("hasn't told anything"));
}

#[tokio::test]
async fn an_invitation_s_link_isn_t_shown_among_mails() {
    let api = Api::new().await;
    let mail = NewMail {
        key: "invitation/1".into(),
        milestone: "Invitation".into(),
        subscription: None,
        resource_id: "/people/1".into(),
        recipients: vec!["ann@tel.example".into()],
        subject: "Your invitation".into(),
        text: "open https://meet.example/invitation/mi_secret".into(),
        html: String::new(),
    };
    let mut tx = api.store.begin().await.unwrap();
    mail_enqueue(&mut tx, &mail, now()).await.unwrap();
    tx.commit().await.unwrap();
    let mails = operator(&api, "/api/v1/mails").await.body;
    assert_eq!(mails["value"][0]["subject"], "Your invitation");
    assert!(!mails.to_string().contains("mi_secret"));
}
