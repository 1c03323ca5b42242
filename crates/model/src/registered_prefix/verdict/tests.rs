//! Verdicts on registered prefixes, by what the sessions show.

use super::*;
use crate::route::{AsPath, PrefixRole, RouteAttributes, RouteUse, RouteVerdict, RouterDifference};

const COMMUNITY: Community = Community::Standard(8075, 8007);

fn seen(path: &[u32], communities: &[Community]) -> SeenRoute {
    SeenRoute {
        attributes: RouteAttributes {
            as_path: AsPath::sequence(path.iter().copied()),
            next_hop: "198.18.192.0".parse().unwrap(),
            communities: communities.to_vec(),
            med: None,
        },
        rpki: RpkiState::NotChecked,
        verdict: RouteVerdict {
            usage: RouteUse::Registered(PrefixRole::Registered),
            faults: vec![],
            last_resort: None,
        },
        router: RouterWord::Agrees,
        received_at: Timestamp::UNIX_EPOCH,
    }
}

fn good() -> Option<SeenRoute> {
    Some(seen(&[64510], &[COMMUNITY]))
}

fn session(n: u8, route: Option<SeenRoute>) -> SessionView {
    SessionView {
        peer_address: [198, 18, 192, n].into(),
        router: format!("er{n}"),
        known: true,
        established: true,
        gate_open: true,
        route,
        at: Timestamp::UNIX_EPOCH,
    }
}

fn lab() -> PublicSpace {
    PublicSpace { asns: vec![(64496, 64511)], prefixes: vec!["198.18.0.0/15".parse().unwrap()] }
}

fn judge_with(sessions: Vec<SessionView>, was_verified: bool) -> PrefixVerdict {
    verdict(&VerdictContext {
        prefix: "198.19.10.0/24".parse().unwrap(),
        origin_asns: vec![Asn(64510)],
        community: Some(COMMUNITY),
        max_length: 29,
        sessions,
        was_verified,
        space: &lab(),
    })
}

fn outcome(v: &PrefixVerdict, kind: CheckKind) -> CheckOutcome {
    v.checks.iter().find(|c| c.kind == kind).unwrap().outcome
}

#[test]
fn received_on_every_session_in_order_is_verified() {
    let v = judge_with(vec![session(0, good()), session(2, good())], false);
    assert_eq!((v.state, v.error_message.clone()), (PrefixState::Verified, None));
    assert_eq!(outcome(&v, CheckKind::OriginRegistry), CheckOutcome::NotChecked);
    assert_eq!(outcome(&v, CheckKind::Rpki), CheckOutcome::NotChecked);
    let received = v.checks.iter().find(|c| c.kind == CheckKind::ReceivedEverywhere).unwrap();
    assert_eq!(received.evidence.len(), 2, "each session is evidence");
}

#[test]
fn a_prefix_missing_on_one_session_turns_warning() {
    let v = judge_with(vec![session(0, good()), session(2, None)], true);
    assert_eq!(v.state, PrefixState::Warning);
    assert!(v.error_message.unwrap().contains("198.18.192.2"));
}

#[test]
fn missing_on_one_session_before_it_was_ever_verified_stays_pending_and_names_the_session() {
    let v = judge_with(vec![session(0, good()), session(2, None)], false);
    assert_eq!(v.state, PrefixState::Pending);
    assert!(v.error_message.unwrap().contains("198.18.192.2"));
}

#[test]
fn not_seen_yet_is_pending_and_withdrawn_everywhere_is_failed() {
    let nothing = || vec![session(0, None), session(2, None)];
    assert_eq!(judge_with(nothing(), false).state, PrefixState::Pending);
    assert_eq!(judge_with(nothing(), true).state, PrefixState::Failed);
    assert_eq!(judge_with(vec![], false).state, PrefixState::Pending);
}

#[test]
fn a_missing_community_on_all_sessions_fails_and_says_which() {
    let bare = || Some(seen(&[64510], &[]));
    let v = judge_with(vec![session(0, bare()), session(2, bare())], false);
    assert_eq!(v.state, PrefixState::Failed);
    assert_eq!(outcome(&v, CheckKind::Community), CheckOutcome::Failed);
    assert!(v.error_message.unwrap().contains("8075:8007"));
}

#[test]
fn prepending_on_one_session_is_a_finding_of_the_path() {
    let v = judge_with(vec![session(0, good()), session(2, Some(seen(&[64510, 64510], &[COMMUNITY])))], true);
    assert_eq!(v.state, PrefixState::Warning);
    assert_eq!(outcome(&v, CheckKind::AsPath), CheckOutcome::Partial);
}

#[test]
fn a_foreign_origin_fails() {
    let foreign = || Some(seen(&[64510, 64505], &[COMMUNITY]));
    let v = judge_with(vec![session(0, foreign()), session(2, foreign())], true);
    assert_eq!((v.state, outcome(&v, CheckKind::Origin)), (PrefixState::Failed, CheckOutcome::Failed));
}

