//! `cdnPeeringPrefixes` and `legacyPeerings`: what the inventory declares, and who sees it.

use super::fixture::*;
use crate::Settings;
use axum::body::Body;
use axum::http::Method;
use meetme_model::Asn;
use meetme_model::inventory::{CdnPrefix, Inventory, LegacySession, OfferingKind, PeeringKind};
use meetme_model::inventory_check::check;
use meetme_model::peer_asn::AsnState;
use meetme_store::{inventory_put, peer_asn_get, peer_asn_update};
use serde_json::{Value, json};

fn cdn(prefix: &str, location: &str) -> CdnPrefix {
    CdnPrefix {
        prefix: prefix.parse().unwrap(),
        location: location.into(),
        service: "Content".into(),
        community: Some("64500:51".parse().unwrap()),
        primary: location == "Amsterdam",
    }
}

fn session(router: &str, asn: u32, subnet: &str) -> LegacySession {
    LegacySession {
        router: router.into(),
        kind: PeeringKind::Direct,
        direct_type: OfferingKind::Edge,
        asn: Asn(asn),
        peer_name: format!("Network {asn}"),
        session_prefix_v4: subnet.parse().unwrap(),
        session_prefix_v6: None,
        bandwidth_mbps: 10_000,
        port: None,
        max_prefixes_v4: 2_000,
        max_prefixes_v6: 100,
    }
}

/// The API with the provider, a page size, and an inventory that `declare` completes.
async fn api(page_size: usize, declare: impl FnOnce(&mut Inventory)) -> Api {
    let down: crate::EdgeQueries = std::sync::Arc::new(|_, _| Box::pin(async { Err("away".into()) }));
    let api = Api::with(down, Settings { page_size, ..Settings::default() }).await;
    let mut inventory = inventory();
    declare(&mut inventory);
    assert_eq!(check(&inventory), Ok(()));
    let mut tx = api.store.begin().await.unwrap();
    inventory_put(&mut tx, &inventory, now()).await.unwrap();
    tx.commit().await.unwrap();
    api.provider().await;
    api
}

fn at(subscription: &str, list: &str) -> String {
    format!("/subscriptions/{subscription}/providers/Microsoft.Peering/{list}")
}

fn legacy(query: &str) -> String {
    at(SUB, &format!("legacyPeerings?peeringLocation=Amsterdam&kind=Direct{query}"))
}

/// The names of all rows, page after page, asked with a token.
async fn names(api: &Api, token: &str, path: &str) -> Vec<String> {
    let (mut names, mut next) = (Vec::new(), Some(path.to_owned()));
    while let Some(path) = next {
        let page = api.ask(token, Method::GET, &path, Body::empty()).await;
        assert_eq!(page.status, 200, "{}", page.body);
        let rows = page.body["value"].as_array().unwrap();
        names.extend(rows.iter().map(|r| r["name"].as_str().unwrap().to_owned()));
        assert!(names.len() < 50, "pages without end");
        next = page.body["nextLink"]
            .as_str()
            .map(|l| l.strip_prefix("http://api.example.net:8971").unwrap().to_owned());
    }
    names
}

#[tokio::test]
async fn a_cdn_prefix_is_listed_at_its_locations_only() {
    let api = api(100, |i| {
        i.cdn_prefixes = vec![cdn("198.18.1.0/24", "Amsterdam"), cdn("198.18.1.0/24", "Frankfurt")];
    })
    .await;
    let reply = api.get(&at(SUB, "cdnPeeringPrefixes?peeringLocation=amsterdam")).await;
    let id = at(SUB, "cdnPeeringPrefixes/CdnPrefix_198_18_1_0_24");
    assert_eq!(
        reply.body,
        json!({ "value": [{
            "name": "CdnPrefix_198_18_1_0_24",
            "id": id,
            "type": "Microsoft.Peering/cdnPeeringPrefixes",
            "properties": {
                "prefix": "198.18.1.0/24",
                "azureRegion": "westeurope",
                "azureService": "Content",
                "isPrimaryRegion": true,
                "bgpCommunity": "64500:51",
            },
        }] })
    );
    let there = api.get(&at(SUB, "CDNPEERINGPREFIXES?peeringlocation=Frankfurt")).await;
    let properties = &there.body["value"][0]["properties"];
    assert_eq!(properties["azureRegion"], "germanywestcentral");
    assert_eq!(properties["isPrimaryRegion"], false);
    let nowhere = api.get(&at(SUB, "cdnPeeringPrefixes?peeringLocation=Nowhere")).await;
    assert_eq!((nowhere.status.as_u16(), nowhere.body), (200, json!({ "value": [] })));
}

