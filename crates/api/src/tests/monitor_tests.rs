//! `initializeConnectionMonitor` and `connectionMonitorTests` (`docs/rules.md` §6).

use super::fixture::*;
use super::services::service_body;
use axum::body::Body;
use axum::http::Method;
use meetme_model::connection::ConnectionState;
use meetme_model::probe::ProbeOutcome;
use meetme_model::probe_id::ProbeId;
use meetme_store::*;
use serde_json::{Value, json};

const P: &str = "properties.";

fn initialize_path() -> String {
    format!("/subscriptions/{SUB}/providers/Microsoft.Peering/initializeConnectionMonitor")
}

async fn initialize(api: &Api) {
    let reply = api.ask(&api.peer, Method::POST, &initialize_path(), Body::empty()).await;
    assert_eq!((reply.status.as_u16(), reply.body), (200, Value::Null));
}

fn path(name: &str) -> String {
    format!("{}/connectionMonitorTests/{name}", service("voice"))
}

fn body(destination: &str) -> Value {
    json!({ "properties": {
        "sourceAgent": "ams1",
        "destination": destination,
        "destinationPort": 5061,
        "testFrequencyInSec": 30,
    } })
}

/// A provider that is Active in Amsterdam, with a peering service there.
async fn with_service() -> Api {
    let api = Api::new().await;
    api.provider().await;
    api.all_connections("ams", ConnectionState::Active).await;
    let reply = api.put(&service("voice"), service_body("Amsterdam", None)).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    api
}

async fn stored(api: &Api, name: &str) -> meetme_model::monitor_test::MonitorTest {
    let mut db = api.store.read().await.unwrap();
    let service = peering_service_get(&mut db, SUB, RG, "voice").await.unwrap().unwrap();
    monitor_test_get(&mut db, service.id, name).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_service_shows_its_agents_once_the_monitor_is_initialized() {
    let api = with_service().await;
    let before = api.get(&service("voice")).await;
    assert!(before.body["properties"].get("logAnalyticsWorkspaceProperties").is_none());
    let refused = api.put(&path("t"), body("198.19.10.7")).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (409, "ConnectionMonitorNotInitialized"));
    initialize(&api).await;
    let shown =
        api.get(&service("voice")).await.body["properties"]["logAnalyticsWorkspaceProperties"].clone();
    assert_eq!(shown["connectedAgents"], json!(["ams1"]));
    assert!(meetme_model::peering::guid(shown["workspaceID"].as_str().unwrap()).is_some(), "{shown}");
    assert!(shown.get("key").is_none());
    initialize(&api).await;
    let list = api.get(&service("")).await;
    assert_eq!(list.body["value"][0]["properties"]["logAnalyticsWorkspaceProperties"], shown, "the same");
    let mut db = api.store.read().await.unwrap();
    let audit = audit_list(&mut db, Scope::All, IdPage::first(1)).await.unwrap();
    assert_eq!(audit[0].action, "initializeConnectionMonitor/action");
    assert_eq!(connection_monitor_get(&mut db, "Sub-B").await.unwrap(), None, "another subscription");
}

#[tokio::test]
async fn only_who_may_write_there_initializes_a_monitor() {
    let api = with_service().await;
    let other = api.ask(&api.other, Method::POST, &initialize_path(), Body::empty()).await;
    assert_eq!(other.status, 404);
    let reader = api.ask(&api.reader, Method::POST, &initialize_path(), Body::empty()).await;
    assert_eq!(reader.status, 403);
}

