//! What a subscription has and what isn't settled in it, found by a word; its mails; and a peering
//! service validated with its prefixes.

use super::edges;
use super::fixture::*;
use super::services::service_body;
use axum::body::Body;
use axum::http::Method;
use jiff::SignedDuration;
use meetme_model::connection::{ConnectionState, Stage};
use meetme_model::link::{LagState, MemberState, RouterState};
use meetme_model::registered_prefix::PrefixState;
use meetme_store::*;
use serde_json::{Value, json};

const OWN: &str = "/api/v1/subscriptions/Sub-A";

/// A provider with a registered prefix, whose connections are all in a state.
async fn provider(state: ConnectionState, prefix: PrefixState) -> (Api, String) {
    let api = Api::new().await;
    api.provider().await;
    api.all_connections("ams", ConnectionState::Active).await;
    let key = api.registered("media", "198.19.10.0/24", prefix).await;
    api.all_connections("ams", state).await;
    (api, key)
}

fn kinds(reply: &Reply) -> Vec<&str> {
    reply.body["value"].as_array().unwrap().iter().map(|row| row["kind"].as_str().unwrap()).collect()
}

async fn status(api: &Api, token: &str, path: &str) -> u16 {
    api.ask(token, Method::GET, path, Body::empty()).await.status.as_u16()
}

#[tokio::test]
async fn what_is_not_settled_is_told_with_who_is_awaited() {
    let (api, _) =
        provider(ConnectionState::ExternalBlocker(Stage::ProvisioningStarted), PrefixState::Warning).await;
    let reply = api.get(&format!("{OWN}/attention")).await;
    assert_eq!(kinds(&reply), ["connection", "connection", "registeredPrefix"]);
    let first = &reply.body["value"][0];
    assert_eq!((&first["awaited"], &first["state"]), (&json!("peer"), &json!("ExternalBlocker")));
    assert_eq!(first["resourceId"], peering("ams"));
    let counts = api.get(&format!("{OWN}/counts")).await.body;
    assert_eq!((&counts["peerings"], &counts["connections"]), (&json!(1), &json!({ "ExternalBlocker": 2 })));
    let (settled, _) = provider(ConnectionState::Active, PrefixState::Verified).await;
    assert!(kinds(&settled.get(&format!("{OWN}/attention")).await).is_empty());
}

#[tokio::test]
async fn a_link_that_is_down_is_told_although_its_connection_is_active() {
    let (api, _) = provider(ConnectionState::Active, PrefixState::Verified).await;
    let given = api.all_connections("ams", ConnectionState::Active).await;
    let first = &given[0];
    let lag = |up| LagState {
        members: [("et2".to_owned(), MemberState { carrier: up, collecting: up, distributing: up })].into(),
    };
    for (up, told) in [(true, 0), (false, 1)] {
        let mut tx = api.store.begin().await.unwrap();
        let state = RouterState {
            at: now() + SignedDuration::from_secs(told),
            lags: [(first.lag_name(), lag(up))].into(),
            ..edges::reachable("ams1-er1")
        };
        router_state_put(&mut tx, &state).await.unwrap();
        tx.commit().await.unwrap();
        let rows = api.get(&format!("{OWN}/attention")).await.body["value"].clone();
        assert_eq!(rows.as_array().unwrap().len() as i64, told, "{rows}");
        if let Some(row) = rows.as_array().unwrap().first() {
            assert_eq!((&row["awaited"], &row["trackingId"]), (&json!("peer"), &json!("ams-1")));
            assert!(row["message"].as_str().unwrap().contains("no light on et2"), "{row}");
        }
    }
}

#[tokio::test]
async fn a_word_finds_what_the_caller_reaches_and_nothing_else() {
    let (api, key) = provider(ConnectionState::Active, PrefixState::Verified).await;
    for (word, found) in [
        ("AMS", vec!["peering"]),
        ("AS64510", vec!["peering", "peerAsn"]),
        ("198.19.10", vec!["registeredPrefix"]),
        (key.as_str(), vec!["registeredPrefix"]),
        ("%25", vec![]),
    ] {
        assert_eq!(kinds(&api.get(&format!("{OWN}/search?q={word}")).await), found, "{word}");
    }
    let host = "/api/v1/search?q=ams";
    assert_eq!(kinds(&api.ask(&api.operator, Method::GET, host, Body::empty()).await), ["peering"]);
    assert_eq!(api.get(&format!("{OWN}/search?q=")).await.status, 400);
    for path in ["search?q=ams", "attention", "counts", "mails"] {
        assert_eq!(status(&api, &api.other, &format!("{OWN}/{path}")).await, 404, "{path}");
    }
    for path in [host, "/api/v1/counts"] {
        assert_eq!(status(&api, &api.peer, path).await, 404, "{path}: the host's");
    }
}