#[tokio::test]
async fn cdn_prefixes_come_in_pages_in_the_order_of_addresses() {
    let api = api(2, |i| {
        let v6 = "2001:db8::/32".parse().unwrap();
        i.host.announced.push(v6);
        let prefixes = ["198.18.9.0/24", "2001:db8::/48", "198.18.10.0/24", "198.18.0.0/17", "198.18.2.0/23"];
        i.cdn_prefixes = prefixes.map(|p| cdn(p, "Amsterdam")).to_vec();
    })
    .await;
    let path = at(SUB, "cdnPeeringPrefixes?peeringLocation=Amsterdam");
    assert_eq!(
        names(&api, &api.peer, &path).await,
        [
            "CdnPrefix_198_18_0_0_17",
            "CdnPrefix_198_18_2_0_23",
            "CdnPrefix_198_18_9_0_24",
            "CdnPrefix_198_18_10_0_24",
            "CdnPrefix_2001_db8___48",
        ]
    );
    let bad = api.get(&format!("{path}&$skipToken=6162")).await;
    assert_eq!(bad.violations(), ["InvalidSkipToken $skipToken"]);
}

#[tokio::test]
async fn what_is_missing_or_wrong_in_a_question_is_told_at_once() {
    let api = api(100, |_| ()).await;
    for query in ["", "?peeringLocation=", "?peeringLocation=%20"] {
        let reply = api.get(&at(SUB, &format!("cdnPeeringPrefixes{query}"))).await;
        assert_eq!(reply.status, 400);
        assert_eq!(reply.violations(), ["InvalidFilter peeringLocation"]);
    }
    let reply = api.get(&at(SUB, "legacyPeerings?kind=Both&asn=-1&directPeeringType=Best")).await;
    assert_eq!(reply.status, 400);
    assert_eq!(
        reply.violations(),
        [
            "InvalidFilter peeringLocation",
            "InvalidFilter kind",
            "InvalidFilter asn",
            "InvalidFilter directPeeringType"
        ]
    );
    let nowhere = api.get(&at(SUB, "legacyPeerings?peeringLocation=Nowhere&kind=Direct")).await;
    assert_eq!((nowhere.status.as_u16(), nowhere.body), (200, json!({ "value": [] })));
}

