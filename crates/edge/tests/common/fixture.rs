//! An intent as a host with one Voice peer has it; tests change what they are about.

use meetme_model::asn::{Asn, PublicSpace};
use meetme_model::community::Community;
use meetme_model::intent::*;
use meetme_model::route::{PrefixPolicy, PrefixRole, SessionPolicy};
use meetme_model::secret::NamedSecret;

/// Documentation space that tests count as public.
pub fn space() -> PublicSpace {
    PublicSpace {
        asns: vec![(64496, 64511)],
        prefixes: vec!["198.18.0.0/15".parse().unwrap(), "2001:db8::/32".parse().unwrap()],
    }
}

/// The policy of a Voice session.
pub fn policy(next_hop: &str) -> SessionPolicy {
    SessionPolicy {
        host_asn: Asn(64500),
        peer_asn: Asn(64510),
        route_server: false,
        behind: [].into(),
        next_hop: next_hop.parse().unwrap(),
        host_space: ["198.18.0.0/17", "2001:db8:1::/48"].map(|p| p.parse().unwrap()).into(),
        max_length: if next_hop.contains(':') { 64 } else { 29 },
        registration_required: true,
        ordinary_used: false,
        community: Some(Community::Standard(8075, 8007)),
        long_prefix_max_path: 3,
        max_path: None,
        prefixes: [
            PrefixPolicy { prefix: "198.19.10.0/24".parse().unwrap(), role: PrefixRole::Primary },
            PrefixPolicy { prefix: "198.19.20.0/25".parse().unwrap(), role: PrefixRole::Registered },
        ]
        .into(),
        space: space().into(),
    }
}

/// Session `c<n>v4` over `lag<n>`.
pub fn session(n: u8, phase: SessionPhase) -> SessionIntent {
    let peer = format!("198.18.192.{}", 2 * n);
    SessionIntent {
        name: format!("c{n}v4"),
        description: "Example Telecom, voice-ams".into(),
        lag: format!("lag{n}"),
        local_address: format!("198.18.192.{}", 2 * n + 1).parse().unwrap(),
        peer_address: peer.parse().unwrap(),
        bfd: BfdTimers { interval_ms: 100, multiplier: 3, strict: false },
        md5_key: Some(NamedSecret::new("key", "s3cret")),
        max_prefixes: 1000,
        phase,
        voice: true,
        policy: policy(&peer),
    }
}

/// `lag<n>` over `et<2n-1>` and `et<2n>`.
pub fn lag(n: u8) -> LagIntent {
    LagIntent {
        name: format!("lag{n}"),
        description: format!("Example Telecom, voice-ams, {n}"),
        members: vec![format!("et{}", 2 * n - 1), format!("et{}", 2 * n)],
        addresses: vec![InterfaceAddress {
            address: format!("198.18.192.{}", 2 * n + 1).parse().unwrap(),
            prefix_len: 31,
        }],
    }
}

/// A router with one LAG and one session.
pub fn intent(generation: u64, phase: SessionPhase) -> RouterIntent {
    RouterIntent {
        router: "ams1-er1".into(),
        generation,
        asn: Asn(64500),
        router_id: "198.18.255.11".parse().unwrap(),
        loopback: "198.18.255.11".parse().unwrap(),
        loopback_v6: None,
        lags: vec![lag(1)],
        sessions: vec![session(1, phase)],
        ibgp: vec![IbgpNeighbor {
            name: "ams1-er2".into(),
            address: "198.18.255.12".parse().unwrap(),
            bfd: None,
        }],
        transits: vec![TransitIntent {
            name: "internet-ams".into(),
            address: "198.18.250.1".parse().unwrap(),
            asn: Asn(64499),
            host_space: ["198.18.0.0/17".parse().unwrap()].into(),
            space: space().into(),
        }],
        announced: ["198.18.0.0/17", "2001:db8:1::/48"].map(|p| p.parse().unwrap()).into(),
        bmp: Some("127.0.0.1:1790".parse().unwrap()),
    }
}
