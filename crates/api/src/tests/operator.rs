//! The operator and extension API.

use super::edges;
use super::fixture::*;
use crate::{ApiState, EdgeQueries, Settings, metrics_router};
use axum::body::Body;
use axum::http::{Method, Request};
use jiff::SignedDuration;
use meetme_model::connection::{ConnectionState, Loa, Stage};
use meetme_model::link::*;
use meetme_model::peer_asn::AsnState;
use meetme_model::registered_prefix::PrefixState;
use meetme_store::*;
use serde_json::{Value, json};
use std::sync::Arc;
use tower::ServiceExt;

async fn operator(api: &Api, path: &str) -> Reply {
    api.ask(&api.operator, Method::GET, path, Body::empty()).await
}

#[tokio::test]
async fn the_queue_has_what_waits_oldest_first_and_what_is_overdue() {
    let api = Api::new().await;
    api.provider().await;
    api.put(&asn("second"), asn_body(64509)).await;
    let mut tx = api.store.begin().await.unwrap();
    let mut old = peer_asn_get(&mut tx, SUB, "second").await.unwrap().unwrap();
    old.stamp.created_at -= SignedDuration::from_hours(13);
    peer_asn_update(&mut tx, &old).await.unwrap();
    tx.commit().await.unwrap();
    let queue = operator(&api, "/api/v1/queue").await;
    assert_eq!(queue.body["overdue"], 1);
    let rows = queue.body["value"].as_array().unwrap();
    let kinds: Vec<&Value> = rows.iter().map(|r| &r["kind"]).collect();
    assert_eq!(kinds, ["peerAsn", "connection", "connection"]);
    assert_eq!(rows[0]["resourceId"], asn("second").as_str());
    assert_eq!(rows[0]["overdue"], true);
    assert_eq!(rows[1]["resourceId"], peering("ams").as_str());
    assert_eq!(rows[1]["bandwidthInMbps"], 20000);
}

#[tokio::test]
async fn an_asn_is_approved_or_refused_with_a_reason() {
    let api = Api::new().await;
    api.put(&asn("tel"), asn_body(64510)).await;
    let at = |verb: &str| format!("/api/v1/subscriptions/{SUB}/peerAsns/TEL/{verb}");
    let silent = api.decide(&at("refuse"), json!({})).await;
    assert_eq!(silent.violations(), ["ReasonRequired reason"]);
    let reply = api.decide(&at("refuse"), json!({ "reason": "no proof" })).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let decided = async || {
        let mut db = api.store.read().await.unwrap();
        let claim = peer_asn_get(&mut db, SUB, "tel").await.unwrap().unwrap();
        claim.decision.unwrap()
    };
    let no = decided().await;
    assert_eq!((no.approved, no.reason.as_str()), (false, "no proof"));
    assert_eq!(no.by, "operator-all");
    let yes = api.decide(&at("approve"), json!({ "reason": "proved by now" })).await;
    assert_eq!(yes.status, 200, "{}", yes.body);
    assert!(decided().await.approved);
    let mut tx = api.store.begin().await.unwrap();
    let mut claim = peer_asn_get(&mut tx, SUB, "tel").await.unwrap().unwrap();
    claim.state = AsnState::Approved;
    peer_asn_update(&mut tx, &claim).await.unwrap();
    tx.commit().await.unwrap();
    let late = api.decide(&at("refuse"), json!({ "reason": "hm" })).await;
    assert_eq!((late.status.as_u16(), late.code()), (409, "DecisionNotAwaited"));
    let reason = json!({ "reason": "fine" });
    let nobody = api.decide(&at("approve").replace("TEL", "nobody"), reason).await;
    assert_eq!(nobody.status, 404);
    let audit = operator(&api, "/api/v1/audit?subscription=sub-a").await;
    let actions: Vec<&Value> = audit.body["value"].as_array().unwrap().iter().map(|e| &e["action"]).collect();
    assert_eq!(actions, ["peerAsns/approve", "peerAsns/refuse", "peerAsns/write"]);
}

