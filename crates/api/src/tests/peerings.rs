//! `peerings` as wholes (`docs/rules.md` §2).

use super::edges;
use super::fixture::*;
use crate::Settings;
use axum::body::Body;
use axum::http::Method;
use jiff::SignedDuration;
use meetme_model::connection::{ConnectionState, Stage};
use meetme_model::link::{BgpState, RouterState, SessionState};
use meetme_model::plan::Timing;
use meetme_model::registered_prefix::PrefixState;
use meetme_store::*;
use serde_json::{Value, json};

#[tokio::test]
async fn a_peering_is_shown_as_arm_clients_know_it() {
    let api = Api::new().await;
    api.provider().await;
    let read = api.get(&peering("AMS")).await;
    assert_eq!(read.status, 200);
    let body = &read.body;
    assert_eq!(body["id"], peering("ams").as_str());
    assert_eq!(body["type"], "Microsoft.Peering/peerings");
    assert_eq!(
        body["sku"],
        json!({ "name": "Premium_Direct_Free", "tier": "Premium", "family": "Direct", "size": "Free" })
    );
    let properties = &body["properties"];
    assert_eq!(properties["provisioningState"], "Succeeded");
    assert_eq!(properties["peeringLocation"], "Amsterdam");
    assert_eq!(properties["direct"]["useForPeeringService"], true);
    assert_eq!(properties["direct"]["peerAsn"]["id"], asn("tel").as_str());
    let c = &connections(body)[0];
    assert_eq!(c["connectionState"], "PendingApproval");
    assert_eq!(c["sessionAddressProvider"], "Microsoft");
    assert_eq!(c["provisionedBandwidthInMbps"], 0);
    assert_eq!(c["bgpSession"]["sessionStateV4"], "None");
    assert_eq!(c["bgpSession"]["maxPrefixesAdvertisedV4"], 1000);
    assert_eq!(c["connectionIdentifier"].as_str().unwrap().len(), 36);
}

#[tokio::test]
async fn addresses_and_session_state_are_shown_once_they_are_there() {
    let api = Api::new().await;
    api.provider().await;
    let given = api.all_connections("ams", ConnectionState::Active).await;
    let subnet = given[0].subnet_v4.unwrap();
    let read = api.get(&peering("ams")).await;
    let session = &connections(&read.body)[0]["bgpSession"];
    assert_eq!(session["sessionPrefixV4"], subnet.prefix.to_string());
    assert_eq!(session["microsoftSessionIPv4Address"], subnet.host.to_string());
    assert_eq!(session["peerSessionIPv4Address"], subnet.peer.to_string());
    assert_eq!(session["sessionStateV4"], "PendingAdd");
    assert_eq!(connections(&read.body)[0]["provisionedBandwidthInMbps"], 20000);
    let up = SessionState { bgp: BgpState::Established, ..SessionState::default() };
    let state =
        RouterState { sessions: [(given[0].session_name(true), up)].into(), ..edges::reachable("ams1-er1") };
    let mut tx = api.store.begin().await.unwrap();
    router_state_put(&mut tx, &state).await.unwrap();
    tx.commit().await.unwrap();
    let read = api.get(&peering("ams")).await;
    let states: Vec<&Value> =
        connections(&read.body).iter().map(|c| &c["bgpSession"]["sessionStateV4"]).collect();
    assert_eq!(states, ["Established", "PendingAdd"]);
    let list = api.get(&peering("")).await;
    assert_eq!(list.body["value"], json!([read.body]), "a list shows what a look at one shows");
    // What was read can be sent back as it is.
    let reply = api.put(&peering("ams"), read.body).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
}

