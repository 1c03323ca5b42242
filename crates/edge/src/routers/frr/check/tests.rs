//! What is refused before anything is changed.

use super::*;

mod accepted;

use crate::routers::Target;
use crate::routers::frr::diff;
use crate::routers::frr::fixture;
use crate::routers::frr::plan::{Read, plan};
use crate::routers::frr::render::{Origination, render};
use meetme_model::connection::SessionSubnet;
use meetme_model::intent::SessionPhase;
use meetme_model::secret::NamedSecret;
use meetme_model::unit::units;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

fn good() -> RouterIntent {
    fixture::intent(1, SessionPhase::Open)
}

fn problem(change: impl Fn(&mut RouterIntent)) -> String {
    let mut bad = good();
    change(&mut bad);
    faults(&Owned::default(), &bad).iter().map(|fault| format!("{fault}\n")).collect()
}

#[test]
fn a_sound_intent_passes() {
    assert_eq!(refused(&Owned::default(), &good()), None);
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
    assert!(problem(|i| i.sessions[0].md5_key = Some(NamedSecret::new("key", "two words"))).contains("MD5"));
    assert!(problem(|i| i.sessions.push(i.sessions[0].clone())).contains("twice"));
}

#[test]
fn a_session_has_no_address_of_the_router_and_no_other_session_s() {
    let moved = |subnet: &str, change: &dyn Fn(&mut RouterIntent)| {
        problem(|i| {
            let ends = SessionSubnet::of(subnet.parse().unwrap()).unwrap();
            i.lags[0].addresses = vec![ends.host_interface()];
            i.sessions[0].local_address = ends.host;
            i.sessions[0].peer_address = ends.peer;
            i.sessions[0].policy.next_hop = ends.peer;
            change(i);
        })
    };
    for subnet in ["127.0.0.0/30", "0.0.0.0/30", "224.0.0.0/31", "fe80::/64", "::/127", "ff02::/64"] {
        assert!(moved(subnet, &|_| {}).contains("isn't unicast"), "{subnet}");
    }
    for subnet in ["198.18.255.10/31", "198.18.255.12/30", "198.18.250.0/31"] {
        assert!(moved(subnet, &|_| {}).contains("has an address of the router"), "{subnet}");
    }
    let station = |i: &mut RouterIntent| i.bmp = Some("198.19.0.9:1790".parse().unwrap());
    assert!(moved("198.19.0.8/30", &station).contains("BMP station"));
    let announced = |i: &mut RouterIntent| i.announced = ["198.19.0.9/32".parse().unwrap()].into();
    assert!(moved("198.19.0.8/30", &announced).contains("what the router announces"));
    let other = |i: &mut RouterIntent| i.lags.push(LagIntent { name: "lag0".into(), ..fixture::lag(2) });
    assert!(moved("198.18.192.4/30", &other).contains("another LAG"));
}

/// Why a router that has `have` doesn't take an intent, as the first of its units tells.
fn refused(have: &Owned, intent: &RouterIntent) -> Option<UnitFault> {
    faults(have, intent).into_iter().next()
}

fn faults(have: &Owned, intent: &RouterIntent) -> Vec<UnitFault> {
    let targets: Vec<Target> = units(intent)
        .into_iter()
        .map(|(name, unit)| Target { name, stands: None, wants: Some(Arc::new(unit)) })
        .collect();
    let read = Read { owned: have.clone(), ..Read::default() };
    let plan = plan(&read, &targets, &BTreeMap::new(), Origination::Statics);
    plan.changes.into_iter().filter_map(|change| change.fault).collect()
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

/// A router's intent with this key on its session.
fn keyed(key: &str) -> RouterIntent {
    let mut intent = good();
    intent.sessions[0].md5_key = Some(NamedSecret::new("key", key));
    intent
}

/// All that could be shown of a change from one key to another.
fn shown(from: &str, to: &str) -> String {
    let rendered = |key: &str| render(&keyed(key), &Default::default(), Origination::Statics);
    let (have, want) = (rendered(from), rendered(to));
    let plan = diff::change(&have, &want);
    let wrong = Owned { asn: Some(65000), ..have.clone() };
    let refusal = refused(&wrong, &keyed(to)).unwrap();
    format!("{:?}\n{plan:?}\n{have:?}\n{want:?}\n{}\n{refusal}", keyed(to), plan.diff)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Not that a key isn't found in it, as a short one always is: that another key would have
    /// given the very same.
    #[test]
    fn the_value_of_a_key_decides_nothing_and_is_shown_nowhere(
        key in "[!-~]{1,80}|(MEETME|meetme)-[!-~]{0,40}|password|description",
    ) {
        prop_assert_eq!(refused(&Owned::default(), &keyed(&key)), None);
        prop_assume!(key != "before" && key != "after");
        prop_assert_eq!(shown("before", &key), shown("before", "after"));
        prop_assert_eq!(shown(&key, "after"), shown("before", "after"));
    }
}

#[test]
fn a_map_a_profile_or_a_group_that_is_missing_is_noticed_too() {
    let all = render(&good(), &Default::default(), Origination::Statics);
    for gone in [
        |k: &Key| matches!(k, Key::MapEntry(..)),
        |k: &Key| matches!(k, Key::BfdProfile(_)),
        |k: &Key| matches!(k, Key::PeerGroup(_)),
    ] {
        let mut want = all.clone();
        want.blocks.retain(|k, _| !gone(k));
        assert!(matches!(references(&want), Err(CheckError::Dangling(_))));
    }
}