#[tokio::test]
async fn connections_are_decided_one_by_one_or_all_of_a_peering() {
    let api = Api::new().await;
    api.provider().await;
    let waiting = ConnectionState::Onboarding(Stage::PendingApproval);
    let ids: Vec<i64> = api.all_connections("ams", waiting).await.iter().map(|c| c.id).collect();
    let at = |id: &str, verb: &str| format!("/api/v1/connections/{id}/{verb}");
    let reason = json!({ "reason": "no cage there" });
    let reply = api.decide(&at(&ids[0].to_string(), "refuse"), reason).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    // A refusal isn't taken back among others.
    let all = format!("/api/v1/subscriptions/{SUB}/resourceGroups/{RG}/peerings/ams/approve");
    let reply = api.decide(&all, json!({ "reason": "fine" })).await;
    assert_eq!(reply.body["connections"], json!([ids[1]]), "{}", reply.body);
    // By the name that ARM clients see, too.
    let reply = api.decide(&at(&format!("c{}", ids[0]), "approve"), json!({ "reason": "fine" })).await;
    assert_eq!(reply.body["connections"], json!([ids[0]]));
    let mut db = api.store.read().await.unwrap();
    for id in &ids {
        let c = connection_by_id(&mut db, *id).await.unwrap().unwrap();
        assert!(c.decision.unwrap().approved);
    }
    drop(db);
    api.all_connections("ams", ConnectionState::Active).await;
    let late = api.decide(&at(&ids[0].to_string(), "approve"), json!({ "reason": "fine, too" })).await;
    assert_eq!((late.status.as_u16(), late.code()), (409, "DecisionNotAwaited"));
    for id in ["999", "nonsense"] {
        let none = api.decide(&at(id, "approve"), json!({ "reason": "fine" })).await;
        assert_eq!(none.status, 404, "{id}");
    }
}

#[tokio::test]
async fn a_peer_sees_its_connections_whole() {
    let api = Api::new().await;
    api.provider().await;
    let path = format!("/api/v1/subscriptions/{SUB}/resourceGroups/{RG}/peerings/ams/connections");
    let early = api.get(&path).await;
    assert_eq!(early.body["value"][0]["awaited"]["party"], "operator");
    let state = ConnectionState::Onboarding(Stage::ProvisioningStarted);
    let given = api.all_connections("ams", state).await;
    let mut tx = api.store.begin().await.unwrap();
    let mut first = given[0].clone();
    first.loa = Some(Loa { code: "LOA-1".into(), issued_at: now(), expires_at: now() });
    connection_update(&mut tx, &first).await.unwrap();
    let member = |up| MemberState { carrier: true, collecting: up, distributing: up };
    let ports = first.ports.clone().unwrap().ports;
    let lag =
        LagState { members: [(ports[0].clone(), member(true)), (ports[1].clone(), member(false))].into() };
    let session = first.session_name(true);
    router_state_put(&mut tx, &router_state(&first.lag_name(), lag, &session)).await.unwrap();
    session_routes_put(&mut tx, &session_routes(&session)).await.unwrap();
    tx.commit().await.unwrap();
    let shown = api.get(&path).await;
    let c = &shown.body["value"][0];
    assert_eq!(c["router"]["name"], "ams1-er1");
    assert_eq!(c["router"]["reachable"], true);
    assert_eq!(c["router"]["address"], "1 Harbour Way");
    assert_eq!(c["awaited"]["party"], "peer");
    let what = c["awaited"]["what"].as_str().unwrap();
    assert!(what.contains(ports[1].as_str()), "{what}");
    assert_eq!((&c["lag"]["light"], &c["lag"]["up"]), (&json!(true), &json!(false)));
    assert!(c["lag"]["ports"][0]["panel"].as_str().unwrap().starts_with("PP1:"));
    assert_eq!(
        c["loa"],
        json!({ "code": "LOA-1", "issuedAt": "2026-01-05T10:00:00Z",
        "expiresAt": "2026-01-05T10:00:00Z", "expired": true })
    );
    let s = &c["sessions"][0];
    assert_eq!((&s["bgp"], &s["bfd"]), (&json!("Established"), &json!("Up")));
    assert_eq!(s["gateOpen"], true);
    assert_eq!(s["routes"]["faults"], json!([{ "code": "Bogon", "count": 2, "examples": ["10.0.0.0/8"] }]));
    let second = &shown.body["value"][1];
    assert_eq!(second["router"]["reachable"], Value::Null);
    assert_eq!(second["sessions"][0]["bgp"], "None");
}

