//! What a task makes of a router that goes away, without one.

use super::*;
use crate::routers::frr::apply::Plan;
use crate::routers::frr::fixture;
use crate::routers::frr::owned::Owned;
use meetme_model::intent::SessionPhase;
use meetme_model::inventory::LagBackend;
use meetme_model::link::ApplyOutcome;

fn task() -> RouterTask {
    let (events, _) = tokio::sync::mpsc::channel(8);
    let frr = Frr::new("/nonexistent".into(), LagBackend::Bonding { netns: None });
    RouterTask::new("er1".into(), frr, Arc::default(), Station::new(events), Arc::default())
}

fn applied(generation: u64) -> Applied {
    Applied { intent: fixture::intent(generation, SessionPhase::Open), owned: Owned::default() }
}

fn outcome(task: &RouterTask) -> (u64, ApplyOutcome) {
    let result = task.last_result.clone().unwrap();
    (result.generation, result.outcome)
}

#[tokio::test]
async fn a_router_that_is_heard_of_is_looked_at_without_waiting_out_the_back_off() {
    for sign in [ToRouter::Bmp(true), ToRouter::Session(None)] {
        let mut task = task();
        task.look().await;
        assert!(task.back_off.is_some());
        for nothing_new in [ToRouter::Bmp(false), ToRouter::Session(Some("c1v4".into()))] {
            task.take(nothing_new).await;
            assert!(task.look_at > Instant::now());
        }
        task.take(sign).await;
        assert!(task.back_off.is_none() && task.look_at <= Instant::now());
    }
}

#[tokio::test]
async fn a_change_during_which_the_router_goes_away_counts_as_undone_and_rests() {
    let mut task = task();
    task.take_intent(fixture::intent(3, SessionPhase::Open));
    let now = Instant::now();
    for (generation, before) in [(2, applied(1)), (3, applied(2))] {
        let watch = Watch::new(generation, Plan::default(), &Observed::default(), now, Timestamp::now());
        task.watches.push((watch, Some(before)));
    }
    task.applied = Some(applied(3));
    task.look().await;
    let (generation, result) = outcome(&task);
    assert_eq!(generation, 3);
    let ApplyOutcome::RolledBack { reason } = result else { panic!("{result:?}") };
    assert!(reason.starts_with("the router went away during the change: can't speak with bgpd"), "{reason}");
    let rests = task.retry;
    assert!(rests.is_some() && task.applied.is_none() && task.watches.is_empty());
    assert_eq!(task.fallback.as_ref().map(|i| i.generation), Some(1), "what stood before all of it");

    task.look().await;
    assert_eq!(task.retry, rests, "being away neither shortens nor prolongs it");
    assert!(matches!(outcome(&task), (3, ApplyOutcome::RolledBack { .. })));
}

#[tokio::test]
async fn a_router_that_goes_away_while_commands_run_takes_the_change_with_it() {
    let mut task = task();
    task.take_intent(fixture::intent(2, SessionPhase::Open));
    task.applied = Some(applied(1));
    task.changing = Some((2, "+members et3\n".into()));
    task.look().await;
    assert!(matches!(outcome(&task), (2, ApplyOutcome::RolledBack { .. })));
    assert_eq!(task.last_result.unwrap().diff, "+members et3\n");
    assert!(task.retry.is_some() && task.changing.is_none());
    assert_eq!(task.fallback.map(|i| i.generation), Some(1));
}

#[tokio::test]
async fn a_router_that_is_away_before_any_change_is_told_as_such_and_tried_at_once_when_back() {
    let mut task = task();
    task.take_intent(fixture::intent(1, SessionPhase::Open));
    task.look().await;
    assert!(matches!(outcome(&task), (1, ApplyOutcome::Unreachable { .. })));
    assert!(task.retry.is_none());
}
