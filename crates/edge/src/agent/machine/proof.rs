//! Whether the router's BGP falls with its BFD: tried at each contact, before the first session with Voice is
//! changed there (`docs/rules.md` §3).

use super::{Machine, Now, UnitName, UnitState, Work};
use crate::routers::DriverError;
use meetme_model::coupling::{Coupling, Found};
use meetme_model::unit::UnitFault;
use std::time::{Duration, Instant};

/// Before it is tried again when it wasn't proved: the first time, and at most.
const RETRY: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(900));

/// See the module.
#[derive(Clone, Debug)]
pub struct Proof {
    found: Option<Coupling>,
    /// `None` while one is under way, and once it is proved.
    due: Option<Instant>,
    pause: Duration,
}

impl Proof {
    /// Nothing is known, and it is due.
    pub fn new(now: Instant) -> Self {
        Self { found: None, due: Some(now), pause: RETRY.0 }
    }

    /// The router may be another one by now.
    pub fn again(&mut self, now: Instant) {
        (self.due, self.pause) = (Some(now), RETRY.0);
    }

    /// What was found last.
    pub fn found(&self) -> Option<&Coupling> {
        self.found.as_ref()
    }

    /// When it is tried next.
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Whether it is to be tried now.
    pub fn is_due(&self, now: Instant) -> bool {
        self.due.is_some_and(|due| due <= now)
    }

    /// One begins. If it is due again before that one is over, its result is of no use.
    pub fn begin(&mut self) {
        self.due = None;
    }

    fn take(&mut self, found: Coupling, now: Instant) {
        self.due = (!found.is_proved()).then(|| now + self.pause);
        self.pause = (self.pause * 2).min(RETRY.1);
        self.found = Some(found);
    }
}

/// What becomes of a change to a unit with Voice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ForVoice {
    /// It may be made.
    Fit,
    /// It waits for the trial.
    Unknown,
    /// It is refused, for this.
    Refused(UnitFault),
}

impl Machine {
    /// Whether the host's own part has come as far as it comes, and nothing is under way that a trial would be in
    /// the way of.
    pub(super) fn may_prove(&self) -> bool {
        let is_ready = self.units.get(&UnitName::Backbone).is_some_and(|backbone| !backbone.is_pending());
        let answers = self.error.is_none() && self.may_work();
        answers && is_ready && self.queue.is_empty() && self.watches.is_empty()
    }

    pub(super) fn for_voice(&self, now: Instant) -> ForVoice {
        match &self.proof.found {
            _ if self.proof.is_due(now) => ForVoice::Unknown,
            None => ForVoice::Unknown,
            Some(found) if found.is_proved() => ForVoice::Fit,
            Some(found) => ForVoice::Refused(UnitFault::NotCoupled { found: found.to_string() }),
        }
    }

    pub(super) fn take_proof(&mut self, found: Result<Found, DriverError>, now: Now) {
        self.work = Work::Idle;
        let found = match found {
            Ok(found) => found,
            Err(error @ DriverError::Unreachable(_)) => return self.lose_track(&error, now),
            Err(DriverError::Fault(fault)) => Found::NotTried { why: fault.to_string() },
        };
        // With another bgpd it has to be seen again, whatever the one before did, its death included.
        if self.error.is_some() || self.proof.due().is_some() {
            return;
        }
        let coupling = Coupling { at: now.at, found };
        match coupling.is_proved() {
            true => tracing::info!(router = self.name, %coupling, "BGP falls with BFD"),
            false => tracing::error!(router = self.name, %coupling, "not fit for Voice"),
        }
        if coupling.is_proved() {
            self.units.values_mut().for_each(UnitState::is_coupled);
        }
        self.proof.take(coupling, now.instant);
        if self.units.values().any(UnitState::is_pending) {
            // Those with Voice have waited for it.
            self.plan_at = Some(now.instant);
        }
    }
}
