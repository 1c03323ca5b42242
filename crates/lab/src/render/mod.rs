//! Configuration files of the daemons, as pure functions of the topology and of what a peer router is told to do.
//! One file per kind. Nothing here writes a file or talks to a daemon.

pub(crate) mod bird;
pub(crate) mod exabgp;
pub(crate) mod frr;
pub(crate) mod frr_config;
pub(crate) mod gobgp;

use std::collections::BTreeMap;

use ipnet::IpNet;

use crate::proto::{Announcement, PeerState, Session};
use crate::topology::Node;

/// BFD multiplier on the lab's own links.
pub(crate) const IGP_BFD_MULTIPLIER: u8 = 3;
/// Local preference of what a peer learns on its sessions with the host: above the Internet's 100.
pub(crate) const INTERCONNECT_LOCAL_PREF: u32 = 200;

/// What a session announces: what is announced on all, overridden by what is announced or withdrawn on this one.
pub(crate) fn effective<'a>(state: &'a PeerState, session: &Session) -> Vec<&'a Announcement> {
    let v4 = session.local.addr().is_ipv4();
    let mut merged: BTreeMap<&IpNet, Option<&Announcement>> =
        state.on_all.iter().map(|(prefix, a)| (prefix, Some(a))).collect();
    if let Some(own) = state.on_one.get(&session.name) {
        merged.extend(own.iter().map(|(prefix, a)| (prefix, a.as_ref())));
    }
    merged.into_values().flatten().filter(|a| a.prefix.addr().is_ipv4() == v4).collect()
}

/// The AS that a session speaks as.
pub(crate) fn local_asn(node: &Node, session: &Session) -> u32 {
    session.local_asn.or(node.asn).unwrap_or_default()
}

/// The node's router id; validation has seen to it that routers have one.
pub(crate) fn router_id(node: &Node) -> std::net::Ipv4Addr {
    node.loopback.unwrap_or(std::net::Ipv4Addr::UNSPECIFIED)
}

/// The parts of a community: two (RFC 1997) or three (RFC 8092).
pub(crate) fn community_parts(text: &str) -> Result<Vec<u32>, String> {
    let parts: Result<Vec<u32>, _> = text.split(':').map(str::parse).collect();
    match parts {
        Ok(parts) if parts.len() == 3 => Ok(parts),
        Ok(parts) if parts.len() == 2 && parts.iter().all(|part| *part <= 0xffff) => Ok(parts),
        _ => Err(format!("'{text}' is no community: N:N with N up to 65535 (RFC 1997) or N:N:N (RFC 8092)")),
    }
}

/// A number for a text that is the same on every machine and in every version (64-bit FNV-1a).
pub(crate) fn stable_hash(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::proto::Bfd;
    use crate::topology::Topology;

    pub(crate) fn lab() -> Topology {
        Topology::parse(include_str!("../../../../labs/default/topology.toml")).unwrap()
    }

    pub(crate) fn session() -> Session {
        Session {
            name: "conn-1".into(),
            members: vec!["et1".into(), "et2".into()],
            interface: Some("lag1".into()),
            local: "198.18.192.0/31".parse().unwrap(),
            remote: "198.18.192.1".parse().unwrap(),
            local_asn: None,
            remote_asn: 64500,
            bfd: Some(Bfd { interval_ms: 50, multiplier: 3 }),
            md5: Some("key".into()),
            gtsm: true,
        }
    }

    pub(crate) fn state() -> PeerState {
        let plain = Announcement::of("198.19.10.0/24".parse().unwrap()).with_community("8075:8007");
        let odd = Announcement {
            as_path: vec![65001, 65002],
            med: Some(7),
            next_hop: Some("198.18.192.0".parse().unwrap()),
            communities: vec!["64500:1:2".into()],
            ..Announcement::of("198.19.20.0/25".parse().unwrap())
        };
        PeerState {
            sessions: vec![session()],
            on_all: [(plain.prefix, plain)].into(),
            on_one: [("conn-1".to_string(), [(odd.prefix, Some(odd))].into())].into(),
        }
    }

    #[test]
    fn a_prefix_withdrawn_on_one_session_stays_on_the_others() {
        let mut state = state();
        let prefix: IpNet = "198.19.10.0/24".parse().unwrap();
        state.on_one.insert("conn-1".into(), [(prefix, None)].into());
        assert!(effective(&state, &session()).is_empty());
        let other = Session { name: "conn-2".into(), ..session() };
        assert_eq!(effective(&state, &other).len(), 1);
    }

    #[test]
    fn a_session_announces_its_own_family_only() {
        let v6 = Session { local: "2001:db8::/127".parse().unwrap(), ..session() };
        assert!(effective(&state(), &v6).is_empty());
    }

    #[test]
    fn communities_are_two_small_or_three_large_numbers() {
        assert_eq!(community_parts("8075:8007"), Ok(vec![8075, 8007]));
        assert_eq!(community_parts("4200000000:1:2"), Ok(vec![4_200_000_000, 1, 2]));
        for bad in ["", "8075", "70000:1", "1:2:3:4", "a:b"] {
            assert!(community_parts(bad).is_err(), "{bad}");
        }
    }
}
