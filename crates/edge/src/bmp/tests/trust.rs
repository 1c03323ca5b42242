//! When a session's table can be trusted, and what takes the trust away and brings it back.

use super::super::StationEvent;
use super::super::frame;
use super::super::session::QUIET;
use super::wire::Update;
use super::{OTHER, PEER, PEER_ASN, Rig, wire};
use proptest::prelude::*;
use std::time::Duration;

const REGISTERED: &str = "198.19.10.0/24";
/// An AS_PATH that ends inside its only ASN, whatever its width (RFC 7606 §7.2).
const BAD_PATH: [u8; 3] = [2, 1, 0];

fn malformed(prefix: &str) -> Vec<u8> {
    Update::new(PEER).raw_path(&BAD_PATH).announce(prefix).bmp()
}

/// Lengths that don't add up: which routes were meant isn't known.
fn hopeless() -> Vec<u8> {
    let mut message = Update::new(PEER).path(&[PEER_ASN]).announce(REGISTERED).bmp();
    let attributes_length = 6 + 42 + 19 + 2;
    message[attributes_length] = 0xff;
    message
}

fn asked_for(rig: &Rig) -> usize {
    let asks = |e: &&StationEvent| matches!(e, StationEvent::RefreshWanted { session, .. } if session == "a");
    rig.events.iter().filter(asks).count()
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
    let bad = Update::new(peer).attribute(0x40, 2, &BAD_PATH).attribute(0x80, 14, &reach);
    rig.feed(bad.bmp());
    let summary = rig.summary("six");
    assert!(summary.received == 0 && !summary.synced && summary.error.is_some());
}

#[test]
fn a_clean_end_of_rib_or_a_new_session_ends_the_doubt() {
    let mut rig = Rig::synced(&[]);
    rig.feed(hopeless());
    assert!(rig.summary("a").error.is_some());
    rig.announce(REGISTERED, &[PEER_ASN]);
    assert!(!rig.summary("a").synced, "more may be missing");
    rig.feed(wire::end_of_rib(PEER));
    assert!(rig.summary("a").synced);
    rig.feed(hopeless());
    rig.feed(wire::peer_up(PEER));
    assert_eq!(rig.summary("a").error, None);
    rig.advance(QUIET * 3);
    assert!(rig.summary("a").synced);
}

#[test]
fn the_end_of_a_dump_with_a_malformed_message_proves_nothing() {
    let mut rig = Rig::new(&[REGISTERED]);
    rig.feed(wire::peer_up(PEER));
    rig.feed(malformed(REGISTERED));
    rig.feed(wire::end_of_rib(PEER));
    let summary = rig.summary("a");
    assert!(!summary.synced && summary.error.is_some());
}

#[test]
fn a_route_that_cannot_be_read_and_is_not_registered_costs_only_itself() {
    let mut rig = Rig::synced(&[REGISTERED]);
    rig.announce(REGISTERED, &[PEER_ASN]);
    rig.feed(malformed("198.19.40.0/24"));
    let summary = rig.summary("a");
    assert!(summary.synced && summary.received == 1, "{summary:?}");
    assert!(summary.error.unwrap().contains("198.19.40.0/24"));
    rig.advance(Duration::from_secs(3600));
    assert_eq!(asked_for(&rig), 0, "the router would say the same again");
    rig.withdraw("198.19.40.0/24");
    assert_eq!(rig.summary("a").error, None);
}

#[test]
fn a_doubtful_session_is_trusted_again_after_a_refresh() {
    let mut rig = Rig::synced(&[REGISTERED]);
    rig.announce("198.19.40.0/24", &[PEER_ASN]);
    rig.announce("198.19.41.0/24", &[PEER_ASN]);
    rig.feed(hopeless());
    rig.router.refresh("b", rig.at);
    assert!(rig.summary("b").synced, "nothing was wrong with it");
    rig.router.refresh("a", rig.at);
    rig.advance(QUIET * 2);
    assert!(!rig.summary("a").synced, "the router may not have begun");
    rig.announce("198.19.40.0/24", &[PEER_ASN]);
    rig.advance(QUIET);
    let summary = rig.summary("a");
    assert_eq!((summary.received, summary.synced, summary.error), (1, true, None));
}

#[test]
fn a_router_that_does_not_repeat_leaves_the_doubt() {
    let mut rig = Rig::synced(&[REGISTERED]);
    rig.feed(hopeless());
    rig.router.refresh("a", rig.at);
    rig.advance(Duration::from_secs(61));
    let summary = rig.summary("a");
    assert!(!summary.synced && summary.error.is_some());
}

