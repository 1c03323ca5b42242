//! One router's task: applies the newest intent, keeps its gates, watches what it applied, undoes
//! what did harm, shows drift and then corrects it.
//!
//! One look at the router drives everything, whatever the occasion; an event only means "look
//! now". Nothing is kept on disk: after a restart the first look and the next intent tell all.

mod change;

use super::gates::Tracker;
use super::outbox::Outbox;
use super::samples::Samples;
use super::watch::{Watch, up};
use crate::bmp::{Station, StationSession};
use crate::lag::counters::Traffic;
use crate::routers::frr::owned::Owned;
use crate::routers::frr::render::render;
use crate::routers::frr::{Frr, FrrError, diff};
use crate::routers::{Gates, Observed};
use jiff::Timestamp;
use meetme_model::intent::{RouterIntent, SessionIntent};
use meetme_model::link::{ApplyResult, EdgeAnswer, LagState, RouterState};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedReceiver;

/// Between looks while nothing happens: cheap enough for hundreds of routers.
const IDLE: Duration = Duration::from_secs(1);
/// Between looks while something is expected.
const BUSY: Duration = Duration::from_millis(200);
/// How long something is expected after anything happened.
const BUSY_FOR: Duration = Duration::from_secs(15);
/// Between comparisons of the running configuration with the intended one.
const DRIFT: Duration = Duration::from_secs(10);
/// Between readings of the LAGs' counters.
const COUNTERS: Duration = Duration::from_secs(10);
/// Before an unreachable router is tried again: the first time, and at most.
const BACK_OFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// Before an intent that was refused or undone is tried again, as its cause may have been
/// somebody else's: the first time, and at most.
const RETRY: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(900));

/// A difference is worked out within this time: whoever asked waits a little longer.
const DIFF_WITHIN: Duration = Duration::from_secs(9);
const DIFFS_AT_ONCE: usize = 2;

/// What a router's task is told.
pub enum ToRouter {
    /// The newest intent.
    Intent(Box<RouterIntent>),
    /// Something happened to a session; `Some` is the one that is no longer established.
    Session(Option<String>),
    /// Its BMP connection came or went.
    Bmp(bool),
    /// Compare an intent with the router, for this query.
    Diff(u64, Box<RouterIntent>),
    /// The control plane is back and knows nothing: tell all.
    Refresh,
}

/// An intent as it stands on the router.
struct Applied {
    intent: RouterIntent,
    owned: Owned,
}

/// The task's state. See the module.
pub struct RouterTask {
    frr: Frr,
    outbox: Arc<Outbox>,
    station: Arc<Station>,
    samples: Arc<Samples>,
    intent: Option<RouterIntent>,
    applied: Option<Applied>,
    /// Changes that aren't confirmed yet, oldest first, with what stood before each.
    watches: Vec<(Watch, Option<Applied>)>,
    /// Generation and difference of the change that is being made or undone right now.
    changing: Option<(u64, String)>,
    /// What stood before `applied` was lost, to be put back while the newest intent waits.
    fallback: Option<RouterIntent>,
    tracker: Tracker,
    gates: Gates,
    observed: Option<Observed>,
    lags: BTreeMap<String, LagState>,
    traffic: Traffic,
    bmp_connected: bool,
    applied_generation: Option<u64>,
    drift: Option<String>,
    error: Option<String>,
    last_state: Option<RouterState>,
    last_result: Option<ApplyResult>,
    look_at: Instant,
    drift_at: Instant,
    counters_at: Instant,
    busy_until: Instant,
    back_off: Option<Duration>,
    /// When a refused or undone intent is tried again, and the wait before the time after.
    retry: Option<(Instant, Duration)>,
    /// Differences that are worked out at once.
    diffs: Arc<Semaphore>,
    name: String,
}

impl RouterTask {
    /// A task for a router that nothing is known of yet.
    pub fn new(
        name: String,
        frr: Frr,
        outbox: Arc<Outbox>,
        station: Arc<Station>,
        samples: Arc<Samples>,
    ) -> Self {
        let now = Instant::now();
        Self {
            frr,
            outbox,
            station,
            samples,
            intent: None,
            applied: None,
            watches: Vec::new(),
            changing: None,
            fallback: None,
            tracker: Tracker::default(),
            gates: Gates::new(),
            observed: None,
            lags: BTreeMap::new(),
            traffic: Traffic::default(),
            bmp_connected: false,
            applied_generation: None,
            drift: None,
            error: None,
            last_state: None,
            last_result: None,
            look_at: now,
            drift_at: now + DRIFT,
            counters_at: now,
            busy_until: now,
            back_off: None,
            retry: None,
            diffs: Arc::new(Semaphore::new(DIFFS_AT_ONCE)),
            name,
        }
    }

