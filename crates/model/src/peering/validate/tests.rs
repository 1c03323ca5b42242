//! Rules of peerings, each broken once.

use super::*;
use crate::asn::PublicSpace;
use crate::inventory::*;

fn inventory() -> Inventory {
    let offering = |name: &str, kind| Offering {
        name: name.into(),
        kind,
        community: None,
        bfd: crate::intent::BfdTimers { interval_ms: 100, multiplier: 3, strict: false },
        max_length_v4: 29,
        max_length_v6: 64,
        max_path: None,
        ordinary_used: None,
        ipv6_registration: false,
    };
    Inventory {
        host: Host {
            name: "Example Cloud".into(),
            asn: Asn(64500),
            announced: vec!["198.18.0.0/17".parse().unwrap()],
            advised_max_prefix_floor: 500,
            internal_space: vec![],
            peer_session_space: vec![],
            free_mail_domains: vec![],
            public_space: PublicSpace::default(),
            backbone_bfd: None,
        },
        offerings: vec![
            offering("AS64500 (with Voice)", OfferingKind::Voice),
            offering("AS64500", OfferingKind::Edge),
        ],
        locations: vec![Location {
            name: "Amsterdam".into(),
            country: "NL".into(),
            region: "westeurope".into(),
            speeds_mbps: vec![10_000, 100_000],
        }],
        sites: vec![Site {
            name: "ams1".into(),
            location: "Amsterdam".into(),
            facility_id: 64,
            address: "1 Harbour Way".into(),
            latitude: None,
            longitude: None,
            bmp: None,
        }],
        routers: vec![router("ams1-er1"), router("ams1-er2")],
        pools: vec![],
        backbone: vec![],
        transits: vec![],
        service_locations: vec![],
        cdn_prefixes: vec![],
        legacy_sessions: vec![],
    }
}

fn router(name: &str) -> Router {
    let port = |n: u8| Port { name: format!("et{n}"), speed_mbps: 10_000, panel: String::new() };
    Router {
        name: name.into(),
        site: "ams1".into(),
        loopback: [198, 18, 255, 11].into(),
        loopback_v6: None,
        management: Management::Frr {
            vty_dir: "/run/frr".into(),
            lag: LagBackend::Bonding { netns: None },
            bmp_source: [192, 0, 2, 11].into(),
        },
        ports: (1..=4).map(port).collect(),
        announced: None,
    }
}

fn connection() -> ConnectionDraft {
    ConnectionDraft { bandwidth_mbps: Some(20_000), facility_id: Some(64), ..Default::default() }
}

fn voice() -> PeeringDraft {
    PeeringDraft {
        name: "contoso-ams".into(),
        kind: Some("Direct".into()),
        sku: Some("Premium_Direct_Free".into()),
        region: Some("westeurope".into()),
        location: Some("amsterdam".into()),
        direct_peering_type: Some("Voice".into()),
        peer_asn_id: Some("/subscriptions/s/providers/Microsoft.Peering/peerAsns/contoso".into()),
        connections: vec![connection(), connection()],
        tags: BTreeMap::new(),
        probes: None,
    }
}

fn edge() -> PeeringDraft {
    PeeringDraft {
        sku: Some("Basic_Direct_Free".into()),
        direct_peering_type: Some("Edge".into()),
        connections: vec![connection()],
        ..voice()
    }
}

fn run(draft: &PeeringDraft) -> Result<(PeeringSpec, Vec<ConnectionSpec>), Violations> {
    let inventory = inventory();
    let mut n = 0;
    validate(
        draft,
        &ValidateContext {
            inventory: &inventory,
            asn: Some(ResolvedAsn { name: "contoso".into(), asn: Asn(64510), state: AsnState::Approved }),
            existing: None,
        },
        &mut || {
            n += 1;
            format!("00000000-0000-0000-0000-{n:012}")
        },
    )
}

fn broken(draft: &PeeringDraft) -> Vec<String> {
    run(draft).unwrap_err().0.into_iter().map(|v| format!("{} {}", v.code, v.target)).collect()
}

const C: &str = "properties.direct.connections";

#[test]
fn a_voice_peering_in_order_gets_what_is_forced() {
    let (spec, connections) = run(&voice()).unwrap();
    assert_eq!((spec.location.as_str(), spec.asn), ("Amsterdam", Asn(64510)));
    for c in &connections {
        assert_eq!(c.address_provider, AddressProvider::Host);
        assert!(c.use_for_peering_service);
        assert_eq!((c.max_prefixes_v4, c.max_prefixes_v6), (1000, None));
    }
    assert_ne!(connections[0].identifier, connections[1].identifier);
}

