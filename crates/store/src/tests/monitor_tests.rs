//! Connection monitors, their tests, connectivity probes, and what tries come to.

use super::database::Database;
use super::fixtures::*;
use crate::*;
use meetme_model::connectivity_probe::{ConnectivityProbe, ProbeProtocol};
use meetme_model::monitor_test::{MonitorTest, MonitorTestSpec};
use meetme_model::peering_service::PeeringService;
use meetme_model::probe::ProbeOutcome;
use meetme_model::probe_id::ProbeId;
use meetme_model::stamp::Stamp;

fn test(service_id: i64, name: &str, site: &str) -> MonitorTest {
    MonitorTest {
        id: 0,
        service_id,
        name: name.into(),
        spec: MonitorTestSpec {
            site: site.into(),
            destination: "198.19.10.7".parse().unwrap(),
            port: Some(443),
            interval_s: 60,
            router: format!("{site}-er1"),
        },
        stamp: Stamp::new("test", at(0)),
    }
}

fn outcome(id: ProbeId, second: i64) -> ProbeOutcome {
    ProbeOutcome {
        id: id.to_string(),
        router: "ams1-er1".into(),
        at: at(second),
        rtt_ms: Some(1.5),
        path: vec!["198.19.10.7".into()],
        error: None,
        untried: false,
    }
}

fn probe(region: &str) -> ConnectivityProbe {
    ConnectivityProbe {
        place: 0,
        endpoint: "198.19.10.7".parse().unwrap(),
        region: region.into(),
        protocol: ProbeProtocol::Icmp,
    }
}

async fn with_service(tx: &mut Tx) -> PeeringService {
    peering_service_insert(tx, &service(SUB, "Svc")).await.unwrap()
}

pub async fn a_connection_monitor_keeps_its_workspace(db: &Database) {
    let mut tx = db.store.begin().await.unwrap();
    assert_eq!(connection_monitor_get(&mut tx, SUB).await.unwrap(), None);
    assert!(connection_monitor_put(&mut tx, SUB, "one", at(0)).await.unwrap());
    assert!(!connection_monitor_put(&mut tx, "SUB-A", "two", at(1)).await.unwrap());
    assert_eq!(connection_monitor_get(&mut tx, "sub-a").await.unwrap().as_deref(), Some("one"));
    assert_eq!(connection_monitor_get(&mut tx, OTHER_SUB).await.unwrap(), None);
}

pub async fn tests_are_found_by_name_and_site_and_go_with_their_service(db: &Database) {
    let mut tx = db.store.begin().await.unwrap();
    let service = with_service(&mut tx).await;
    let one = monitor_test_insert(&mut tx, &test(service.id, "One", "ams1")).await.unwrap();
    let two = monitor_test_insert(&mut tx, &test(service.id, "two", "fra1")).await.unwrap();
    assert_eq!(monitor_tests_count(&mut tx, service.id).await.unwrap(), 2);
    assert_eq!(monitor_test_get(&mut tx, service.id, "oNe").await.unwrap(), Some(one.clone()));
    assert_eq!(monitor_test_by_id(&mut tx, two.id).await.unwrap(), Some(two.clone()));
    let list = monitor_tests_list(&mut tx, service.id, &Page::first(9)).await.unwrap();
    assert_eq!(list, [one.clone(), two.clone()]);
    assert_eq!(monitor_tests_at_site(&mut tx, "ams1").await.unwrap(), std::slice::from_ref(&one));
    let mut moved = one.clone();
    moved.spec.site = "fra1".into();
    monitor_test_update(&mut tx, &moved).await.unwrap();
    assert_eq!(monitor_tests_at_site(&mut tx, "ams1").await.unwrap(), []);
    assert_eq!(monitor_tests_at_site(&mut tx, "fra1").await.unwrap(), [moved, two.clone()]);
    monitor_test_delete(&mut tx, one.id).await.unwrap();
    peering_service_delete(&mut tx, service.id).await.unwrap();
    assert_eq!(monitor_test_by_id(&mut tx, two.id).await.unwrap(), None);
    tx.commit().await.unwrap();
}

