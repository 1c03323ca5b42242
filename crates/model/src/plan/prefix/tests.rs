//! Keys, events and mails that follow from verdicts.

use super::*;
use crate::peering_service::LearnedType;
use crate::registered_prefix::Usage;

fn verdict(state: PrefixState) -> PrefixVerdict {
    PrefixVerdict { state, error_message: None, checks: Vec::new() }
}

fn fresh() -> RegisteredPrefix {
    RegisteredPrefix {
        id: 1,
        peering_id: 1,
        name: "sbc".into(),
        prefix: "198.19.10.0/24".parse().unwrap(),
        usage: Usage::default(),
        key: None,
        verdict: PrefixVerdict::pending(),
        troubled: false,
        since: Timestamp::UNIX_EPOCH,
        stamp: crate::stamp::Stamp::new("test", Timestamp::UNIX_EPOCH),
    }
}

/// Runs a registered prefix through states; gives it and the milestones that mailed.
fn through(states: &[PrefixState]) -> (RegisteredPrefix, Vec<Milestone>) {
    let (mut prefix, mut told, mut keys) = (fresh(), Vec::new(), 0);
    for (n, state) in states.iter().enumerate() {
        let now = Timestamp::from_second(i64::try_from(n).unwrap() + 1).unwrap();
        let key = || {
            keys += 1;
            format!("key-{keys}")
        };
        if let Some((next, mails)) = registered(&prefix, "contoso-ams", verdict(*state), key, now) {
            prefix = next;
            told.extend(mails.into_iter().map(|m| m.milestone));
        }
    }
    (prefix, told)
}

#[test]
fn the_key_exists_from_the_first_verified_on_and_never_changes() {
    use PrefixState::{Failed, Pending, Verified};
    assert_eq!(through(&[Pending]).0.key, None);
    let (prefix, told) = through(&[Verified, Failed, Verified, Verified]);
    assert_eq!(prefix.key.as_deref(), Some("key-1"));
    assert_eq!(told, [Milestone::PrefixVerified, Milestone::PrefixFailed, Milestone::PrefixNormal]);
}

#[test]
fn trouble_mails_once_and_its_end_once_whatever_comes_between() {
    use PrefixState::{Failed, Unknown, Verified, Warning};
    let (_, told) =
        through(&[Verified, Warning, Failed, Unknown, Warning, Unknown, Verified, Unknown, Verified]);
    assert_eq!(told, [Milestone::PrefixVerified, Milestone::PrefixFailed, Milestone::PrefixNormal]);
}

#[test]
fn a_verdict_that_only_is_newer_changes_nothing() {
    assert!(
        registered(&fresh(), "p", PrefixVerdict::pending(), String::new, Timestamp::UNIX_EPOCH).is_none()
    );
}

fn activated() -> ServicePrefix {
    ServicePrefix {
        id: 1,
        service_id: 1,
        name: "sbc".into(),
        prefix: "198.19.10.0/24".parse().unwrap(),
        key: "key".into(),
        registered_prefix_id: 1,
        verdict: PrefixVerdict::pending(),
        learned: LearnedType::None,
        active_path: ActivePath::Internet,
        seen: Seen::default(),
        activated_at: None,
        path: None,
        stamp: crate::stamp::Stamp::new("test", Timestamp::UNIX_EPOCH),
    }
}

fn step(
    prefix: &ServicePrefix,
    state: PrefixState,
    path: ActivePath,
    [primary, backup]: [Option<u32>; 2],
) -> (ServicePrefix, Vec<&'static str>, Vec<Milestone>) {
    let learned = LearnedType::ViaServiceProvider;
    let verdict = ServiceVerdict { verdict: verdict(state), learned, active_path: path, drained: false };
    let seen = Seen { primary: primary.map(Asn), backup: backup.map(Asn) };
    let (next, events, mails) =
        service(prefix, "teams", verdict, seen, Asn(64510), Timestamp::UNIX_EPOCH).unwrap();
    let events = events.iter().map(|e| e.kind.facts().0).collect();
    (next, events, mails.iter().map(|m| m.milestone).collect())
}

#[test]
fn activation_fail_over_and_return_have_their_events_and_mails() {
    use PrefixState::{Failed, Verified};
    let both = [Some(64510), Some(64510)];
    let (p, events, mails) = step(&activated(), Verified, ActivePath::Primary, both);
    assert_eq!(
        events,
        [
            "PrefixAnnouncementEvent",
            "PrefixBackupRouteAnnouncementEvent",
            "PrefixActivePath",
            "PrefixBackupPath"
        ]
    );
    assert_eq!(mails, [Milestone::PrefixActivated]);
    let (p, events, mails) = step(&p, Failed, ActivePath::Backup, [None, Some(64510)]);
    assert_eq!(events, ["PrefixWithdrawalEvent", "PrefixActivePath"]);
    assert_eq!(mails, [Milestone::MovedToBackup]);
    let (p, _, mails) = step(&p, Failed, ActivePath::Internet, [None, None]);
    assert_eq!(mails, [Milestone::MovedToInternet]);
    let (_, _, mails) = step(&p, Verified, ActivePath::Primary, both);
    assert_eq!(mails, [Milestone::BackOnPrimary]);
}

#[test]
fn another_origin_is_an_event_of_its_own_once() {
    let (p, events, _) =
        step(&activated(), PrefixState::Failed, ActivePath::Primary, [Some(64505), Some(64510)]);
    assert!(events.contains(&"PrefixOriginAsChangeEvent"));
    let (_, events, _) = step(&p, PrefixState::Failed, ActivePath::Backup, [Some(64505), Some(64510)]);
    assert!(!events.contains(&"PrefixOriginAsChangeEvent"));
}

#[test]
fn a_location_that_the_peer_drains_alarms_nobody() {
    let both = [Some(64510), Some(64510)];
    let (p, _, _) = step(&activated(), PrefixState::Verified, ActivePath::Primary, both);
    let drained = |drained| {
        let verdict = ServiceVerdict {
            verdict: verdict(PrefixState::Verified),
            learned: LearnedType::ViaServiceProvider,
            active_path: ActivePath::Backup,
            drained,
        };
        let seen = Seen { primary: both[0].map(Asn), backup: both[1].map(Asn) };
        service(&p, "teams", verdict, seen, Asn(64510), Timestamp::UNIX_EPOCH).unwrap()
    };
    let (_, events, mails) = drained(true);
    assert!(mails.is_empty() && events.iter().any(|e| e.kind.facts().0 == "PrefixActivePath"));
    assert_eq!(drained(false).2.len(), 1);
}
