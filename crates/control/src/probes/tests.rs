//! What an edge is told to probe, and what is kept of its answers.

use super::*;
use crate::testing;
use jiff::Timestamp;
use meetme_model::inventory::OfferingKind;
use meetme_model::monitor_test::MonitorTest;
use meetme_model::peering::Peering;
use meetme_store::inventory_put;
use serde_json::json;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

fn inventory() -> Inventory {
    let router = |name: &str, site: &str, n: u8| {
        json!({
            "name": name, "site": site, "loopback": format!("198.18.255.{n}"),
            "management": {
                "driver": "frr", "vty_dir": "/run/frr", "bmp_source": format!("192.0.2.{n}"),
                "lag": { "backend": "bonding" },
            },
        })
    };
    let site = |name: &str, location: &str, id: i32| json!({ "name": name, "location": location, "facility_id": id, "address": "1 Harbour Way" });
    serde_json::from_value(json!({
        "host": {
            "name": "Example Cloud", "asn": 64500, "announced": ["198.18.0.0/17"],
            "public_space": { "prefixes": ["198.18.0.0/15"] },
        },
        "location": [
            { "name": "Amsterdam", "country": "NL", "region": "westeurope" },
            { "name": "Frankfurt", "country": "DE", "region": "germanywestcentral" },
        ],
        "site": [site("ams1", "Amsterdam", 64), site("ams2", "Amsterdam", 65), site("fra1", "Frankfurt", 58)],
        "router": [router("ams1-er1", "ams1", 11), router("ams2-er1", "ams2", 12), router("fra1-er1", "fra1", 21)],
    }))
    .unwrap()
}

struct World {
    store: Store,
    test: MonitorTest,
    peering: Peering,
    _directory: tempfile::TempDir,
}

/// A service with a test from ams1, and a peering probed from its region and from another one.
async fn world() -> World {
    let (store, directory) = testing::empty_store().await;
    let mut tx = store.begin().await.unwrap();
    inventory_put(&mut tx, &inventory(), at(0)).await.unwrap();
    let test = testing::with_monitor_test(&mut tx, "ams1-er1").await;
    testing::with_peer_asn(&mut tx).await;
    let mut peering = testing::peering("Amsterdam", OfferingKind::Voice);
    peering.spec.probes = vec![testing::probe(0, "westeurope"), testing::probe(1, "germanywestcentral")];
    let (peering, _) = store::peering_insert(&mut tx, &peering, &[]).await.unwrap();
    tx.commit().await.unwrap();
    World { store, test, peering, _directory: directory }
}

fn outcome(id: &str, second: i64, rtt_ms: Option<f64>) -> ProbeOutcome {
    let error = rtt_ms.is_none().then(|| "no answer within 2 s".to_owned());
    ProbeOutcome {
        id: id.into(),
        router: "ams1-er1".into(),
        at: at(second),
        rtt_ms,
        path: vec![],
        error,
        untried: false,
    }
}

/// The ids of the probes that an edge is told of now, if it is told any.
async fn told(world: &World, site: &str, told: &mut Told) -> Option<Vec<String>> {
    let mut reader = world.store.read().await.unwrap();
    let version = store::inventory_version(&mut reader).await.unwrap();
    let ToEdge::Probes { probes } = news(&mut reader, site, version, told).await.unwrap()? else {
        panic!("another message");
    };
    Some(probes.into_iter().map(|p| format!("{} {}", p.router, p.id)).collect())
}

async fn kept(world: &World, id: &str) -> Option<i64> {
    let mut reader = world.store.read().await.unwrap();
    let found = store::probe_outcome_get(&mut reader, id.parse().unwrap()).await.unwrap()?;
    Some(found.at.as_second() - at(0).as_second())
}

#[tokio::test]
async fn each_probe_is_told_to_the_one_site_that_sends_it() {
    let world = world().await;
    let (test, peering) = (world.test.id, world.peering.id);
    let mut all = Vec::new();
    for site in ["ams1", "ams2", "fra1"] {
        all.extend(told(&world, site, &mut Told::default()).await.expect("told at first, even of none"));
    }
    all.sort();
    let in_amsterdam = ["ams1-er1", "ams2-er1"][usize::try_from(peering % 2).unwrap()];
    let mut expected = [
        format!("ams1-er1 test:{test}"),
        format!("{in_amsterdam} peering:{peering}:0"),
        format!("fra1-er1 peering:{peering}:1"),
    ];
    expected.sort();
    assert_eq!(all, expected);
}

