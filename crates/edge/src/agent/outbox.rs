//! What is to be told to the control plane, whenever there is a link.
//!
//! Nearly everything is a snapshot of its subject, so only the newest of each is kept; answers, minutes and
//! results are counted. Whoever writes here never waits, and what an absent or slow control plane costs is
//! bounded.

use super::history::History;
use meetme_model::link::{ApplyResult, EdgeAnswer, RouterState, RouterStatePart, SessionRoutes, ToControl};
use meetme_model::probe::ProbeOutcome;
use meetme_model::samples::RouterSamples;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::Notify;

/// Answers kept for a link that is slow; older ones are given up, their askers have timed out.
const ANSWERS: usize = 64;
/// Results of applying kept for each router: as many as are shown of it.
const RESULTS: usize = 50;
/// Minutes that are taken at once, so that an answer never waits behind a day of them.
const MINUTES_AT_ONCE: usize = 16;

/// See the module.
#[derive(Default)]
pub struct Outbox {
    pending: Mutex<Pending>,
    wake: Notify,
}

#[derive(Default)]
struct Pending {
    routers: BTreeMap<String, RouterState>,
    /// What the control plane was told of each router on this link.
    told: BTreeMap<String, RouterState>,
    intents_wanted: BTreeSet<String>,
    results: BTreeMap<String, VecDeque<ApplyResult>>,
    routes: BTreeMap<(String, String), SessionRoutes>,
    probed: BTreeMap<String, ProbeOutcome>,
    answers: VecDeque<ToControl>,
    history: History,
}

impl Outbox {
    /// A router's state.
    pub fn router(&self, state: RouterState) {
        self.pending().routers.insert(state.router.clone(), state);
        self.wake.notify_one();
    }

    /// What applying came to.
    pub fn applied(&self, result: ApplyResult) {
        let mut pending = self.pending();
        let results = pending.results.entry(result.router.clone()).or_default();
        if results.len() == RESULTS {
            results.pop_front();
        }
        results.push_back(result);
        drop(pending);
        self.wake.notify_one();
    }

    /// All parts of a router's intent are needed once more.
    pub fn intent_wanted(&self, router: &str) {
        self.pending().intents_wanted.insert(router.to_owned());
        self.wake.notify_one();
    }

    /// A session's routes.
    pub fn routes(&self, routes: SessionRoutes) {
        let key = (routes.router.clone(), routes.session.clone());
        self.pending().routes.insert(key, routes);
        self.wake.notify_one();
    }

    /// What a probe came to.
    pub fn probed(&self, outcome: ProbeOutcome) {
        self.pending().probed.insert(outcome.id.clone(), outcome);
        self.wake.notify_one();
    }

    /// Minutes that are over.
    pub fn samples(&self, minutes: Vec<RouterSamples>) {
        let mut pending = self.pending();
        let now = Instant::now();
        minutes.into_iter().for_each(|samples| pending.history.push(samples, now));
        drop(pending);
        self.wake.notify_one();
    }

    /// An answer to a query.
    pub fn answer(&self, id: u64, answer: Result<EdgeAnswer, String>) {
        let mut pending = self.pending();
        if pending.answers.len() == ANSWERS {
            pending.answers.pop_front();
        }
        pending.answers.push_back(ToControl::Answer { id, answer });
        drop(pending);
        self.wake.notify_one();
    }

    /// Waits until there is something, and takes all of it.
    pub async fn take(&self) -> Vec<ToControl> {
        loop {
            let messages = self.pending().drain();
            if !messages.is_empty() {
                return messages;
            }
            self.wake.notified().await;
        }
    }

