//! The machine as a table: what happens, and what it says then.

use super::*;
use crate::routers::frr::fixture;
use crate::routers::{Bfd, Neighbor};
use jiff::Timestamp;
use meetme_model::Asn;
use meetme_model::coupling::Found;
use meetme_model::intent::SessionPhase;
use meetme_model::link::{ApplyOutcome, ApplyResult, BfdSessionState, BgpState};
use std::collections::BTreeSet;
use std::net::IpAddr;

mod proof;

/// Plays the router's part by hand.
struct Play {
    machine: Machine,
    now: Instant,
    at: Timestamp,
    up: BTreeMap<IpAddr, u64>,
    results: Vec<ApplyResult>,
    state: Option<RouterState>,
    /// What a trial comes to; `None` while it takes its time.
    coupling: Option<Found>,
}

const FELL: Found = Found::Fell { after_ms: 301, detection_ms: 300 };

fn intent(generation: u64, connections: u8) -> RouterIntent {
    let mut intent = fixture::intent(generation, SessionPhase::Open);
    intent.lags = (1..=connections).map(fixture::lag).collect();
    intent.sessions = (1..=connections).map(|n| fixture::session(n, SessionPhase::Open)).collect();
    for (n, session) in (0u32..).zip(&mut intent.sessions) {
        session.policy.peer_asn = Asn(64496 + n);
    }
    intent
}

fn name(n: u8) -> UnitName {
    UnitName::Connection(format!("lag{n}"))
}

fn address(n: u8) -> IpAddr {
    format!("198.18.192.{}", 2 * n).parse().unwrap()
}

fn planned(n: u8, disturbs: &[u8]) -> Planned {
    Planned {
        unit: name(n),
        diff: format!("@@ lag{n} @@\n"),
        drift: String::new(),
        disturbs: disturbs.iter().map(|n| address(*n)).collect(),
        fault: None,
        is_new: false,
    }
}

impl Play {
    fn new() -> Self {
        let now = Instant::now();
        let at = Timestamp::from_second(1_800_000_000).unwrap();
        let machine = Machine::new("er1".into(), now);
        Self { machine, now, at, up: BTreeMap::new(), results: Vec::new(), state: None, coupling: Some(FELL) }
    }

    /// One on which `intent` stands, with every session up for long.
    fn standing(intent: &RouterIntent) -> Self {
        let mut play = Self::new();
        play.up = intent.sessions.iter().map(|s| (s.peer_address, 0)).collect();
        play.on(Event::Intent(Box::new(intent.clone())));
        let commands = play.look();
        assert!(commands.iter().any(|c| matches!(c, Command::Plan(..))), "{commands:?}");
        play.on(Event::Planned(Ok(PlanFound::default())));
        assert!(play.pending().is_empty());
        play.results.clear();
        play
    }

    fn on(&mut self, event: Event) -> Vec<Command> {
        let mut left = Vec::new();
        for command in self.machine.on(event, Now { instant: self.now, at: self.at }) {
            match command {
                Command::Report(result) => self.results.push(*result),
                Command::Publish(state) => self.state = Some(*state),
                Command::Measure(_) => {}
                other => left.push(other),
            }
        }
        // BGP falls with BFD, at once.
        let proves = left.iter().position(|c| matches!(c, Command::Prove));
        if let (Some(at), Some(found)) = (proves, self.coupling.clone()) {
            left.remove(at);
            left.extend(self.on(Event::Proved(Ok(found))));
        }
        // Gates are set at once.
        let gates = left.iter().position(|c| matches!(c, Command::SetGates(_)));
        if let Some(Command::SetGates(changes)) = gates.map(|at| left.remove(at)) {
            left.extend(self.on(Event::GatesSet(changes, Ok(BTreeSet::new()))));
        }
        left
    }

    fn after(&mut self, time: Duration) -> Vec<Command> {
        self.now += time;
        self.on(Event::Tick)
    }

    fn seen(&self) -> Observed {
        let neighbor = |drops: &u64| Neighbor {
            bgp: BgpState::Established,
            established_at_ms: Some(self.at.as_millisecond() - 60_000),
            drops: *drops,
            over_limit: false,
        };
        Observed {
            neighbors: self.up.iter().map(|(a, drops)| (*a, neighbor(drops))).collect(),
            bfd: self
                .up
                .keys()
                .map(|a| (*a, Bfd { state: BfdSessionState::Up, detection_ms: None }))
                .collect(),
            bfd_error: None,
        }
    }