fn router_state(lag_name: &str, lag: LagState, session: &str) -> RouterState {
    let up = SessionState {
        bgp: BgpState::Established,
        bfd: BfdSessionState::Up,
        gate_open: true,
        ..SessionState::default()
    };
    RouterState {
        applied_generation: Some(3),
        drift: Some("-ip route\n".into()),
        lags: [(lag_name.to_owned(), lag)].into(),
        sessions: [(session.to_owned(), up)].into(),
        ..edges::reachable("ams1-er1")
    }
}

fn session_routes(session: &str) -> SessionRoutes {
    SessionRoutes {
        router: "ams1-er1".into(),
        session: session.into(),
        peer_address: "198.18.192.2".parse().unwrap(),
        at: now(),
        synced: true,
        error: None,
        received: 7,
        used: 5,
        faults: [("Bogon".to_owned(), 2)].into(),
        examples: [("Bogon".to_owned(), vec!["10.0.0.0/8".parse().unwrap()])].into(),
        evidence: vec![],
    }
}

#[tokio::test]
async fn checks_are_shown_to_their_peer() {
    let api = Api::new().await;
    api.provider().await;
    api.all_connections("ams", ConnectionState::Active).await;
    api.registered("media", "198.19.10.0/24", PrefixState::Failed).await;
    let path = format!(
        "/api/v1/subscriptions/{SUB}/resourceGroups/{RG}/peerings/ams/registeredPrefixes/media/checks"
    );
    let shown = api.get(&path).await;
    assert_eq!(shown.body["prefixValidationState"], "Failed");
    assert_eq!(shown.body["checks"], json!([]));
}

#[tokio::test]
async fn routers_are_shown_with_what_is_applied_and_their_drift() {
    let queries: EdgeQueries = Arc::new(|_, _| {
        let (diff, faults) = ("+neighbor\n".into(), Default::default());
        Box::pin(async { Ok(EdgeAnswer::Diff { generation: None, diff, faults }) })
    });
    let api = Api::with(queries, Settings::default()).await;
    let mut tx = api.store.begin().await.unwrap();
    let state = router_state("lag1", LagState::default(), "c1v4");
    router_state_put(&mut tx, &state).await.unwrap();
    for generation in [2, 3] {
        let result = ApplyResult {
            router: "ams1-er1".into(),
            generation,
            at: now(),
            units: vec![],
            outcome: ApplyOutcome::Confirmed,
            diff: format!("+{generation}"),
        };
        apply_result_put(&mut tx, &result).await.unwrap();
    }
    tx.commit().await.unwrap();
    let list = operator(&api, "/api/v1/routers").await;
    let rows = list.body["value"].as_array().unwrap();
    assert_eq!(rows.len(), 4);
    assert_eq!((&rows[0]["reachable"], &rows[0]["drifted"]), (&json!(true), &json!(true)));
    assert_eq!(rows[1]["reachable"], Value::Null);
    let one = operator(&api, "/api/v1/routers/AMS1-ER1").await;
    assert_eq!(one.body["drift"], "-ip route\n");
    assert_eq!(one.body["lastApply"]["generation"], 3);
    assert_eq!(one.body["state"]["sessions"]["c1v4"]["bgp"], "Established");
    assert_eq!(operator(&api, "/api/v1/routers/nothing").await.status, 404);
    // The edge has no intent yet, and says so.
    let diff = operator(&api, "/api/v1/routers/ams1-er1/diff").await;
    assert_eq!((&diff.body["generation"], &diff.body["diff"]), (&Value::Null, &json!("+neighbor\n")));
}

