//! Rules of connectivity probes, and who sends them.

use super::*;
use crate::testing;

fn draft(endpoint: &str, region: &str, protocol: &str) -> ProbeDraft {
    ProbeDraft {
        endpoint: Some(endpoint.into()),
        region: Some(region.into()),
        protocol: Some(protocol.into()),
    }
}

fn checked(drafts: &[ProbeDraft], had: &[ConnectivityProbe]) -> Result<Vec<ConnectivityProbe>, Vec<String>> {
    let mut v = Violations::default();
    let found = check_probes(drafts, had, &testing::inventory(), &mut v);
    let told = |v: Violations| v.0.into_iter().map(|v| format!("{} {}", v.code, v.target)).collect();
    v.into_result(found).map_err(told)
}

#[test]
fn a_probe_keeps_its_place_and_a_changed_endpoint_is_another_one() {
    let first = checked(&[draft("198.19.10.1", "West Europe", "icmp")], &[]).unwrap();
    assert_eq!((first[0].place, first[0].region.as_str()), (0, "westeurope"));
    let more = [draft("198.19.10.2", "westeurope", "TCP"), draft("198.19.10.1", "westeurope", "TCP")];
    let second = checked(&more, &first).unwrap();
    assert_eq!(second.iter().map(|p| p.place).collect::<Vec<_>>(), [1, 0]);
    let swapped = checked(&[draft("198.19.10.3", "westeurope", "TCP")], &second).unwrap();
    assert_eq!(swapped[0].place, 2);
}

#[test]
fn every_broken_rule_is_told_at_once() {
    let at = |i: usize, field: &str| format!("properties.connectivityProbes[{i}].{field}");
    let drafts = [
        ProbeDraft::default(),
        draft("10.0.0.1", "eastus", "UDP"),
        draft("198.18.1.1", "westeurope", "None"),
        draft("198.19.10.1", "westeurope", "TCP"),
        draft("198.19.10.1", "West Europe", "ICMP"),
        draft("sbc.tel.example", "westeurope", "ICMP"),
    ];
    assert_eq!(
        checked(&drafts, &[]).unwrap_err(),
        [
            format!("EndpointRequired {}", at(0, "endpoint")),
            format!("AzureRegionRequired {}", at(0, "azureRegion")),
            format!("DestinationNotPublic {}", at(1, "endpoint")),
            format!("AzureRegionUnknown {}", at(1, "azureRegion")),
            format!("ProtocolInvalid {}", at(1, "protocol")),
            format!("DestinationInHostSpace {}", at(2, "endpoint")),
            format!("ConnectivityProbeNotUnique {}", at(4, "endpoint")),
            format!("DestinationInvalid {}", at(5, "endpoint")),
        ]
    );
    let many: Vec<ProbeDraft> =
        (0..11).map(|n| draft(&format!("198.19.10.{n}"), "westeurope", "TCP")).collect();
    assert_eq!(checked(&many, &[]).unwrap_err(), ["TooManyConnectivityProbes properties.connectivityProbes"]);
}

#[test]
fn peerings_are_spread_over_the_region_s_routers_and_each_knows_its_source() {
    let inventory = testing::inventory();
    let probe = ConnectivityProbe {
        place: 3,
        endpoint: "198.19.10.1".parse().unwrap(),
        region: "germanywestcentral".into(),
        protocol: ProbeProtocol::Tcp,
    };
    let sent = probe.probe(&inventory, 4).unwrap();
    assert_eq!((sent.id.as_str(), sent.router.as_str()), ("peering:4:3", "fra1-er1"));
    assert_eq!((sent.tcp_port, sent.refusal_answers, sent.interval_s), (Some(5061), true, 60));
    assert_eq!(probe.sender(&inventory, 5).unwrap().name, "fra1-er2");
    assert_eq!(probe.sources(&inventory, 5), ["198.18.255.22/32".parse().unwrap()]);
    let icmp = ConnectivityProbe { protocol: ProbeProtocol::Icmp, ..probe.clone() };
    let sent = icmp.probe(&inventory, 4).unwrap();
    assert_eq!((sent.tcp_port, sent.refusal_answers), (None, false));
    let resting = ConnectivityProbe { protocol: ProbeProtocol::None, ..probe };
    assert_eq!(resting.probe(&inventory, 4), None);
}

#[test]
fn a_region_without_routers_sends_nothing() {
    let mut inventory = testing::inventory();
    inventory.routers.retain(|r| r.site != "fra1");
    assert_eq!(regions(&inventory), ["westeurope"]);
}