    fn look(&mut self) -> Vec<Command> {
        self.machine.observing = true;
        let mut commands = self.on(Event::Observed(Ok(self.seen())));
        commands.extend(self.on(Event::Lags(Ok(BTreeMap::new()))));
        commands
    }

    fn pending(&self) -> BTreeMap<UnitName, Option<UnitFault>> {
        let state = self.state.as_ref().expect("told");
        state.pending.iter().map(|(name, p)| (name.clone(), p.fault.clone())).collect()
    }

    fn outcomes(&self) -> Vec<(Vec<String>, &ApplyOutcome)> {
        self.results.iter().map(|r| (r.units.iter().map(UnitName::to_string).collect(), &r.outcome)).collect()
    }

    /// Plans what is due and answers with these differences; gives the batch that begins.
    fn plan(&mut self, found: Vec<Planned>) -> Vec<UnitName> {
        let commands = self.on(Event::Planned(Ok(PlanFound { units: found, ..PlanFound::default() })));
        batch(&commands)
    }
}

fn batch(commands: &[Command]) -> Vec<UnitName> {
    let apply = commands.iter().find_map(|c| match c {
        Command::Apply(units, _) => Some(units.clone()),
        _ => None,
    });
    apply.unwrap_or_default()
}

fn plans(commands: &[Command]) -> Option<BTreeMap<UnitName, Option<Arc<Unit>>>> {
    commands.iter().find_map(|c| match c {
        Command::Plan(targets, _) => {
            Some(targets.iter().map(|t| (t.name.clone(), t.wants.clone())).collect())
        }
        _ => None,
    })
}

fn refused() -> UnitFault {
    UnitFault::RouterRefused { said: "no".into() }
}

#[test]
fn a_snapshot_is_planned_applied_watched_and_confirmed() {
    let mut play = Play::standing(&intent(1, 2));
    let mut after = intent(2, 2);
    after.sessions[0].max_prefixes = 2000;
    let commands = play.on(Event::Intent(Box::new(after)));
    assert!(plans(&commands).is_some(), "{commands:?}");
    assert_eq!(play.plan(vec![planned(1, &[])]), [name(1)]);
    play.on(Event::Applied(Ok(BTreeMap::new())));
    assert_eq!(play.pending(), BTreeMap::from([(name(1), None)]), "it is watched");
    play.look();
    play.after(watch::WATCH);
    assert!(play.pending().is_empty());
    assert_eq!(play.outcomes(), [(vec!["lag1".to_owned()], &ApplyOutcome::Confirmed)]);
    assert_eq!(play.state.as_ref().unwrap().applied_generation, Some(2));
}

#[test]
fn a_unit_that_fails_goes_back_to_its_last_good_form_and_the_others_go_on() {
    let before = intent(1, 2);
    let mut play = Play::standing(&before);
    let mut after = intent(2, 2);
    after.sessions.iter_mut().for_each(|s| s.max_prefixes = 2000);
    play.on(Event::Intent(Box::new(after.clone())));
    assert_eq!(play.plan(vec![planned(1, &[]), planned(2, &[])]), [name(1), name(2)]);
    let commands = play.on(Event::Applied(Ok(BTreeMap::from([(name(1), refused())]))));
    let targets = plans(&commands).expect("it is planned back");
    let session = |name: &UnitName| targets[name].as_ref().unwrap().sessions()[0].max_prefixes;
    assert_eq!((session(&name(1)), session(&name(2))), (1000, 2000));
    assert_eq!(play.pending()[&name(1)], Some(refused()));
    assert_eq!(play.outcomes()[0], (vec!["lag1".to_owned()], &ApplyOutcome::RolledBack { fault: refused() }));
    assert_eq!(play.plan(vec![planned(1, &[])]), [name(1)], "what was half done is taken back");
    play.on(Event::Applied(Ok(BTreeMap::new())));
    play.look();
    play.after(watch::WATCH);
    assert_eq!(play.pending(), BTreeMap::from([(name(1), Some(refused()))]), "the other is confirmed");
    let commands = play.after(Duration::from_secs(10));
    let targets = plans(&commands).expect("its rest is over");
    assert_eq!(targets[&name(1)].as_ref().unwrap().sessions()[0].max_prefixes, 2000);
}

