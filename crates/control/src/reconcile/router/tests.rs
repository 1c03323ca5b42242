//! What a router's intent is made from.

use super::*;
use jiff::Timestamp;
use meetme_model::connection::{ConnectionState, PortAssignment, SessionSubnet};
use meetme_model::inventory::{Inventory, OfferingKind};
use meetme_model::peer_asn::{AsnState, PeerAsn, PeerAsnSpec};
use meetme_model::peering::{AddressProvider, ConnectionSpec, Peering, PeeringSpec, Sku};
use meetme_model::registered_asn::RegisteredAsn;
use meetme_model::stamp::Stamp;
use meetme_store::SealKey;
use serde_json::json;

fn stamp() -> Stamp {
    Stamp::new("test", Timestamp::UNIX_EPOCH)
}

fn inventory() -> Inventory {
    serde_json::from_value(json!({
        "host": { "name": "Example Cloud", "asn": 64500, "announced": ["198.18.0.0/17"] },
        "offering": [{ "name": "route server", "kind": "IxRs" }],
        "location": [{ "name": "Amsterdam", "country": "NL", "region": "westeurope" }],
        "site": [{ "name": "ams1", "location": "Amsterdam", "facility_id": 64, "address": "1 Harbour Way" }],
        "router": [{
            "name": "ams1-er1", "site": "ams1", "loopback": "198.18.255.11",
            "management": {
                "driver": "frr", "vty_dir": "/run/frr", "bmp_source": "192.0.2.11",
                "lag": { "backend": "bonding" },
            },
        }],
    }))
    .unwrap()
}

/// A peering with a route server at `location`, with an Active connection on ams1-er1.
async fn route_server(tx: &mut Tx, location: &str, subnet: &str) -> Peering {
    let new = Peering {
        id: 0,
        subscription: "s".into(),
        resource_group: "rg".into(),
        name: location.into(),
        spec: PeeringSpec {
            region: "westeurope".into(),
            offering: OfferingKind::IxRs,
            sku: Sku::Premium_Direct_Free,
            location: location.into(),
            peer_asn_name: "exchange".into(),
            asn: Asn(64510),
            tags: BTreeMap::new(),
            probes: Vec::new(),
        },
        deleting: false,
        stamp: stamp(),
    };
    let asked = ConnectionSpec {
        identifier: location.into(),
        bandwidth_mbps: 10_000,
        facility_id: 64,
        address_provider: AddressProvider::Peer,
        use_for_peering_service: true,
        session_prefix_v4: Some(subnet.parse().unwrap()),
        session_prefix_v6: None,
        max_prefixes_v4: 1000,
        max_prefixes_v6: None,
        md5_key: None,
    };
    let (peering, mut connections) = store::peering_insert(tx, &new, &[asked]).await.unwrap();
    let c = &mut connections[0];
    c.state = ConnectionState::Active;
    c.ports = Some(PortAssignment {
        router: "ams1-er1".into(),
        ports: vec![format!("et{}", c.id)],
        port_speed_mbps: 10_000,
    });
    c.subnet_v4 = SessionSubnet::of(subnet.parse().unwrap());
    store::connection_update(tx, c).await.unwrap();
    peering
}

#[tokio::test]
async fn each_peering_s_registered_asns_may_come_first_on_its_own_sessions() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", directory.path().join("meetme.db").display());
    let kept = Store::open(&url, &SealKey::new([7; 32])).await.unwrap();
    let links = Links::new(kept.clone());
    let mut tx = kept.begin().await.unwrap();
    store::inventory_put(&mut tx, &inventory(), Timestamp::UNIX_EPOCH).await.unwrap();
    let claim = PeerAsn {
        id: 0,
        subscription: "s".into(),
        name: "exchange".into(),
        spec: PeerAsnSpec { asn: Asn(64510), peer_name: "Exchange".into(), contacts: Vec::new() },
        state: AsnState::Approved,
        error_message: None,
        decision: None,
        asked_at: None,
        stamp: stamp(),
    };
    store::peer_asn_insert(&mut tx, &claim).await.unwrap();
    let first = route_server(&mut tx, "Amsterdam", "198.19.200.0/31").await;
    route_server(&mut tx, "Frankfurt", "198.19.200.2/31").await;
    let mut registered = Vec::new();
    for asn in [64506, 64505] {
        let new = RegisteredAsn {
            id: 0,
            peering_id: first.id,
            name: format!("AS{asn}"),
            asn: Asn(asn),
            key: "key".into(),
            stamp: stamp(),
        };
        registered.push(store::registered_asn_insert(&mut tx, &new).await.unwrap());
    }
    tx.commit().await.unwrap();
    let behind = async || -> Vec<Vec<Asn>> {
        reconcile(&kept, &links, "ams1-er1").await.unwrap();
        let mut reader = kept.read().await.unwrap();
        let intent = store::router_intent_get(&mut reader, "ams1-er1").await.unwrap().unwrap();
        intent.sessions.into_iter().map(|s| s.policy.behind).collect()
    };
    assert_eq!(behind().await, [vec![Asn(64505), Asn(64506)], vec![]]);
    let mut tx = kept.begin().await.unwrap();
    store::registered_asn_delete(&mut tx, registered[0].id).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(behind().await, [vec![Asn(64505)], vec![]]);
}
