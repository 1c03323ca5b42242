//! When a session's table can be trusted, and what takes the trust away and brings it back.

use super::super::StationEvent;
use super::super::frame;
use super::super::session::QUIET;
use super::wire::Update;
use super::{OTHER, PEER, PEER_ASN, Rig, wire};
use proptest::prelude::*;
use std::time::Duration;

const REGISTERED: &str = "198.19.10.0/24";
/// MULTI_EXIT_DISC of three octets: malformed (RFC 4271 §6.3).
const BAD_MED: [u8; 3] = [0, 0, 1];

fn malformed(prefix: &str) -> Vec<u8> {
    Update::new(PEER).path(&[PEER_ASN]).attribute(0x80, 4, &BAD_MED).announce(prefix).bmp()
}

#[test]
fn a_malformed_attribute_withdraws_its_routes_and_marks_only_that_session() {
    let mut rig = Rig::synced(&[REGISTERED]);
    rig.announce(REGISTERED, &[PEER_ASN]);
    rig.announce("198.19.40.0/24", &[PEER_ASN]);
    rig.feed(Update::new(OTHER).path(&[PEER_ASN]).next_hop(OTHER).announce(REGISTERED).bmp());
    rig.feed(malformed(REGISTERED));
    let summary = rig.summary("a");
    assert!(!summary.synced);
    assert!(summary.error.as_ref().unwrap().contains("malformed"), "{summary:?}");
    assert_eq!(summary.received, 1, "the other route stays");
    assert!(summary.evidence[0].route.is_none());
    let other = rig.summary("b");
    assert!(other.synced && other.error.is_none() && other.received == 1);

    rig.announce(REGISTERED, &[PEER_ASN]);
    let summary = rig.summary("a");
    assert!(summary.synced && summary.error.is_none(), "told anew: {summary:?}");
}

#[test]
fn a_malformed_ipv6_announcement_is_withdrawn_by_its_mp_reach_nlri() {
    let peer = "2001:db8:1::2";
    let mut rig = Rig::with(vec![super::session("six", peer, &["2001:db8:1000::/48"])]);
    rig.connect();
    rig.feed(wire::peer_up(peer));
    let mut reach = vec![0, 2, 1, 16];
    reach.extend("2001:db8:1::2".parse::<std::net::Ipv6Addr>().unwrap().octets());
    reach.push(0);
    reach.extend(wire::nlri("2001:db8:1000::/48"));
    let path = [2, 1, 0, 0, 0xfb, 0xfe];
    let good =
        Update::new(peer).attribute(0x40, 1, &[0]).attribute(0x40, 2, &path).attribute(0x80, 14, &reach);
    rig.feed(good.bmp());
    rig.feed(Update::new(peer).attribute(0x80, 15, &[0, 2, 1]).bmp());
    assert_eq!(rig.summary("six").received, 1);
    assert!(rig.summary("six").synced, "by the IPv6 End-of-RIB");
    rig.feed(good.attribute(0x80, 4, &BAD_MED).bmp());
    let summary = rig.summary("six");
    assert!(summary.received == 0 && !summary.synced && summary.error.is_some());
}

#[test]
fn a_clean_end_of_rib_or_a_new_session_ends_the_doubt() {
    let mut rig = Rig::synced(&[]);
    // Lengths that don't add up: which routes were meant isn't known.
    let mut hopeless = Update::new(PEER).path(&[PEER_ASN]).announce(REGISTERED).bmp();
    let attributes_length = 6 + 42 + 19 + 2;
    hopeless[attributes_length] = 0xff;
    rig.feed(hopeless.clone());
    assert!(rig.summary("a").error.is_some());
    rig.announce(REGISTERED, &[PEER_ASN]);
    assert!(!rig.summary("a").synced, "more may be missing");
    rig.feed(wire::end_of_rib(PEER));
    assert!(rig.summary("a").synced);
    rig.feed(hopeless);
    rig.feed(wire::peer_up(PEER));
    assert_eq!(rig.summary("a").error, None);
    rig.advance(QUIET * 3);
    assert!(rig.summary("a").synced);
}

#[test]
fn the_end_of_a_dump_with_a_malformed_message_proves_nothing() {
    let mut rig = Rig::new(&[]);
    rig.feed(wire::peer_up(PEER));
    rig.feed(malformed(REGISTERED));
    rig.feed(wire::end_of_rib(PEER));
    let summary = rig.summary("a");
    assert!(!summary.synced && summary.error.is_some());
}

#[test]
fn a_doubtful_session_is_trusted_again_after_a_refresh() {
    let mut rig = Rig::synced(&[REGISTERED]);
    rig.announce("198.19.40.0/24", &[PEER_ASN]);
    rig.feed(malformed(REGISTERED));
    rig.router.refresh("b", rig.at);
    assert!(rig.summary("b").synced, "nothing was wrong with it");
    rig.router.refresh("a", rig.at);
    rig.announce("198.19.40.0/24", &[PEER_ASN]);
    rig.advance(QUIET);
    let summary = rig.summary("a");
    assert_eq!((summary.received, summary.synced, summary.error), (1, true, None));
}

