//! `registeredPrefixes` (`docs/rules.md` §5).

use super::fixture::*;
use axum::body::Body;
use axum::http::Method;
use meetme_model::connection::{ConnectionState, Stage};
use meetme_model::registered_prefix::PrefixState;
use serde_json::{Value, json};

fn body(prefix: &str) -> Value {
    json!({ "properties": { "prefix": prefix } })
}

async fn active() -> Api {
    let api = Api::new().await;
    api.provider().await;
    api.all_connections("ams", ConnectionState::Active).await;
    api
}

#[tokio::test]
async fn a_prefix_is_registered_with_what_it_houses() {
    let api = active().await;
    let mut sent = body("198.19.10.0/24");
    sent["properties"]["trafficClasses"] = json!(["media", "media"]);
    sent["properties"]["endpoints"] = json!(["sbc"]);
    let path = registered("ams", "media");
    let mut created = api.put(&path, sent).await;
    assert_eq!(created.status, 201, "{}", created.body);
    created.body.as_object_mut().unwrap().remove("systemData");
    assert_eq!(
        created.body,
        json!({
            "id": path,
            "name": "media",
            "type": "Microsoft.Peering/peerings/registeredPrefixes",
            "properties": {
                "prefix": "198.19.10.0/24",
                "prefixValidationState": "Pending",
                "provisioningState": "Succeeded",
                "trafficClasses": ["media"],
                "endpoints": ["sbc"],
            },
        })
    );
    // Said anew; left out it stays.
    let again = api.put(&path, body("198.19.10.0/24")).await;
    assert_eq!(again.status, 200);
    assert_eq!(again.body["properties"]["endpoints"], json!(["sbc"]));
    let list = api.get(&registered("ams", "")).await;
    assert_eq!(list.body["value"].as_array().unwrap().len(), 1);
    let validate = format!("{path}/validate");
    let looked = api.ask(&api.peer, Method::POST, &validate, Body::empty()).await;
    assert_eq!(looked.status, 200);
    assert_eq!(api.delete(&path).await.status, 200);
    assert_eq!(api.delete(&path).await.status, 204);
    assert_eq!(api.get(&path).await.status, 404);
}

#[tokio::test]
async fn the_key_is_shown_once_there_is_one() {
    let api = active().await;
    let key = api.registered("media", "198.19.10.0/24", PrefixState::Verified).await;
    let read = api.get(&registered("ams", "media")).await;
    assert_eq!(read.body["properties"]["prefixValidationState"], "Verified");
    assert_eq!(read.body["properties"]["peeringServicePrefixKey"], key.as_str());
}

#[tokio::test]
async fn what_is_no_public_unicast_prefix_in_the_offerings_limits_is_refused() {
    let api = active().await;
    for (prefix, code, says) in [
        ("", "PrefixRequired", "missing"),
        ("198.19.10.0", "PrefixInvalid", "address/length"),
        ("../../etc", "PrefixInvalid", "address/length"),
        ("198.19.10.7/24", "PrefixHostBitsSet", "198.19.10.0/24"),
        ("10.22.20.0/24", "PrefixNotPublic", "RFC 1918"),
        ("0.0.0.0/0", "PrefixNotPublic", "default route"),
        ("224.0.0.0/24", "PrefixNotPublic", "multicast"),
        ("198.18.1.0/24", "PrefixInHostSpace", "this network"),
        ("198.19.10.0/30", "PrefixTooLong", "/29"),
        ("2001:db8:1::/48", "Ipv6NotOffered", "IPv4"),
    ] {
        let reply = api.put(&registered("ams", "p"), body(prefix)).await;
        assert_eq!(
            (reply.status.as_u16(), reply.violations()),
            (400, vec![format!("{code} properties.prefix")]),
            "{prefix}"
        );
        assert!(reply.message().contains(says), "{}", reply.message());
    }
    let mut sent = body("10.0.0.0/30");
    sent["properties"]["trafficClasses"] = json!(["media", "fax"]);
    sent["properties"]["endpoints"] = json!(["toaster"]);
    let reply = api.put(&registered("ams", "p"), sent).await;
    assert_eq!(
        reply.violations(),
        [
            "PrefixNotPublic properties.prefix",
            "PrefixTooLong properties.prefix",
            "UsageInvalid properties.trafficClasses[1]",
            "UsageInvalid properties.endpoints[0]",
        ]
    );
    // Longer than /24 is routed inside the host's network, up to the limit.
    let reply = api.put(&registered("ams", "p"), body("198.19.10.0/29")).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
}

