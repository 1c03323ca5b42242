//! Changes to peerings whose connections work, have ports, or were refused (`docs/rules.md` §2, §3).

use super::fixture::*;
use meetme_model::connection::{Connection, ConnectionState, RemovalStep, Stage};
use meetme_model::inventory::OfferingKind;
use meetme_model::peer_asn::{AsnState, Decision};
use meetme_model::registered_prefix::PrefixState;
use meetme_store::*;
use serde_json::{Value, json};

async fn stored(api: &Api, name: &str) -> Vec<Connection> {
    let mut db = api.store.read().await.unwrap();
    let found = peering_get(&mut db, SUB, RG, name).await.unwrap().unwrap();
    connections_of(&mut db, found.id).await.unwrap()
}

async fn store(api: &Api, c: &Connection) {
    let mut tx = api.store.begin().await.unwrap();
    connection_update(&mut tx, c).await.unwrap();
    tx.commit().await.unwrap();
}

fn all(body: &mut Value) -> &mut Vec<Value> {
    body["properties"]["direct"]["connections"].as_array_mut().unwrap()
}

/// `ams` with a third connection: two Active, the third in `third`.
async fn three(third: ConnectionState) -> (Api, Value) {
    let api = Api::new().await;
    api.provider().await;
    api.all_connections("ams", ConnectionState::Active).await;
    let mut body = api.get(&peering("ams")).await.body;
    all(&mut body).push(json!({ "bandwidthInMbps": 20000, "peeringDBFacilityId": 64 }));
    let body = api.put(&peering("ams"), body).await.body;
    let mut last = stored(&api, "ams").await.remove(2);
    last.state = third;
    store(&api, &last).await;
    (api, body)
}

#[tokio::test]
async fn a_working_connection_is_replaced_only_once_its_successor_works() {
    let (api, before) = three(ConnectionState::Onboarding(Stage::Validating)).await;
    let mut body = before.clone();
    all(&mut body).remove(0);
    let reply = api.put(&peering("ams"), body.clone()).await;
    assert_eq!(
        (reply.status.as_u16(), reply.violations()),
        (400, vec![format!("TooFewActiveConnections {C}")])
    );
    assert!(reply.message().contains("once the other is Active"), "{}", reply.message());
    assert!(stored(&api, "ams").await.iter().all(|c| c.removal.is_none()));
    // The one that doesn't work may go.
    let mut without = before;
    all(&mut without).remove(2);
    let mut last = stored(&api, "ams").await.remove(2);
    assert_eq!(api.put(&peering("ams"), without).await.status, 200);
    assert!(stored(&api, "ams").await[2].removal.is_some());
    // And the first, once the third works.
    last.state = ConnectionState::Active;
    store(&api, &last).await;
    let reply = api.put(&peering("ams"), body).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(stored(&api, "ams").await[0].removal.unwrap().step, RemovalStep::Draining);
}

#[tokio::test]
async fn a_prefix_in_use_keeps_two_working_connections_whatever_the_offering() {
    for in_use in [true, false] {
        let (api, mut body) = three(ConnectionState::Onboarding(Stage::Validating)).await;
        let key = api.registered("media", "198.19.10.0/24", PrefixState::Verified).await;
        if in_use {
            super::services::activate(&api, &key).await;
        }
        // The same peering with a route server, where one connection is enough.
        let mut tx = api.store.begin().await.unwrap();
        let found = peering_get(&mut tx, SUB, RG, "ams").await.unwrap().unwrap();
        let (mut found, connections) = peering_lock(&mut tx, found.id).await.unwrap();
        found.spec.offering = OfferingKind::IxRs;
        peering_update(&mut tx, &found).await.unwrap();
        for (mut c, subnet) in
            connections.into_iter().zip(["198.19.0.0/31", "198.19.0.2/31", "198.19.0.4/31"])
        {
            c.spec.address_provider = meetme_model::peering::AddressProvider::Peer;
            c.spec.session_prefix_v4 = Some(subnet.parse().unwrap());
            connection_update(&mut tx, &c).await.unwrap();
        }
        tx.commit().await.unwrap();
        body["properties"]["direct"]["directPeeringType"] = "IxRs".into();
        for c in all(&mut body) {
            *c = json!({
                "connectionIdentifier": c["connectionIdentifier"],
                "bandwidthInMbps": 20000,
                "peeringDBFacilityId": 64,
            });
        }
        all(&mut body).remove(0);
        let reply = api.put(&peering("ams"), body).await;
        if in_use {
            assert_eq!(reply.violations(), [format!("TooFewActiveConnections {C}")]);
        } else {
            assert_eq!(reply.status, 200, "{}", reply.body);
        }
    }
}

