//! The verdict on routes, rule by rule.

use super::*;
use crate::asn::PublicSpace;

fn p(s: &str) -> Prefix {
    s.parse().unwrap()
}

fn policy() -> SessionPolicy {
    SessionPolicy {
        host_asn: Asn(64500),
        peer_asn: Asn(64510),
        route_server: false,
        behind: [].into(),
        next_hop: "198.18.192.0".parse().unwrap(),
        host_space: [p("198.18.0.0/16")].into(),
        max_length: 29,
        registration_required: true,
        ordinary_used: false,
        community: Some(Community::Standard(8075, 8007)),
        long_prefix_max_path: 3,
        max_path: None,
        prefixes: [
            PrefixPolicy { prefix: p("198.19.10.0/24"), role: PrefixRole::Primary },
            PrefixPolicy { prefix: p("198.19.20.0/25"), role: PrefixRole::Registered },
        ]
        .into(),
        space: PublicSpace { asns: vec![(64496, 64511)], prefixes: vec![p("198.18.0.0/15")] }.into(),
    }
}

fn route(path: &[u32]) -> RouteAttributes {
    RouteAttributes {
        as_path: AsPath::sequence(path.iter().copied()),
        next_hop: "198.18.192.0".parse().unwrap(),
        communities: vec![Community::Standard(8075, 8007)],
        med: None,
    }
}

fn verdict(prefix: &str, path: &[u32]) -> RouteVerdict {
    judge(p(prefix), &route(path), RpkiState::NotChecked, &policy())
}

fn codes(v: &RouteVerdict) -> Vec<&'static str> {
    v.faults.iter().map(RouteFault::code).collect()
}

#[test]
fn a_registered_route_in_order_is_used_in_its_role() {
    let v = verdict("198.19.10.0/24", &[64510]);
    assert_eq!(
        v,
        RouteVerdict { usage: RouteUse::Registered(PrefixRole::Primary), faults: vec![], last_resort: None }
    );
}

#[test]
fn longer_than_24_needs_a_path_shorter_than_four() {
    assert!(verdict("198.19.20.0/25", &[64510, 64505, 64506]).faults.is_empty());
    let v = verdict("198.19.20.0/25", &[64510, 64505, 64506, 64507]);
    assert_eq!(codes(&v), ["PathTooLong"]);
    assert_eq!(v.usage, RouteUse::Unused);
    assert!(verdict("198.19.10.0/24", &[64510, 64505, 64506, 64507]).faults.is_empty());
}

#[test]
fn a_private_asn_anywhere_in_the_path_rejects() {
    let v = verdict("198.19.10.0/24", &[64510, 65001]);
    assert_eq!(v.faults, [RouteFault::ReservedAsn { asn: Asn(65001) }]);
    assert_eq!(v.usage, RouteUse::Unused);
}

#[test]
fn registration_is_of_the_very_same_prefix() {
    assert_eq!(codes(&verdict("198.19.10.0/25", &[64510])), ["NotRegistered"]);
}

#[test]
fn without_the_community_a_voice_route_is_not_used() {
    let mut bare = route(&[64510]);
    bare.communities.clear();
    let v = judge(p("198.19.10.0/24"), &bare, RpkiState::NotChecked, &policy());
    assert_eq!(codes(&v), ["CommunityMissing"]);
    assert_eq!(v.usage, RouteUse::Unused);
}

#[test]
fn ordinary_routes_are_used_where_the_offering_takes_them() {
    let mut edge = policy();
    edge.ordinary_used = true;
    let v = judge(p("198.19.99.0/24"), &route(&[64510]), RpkiState::NotChecked, &edge);
    assert_eq!((v.usage, codes(&v)), (RouteUse::Ordinary, vec!["NotRegistered"]));
    edge.registration_required = false;
    let v = judge(p("198.19.99.0/24"), &route(&[64510]), RpkiState::NotChecked, &edge);
    assert_eq!((v.usage, v.faults.len()), (RouteUse::Ordinary, 0));
}