/// True when a change was counted since `seen`, which is brought up to date.
async fn counted(tx: &mut Tx, seen: &mut i64) -> bool {
    let before = std::mem::replace(seen, probes_version(tx).await.unwrap());
    *seen > before
}

pub async fn every_change_of_what_is_probed_is_counted(db: &Database) {
    let (mut ams, _) = with_peering(&db.store, "Amsterdam").await;
    let mut tx = db.store.begin().await.unwrap();
    let mut seen = probes_version(&mut tx).await.unwrap();
    peering_update(&mut tx, &ams).await.unwrap();
    assert!(!counted(&mut tx, &mut seen).await, "a peering without probes");
    ams.spec.probes = vec![probe("westeurope"), ConnectivityProbe { place: 1, ..probe("westeurope") }];
    peering_update(&mut tx, &ams).await.unwrap();
    assert!(counted(&mut tx, &mut seen).await, "a peering's first probes");
    let found = peerings_probing_from(&mut tx, "West Europe").await.unwrap();
    assert_eq!(found, std::slice::from_ref(&ams));
    assert_eq!(peerings_probing_from(&mut tx, "germanywestcentral").await.unwrap(), []);
    ams.deleting = true;
    peering_update(&mut tx, &ams).await.unwrap();
    assert!(counted(&mut tx, &mut seen).await, "a peering that is being deleted");
    assert_eq!(peerings_probing_from(&mut tx, "westeurope").await.unwrap(), []);
    let service = with_service(&mut tx).await;
    assert!(!counted(&mut tx, &mut seen).await, "a service");
    let one = monitor_test_insert(&mut tx, &test(service.id, "one", "ams1")).await.unwrap();
    assert!(counted(&mut tx, &mut seen).await, "a new test");
    monitor_test_update(&mut tx, &one).await.unwrap();
    assert!(counted(&mut tx, &mut seen).await, "a changed test");
    monitor_test_delete(&mut tx, one.id).await.unwrap();
    assert!(counted(&mut tx, &mut seen).await, "a deleted test");
    monitor_test_insert(&mut tx, &test(service.id, "one", "ams1")).await.unwrap();
    assert!(counted(&mut tx, &mut seen).await, "one more");
    peering_service_delete(&mut tx, service.id).await.unwrap();
    assert!(counted(&mut tx, &mut seen).await, "a service with tests");
    peering_delete(&mut tx, ams.id, at(1)).await.unwrap();
    tx.commit().await.unwrap();
}

pub async fn the_newest_outcome_of_a_probe_is_kept_as_long_as_the_probe(db: &Database) {
    let (ams, _) = with_peering(&db.store, "Amsterdam").await;
    let mut tx = db.store.begin().await.unwrap();
    let service = with_service(&mut tx).await;
    let one = monitor_test_insert(&mut tx, &test(service.id, "one", "ams1")).await.unwrap();
    let id = ProbeId::Test(one.id);
    let of_peering = ProbeId::Peering { id: ams.id, place: 0 };
    for (id, second) in [(id, 1), (of_peering, 1), (id, 2)] {
        probe_outcome_put(&mut tx, id, &outcome(id, second)).await.unwrap();
    }
    assert_eq!(probe_outcome_get(&mut tx, id).await.unwrap(), Some(outcome(id, 2)));
    monitor_test_update(&mut tx, &one).await.unwrap();
    assert_eq!(probe_outcome_get(&mut tx, id).await.unwrap(), None, "it was found of something else");
    probe_outcome_put(&mut tx, id, &outcome(id, 3)).await.unwrap();
    monitor_test_delete(&mut tx, one.id).await.unwrap();
    assert_eq!(probe_outcome_get(&mut tx, id).await.unwrap(), None);
    assert_eq!(probe_outcome_get(&mut tx, of_peering).await.unwrap(), Some(outcome(of_peering, 1)));
    peering_delete(&mut tx, ams.id, at(1)).await.unwrap();
    assert_eq!(probe_outcome_get(&mut tx, of_peering).await.unwrap(), None);
    tx.commit().await.unwrap();
}