#[tokio::test]
async fn removals_begin_where_there_is_something_to_take_away() {
    for (state, step) in [
        (ConnectionState::Onboarding(Stage::PendingApproval), RemovalStep::Freeing),
        (ConnectionState::ExternalBlocker(Stage::ProvisioningCompleted), RemovalStep::Closing),
        (ConnectionState::Active, RemovalStep::Draining),
    ] {
        // One by PUT, then all by DELETE.
        let api = Api::new().await;
        api.provider().await;
        let two = api.get(&peering("ams")).await.body;
        let mut body = two.clone();
        all(&mut body).push(json!({ "bandwidthInMbps": 20000, "peeringDBFacilityId": 64 }));
        assert_eq!(api.put(&peering("ams"), body).await.status, 200);
        api.all_connections("ams", state).await;
        let reply = api.put(&peering("ams"), two).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        assert_eq!(stored(&api, "ams").await[2].removal.unwrap().step, step);
        assert_eq!(api.delete(&peering("ams")).await.status, 200);
        for c in stored(&api, "ams").await {
            assert_eq!(c.removal.unwrap().step, step);
        }
    }
}

#[tokio::test]
async fn a_refused_connection_that_is_sent_again_asks_again() {
    let api = Api::new().await;
    api.provider().await;
    let decision = |approved| {
        Some(Decision { approved, by: "op".into(), reason: "no cage".into(), at: now(), checks: vec![] })
    };
    let refused = ConnectionState::ProvisioningFailed(Stage::PendingApproval);
    let waiting = ConnectionState::Onboarding(Stage::PendingApproval);
    for (state, approved, kept) in [(refused, false, false), (waiting, false, true), (refused, true, true)] {
        let mut c = stored(&api, "ams").await.remove(0);
        (c.state, c.decision) = (state, decision(approved));
        store(&api, &c).await;
        let body = api.get(&peering("ams")).await.body;
        assert_eq!(api.put(&peering("ams"), body).await.status, 200);
        let c = stored(&api, "ams").await.remove(0);
        assert_eq!(c.decision.is_some(), kept, "{state:?} {approved}");
    }
}

#[tokio::test]
async fn a_connection_with_ports_grows_by_whole_ports() {
    let api = Api::new().await;
    api.provider().await;
    let mut faster = inventory();
    faster.routers[0].ports.iter_mut().for_each(|port| port.speed_mbps = 100_000);
    let mut tx = api.store.begin().await.unwrap();
    inventory_put(&mut tx, &faster, now()).await.unwrap();
    tx.commit().await.unwrap();
    let mut body = edge("Amsterdam", 64);
    all(&mut body)[0]["bandwidthInMbps"] = 100_000.into();
    let mut body = api.put(&peering("e"), body).await.body;
    let mut c = api.all_connections("e", ConnectionState::Active).await.remove(0);
    c.ports.as_mut().unwrap().port_speed_mbps = 100_000;
    store(&api, &c).await;
    all(&mut body)[0]["bandwidthInMbps"] = 20_000.into();
    let reply = api.put(&peering("e"), body.clone()).await;
    assert_eq!(
        (reply.status.as_u16(), reply.violations()),
        (400, vec![format!("BandwidthNotOffered {C}[0].bandwidthInMbps")])
    );
    assert!(reply.message().contains("100000 Mbps each"), "{}", reply.message());
    all(&mut body)[0]["bandwidthInMbps"] = 200_000.into();
    let reply = api.put(&peering("e"), body).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
}

/// A plain peering with a connection of its own subnet each.
fn with_subnets(subnets: &[Value]) -> Value {
    let mut body = edge("Amsterdam", 64);
    *all(&mut body) = subnets
        .iter()
        .map(|session| {
            json!({ "bandwidthInMbps": 20000, "peeringDBFacilityId": 64,
                    "sessionAddressProvider": "Peer", "bgpSession": session })
        })
        .collect();
    body
}

