//! What drives one router: what was observed and the time in, commands out. Pure: no router, no
//! clock, no task is known here; `super::router` carries the commands out.
//!
//! ```text
//!            new snapshot             differs            applied, none lost
//!  Standing ─────────────▶ Pending ──────────▶ Changing ─────────▶ Watching ──▶ Standing
//!                             ▲                    │ refused, not taken  │ sessions lost
//!                             │ its pause is over  ▼                     ▼
//!                             └──────────────── Resting: its last good form stands
//! ```
//! Each unit of the snapshot goes its own way; what is to be on the router is its newest form, or
//! its last good one while it rests. Undoing, restoring after a restart and correcting what was
//! changed by hand are therefore one thing: planning towards what should be. At most one plan or
//! batch of changes is under way, and one look; gates are an overlay that waits for neither.

mod blame;
mod changes;
mod event;
mod gates;
mod proof;
mod set_gates;
mod told;
mod unit;
mod watch;

use crate::routers::{DriverError, Gates, Observed};
pub use event::{Command, Event, Now, PlanFound, Planned};
use gates::Tracker;
use meetme_model::intent::{RouterIntent, SessionIntent};
use meetme_model::link::{DifferingRoutes, LagState, RouterState};
use meetme_model::unit::{Unit, UnitFault, UnitName, units};
use proof::Proof;
use set_gates::SetGate;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};
use told::Told;
use unit::UnitState;
use watch::{Suspects, Watch};

/// Between looks while nothing happens: cheap enough for hundreds of routers.
const IDLE: Duration = Duration::from_secs(1);
/// Between looks while something is expected.
const BUSY: Duration = Duration::from_millis(200);
/// Between looks while an established session waits for its BFD, which no event tells of.
const EAGER: Duration = Duration::from_millis(50);
/// How long something is expected after anything happened.
const BUSY_FOR: Duration = Duration::from_secs(15);
/// Between comparisons of the running configuration with the intended one.
const DRIFT: Duration = Duration::from_secs(10);
/// Before an unreachable router is tried again: the first time, and at most.
const BACK_OFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// How many established sessions may be down by our own changes at once. Emptying a router takes
/// as many steps as this makes of it; what one mistake takes down has to stay small.
pub const MAX_DISTURBED: usize = 16;
/// Units that are changed before the router is read again: few enough that a gate or a newer
/// snapshot never waits long, many enough that reading isn't what takes the time.
pub const BATCH: usize = 32;

/// Ends a difference that is told of some units only.
pub fn more_units(count: usize) -> String {
    if count == 0 { String::new() } else { format!("# and {count} more units\n") }
}

/// What is under way on the router besides looks and gates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    Idle,
    Planning,
    Applying,
    Proving,
}

/// The machine of one router. See the module.
#[derive(Debug)]
pub struct Machine {
    name: String,
    generation: Option<u64>,
    units: BTreeMap<UnitName, UnitState>,
    tracker: Tracker,
    observed: Option<Observed>,
    lags: BTreeMap<String, LagState>,
    /// Sessions whose gate is to be open.
    open: Gates,
    /// Gates as they were set last. One that isn't here isn't known.
    gates: BTreeMap<String, SetGate>,
    bmp_connected: bool,
    suspects: Suspects,
    watches: Vec<Watch>,
    /// Planned and not made yet.
    queue: VecDeque<Planned>,
    unused: bool,
    /// Differences of the changes that are being made.
    changing: BTreeMap<UnitName, String>,
    work: Work,
    observing: bool,
    setting: bool,
    /// Gates couldn't be set; they are tried again after the next look.
    gates_rest: bool,
    told: Told,
    /// Whether its BGP falls with its BFD.
    proof: Proof,
    /// What ended the last attempt to speak with it.
    error: Option<String>,
    /// It answers looks, and its configuration can't be read or worked with.
    unplannable: bool,
    back_off: Option<Duration>,
    look_at: Instant,
    plan_at: Option<Instant>,
    busy_until: Instant,
    awaits_bfd: bool,
}