#[tokio::test]
async fn a_test_shows_what_its_newest_try_came_to() {
    let api = with_service().await;
    initialize(&api).await;
    let created = api.put(&path("Sbc"), body("198.19.10.7")).await;
    assert_eq!(created.status, 201, "{}", created.body);
    assert_eq!(created.body["type"], "Microsoft.Peering/peeringServices/connectionMonitorTests");
    assert_eq!(
        created.body["properties"],
        json!({
            "sourceAgent": "ams1",
            "destination": "198.19.10.7",
            "destinationPort": 5061,
            "testFrequencyInSec": 30,
            "provisioningState": "Succeeded",
        })
    );
    let test = stored(&api, "sbc").await;
    assert_eq!(test.spec.router, "ams1-er1");
    let hop = "198.18.192.2";
    for (rtt_ms, path, untried) in [
        (None, vec![hop, "*"], false),
        (None, vec![hop, "*"], true),
        (Some(1.5), vec![hop, "198.19.10.7"], false),
    ] {
        let id = ProbeId::Test(test.id);
        let path: Vec<String> = path.into_iter().map(Into::into).collect();
        let outcome = ProbeOutcome {
            id: id.to_string(),
            router: "ams1-er1".into(),
            at: now(),
            rtt_ms,
            path: path.clone(),
            error: rtt_ms.is_none().then(|| "no answer".into()),
            untried,
        };
        let mut tx = api.store.begin().await.unwrap();
        probe_outcome_put(&mut tx, id, &outcome).await.unwrap();
        tx.commit().await.unwrap();
        let shown = api.get(&self::path("sbc")).await.body["properties"].clone();
        if untried {
            assert!(shown.get("isTestSuccessful").is_none() && shown.get("path").is_none(), "{shown}");
            continue;
        }
        assert_eq!(shown["isTestSuccessful"], rtt_ms.is_some());
        assert_eq!(shown["path"], json!(path));
    }
    let same = api.put(&path("sbc"), body("198.19.10.7")).await;
    assert_eq!((same.status.as_u16(), same.headers.get("etag")), (200, created.headers.get("etag")));
    assert_eq!(same.body["properties"]["isTestSuccessful"], true, "nothing changed");
    let changed = api.put(&path("sbc"), body("198.19.10.8")).await;
    assert_eq!(changed.status, 200);
    assert!(changed.body["properties"].get("isTestSuccessful").is_none(), "it was found of another");
    assert_ne!(changed.headers.get("etag"), created.headers.get("etag"));
    let list = api.get(&path("")).await;
    assert_eq!(list.body["value"], json!([changed.body]));
    assert_eq!(api.delete(&path("sbc")).await.status, 200);
    assert_eq!(api.delete(&path("sbc")).await.status, 204);
    assert_eq!(api.get(&path("sbc")).await.status, 404);
}

#[tokio::test]
async fn every_broken_rule_of_a_test_is_told_at_once() {
    let api = with_service().await;
    initialize(&api).await;
    let sent = json!({ "properties": {
        "sourceAgent": "fra1",
        "destination": "sbc.tel.example",
        "destinationPort": 70_000,
        "testFrequencyInSec": 5,
    } });
    let reply = api.put(&path("t"), sent).await;
    assert_eq!(reply.status, 400);
    assert_eq!(
        reply.violations(),
        [
            format!("SourceAgentUnknown {P}sourceAgent"),
            format!("DestinationInvalid {P}destination"),
            format!("DestinationPortInvalid {P}destinationPort"),
            format!("TestFrequencyInvalid {P}testFrequencyInSec"),
        ]
    );
    assert!(reply.message().contains("there are ams1"), "{}", reply.message());
    for (destination, code) in [
        ("198.18.192.1", "DestinationInHostSpace"),
        ("198.18.255.11", "DestinationInHostSpace"),
        ("198.18.1.1", "DestinationInHostSpace"),
        ("192.0.2.11", "DestinationInHostSpace"),
        ("10.0.0.1", "DestinationNotPublic"),
        ("127.0.0.1", "DestinationNotPublic"),
    ] {
        let reply = api.put(&path("t"), body(destination)).await;
        assert_eq!(reply.violations(), [format!("{code} {P}destination")], "{destination}");
    }
}

#[tokio::test]
async fn a_service_has_at_most_twenty_tests() {
    let api = with_service().await;
    initialize(&api).await;
    for n in 0..20 {
        let reply = api.put(&path(&format!("t{n}")), body(&format!("198.19.10.{n}"))).await;
        assert_eq!(reply.status, 201, "{}", reply.body);
    }
    let reply = api.put(&path("t20"), body("198.19.10.20")).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (409, "TooManyConnectionMonitorTests"));
    assert_eq!(api.put(&path("t19"), body("198.19.10.99")).await.status, 200, "one that is may change");
    assert_eq!(api.delete(&service("voice")).await.status, 200);
    let mut db = api.store.read().await.unwrap();
    assert_eq!(monitor_tests_at_site(&mut db, "ams1").await.unwrap(), [], "gone with their service");
}
