//! From an edge's minute to the series of a peering and of a peering service.

use super::*;
use meetme_model::Asn;
use meetme_model::connection::{Connection, ConnectionState, PortAssignment, SessionSubnet};
use meetme_model::connectivity_probe::{ConnectivityProbe, ProbeProtocol};
use meetme_model::inventory::OfferingKind;
use meetme_model::metric::{Metric, Owner};
use meetme_model::monitor_test::{MonitorTest, MonitorTestSpec};
use meetme_model::peer_asn::{AsnState, PeerAsn, PeerAsnSpec};
use meetme_model::peering::{AddressProvider, ConnectionSpec, Peering, PeeringSpec, Sku};
use meetme_model::peering_service::{PeeringService, PeeringServiceSpec};
use meetme_model::samples::{LagSample, ProbeSample, SessionSample, Stat};
use meetme_model::stamp::Stamp;
use meetme_store::{PointsAsked, SealKey, Tx};

struct World {
    store: Store,
    peering: Peering,
    connection: Connection,
    test: MonitorTest,
    _directory: tempfile::TempDir,
}

fn stamp() -> Stamp {
    Stamp::new("test", Timestamp::UNIX_EPOCH)
}

/// A peering with a probe and an Active connection on `er1`, and a peering service with a test.
async fn world() -> World {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", directory.path().join("meetme.db").display());
    let store = Store::open(&url, &SealKey::new([7; 32])).await.unwrap();
    let mut tx = store.begin().await.unwrap();
    let (peering, connection) = peering(&mut tx).await;
    let test = test(&mut tx).await;
    tx.commit().await.unwrap();
    World { store, peering, connection, test, _directory: directory }
}

async fn peering(tx: &mut Tx) -> (Peering, Connection) {
    let asn = PeerAsn {
        id: 0,
        subscription: "s".into(),
        name: "contoso".into(),
        spec: PeerAsnSpec { asn: Asn(64510), peer_name: "Contoso".into(), contacts: vec![] },
        state: AsnState::Approved,
        error_message: None,
        decision: None,
        asked_at: None,
        stamp: stamp(),
    };
    store::peer_asn_insert(tx, &asn).await.unwrap();
    let probe = ConnectivityProbe {
        place: 4,
        endpoint: "198.19.20.1".parse().unwrap(),
        region: "westeurope".into(),
        protocol: ProbeProtocol::Tcp,
    };
    let new = Peering {
        id: 0,
        subscription: "s".into(),
        resource_group: "rg".into(),
        name: "ams".into(),
        spec: PeeringSpec {
            region: "westeurope".into(),
            offering: OfferingKind::Edge,
            sku: Sku::Basic_Direct_Free,
            location: "Amsterdam".into(),
            peer_asn_name: "contoso".into(),
            asn: Asn(64510),
            tags: Default::default(),
            probes: vec![probe],
        },
        deleting: false,
        stamp: stamp(),
    };
    let spec = ConnectionSpec {
        identifier: "guid-1".into(),
        bandwidth_mbps: 10_000,
        facility_id: 64,
        address_provider: AddressProvider::Host,
        use_for_peering_service: false,
        session_prefix_v4: None,
        session_prefix_v6: None,
        max_prefixes_v4: 1000,
        max_prefixes_v6: None,
        md5_key: None,
    };
    let (peering, mut connections) = store::peering_insert(tx, &new, &[spec]).await.unwrap();
    let mut connection = connections.remove(0);
    connection.state = ConnectionState::Active;
    connection.ports =
        Some(PortAssignment { router: "er1".into(), ports: vec!["et1".into()], port_speed_mbps: 10_000 });
    connection.subnet_v4 = SessionSubnet::of("198.18.192.0/31".parse().unwrap());
    store::connection_update(tx, &connection).await.unwrap();
    (peering, connection)
}

async fn test(tx: &mut Tx) -> MonitorTest {
    let service = PeeringService {
        id: 0,
        subscription: "s".into(),
        resource_group: "rg".into(),
        name: "voice".into(),
        spec: PeeringServiceSpec {
            region: "westeurope".into(),
            location: "North Holland".into(),
            provider: "Contoso".into(),
            primary: Some("Amsterdam".into()),
            backup: None,
            sku: None,
            tags: Default::default(),
        },
        stamp: stamp(),
    };
    let service = store::peering_service_insert(tx, &service).await.unwrap();
    let spec = MonitorTestSpec {
        site: "ams1".into(),
        destination: "198.19.10.7".parse().unwrap(),
        port: None,
        interval_s: 30,
        router: "er1".into(),
    };
    let new = MonitorTest { id: 0, service_id: service.id, name: "to-sbc".into(), spec, stamp: stamp() };
    store::monitor_test_insert(tx, &new).await.unwrap()
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
    assert_eq!(kept(&world, peering, Metric::SessionAvailability).await, ["guid-1,198.18.192.0 1 1"]);
    assert_eq!(kept(&world, peering, Metric::FlapCounts).await, ["guid-1,198.18.192.0 1 2"]);
    assert_eq!(kept(&world, peering, Metric::EgressTrafficRate).await, ["guid-1,198.18.192.0 1 8000000000"]);
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