#[test]
fn a_session_that_stays_doubtful_is_resynchronised_by_a_new_connection_now_and_then() {
    let mut rig = Rig::synced(&[REGISTERED]);
    let connection = rig.router.connected(rig.at);
    rig.feed(wire::peer_up(PEER));
    rig.feed(malformed(REGISTERED));
    rig.advance(Duration::from_secs(9));
    assert!(!connection.is_cancelled(), "it may still heal without");
    rig.advance(Duration::from_secs(1));
    assert!(connection.is_cancelled());
    let connection = rig.router.connected(rig.at);
    rig.feed(wire::peer_up(PEER));
    rig.feed(malformed(REGISTERED));
    rig.advance(Duration::from_secs(30));
    assert!(!connection.is_cancelled(), "not again so soon");
    rig.advance(Duration::from_secs(31));
    assert!(connection.is_cancelled());
}

#[test]
fn a_peer_that_only_withdraws_raises_an_alarm_until_it_announces() {
    let mut rig = Rig::synced(&[REGISTERED]);
    for prefix in [REGISTERED, "198.19.11.0/24"] {
        rig.withdraw(prefix);
    }
    assert_eq!(rig.summary("a").error, None);
    rig.withdraw("198.19.12.0/24");
    let summary = rig.summary("a");
    assert!(!summary.synced);
    assert!(summary.error.unwrap().contains("soft-reconfiguration inbound"));
    assert_eq!(rig.summary("b").error, None);
    rig.announce(REGISTERED, &[PEER_ASN]);
    assert_eq!(rig.summary("a").error, None);
    rig.advance(QUIET);
    assert!(rig.summary("a").synced);
}

#[test]
fn withdrawing_what_was_announced_raises_no_alarm() {
    let mut rig = Rig::synced(&[]);
    rig.announce(REGISTERED, &[PEER_ASN]);
    for _ in 0..10 {
        rig.withdraw(REGISTERED);
    }
    assert_eq!(rig.summary("a").error, None);
}

#[test]
fn a_session_that_goes_down_has_no_routes_and_no_error() {
    let mut rig = Rig::synced(&[REGISTERED]);
    rig.announce(REGISTERED, &[PEER_ASN]);
    rig.feed(malformed("198.19.11.0/24"));
    rig.feed(wire::peer_down(PEER));
    let summary = rig.summary("a");
    assert_eq!((summary.received, summary.synced, summary.error), (0, false, None));
    assert!(rig.summary("b").synced);
    rig.advance(Duration::ZERO);
    let down = rig.events.iter().any(|e| {
        matches!(e, StationEvent::PeerDown { session, reason, .. }
            if session == "a" && reason.contains("closed by the peer"))
    });
    assert!(down, "{:?}", rig.events);
}

#[test]
fn a_session_that_comes_up_later_is_synced_by_silence() {
    let mut rig = Rig::synced(&[]);
    rig.feed(wire::peer_down(PEER));
    rig.at += Duration::from_secs(60);
    rig.feed(wire::peer_up(PEER));
    rig.announce(REGISTERED, &[PEER_ASN]);
    let due = rig.advance(QUIET / 2).unwrap();
    assert!(!rig.summary("a").synced);
    rig.announce("198.19.11.0/24", &[PEER_ASN]);
    assert!(rig.advance(due - rig.at).is_some(), "it wasn't silent");
    assert!(!rig.summary("a").synced);
    rig.advance(QUIET);
    assert!(rig.summary("a").synced);
}

#[test]
fn the_dump_of_one_session_waits_for_the_others_to_be_dumped() {
    let mut rig = Rig::new(&[]);
    rig.feed(wire::peer_up(PEER));
    rig.feed(wire::peer_up(OTHER));
    for i in 0..10 {
        rig.feed(Update::new(OTHER).path(&[PEER_ASN]).announce(&format!("198.19.{i}.0/24")).bmp());
        rig.advance(QUIET * 2);
        assert!(!rig.summary("a").synced);
    }
    rig.feed(wire::end_of_rib(PEER));
    assert!(rig.summary("a").synced && !rig.summary("b").synced);
}

#[test]
fn a_dump_without_its_end_is_synced_within_a_minute_however_busy_the_router_is() {
    let mut rig = Rig::new(&[]);
    rig.feed(wire::peer_up(PEER));
    rig.feed(wire::peer_up(OTHER));
    for second in 1..=60 {
        assert!(!rig.summary("a").synced, "after {second} s");
        rig.feed(Update::new(OTHER).path(&[PEER_ASN]).announce(REGISTERED).bmp());
        rig.advance(Duration::from_secs(1));
    }
    assert!(rig.summary("a").synced);
}

#[test]
fn a_dump_does_not_wait_for_peers_that_are_not_configured() {
    let mut rig = Rig::new(&[]);
    rig.feed(wire::peer_up(PEER));
    for _ in 0..3 {
        rig.feed(Update::new("198.18.192.9").path(&[PEER_ASN]).announce(REGISTERED).bmp());
        rig.advance(Duration::from_secs(1));
    }
    assert!(rig.summary("a").synced);
}