#[tokio::test]
async fn every_rule_of_a_peering_is_told_with_its_target() {
    let api = Api::new().await;
    let body = json!({
        "kind": "Direct",
        "sku": { "name": "Basic_Direct_Free" },
        "properties": {
            "peeringLocation": "Atlantis",
            "direct": {
                "directPeeringType": "Voice",
                "peerAsn": { "id": asn("nobody") },
                "connections": [{
                    "bandwidthInMbps": 12345,
                    "peeringDBFacilityId": 64,
                    "connectionIdentifier": "not a guid",
                    "sessionAddressProvider": "Peer",
                    "useForPeeringService": false,
                    "bgpSession": {
                        "maxPrefixesAdvertisedV4": 20001,
                        "maxPrefixesAdvertisedV6": 2001,
                        "sessionPrefixV4": "192.0.2.0/30",
                        "md5AuthenticationKey": "with space",
                        "peerSessionIPv4Address": "192.0.2.1",
                    },
                }],
            },
        },
        "tags": { "": "empty" },
    });
    let reply = api.put(&peering("x"), body).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (400, "InvalidRequest"));
    let mut found = reply.violations();
    found.sort();
    let mut expected = vec![
        "PeeringLocationUnknown properties.peeringLocation".to_owned(),
        "PeerAsnUnknown properties.direct.peerAsn.id".into(),
        "SkuMismatch sku.name".into(),
        "LocationRequired location".into(),
        "TagsInvalid tags".into(),
        format!("TooFewConnections {C}"),
        format!("BandwidthInvalid {C}[0].bandwidthInMbps"),
        format!("ConnectionIdentifierInvalid {C}[0].connectionIdentifier"),
        format!("SessionAddressProviderForced {C}[0].sessionAddressProvider"),
        format!("UseForPeeringServiceForced {C}[0].useForPeeringService"),
        format!("MaxPrefixesInvalid {C}[0].bgpSession.maxPrefixesAdvertisedV4"),
        format!("MaxPrefixesInvalid {C}[0].bgpSession.maxPrefixesAdvertisedV6"),
        format!("SessionPrefixNotAccepted {C}[0].bgpSession.sessionPrefixV4"),
        format!("Md5KeyInvalid {C}[0].bgpSession.md5AuthenticationKey"),
    ];
    expected.sort();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn names_kinds_and_types_are_checked() {
    let api = Api::new().await;
    api.provider().await;
    let mut body = edge("Frankfurt", 58);
    body["kind"] = "Sideways".into();
    let reply = api.put(&peering("e"), body.clone()).await;
    assert!(reply.violations().contains(&"KindInvalid kind".into()));
    body["kind"] = Value::Null;
    let reply = api.put(&peering("e"), body.clone()).await;
    assert!(reply.violations().contains(&"KindRequired kind".into()));
    body["kind"] = "Direct".into();
    body["properties"]["direct"]["directPeeringType"] = "Cdn".into();
    let reply = api.put(&peering("e"), body.clone()).await;
    assert!(
        reply.violations().contains(&"DirectPeeringTypeInvalid properties.direct.directPeeringType".into())
    );
    body["properties"]["direct"]["directPeeringType"] = "Edge".into();
    body["sku"] = json!({ "name": "Gold" });
    let reply = api.put(&peering("e"), body).await;
    assert_eq!(reply.violations(), ["SkuInvalid sku.name"]);
}

#[tokio::test]
async fn kind_exchange_is_refused_by_one_error_whatever_else_is_sent() {
    let api = Api::new().await;
    api.provider().await;
    let exchange = json!({
        "kind": "Exchange", "location": "westeurope", "sku": { "name": "Basic_Exchange_Free" },
        "properties": { "peeringLocation": "Amsterdam", "exchange": {
            "peerAsn": { "id": asn("tel") },
            "connections": [{ "peeringDBFacilityId": 64,
                              "bgpSession": { "peerSessionIPv4Address": "192.0.2.1" } }],
        } },
    });
    let mut direct = edge("Amsterdam", 64);
    (direct["kind"], direct["sku"]["name"]) = ("Exchange".into(), "Basic_Exchange_Free".into());
    for body in [exchange, direct] {
        let reply = api.put(&peering("x"), body).await;
        assert_eq!(
            (reply.status.as_u16(), reply.violations()),
            (400, vec!["KindNotOffered kind".to_owned()])
        );
    }
    assert_eq!(api.get(&peering("x")).await.status, 404);
    let nowhere = "/subscriptions/Sub-A/providers/Microsoft.Peering/peeringLocations?kind=Exchange";
    assert_eq!(api.get(nowhere).await.body["value"], json!([]));
}