#[tokio::test]
async fn mails_and_inventory_are_shown() {
    let api = Api::new().await;
    let mut tx = api.store.begin().await.unwrap();
    for n in 1..=2 {
        let mail = NewMail {
            key: format!("k{n}"),
            milestone: "AsnRequested".into(),
            subscription: Some(SUB.into()),
            resource_id: asn(&format!("tel{n}")),
            recipients: vec!["noc@tel.example".into()],
            subject: "ASN".into(),
            text: "text".into(),
            html: "<p>".into(),
        };
        mail_enqueue(&mut tx, &mail, now()).await.unwrap();
    }
    mail_mark_sent(&mut tx, "k1", now()).await.unwrap();
    tx.commit().await.unwrap();
    let mails = operator(&api, "/api/v1/mails").await;
    let rows = mails.body["value"].as_array().unwrap();
    assert_eq!((&rows[0]["key"], &rows[0]["sentAt"]), (&json!("k2"), &Value::Null));
    assert_eq!(rows[1]["sentAt"], "2026-01-05T10:00:00Z");
    let one = operator(&api, &format!("/api/v1/mails?resource={}", asn("TEL1"))).await;
    assert_eq!(one.body["value"].as_array().unwrap().len(), 1);
    let inventory = operator(&api, "/api/v1/inventory").await;
    assert_eq!(inventory.body["inventory"]["host"]["asn"], 64500);
    let text = metrics(&api).await;
    assert!(text.contains("meetme_mails_unsent 1\n"), "{text}");
}

async fn metrics(api: &Api) -> String {
    let request = Request::get("/metrics").body(Body::empty()).unwrap();
    let response = metrics_router(api.store.clone()).oneshot(request).await;
    let body = response.unwrap().into_body();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn metrics_count_what_there_is() {
    let api = Api::new().await;
    api.provider().await;
    api.all_connections("ams", ConnectionState::Active).await;
    api.registered("media", "198.19.10.0/24", PrefixState::Warning).await;
    let mut tx = api.store.begin().await.unwrap();
    let state = router_state("lag1", LagState::default(), "c1v4");
    router_state_put(&mut tx, &state).await.unwrap();
    tx.commit().await.unwrap();
    let text = metrics(&api).await;
    for line in [
        "meetme_connections{state=\"Active\"} 2",
        "meetme_registered_prefixes{state=\"Warning\"} 1",
        "meetme_router_reachable{router=\"ams1-er1\"} 1",
        "meetme_mails_unsent 0",
        "meetme_work_depth 5",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} in\n{text}");
    }
}

#[tokio::test]
async fn without_an_inventory_writes_are_told_so() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", directory.path().join("db").display());
    let store = Store::open(&url, &SealKey::new([1; 32])).await.unwrap();
    let mut tx = store.begin().await.unwrap();
    let token = NewToken { name: "op".into(), role: Role::Operator, subscription: None, expires_at: None };
    let (token, _) = token_create(&mut tx, token, now()).await.unwrap();
    tx.commit().await.unwrap();
    let app = crate::router(ApiState {
        store,
        queries: Arc::new(|_, _| Box::pin(async { Err("no".into()) })),
        settings: Settings::default(),
    });
    let request = Request::get("/api/v1/routers")
        .header("authorization", format!("Bearer {token}"))
        .body(Body::empty())
        .unwrap();
    assert_eq!(app.oneshot(request).await.unwrap().status(), 503);
}