#[tokio::test]
async fn legacy_sessions_of_an_asn_at_a_location_are_one_peering() {
    let api = api(100, |i| {
        let dual = LegacySession {
            session_prefix_v6: Some("2001:db8:77::/126".parse().unwrap()),
            ..session("ams1-er2", 64510, "198.19.0.4/30")
        };
        i.legacy_sessions = vec![session("ams1-er1", 64510, "198.19.0.0/31"), dual];
    })
    .await;
    let reply = api.get(&legacy("")).await;
    let first = json!({
        "bandwidthInMbps": 10000,
        "sessionAddressProvider": "Peer",
        "peeringDBFacilityId": 64,
        "connectionState": "None",
        "bgpSession": {
            "sessionPrefixV4": "198.19.0.0/31",
            "peerSessionIPv4Address": "198.19.0.0",
            "microsoftSessionIPv4Address": "198.19.0.1",
            "sessionStateV4": "None",
            "sessionStateV6": "None",
            "maxPrefixesAdvertisedV4": 2000,
        },
    });
    let mut second = first.clone();
    second["bgpSession"] = json!({
        "sessionPrefixV4": "198.19.0.4/30",
        "peerSessionIPv4Address": "198.19.0.5",
        "microsoftSessionIPv4Address": "198.19.0.6",
        "sessionPrefixV6": "2001:db8:77::/126",
        "peerSessionIPv6Address": "2001:db8:77::1",
        "microsoftSessionIPv6Address": "2001:db8:77::2",
        "sessionStateV4": "None",
        "sessionStateV6": "None",
        "maxPrefixesAdvertisedV4": 2000,
        "maxPrefixesAdvertisedV6": 100,
    });
    assert_eq!(
        reply.body,
        json!({ "value": [{
            "id": at(SUB, "legacyPeerings/AS64510_Amsterdam_Edge"),
            "name": "AS64510_Amsterdam_Edge",
            "type": "Microsoft.Peering/legacyPeerings",
            "kind": "Direct",
            "location": "westeurope",
            "sku": { "name": "Basic_Direct_Free", "tier": "Basic", "family": "Direct", "size": "Free" },
            "properties": {
                "direct": {
                    "connections": [first, second],
                    "directPeeringType": "Edge",
                    "useForPeeringService": false,
                    "peerAsn": { "id": asn("tel") },
                },
                "peeringLocation": "Amsterdam",
                "provisioningState": "Succeeded",
            },
        }] })
    );
}

