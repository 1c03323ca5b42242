//! What FRR 8.4.4 really sends, recorded: three peers (198.18.192.2 and 2001:db8:1::2 of AS 64510,
//! 198.18.192.3 of AS 64511 without four-octet ASNs), the host is AS 64500.

use super::super::session::QUIET;
use super::{Rig, session};
use meetme_model::route::AsPath;

const LIVE: &[u8] = include_bytes!("../testdata/frr_8_4_live.bin");
const RECONNECT: &[u8] = include_bytes!("../testdata/frr_8_4_reconnect.bin");
const DENIED: &[u8] = include_bytes!("../testdata/frr_8_4_denied.bin");

fn rig() -> Rig {
    let registered = &["198.19.10.0/24"];
    let mut two_octet = session("two-octet", "198.18.192.3", registered);
    two_octet.policy.peer_asn = meetme_model::asn::Asn(64511);
    let mut rig = Rig::with(vec![
        session("four", "198.18.192.2", registered),
        two_octet,
        session("six", "2001:db8:1::2", &["2001:db8:1000::/48"]),
    ]);
    rig.connect();
    rig
}

fn path(rig: &Rig, session: &str, prefix: &str) -> AsPath {
    rig.entry(session, prefix).unwrap().attributes().as_path
}

fn check(rig: &mut Rig) {
    let four = rig.summary("four");
    assert!(four.synced && four.error.is_none(), "{four:?}");
    assert_eq!((four.received, four.used), (5, 1));
    assert_eq!(path(rig, "four", "198.19.10.0/24"), AsPath::sequence([64510]));
    for (prefix, faults) in [
        ("198.19.10.0/24", &[][..]),
        ("198.19.20.0/25", &["PathTooLong", "NotRegistered"]),
        ("198.19.30.0/24", &["ReservedAsn", "NotRegistered"]),
        ("0.0.0.0/0", &["DefaultRoute", "NotRegistered", "CommunityMissing"]),
        ("198.19.40.0/24", &["NotRegistered", "CommunityMissing"]),
    ] {
        assert_eq!(rig.faults("four", prefix), faults, "{prefix}");
    }
    assert_eq!(rig.summary("two-octet").received, 1);
    let as4 = path(rig, "two-octet", "198.19.50.0/24");
    assert_eq!(as4, AsPath::sequence([64511, 200_000]));
    let six = rig.summary("six");
    assert_eq!((six.received, six.used, six.synced), (1, 1, true));
}

#[test]
fn sessions_that_come_up_during_a_connection() {
    let mut rig = rig();
    let first_peer_up = position_of_peer_up(LIVE);
    rig.feed_stream(&LIVE[..first_peer_up]);
    // The recorded connection was two seconds old when the first session came up.
    rig.at += QUIET * 2;
    rig.feed_stream(&LIVE[first_peer_up..]);
    assert!(!rig.summary("four").synced);
    rig.advance(QUIET);
    check(&mut rig);
}

#[test]
fn the_dump_at_a_new_connection() {
    let mut rig = rig();
    let peers_went_down = RECONNECT.len() - 3 * (6 + 42 + 1);
    rig.feed_stream(&RECONNECT[..peers_went_down]);
    check(&mut rig);
    rig.feed_stream(&RECONNECT[peers_went_down..]);
    assert_eq!(rig.summary("four").received, 0);
    assert!(!rig.summary("four").synced);
}

#[test]
fn routes_that_the_route_map_denies_come_as_withdrawals_and_are_noted() {
    let mut rig = rig();
    rig.feed_stream(DENIED);
    rig.advance(QUIET * 70);
    let four = rig.summary("four");
    assert_eq!((four.received, four.synced), (0, true));
    assert!(four.error.unwrap().contains("refuses them"));
}

fn position_of_peer_up(stream: &[u8]) -> usize {
    let mut at = 0;
    while stream[at + 5] != 3 {
        at += usize::try_from(u32::from_be_bytes(stream[at + 1..at + 5].try_into().unwrap())).unwrap();
    }
    at
}
