//! Connections of peerings: their rules and their changes (`docs/rules.md` §2).

use super::fixture::*;
use axum::body::Body;
use axum::http::Method;
use meetme_model::connection::{ConnectionState, RemovalStep};
use meetme_store::*;
use serde_json::{Value, json};

#[tokio::test]
async fn each_rule_about_connections_is_told() {
    let api = Api::new().await;
    api.provider().await;
    let guid = "5F4CB5C7-6B43-4444-9338-9ABC72606C16";
    let cases: [(Value, Value, &str); 7] = [
        (json!({ "peeringDBFacilityId": 58 }), json!({}), "FacilityNotAtLocation [0].peeringDBFacilityId"),
        (json!({}), json!({ "bandwidthInMbps": 10000 }), "BandwidthNotEqual [1].bandwidthInMbps"),
        (
            json!({ "bandwidthInMbps": 0 }),
            json!({ "bandwidthInMbps": 0 }),
            "BandwidthInvalid [0].bandwidthInMbps",
        ),
        (
            json!({ "connectionIdentifier": guid }),
            json!({ "connectionIdentifier": guid.to_lowercase() }),
            "ConnectionIdentifierNotUnique [1].connectionIdentifier",
        ),
        (
            json!({ "bgpSession": { "microsoftSessionIPv4Address": "198.18.192.1" } }),
            json!({}),
            "SessionAddressNotAccepted [0].bgpSession.microsoftSessionIPv4Address",
        ),
        (
            json!({ "sessionAddressProvider": "Nobody" }),
            json!({}),
            "SessionAddressProviderInvalid [0].sessionAddressProvider",
        ),
        (
            json!({ "bandwidthInMbps": 110000 }),
            json!({ "bandwidthInMbps": 110000 }),
            "BandwidthNotOffered [0].bandwidthInMbps",
        ),
    ];
    for (first, second, expected) in cases {
        let mut body = voice("Frankfurt", 58);
        if expected.starts_with("Facility") {
            body = voice("Amsterdam", 64);
        }
        for (i, change) in [first, second].into_iter().enumerate() {
            for (key, value) in change.as_object().unwrap() {
                body["properties"]["direct"]["connections"][i][key] = value.clone();
            }
        }
        let reply = api.put(&peering("new"), body).await;
        assert_eq!(reply.status, 400, "{expected}: {}", reply.body);
        let expected = expected.replacen(' ', &format!(" {C}"), 1);
        assert!(reply.violations().contains(&expected), "{expected}: {:?}", reply.violations());
    }
}

#[tokio::test]
async fn with_peer_addressing_the_subnet_is_needed_and_outside_the_hosts_space() {
    let api = Api::new().await;
    api.provider().await;
    let with = |session: Value| {
        let mut body = edge("Frankfurt", 58);
        let c = &mut body["properties"]["direct"]["connections"][0];
        c["sessionAddressProvider"] = "Peer".into();
        c["bgpSession"] = session;
        body
    };
    // Unicast, strictly written, and nothing of the host's, such as a loopback.
    for subnet in [
        "127.0.0.0/31",
        "224.0.0.0/30",
        "169.254.0.0/30",
        "0.0.0.0/30",
        "10.0.0.0/30",
        "198.019.000.000/31",
        "198.18.255.10/31",
        "192.0.2.0/30",
    ] {
        let reply = api.put(&peering("e"), with(json!({ "sessionPrefixV4": subnet }))).await;
        assert_eq!(reply.status, 400, "{subnet}");
        let all = reply.violations();
        let at = format!("SessionPrefixInvalid {C}[0].bgpSession.sessionPrefixV4");
        assert!(!all.is_empty() && all.iter().all(|v| *v == at), "{subnet}: {all:?}");
    }
    for subnet in ["::/127", "fe80::/64", "ff02::/64", "::ffff:192.0.2.0/127", "::c000:200/126"] {
        let sent = json!({ "sessionPrefixV4": "198.19.0.0/31", "sessionPrefixV6": subnet });
        let reply = api.put(&peering("e"), with(sent)).await;
        assert_eq!(reply.violations(), [format!("SessionPrefixInvalid {C}[0].bgpSession.sessionPrefixV6")]);
        assert!(reply.message().contains("RFC 4291"), "{subnet}: {}", reply.message());
    }
    for (session, code, field) in [
        (json!({}), "SessionPrefixRequired", "sessionPrefixV4"),
        (json!({ "sessionPrefixV4": "198.19.0.0/29" }), "SessionPrefixInvalid", "sessionPrefixV4"),
        (json!({ "sessionPrefixV4": "198.19.0.1/31" }), "SessionPrefixInvalid", "sessionPrefixV4"),
        (json!({ "sessionPrefixV4": "198.18.192.0/31" }), "SessionPrefixInvalid", "sessionPrefixV4"),
        (
            json!({ "sessionPrefixV4": "198.19.0.0/31", "sessionPrefixV6": "2001:db8::/48" }),
            "SessionPrefixInvalid",
            "sessionPrefixV6",
        ),
    ] {
        let reply = api.put(&peering("e"), with(session)).await;
        assert_eq!(reply.violations(), [format!("{code} {C}[0].bgpSession.{field}")]);
    }
    let fine = with(json!({ "sessionPrefixV4": "198.19.0.0/31", "peerSessionIPv4Address": "198.19.0.0" }));
    let reply = api.put(&peering("e"), fine).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    let session = &connections(&reply.body)[0]["bgpSession"];
    assert_eq!(session["sessionPrefixV4"], "198.19.0.0/31");
    assert_eq!(session["sessionStateV4"], "PendingAdd");
}