#[tokio::test]
async fn subnets_of_one_request_do_not_overlap() {
    let api = Api::new().await;
    api.provider().await;
    let body = with_subnets(&[
        json!({ "sessionPrefixV4": "198.19.0.0/30", "sessionPrefixV6": "2001:db8::/127" }),
        json!({ "sessionPrefixV4": "198.19.0.2/31", "sessionPrefixV6": "2001:db8::/64" }),
    ]);
    let reply = api.put(&peering("e"), body).await;
    assert_eq!(
        (reply.status.as_u16(), reply.violations()),
        (
            400,
            vec![
                format!("SessionPrefixTaken {C}[1].bgpSession.sessionPrefixV4"),
                format!("SessionPrefixTaken {C}[1].bgpSession.sessionPrefixV6"),
            ]
        )
    );
    // The same holds against what is there already, wherever it stands in the request.
    let first = api.put(&peering("e"), with_subnets(&[json!({ "sessionPrefixV4": "198.19.0.0/31" })])).await;
    assert_eq!(first.status, 201, "{}", first.body);
    let mut body = first.body;
    let new = all(&mut with_subnets(&[json!({ "sessionPrefixV4": "198.19.0.0/30" })])).remove(0);
    all(&mut body).insert(0, new);
    let reply = api.put(&peering("e"), body.clone()).await;
    assert_eq!(reply.violations(), [format!("SessionPrefixTaken {C}[0].bgpSession.sessionPrefixV4")]);
    all(&mut body)[0]["bgpSession"]["sessionPrefixV4"] = "198.19.0.4/30".into();
    assert_eq!(api.put(&peering("e"), body).await.status, 200);
}

#[tokio::test]
async fn a_subnet_in_use_is_refused_and_its_user_named_to_its_owner_only() {
    let api = Api::new().await;
    api.provider().await;
    let id = stored(&api, "ams").await[0].id;
    let mut tx = api.store.begin().await.unwrap();
    subnet_take(&mut tx, id, "198.19.0.0/30".parse().unwrap()).await.unwrap();
    tx.commit().await.unwrap();
    let taken = format!("SessionPrefixTaken {C}[0].bgpSession.sessionPrefixV4");
    let body = with_subnets(&[json!({ "sessionPrefixV4": "198.19.0.2/31" })]);
    let own = api.put(&peering("e"), body.clone()).await;
    assert_eq!((own.status.as_u16(), own.violations()), (400, vec![taken.clone()]));
    assert!(own.message().contains("in use by connection ams-1"), "{}", own.message());
    // Another provider learns that it is in use, and no more.
    let there = |path: String| path.replace(SUB, "Sub-B");
    let put = async |path: String, body: Value| {
        let body = axum::body::Body::from(body.to_string().replace(SUB, "Sub-B"));
        api.ask(&api.other, axum::http::Method::PUT, &there(path), body).await
    };
    let mut claim = asn_body(64509);
    claim["properties"]["peerName"] = "Other Example".into();
    assert_eq!(put(asn("tel"), claim).await.status, 201);
    let mut tx = api.store.begin().await.unwrap();
    let mut claim = peer_asn_get(&mut tx, "Sub-B", "tel").await.unwrap().unwrap();
    claim.state = AsnState::Approved;
    peer_asn_update(&mut tx, &claim).await.unwrap();
    tx.commit().await.unwrap();
    let other = put(peering("e"), body.clone()).await;
    assert_eq!((other.status.as_u16(), other.violations()), (400, vec![taken]));
    assert!(!other.message().contains("ams"));
    // What somebody registered is told in the same words as what somebody uses.
    api.all_connections("ams", ConnectionState::Active).await;
    api.registered("media", "198.19.4.0/24", PrefixState::Pending).await;
    let within = with_subnets(&[json!({ "sessionPrefixV4": "198.19.4.2/31" })]);
    let registered = put(peering("e"), within.clone()).await;
    assert_eq!(registered.message().replace("198.19.4.2/31", "198.19.0.2/31"), other.message());
    assert_eq!(api.put(&peering("e"), within).await.status, 201, "its own space is a network's to use");
    // Once it isn't used any more it is free for a peer.
    let mut tx = api.store.begin().await.unwrap();
    subnets_release(&mut tx, id, now()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(put(peering("e"), body).await.status, 201);
}