impl Machine {
    /// A machine for a router that nothing is known of yet.
    pub fn new(name: String, now: Instant) -> Self {
        Self {
            told: Told::new(name.clone()),
            name,
            generation: None,
            units: BTreeMap::new(),
            tracker: Tracker::default(),
            observed: None,
            lags: BTreeMap::new(),
            open: Gates::new(),
            gates: BTreeMap::new(),
            bmp_connected: false,
            suspects: Suspects::default(),
            watches: Vec::new(),
            queue: VecDeque::new(),
            unused: false,
            changing: BTreeMap::new(),
            work: Work::Idle,
            observing: false,
            setting: false,
            gates_rest: false,
            proof: Proof::new(now),
            error: None,
            unplannable: false,
            back_off: None,
            look_at: now,
            plan_at: None,
            busy_until: now,
            awaits_bfd: false,
        }
    }

    /// The newest generation that it has.
    pub fn generation(&self) -> Option<u64> {
        self.generation
    }

    /// The newest form of every unit; `None` where there is to be no such unit any more.
    pub fn newest(&self) -> BTreeMap<UnitName, Option<Arc<Unit>>> {
        self.units.iter().map(|(name, state)| (name.clone(), state.wanted().cloned())).collect()
    }

    /// When it wants to be told of the time at the latest.
    pub fn deadline(&self) -> Instant {
        let watches = self.watches.iter().filter_map(|w| w.until);
        let rests = self.units.values().filter_map(UnitState::rests_until);
        let look = (!self.observing).then_some(self.look_at);
        let plan = self.plan_at.filter(|_| self.may_work());
        let proof = self.proof.due().filter(|_| self.may_prove());
        // Nothing else ever needs more than a look's time.
        let idle = self.look_at + IDLE;
        watches.chain(rests).chain(look).chain(plan).chain(proof).min().unwrap_or(idle)
    }

    /// Takes in what happened; gives what is to be done.
    pub fn on(&mut self, event: Event, now: Now) -> Vec<Command> {
        let mut commands = Vec::new();
        match event {
            Event::Intent(intent) => self.take_intent(*intent, now.instant),
            Event::SessionLeft(session) => {
                self.open.remove(&session);
                self.tracker.left(&session);
                self.look_soon(now.instant);
            }
            Event::SessionCame => self.heard_of(now.instant),
            Event::Bmp(connected) => {
                if self.bmp_connected && !connected {
                    // Its bgpd may have been started anew, and be another one.
                    self.proof.again(now.instant);
                    self.units.values_mut().for_each(UnitState::may_be_elsewhere);
                    if !std::mem::take(&mut self.queue).is_empty() {
                        // It was planned for the one before.
                        self.plan_at = Some(now.instant);
                    }
                }
                self.bmp_connected = connected;
                match connected {
                    true => self.heard_of(now.instant),
                    false => self.look_soon(now.instant),
                }
            }
            Event::Observed(Ok(observed)) => self.take_look(observed, now, &mut commands),
            Event::Lags(Ok(lags)) => self.take_lags(lags, now.instant),
            Event::Observed(Err(error)) | Event::Lags(Err(error)) => self.look_failed(&error, now),
            Event::Detail(session, Ok(detail)) => self.tracker.detail(&session, detail, now.at),
            // The next look tells what is wrong.
            Event::Detail(_, Err(_)) => {}
            Event::Planned(found) => self.take_plan(found, now),
            Event::Applied(failed) => self.take_applied(failed, now, &mut commands),
            Event::Proved(found) => self.take_proof(found, now),
            Event::GatesSet(changes, missing) => self.take_gates(changes, missing, now),
            Event::Refresh => {
                self.told.again();
                self.look_soon(now.instant);
            }
            Event::Tick => {}
        }
        self.wake_rested(now.instant);
        self.confirm_watches(now.instant);
        self.next_gates(&mut commands);
        self.next_look(now.instant, &mut commands);
        self.next_work(now, &mut commands);
        self.tell(now, &mut commands);
        commands
    }