#[test]
fn every_broken_rule_is_told_at_once() {
    let bad = RouteAttributes {
        as_path: AsPath(vec![PathSegment::Sequence(vec![Asn(64505)]), PathSegment::Set(vec![Asn(65001)])]),
        next_hop: "198.18.192.9".parse().unwrap(),
        communities: vec![],
        med: None,
    };
    let v = judge(p("198.18.5.0/30"), &bad, RpkiState::Invalid, &policy());
    assert_eq!(
        codes(&v),
        [
            "HostSpace",
            "TooLong",
            "FirstAsNotPeer",
            "AsSet",
            "ReservedAsn",
            "RpkiInvalid",
            "NextHopNotSession",
            "NotRegistered",
            "CommunityMissing"
        ]
    );
    assert_eq!(v.usage, RouteUse::Unused);
}

#[test]
fn default_route_and_bogons_are_rejected() {
    assert!(codes(&verdict("0.0.0.0/0", &[64510])).contains(&"DefaultRoute"));
    assert!(codes(&verdict("10.1.0.0/16", &[64510])).contains(&"Bogon"));
}

#[test]
fn who_is_behind_a_route_server_may_come_first() {
    let policy = SessionPolicy { behind: [Asn(64504), Asn(64505)].into(), ..policy() };
    let judged = |path: &[u32]| {
        let verdict = judge(p("198.19.10.0/24"), &route(path), RpkiState::NotChecked, &policy);
        codes(&verdict)
    };
    for path in [&[64510, 64507][..], &[64505], &[64504, 64507]] {
        assert_eq!(judged(path), [""; 0], "{path:?}");
    }
    for path in [&[64507, 64505][..], &[64507], &[]] {
        assert_eq!(judged(path), ["FirstAsNotPeer"], "{path:?}");
    }
}

#[test]
fn an_empty_path_is_not_the_peers() {
    assert!(codes(&verdict("198.19.10.0/24", &[])).contains(&"FirstAsNotPeer"));
}

fn carrying(communities: &[Community]) -> RouteVerdict {
    let mut route = route(&[64510]);
    route.communities.extend(communities);
    judge(p("198.19.10.0/24"), &route, RpkiState::NotChecked, &policy())
}

#[test]
fn what_its_peer_drains_is_used_last_and_is_no_fault() {
    let v = carrying(&[community::GRACEFUL_SHUTDOWN]);
    assert_eq!(v.usage, RouteUse::Registered(PrefixRole::Primary));
    assert_eq!((v.faults.len(), v.last_resort), (0, Some(LastResort::PeerDrains)));
    assert_eq!((v.local_pref(), v.carries()), (Some(LOCAL_PREF_LAST_RESORT), false));
    const { assert!(LOCAL_PREF_LAST_RESORT < LOCAL_PREF_INTERNET) };
    assert_eq!(carrying(&[community::LLGR_STALE]).local_pref(), Some(0));
    assert_eq!(carrying(&[]).local_pref(), Some(LOCAL_PREF_PRIMARY));
}

#[test]
fn what_may_not_be_passed_on_or_asks_for_discarding_is_not_used() {
    for (community, code) in [(community::NO_ADVERTISE, "NoAdvertise"), (community::BLACKHOLE, "Blackhole")] {
        let v = carrying(&[community]);
        assert_eq!((v.usage, codes(&v)), (RouteUse::Unused, vec![code]));
    }
}

#[test]
fn the_hosts_own_asn_in_a_path_is_a_loop() {
    for path in [&[64510, 64500][..], &[64510, 64500, 64510]] {
        let v = verdict("198.19.10.0/24", path);
        assert_eq!((v.usage, codes(&v)), (RouteUse::Unused, vec!["OwnAsn"]), "{path:?}");
        assert!(v.faults[0].to_string().contains("AS64500, this network's own"));
    }
}
