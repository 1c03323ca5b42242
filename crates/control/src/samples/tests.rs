//! From an edge's minute to the series of a peering and of a peering service.

use super::*;
use crate::testing;
use meetme_model::connection::Connection;
use meetme_model::inventory::OfferingKind;
use meetme_model::metric::{Metric, Owner};
use meetme_model::monitor_test::MonitorTest;
use meetme_model::peering::Peering;
use meetme_model::samples::{LagSample, ProbeSample, SessionSample, Stat};
use meetme_store::PointsAsked;

struct World {
    store: Store,
    peering: Peering,
    connection: Connection,
    test: MonitorTest,
    _directory: tempfile::TempDir,
}

/// A peering with a probe and an Active connection on `er1`, and a peering service with a test.
async fn world() -> World {
    let (store, directory) = testing::empty_store().await;
    let mut tx = store.begin().await.unwrap();
    testing::with_peer_asn(&mut tx).await;
    let mut peering = testing::peering("Amsterdam", OfferingKind::Edge);
    peering.spec.probes = vec![testing::probe(4, "westeurope")];
    let (peering, connection) =
        testing::with_active_connection(&mut tx, &peering, "er1", "198.18.192.0/31").await;
    let test = testing::with_monitor_test(&mut tx, "er1").await;
    tx.commit().await.unwrap();
    World { store, peering, connection, test, _directory: directory }
}

/// A minute that began a while ago.
fn minute() -> Timestamp {
    Timestamp::from_second((now().as_second() / 60 - 10) * 60).unwrap()
}

fn samples(world: &World, minute: Timestamp) -> RouterSamples {
    let session = SessionSample { available: Stat::of(1.0), flaps: 2 };
    let rate = Stat::of(8e9);
    let lag = LagSample { ingress_bps: rate, egress_bps: rate, drop_bps: rate };
    let probe =
        ProbeSample { available_percent: Stat::of(100.0), rtt_ms: Some(Stat::of(5.0)), jitter_ms: None };
    let of_test = format!("test:{}", world.test.id);
    let of_peering = format!("peering:{}:4", world.peering.id);
    RouterSamples {
        router: "er1".into(),
        minute,
        part: 0,
        sessions: [(world.connection.session_name(true), session), ("c987v4".to_owned(), session)].into(),
        lags: [(world.connection.lag_name(), lag)].into(),
        probes: [of_test, of_peering, "peering:1:77".into(), "test:987".into(), "nonsense".into()]
            .map(|id| (id, probe))
            .into(),
    }
}

/// The minutes of a metric, as `dimensions count sum`.
async fn kept(world: &World, owner: Owner, metric: Metric) -> Vec<String> {
    let mut reader = world.store.read().await.unwrap();
    let mut shown = Vec::new();
    for (id, dimensions) in store::metric_series_of(&mut reader, owner, metric).await.unwrap() {
        let asked = PointsAsked {
            grain: Grain::Minute,
            from: minute() - SignedDuration::from_hours(1),
            until: minute() + SignedDuration::from_hours(1),
            length_ms: 60_000,
        };
        let on: Vec<String> = dimensions.into_values().collect();
        for point in store::metric_points(&mut reader, &[(id, 0)], asked).await.unwrap() {
            shown.push(format!("{} {} {}", on.join(","), point.stat.count, point.stat.sum));
        }
    }
    shown
}

#[tokio::test]
async fn a_minute_reaches_the_series_of_whom_it_is_about() {
    let world = world().await;
    take(&world.store, samples(&world, minute())).await.unwrap();
    take(&world.store, samples(&world, minute())).await.unwrap();
    let peering = Owner::Peering(world.peering.id);
    let service = Owner::Service(world.test.service_id);
    assert_eq!(kept(&world, peering, Metric::SessionAvailability).await, ["guid-Amsterdam,198.18.192.0 1 1"]);
    assert_eq!(kept(&world, peering, Metric::FlapCounts).await, ["guid-Amsterdam,198.18.192.0 1 2"]);
    assert_eq!(
        kept(&world, peering, Metric::EgressTrafficRate).await,
        ["guid-Amsterdam,198.18.192.0 1 8000000000"]
    );
    assert_eq!(kept(&world, peering, Metric::ConnectivityProbeLatency).await, ["TCP 1 5"]);
    assert!(kept(&world, peering, Metric::ConnectivityProbeJitter).await.is_empty(), "wasn't measured");
    assert_eq!(kept(&world, service, Metric::RoundTripTime).await, ["to-sbc 1 5"]);
}

#[tokio::test]
async fn pruning_leaves_what_is_kept() {
    let world = world().await;
    take(&world.store, samples(&world, minute())).await.unwrap();
    prune(world.store.clone()).await;
    let service = Owner::Service(world.test.service_id);
    assert_eq!(kept(&world, service, Metric::RoundTripTime).await, ["to-sbc 1 5"]);
}

#[tokio::test]
async fn a_minute_that_cannot_be_right_is_left_out() {
    let world = world().await;
    let now = minute() + SignedDuration::from_mins(10);
    assert!(check(now, now).is_ok());
    assert!(check(now + SignedDuration::from_mins(4), now).is_ok(), "clocks differ a little");
    for wrong in [
        now + SignedDuration::from_secs(1),
        now + SignedDuration::from_mins(7),
        now - SignedDuration::from_hours(49),
    ] {
        assert!(check(wrong, now).is_err(), "{wrong}");
        take(&world.store, samples(&world, wrong)).await.unwrap();
    }
    let service = Owner::Service(world.test.service_id);
    assert_eq!(kept(&world, service, Metric::RoundTripTime).await.len(), 0);
}
