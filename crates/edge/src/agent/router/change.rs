//! Changing the router: applying an intent, watching what that did, undoing what did harm, and
//! correcting drift once it was shown.
//!
//! Every change ends in one report. What an undone change had replaced is put back, if need be
//! once the router can be spoken with again.

use super::super::watch::{self, Watch, established, up};
use super::{Applied, BUSY_FOR, DRIFT, RETRY, RouterTask};
use crate::routers::Observed;
use crate::routers::frr::FrrError;
use crate::routers::frr::apply::Plan;
use jiff::Timestamp;
use meetme_model::intent::RouterIntent;
use meetme_model::link::{ApplyOutcome, ApplyResult};
use std::time::Instant;

impl RouterTask {
    pub(super) async fn apply(&mut self) -> Result<(), FrrError> {
        let (Some(intent), Some(observed)) = (self.intent.clone(), self.observed.clone()) else {
            return Ok(());
        };
        let generation = intent.generation;
        let plan = match self.frr.plan(&intent, &self.gates).await {
            Ok(plan) => plan,
            Err(error) => return self.refused(generation, error, String::new()),
        };
        if self.shows_drift(&plan) {
            return Ok(());
        }
        if let Err(error) = self.frr.check(&plan, &established(&observed)).await {
            return self.refused(generation, error, plan.diff);
        }
        if !plan.is_empty() {
            self.changing = Some((generation, plan.diff.clone()));
            if let Err(error) = self.frr.apply(&plan).await {
                let reason = error.to_string();
                self.undo(&plan, &observed).await?;
                self.rolled_back(generation, reason, plan.diff);
                return Ok(());
            }
            self.changing = None;
        }
        tracing::info!(router = self.name, generation, changed = !plan.is_empty(), "intent applied");
        let owned = plan.want.clone();
        for (watch, _) in &mut self.watches {
            watch.release(&plan.change.disrupted);
        }
        let standing = self.applied.replace(Applied { intent, owned });
        self.fallback = None;
        self.drift = None;
        let now = Instant::now();
        self.drift_at = now + DRIFT;
        self.busy_until = now + BUSY_FOR;
        if plan.is_empty() {
            self.confirm(generation, String::new());
        } else {
            let watch = Watch::new(generation, plan, &observed, now, Timestamp::now());
            self.watches.push((watch, standing));
            self.confirm_watches(now);
        }
        Ok(())
    }

    /// Puts back what stood before a change that was undone while the router couldn't take it.
    pub(super) async fn restore(&mut self) -> Result<(), FrrError> {
        let (Some(intent), Some(observed)) = (self.fallback.clone(), self.observed.clone()) else {
            return Ok(());
        };
        let generation = intent.generation;
        match self.put_back(intent, &observed).await {
            Ok(applied) => {
                tracing::info!(router = self.name, generation, "what stood before stands again");
                self.applied = Some(applied);
            }
            Err(error) if error.is_unreachable() => return Err(error),
            Err(error) => {
                tracing::error!(router = self.name, generation, %error, "what stood before can't be put back");
            }
        }
        self.fallback = None;
        Ok(())
    }

    async fn put_back(&self, intent: RouterIntent, observed: &Observed) -> Result<Applied, FrrError> {
        let plan = self.frr.plan(&intent, &self.gates).await?;
        self.frr.check(&plan, &established(observed)).await?;
        if !plan.is_empty() {
            self.frr.apply(&plan).await?;
        }
        Ok(Applied { intent, owned: plan.want })
    }

    /// True when the router was changed by hand and nobody was told yet: the next look applies.
    fn shows_drift(&mut self, plan: &Plan) -> bool {
        let Some(applied) = &self.applied else {
            return false;
        };
        let drift = plan.drift_from(&applied.intent, &applied.owned);
        if drift.is_empty() || self.drift.as_ref() == Some(&drift) {
            return false;
        }
        tracing::warn!(router = self.name, diff = drift, "configuration was changed by hand");
        self.drift = Some(drift);
        true
    }

    fn refused(&mut self, generation: u64, error: FrrError, diff: String) -> Result<(), FrrError> {
        if error.is_unreachable() {
            return Err(error);
        }
        self.retry_later();
        self.report(generation, ApplyOutcome::Refused { reason: error.to_string() }, diff);
        Ok(())
    }

    pub(super) fn rolled_back(&mut self, generation: u64, reason: String, diff: String) {
        tracing::warn!(router = self.name, generation, reason, "change undone");
        self.changing = None;
        self.busy_until = Instant::now() + BUSY_FOR;
        self.retry_later();
        self.report(generation, ApplyOutcome::RolledBack { reason }, diff);
    }

    fn retry_later(&mut self) {
        let pause = self.retry.map_or(RETRY.0, |(_, next)| next);
        self.retry = Some((Instant::now() + pause, (pause * 2).min(RETRY.1)));
    }

    /// Takes a plan back, with the gate of every session closed that isn't up now, whatever it
    /// was before.
    async fn undo(&mut self, plan: &Plan, observed: &Observed) -> Result<(), FrrError> {
        let mut plan = plan.clone();
        plan.have.close_gates_except(&up(observed));
        match self.frr.undo(&plan).await {
            Err(error) if error.is_unreachable() => Err(error),
            Err(error) => {
                tracing::error!(router = self.name, %error, "undoing a change went wrong");
                self.fallback = self.applied.take().map(|a| a.intent);
                Ok(())
            }
            Ok(()) => {
                if let Some(applied) = &mut self.applied {
                    applied.owned.blocks = plan.have.blocks;
                }
                Ok(())
            }
        }
    }