#[tokio::test]
async fn a_subscription_s_mails_are_its_own() {
    let (api, _) = provider(ConnectionState::Active, PrefixState::Verified).await;
    let mut tx = api.store.begin().await.unwrap();
    for (key, subscription) in [("a", "Sub-A"), ("b", "Sub-B")] {
        let mail = NewMail {
            key: key.into(),
            milestone: "asn-approved".into(),
            subscription: Some(subscription.into()),
            resource_id: asn("tel"),
            recipients: vec!["noc@tel.example".into()],
            subject: key.into(),
            text: "text".into(),
            html: "html".into(),
        };
        mail_enqueue(&mut tx, &mail, now()).await.unwrap();
    }
    tx.commit().await.unwrap();
    for path in [format!("{OWN}/mails"), format!("{OWN}/mails?resource={}", asn("tel"))] {
        let shown = api.get(&path).await.body;
        let subjects: Vec<&Value> =
            shown["value"].as_array().unwrap().iter().map(|m| &m["subject"]).collect();
        assert_eq!(subjects, ["a"], "{path}");
    }
}

async fn validate(api: &Api, token: &str, body: Value) -> Reply {
    let path = format!("{OWN}/resourceGroups/{RG}/peeringServices/voice/validate");
    api.ask(token, Method::POST, &path, Body::from(body.to_string())).await
}

fn whole(backup: Option<&str>, prefixes: Value) -> Value {
    let mut body = service_body("Amsterdam", backup);
    body["prefixes"] = prefixes;
    body
}

#[tokio::test]
async fn a_service_is_validated_with_its_prefixes_and_nothing_is_left_behind() {
    let (api, key) = provider(ConnectionState::Active, PrefixState::Verified).await;
    let prefix = json!({ "name": "media", "prefix": "198.19.10.0/24", "peeringServicePrefixKey": key });
    let fine = validate(&api, &api.peer, whole(None, json!([prefix]))).await;
    assert_eq!((fine.status.as_u16(), &fine.body), (200, &json!({ "created": true })), "{}", fine.body);
    assert_eq!(api.get(&service("voice")).await.status, 404);
    let mut other = prefix.clone();
    other["name"] = "again".into();
    let twice = validate(&api, &api.peer, whole(None, json!([prefix, other]))).await;
    assert_eq!(twice.violations(), ["PrefixAlreadyActivated prefixes[1].prefix"], "{}", twice.body);
    let body = whole(None, json!([]));
    assert_eq!(validate(&api, &api.reader, body.clone()).await.status, 403);
    assert_eq!(validate(&api, &api.other, body.clone()).await.status, 404);
    assert_eq!(api.put(&service("voice"), body.clone()).await.status, 201);
    assert_eq!(validate(&api, &api.peer, body).await.body, json!({ "created": false }));
}

#[tokio::test]
async fn a_validation_tells_all_at_once_with_each_prefix_s_place() {
    let (api, key) = provider(ConnectionState::Active, PrefixState::Pending).await;
    let prefixes = json!([
        { "name": "b d", "prefix": "198.19.10.1/24", "peeringServicePrefixKey": "" },
        { "name": "media", "prefix": "198.19.10.0/24", "peeringServicePrefixKey": key },
    ]);
    let wrong = validate(&api, &api.peer, whole(Some("Amsterdam"), prefixes.clone())).await;
    let told = wrong.violations();
    for target in [
        "properties.providerBackupPeeringLocation",
        "prefixes[0].name",
        "prefixes[0].prefix",
        "prefixes[0].peeringServicePrefixKey",
    ] {
        assert!(told.iter().any(|v| v.ends_with(target)), "{target}: {told:?}");
    }
    let unverified = validate(&api, &api.peer, whole(None, prefixes)).await.violations();
    let of_second = "RegistrationNotVerified";
    assert!(
        unverified
            .iter()
            .any(|v| v.contains(of_second) && v.ends_with("prefixes[1].peeringServicePrefixKey")),
        "{unverified:?}"
    );
}