#[test]
fn emptying_a_router_takes_as_many_steps_as_a_step_may_disturb() {
    let before = intent(1, 40);
    let mut play = Play::standing(&before);
    play.on(Event::Intent(Box::new(intent(2, 0))));
    let mut steps = vec![play.plan((1..=40).map(|n| planned(n, &[n])).collect())];
    while let Some(last) = steps.last().filter(|b| !b.is_empty()).cloned() {
        for unit in &last {
            let n = unit.to_string()[3..].parse().unwrap();
            play.up.remove(&address(n));
        }
        assert!(batch(&play.on(Event::Applied(Ok(BTreeMap::new())))).is_empty(), "the step is watched first");
        play.look();
        steps.push(batch(&play.after(watch::WATCH)));
    }
    assert_eq!(steps.iter().map(Vec::len).collect::<Vec<_>>(), [16, 16, 8, 0]);
    assert!(play.pending().is_empty());
}

#[test]
fn one_peers_flaps_never_undo_anothers_change_twice() {
    let mut play = Play::standing(&intent(1, 3));
    let mut after = intent(2, 3);
    after.sessions[0].max_prefixes = 2000;
    play.on(Event::Intent(Box::new(after)));
    let flap = |play: &mut Play| {
        assert_eq!(play.plan(vec![planned(1, &[])]), [name(1)]);
        play.on(Event::Applied(Ok(BTreeMap::new())));
        *play.up.get_mut(&address(3)).unwrap() += 1;
        play.look();
    };
    flap(&mut play);
    let lost = UnitFault::SessionsLost { neighbors: vec![address(3)] };
    assert_eq!(play.pending()[&name(1)], Some(lost), "once it may be the change");
    assert_eq!(play.plan(vec![planned(1, &[])]), [name(1)]);
    play.on(Event::Applied(Ok(BTreeMap::new())));
    play.after(Duration::from_secs(10));
    flap(&mut play);
    play.after(watch::WATCH);
    assert!(play.pending().is_empty(), "{:?}", play.pending());
}

#[test]
fn a_gate_closes_while_a_change_is_under_way() {
    let mut play = Play::standing(&intent(1, 2));
    let mut after = intent(2, 2);
    after.sessions[0].max_prefixes = 2000;
    play.on(Event::Intent(Box::new(after)));
    assert_eq!(play.plan(vec![planned(1, &[])]), [name(1)]);
    let now = Now { instant: play.now, at: play.at };
    let commands = play.machine.on(Event::SessionLeft("c2v4".into()), now);
    let closed = commands.iter().any(
        |c| matches!(c, Command::SetGates(changes) if changes.iter().any(|g| g.session == "c2v4" && !g.open)),
    );
    assert!(closed, "{commands:?}");
}

#[test]
fn a_change_to_a_session_that_stays_up_is_never_told_as_a_closed_gate() {
    let mut play = Play::standing(&intent(1, 2));
    let told_open = |play: &Play| play.state.as_ref().unwrap().sessions["c1v4"].gate_open;
    assert!(told_open(&play));
    let mut after = intent(2, 2);
    after.sessions[0].max_prefixes = 2000;
    play.on(Event::Intent(Box::new(after)));
    assert_eq!(play.plan(vec![planned(1, &[])]), [name(1)]);
    let now = Now { instant: play.now, at: play.at };
    let commands = play.machine.on(Event::Applied(Ok(BTreeMap::new())), now);
    let set_again = commands.iter().find_map(|c| match c {
        Command::SetGates(changes) => Some(changes.clone()),
        _ => None,
    });
    let told = commands.iter().find_map(|c| match c {
        Command::Publish(state) => Some(state.sessions["c1v4"].gate_open),
        _ => None,
    });
    assert_ne!(told, Some(false), "its gate is set by its new form, and stays open meanwhile");
    play.on(Event::GatesSet(set_again.expect("set by the new form"), Ok(BTreeSet::new())));
    assert!(told_open(&play));
    play.on(Event::SessionLeft("c1v4".into()));
    assert!(!told_open(&play), "a session that leaves while its gate is set is told as closed");
}

#[test]
fn what_was_planned_for_a_bgpd_that_went_away_is_planned_anew() {
    let mut play = Play::standing(&intent(1, 40));
    play.on(Event::Bmp(true));
    play.on(Event::Intent(Box::new(intent(2, 0))));
    let all = (1..=40).map(|n| planned(n, &[n])).collect();
    assert_eq!(play.plan(all).len(), MAX_DISTURBED, "the rest waits");
    play.on(Event::Bmp(false));
    let commands = play.on(Event::Applied(Ok(BTreeMap::new())));
    assert!(batch(&commands).is_empty() && plans(&commands).is_some(), "{commands:?}");
}