#[tokio::test]
async fn a_connections_facility_provider_and_subnet_are_fixed() {
    let api = Api::new().await;
    api.provider().await;
    let mut body = edge("Amsterdam", 64);
    let c = &mut body["properties"]["direct"]["connections"][0];
    c["sessionAddressProvider"] = "Peer".into();
    c["bgpSession"] = json!({ "sessionPrefixV4": "198.19.0.0/31" });
    let created = api.put(&peering("e"), body).await;
    let mut body = created.body;
    let c = &mut body["properties"]["direct"]["connections"][0];
    c["peeringDBFacilityId"] = 58.into();
    c["useForPeeringService"] = true.into();
    c["bgpSession"] = json!({ "sessionPrefixV4": "198.19.0.2/31" });
    let reply = api.put(&peering("e"), body.clone()).await;
    for expected in [
        format!("PropertyImmutable {C}[0].useForPeeringService"),
        format!("PropertyImmutable {C}[0].bgpSession.sessionPrefixV4"),
        format!("FacilityImmutable {C}[0].peeringDBFacilityId"),
    ] {
        assert!(reply.violations().contains(&expected), "{expected}: {:?}", reply.violations());
    }
    // A second family is asked what the first was.
    let mut second = body.clone();
    second["properties"]["direct"]["connections"][0]["bgpSession"] =
        json!({ "sessionPrefixV6": "fe80::/64" });
    let reply = api.put(&peering("e"), second).await;
    let at = format!("SessionPrefixInvalid {C}[0].bgpSession.sessionPrefixV6");
    assert!(reply.violations().contains(&at), "{:?}", reply.violations());
    // What is left out is kept, and a second family may come.
    let c = &mut body["properties"]["direct"]["connections"][0];
    *c = json!({
        "connectionIdentifier": c["connectionIdentifier"],
        "bandwidthInMbps": 20000,
        "peeringDBFacilityId": 64,
        "bgpSession": { "sessionPrefixV6": "2001:db8::/127", "maxPrefixesAdvertisedV6": 50 },
    });
    let reply = api.put(&peering("e"), body).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let c = &connections(&reply.body)[0];
    assert_eq!(c["sessionAddressProvider"], "Peer");
    assert_eq!(c["bgpSession"]["sessionPrefixV4"], "198.19.0.0/31");
    assert_eq!(c["bgpSession"]["sessionPrefixV6"], "2001:db8::/127");
}