#[test]
fn a_session_that_stays_doubtful_is_asked_for_less_and_less_and_costs_no_other_session_anything() {
    let mut rig = Rig::synced(&[REGISTERED]);
    let connection = rig.router.connected(rig.at);
    rig.feed(wire::peer_up(PEER));
    rig.feed(wire::peer_up(OTHER));
    rig.feed(wire::end_of_rib(PEER));
    rig.feed(wire::end_of_rib(OTHER));
    rig.feed(hopeless());
    rig.advance(Duration::from_secs(9));
    assert_eq!(asked_for(&rig), 0, "it may still heal without");
    rig.advance(Duration::from_secs(1));
    assert_eq!(asked_for(&rig), 1);
    for second in 0..7200 {
        rig.advance(Duration::from_secs(1));
        assert!(rig.summary("b").synced, "after {second} s");
    }
    assert_eq!(asked_for(&rig), 4, "after 60 s, 600 s and 3600 s");
    assert!(!connection.is_cancelled());
}

#[test]
fn what_the_router_refuses_itself_is_noted_and_takes_no_trust() {
    let mut rig = Rig::synced(&[REGISTERED]);
    for prefix in [REGISTERED, "198.19.11.0/24"] {
        rig.withdraw(prefix);
    }
    assert_eq!(rig.summary("a").error, None);
    rig.withdraw("198.19.12.0/24");
    let summary = rig.summary("a");
    assert!(summary.synced);
    assert!(summary.error.unwrap().contains("its own ASN"));
    assert_eq!(rig.summary("b").error, None);
    rig.announce(REGISTERED, &[PEER_ASN]);
    let summary = rig.summary("a");
    assert_eq!((summary.synced, summary.error), (true, None));
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
    assert_eq!(rig.summary("a").received, 1, "until it is told of");
    rig.feed(wire::peer_up(PEER));
    assert_eq!(rig.summary("a").received, 0, "the new dump tells");
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
fn a_session_that_a_new_connection_does_not_tell_of_has_no_routes() {
    let mut rig = Rig::synced(&[REGISTERED]);
    rig.announce(REGISTERED, &[PEER_ASN]);
    rig.connect();
    rig.feed(wire::peer_up(OTHER));
    rig.advance(Duration::from_secs(5));
    let summary = rig.summary("a");
    assert_eq!((summary.received, summary.synced, summary.error), (0, false, None));
}

#[test]
fn sessions_added_after_their_peers_were_told_of_are_heard_by_a_new_connection() {
    let mut rig = Rig::with(vec![]);
    let connection = rig.router.connected(rig.at);
    rig.feed(wire::peer_up(PEER));
    rig.feed(wire::peer_up(OTHER));
    rig.announce(REGISTERED, &[PEER_ASN]);
    rig.configure(vec![super::session("a", PEER, &[]), super::session("b", OTHER, &[])]);
    assert!(connection.is_cancelled());
    let connection = rig.router.connected(rig.at);
    rig.configure(vec![super::session("a", PEER, &[]), super::session("b", OTHER, &[])]);
    assert!(!connection.is_cancelled(), "the router has said nothing of it yet");
}

#[test]
fn one_more_session_on_a_router_that_is_listened_to_is_asked_for_alone() {
    let mut rig = Rig::with(vec![super::session("b", OTHER, &[])]);
    let connection = rig.router.connected(rig.at);
    rig.feed(wire::peer_up(PEER));
    rig.feed(wire::peer_up(OTHER));
    rig.feed(wire::end_of_rib(OTHER));
    rig.announce(REGISTERED, &[PEER_ASN]);
    rig.configure(vec![super::session("a", PEER, &[]), super::session("b", OTHER, &[])]);
    rig.advance(Duration::ZERO);
    assert!(!connection.is_cancelled() && rig.summary("b").synced);
    assert_eq!(asked_for(&rig), 1, "at once");
    assert!(!rig.summary("a").synced);
    rig.router.refresh("a", rig.at);
    rig.announce(REGISTERED, &[PEER_ASN]);
    rig.advance(QUIET);
    let summary = rig.summary("a");
    assert_eq!((summary.received, summary.synced, summary.error), (1, true, None));
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
    fn any_stream_is_read_to_its_end_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut frames = frame::Frames::new(&bytes[..]);
            while let Ok(true) = frames.fill().await {
                while let Ok(Some(_)) = frames.next() {}
            }
        });
    }
}
