//! Routes that a router took and that a stricter reader would refuse: each is shown and judged, and
//! costs neither its UPDATE nor its session anything.

use super::wire::Update;
use super::{PEER, PEER_ASN, Rig, p, session, wire};
use meetme_model::route::{AsPath, RouteFault};

const REGISTERED: &str = "198.19.10.0/24";
/// The session of the messages that are given in hexadecimal.
const HEX_PEER: &str = "198.18.192.2";

fn octets(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .chunks(2)
        .map(|two| u8::from_str_radix(str::from_utf8(two).unwrap(), 16).unwrap())
        .collect()
}

/// A session in sync, with the peer of the hexadecimal messages.
fn rig() -> Rig {
    let mut rig = Rig::with(vec![session("a", HEX_PEER, &[REGISTERED])]);
    rig.connect();
    rig.feed(wire::peer_up(HEX_PEER));
    rig.feed(wire::end_of_rib(HEX_PEER));
    rig
}

#[test]
fn the_last_address_is_a_bogon_like_any_other() {
    let mut rig = rig();
    rig.feed(octets(concat!(
        "03000000670000000000000000000000000000000000000000000000c612c0020000fbfec613ff016553f1000000",
        "0000ffffffffffffffffffffffffffffffff0037020000001b4001010040020602010000fbfe400304c612c002c0",
        "08041f8b1f4720ffffffff"
    )));
    let faults = rig.entry("a", "255.255.255.255/32").unwrap().verdict().0.faults.clone();
    let bogon = RouteFault::Bogon { reason: "reserved (RFC 1112)".to_owned() };
    assert_eq!(faults, [bogon, RouteFault::TooLong { max_length: 29 }, RouteFault::NotRegistered]);
    let summary = rig.summary("a");
    assert_eq!((summary.received, summary.synced, summary.error), (1, true, None));
}

#[test]
fn one_odd_prefix_leaves_the_others_of_its_update() {
    let mut rig = Rig::synced(&[REGISTERED]);
    let odd = ["255.255.255.254/31", "224.0.0.0/4", "0.0.0.0/32", "127.0.0.0/8"];
    let update = Update::new(PEER).path(&[PEER_ASN]).announce(odd[0]).announce(REGISTERED);
    rig.feed(odd[1..].iter().fold(update, |update, prefix| update.announce(prefix)).bmp());
    for prefix in odd {
        assert!(rig.faults("a", prefix).contains(&"Bogon"), "{prefix}");
    }
    let summary = rig.summary("a");
    assert_eq!((summary.received, summary.used), (5, 1));
    assert!(summary.synced && summary.error.is_none());
}

#[test]
fn host_bits_in_a_destination_are_cleared() {
    let mut rig = Rig::synced(&[]);
    let mut message = Update::new(PEER).path(&[PEER_ASN]).announce("198.19.10.0/25").bmp();
    *message.last_mut().unwrap() = 0x7f;
    rig.feed(message);
    assert!(rig.entry("a", "198.19.10.0/25").is_some());
}

#[test]
fn an_attribute_that_no_rule_looks_at_is_passed_over() {
    let mut rig = rig();
    // Type 29 (BGP-LS), transitive and partial, which it never is.
    rig.feed(octets(concat!(
        "03000000690000000000000000000000000000000000000000000000c612c0020000fbfec613ff016553f1000000",
        "0000ffffffffffffffffffffffffffffffff0039020000001e4001010040020602010000fbfe400304c612c002c0",
        "08041f8b1f47e01d0018c6130a"
    )));
    let summary = rig.summary("a");
    assert_eq!((summary.received, summary.used, summary.synced, summary.error), (1, 1, true, None));

    let mut rig = Rig::synced(&[REGISTERED]);
    for (flags, code, value) in [
        (0xe0, 26, &[1, 0, 11, 0, 0, 0, 0, 0, 0, 0, 1][..]),
        (0xe0, 29, &[4, 0, 0, 0]),
        (0xc0, 35, &[1]),
        (0x00, 1, &[7, 7]),
        (0xc0, 40, &[1, 0, 2]),
        (0xef, 255, &[]),
        // MULTI_EXIT_DISC of three octets: it is as if there were none.
        (0x80, 4, &[0, 0, 1]),
    ] {
        rig.withdraw(REGISTERED);
        rig.feed(
            Update::new(PEER).path(&[PEER_ASN]).attribute(flags, code, value).announce(REGISTERED).bmp(),
        );
        let summary = rig.summary("a");
        assert_eq!((summary.used, summary.synced, summary.error), (1, true, None), "type {code}");
    }
}

