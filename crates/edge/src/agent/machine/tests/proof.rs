//! What waits for the trial of BFD and BGP, and what comes of it.

use super::*;

const STOOD: Found = Found::Stood { waited_ms: 1301, detection_ms: 300 };

fn proves(commands: &[Command]) -> bool {
    commands.iter().any(|c| matches!(c, Command::Prove))
}

#[test]
fn a_change_with_voice_waits_for_the_trial_and_is_refused_while_bgp_stands() {
    let mut play = Play { coupling: None, ..Play::new() };
    let mut wanted = intent(1, 2);
    wanted.sessions[1].voice = false;
    play.on(Event::Intent(Box::new(wanted)));
    play.look();
    assert_eq!(play.plan(vec![planned(1, &[]), planned(2, &[])]), [name(2)], "who has no Voice goes on");
    let mut commands = play.on(Event::Applied(Ok(BTreeMap::new())));
    commands.extend(play.look());
    commands.extend(play.after(watch::WATCH));
    assert!(proves(&commands), "once nothing is watched: {commands:?}");
    assert_eq!(play.pending(), BTreeMap::from([(name(1), None)]));

    assert!(plans(&play.on(Event::Proved(Ok(STOOD)))).is_some());
    assert_eq!(play.plan(vec![planned(1, &[])]), []);
    let fault = play.pending()[&name(1)].clone().unwrap();
    assert!(matches!(fault, UnitFault::NotCoupled { .. }), "{fault:?}");
    assert!(fault.to_string().contains("BGP stood 1301 ms"), "{fault}");
    assert_eq!(play.state.as_ref().unwrap().coupling.as_ref().unwrap().found, STOOD);

    assert!(plans(&play.after(Duration::from_secs(10))).is_some(), "its rest is over");
    let commands =
        play.on(Event::Planned(Ok(PlanFound { units: vec![planned(1, &[])], ..PlanFound::default() })));
    assert!(proves(&commands) && batch(&commands).is_empty(), "it is tried again first: {commands:?}");
    assert!(plans(&play.on(Event::Proved(Ok(FELL)))).is_some());
    assert_eq!(play.plan(vec![planned(1, &[])]), [name(1)]);
}

#[test]
fn a_router_that_was_away_or_whose_bmp_was_is_tried_again_and_what_stands_is_left() {
    let mut play = Play::standing(&intent(1, 1));
    play.coupling = None;
    play.on(Event::Bmp(true));
    assert!(proves(&play.on(Event::Bmp(false))), "its bgpd may be another one");
    play.on(Event::Proved(Ok(STOOD)));
    assert!(play.pending().is_empty(), "{:?}", play.pending());
    play.on(Event::Observed(Err(DriverError::Unreachable("it is away".into()))));
    play.look();
    assert!(proves(&play.on(Event::Planned(Ok(PlanFound::default())))));
}

/// One on which nothing of `snapshot` stands yet, whose trial just came to this.
fn tried(snapshot: RouterIntent, found: Found) -> Play {
    let mut play = Play { coupling: None, ..Play::new() };
    play.on(Event::Intent(Box::new(snapshot)));
    play.look();
    let commands =
        play.on(Event::Planned(Ok(PlanFound { units: vec![planned(1, &[])], ..PlanFound::default() })));
    assert!(proves(&commands), "{commands:?}");
    play.on(Event::Proved(Ok(found)));
    play
}

#[test]
fn a_trial_during_which_bmp_went_away_says_nothing_and_is_had_again_at_once() {
    let mut play = Play::standing(&intent(1, 1));
    play.coupling = None;
    play.on(Event::Bmp(true));
    assert!(proves(&play.on(Event::Bmp(false))));
    play.on(Event::Bmp(true));
    assert!(!proves(&play.on(Event::Bmp(false))), "one is under way");
    let before = play.state.as_ref().unwrap().coupling.clone();
    let died = Found::Fell { after_ms: 250, detection_ms: 300 };
    assert!(proves(&play.on(Event::Proved(Ok(died)))), "it may have been another bgpd's");
    assert_eq!(play.state.as_ref().unwrap().coupling, before);
    assert!(!proves(&play.on(Event::Proved(Ok(FELL)))), "that one counts");
}