    fn take_intent(&mut self, intent: RouterIntent, now: Instant) {
        // The control plane repeats itself when it connects.
        if self.generation.is_some_and(|known| intent.generation < known) {
            return;
        }
        let newest: BTreeMap<UnitName, Arc<Unit>> =
            units(&intent).into_iter().map(|(name, unit)| (name, Arc::new(unit))).collect();
        let mut differs = self.generation != Some(intent.generation);
        self.generation = Some(intent.generation);
        for name in newest.keys() {
            self.units.entry(name.clone()).or_default();
        }
        for (name, state) in &mut self.units {
            differs |= state.want(newest.get(name).cloned());
        }
        if differs {
            // What is planned but not begun was planned for an older snapshot.
            self.queue.clear();
            self.plan_at = Some(now);
            self.look_soon(now);
        }
    }

    fn heard_of(&mut self, now: Instant) {
        if self.back_off.take().is_some() {
            self.look_at = now;
        }
        self.look_soon(now);
    }

    fn look_soon(&mut self, now: Instant) {
        self.busy_until = now + BUSY_FOR;
        // An unreachable router keeps its back-off, unless it was heard of.
        if self.back_off.is_none() {
            self.look_at = now;
        }
    }

    fn take_look(&mut self, observed: Observed, now: Now, commands: &mut Vec<Command>) {
        let decision = {
            // What the newest snapshot removes stands until that is done, or for good if it can't be.
            let mut sessions: BTreeMap<&str, &SessionIntent> = BTreeMap::new();
            for unit in self.units.values().flat_map(UnitState::forms) {
                for session in unit.sessions() {
                    sessions.entry(&session.name).or_insert(session);
                }
            }
            self.tracker.look(&sessions.into_values().collect::<Vec<_>>(), &observed)
        };
        let party = self.parties();
        self.check_watches(&observed, &party, now);
        for address in &decision.fell {
            if !self.is_disturbed(address) {
                self.suspects.note(party(address), now.instant);
            }
        }
        if decision.moved {
            self.busy_until = now.instant + BUSY_FOR;
        }
        self.gates_rest = false;
        self.open = decision.open;
        self.awaits_bfd = decision.awaits_bfd;
        commands.push(Command::Measure(decision.seen));
        commands.extend(decision.ask.into_iter().map(|(session, address)| Command::Ask(session, address)));
        for address in decision.clear {
            tracing::warn!(router = self.name, %address, "session stands without BFD, closing it");
            commands.push(Command::Clear(address));
        }
        let bfd_error = observed.bfd_error.clone();
        self.observed = Some(observed);
        if let Some(error) = bfd_error {
            self.look_failed(&DriverError::Unreachable(error), now);
        }
    }

    /// LAGs are read last, so a look is over with them, and the router reached.
    fn take_lags(&mut self, lags: BTreeMap<String, LagState>, now: Instant) {
        if !self.observing {
            // This look has failed already.
            return;
        }
        self.observing = false;
        if lags != self.lags {
            self.busy_until = now + BUSY_FOR;
            self.lags = lags;
        }
        let was_away = self.error.is_some();
        if self.unplannable {
            // A look that succeeds says nothing about that: the next plan does, when its pause is over.
            self.plan_at = Some(now);
            self.look_at = now + self.back_off.unwrap_or(IDLE);
            return;
        }
        self.error = None;
        self.back_off = None;
        if was_away || self.plan_at.is_none() {
            self.plan_at = Some(if was_away { now } else { now + DRIFT });
        }
        self.look_at = now + self.pause(now);
    }

    fn pause(&self, now: Instant) -> Duration {
        match (!self.watches.is_empty() || now < self.busy_until, self.awaits_bfd) {
            (true, true) => EAGER,
            (true, false) => BUSY,
            (false, _) => IDLE,
        }
    }

    fn look_failed(&mut self, error: &DriverError, now: Now) {
        self.observing = false;
        self.unplannable = false;
        self.lose_track(error, now);
    }

