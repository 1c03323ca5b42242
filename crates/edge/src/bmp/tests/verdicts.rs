//! Routes, their verdicts and what summaries tell of them.

use super::wire::Update;
use super::{OTHER, PEER, PEER_ASN, Rig, p, policy, session};
use meetme_model::asn::Asn;
use meetme_model::community::Community;
use meetme_model::route::{AsPath, PrefixPolicy, PrefixRole, RouteUse};
use std::time::Duration;

const REGISTERED: &str = "198.19.10.0/24";

#[test]
fn a_route_is_judged_when_announced_and_forgotten_when_withdrawn() {
    let mut rig = Rig::synced(&[REGISTERED]);
    assert!(rig.summary("a").evidence[0].route.is_none());
    rig.announce(REGISTERED, &[PEER_ASN]);
    let summary = rig.summary("a");
    assert_eq!((summary.received, summary.used), (1, 1));
    assert!(summary.synced && summary.error.is_none());
    let seen = summary.evidence[0].route.as_ref().unwrap();
    assert_eq!(seen.verdict.usage, RouteUse::Registered(PrefixRole::Registered));
    assert_eq!(seen.received_at.as_second(), 1_700_000_000);
    assert_eq!(seen.attributes.communities, [Community::Standard(8075, 8007)]);
    assert_eq!(rig.summary("b").received, 0, "another session");
    rig.withdraw(REGISTERED);
    let summary = rig.summary("a");
    assert_eq!((summary.received, summary.used), (0, 0));
    assert!(summary.evidence[0].route.is_none() && summary.synced);
    assert_eq!(rig.router.rib().shared_len(), (0, 0), "nothing is kept for nobody");
}

#[test]
fn each_broken_rule_is_told_and_such_routes_are_not_used() {
    let mut rig = Rig::synced(&[REGISTERED, "198.19.20.0/25"]);
    let long = [PEER_ASN, 64496, 64497, 64498];
    let update = || Update::new(PEER).path(&[PEER_ASN]);
    rig.announce("198.19.30.0/24", &[PEER_ASN, 64512]);
    rig.announce("198.19.20.0/25", &long);
    rig.feed(update().without_communities().announce(REGISTERED).bmp());
    rig.announce("198.19.40.0/24", &[PEER_ASN]);
    rig.announce("0.0.0.0/0", &[PEER_ASN]);
    rig.announce("10.0.0.0/8", &[PEER_ASN]);
    rig.announce("198.18.5.0/24", &[PEER_ASN]);
    rig.announce("198.19.50.0/24", &[64496, PEER_ASN]);
    rig.feed(update().next_hop("198.18.192.77").announce("198.19.60.0/24").bmp());
    for (prefix, faults) in [
        ("198.19.30.0/24", &["ReservedAsn", "NotRegistered"][..]),
        ("198.19.20.0/25", &["PathTooLong"]),
        (REGISTERED, &["CommunityMissing"]),
        ("198.19.40.0/24", &["NotRegistered"]),
        ("0.0.0.0/0", &["DefaultRoute", "NotRegistered"]),
        ("10.0.0.0/8", &["Bogon", "NotRegistered"]),
        ("198.18.5.0/24", &["HostSpace", "NotRegistered"]),
        ("198.19.50.0/24", &["FirstAsNotPeer", "NotRegistered"]),
        ("198.19.60.0/24", &["NextHopNotSession", "NotRegistered"]),
    ] {
        assert_eq!(rig.faults("a", prefix), faults, "{prefix}");
    }
    let summary = rig.summary("a");
    assert_eq!((summary.received, summary.used), (9, 0));
    assert_eq!(summary.faults["NotRegistered"], 7);
    assert_eq!(summary.examples["NotRegistered"].len(), 5);
    assert_eq!(summary.examples["PathTooLong"], [p("198.19.20.0/25")]);
}

#[test]
fn ten_thousand_routes_are_counted_with_few_examples_and_share_their_attributes() {
    let mut rig = Rig::synced(&[]);
    let prefix = |i: u32| format!("198.19.{}.{}/32", i >> 8, i & 255);
    for i in 0..10_000 {
        rig.announce(&prefix(i), &[PEER_ASN]);
    }
    let summary = rig.summary("a");
    assert_eq!((summary.received, summary.used), (10_000, 0));
    assert_eq!(summary.faults["TooLong"], 10_000);
    assert_eq!(summary.examples["TooLong"].len(), 5);
    assert_eq!(rig.router.rib().shared_len(), (1, 1));
    for i in 0..9_990 {
        rig.withdraw(&prefix(i));
    }
    let summary = rig.summary("a");
    assert_eq!(summary.faults["TooLong"], 10);
    let examples = &summary.examples["TooLong"];
    assert!(!examples.is_empty());
    assert!(examples.iter().all(|p| rig.entry("a", &p.to_string()).is_some()), "{examples:?}");
}