    /// The router went away. A change that it was in the middle of is to blame until shown
    /// otherwise: it counts as undone, and is tried again later.
    pub(super) fn lose_track(&mut self, error: &FrrError) {
        let newest = self.watches.last().map(|(w, _)| (w.generation, w.plan.diff.clone()));
        let changing = self.changing.take().or(newest);
        let standing = match std::mem::take(&mut self.watches).into_iter().next() {
            Some((_, before)) => before,
            None => self.applied.take(),
        };
        // It may have started anew, with nothing of ours: what stands on it has to be read again.
        self.applied = None;
        if let Some(standing) = standing {
            self.fallback = Some(standing.intent);
        }
        if let Some((generation, diff)) = changing {
            let reason = format!("the router went away during the change: {error}");
            self.rolled_back(generation, reason, diff);
        } else if self.retry.is_none()
            && let Some(intent) = &self.intent
            && self.applied_generation != Some(intent.generation)
        {
            let reason = error.to_string();
            self.report(intent.generation, ApplyOutcome::Unreachable { reason }, String::new());
        }
    }

    /// Confirms changes whose time is over; undoes all unconfirmed ones when one did harm.
    pub(super) async fn check_watches(&mut self, observed: &Observed) -> Result<(), FrrError> {
        let lost = self.watches.iter().find_map(|(w, _)| w.lost(observed));
        let Some(lost) = lost else {
            self.confirm_watches(Instant::now());
            return Ok(());
        };
        let mut watches = std::mem::take(&mut self.watches).into_iter();
        let Some((oldest, before)) = watches.next() else {
            return Ok(());
        };
        let newest = watches.last().map_or_else(|| oldest.clone(), |(newest, _)| newest);
        let name = self.session_at(lost);
        let reason = format!(
            "the session with {lost}{name} went down within {} s, and isn't part of the change",
            watch::WATCH.as_secs()
        );
        self.applied = before;
        self.changing = Some((newest.generation, newest.plan.diff.clone()));
        self.undo(&oldest.plan, observed).await?;
        self.rolled_back(newest.generation, reason, newest.plan.diff);
        Ok(())
    }

    fn session_at(&self, address: std::net::IpAddr) -> String {
        let sessions = self.intent.iter().flat_map(|i| &i.sessions);
        sessions.filter(|s| s.peer_address == address).map(|s| format!(" ({})", s.name)).collect()
    }

    fn confirm_watches(&mut self, now: Instant) {
        let (done, open): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.watches).into_iter().partition(|(w, _)| w.until <= now);
        self.watches = open;
        for (watch, _) in done {
            self.confirm(watch.generation, watch.plan.diff);
        }
    }

    fn confirm(&mut self, generation: u64, diff: String) {
        self.applied_generation = Some(generation);
        if self.applied.as_ref().is_some_and(|a| a.intent.generation == generation) {
            self.retry = None;
        }
        self.report(generation, ApplyOutcome::Confirmed, diff);
    }

    pub(super) fn report(&mut self, generation: u64, outcome: ApplyOutcome, diff: String) {
        let told =
            self.last_result.as_ref().is_some_and(|r| r.generation == generation && r.outcome == outcome);
        if told {
            return;
        }
        let result =
            ApplyResult { router: self.name.clone(), generation, at: Timestamp::now(), outcome, diff };
        self.last_result = Some(result.clone());
        self.outbox.applied(result);
    }

    /// Shows a difference the first time, and corrects it when it is still there the next time.
    pub(super) async fn look_for_drift(&mut self) -> Result<(), FrrError> {
        let Some(applied) = &self.applied else {
            return Ok(());
        };
        if !self.watches.is_empty() {
            return Ok(());
        }
        let plan = match self.frr.plan(&applied.intent, &self.gates).await {
            Err(error) if error.is_unreachable() => return Err(error),
            Err(error) => {
                self.drift = Some(error.to_string());
                return Ok(());
            }
            Ok(plan) if plan.is_empty() => {
                self.drift = None;
                return Ok(());
            }
            Ok(plan) => plan,
        };
        if self.drift.as_ref() != Some(&plan.diff) {
            tracing::warn!(router = self.name, diff = plan.diff, "configuration was changed by hand");
            self.drift = Some(plan.diff);
            return Ok(());
        }
        let established = self.observed.as_ref().map(established).unwrap_or_default();
        if let Err(error) = self.frr.check(&plan, &established).await {
            tracing::warn!(router = self.name, %error, "a hand-made change can't be corrected");
            return Ok(());
        }
        match self.frr.apply(&plan).await {
            Err(error) if error.is_unreachable() => Err(error),
            Err(error) => {
                tracing::warn!(router = self.name, %error, "correcting a hand-made change went wrong");
                Ok(())
            }
            Ok(()) => {
                if let Some(applied) = &mut self.applied {
                    applied.owned = plan.want;
                }
                self.drift = None;
                Ok(())
            }
        }
    }
}
