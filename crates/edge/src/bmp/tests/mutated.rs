//! UPDATEs that are damaged in any way: nothing panics, no other session notices, and what can be
//! read of them is there.

use super::wire::{self, Update};
use super::{OTHER, PEER, PEER_ASN, Rig};
use proptest::prelude::*;

const REGISTERED: &str = "198.19.10.0/24";
/// Where the UPDATE of a Route Monitoring message begins, after all headers.
const UPDATE_AT: usize = 6 + 42 + 19;

fn whole() -> Vec<u8> {
    Update::new(PEER)
        .path(&[PEER_ASN, 64496])
        .attribute(0xc0, 32, &[0; 12])
        .attribute(
            0x80,
            14,
            &[0, 2, 1, 16, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 16, 0x2a, 0],
        )
        .announce(REGISTERED)
        .announce("198.19.11.0/25")
        .withdraw("198.19.12.0/24")
        .bmp()
}

fn with_length(mut message: Vec<u8>) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    message[1..5].copy_from_slice(&length);
    message
}

/// Both sessions in sync, the other one with a route.
fn rig() -> Rig {
    let mut rig = Rig::synced(&[REGISTERED]);
    rig.feed(Update::new(OTHER).path(&[PEER_ASN]).announce(REGISTERED).bmp());
    rig
}

fn other_is_untouched(rig: &mut Rig) -> Result<(), TestCaseError> {
    let other = rig.summary("b");
    prop_assert!(other.synced && other.error.is_none() && other.received == 1, "{:?}", other);
    Ok(())
}

proptest! {
    #[test]
    fn random_messages_never_panic_and_touch_nobody(
        kind in 0u8..8, body in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let mut rig = rig();
        rig.feed(wire::bmp(kind, &body));
        other_is_untouched(&mut rig)?;
    }

    #[test]
    fn damaged_updates_never_panic_and_never_touch_another_session(
        damage in prop::collection::vec((UPDATE_AT..160, any::<u8>()), 1..6), cut in 0usize..80,
        more in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let mut rig = rig();
        let mut message = whole();
        for (at, value) in damage {
            if let Some(octet) = message.get_mut(at) {
                *octet = value;
            }
        }
        message.truncate(message.len() - cut);
        message.extend(more);
        rig.feed(with_length(message));
        other_is_untouched(&mut rig)?;
        rig.advance(std::time::Duration::from_secs(3600));
        other_is_untouched(&mut rig)?;
    }

    #[test]
    fn attributes_that_no_rule_looks_at_never_cost_anything(
        unknown in prop::collection::vec(
            (any::<u8>(), any::<u8>(), prop::collection::vec(any::<u8>(), 0..60)), 0..5,
        ),
    ) {
        let known = [2, 3, 8, 14, 15, 17, 32];
        let extended_length = 0x10;
        let mut update = Update::new(PEER).path(&[PEER_ASN]).announce(REGISTERED).announce("198.19.11.0/25");
        for (flags, code, value) in unknown.iter().filter(|(_, code, _)| !known.contains(code)) {
            update = update.attribute(flags & !extended_length, *code, value);
        }
        let mut rig = rig();
        rig.feed(update.bmp());
        let summary = rig.summary("a");
        prop_assert_eq!((summary.received, summary.used, summary.synced), (2, 1, true));
        prop_assert_eq!(summary.error, None);
    }

    #[test]
    fn routes_before_a_broken_destination_are_there(
        count in 0u8..20, broken in prop_oneof![Just(vec![33]), Just(vec![24, 1]), Just(vec![255, 0, 0])],
    ) {
        let mut update = Update::new(PEER).path(&[PEER_ASN]);
        for i in 0..count {
            update = update.announce(&format!("198.19.{i}.0/24"));
        }
        let mut message = update.bmp();
        message.extend(broken);
        let mut rig = rig();
        rig.feed(with_length(message));
        prop_assert_eq!(rig.summary("a").received, u32::from(count));
    }

    #[test]
    fn what_cannot_be_attributed_to_a_session_marks_none(len in 0usize..42) {
        let mut rig = rig();
        for kind in [0, 2, 3] {
            rig.feed(wire::bmp(kind, &wire::per_peer(PEER, 0, 0)[..len]));
        }
        prop_assert!(rig.summary("a").synced);
        other_is_untouched(&mut rig)?;
    }
}