#[test]
fn a_changed_policy_judges_again_what_it_changes() {
    let mut rig = Rig::synced(&[]);
    rig.announce(REGISTERED, &[PEER_ASN]);
    rig.announce("198.19.40.0/24", &[PEER_ASN]);
    assert_eq!(rig.summary("a").used, 0);
    rig.advance(Duration::from_secs(1));
    rig.configure(vec![session("a", PEER, &[REGISTERED])]);
    let summary = rig.summary("a");
    assert_eq!((summary.used, summary.faults["NotRegistered"]), (1, 1));
    assert_eq!(summary.received, 2, "no route is lost by it");

    let mut primary = session("a", PEER, &[]);
    primary.policy.prefixes = [PrefixPolicy { prefix: p(REGISTERED), role: PrefixRole::Primary }].into();
    rig.configure(vec![primary]);
    let usage = rig.summary("a").evidence[0].route.as_ref().unwrap().verdict.usage;
    assert_eq!(usage, RouteUse::Registered(PrefixRole::Primary));

    let mut other_peer = session("a", PEER, &[REGISTERED]);
    other_peer.policy.peer_asn = Asn(64499);
    rig.configure(vec![other_peer]);
    assert_eq!(rig.summary("a").faults["FirstAsNotPeer"], 2, "all are judged again");
    assert_eq!(rig.summary("a").used, 0);
}

#[test]
fn an_unchanged_policy_tells_nothing() {
    let mut rig = Rig::synced(&[REGISTERED]);
    rig.advance(Duration::from_secs(1));
    rig.events.clear();
    let same = || vec![session("a", PEER, &[REGISTERED]), session("b", OTHER, &[REGISTERED])];
    rig.configure(same());
    rig.advance(Duration::from_secs(1));
    assert_eq!(rig.events, []);
}

#[test]
fn two_octet_paths_are_completed_by_as4_path() {
    let four = [2, 2, 0, 0, 0xfb, 0xfe, 0, 3, 0x0d, 0x40];
    let update =
        Update::new(PEER).two_octet_path(&[64510, 23456]).attribute(0xc0, 17, &four).announce(REGISTERED);
    let mut flagged = update.clone();
    flagged.flags = 0x20;
    let mut rig = Rig::synced(&[REGISTERED]);
    rig.feed(flagged.bmp());
    let path = |rig: &mut Rig| {
        let summary = rig.summary("a");
        summary.evidence[0].route.as_ref().map(|r| r.attributes.as_path.clone())
    };
    assert_eq!(path(&mut rig), Some(AsPath::sequence([64510, 200_000])));

    // FRR 8.4 leaves the A flag out: there the path itself tells.
    let mut rig = Rig::synced(&[REGISTERED]);
    rig.feed(update.bmp());
    assert_eq!(path(&mut rig), Some(AsPath::sequence([64510, 200_000])));
}

#[test]
fn only_the_pre_policy_view_of_global_peers_counts() {
    let mut rig = Rig::synced(&[]);
    for flags in [0x40, 0x10, 0x50] {
        let mut update = Update::new(PEER).path(&[PEER_ASN]).announce(REGISTERED);
        update.flags = flags;
        rig.feed(update.bmp());
    }
    for peer_type in [1, 2, 3] {
        let mut other = Update::new(PEER).path(&[PEER_ASN]).announce(REGISTERED).bmp();
        other[6] = peer_type;
        rig.feed(other);
    }
    let summary = rig.summary("a");
    assert_eq!((summary.received, summary.error), (0, None));
}

#[test]
fn a_route_without_a_time_gets_the_time_of_arrival() {
    let mut rig = Rig::synced(&[REGISTERED]);
    let mut update = Update::new(PEER).path(&[PEER_ASN]).announce(REGISTERED);
    update.seconds = 0;
    rig.feed(update.bmp());
    let seen = rig.summary("a").evidence.remove(0).route.unwrap();
    assert_eq!(seen.received_at, jiff::Timestamp::UNIX_EPOCH);
}

#[test]
fn several_registrations_do_not_disturb_each_other() {
    let mut rig = Rig::synced(&["198.19.10.0/24", "198.19.11.0/24"]);
    rig.announce("198.19.10.0/24", &[PEER_ASN]);
    rig.announce("198.19.11.0/24", &[PEER_ASN]);
    assert_eq!(rig.summary("a").used, 2);
    let mut fewer = session("a", PEER, &[]);
    fewer.policy = policy(PEER, &["198.19.11.0/24"]);
    rig.configure(vec![fewer]);
    assert_eq!(rig.faults("a", "198.19.10.0/24"), ["NotRegistered"]);
    assert_eq!(rig.summary("a").used, 1);
}