#[tokio::test]
async fn connections_are_added_changed_and_drained() {
    let api = Api::new().await;
    api.provider().await;
    api.all_connections("ams", ConnectionState::Active).await;
    let mut body = api.get(&peering("ams")).await.body;
    let third = json!({ "bandwidthInMbps": 20000, "peeringDBFacilityId": 64 });
    body["properties"]["direct"]["connections"].as_array_mut().unwrap().push(third);
    body["properties"]["direct"]["connections"][0]["bgpSession"]["maxPrefixesAdvertisedV4"] = 500.into();
    let mut body = api.put(&peering("ams"), body).await.body;
    assert_eq!(connections(&body).len(), 3);
    assert_eq!(connections(&body)[0]["bgpSession"]["maxPrefixesAdvertisedV4"], 500);
    api.all_connections("ams", ConnectionState::Active).await;
    let gone = connections(&body)[1]["connectionIdentifier"].clone();
    body["properties"]["direct"]["connections"].as_array_mut().unwrap().remove(1);
    let mut body = api.put(&peering("ams"), body).await.body;
    assert_eq!(connections(&body).len(), 2);
    let mut db = api.store.read().await.unwrap();
    let kept = peering_get(&mut db, SUB, RG, "ams").await.unwrap().unwrap();
    let kept = connections_of(&mut db, kept.id).await.unwrap();
    assert_eq!(kept[1].removal.unwrap().step, RemovalStep::Draining);
    // Not below two for Voice; and what is on its way out doesn't come back.
    let rest = connections(&body).clone();
    body["properties"]["direct"]["connections"] = json!([rest[0]]);
    let reply = api.put(&peering("ams"), body.clone()).await;
    assert_eq!(
        reply.violations(),
        [format!("TooFewActiveConnections {C}"), format!("TooFewConnections {C}")]
    );
    let back = json!({ "connectionIdentifier": gone, "bandwidthInMbps": 20000, "peeringDBFacilityId": 64 });
    body["properties"]["direct"]["connections"] = json!([rest[0], rest[1], back]);
    let reply = api.put(&peering("ams"), body).await;
    assert_eq!(reply.violations(), [format!("ConnectionBeingRemoved {C}[2].connectionIdentifier")]);
}

#[tokio::test]
async fn an_md5_key_is_kept_and_never_echoed() {
    let api = Api::new().await;
    api.provider().await;
    let mut body = api.get(&peering("ams")).await.body;
    let key = "s3cret-md5-key";
    body["properties"]["direct"]["connections"][0]["bgpSession"]["md5AuthenticationKey"] = key.into();
    let reply = api.put(&peering("ams"), body).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let read = api.get(&peering("ams")).await;
    let list = api.get(&peering("")).await;
    let audit = api.ask(&api.operator, Method::GET, "/api/v1/audit", Body::empty()).await;
    for shown in [&reply, &read, &list, &audit] {
        assert!(!shown.body.to_string().contains(key));
    }
    let flag = "md5AuthenticationKeyIsSet";
    assert_eq!(connections(&read.body)[0]["bgpSession"][flag], true);
    assert!(connections(&read.body)[1]["bgpSession"].get(flag).is_none());
    let id = {
        let mut db = api.store.read().await.unwrap();
        let found = peering_get(&mut db, SUB, RG, "ams").await.unwrap().unwrap();
        connections_of(&mut db, found.id).await.unwrap()[0].id
    };
    let stored = async || {
        let mut db = api.store.read().await.unwrap();
        md5_key_get(&mut db, id).await.unwrap()
    };
    assert_eq!(stored().await.unwrap().secret.reveal(), key);
    // Left out it stays, empty it goes.
    let mut body = read.body;
    api.put(&peering("ams"), body.clone()).await;
    assert!(stored().await.is_some());
    body["properties"]["direct"]["connections"][0]["bgpSession"]["md5AuthenticationKey"] = "".into();
    api.put(&peering("ams"), body).await;
    assert!(stored().await.is_none());
}

#[tokio::test]
async fn the_same_request_twice_changes_nothing() {
    let api = Api::new().await;
    api.provider().await;
    let before = api.get(&peering("ams")).await.body;
    let reply = api.put(&peering("ams"), voice("Amsterdam", 64)).await;
    assert_eq!((reply.status.as_u16(), &reply.body), (200, &before));
    // One that is asked for besides is new; the others stay the same.
    let mut body = voice("Amsterdam", 64);
    let all = body["properties"]["direct"]["connections"].as_array_mut().unwrap();
    all.push(all[0].clone());
    let reply = api.put(&peering("ams"), body).await;
    assert_eq!(connections(&reply.body)[..2], connections(&before)[..]);
    assert_eq!(connections(&reply.body).len(), 3);
    // More bandwidth is a change of those that are there.
    let mut body = voice("Amsterdam", 64);
    for i in 0..2 {
        body["properties"]["direct"]["connections"][i]["bandwidthInMbps"] = 40000.into();
    }
    let reply = api.put(&peering("ams"), body).await;
    let kept: Vec<&Value> = connections(&reply.body).iter().map(|c| &c["connectionIdentifier"]).collect();
    let had: Vec<&Value> = connections(&before).iter().map(|c| &c["connectionIdentifier"]).collect();
    assert_eq!(kept, had);
    assert_eq!(connections(&reply.body)[1]["bandwidthInMbps"], 40000);
}
