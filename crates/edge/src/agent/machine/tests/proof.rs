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
    let Some(UnitFault::Unsupported { problem }) = &play.pending()[&name(1)] else {
        panic!("{:?}", play.pending())
    };
    assert!(problem.contains("BGP stood 1301 ms"), "{problem}");
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