#[test]
fn a_router_of_which_nothing_is_known_gets_gates_closed_and_none_opened() {
    let mut play = Play::new();
    let snapshot = intent(1, 2);
    play.up.insert(address(1), 0);
    play.on(Event::Intent(Box::new(snapshot)));
    play.machine.observing = true;
    let now = Now { instant: play.now, at: play.at };
    let seen = play.seen();
    let commands = play.machine.on(Event::Observed(Ok(seen)), now);
    let gates: Vec<_> = commands
        .iter()
        .filter_map(|c| match c {
            Command::SetGates(changes) => Some(changes.iter().map(|g| (g.session.clone(), g.open))),
            _ => None,
        })
        .flatten()
        .collect();
    assert_eq!(gates, [("c2v4".to_owned(), false)]);
}

#[test]
fn a_router_that_goes_away_during_a_change_takes_the_change_with_it() {
    let mut play = Play::standing(&intent(1, 2));
    let mut after = intent(2, 2);
    after.sessions[0].max_prefixes = 2000;
    play.on(Event::Intent(Box::new(after)));
    assert_eq!(play.plan(vec![planned(1, &[])]), [name(1)]);
    play.on(Event::Applied(Err(DriverError::Unreachable("it is away".into()))));
    let fault = UnitFault::WentAway { said: "it is away".into() };
    assert_eq!(play.pending()[&name(1)], Some(fault.clone()));
    assert_eq!(play.outcomes()[0], (vec!["lag1".to_owned()], &ApplyOutcome::RolledBack { fault }));
    let state = play.state.clone().unwrap();
    assert_eq!((state.reachable, state.error.as_deref()), (false, Some("it is away")));
    let commands = play.look();
    assert!(plans(&commands).is_some(), "all of it is read again: {commands:?}");
}

#[test]
fn an_unreachable_router_is_told_as_such_and_looked_at_as_soon_as_it_is_heard_of() {
    let mut play = Play::new();
    play.on(Event::Intent(Box::new(intent(1, 1))));
    play.on(Event::Observed(Err(DriverError::Unreachable("it is away".into()))));
    assert!(matches!(play.outcomes()[0].1, ApplyOutcome::Unreachable { .. }));
    assert!(play.machine.deadline() > play.now);
    for nothing_new in [Event::Bmp(false), Event::SessionLeft("c1v4".into())] {
        let commands = play.on(nothing_new);
        assert!(!commands.iter().any(|c| matches!(c, Command::Observe)), "{commands:?}");
    }
    for sign in [Event::Bmp(true), Event::SessionCame] {
        let commands = play.on(sign);
        assert!(commands.iter().any(|c| matches!(c, Command::Observe)), "{commands:?}");
        play.on(Event::Observed(Err(DriverError::Unreachable("it is away".into()))));
    }
}

#[test]
fn what_was_changed_by_hand_is_told_before_it_is_taken_back() {
    let mut play = Play::standing(&intent(1, 1));
    let by_hand = || Planned { drift: "@@ by hand @@\n".into(), ..planned(1, &[]) };
    let mut commands = play.after(DRIFT);
    commands.extend(play.look());
    assert!(plans(&commands).is_some(), "{commands:?}");
    assert_eq!(play.plan(vec![by_hand()]), []);
    assert_eq!(play.state.as_ref().unwrap().drift.as_deref(), Some("@@ by hand @@\n"));
    let commands = play.after(DRIFT);
    assert!(plans(&commands).is_some(), "{commands:?}");
    assert_eq!(play.plan(vec![by_hand()]), [name(1)]);
    play.on(Event::Applied(Ok(BTreeMap::new())));
    play.look();
    assert_eq!(play.state.as_ref().unwrap().drift, None);
}

#[test]
fn a_unit_that_alone_resets_more_than_a_step_may_is_refused_alone() {
    let mut play = Play::standing(&intent(1, 20));
    play.on(Event::Intent(Box::new(intent(2, 21))));
    let all: Vec<u8> = (1..=20).collect();
    assert_eq!(play.plan(vec![planned(1, &all), planned(21, &[])]), [name(21)]);
    assert_eq!(play.pending()[&name(1)], Some(UnitFault::DisturbsTooMany { sessions: 20, allowed: 16 }));
}