#[test]
fn voice_needs_two_connections_of_equal_bandwidth() {
    let mut d = voice();
    d.connections.pop();
    assert_eq!(broken(&d), [format!("TooFewConnections {C}")]);
    let mut d = voice();
    d.connections[1].bandwidth_mbps = Some(10_000);
    assert_eq!(broken(&d), [format!("BandwidthNotEqual {C}[1].bandwidthInMbps")]);
}

#[test]
fn voice_forces_host_addressing_and_peering_service() {
    let mut d = voice();
    d.connections[0].address_provider = Some("Peer".into());
    d.connections[1].use_for_peering_service = Some(false);
    d.connections[1].session_prefix_v4 = Some("198.51.100.0/31".into());
    assert_eq!(
        broken(&d),
        [
            format!("SessionAddressProviderForced {C}[0].sessionAddressProvider"),
            format!("UseForPeeringServiceForced {C}[1].useForPeeringService"),
            format!("SessionPrefixNotAccepted {C}[1].bgpSession.sessionPrefixV4"),
        ]
    );
}

#[test]
fn the_sku_follows_the_offering() {
    let mut d = voice();
    d.sku = Some("Basic_Direct_Free".into());
    assert_eq!(broken(&d), ["SkuMismatch sku.name"]);
    let mut d = edge();
    d.connections[0].use_for_peering_service = Some(true);
    assert_eq!(broken(&d), ["SkuMismatch sku.name"], "an Edge peering with Peering Service is Premium");
    d.sku = Some("Premium_Direct_Free".into());
    assert_eq!(broken(&d), [format!("TooFewConnections {C}")]);
    d.sku = Some("Gold".into());
    assert_eq!(broken(&d), ["SkuInvalid sku.name"]);
}

#[test]
fn bandwidth_is_a_whole_number_of_links() {
    for (mbps, code) in [
        (Some(0), "BandwidthInvalid"),
        (Some(-10_000), "BandwidthInvalid"),
        (Some(15_000), "BandwidthInvalid"),
        (Some(90_000), "BandwidthNotOffered"),
        (Some(1 << 40), "BandwidthInvalid"),
        (None, "BandwidthRequired"),
    ] {
        let mut d = edge();
        d.connections[0].bandwidth_mbps = mbps;
        assert_eq!(broken(&d), [format!("{code} {C}[0].bandwidthInMbps")], "{mbps:?}");
    }
}

#[test]
fn a_bandwidth_that_no_router_of_the_facility_has_ports_for_is_refused() {
    let asked = |mbps: i64| {
        let mut d = edge();
        d.connections[0].bandwidth_mbps = Some(mbps);
        d
    };
    assert!(run(&asked(40_000)).is_ok(), "four links of 10 Gbps");
    for mbps in [50_000, 800_000] {
        let refused = [format!("BandwidthNotOffered {C}[0].bandwidthInMbps")];
        assert_eq!(broken(&asked(mbps)), refused, "{mbps}: the location offers it, no router has it");
    }
}

#[test]
fn the_facility_is_one_of_the_locations() {
    let mut d = edge();
    d.connections[0].facility_id = Some(65);
    assert_eq!(broken(&d), [format!("FacilityNotAtLocation {C}[0].peeringDBFacilityId")]);
}

#[test]
fn kind_exchange_is_refused_by_itself() {
    let mut d = edge();
    d.kind = Some("Exchange".into());
    let refused = check_kind(&d).unwrap_err();
    assert_eq!((refused.0.len(), refused.0[0].code.as_str()), (1, "KindNotOffered"));
}

#[test]
fn an_identifier_may_be_written_without_hyphens() {
    let mut d = edge();
    d.connections[0].identifier = Some("5F4CB5C76B43444493389ABC72606C16".into());
    let (_, connections) = run(&d).unwrap();
    assert_eq!(connections[0].identifier, "5f4cb5c7-6b43-4444-9338-9abc72606c16");
    for odd in ["5f4cb5c7-6b43-4444-93389abc72606c16", "5f4cb5c7-6b43-4444-9338-9abc72606c1-", "é"] {
        assert_eq!(crate::peering::guid(odd), None, "{odd}");
    }
}

#[test]
fn identifiers_are_guids_and_unique() {
    let mut d = voice();
    d.connections[0].identifier = Some("one".into());
    assert_eq!(broken(&d), [format!("ConnectionIdentifierInvalid {C}[0].connectionIdentifier")]);
    for c in &mut d.connections {
        c.identifier = Some("5F4CB5C7-6B43-4444-9338-9ABC72606C16".into());
    }
    assert_eq!(broken(&d), [format!("ConnectionIdentifierNotUnique {C}[1].connectionIdentifier")]);
}

