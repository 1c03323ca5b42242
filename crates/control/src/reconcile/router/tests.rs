//! What a router's intent is made from.

use super::*;
use crate::intents::tests::Edge;
use crate::testing;
use jiff::Timestamp;
use meetme_model::inventory::{Inventory, OfferingKind};
use meetme_model::registered_asn::RegisteredAsn;
use serde_json::json;

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

#[tokio::test]
async fn each_peering_s_registered_asns_may_come_first_on_its_own_sessions() {
    let (kept, _directory) = testing::empty_store().await;
    let links = Links::new(kept.clone());
    let mut tx = kept.begin().await.unwrap();
    store::inventory_put(&mut tx, &inventory(), Timestamp::UNIX_EPOCH).await.unwrap();
    testing::with_peer_asn(&mut tx).await;
    let mut peerings = Vec::new();
    for (location, subnet) in [("Amsterdam", "198.19.200.0/31"), ("Frankfurt", "198.19.200.2/31")] {
        let new = testing::peering(location, OfferingKind::IxRs);
        peerings.push(testing::with_active_connection(&mut tx, &new, "ams1-er1", subnet).await.0);
    }
    let mut registered = Vec::new();
    for asn in [64506, 64505] {
        let new = RegisteredAsn {
            id: 0,
            peering_id: peerings[0].id,
            name: format!("AS{asn}"),
            asn: Asn(asn),
            key: "key".into(),
            stamp: testing::stamp(),
        };
        registered.push(store::registered_asn_insert(&mut tx, &new).await.unwrap());
    }
    tx.commit().await.unwrap();
    let behind = async || -> Vec<Vec<Asn>> {
        reconcile(&kept, &links, "ams1-er1").await.unwrap();
        let mut reader = kept.read().await.unwrap();
        let mut edge = Edge::default();
        edge.look(&mut reader, "ams1-er1").await;
        edge.intent.unwrap().sessions.iter().map(|s| s.policy.behind.to_vec()).collect()
    };
    assert_eq!(behind().await, [vec![Asn(64505), Asn(64506)], vec![]]);
    let mut tx = kept.begin().await.unwrap();
    store::registered_asn_delete(&mut tx, registered[0].id).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(behind().await, [vec![Asn(64505)], vec![]]);
}