    /// The router went away. Changes that it was in the middle of are to blame until shown
    /// otherwise: they count as undone and rest.
    fn lose_track(&mut self, error: &DriverError, now: Now) {
        let pause = self.back_off.unwrap_or(BACK_OFF.0);
        if self.back_off.is_none() {
            tracing::warn!(router = self.name, %error, "router is not reachable");
        }
        self.back_off = Some((pause * 2).min(BACK_OFF.1));
        self.look_at = now.instant + pause;
        self.error = Some(error.to_string());
        self.queue.clear();
        self.gates.clear();
        let fault = UnitFault::WentAway { said: error.to_string() };
        self.undo_unconfirmed(&fault, now);
        // It may have started anew, with nothing of ours: all of it has to be read again.
        self.units.values_mut().for_each(UnitState::forget_router);
        self.proof.again(now.instant);
        self.told.unreachable(&self.units, error, self.generation, now.at);
    }

    fn wake_rested(&mut self, now: Instant) {
        for state in self.units.values_mut() {
            if state.wake(now) {
                self.plan_at = Some(now);
            }
        }
    }

    fn next_look(&mut self, now: Instant, commands: &mut Vec<Command>) {
        if !self.observing && self.look_at <= now {
            self.observing = true;
            commands.push(Command::Observe);
        }
    }

    fn may_work(&self) -> bool {
        let answers = self.error.is_none() || self.unplannable;
        let is_known = answers && self.observed.is_some() && self.generation.is_some();
        is_known && self.work == Work::Idle
    }

    fn next_work(&mut self, now: Now, commands: &mut Vec<Command>) {
        if !self.may_work() {
            return;
        }
        if self.plan_at.is_some_and(|at| at <= now.instant) {
            self.plan_at = None;
            self.queue.clear();
            self.work = Work::Planning;
            self.units.values_mut().for_each(UnitState::plan);
            let targets = self.units.iter().map(|(name, state)| state.target(name)).collect();
            let set = self.gates.iter().filter(|(_, gate)| !gate.is_stale);
            let gates = set.map(|(name, gate)| (name.clone(), gate.by.is_some())).collect();
            commands.push(Command::Plan(targets, gates));
            return;
        }
        if self.unplannable {
            // Nothing is made on a router whose configuration can't be read.
            return;
        }
        if self.may_prove() && self.proof.is_due(now.instant) {
            self.work = Work::Proving;
            self.proof.begin();
            commands.push(Command::Prove);
            return;
        }
        self.next_batch(now, commands);
    }

    /// What was changed by hand, of as many units as are told of at once.
    fn drift(&self) -> Option<String> {
        let mut drifts = self.units.values().filter_map(|s| s.drift.as_deref());
        let mut told: String = drifts.by_ref().take(BATCH).collect();
        told.push_str(&more_units(drifts.count()));
        (!told.is_empty()).then_some(told)
    }

    fn tell(&mut self, now: Now, commands: &mut Vec<Command>) {
        let is_settled = self.work == Work::Idle
            && self.queue.is_empty()
            && self.watches.is_empty()
            && !self.units.values().any(UnitState::is_unconfirmed);
        if is_settled && let Some(generation) = self.generation {
            let rests = self.units.values().any(UnitState::is_resting);
            self.told.settled(generation, rests, now.at);
        }
        let pending = self.units.iter().filter_map(|(name, s)| Some((name.clone(), s.pending()?)));
        let state = RouterState {
            router: self.name.clone(),
            at: now.at,
            reachable: self.error.is_none(),
            error: self.error.clone(),
            generation: self.generation,
            applied_generation: self.told.applied_generation(),
            pending: pending.collect(),
            drift: self.drift(),
            lags: self.lags.clone(),
            sessions: self.tracker.states(&self.told_open()),
            bmp_connected: self.bmp_connected,
            // Held against the rules beside the machine (`super::choices`).
            differing: DifferingRoutes::default(),
            coupling: self.proof.found().cloned(),
            backbone_down: told::backbone_down(&self.units, self.observed.as_ref()),
        };
        // Before the first look there is nothing to tell.
        if self.observed.is_some() || self.error.is_some() {
            self.told.state(state);
        }
        commands.extend(self.told.take());
    }
}

#[cfg(test)]
mod tests;