#[test]
fn a_path_with_segments_of_a_confederation_is_shown_and_not_used() {
    for kind in [3, 4] {
        let mut rig = Rig::synced(&[REGISTERED]);
        let path = [2, 1, 0, 0, 0xfb, 0xfe, kind, 1, 0, 0, 0xfd, 0xe9, 2, 1, 0, 0, 0xfb, 0xf0];
        rig.feed(Update::new(PEER).raw_path(&path).announce(REGISTERED).bmp());
        assert_eq!(rig.faults("a", REGISTERED), ["AsSet", "ReservedAsn"]);
        let summary = rig.summary("a");
        assert!(summary.synced && summary.error.is_none());
    }
}

#[test]
fn a_router_that_calls_itself_frr_and_sends_what_the_rfc_says_is_believed() {
    let mut rig = rig();
    rig.feed(octets("030000002104000100104652526f7574696e672031302e372e3000020003657231"));
    rig.feed(octets(concat!(
        "03000000940300000000000000000000000000000000000000000000c612c0020000fbfec613ff01000000000000",
        "0000000000000000000000000000c612c00300b3c000ffffffffffffffffffffffffffffffff002b0104fbf400b4",
        "c613ff010e020c01040001000141040000fbf4ffffffffffffffffffffffffffffffff00250104fbfe00b4c613ff",
        "01080206010400010001"
    )));
    rig.feed(octets(concat!(
        "03000000660000000000000000000000000000000000000000000000c612c0020000fbfec613ff016553f1000000",
        "0000ffffffffffffffffffffffffffffffff0036020000001b4001010040020602010000fbfe400304c612c002c0",
        "08041f8b1f4718c6130a"
    )));
    rig.feed(wire::end_of_rib(HEX_PEER));
    assert_eq!(rig.entry("a", REGISTERED).unwrap().attributes().as_path, AsPath::sequence([PEER_ASN]));
    let summary = rig.summary("a");
    assert_eq!((summary.received, summary.used, summary.synced, summary.error), (1, 1, true, None));
}

#[test]
fn the_routers_own_asn_is_taken_off_only_where_it_stands_in_front_of_every_path() {
    let path = |rig: &Rig, prefix| rig.entry("a", prefix).unwrap().attributes().as_path.to_string();
    let mut rig = Rig::new(&[]);
    rig.feed(wire::initiation("FRRouting 8.4.4"));
    rig.feed(wire::peer_up(PEER));
    rig.announce("198.19.10.0/24", &[64500, PEER_ASN, 64500]);
    assert_eq!(path(&rig, "198.19.10.0/24"), "64510 64500", "a loop, seen with its front taken off");
    rig.announce("198.19.11.0/24", &[PEER_ASN]);
    rig.announce("198.19.12.0/24", &[64500, PEER_ASN]);
    assert_eq!(path(&rig, "198.19.12.0/24"), "64500 64510", "this router prepends nothing");
}

#[test]
fn of_lists_that_end_too_early_what_stands_before_counts() {
    let mut rig = Rig::synced(&[REGISTERED]);
    let mut message = Update::new(PEER).path(&[PEER_ASN]).announce("198.19.40.0/24").bmp();
    message.extend([24, 198]);
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    message[1..5].copy_from_slice(&length);
    rig.feed(message);
    assert!(rig.entry("a", "198.19.40.0/24").is_some());
    let summary = rig.summary("a");
    assert!(!summary.synced, "there may have been more: {summary:?}");
}

#[test]
fn prefixes_in_page_order_come_from_all_sessions_once() {
    let mut rig = Rig::synced(&[]);
    for peer in [PEER, super::OTHER] {
        rig.feed(Update::new(peer).path(&[PEER_ASN]).next_hop(peer).announce(REGISTERED).bmp());
    }
    assert_eq!(rig.router.rib().get(p(REGISTERED)).unwrap().entries().len(), 2);
    rig.feed(wire::peer_down(PEER));
    assert!(rig.entry("a", REGISTERED).is_none());
    assert!(rig.entry("b", REGISTERED).is_some());
    while rig.router.work(1) {}
    assert_eq!(rig.router.rib().get(p(REGISTERED)).unwrap().entries().len(), 1);
}
