//! A small host network for this crate's tests: two locations, two edge routers each.

use crate::asn::{Asn, PublicSpace};
use crate::intent::BfdTimers;
use crate::inventory::*;

fn offering(name: &str, kind: OfferingKind) -> Offering {
    Offering {
        name: name.into(),
        kind,
        community: Some("8075:8007".parse().unwrap()),
        bfd: BfdTimers { interval_ms: 50, multiplier: 3, strict: false },
        max_length_v4: 29,
        max_length_v6: 64,
        max_path: None,
        ordinary_used: None,
        ipv6_registration: false,
    }
}

fn location(name: &str, country: &str, region: &str) -> Location {
    Location {
        name: name.into(),
        country: country.into(),
        region: region.into(),
        speeds_mbps: vec![10_000, 100_000],
    }
}

fn site(name: &str, location: &str, facility_id: i32) -> Site {
    Site {
        name: name.into(),
        location: location.into(),
        facility_id,
        address: "1 Harbour Way".into(),
        latitude: None,
        longitude: None,
        bmp: Some("192.0.2.1:1790".parse().unwrap()),
    }
}

fn router(name: &str, site: &str, n: u8) -> Router {
    Router {
        name: name.into(),
        site: site.into(),
        loopback: [198, 18, 255, n].into(),
        loopback_v6: None,
        management: Management::Frr {
            vty_dir: format!("/run/frr/{name}").into(),
            lag: LagBackend::Bonding { netns: None },
            bmp_source: [192, 0, 2, n].into(),
        },
        ports: (1..=6)
            .map(|p| Port { name: format!("et{p}"), speed_mbps: 10_000, panel: format!("PP1:{p}") })
            .collect(),
        announced: None,
    }
}

fn pool(prefix: &str, location: &str) -> AddressPool {
    AddressPool { prefix: prefix.parse().unwrap(), location: location.into(), subnet_length: 31 }
}

/// The network.
pub fn inventory() -> Inventory {
    Inventory {
        host: Host {
            name: "Example Cloud".into(),
            asn: Asn(64500),
            announced: vec!["198.18.0.0/17".parse().unwrap()],
            internal_space: vec![],
            peer_session_space: vec![],
            advised_max_prefix_floor: 500,
            free_mail_domains: vec!["freemail.example".into()],
            public_space: PublicSpace {
                asns: vec![(64496, 64511)],
                prefixes: vec!["198.18.0.0/15".parse().unwrap()],
            },
            backbone_bfd: None,
        },
        offerings: vec![
            offering("AS64500 (with Voice)", OfferingKind::Voice),
            Offering { community: None, ..offering("AS64500", OfferingKind::Edge) },
        ],
        locations: vec![
            location("Amsterdam", "NL", "westeurope"),
            location("Frankfurt", "DE", "germanywestcentral"),
        ],
        sites: vec![site("ams1", "Amsterdam", 64), site("fra1", "Frankfurt", 58)],
        routers: vec![
            router("ams1-er1", "ams1", 11),
            router("ams1-er2", "ams1", 12),
            router("fra1-er1", "fra1", 21),
            router("fra1-er2", "fra1", 22),
        ],
        pools: vec![pool("198.18.192.0/24", "Amsterdam"), pool("198.18.193.0/24", "Frankfurt")],
        backbone: vec![BackboneRouter { name: "ams1-cr1".into(), loopback: [198, 18, 255, 1].into() }],
        transits: vec![Transit {
            name: "transit-a".into(),
            router: "ams1-er1".into(),
            address: [198, 18, 250, 1].into(),
            asn: Asn(64499),
        }],
        service_locations: vec![],
        cdn_prefixes: vec![],
        legacy_sessions: vec![],
    }
}