#[test]
fn peer_addressing_wants_a_subnet_of_the_right_size_outside_the_hosts_space() {
    let with = |v4: Option<&str>, v6: Option<&str>| {
        let mut d = edge();
        d.connections[0].address_provider = Some("Peer".into());
        d.connections[0].session_prefix_v4 = v4.map(Into::into);
        d.connections[0].session_prefix_v6 = v6.map(Into::into);
        d
    };
    assert!(run(&with(Some("9.9.9.0/31"), Some("2a00::/64"))).is_ok());
    let v4 = format!("{C}[0].bgpSession.sessionPrefixV4");
    assert_eq!(broken(&with(None, None)), [format!("SessionPrefixRequired {v4}")]);
    assert_eq!(broken(&with(Some("9.9.9.0/29"), None)), [format!("SessionPrefixInvalid {v4}")]);
    assert_eq!(broken(&with(Some("9.9.9.1/30"), None)), [format!("SessionPrefixInvalid {v4}")]);
    assert_eq!(
        broken(&with(Some("198.18.5.0/31"), None)),
        vec![format!("SessionPrefixInvalid {v4}"); 2],
        "not public, and the host's"
    );
    assert_eq!(
        broken(&with(Some("9.9.9.0/31"), Some("2a00::/48"))),
        [format!("SessionPrefixInvalid {C}[0].bgpSession.sessionPrefixV6")]
    );
}

#[test]
fn max_prefixes_have_bounds() {
    let mut d = edge();
    d.connections[0].max_prefixes_v4 = Some(20_001);
    d.connections[0].max_prefixes_v6 = Some(2_001);
    let broken_v4 = format!("MaxPrefixesInvalid {C}[0].bgpSession.maxPrefixesAdvertisedV4");
    let broken_v6 = format!("MaxPrefixesInvalid {C}[0].bgpSession.maxPrefixesAdvertisedV6");
    assert_eq!(broken(&d), [broken_v4.clone(), broken_v6.clone()]);
    (d.connections[0].max_prefixes_v4, d.connections[0].max_prefixes_v6) = (Some(0), Some(0));
    assert_eq!(broken(&d), [broken_v4, broken_v6]);
}

#[test]
fn an_empty_draft_tells_everything_that_is_missing() {
    let found = {
        let inventory = inventory();
        let context = ValidateContext { inventory: &inventory, asn: None, existing: None };
        validate(&PeeringDraft::default(), &context, &mut String::new).unwrap_err()
    };
    let targets: Vec<&str> = found.0.iter().map(|v| v.target.as_str()).collect();
    for target in
        ["name", "kind", "properties.peeringLocation", "properties.direct.peerAsn.id", "sku.name", "location"]
    {
        assert!(targets.contains(&target), "{target} in {targets:?}");
    }
}

#[test]
fn what_is_immutable_stays() {
    let (mut spec, connections) = run(&voice()).unwrap();
    spec.location = "Frankfurt".into();
    spec.asn = Asn(64511);
    let now = jiff::Timestamp::UNIX_EPOCH;
    let peering = Peering {
        id: 1,
        subscription: "s".into(),
        resource_group: "rg".into(),
        name: "contoso-ams".into(),
        spec,
        deleting: false,
        stamp: crate::stamp::Stamp::new("test", now),
    };
    let existing: Vec<ExistingConnection> = connections
        .into_iter()
        .map(|spec| ExistingConnection { spec, prefixes: [Some("198.18.192.0/31".parse().unwrap()), None] })
        .collect();
    let inventory = inventory();
    let context = ValidateContext {
        inventory: &inventory,
        asn: Some(ResolvedAsn { name: "contoso".into(), asn: Asn(64510), state: AsnState::Approved }),
        existing: Some((&peering, &existing)),
    };
    let mut d = voice();
    for (c, e) in d.connections.iter_mut().zip(&existing) {
        c.identifier = Some(e.spec.identifier.clone());
        // A client sends back the addresses that it was shown.
        c.session_prefix_v4 = Some("198.18.192.0/31".into());
    }
    let found = validate(&d, &context, &mut String::new).unwrap_err();
    let found: Vec<(&str, &str)> = found.0.iter().map(|v| (v.code.as_str(), v.target.as_str())).collect();
    assert_eq!(
        found,
        [
            ("PropertyImmutable", "properties.direct.peerAsn.id"),
            ("PropertyImmutable", "properties.peeringLocation")
        ]
    );
}

#[test]
fn names_with_traversal_or_control_characters_are_refused() {
    for name in ["", "..", "a/b", "a\u{0}b", "a b", "naïve", &"x".repeat(64)] {
        let mut d = voice();
        d.name = name.into();
        assert_eq!(broken(&d), ["NameInvalid name"], "{name:?}");
    }
}