#[test]
fn what_rests_for_want_of_the_proof_is_woken_by_it() {
    let mut play = tried(intent(1, 1), STOOD);
    assert_eq!(play.plan(vec![planned(1, &[])]), []);
    for _ in 0..4 {
        // Its rest grows from try to try.
        play.after(Duration::from_secs(900));
        play.plan(vec![planned(1, &[])]);
        play.on(Event::Proved(Ok(STOOD)));
        play.plan(vec![planned(1, &[])]);
    }
    assert!(play.pending()[&name(1)].is_some());
    play.on(Event::Bmp(true));
    play.on(Event::Bmp(false));
    let targets = plans(&play.on(Event::Proved(Ok(FELL)))).expect("at once");
    assert!(targets[&name(1)].is_some(), "its newest form");
    assert_eq!(play.plan(vec![planned(1, &[])]), [name(1)]);
}

/// One whose BGP stood, and on which a change with Voice just failed.
fn failed() -> Play {
    let mut play = Play::standing(&intent(1, 1));
    play.coupling = Some(STOOD);
    play.on(Event::Bmp(true));
    play.on(Event::Bmp(false));
    let mut after = intent(2, 1);
    after.sessions[0].phase = SessionPhase::Draining;
    play.on(Event::Intent(Box::new(after)));
    assert_eq!(play.plan(vec![planned(1, &[])]), [name(1)]);
    let commands = play.on(Event::Applied(Ok(BTreeMap::from([(name(1), refused())]))));
    assert!(plans(&commands).is_some(), "{commands:?}");
    play
}

#[test]
fn a_change_with_voice_is_undone_without_a_proof() {
    assert_eq!(failed().plan(vec![planned(1, &[])]), [name(1)]);
}

#[test]
fn what_failed_on_a_router_that_may_be_another_one_by_now_is_put_back_after_the_proof() {
    let mut play = failed();
    play.on(Event::Bmp(true));
    play.on(Event::Bmp(false));
    assert_eq!(play.plan(vec![planned(1, &[])]), []);
}

#[test]
fn a_session_with_voice_leaves_without_a_proof_and_comes_back_only_with_one() {
    let mut play = Play::standing(&intent(1, 1));
    play.coupling = None;
    play.on(Event::Bmp(true));
    play.on(Event::Bmp(false));
    play.on(Event::Proved(Ok(STOOD)));
    for (generation, phase) in [(2, SessionPhase::Draining), (3, SessionPhase::Shutdown)] {
        let mut leaves = intent(generation, 1);
        leaves.sessions[0].phase = phase;
        play.on(Event::Intent(Box::new(leaves)));
        assert_eq!(play.plan(vec![planned(1, &[])]), [name(1)], "{phase:?}");
        play.on(Event::Applied(Ok(BTreeMap::new())));
        play.look();
        play.after(watch::WATCH);
    }
    play.on(Event::Intent(Box::new(intent(4, 1))));
    assert_eq!(play.plan(vec![planned(1, &[])]), []);
    assert!(matches!(play.pending()[&name(1)], Some(UnitFault::NotCoupled { .. })), "{:?}", play.pending());
}

#[test]
fn a_session_with_voice_that_stands_is_no_hindrance_to_one_beside_it_that_goes() {
    let mut before = intent(1, 1);
    let mut beside = before.sessions[0].clone();
    (beside.name, beside.peer_address) = ("c1v4b".into(), address(9));
    before.sessions.push(beside);
    let mut play = Play::standing(&before);
    play.coupling = None;
    play.on(Event::Bmp(true));
    play.on(Event::Bmp(false));
    play.on(Event::Proved(Ok(STOOD)));
    play.on(Event::Intent(Box::new(intent(2, 1))));
    assert_eq!(play.plan(vec![planned(1, &[])]), [name(1)]);
}

#[test]
fn a_router_that_came_back_empty_gets_voice_again_after_the_trial() {
    let mut play = Play::standing(&intent(1, 1));
    play.coupling = None;
    play.on(Event::Observed(Err(DriverError::Unreachable("it is away".into()))));
    assert!(plans(&play.look()).is_some());
    let commands =
        play.on(Event::Planned(Ok(PlanFound { units: vec![planned(1, &[])], ..PlanFound::default() })));
    assert!(proves(&commands) && batch(&commands).is_empty(), "{commands:?}");
    assert!(plans(&play.on(Event::Proved(Ok(FELL)))).is_some());
    assert_eq!(play.plan(vec![planned(1, &[])]), [name(1)]);
}