#[tokio::test]
async fn a_location_is_one_however_it_is_spelled_and_stays_as_it_was() {
    let api = Api::new().await;
    api.provider().await;
    for spelled in ["West Europe", "WestEurope", " westeurope "] {
        let mut body = voice("Amsterdam", 64);
        body["location"] = spelled.into();
        let reply = api.put(&peering("ams"), body).await;
        assert_eq!((reply.status.as_u16(), reply.body["location"].as_str()), (200, Some("westeurope")));
    }
    let mut body = edge("Frankfurt", 58);
    body["location"] = "Germany West Central".into();
    assert_eq!(api.put(&peering("fra"), body.clone()).await.body["location"], "germanywestcentral");
    body["location"] = "<nowhere>".into();
    assert_eq!(api.put(&peering("fra2"), body).await.violations(), ["LocationInvalid location"]);
}

#[tokio::test]
async fn what_other_clients_send_for_nothing_is_taken() {
    let api = Api::new().await;
    api.provider().await;
    let mut body = edge("Amsterdam", 64);
    let connection = &mut body["properties"]["direct"]["connections"][0];
    connection["sessionAddressProvider"] = "Peer".into();
    connection["connectionIdentifier"] = "D1111111111111111111111111111111".into();
    connection["bgpSession"] = json!({ "sessionPrefixV4": "198.19.152.60/30", "maxPrefixesAdvertisedV6": 0, "md5AuthenticationKey": "" });
    let made = api.put(&peering("plain"), body.clone()).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let shown = &connections(&made.body)[0];
    assert_eq!(shown["connectionIdentifier"], "d1111111-1111-1111-1111-111111111111");
    // Both ends follow from the subnet: they needn't wait for the port.
    let session = &shown["bgpSession"];
    assert_eq!(session["peerSessionIPv4Address"], "198.19.152.61");
    assert_eq!(session["microsoftSessionIPv4Address"], "198.19.152.62");
    body["properties"]["direct"]["connections"][0]["bgpSession"]["md5AuthenticationKey"] = Value::Null;
    let again = api.put(&peering("plain"), body).await;
    assert_eq!((again.status.as_u16(), &again.headers["etag"]), (200, &made.headers["etag"]));
}

#[tokio::test]
async fn no_prefixes_of_a_family_that_is_not_sent_leave_its_limit_as_it_is() {
    let api = Api::new().await;
    api.provider().await;
    let subnets = json!({ "sessionPrefixV4": "198.19.152.60/30", "sessionPrefixV6": "2001:db8:1::/126" });
    for (name, provider, subnets, mut body) in [
        ("host", "Microsoft", json!({}), edge("Amsterdam", 64)),
        ("peer", "Peer", subnets, edge("Frankfurt", 58)),
    ] {
        let connection = &mut body["properties"]["direct"]["connections"][0];
        connection["sessionAddressProvider"] = provider.into();
        connection["bgpSession"] = subnets;
        connection["bgpSession"]["maxPrefixesAdvertisedV6"] = 500.into();
        let made = api.put(&peering(name), body.clone()).await;
        assert_eq!(made.status, 201, "{name}: {}", made.body);
        let session = &mut body["properties"]["direct"]["connections"][0]["bgpSession"];
        *session = json!({ "maxPrefixesAdvertisedV6": 0 });
        let again = api.put(&peering(name), body).await;
        assert_eq!(again.status, 200, "{name}: {}", again.body);
        assert_eq!(connections(&again.body)[0]["bgpSession"]["maxPrefixesAdvertisedV6"], 500, "{name}");
        assert_eq!(again.headers["etag"], made.headers["etag"], "{name}: nothing changed");
    }
}

#[tokio::test]
async fn there_is_one_peering_per_asn_location_and_offering() {
    let api = Api::new().await;
    api.provider().await;
    let reply = api.put(&peering("second"), voice("Amsterdam", 64)).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (409, "PeeringExists"));
    assert!(reply.message().contains("ams"), "{}", reply.message());
    let other = api.put(&peering("plain"), edge("Amsterdam", 64)).await;
    assert_eq!(other.status, 201, "{}", other.body);
}

