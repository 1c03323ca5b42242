//! When the router is asked, and what its answers come to, by an own clock.

use super::*;
use crate::routers::frr::fixture;
use jiff::Timestamp;
use meetme_model::link::{PrefixEvidence, SessionState};
use meetme_model::route::{AsPath, PrefixRole, RouteAttributes, RouteUse, RouteVerdict, RpkiState};
use meetme_model::unit::{UnitFault, UnitPending};

const SESSION: &str = "c1v4";
const PEER: &str = "198.18.192.2";

struct Case {
    choices: Choices,
    start: Instant,
    now: Instant,
    prefixes: Vec<Prefix>,
    state: RouterState,
    /// What the router has of each prefix.
    path: Option<RouterPath>,
    usage: RouteUse,
    received_at: Timestamp,
    asked: usize,
}

fn valid(local_pref: u32) -> Option<RouterPath> {
    let from = Some(PEER.parse().unwrap());
    Some(RouterPath { from, is_valid: true, is_best: true, local_pref: Some(local_pref) })
}

impl Case {
    /// An open session with so many prefixes, in their role of a primary location.
    fn new(prefixes: u8) -> Self {
        let now = Instant::now();
        let mut choices = Choices::default();
        choices.take_intent(&fixture::intent(1, SessionPhase::Open));
        let state = RouterState {
            generation: Some(1),
            applied_generation: Some(1),
            bmp_connected: true,
            ..RouterState::reached("er1", Timestamp::UNIX_EPOCH)
        };
        let prefixes = (0..prefixes).map(|n| format!("198.19.{n}.0/24").parse().unwrap()).collect();
        let usage = RouteUse::Registered(PrefixRole::Primary);
        let received_at = Timestamp::UNIX_EPOCH;
        let mut case = Self {
            choices,
            start: now,
            now,
            prefixes,
            state,
            path: valid(400),
            usage,
            received_at,
            asked: 0,
        };
        case.gate(true);
        case
    }

    fn gate(&mut self, open: bool) {
        let session = SessionState { gate_open: open, ..SessionState::default() };
        self.state.sessions.insert(SESSION.into(), session);
        self.tell_state();
    }

    fn tell_state(&mut self) -> DifferingRoutes {
        self.choices.take_state(&mut self.state, self.now);
        self.state.differing.clone()
    }

    /// The summary comes; what it says of the router's word, the same for all prefixes.
    fn word(&mut self) -> RouterWord {
        let seen = SeenRoute {
            attributes: RouteAttributes {
                as_path: AsPath::sequence([64510]),
                next_hop: PEER.parse().unwrap(),
                communities: vec![],
                med: None,
            },
            rpki: RpkiState::NotChecked,
            verdict: RouteVerdict { usage: self.usage, faults: vec![], last_resort: None },
            router: RouterWord::NotAsked,
            received_at: self.received_at,
        };
        let evidence =
            self.prefixes.iter().map(|&prefix| PrefixEvidence { prefix, route: Some(seen.clone()) });
        let mut summary = self.summary(evidence.collect());
        self.choices.take_routes(&mut summary, self.now);
        summary.evidence[0].route.clone().unwrap().router
    }

    fn summary(&self, evidence: Vec<PrefixEvidence>) -> SessionRoutes {
        SessionRoutes {
            router: "er1".into(),
            session: SESSION.into(),
            peer_address: PEER.parse().unwrap(),
            at: Timestamp::UNIX_EPOCH,
            synced: true,
            error: None,
            received: 0,
            used: 0,
            faults: BTreeMap::new(),
            examples: BTreeMap::new(),
            evidence,
        }
    }

    /// Lets time pass, with every question answered at once.
    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(at) = self.choices.deadline().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            let due = self.choices.due(self.now);
            assert!(due.len() <= BATCH);
            self.asked += due.len();
            self.answer(&due);
        }
        self.now = until;
    }

    fn answer(&mut self, due: &[Prefix]) -> BTreeSet<String> {
        let paths = due.iter().map(|prefix| (*prefix, self.path.iter().cloned().collect())).collect();
        self.choices.answered(due, Some(&paths), self.now)
    }
}

fn differs(difference: RouterDifference) -> RouterWord {
    RouterWord::Differs { difference }
}

