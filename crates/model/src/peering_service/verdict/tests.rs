//! Verdicts on activated prefixes and the path of their traffic.

use super::*;
use crate::link::SeenRoute;
use crate::route::{AsPath, PrefixRole, RouteAttributes, RouteVerdict, RouterWord, RpkiState};

fn session(n: u8, router: &str, received: bool) -> SessionView {
    SessionView {
        peer_address: [198, 18, 192, n].into(),
        router: router.into(),
        known: true,
        established: true,
        gate_open: true,
        route: received.then(|| SeenRoute {
            attributes: RouteAttributes {
                as_path: AsPath::sequence([64510]),
                next_hop: [198, 18, 192, n].into(),
                communities: vec![],
                med: None,
            },
            rpki: RpkiState::NotChecked,
            verdict: RouteVerdict {
                usage: RouteUse::Registered(PrefixRole::Primary),
                faults: vec![],
                last_resort: None,
            },
            router: RouterWord::Agrees,
            received_at: Timestamp::UNIX_EPOCH,
        }),
        at: Timestamp::UNIX_EPOCH,
    }
}

fn context(primary: [bool; 2], backup: Option<[bool; 2]>, was_verified: bool) -> ServiceContext {
    ServiceContext {
        registration: Some(PrefixState::Verified),
        origin_asns: vec![Asn(64510)],
        primary: vec![session(0, "ams1-er1", primary[0]), session(2, "ams1-er2", primary[1])],
        backup: backup.map(|b| vec![session(4, "fra1-er1", b[0]), session(6, "fra1-er2", b[1])]),
        elsewhere: vec![],
        was_verified,
    }
}

fn check(context: &ServiceContext, state: PrefixState, path: ActivePath) {
    let v = service_verdict(context);
    assert_eq!((v.verdict.state, v.active_path), (state, path), "{:?}", v.verdict.error_message);
}

#[test]
fn all_primary_sessions_and_one_of_the_backup_suffice() {
    check(&context([true, true], Some([true, false]), false), PrefixState::Verified, ActivePath::Primary);
    check(&context([true, true], None, false), PrefixState::Verified, ActivePath::Primary);
}

#[test]
fn one_primary_session_missing_is_a_warning_and_stays_on_primary() {
    check(&context([true, false], Some([true, true]), true), PrefixState::Warning, ActivePath::Primary);
    check(&context([true, false], Some([true, true]), false), PrefixState::Pending, ActivePath::Primary);
}

#[test]
fn with_the_primary_gone_traffic_is_on_backup_then_on_the_internet() {
    check(&context([false, false], Some([true, true]), true), PrefixState::Failed, ActivePath::Backup);
    check(&context([false, false], Some([false, false]), true), PrefixState::Failed, ActivePath::Internet);
    check(&context([false, false], Some([false, false]), false), PrefixState::Pending, ActivePath::Internet);
}

#[test]
fn the_backup_missing_is_a_warning() {
    check(&context([true, true], Some([false, false]), true), PrefixState::Warning, ActivePath::Primary);
}

#[test]
fn two_sessions_on_one_router_are_no_redundancy() {
    let mut c = context([true, true], None, false);
    c.primary[1].router = c.primary[0].router.clone();
    check(&c, PrefixState::Pending, ActivePath::Primary);
}

#[test]
fn a_deleted_registration_makes_it_invalid() {
    let mut c = context([true, true], None, true);
    c.registration = None;
    check(&c, PrefixState::Invalid, ActivePath::Primary);
}

#[test]
fn an_origin_that_is_not_associated_is_told() {
    let mut c = context([true, true], None, false);
    c.origin_asns = vec![];
    let v = service_verdict(&c);
    assert!(v.verdict.error_message.unwrap().contains("AS64510"));
}

#[test]
fn the_path_is_unknown_while_a_session_that_decides_it_cannot_be_read() {
    let elsewhere = ["Vienna".to_owned(), "Bern".to_owned(), "Vienna".to_owned()];
    let places = Places { primary: Some("Amsterdam"), backup: Some("Frankfurt"), elsewhere: &elsewhere };
    let seen = |c: &ServiceContext| {
        let seen = PathSeen::of(c, places);
        (seen.path, seen.locations.join(" "))
    };
    let mut c = context([true, false], Some([true, true]), true);
    c.elsewhere = [8, 10, 12].map(|n| session(n, "vie1-er1", true)).to_vec();
    c.primary[1].known = false;
    assert_eq!(seen(&c), (Some(ActivePath::Primary), "Amsterdam".into()), "one session is enough");
    c.primary[0].established = false;
    assert_eq!(seen(&c), (None, String::new()), "the other one may carry it");
    c.primary[1] = session(2, "ams1-er2", false);
    assert_eq!(seen(&c), (Some(ActivePath::Backup), "Frankfurt".into()));
    c.backup = Some(vec![]);
    assert_eq!(seen(&c), (Some(ActivePath::Ordinary), "Bern Vienna".into()));
    c.elsewhere.clear();
    assert_eq!(seen(&c), (Some(ActivePath::Internet), String::new()));
}

#[test]
fn an_entry_of_the_history_is_made_only_when_the_path_changed() {
    let at = |s| Timestamp::from_second(s).unwrap();
    let seen = |path| PathSeen { path: Some(path), locations: vec![] };
    let first = PathSince::next(None, seen(ActivePath::Internet), at(1)).unwrap();
    assert_eq!(PathSince::next(Some(&first), seen(ActivePath::Internet), at(2)), None);
    let second = PathSince::next(Some(&first), seen(ActivePath::Primary), at(3)).unwrap();
    assert_eq!((second.since, second.seen.path), (at(3), Some(ActivePath::Primary)));
}
