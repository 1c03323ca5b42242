//! One unit on its way: what is wanted of it, what stands, what was good last. Pure.

use crate::routers::Target;
use meetme_model::intent::{SessionIntent, SessionPhase};
use meetme_model::unit::{Unit, UnitFault, UnitName, UnitPending};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Before a unit that was refused or undone is tried again, as its cause may have been somebody
/// else's: the first time, and at most.
const RETRY: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(900));

/// Where a unit stands. See the module above for the way between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// It is as it is wanted, and confirmed.
    Standing,
    /// It isn't, or that isn't known.
    #[default]
    Pending,
    /// It is being changed.
    Changing,
    /// It was changed, and isn't confirmed yet.
    Watching,
    /// It failed; its last good form is to stand until then.
    Resting {
        /// Why.
        fault: UnitFault,
        /// When it is tried again.
        until: Instant,
    },
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct UnitState {
    /// Its newest form; `None` to remove it.
    wanted: Option<Arc<Unit>>,
    /// Its last confirmed form.
    good: Option<Arc<Unit>>,
    /// Whether that is known: of what stood before the edge began it isn't.
    is_good_known: bool,
    /// What is on the router, if it is known.
    stands: Option<Option<Arc<Unit>>>,
    /// The form that the plan under way goes to.
    planned: Option<Arc<Unit>>,
    phase: Phase,
    /// It rests since a change to it failed on the router that is there still.
    undoes: bool,
    /// How long it rests the next time.
    pause: Option<Duration>,
    /// What was changed by hand, once it was told.
    pub drift: Option<String>,
}

impl UnitState {
    /// Takes the newest form; true when it differs.
    pub fn want(&mut self, newest: Option<Arc<Unit>>) -> bool {
        if self.wanted == newest {
            return false;
        }
        self.wanted = newest;
        self.pause = None;
        if self.phase != Phase::Changing {
            self.phase = Phase::Pending;
        }
        true
    }

    /// Its newest form; `None` to remove it.
    pub fn wanted(&self) -> Option<&Arc<Unit>> {
        self.wanted.as_ref()
    }

    /// Forms that may be on the router or soon are: the newest, what stands, the last good one.
    pub fn forms(&self) -> impl Iterator<Item = &Unit> {
        let stands = self.stands.iter().flatten();
        self.wanted.iter().chain(stands).chain(&self.good).map(AsRef::as_ref)
    }

    /// The form on the router; where that isn't known, the one that should be there.
    pub fn standing(&self) -> Option<&Arc<Unit>> {
        match &self.stands {
            Some(known) => known.as_ref(),
            None => self.good.as_ref().or(self.wanted.as_ref()),
        }
    }

    /// Whether it is known what stands.
    pub fn is_known(&self) -> bool {
        self.stands.is_some()
    }

    /// Whether two forms mean the same by an open gate of a session.
    pub fn same_gate(one: &Arc<Unit>, other: &Arc<Unit>, session: &str) -> bool {
        let named = |unit: &Arc<Unit>| unit.sessions().iter().find(|s| s.name == session).cloned();
        Arc::ptr_eq(one, other)
            || (one.intent.announced == other.intent.announced && named(one) == named(other))
    }

    fn target_form(&self) -> Option<Arc<Unit>> {
        match self.phase {
            Phase::Resting { .. } => self.good.clone(),
            Phase::Standing | Phase::Pending | Phase::Changing | Phase::Watching => self.wanted.clone(),
        }
    }

    /// A plan begins.
    pub fn plan(&mut self) {
        self.planned = self.target_form();
    }

    /// What the plan that begins is to reach.
    pub fn target(&self, name: &UnitName) -> Target {
        Target { name: name.clone(), stands: self.stands.clone().flatten(), wants: self.planned.clone() }
    }

    /// Whether the plan under way brings Voice to where it wasn't: sessions that stand already, or leave from there,
    /// aren't brought, nor is what stood before a change that failed. `drifted`: what stands was changed by hand.
    pub fn brings_voice(&self, drifted: bool) -> bool {
        let stands = self.stands.iter().flatten().filter(|_| !drifted);
        let stand: Vec<&SessionIntent> = stands.flat_map(|unit| unit.sessions()).collect();
        let leaves = |s: &SessionIntent| matches!(s.phase, SessionPhase::Draining | SessionPhase::Shutdown);
        let stays = |s: &SessionIntent| {
            stand.iter().any(|stood| *stood == s || (leaves(s) && stood.peer_address == s.peer_address))
        };
        let mut sessions = self.planned.iter().flat_map(|unit| unit.sessions());
        let undoes = self.is_resting() && self.undoes;
        !undoes && sessions.any(|s| s.voice && !stays(s))
    }