    /// Runs until the inbox is closed.
    pub async fn run(mut self, mut inbox: UnboundedReceiver<ToRouter>) {
        loop {
            tokio::select! {
                message = inbox.recv() => match message {
                    Some(message) => self.take(message).await,
                    None => return,
                },
                () = tokio::time::sleep_until(self.look_at.into()) => {}
            }
            while let Ok(message) = inbox.try_recv() {
                self.take(message).await;
            }
            if self.look_at <= Instant::now() {
                self.look().await;
            }
        }
    }

    async fn take(&mut self, message: ToRouter) {
        match message {
            ToRouter::Intent(intent) => self.take_intent(*intent),
            ToRouter::Session(down) => {
                match down {
                    Some(session) => self.close_gate(&session).await,
                    None => self.back_off = None,
                }
                self.look_soon();
            }
            ToRouter::Bmp(connected) => {
                self.bmp_connected = connected;
                if connected {
                    self.back_off = None;
                }
                self.look_soon();
            }
            ToRouter::Diff(id, intent) => {
                // Beside the looks: gates never wait for a question.
                let (frr, gates) = (self.frr.clone(), self.gates.clone());
                let (outbox, turns) = (self.outbox.clone(), self.diffs.clone());
                tokio::spawn(async move {
                    let plan = async {
                        let _turn = turns.acquire().await;
                        frr.plan(&intent, &gates).await
                    };
                    let answer = match tokio::time::timeout(DIFF_WITHIN, plan).await {
                        Ok(Ok(plan)) => Ok(EdgeAnswer::Diff { diff: plan.diff }),
                        Ok(Err(error)) => Err(error.to_string()),
                        Err(_) => Err("the router is busy; ask again in some seconds".to_owned()),
                    };
                    outbox.answer(id, answer);
                });
            }
            ToRouter::Refresh => {
                self.last_result.iter().cloned().for_each(|r| self.outbox.applied(r));
                if self.last_state.take().is_some() {
                    self.publish();
                }
                self.look_soon();
            }
        }
    }

    fn take_intent(&mut self, intent: RouterIntent) {
        if self.intent.as_ref().is_some_and(|known| intent.generation < known.generation) {
            return;
        }
        // The control plane repeats itself when it connects; what is known already isn't new.
        if self.intent.as_ref() == Some(&intent) {
            return;
        }
        let sessions = intent.sessions.iter().map(|s| StationSession {
            name: s.name.clone(),
            peer_address: s.peer_address,
            policy: s.policy.clone(),
        });
        self.station.configure_sessions(&self.name, sessions.collect());
        self.intent = Some(intent);
        self.retry = None;
        self.look_soon();
    }

    fn look_soon(&mut self) {
        let now = Instant::now();
        self.busy_until = now + BUSY_FOR;
        // An unreachable router keeps its back-off, unless it was heard of.
        if self.back_off.is_none() {
            self.look_at = now;
        }
    }

    /// One look, and all that follows from it.
    async fn look(&mut self) {
        match self.look_and_act().await {
            Ok(()) => {
                self.error = None;
                self.back_off = None;
                let now = Instant::now();
                let pause = if self.is_busy(now) { BUSY } else { IDLE };
                self.look_at = now + pause;
            }
            Err(error) => self.unreachable(&error),
        }
        self.publish();
    }

    fn is_busy(&self, now: Instant) -> bool {
        !self.watches.is_empty() || now < self.busy_until
    }

    fn unreachable(&mut self, error: &FrrError) {
        let pause = self.back_off.unwrap_or(BACK_OFF.0);
        if self.back_off.is_none() {
            tracing::warn!(router = self.name, %error, "router is not reachable");
        }
        self.back_off = Some((pause * 2).min(BACK_OFF.1));
        self.look_at = Instant::now() + pause;
        self.error = Some(error.to_string());
        self.lose_track(error);
    }

    async fn look_and_act(&mut self) -> Result<(), FrrError> {
        let neighbors = self.frr.neighbors().await?;
        let bfd = self.frr.bfd().await;
        let observed = Observed { neighbors, bfd: bfd.as_ref().cloned().unwrap_or_default() };
        self.observed = Some(observed.clone());
        // Gates come before anything that can fail, and BFD that isn't known isn't up.
        self.keep_gates(&observed).await?;
        bfd?;
        self.check_watches(&observed).await?;
        let lags = self.frr.lags().await?.states;
        if lags != self.lags {
            self.busy_until = Instant::now() + BUSY_FOR;
            self.lags = lags;
        }
        self.measure_lags().await;
        let is_new = match (&self.intent, &self.applied) {
            (Some(intent), Some(applied)) => *intent != applied.intent,
            (Some(_), None) => true,
            (None, _) => false,
        };
        if is_new && self.retry.is_none_or(|(at, _)| at <= Instant::now()) {
            self.apply().await?;
        } else if self.applied.is_none() && self.fallback.is_some() {
            self.restore().await?;
        } else if self.drift_at <= Instant::now() {
            self.drift_at = Instant::now() + DRIFT;
            self.look_for_drift().await?;
        }
        Ok(())
    }