#[test]
fn an_edge_that_cannot_be_read_makes_it_unknown_not_failed() {
    let blind = |n| SessionView { known: false, ..session(n, None) };
    assert_eq!(judge_with(vec![blind(0), blind(2)], true).state, PrefixState::Unknown);
    let half = judge_with(vec![session(0, good()), blind(2)], true);
    assert_eq!(half.state, PrefixState::Unknown);
    assert!(half.error_message.unwrap().contains("198.18.192.2"));
}

#[test]
fn private_space_and_overlong_prefixes_can_never_pass() {
    for prefix in ["10.22.20.0/24", "198.19.10.0/30"] {
        let v = verdict(&VerdictContext {
            prefix: prefix.parse().unwrap(),
            origin_asns: vec![],
            community: None,
            max_length: 29,
            sessions: vec![],
            was_verified: false,
            space: &lab(),
        });
        assert_eq!(v.state, PrefixState::Invalid, "{prefix}");
    }
}

fn unused(fault: RouteFault) -> Option<SeenRoute> {
    let mut route = seen(&[64510], &[COMMUNITY]);
    route.verdict = RouteVerdict { usage: RouteUse::Unused, faults: vec![fault], last_resort: None };
    Some(route)
}

#[test]
fn what_the_router_does_not_use_is_never_verified_and_says_why() {
    for fault in [
        RouteFault::NextHopNotSession,
        RouteFault::HostSpace,
        RouteFault::TooLong { max_length: 24 },
        RouteFault::NoAdvertise,
        RouteFault::Blackhole,
        RouteFault::NotRegistered,
    ] {
        let v = judge_with(vec![session(0, unused(fault.clone())), session(2, unused(fault.clone()))], false);
        assert_eq!(v.state, PrefixState::Failed, "{fault:?}");
        assert!(v.error_message.unwrap().contains(&fault.to_string()), "{fault:?}");
        let v = judge_with(vec![session(0, good()), session(2, unused(fault))], true);
        assert_eq!(v.state, PrefixState::Warning);
    }
}

#[test]
fn a_reason_that_has_its_own_check_is_told_once() {
    let looped = || unused(RouteFault::OwnAsn { asn: Asn(64500) });
    let v = judge_with(vec![session(0, looped()), session(2, looped())], true);
    assert_eq!((v.state, outcome(&v, CheckKind::AsPath)), (PrefixState::Failed, CheckOutcome::Failed));
    let message = v.error_message.unwrap();
    assert_eq!(message.matches("AS64500, this network's own").count(), 2, "once a session: {message}");
}

#[test]
fn behind_a_closed_gate_nothing_is_verified() {
    let closed = SessionView { gate_open: false, ..session(2, good()) };
    let v = judge_with(vec![session(0, good()), closed], true);
    assert_eq!(v.state, PrefixState::Warning);
    assert!(v.error_message.unwrap().contains("until BFD is up"));
}

#[test]
fn a_drained_route_stays_verified_and_shows_that_it_is_drained() {
    let mut route = seen(&[64510], &[COMMUNITY]);
    route.verdict.last_resort = Some(crate::route::LastResort::PeerDrains);
    let v = judge_with(vec![session(0, good()), session(2, Some(route))], true);
    assert_eq!((v.state, &v.error_message), (PrefixState::Verified, &None));
    let used = v.checks.iter().find(|c| c.kind == CheckKind::Used).unwrap();
    assert!(used.evidence[1].seen.contains("you drain it"), "{used:?}");
}

fn said(word: RouterWord) -> Option<SeenRoute> {
    good().map(|route| SeenRoute { router: word, ..route })
}

fn differs() -> Option<SeenRoute> {
    said(RouterWord::Differs { difference: RouterDifference::Absent })
}

#[test]
fn before_every_router_was_asked_nothing_is_verified_and_what_was_stays() {
    let asked = |was| judge_with(vec![session(0, good()), session(2, said(RouterWord::NotAsked))], was);
    let v = asked(false);
    assert_eq!(
        (v.state, outcome(&v, CheckKind::RouterChoice)),
        (PrefixState::Pending, CheckOutcome::Pending)
    );
    assert!(v.error_message.unwrap().contains("being asked"));
    assert_eq!(asked(true).state, PrefixState::Verified);
}

#[test]
fn what_a_router_does_not_use_is_not_verified_whatever_the_rules_say() {
    let v = judge_with(vec![session(0, differs()), session(2, differs())], false);
    assert_eq!((v.state, outcome(&v, CheckKind::Used)), (PrefixState::Failed, CheckOutcome::Passed));
    assert!(v.is_the_hosts());
    let v = judge_with(vec![session(0, good()), session(2, differs())], true);
    assert_eq!((v.state, v.is_the_hosts()), (PrefixState::Warning, true));
    let message = v.error_message.unwrap();
    assert!(message.contains("doesn't have it in its table on session 198.18.192.2"), "{message}");
    assert!(message.contains("our engineers are told"), "{message}");
    let v = judge_with(vec![session(0, None), session(2, differs())], true);
    assert!(!v.is_the_hosts(), "a session that misses it is the peer's to mend");
}