#[tokio::test]
async fn nobody_sees_sessions_of_an_asn_that_is_not_approved_in_its_own_subscription() {
    let api = api(100, |i| {
        i.legacy_sessions = vec![
            session("ams1-er1", 64510, "198.19.0.0/31"),
            session("ams1-er1", 64509, "198.19.0.2/31"),
            session("ams1-er1", 64508, "198.19.0.4/31"),
        ];
    })
    .await;
    // Asked for, and not approved yet.
    let mut pending = asn_body(64509);
    pending["properties"]["peerName"] = "Other Example".into();
    assert_eq!(api.put(&asn("pending"), pending).await.status, 201);
    assert_eq!(names(&api, &api.peer, &legacy("")).await, ["AS64510_Amsterdam_Edge"]);
    assert_eq!(names(&api, &api.peer, &legacy("&asn=64509")).await, [""; 0]);
    assert_eq!(names(&api, &api.peer, &legacy("&asn=64508")).await, [""; 0]);
    let elsewhere = legacy("").replace(SUB, "Sub-B");
    assert_eq!(names(&api, &api.other, &elsewhere).await, [""; 0]);
    assert_eq!(api.get(&elsewhere).await.status, 404);
    let all = ["AS64508_Amsterdam_Edge", "AS64509_Amsterdam_Edge", "AS64510_Amsterdam_Edge"];
    for token in [&api.operator, &api.reader] {
        assert_eq!(names(&api, token, &elsewhere).await, all);
    }
    // An id of a peer ASN is given only where the ASN is approved.
    let seen = api.ask(&api.operator, Method::GET, &legacy(""), Body::empty()).await;
    let ids: Vec<&Value> = seen.body["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["properties"]["direct"]["peerAsn"]["id"])
        .collect();
    assert_eq!(ids, [&Value::Null, &Value::Null, &Value::from(asn("tel"))]);
}

#[tokio::test]
async fn legacy_peerings_are_found_by_asn_type_kind_and_place_and_come_in_pages() {
    let api = api(1, |i| {
        let server =
            LegacySession { direct_type: OfferingKind::IxRs, ..session("ams1-er1", 64510, "198.19.0.2/31") };
        let lan =
            LegacySession { kind: PeeringKind::Exchange, ..session("ams1-er1", 64510, "198.19.8.0/22") };
        i.legacy_sessions = vec![
            server,
            lan,
            session("ams1-er2", 64511, "198.19.0.6/31"),
            session("ams1-er1", 64510, "198.19.0.0/31"),
        ];
    })
    .await;
    let found =
        async |query: &str| names(&api, &api.operator, &at(SUB, &format!("legacyPeerings{query}"))).await;
    let here = "?peeringLocation=AMSTERDAM&kind";
    let of_64510 = ["AS64510_Amsterdam_Edge", "AS64510_Amsterdam_IxRs"];
    assert_eq!(found(&format!("{here}=direct&asn=64510")).await, of_64510);
    assert_eq!(found(&format!("{here}=Direct")).await.len(), 3);
    assert_eq!(found(&format!("{here}=Direct&directPeeringType=ixrs")).await, ["AS64510_Amsterdam_IxRs"]);
    assert_eq!(found(&format!("{here}=Direct&directPeeringType=Cdn")).await, [""; 0]);
    assert_eq!(found(&format!("{here}=Exchange")).await, ["AS64510_Amsterdam_Exchange"]);
    assert_eq!(found(&format!("{here}=Exchange&directPeeringType=Edge")).await, [""; 0]);
    assert_eq!(found("?peeringLocation=Frankfurt&kind=Direct").await, [""; 0]);
    let path = at(SUB, &format!("legacyPeerings{here}=Exchange"));
    let exchange = &api.get(&path).await.body["value"][0];
    assert_eq!(exchange["sku"]["name"], "Basic_Exchange_Free");
    assert!(exchange["properties"].get("direct").is_none());
    // The exchange's subnet doesn't tell which of its addresses are the session's.
    let connection = json!({
        "peeringDBFacilityId": 64,
        "connectionState": "None",
        "bgpSession": {
            "sessionPrefixV4": "198.19.8.0/22",
            "sessionStateV4": "None",
            "sessionStateV6": "None",
            "maxPrefixesAdvertisedV4": 2000,
        },
    });
    assert_eq!(exchange["properties"]["exchange"]["connections"], json!([connection]));
}

/// Asks for a peering by sending the first listed legacy peering as it is.
async fn convert(api: &Api, list: &str, name: &str) -> Reply {
    let listed = api.get(list).await;
    let row = &listed.body["value"][0];
    let body = json!({
        "kind": row["kind"],
        "location": row["location"],
        "sku": row["sku"],
        "properties": row["properties"],
    });
    api.put(&peering(name), body).await
}

#[tokio::test]
async fn a_legacy_peering_is_converted_by_sending_it_as_a_peering() {
    let api = api(100, |i| {
        let dual = LegacySession {
            session_prefix_v6: Some("2001:db8:77::/127".parse().unwrap()),
            ..session("ams1-er2", 64510, "198.19.0.4/30")
        };
        i.legacy_sessions = vec![session("ams1-er1", 64510, "198.19.0.0/31"), dual];
    })
    .await;
    let reply = convert(&api, &legacy(""), "moved").await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    let asked = connections(&reply.body);
    let of = |field: &str| asked.iter().map(|c| c["bgpSession"][field].clone()).collect::<Vec<_>>();
    assert!(asked.iter().all(|c| c["connectionState"] == "PendingApproval"));
    assert!(asked.iter().all(|c| c["sessionAddressProvider"] == "Peer"));
    assert_eq!(of("sessionPrefixV4"), ["198.19.0.0/31", "198.19.0.4/30"]);
    assert_eq!(of("sessionPrefixV6"), [Value::Null, "2001:db8:77::/127".into()]);
    assert_eq!(of("maxPrefixesAdvertisedV4"), [2000, 2000]);
    assert_eq!(reply.body["properties"]["direct"]["peerAsn"]["id"], asn("tel"));
}

#[tokio::test]
async fn nobody_takes_the_addresses_of_another_network_s_session() {
    let api = api(100, |i| {
        let dual = LegacySession {
            session_prefix_v6: Some("2001:db8:77::/126".parse().unwrap()),
            ..session("ams1-er1", 64509, "198.19.0.0/30")
        };
        let lan =
            LegacySession { kind: PeeringKind::Exchange, ..session("ams1-er1", 64509, "198.19.8.0/22") };
        i.legacy_sessions = vec![dual, lan, session("ams1-er2", 64510, "198.19.0.4/31")];
    })
    .await;
    let asks = |v4: &str, v6: Option<&str>| {
        let mut body = edge("Amsterdam", 64);
        let one = &mut body["properties"]["direct"]["connections"][0];
        one["sessionAddressProvider"] = "Peer".into();
        one["bgpSession"] = json!({ "sessionPrefixV4": v4, "sessionPrefixV6": v6 });
        body
    };
    let at = |field: &str| format!("SessionPrefixTaken {C}[0].bgpSession.{field}");
    let reply = api.put(&peering("e"), asks("198.19.0.2/31", Some("2001:db8:77::2/127"))).await;
    assert_eq!(
        (reply.status.as_u16(), reply.violations()),
        (400, vec![at("sessionPrefixV4"), at("sessionPrefixV6")])
    );
    let told = reply.message();
    assert!(told.contains("in use elsewhere"), "{told}");
    assert!(!told.contains("64509") && !told.contains("ams1-er1"), "{told}");
    // While an ASN is only claimed, its sessions are another's.
    let set = async |state| {
        let mut tx = api.store.begin().await.unwrap();
        let mut claim = peer_asn_get(&mut tx, SUB, "tel").await.unwrap().unwrap();
        claim.state = state;
        peer_asn_update(&mut tx, &claim).await.unwrap();
        tx.commit().await.unwrap();
    };
    set(AsnState::Pending).await;
    let reply = api.put(&peering("e"), asks("198.19.0.4/31", None)).await;
    assert_eq!(reply.violations(), [at("sessionPrefixV4")]);
    set(AsnState::Approved).await;
    let own = api.put(&peering("e"), asks("198.19.0.4/31", None)).await;
    assert_eq!(own.status, 201, "{}", own.body);
    // At an exchange many have one subnet.
    let mut body = own.body;
    let mut lan = asks("198.19.8.0/31", None)["properties"]["direct"]["connections"][0].clone();
    let all = body["properties"]["direct"]["connections"].as_array_mut().unwrap();
    all.push(lan.take());
    let reply = api.put(&peering("e"), body).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
}

#[tokio::test]
async fn a_session_with_the_hosts_addresses_gets_new_ones_when_it_is_converted() {
    let api = api(100, |i| {
        i.legacy_sessions = vec![session("ams1-er1", 64510, "198.18.64.0/31")];
    })
    .await;
    let reply = convert(&api, &legacy(""), "moved").await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    let connection = &connections(&reply.body)[0];
    assert_eq!(connection["sessionAddressProvider"], "Microsoft");
    assert!(connection["bgpSession"].get("sessionPrefixV4").is_none());
    assert_eq!(connection["bgpSession"]["maxPrefixesAdvertisedV4"], 2000);
}

#[tokio::test]
async fn legacy_sessions_of_every_direct_offering_are_converted() {
    let api = api(100, |i| {
        let of =
            |direct_type, router, subnet| LegacySession { direct_type, ..session(router, 64510, subnet) };
        i.legacy_sessions = vec![
            of(OfferingKind::IxRs, "fra1-er1", "198.19.0.0/31"),
            of(OfferingKind::Voice, "fra1-er1", "198.19.0.2/31"),
            of(OfferingKind::Voice, "fra1-er2", "198.19.0.4/31"),
        ];
    })
    .await;
    for offering in ["IxRs", "Voice"] {
        let list = legacy(&format!("&directPeeringType={offering}")).replace("Amsterdam", "Frankfurt");
        let reply = convert(&api, &list, offering).await;
        assert_eq!(reply.status, 201, "{offering}: {}", reply.body);
        assert_eq!(reply.body["properties"]["direct"]["directPeeringType"], offering);
        assert_eq!(reply.body["sku"]["name"], "Premium_Direct_Free");
    }
}