    /// The plan found nothing to do; true when that confirms a form that wasn't.
    pub fn found_as_planned(&mut self) -> bool {
        self.stands = Some(self.planned.clone());
        self.drift = None;
        let confirms = self.phase == Phase::Pending && self.planned == self.wanted;
        if confirms {
            self.is_good_known = true;
            self.good = self.planned.clone();
            self.phase = Phase::Standing;
            self.pause = None;
        }
        confirms
    }

    /// A plan found that the router has nothing of it.
    pub fn found_nothing(&mut self) {
        self.is_good_known = true;
    }

    /// Whether it rests, and what it is to rest in isn't known: it is left as it is.
    pub fn is_to_be_left(&self) -> bool {
        self.is_resting() && !self.is_good_known
    }

    /// Its change begins; gives the form that it goes to.
    pub fn begin(&mut self) -> Option<Arc<Unit>> {
        if !self.is_resting() {
            self.phase = Phase::Changing;
        }
        self.planned.clone()
    }

    /// Its change was made and read back.
    pub fn applied(&mut self, form: Option<Arc<Unit>>) {
        if self.phase == Phase::Changing {
            self.phase = if form == self.wanted { Phase::Watching } else { Phase::Pending };
        }
        self.stands = Some(form);
        self.drift = None;
    }

    /// The time of watching a form is over.
    pub fn confirm(&mut self, form: Option<Arc<Unit>>) {
        if self.phase == Phase::Watching && form == self.wanted {
            self.phase = Phase::Standing;
            self.pause = None;
        }
        self.good = form;
        self.is_good_known = true;
    }

    /// It failed.
    pub fn rest(&mut self, fault: UnitFault, now: Instant) {
        let pause = self.pause.unwrap_or(RETRY.0);
        self.pause = Some((pause * 2).min(RETRY.1));
        // Without the proof no change was begun.
        self.undoes = !matches!(fault, UnitFault::NotCoupled { .. });
        self.phase = Phase::Resting { fault, until: now + pause };
        self.stands = None;
    }

    /// Its last good form couldn't be put back either: it rests on, and what stands has to be read.
    pub fn undo_failed(&mut self) {
        self.stands = None;
    }

    /// The router went away: what stands has to be read again.
    pub fn forget_router(&mut self) {
        self.stands = None;
        self.drift = None;
        self.may_be_elsewhere();
        if matches!(self.phase, Phase::Standing | Phase::Changing | Phase::Watching) {
            self.phase = Phase::Pending;
        }
    }

    /// The router may be another one by now: what stood before a failed change did so on the one before.
    pub fn may_be_elsewhere(&mut self) {
        self.undoes = false;
    }

    /// Ends its rest when that is over; true when it did.
    pub fn wake(&mut self, now: Instant) -> bool {
        let is_over = self.rests_until().is_some_and(|until| until <= now);
        if is_over {
            self.phase = Phase::Pending;
        }
        is_over
    }

    /// The router's BGP was seen to fall with its BFD: what rests for the want of that is tried again now.
    pub fn is_coupled(&mut self) {
        if matches!(&self.phase, Phase::Resting { fault: UnitFault::NotCoupled { .. }, .. }) {
            (self.phase, self.pause) = (Phase::Pending, None);
        }
    }

    /// When it is tried again.
    pub fn rests_until(&self) -> Option<Instant> {
        match self.phase {
            Phase::Resting { until, .. } => Some(until),
            Phase::Standing | Phase::Pending | Phase::Changing | Phase::Watching => None,
        }
    }

    /// Whether it rests: what is done to it then is putting back its last good form.
    pub fn is_resting(&self) -> bool {
        self.rests_until().is_some()
    }

    /// Whether its newest form is still to be planned or made.
    pub fn is_pending(&self) -> bool {
        self.phase == Phase::Pending
    }

    /// Whether something was done that isn't confirmed.
    pub fn is_unconfirmed(&self) -> bool {
        matches!(self.phase, Phase::Changing | Phase::Watching | Phase::Pending)
    }

    /// Whether nothing is left of it.
    pub fn is_gone(&self) -> bool {
        self.phase == Phase::Standing && self.wanted.is_none() && self.good.is_none()
    }

    /// How it is told while it isn't confirmed.
    pub fn pending(&self) -> Option<UnitPending> {
        match &self.phase {
            Phase::Standing => None,
            Phase::Pending | Phase::Changing | Phase::Watching => Some(UnitPending { fault: None }),
            Phase::Resting { fault, .. } => Some(UnitPending { fault: Some(fault.clone()) }),
        }
    }
}