#[test]
fn that_the_router_agrees_counts_at_once() {
    let mut case = Case::new(1);
    assert_eq!(case.word(), RouterWord::NotAsked);
    case.pass(SETTLES);
    assert_eq!((case.word(), case.asked), (RouterWord::Agrees, 1));
    case.pass(ROUND - SETTLES);
    assert_eq!(case.asked, 1, "what is as it should be is left alone");
    case.pass(SETTLES * 2);
    assert_eq!(case.asked, 2);
}

#[test]
fn a_difference_counts_only_when_it_lasts_and_is_gone_with_the_first_answer_that_agrees() {
    let mut case = Case::new(1);
    case.path = None;
    case.word();
    case.pass(LASTS - AGAIN);
    assert_eq!(case.word(), RouterWord::NotAsked, "not yet");
    case.path = valid(400);
    case.pass(AGAIN);
    assert_eq!(case.word(), RouterWord::Agrees);
    case.path = None;
    case.pass(ROUND + LASTS + AGAIN);
    assert_eq!(case.word(), differs(RouterDifference::Absent));
    let differing = case.tell_state();
    assert_eq!((differing.count, differing.first[0].prefix), (1, case.prefixes[0]));
    case.path = valid(400);
    case.pass(TOLD_AGAIN);
    assert_eq!((case.word(), case.tell_state().count), (RouterWord::Agrees, 0));
}

#[test]
fn a_change_begins_the_wait_anew_and_an_answer_from_before_it_does_not_count() {
    let mut case = Case::new(1);
    case.path = None;
    case.word();
    case.pass(LASTS - AGAIN);
    case.received_at = Timestamp::from_second(60).unwrap();
    case.word();
    case.pass(LASTS - AGAIN);
    assert_eq!(case.word(), RouterWord::NotAsked);
    // The rules say otherwise while a question is under way.
    case.pass(LASTS);
    assert_eq!(case.word(), differs(RouterDifference::Absent));
    case.now = case.choices.deadline().unwrap();
    let due = case.choices.due(case.now);
    case.usage = RouteUse::Unused;
    case.word();
    assert!(case.answer(&due).is_empty(), "that answer is to another question");
    case.pass(SETTLES * 2);
    assert_eq!(case.word(), RouterWord::Agrees, "it isn't to be used, and isn't");
}

#[test]
fn behind_a_closed_gate_and_in_the_middle_of_a_change_nobody_is_asked() {
    let mut case = Case::new(1);
    case.word();
    case.pass(SETTLES);
    case.gate(false);
    assert_eq!(case.word(), RouterWord::NotAsked);
    case.pass(ROUND * 2);
    assert_eq!(case.asked, 1);
    let unit = UnitName::Connection("lag1".into());
    case.state.pending.insert(unit.clone(), UnitPending { fault: None });
    case.gate(true);
    case.pass(ROUND * 2);
    assert_eq!(case.asked, 1);
    // It stands in another form than the rules go by: the router's word is what counts then.
    let fault = Some(UnitFault::RouterRefused { said: "no".into() });
    case.state.pending.insert(unit, UnitPending { fault });
    case.path = valid(200);
    case.tell_state();
    case.pass(LASTS + AGAIN);
    assert_eq!(case.word(), differs(RouterDifference::Preference { local_pref: 200, expected: 400 }));
}

#[test]
fn a_router_that_does_not_answer_is_not_said_to_differ() {
    let mut case = Case::new(1);
    case.word();
    for _ in 0..30 {
        case.now = case.choices.deadline().unwrap();
        let due = case.choices.due(case.now);
        assert!(case.choices.answered(&due, None, case.now).is_empty());
    }
    assert_eq!(case.word(), RouterWord::NotAsked);
}

#[test]
fn many_prefixes_are_asked_about_in_batches_and_then_only_in_rounds() {
    let mut case = Case::new(250);
    case.word();
    case.pass(SETTLES + PACE * 3);
    assert_eq!((case.word(), case.asked), (RouterWord::Agrees, 250));
    // The same again costs nothing.
    for _ in 0..10 {
        assert_eq!(case.word(), RouterWord::Agrees);
    }
    case.pass(ROUND / 2);
    assert_eq!(case.asked, 250);
    case.pass(ROUND);
    assert_eq!(case.asked, 500, "after {:?}", case.now - case.start);
}

#[test]
fn a_route_that_goes_takes_its_difference_along() {
    let mut case = Case::new(1);
    case.path = None;
    case.word();
    case.pass(LASTS + AGAIN);
    let mut summary = case.summary(vec![]);
    assert!(case.choices.take_routes(&mut summary, case.now));
    assert_eq!(case.choices.differing(), DifferingRoutes::default());
}
