//! What is refused before anything is changed.

use super::*;
use crate::routers::frr::fixture;
use crate::routers::frr::render::{Origination, render};
use meetme_model::intent::SessionPhase;
use meetme_model::secret::Secret;
use meetme_model::unit::UnitName;

fn good() -> RouterIntent {
    fixture::intent(1, SessionPhase::Open)
}

fn problem(change: impl Fn(&mut RouterIntent)) -> String {
    let mut bad = good();
    change(&mut bad);
    intent(&bad).unwrap_err().to_string()
}

#[test]
fn a_sound_intent_passes() {
    intent(&good()).unwrap();
}

#[test]
fn names_that_are_more_than_names_are_refused() {
    for name in ["", "lag1 ; reload", "lag1\nno router bgp", "-rf", "../x", "x".repeat(41).as_str()] {
        assert!(problem(|i| i.sessions[0].name = name.into()).contains("session name"), "{name:?}");
        assert!(problem(|i| i.lags[0].name = name.into()).contains("LAG name"), "{name:?}");
        assert!(problem(|i| i.lags[0].members[0] = name.into()).contains("port name"), "{name:?}");
    }
}

#[test]
fn sessions_belong_on_lags_of_ours() {
    assert!(problem(|i| i.lags.clear()).contains("LAGs of ours only"));
    assert!(
        problem(|i| i.sessions[0].local_address = "198.18.192.9".parse().unwrap())
            .contains("isn't on its LAG")
    );
    assert!(problem(|i| i.sessions[0].peer_address = "198.18.192.9".parse().unwrap()).contains("subnet"));
    assert!(problem(|i| i.sessions[0].policy.next_hop = "192.0.2.1".parse().unwrap()).contains("next hop"));
    assert!(problem(|i| i.sessions[0].bfd.interval_ms = 1).contains("BFD"));
    assert!(problem(|i| i.sessions[0].max_prefixes = 0).contains("max prefix"));
    assert!(problem(|i| i.sessions[0].md5_key = Some(Secret::new("two words"))).contains("MD5"));
    assert!(problem(|i| i.sessions.push(i.sessions[0].clone())).contains("twice"));
}

fn refused(have: &Owned, intent: &RouterIntent) -> Option<UnitFault> {
    let want = render(intent, &Default::default(), Origination::Statics);
    unit(&Unit { name: UnitName::Backbone, intent: intent.clone() }, have, &want).err()
}

#[test]
fn what_somebody_else_configured_is_not_taken_over() {
    for name in ["198.18.192.2", "lag1", "198.18.255.12"] {
        let have = Owned { foreign: [name.to_owned()].into(), ..Owned::default() };
        assert_eq!(refused(&have, &good()), Some(UnitFault::Foreign { object: name.into() }));
    }
    let have = Owned { asn: Some(65000), ..Owned::default() };
    assert!(matches!(refused(&have, &good()), Some(UnitFault::OtherRouter { .. })));
}

#[test]
fn everything_that_is_referred_to_is_rendered() {
    let mut want = render(&good(), &Default::default(), Origination::Statics);
    references(&want).unwrap();
    want.blocks.retain(|k, _| !matches!(k, Key::List(..)));
    assert!(matches!(references(&want), Err(CheckError::Dangling(_))));
}