#[tokio::test]
async fn the_list_is_told_again_only_when_it_is_another_one() {
    let world = world().await;
    let mut edge = Told::default();
    assert!(told(&world, "fra1", &mut edge).await.is_some());
    assert_eq!(told(&world, "fra1", &mut edge).await, None);
    let mut tx = world.store.begin().await.unwrap();
    store::monitor_test_delete(&mut tx, world.test.id).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(told(&world, "fra1", &mut edge).await, None, "a change at another site");
    let mut tx = world.store.begin().await.unwrap();
    let deleting = Peering { deleting: true, ..world.peering.clone() };
    store::peering_update(&mut tx, &deleting).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(told(&world, "fra1", &mut edge).await, Some(vec![]), "it stops");
    let mut tx = world.store.begin().await.unwrap();
    inventory_put(&mut tx, &inventory(), at(1)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(told(&world, "fra1", &mut edge).await, Some(vec![]), "after its routers");
}

#[tokio::test]
async fn an_outcome_is_kept_when_it_says_something_new() {
    let world = world().await;
    let id = format!("test:{}", world.test.id);
    for (second, rtt_ms, kept_at) in [
        (1, Some(1.0), 1),
        (30, Some(2.0), 1),
        (31, None, 31),
        (40, None, 31),
        (39, Some(1.0), 39),
        (20, None, 39),
        (99, Some(3.0), 99),
    ] {
        probed(&world.store, outcome(&id, second, rtt_ms)).await.unwrap();
        assert_eq!(kept(&world, &id).await, Some(kept_at), "after second {second}");
    }
}

#[tokio::test]
async fn what_nobody_asks_for_any_more_is_not_kept() {
    let world = world().await;
    let test = format!("test:{}", world.test.id);
    let place = |n: u32| format!("peering:{}:{n}", world.peering.id);
    for id in ["nonsense", "test:999", "peering:999:0", &place(2)] {
        probed(&world.store, outcome(id, 1, Some(1.0))).await.unwrap();
        if let Ok(id) = id.parse() {
            let mut reader = world.store.read().await.unwrap();
            assert_eq!(store::probe_outcome_get(&mut reader, id).await.unwrap(), None, "{id}");
        }
    }
    probed(&world.store, outcome(&place(1), 1, Some(1.0))).await.unwrap();
    assert_eq!(kept(&world, &place(1)).await, Some(1));
    let mut tx = world.store.begin().await.unwrap();
    let mut changed = world.test.clone();
    changed.stamp.change("test", at(10));
    store::monitor_test_update(&mut tx, &changed).await.unwrap();
    tx.commit().await.unwrap();
    probed(&world.store, outcome(&test, 9, Some(1.0))).await.unwrap();
    assert_eq!(kept(&world, &test).await, None, "a try of before the change");
    probed(&world.store, outcome(&test, 11, Some(1.0))).await.unwrap();
    assert_eq!(kept(&world, &test).await, Some(11));
}

#[tokio::test]
async fn an_edge_that_links_is_told_its_probes_and_heard() {
    use crate::Links;
    use futures::{SinkExt, StreamExt};
    use meetme_model::link::{LINK_VERSION, ToControl};
    use tokio_util::codec::{Framed, LengthDelimitedCodec};

    let world = world().await;
    let (control, edge) = tokio::io::duplex(1 << 16);
    let links = Links::new(world.store.clone());
    let served = tokio::spawn(links.serve(control));
    let mut frames = Framed::new(edge, LengthDelimitedCodec::new());
    let bytes = |message: &ToControl| bytes::Bytes::from(serde_json::to_vec(message).unwrap());
    let hello = ToControl::Hello { version: LINK_VERSION, site: "ams1".into() };
    frames.send(bytes(&hello)).await.unwrap();
    let mut routers = false;
    let probes = loop {
        let frame = frames.next().await.unwrap().unwrap();
        match serde_json::from_slice(&frame).unwrap() {
            ToEdge::Routers { .. } => routers = true,
            ToEdge::Probes { probes } => break probes,
            other => panic!("{other:?}"),
        }
    };
    assert!(routers, "probes come after the routers that send them");
    let id = format!("test:{}", world.test.id);
    assert!(probes.iter().any(|p| p.id == id), "{probes:?}");
    let probed = ToControl::Probed { outcome: Box::new(outcome(&id, 5, Some(0.4))) };
    frames.send(bytes(&probed)).await.unwrap();
    for _ in 0..200 {
        if kept(&world, &id).await.is_some() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(kept(&world, &id).await, Some(5));
    drop(frames);
    served.await.unwrap();
}

#[tokio::test]
async fn an_outcome_of_a_clock_that_runs_ahead_is_left_out() {
    let world = world().await;
    let id = format!("test:{}", world.test.id);
    let ahead = ProbeOutcome { at: crate::now() + AHEAD * 2, ..outcome(&id, 1, Some(1.0)) };
    probed(&world.store, ahead).await.unwrap();
    assert_eq!(kept(&world, &id).await, None);
}