    /// Begins a new link: answers belong to the one that is gone, and minutes of which it isn't
    /// certain that they arrived are sent again.
    pub fn begin(&self) {
        let mut pending = self.pending();
        pending.answers.clear();
        pending.told.clear();
        pending.intents_wanted.clear();
        pending.history.start_again();
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        // Maps stay whole whatever panicked while they were locked.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pending {
    fn drain(&mut self) -> Vec<ToControl> {
        let mut messages: Vec<ToControl> = std::mem::take(&mut self.answers).into();
        let wanted = std::mem::take(&mut self.intents_wanted).into_iter();
        messages.extend(wanted.map(|router| ToControl::IntentWanted { router }));
        let results = std::mem::take(&mut self.results).into_values().flatten();
        messages.extend(results.map(|r| ToControl::Applied { result: Box::new(r) }));
        for (router, state) in std::mem::take(&mut self.routers) {
            let (parts, bare) = RouterStatePart::news(self.told.get(&router), &state);
            let parts = parts.into_iter().map(Box::new);
            messages.extend(parts.map(|part| ToControl::RouterPart { router: router.clone(), part }));
            messages.push(ToControl::Router { state: Box::new(bare) });
            self.told.insert(router, state);
        }
        let routes = std::mem::take(&mut self.routes).into_values();
        messages.extend(routes.map(|r| ToControl::Routes { routes: Box::new(r) }));
        let probed = std::mem::take(&mut self.probed).into_values();
        messages.extend(probed.map(|o| ToControl::Probed { outcome: Box::new(o) }));
        let minutes = self.history.take(MINUTES_AT_ONCE, Instant::now()).into_iter();
        messages.extend(minutes.map(|s| ToControl::Samples { samples: Box::new(s) }));
        messages
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use meetme_model::link::SessionState;
    use meetme_model::samples::{SessionSample, Stat};

    fn minute() -> RouterSamples {
        RouterSamples {
            router: "er1".into(),
            minute: Timestamp::UNIX_EPOCH,
            part: 0,
            sessions: [("c1v4".into(), SessionSample { available: Stat::of(1.0), flaps: 0 })].into(),
            lags: BTreeMap::new(),
            probes: BTreeMap::new(),
        }
    }

    fn outcome(error: &str) -> ProbeOutcome {
        ProbeOutcome {
            id: "test:1".into(),
            router: "er1".into(),
            at: Timestamp::UNIX_EPOCH,
            rtt_ms: None,
            path: Vec::new(),
            error: Some(error.into()),
            untried: false,
        }
    }

    #[tokio::test]
    async fn an_answer_never_waits_behind_a_backlog_of_minutes() {
        let outbox = Outbox::default();
        outbox.samples(vec![minute(); 3 * MINUTES_AT_ONCE]);
        assert_eq!(outbox.take().await.len(), MINUTES_AT_ONCE);
        outbox.answer(7, Err("no".into()));
        let next = outbox.take().await;
        assert!(matches!(next[0], ToControl::Answer { id: 7, .. }) && next.len() == MINUTES_AT_ONCE + 1);
    }

    #[tokio::test]
    async fn a_new_link_is_told_minutes_again_but_no_answer_of_the_last_one() {
        let outbox = Outbox::default();
        outbox.samples(vec![minute()]);
        outbox.take().await;
        outbox.answer(7, Err("no".into()));
        outbox.begin();
        let again = outbox.take().await;
        assert!(matches!(again[..], [ToControl::Samples { .. }]), "{again:?}");
    }

    fn state(flaps: u32) -> RouterState {
        let session = SessionState { flaps, ..SessionState::default() };
        RouterState {
            generation: Some(1),
            applied_generation: Some(1),
            sessions: [("c1v4".into(), session), ("c2v4".into(), SessionState::default())].into(),
            bmp_connected: true,
            ..RouterState::reached("er1", Timestamp::UNIX_EPOCH)
        }
    }

    #[tokio::test]
    async fn of_a_router_only_what_changed_is_told_and_everything_on_a_new_link() {
        let outbox = Outbox::default();
        let mut sessions_told = Vec::new();
        for (flaps, is_new_link) in [(0, false), (3, false), (3, true)] {
            if is_new_link {
                outbox.begin();
            }
            outbox.router(state(flaps));
            let told = outbox.take().await;
            assert!(matches!(told.last(), Some(ToControl::Router { state }) if state.sessions.is_empty()));
            let sessions = told.iter().map(|message| match message {
                ToControl::RouterPart { part, .. } => part.sessions.len(),
                _ => 0,
            });
            sessions_told.push(sessions.sum::<usize>());
        }
        assert_eq!(sessions_told, [2, 1, 2]);
    }

    #[tokio::test]
    async fn only_the_newest_outcome_of_a_probe_is_told() {
        let outbox = Outbox::default();
        outbox.probed(outcome("first"));
        outbox.probed(outcome("second"));
        let told = outbox.take().await;
        let [ToControl::Probed { outcome: told }] = &told[..] else { panic!("{told:?}") };
        assert_eq!(**told, outcome("second"));
    }
}
