//! From one configuration to another.

use super::*;
use crate::routers::Gates;
use crate::routers::frr::fixture;
use crate::routers::frr::render::{Origination, render};
use meetme_model::intent::{RouterIntent, SessionPhase};
use meetme_model::secret::NamedSecret;

fn rendered(intent: &RouterIntent) -> Owned {
    let gates: Gates = intent.sessions.iter().map(|s| s.name.clone()).collect();
    render(intent, &gates, Origination::Statics)
}

fn commands(change: &Change) -> Vec<&str> {
    change.steps.iter().flat_map(|s| &s.commands).map(String::as_str).collect()
}

fn position(commands: &[&str], what: &str) -> usize {
    commands.iter().position(|c| c.contains(what)).unwrap_or_else(|| panic!("{what} in {commands:#?}"))
}

#[test]
fn equal_configurations_need_nothing() {
    let owned = rendered(&fixture::intent(1, SessionPhase::Open));
    assert_eq!(change(&owned, &owned), Change::default());
}

#[test]
fn a_new_policy_is_whole_before_the_session_is_pointed_at_it_and_the_old_goes_last() {
    let before = fixture::intent(1, SessionPhase::Open);
    let mut after = before.clone();
    after.sessions[0].policy.prefixes = before.sessions[0].policy.prefixes[..1].into();
    let change = change(&rendered(&before), &rendered(&after));
    let commands = commands(&change);
    let pointed = position(&commands, "neighbor 198.18.192.2 route-map MEETME-IN-c1v4-");
    let removals = commands.iter().enumerate().filter(|(_, c)| c.starts_with("no "));
    assert!(removals.clone().count() > 0);
    for (i, command) in removals {
        assert!(i > pointed, "'{command}' before nothing refers to it any more");
    }
    let last_set = commands.iter().rposition(|c| c.starts_with("call ")).unwrap();
    assert!(last_set < pointed);
    assert!(change.disrupted.is_empty(), "a policy changes without a reset");
    assert!(
        !change.steps.iter().any(|s| {
            s.context.iter().any(|c| {
                c.starts_with("route-map MEETME-IN") && s.commands.iter().any(|c| c.starts_with("no "))
            })
        }),
        "a policy in use isn't edited"
    );
}

#[test]
fn a_new_key_resets_the_session_and_is_never_shown() {
    let before = fixture::intent(1, SessionPhase::Open);
    let mut after = before.clone();
    after.sessions[0].md5_key = Some(NamedSecret::new("key", "another"));
    let change = change(&rendered(&before), &rendered(&after));
    assert_eq!(commands(&change), ["neighbor 198.18.192.2 password another"]);
    assert_eq!(change.disrupted, ["198.18.192.2".to_owned()].into());
    assert_eq!(change.diff, "@@ neighbor 198.18.192.2 @@\n-password ***\n+password ***\n");
}

#[test]
fn gtsm_keeps_bfd_single_hop() {
    let change = change(&Owned::default(), &rendered(&fixture::intent(1, SessionPhase::Open)));
    let commands = commands(&change);
    let gtsm = position(&commands, "neighbor 198.18.192.2 ttl-security hops 1");
    assert_eq!(commands[gtsm + 1], "no neighbor 198.18.192.2 ebgp-multihop");
    assert!(gtsm < position(&commands, "neighbor 198.18.192.2 bfd"));
}

#[test]
fn a_changed_backbone_setting_counts_for_every_member() {
    let before = fixture::intent(1, SessionPhase::Open);
    let mut after = before.clone();
    after.loopback = "198.18.255.99".parse().unwrap();
    let change = change(&rendered(&before), &rendered(&after));
    assert!(change.disrupted.contains("198.18.255.12"), "{:?}", change.disrupted);
}

#[test]
fn a_hand_made_entry_is_tightened_before_it_is_loosened() {
    let want = rendered(&fixture::intent(1, SessionPhase::Open));
    let mut have = want.clone();
    let entry = have
        .blocks
        .iter_mut()
        .find(|(k, lines)| {
            matches!(k, Key::MapEntry(n, _) if n.starts_with("MEETME-USE-"))
                && lines.iter().any(|l| l.starts_with("match community"))
        })
        .unwrap()
        .1;
    entry.retain(|l| !l.starts_with("match community"));
    entry.push("match metric 7".into());
    let change = change(&have, &want);
    let commands = commands(&change);
    assert!(position(&commands, "match community") < position(&commands, "no match metric 7"));
}

#[test]
fn a_new_session_starts_once_it_has_its_key_bfd_and_policy() {
    let want = rendered(&fixture::intent(1, SessionPhase::Open));
    let change = change(&Owned::default(), &want);
    let commands = commands(&change);
    for peer in ["198.18.192.2", "198.18.250.1"] {
        let of_peer = |c: &&&str| c.contains(&format!("neighbor {peer} "));
        let told: Vec<&str> = commands.iter().filter(of_peer).copied().collect();
        assert!(told[0].contains("remote-as"), "{told:?}");
        assert_eq!(told[1], format!("neighbor {peer} shutdown"));
        assert_eq!(*told.last().unwrap(), format!("no neighbor {peer} shutdown"), "{told:?}");
    }
    assert!(!commands.contains(&"neighbor 198.18.255.12 shutdown"), "its peer-group is whole already");
}

#[test]
fn a_session_that_is_to_be_shut_stays_shut_and_one_found_shut_starts_last() {
    let shut = rendered(&fixture::intent(1, SessionPhase::Shutdown));
    let made = change(&Owned::default(), &shut);
    assert!(!commands(&made).iter().any(|c| c.starts_with("no neighbor 198.18.192.2 shutdown")));
    let opened = change(&shut, &rendered(&fixture::intent(1, SessionPhase::Open)));
    let commands = commands(&opened);
    let start = position(&commands, "no neighbor 198.18.192.2 shutdown");
    assert!(start > position(&commands, "neighbor 198.18.192.2 route-map MEETME-IN-"));
}

#[test]
fn undoing_the_first_change_leaves_no_instance_behind_but_somebody_elses() {
    let ours = rendered(&fixture::intent(1, SessionPhase::Open));
    let undone = change(&ours, &Owned::default());
    let gone = commands(&undone);
    assert!(position(&gone, "no bgp router-id 198.18.255.11") < position(&gone, "no router bgp 64500"));
    let theirs = Owned { asn: Some(64500), ..Owned::default() };
    let undone = change(&ours, &theirs);
    assert!(commands(&undone).contains(&"no bgp router-id 198.18.255.11"));
    assert!(!commands(&undone).contains(&"no router bgp 64500"));
    let mut joined = ours;
    joined.foreign.insert("192.0.2.77".into());
    assert!(!commands(&change(&joined, &Owned::default())).contains(&"no router bgp 64500"));
}

#[test]
fn what_frr_checks_whole_is_apart_from_the_rest_coming_and_going() {
    let (nothing, all) = (Owned::default(), rendered(&fixture::intent(1, SessionPhase::Open)));
    for steps in [change(&nothing, &all).steps, change(&all, &nothing).steps] {
        let policy = |step: &&Step| step.commands.iter().any(|c| makes_policy(c));
        assert!(steps.iter().filter(policy).count() > 0);
        for step in steps.iter().filter(policy) {
            assert!(step.is_checked_whole(), "{step:?}");
        }
    }
}