#[tokio::test]
async fn what_is_immutable_stays() {
    let api = Api::new().await;
    api.provider().await;
    api.put(&asn("tel2"), asn_body(64509)).await;
    let mut body = voice("Frankfurt", 58);
    body["location"] = "elsewhere".into();
    body["properties"]["direct"]["peerAsn"]["id"] = asn("tel2").into();
    let reply = api.put(&peering("ams"), body).await;
    assert_eq!(
        reply.violations(),
        [
            "PropertyImmutable properties.direct.peerAsn.id",
            "PropertyImmutable properties.peeringLocation",
            "PropertyImmutable location",
        ]
    );
    let reply = api.put(&peering("ams"), edge("Amsterdam", 64)).await;
    assert!(
        reply.violations().contains(&"ConversionNotSupported properties.direct.directPeeringType".into()),
        "{:?}",
        reply.violations()
    );
}

#[tokio::test]
async fn tags_are_patched_and_checked() {
    let api = Api::new().await;
    api.provider().await;
    let patch = async |body: Value| {
        let body = Body::from(body.to_string());
        api.ask(&api.peer, Method::PATCH, &peering("ams"), body).await
    };
    let reply = patch(json!({ "tags": { "team": "voice" } })).await;
    assert_eq!((reply.status.as_u16(), &reply.body["tags"]["team"]), (200, &json!("voice")));
    let reply = patch(json!({ "tags": { "team": "x".repeat(257) } })).await;
    assert_eq!(reply.violations(), ["TagsInvalid tags"]);
    let reply = patch(json!({ "tags": { "team": 5 } })).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (400, "InvalidType"));
    assert_eq!(api.get(&peering("ams")).await.body["tags"]["team"], "voice");
}

#[tokio::test]
async fn a_peering_is_not_deleted_while_a_connection_is_being_provisioned() {
    let api = Api::new().await;
    api.provider().await;
    for stage in [Stage::ProvisioningStarted, Stage::ProvisioningCompleted, Stage::Validating] {
        api.all_connections("ams", ConnectionState::Onboarding(stage)).await;
        let reply = api.delete(&peering("ams")).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (409, "ConnectionBeingProvisioned"));
        assert_eq!(reply.violations().len(), 2);
    }
    api.all_connections("ams", ConnectionState::Active).await;
    assert_eq!(api.delete(&peering("ams")).await.status, 200);
    let read = api.get(&peering("ams")).await;
    assert_eq!(read.body["properties"]["provisioningState"], "Deleting");
    assert_eq!(api.delete(&peering("ams")).await.status, 200);
    let again = api.put(&peering("ams"), voice("Amsterdam", 64)).await;
    assert_eq!((again.status.as_u16(), again.code()), (409, "PeeringDeleting"));
    let seconds: u64 = again.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((55..=66).contains(&seconds), "drained for a minute, then closed: {seconds}");
    assert_eq!(api.delete(&peering("nothing")).await.status, 204);
}

#[tokio::test]
async fn when_a_peering_is_gone_is_told_by_the_times_that_are_set() {
    let timing = Timing { drain: SignedDuration::from_secs(1000), ..Timing::default() };
    let api = Api::with(no_edge(), Settings { timing, ..Settings::default() }).await;
    api.provider().await;
    api.all_connections("ams", ConnectionState::Active).await;
    assert_eq!(api.delete(&peering("ams")).await.status, 200);
    let group = format!("/subscriptions/{SUB}/resourceGroups/{RG}");
    for refused in [api.put(&peering("ams"), voice("Amsterdam", 64)).await, api.delete(&group).await] {
        let seconds: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((900..=1006).contains(&seconds), "{seconds}");
    }
}

#[tokio::test]
async fn a_peering_is_not_deleted_while_its_prefixes_are_in_use() {
    let api = Api::new().await;
    api.provider().await;
    api.all_connections("ams", ConnectionState::Active).await;
    let key = api.registered("media", "198.19.10.0/24", PrefixState::Verified).await;
    super::services::activate(&api, &key).await;
    let reply = api.delete(&peering("ams")).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (409, "PeeringInUse"));
    assert_eq!(reply.violations(), ["PeeringInUse voice/media"]);
}

#[tokio::test]
async fn lists_go_by_subscription_and_by_group() {
    let api = Api::new().await;
    api.provider().await;
    let all = format!("/subscriptions/{SUB}/providers/Microsoft.Peering/peerings");
    let elsewhere = peering("").replace(RG, "another");
    for (path, count) in [(all, 1), (peering(""), 1), (elsewhere, 0)] {
        let list = api.get(&path).await;
        assert_eq!(list.body["value"].as_array().unwrap().len(), count, "{path}");
    }
}