#[tokio::test]
async fn without_an_active_connection_nothing_is_registered() {
    let api = Api::new().await;
    api.provider().await;
    for state in [
        ConnectionState::Onboarding(Stage::PendingApproval),
        ConnectionState::Onboarding(Stage::Validating),
        ConnectionState::ExternalBlocker(Stage::Validating),
    ] {
        api.all_connections("ams", state).await;
        let reply = api.put(&registered("ams", "p"), body("198.19.10.0/24")).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (409, "ConnectionNotActive"));
    }
}

#[tokio::test]
async fn a_peering_without_peering_service_or_with_a_route_server_registers_none() {
    let api = active().await;
    api.put(&peering("plain"), edge("Amsterdam", 64)).await;
    let mut ixrs = voice("Amsterdam", 64);
    ixrs["properties"]["direct"]["directPeeringType"] = "IxRs".into();
    for (i, subnet) in ["198.19.0.0/31", "198.19.0.2/31"].iter().enumerate() {
        let c = &mut ixrs["properties"]["direct"]["connections"][i];
        c["bgpSession"] = json!({ "sessionPrefixV4": subnet });
    }
    let reply = api.put(&peering("ixrs"), ixrs).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    for name in ["plain", "ixrs"] {
        api.all_connections(name, ConnectionState::Active).await;
        let reply = api.put(&registered(name, "p"), body("198.19.10.0/24")).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (405, "OperationNotSupported"), "{name}");
    }
}

#[tokio::test]
async fn a_prefix_is_registered_once_and_whose_it_is_stays_hidden() {
    let api = active().await;
    api.put(&registered("ams", "media"), body("198.19.10.0/24")).await;
    let own = api.put(&registered("ams", "again"), body("198.19.10.0/24")).await;
    assert_eq!((own.status.as_u16(), own.code()), (409, "PrefixAlreadyRegistered"));
    assert!(own.message().contains("ams"), "{}", own.message());
    // Another subscription with a peering of its own.
    other_peering(&api).await;
    let path = registered("ams", "theirs").replace(SUB, "Sub-B");
    let sent = Body::from(body("198.19.10.0/24").to_string());
    let theirs = api.ask(&api.other, Method::PUT, &path, sent).await;
    assert_eq!((theirs.status.as_u16(), theirs.code()), (409, "PrefixAlreadyRegistered"));
    assert_eq!(theirs.body["error"]["target"], "properties.prefix");
    for secret in ["Sub-A", "media", "telco", "'ams'", " ams "] {
        assert!(!theirs.message().contains(secret), "{}", theirs.message());
    }
}

/// A peering named `ams` in Sub-B, Active.
async fn other_peering(api: &Api) {
    let put = async |path: String, body: Value| {
        let text = body.to_string().replace("/Sub-A/", "/Sub-B/");
        let path = path.replace(SUB, "Sub-B");
        let reply = api.ask(&api.other, Method::PUT, &path, Body::from(text)).await;
        assert_eq!(reply.status, 201, "{}", reply.body);
    };
    let mut claim = asn_body(64509);
    claim["properties"]["peerName"] = "Other Example".into();
    put(asn("tel"), claim).await;
    put(peering("ams"), voice("Amsterdam", 64)).await;
    let mut tx = api.store.begin().await.unwrap();
    let p = meetme_store::peering_get(&mut tx, "Sub-B", RG, "ams").await;
    let (_, all) = meetme_store::peering_lock(&mut tx, p.unwrap().unwrap().id).await.unwrap();
    for mut c in all {
        c.state = ConnectionState::Active;
        meetme_store::connection_update(&mut tx, &c).await.unwrap();
    }
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_registrations_prefix_is_immutable() {
    let api = active().await;
    let path = registered("ams", "media");
    api.put(&path, body("198.19.10.0/24")).await;
    let reply = api.put(&path, body("198.19.11.0/24")).await;
    assert_eq!(reply.violations(), ["PropertyImmutable properties.prefix"]);
}

#[tokio::test]
async fn a_registration_in_use_is_not_deleted() {
    let api = active().await;
    let key = api.registered("media", "198.19.10.0/24", PrefixState::Verified).await;
    super::services::activate(&api, &key).await;
    let reply = api.delete(&registered("ams", "media")).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (409, "RegisteredPrefixInUse"));
    assert_eq!(reply.violations(), ["RegisteredPrefixInUse voice/media"]);
}