    /// Opens and closes gates as the sessions are, and asks for what isn't known of them.
    async fn keep_gates(&mut self, observed: &Observed) -> Result<(), FrrError> {
        let newest = self.intent.iter().flat_map(|i| &i.sessions);
        let mut sessions: Vec<&SessionIntent> = newest.collect();
        // What the newest intent removes stands until that is applied, or for good if it can't be.
        let names: BTreeSet<&str> = sessions.iter().map(|s| s.name.as_str()).collect();
        let standing = self.applied.iter().flat_map(|a| &a.intent.sessions);
        sessions.extend(standing.filter(|s| !names.contains(s.name.as_str())));
        let decision = self.tracker.look(&sessions, observed);
        if decision.moved {
            self.busy_until = Instant::now() + BUSY_FOR;
        }
        self.samples.sessions(&self.name, decision.seen);
        self.set_gates(decision.open).await?;
        for (session, address) in decision.ask {
            let detail = self.frr.detail(address).await?;
            self.tracker.detail(&session, detail);
        }
        for address in decision.clear {
            tracing::warn!(router = self.name, %address, "session stands without BFD, closing it");
            self.frr.clear(address).await?;
        }
        Ok(())
    }

    /// Reads what the LAGs have counted, now and then. Counters that can't be read are counters
    /// that aren't measured, nothing worse.
    async fn measure_lags(&mut self) {
        if self.counters_at > Instant::now() || self.lags.is_empty() {
            return;
        }
        self.counters_at = Instant::now() + COUNTERS;
        match self.frr.counters().await {
            Ok(counters) => {
                let rates = self.traffic.take(Instant::now(), &self.lags, &counters);
                self.samples.lags(&self.name, rates);
            }
            Err(error) => tracing::debug!(router = self.name, %error, "LAG counters can't be read"),
        }
    }

    async fn close_gate(&mut self, session: &str) {
        let mut gates = self.gates.clone();
        if gates.remove(session)
            && let Err(error) = self.set_gates(gates).await
        {
            self.unreachable(&error);
        }
    }

    /// Points sessions at their policy or at the one that denies all: two commands each.
    async fn set_gates(&mut self, gates: Gates) -> Result<(), FrrError> {
        let Some(applied) = &mut self.applied else {
            self.close_unknown(&gates).await?;
            self.gates = gates;
            return Ok(());
        };
        let mut want = render(&applied.intent, &gates, self.frr.origination());
        want.adopt_instance(&applied.owned);
        let change = diff::change(&applied.owned, &want);
        if !change.is_empty() {
            self.frr.run_change(&change).await?;
            applied.owned.blocks = want.blocks;
        }
        self.gates = gates;
        Ok(())
    }

    /// Closes what may not be open on a router of which it isn't known what stands on it. Opening
    /// is left to the apply to come; without an intent there is nothing to go by.
    async fn close_unknown(&self, gates: &Gates) -> Result<(), FrrError> {
        let (Some(intent), Some(observed)) = (&self.intent, &self.observed) else {
            return Ok(());
        };
        let mut stay = up(observed);
        for session in intent.sessions.iter().filter(|s| !gates.contains(&s.name)) {
            stay.remove(&session.peer_address.to_string());
        }
        let have = self.frr.read_bgp().await?;
        let mut want = have.clone();
        want.close_gates_except(&stay);
        self.frr.run_change(&diff::change(&have, &want)).await
    }

    /// Tells the state when it changed.
    fn publish(&mut self) {
        let state = RouterState {
            router: self.name.clone(),
            at: self.last_state.as_ref().map_or_else(Timestamp::now, |s| s.at),
            reachable: self.error.is_none(),
            error: self.error.clone(),
            applied_generation: self.applied_generation,
            drift: self.drift.clone(),
            lags: self.lags.clone(),
            sessions: self.tracker.states(&self.gates),
            bmp_connected: self.bmp_connected,
        };
        if self.last_state.as_ref() == Some(&state) {
            return;
        }
        let state = RouterState { at: Timestamp::now(), ..state };
        self.last_state = Some(state.clone());
        self.outbox.router(state);
    }
}

#[cfg(test)]
mod tests;