#[test]
fn a_lost_connection_keeps_the_routes_marked_until_the_next_dump() {
    let mut rig = Rig::synced(&[REGISTERED]);
    let connection = rig.router.connected(rig.at);
    rig.feed(wire::peer_up(PEER));
    rig.announce(REGISTERED, &[PEER_ASN]);
    rig.feed(wire::end_of_rib(PEER));
    rig.router.disconnected(&connection, "the BMP connection was dropped");
    let summary = rig.summary("a");
    assert!(summary.received == 1 && !summary.synced);
    assert!(summary.error.unwrap().contains("dropped"));
    rig.connect();
    assert_eq!(rig.summary("a").received, 0, "the new dump tells");
    rig.feed(wire::peer_up(PEER));
    rig.announce(REGISTERED, &[PEER_ASN]);
    rig.feed(wire::end_of_rib(PEER));
    let summary = rig.summary("a");
    assert_eq!((summary.received, summary.synced, summary.error), (1, true, None));
}

#[test]
fn the_end_of_a_replaced_connection_does_not_touch_its_successor() {
    let mut rig = Rig::new(&[]);
    let old = rig.router.connected(rig.at);
    let new = rig.router.connected(rig.at);
    assert!(old.is_cancelled() && !new.is_cancelled());
    rig.feed(wire::peer_up(PEER));
    rig.feed(wire::end_of_rib(PEER));
    rig.router.disconnected(&old, "late");
    assert!(rig.summary("a").synced);
}

#[test]
fn a_session_added_after_its_peer_was_told_of_ends_the_connection_to_hear_it_again() {
    let mut rig = Rig::with(vec![]);
    let connection = rig.router.connected(rig.at);
    rig.feed(wire::peer_up(PEER));
    rig.announce(REGISTERED, &[PEER_ASN]);
    rig.router.configure(vec![super::session("a", PEER, &[])]);
    assert!(connection.is_cancelled());
    let connection = rig.router.connected(rig.at);
    rig.router.configure(vec![super::session("a", PEER, &[]), super::session("b", OTHER, &[])]);
    assert!(!connection.is_cancelled(), "the router has said nothing of it yet");
}

#[test]
fn a_peer_up_with_capabilities_that_cannot_be_parsed_still_counts() {
    let mut rig = Rig::new(&[]);
    rig.feed(wire::initiation("FRRouting 8.4.4"));
    rig.feed(wire::peer_up_with(PEER, true, &[1, 1, 0]));
    rig.announce(REGISTERED, &[64500, PEER_ASN]);
    rig.feed(wire::end_of_rib(PEER));
    let summary = rig.summary("a");
    assert!(summary.synced && summary.error.is_none(), "{summary:?}");
    assert_eq!(rig.faults("a", REGISTERED), ["NotRegistered"], "own ASN taken off");
}

#[test]
fn summaries_are_told_at_once_and_then_coalesced() {
    let mut rig = Rig::synced(&[]);
    rig.advance(Duration::from_secs(5));
    rig.events.clear();
    rig.at += Duration::from_secs(5);
    rig.announce("198.19.11.0/24", &[PEER_ASN]);
    rig.advance(Duration::ZERO);
    assert_eq!(rig.events.len(), 1, "at once");
    for i in 0..50 {
        rig.announce(&format!("198.19.{i}.0/24"), &[PEER_ASN]);
        rig.advance(Duration::from_millis(1));
    }
    assert_eq!(rig.events.len(), 1);
    let due = rig.advance(Duration::ZERO).unwrap();
    rig.advance(due - rig.at);
    let [_, StationEvent::Routes(last)] = &rig.events[..] else { panic!("{:?}", rig.events) };
    assert_eq!(last.received, 50);
}

proptest! {
    #[test]
    fn random_messages_never_panic(kind in 0u8..8, body in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut rig = Rig::synced(&[REGISTERED]);
        rig.feed(wire::bmp(kind, &body));
    }

    #[test]
    fn damaged_updates_never_panic_and_never_touch_another_session(
        at in 48usize..130, value: u8, cut in 0usize..40,
    ) {
        let mut rig = Rig::synced(&[REGISTERED]);
        rig.feed(Update::new(OTHER).path(&[PEER_ASN]).announce(REGISTERED).bmp());
        let mut message = Update::new(PEER)
            .path(&[PEER_ASN, 64496])
            .announce(REGISTERED)
            .announce("198.19.11.0/25")
            .withdraw("198.19.12.0/24")
            .bmp();
        if let Some(octet) = message.get_mut(at) {
            *octet = value;
        }
        let length = message.len() - cut;
        let length_octets = u32::try_from(length).unwrap().to_be_bytes();
        message[1..5].copy_from_slice(&length_octets);
        message.truncate(length);
        rig.feed(message);
        let other = rig.summary("b");
        prop_assert!(other.synced && other.error.is_none() && other.received == 1);
    }

    #[test]
    fn any_stream_is_read_to_its_end_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut stream = &bytes[..];
            let mut message = Vec::new();
            while let Ok(true) = frame::read(&mut stream, &mut message).await {}
        });
    }
}
