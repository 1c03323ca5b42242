//! What a router's minute becomes, by what its connections and probes are.

use super::*;
use crate::connection::{ConnectionState, PortAssignment, SessionSubnet};
use crate::peering::{AddressProvider, ConnectionSpec};
use crate::samples::{LagSample, SessionSample};
use jiff::Timestamp;

fn connection(id: i64, router: &str, dual: bool) -> Connection {
    let subnet = |text: &str| SessionSubnet::of(text.parse().unwrap());
    Connection {
        id,
        peering_id: 7,
        name: "contoso-ams-1".into(),
        spec: ConnectionSpec {
            identifier: format!("guid-{id}"),
            bandwidth_mbps: 10_000,
            facility_id: 64,
            address_provider: AddressProvider::Host,
            use_for_peering_service: true,
            session_prefix_v4: None,
            session_prefix_v6: None,
            max_prefixes_v4: 1000,
            max_prefixes_v6: dual.then_some(100),
            md5_key: None,
        },
        state: ConnectionState::Active,
        since: Timestamp::UNIX_EPOCH,
        error_message: None,
        decision: None,
        ports: Some(PortAssignment {
            router: router.into(),
            ports: vec!["et1".into()],
            port_speed_mbps: 10_000,
        }),
        subnet_v4: subnet(&format!("198.18.192.{}/31", id * 2)),
        subnet_v6: dual.then(|| subnet("2001:db8::/127")).flatten(),
        loa: None,
        light_at: None,
        active_at: None,
        reached: crate::connection::Reached::default(),
        removal: None,
    }
}

fn samples() -> RouterSamples {
    let session = |up: f64, flaps| SessionSample { available: Stat::of(up), flaps };
    let lag = LagSample {
        ingress_bps: Stat::of(1e9),
        egress_bps: Stat::of(2e9).with(4e9),
        drop_bps: Stat::of(0.0),
    };
    RouterSamples {
        router: "er1".into(),
        minute: Timestamp::UNIX_EPOCH,
        part: 0,
        sessions: [("c1v4", session(1.0, 0)), ("c1v6", session(0.0, 2)), ("c2v4", session(1.0, 0))]
            .map(|(name, s)| (name.to_owned(), s))
            .into(),
        lags: [("lag1".to_owned(), lag), ("lag2".to_owned(), lag), ("lag9".to_owned(), lag)].into(),
        probes: BTreeMap::new(),
    }
}

/// `metric dimensions average` of each series.
fn shown(all: &BTreeMap<Series, Stat>) -> Vec<String> {
    all.iter()
        .map(|(s, stat)| {
            let on: Vec<&str> = s.dimensions.values().map(String::as_str).collect();
            format!("{} {} {}", s.metric.definition().name, on.join(","), stat.average())
        })
        .collect()
}

#[test]
fn sessions_have_their_address_and_traffic_only_where_it_can_be_only_one() {
    let connections = [connection(1, "er1", true), connection(2, "er1", false)];
    let all = measured(&samples(), &connections, &BTreeMap::new());
    assert_eq!(
        shown(&all),
        [
            "SessionAvailability guid-1,198.18.192.2 1",
            "SessionAvailability guid-1,2001:db8:: 0",
            "SessionAvailability guid-2,198.18.192.4 1",
            "IngressTrafficRate guid-1 1000000000",
            "IngressTrafficRate guid-2,198.18.192.4 1000000000",
            "EgressTrafficRate guid-1 3000000000",
            "EgressTrafficRate guid-2,198.18.192.4 3000000000",
            "PacketDropRate guid-1 0",
            "PacketDropRate guid-2,198.18.192.4 0",
            "FlapCounts guid-1,198.18.192.2 0",
            "FlapCounts guid-1,2001:db8:: 2",
            "FlapCounts guid-2,198.18.192.4 0",
        ]
    );
    assert!(all.keys().all(|s| s.owner == Owner::Peering(7)));
}

#[test]
fn what_belongs_to_no_connection_of_the_router_is_left_out() {
    assert!(measured(&samples(), &[], &BTreeMap::new()).is_empty());
    let elsewhere = [connection(1, "er2", true)];
    assert!(measured(&samples(), &elsewhere, &BTreeMap::new()).is_empty());
}

#[test]
fn probes_belong_to_who_asked_for_them_and_one_without_an_answer_has_no_round_trip() {
    let mut samples = samples();
    let sample = |percent: f64, rtt: Option<f64>| ProbeSample {
        available_percent: Stat::of(percent),
        rtt_ms: rtt.map(Stat::of),
        jitter_ms: None,
    };
    samples.probes = [
        ("test:1", sample(100.0, Some(5.0))),
        ("peering:7:0", sample(100.0, Some(2.0))),
        ("peering:7:1", sample(0.0, None)),
        ("peering:8:0", sample(100.0, Some(1.0))),
    ]
    .map(|(id, s)| (id.to_owned(), s))
    .into();
    let icmp = ProbeOf::Peering { peering_id: 7, protocol: "ICMP".into() };
    let probes = [
        ("test:1", ProbeOf::Test { service_id: 3, name: "to-sbc".into() }),
        ("peering:7:0", icmp.clone()),
        ("peering:7:1", icmp),
    ]
    .map(|(id, of)| (id.to_owned(), of))
    .into();
    let all = measured(&samples, &[], &probes);
    assert_eq!(
        shown(&all),
        [
            "ConnectivityProbeAvailability ICMP 50",
            "ConnectivityProbeLatency ICMP 2",
            "RoundTripTime to-sbc 5",
        ]
    );
}