#[test]
fn a_session_closed_at_its_limit_is_tried_again_as_soon_as_the_limit_is_another() {
    let mut play = Play::standing(&intent(1, 1));
    let mut seen = play.seen();
    let closed = Neighbor { over_limit: true, ..Neighbor::default() };
    seen.neighbors.insert(address(1), closed);
    play.on(Event::Observed(Ok(seen)));
    let down = play.state.as_ref().unwrap().sessions["c1v4"].down.clone().unwrap();
    assert_eq!(down.reason, meetme_model::session_down::DownReason::MaxPrefixes);
    let mut after = intent(2, 1);
    after.sessions[0].max_prefixes = 2000;
    play.on(Event::Intent(Box::new(after)));
    assert_eq!(play.plan(vec![planned(1, &[])]), [name(1)]);
    let commands = play.on(Event::Applied(Ok(BTreeMap::new())));
    assert!(commands.iter().any(|c| matches!(c, Command::Clear(a) if *a == address(1))), "{commands:?}");
}

/// A unit that is refused, on a router of which the machine has just begun to know.
fn refused_after_a_restart(is_new: bool) -> Vec<UnitName> {
    let mut play = Play::new();
    play.on(Event::Intent(Box::new(intent(2, 2))));
    play.look();
    let foreign = UnitFault::Foreign { object: "192.0.2.77".into() };
    play.plan(vec![Planned { fault: Some(foreign), is_new, ..planned(1, &[]) }]);
    let mut another = intent(3, 2);
    another.sessions[1].max_prefixes = 2000;
    play.on(Event::Intent(Box::new(another)));
    play.plan(vec![planned(1, &[1]), planned(2, &[])])
}

#[test]
fn what_stood_before_the_edge_began_is_left_when_its_newest_form_is_refused() {
    assert_eq!(refused_after_a_restart(false), [name(2)], "its last good form isn't known");
    let both = [name(1), name(2)];
    assert_eq!(refused_after_a_restart(true), both, "there was none: what is half done is taken back");
}

#[test]
fn gates_that_cant_be_set_are_tried_again_after_the_next_look() {
    for error in [
        DriverError::Unreachable("it is away".into()),
        DriverError::Fault(UnitFault::RouterRefused { said: "no".into() }),
    ] {
        let mut play = Play::standing(&intent(1, 2));
        let now = Now { instant: play.now, at: play.at };
        let sets = |commands: &[Command]| commands.iter().any(|c| matches!(c, Command::SetGates(_)));
        assert!(sets(&play.machine.on(Event::SessionLeft("c2v4".into()), now)));
        let commands = play.machine.on(Event::GatesSet(Vec::new(), Err(error)), now);
        assert!(!sets(&commands), "{commands:?}");
        play.up.remove(&address(2));
        play.machine.observing = true;
        assert!(sets(&play.machine.on(Event::Observed(Ok(play.seen())), now)));
    }
}

#[test]
fn a_router_whose_configuration_cant_be_read_isnt_reachable_because_it_answers_looks() {
    let mut play = Play::standing(&intent(1, 1));
    play.on(Event::Intent(Box::new(intent(2, 1))));
    play.on(Event::Planned(Err(DriverError::Unreachable("FRR 7.5 isn't supported".into()))));
    let reachable = |play: &Play| play.state.as_ref().unwrap().reachable;
    assert!(!reachable(&play));
    let commands = play.look();
    assert!(!reachable(&play) && plans(&commands).is_some(), "it is tried again: {commands:?}");
    play.on(Event::Planned(Ok(PlanFound::default())));
    assert!(reachable(&play));
}

#[test]
fn a_neighbour_configured_by_hand_that_flaps_undoes_a_change_once() {
    let mut play = Play::standing(&intent(1, 1));
    let by_hand: IpAddr = "192.0.2.77".parse().unwrap();
    play.up.insert(by_hand, 0);
    play.look();
    let mut after = intent(2, 1);
    after.sessions[0].max_prefixes = 2000;
    play.on(Event::Intent(Box::new(after)));
    for undone in [true, false] {
        assert_eq!(play.plan(vec![planned(1, &[])]), [name(1)]);
        play.on(Event::Applied(Ok(BTreeMap::new())));
        *play.up.get_mut(&by_hand).unwrap() += 1;
        play.look();
        assert_eq!(play.pending().get(&name(1)).is_some_and(Option::is_some), undone);
        if undone {
            assert_eq!(play.plan(vec![planned(1, &[])]), [name(1)], "put back");
            play.on(Event::Applied(Ok(BTreeMap::new())));
            play.look();
            play.after(Duration::from_secs(10));
            play.look();
        }
    }
}
