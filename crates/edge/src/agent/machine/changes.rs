//! From what a plan found to batches of changes, and what became of them.

use super::proof::ForVoice;
use super::watch::Watch;
use super::{BATCH, BUSY, BUSY_FOR, Command, DRIFT, MAX_DISTURBED, Machine, Now, PlanFound, Planned, Work};
use crate::routers::{DriverError, Observed};
use meetme_model::link::{ApplyOutcome, BgpState};
use meetme_model::unit::{UnitFault, UnitName};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;

impl Machine {
    pub(super) fn take_plan(&mut self, found: Result<PlanFound, DriverError>, now: Now) {
        self.work = Work::Idle;
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                self.unplannable = true;
                return self.lose_track(&error, now);
            }
        };
        if std::mem::take(&mut self.unplannable) {
            self.error = None;
            self.back_off = None;
        }
        if self.error.is_some() {
            return;
        }
        // A snapshot that came meanwhile has to be planned itself.
        let is_stale = self.plan_at.is_some_and(|at| at <= now.instant);
        self.plan_at.get_or_insert(now.instant + DRIFT);
        for session in &found.gates_moved {
            self.gates.remove(session);
        }
        let differing: BTreeSet<&UnitName> = found.units.iter().map(|p| &p.unit).collect();
        for (name, state) in &mut self.units {
            if !differing.contains(name) && state.found_as_planned() {
                self.told.confirmed(name);
            }
        }
        self.units.retain(|_, state| !state.is_gone());
        if is_stale {
            return;
        }
        self.unused = found.has_unused;
        for planned in found.units {
            self.take_planned(planned, now);
        }
    }

    pub(super) fn take_planned(&mut self, planned: Planned, now: Now) {
        let state = self.units.entry(planned.unit.clone()).or_default();
        if planned.is_new {
            state.found_nothing();
        }
        if state.is_to_be_left() {
            return;
        }
        if let Some(fault) = planned.fault {
            if state.is_resting() {
                tracing::error!(router = self.name, unit = %planned.unit, %fault, "its last good form can't be put back");
                state.undo_failed();
            } else {
                tracing::warn!(router = self.name, unit = %planned.unit, %fault, "unit refused");
                state.rest(fault.clone(), now.instant);
                let refused = BTreeMap::from([(planned.unit, planned.diff)]);
                self.told.failed(refused, ApplyOutcome::Refused { fault }, self.generation, now.at);
            }
            return;
        }
        if !planned.drift.is_empty() && state.drift.as_ref() != Some(&planned.drift) {
            tracing::warn!(router = self.name, unit = %planned.unit, diff = planned.drift, "configuration was changed by hand");
            state.drift = Some(planned.drift);
            // It is told before it is taken back; a new form of the unit takes it along soon.
            let pause = if state.is_pending() { BUSY } else { DRIFT };
            self.plan_at = self.plan_at.min(Some(now.instant + pause)).or(Some(now.instant + pause));
            return;
        }
        let brings_voice = state.brings_voice(!planned.drift.is_empty());
        let rests = state.is_resting();
        if planned.disturbs.len() > MAX_DISTURBED && self.established(&planned.disturbs) > MAX_DISTURBED {
            let sessions = self.established(&planned.disturbs);
            let fault = UnitFault::DisturbsTooMany { sessions, allowed: MAX_DISTURBED };
            return self.take_planned(Planned { fault: Some(fault), ..planned }, now);
        }
        if brings_voice {
            match self.for_voice(now.instant) {
                ForVoice::Fit => {}
                // It is planned again once that is known.
                ForVoice::Unknown => return,
                // It was told, and is woken by the proof.
                ForVoice::Refused(_) if rests => return,
                ForVoice::Refused(fault) => {
                    return self.take_planned(Planned { fault: Some(fault), ..planned }, now);
                }
            }
        }
        self.queue.push_back(planned);
    }

    pub(super) fn established(&self, addresses: &BTreeSet<IpAddr>) -> usize {
        let is_up = |address: &&IpAddr| {
            let neighbor = self.observed.as_ref().and_then(|o| o.neighbors.get(*address));
            neighbor.is_some_and(|n| n.bgp == BgpState::Established)
        };
        addresses.iter().filter(is_up).count()
    }

    pub(super) fn take_applied(
        &mut self,
        failed: Result<BTreeMap<UnitName, UnitFault>, DriverError>,
        now: Now,
        commands: &mut Vec<Command>,
    ) {
        self.work = Work::Idle;
        let changing = std::mem::take(&mut self.changing);
        let failed = match failed {
            Ok(failed) if self.error.is_none() => failed,
            // What was lost track of was told already.
            Ok(_) => return,
            Err(error) => return self.lose_track(&error, now),
        };
        let Some(watch) = self.watches.iter_mut().find(|w| w.until.is_none()) else {
            // Undone meanwhile: what is on the router has to be read.
            self.plan_at = Some(now.instant);
            return;
        };
        watch.units.retain(|name, _| !failed.contains_key(name));
        watch.begin(now.instant);
        for (name, form) in &watch.units {
            for session in form.iter().flat_map(|unit| unit.sessions()) {
                // A neighbour that came into being did so with its gate closed.
                if let Some(gate) = self.gates.get_mut(&session.name) {
                    gate.is_stale = true;
                }
                // One that was closed at its limit would wait on for minutes under another limit, too.
                let neighbor = self.observed.as_ref().and_then(|o| o.neighbors.get(&session.peer_address));
                if neighbor.is_some_and(|n| n.over_limit) {
                    commands.push(Command::Clear(session.peer_address));
                }
            }
            if let Some(state) = self.units.get_mut(name) {
                state.applied(form.clone());
            }
        }
        for (name, fault) in failed {
            let Some(state) = self.units.get_mut(&name) else { continue };
            let diff = changing.get(&name).cloned().unwrap_or_default();
            self.plan_at = Some(now.instant);
            self.queue.clear();
            if state.is_resting() {
                tracing::error!(router = self.name, unit = %name, %fault, "its last good form can't be put back");
                state.undo_failed();
                self.plan_at = Some(now.instant + DRIFT);
                continue;
            }
            tracing::warn!(router = self.name, unit = %name, %fault, "unit undone");
            state.rest(fault.clone(), now.instant);
            let undone = BTreeMap::from([(name, diff)]);
            self.told.failed(undone, ApplyOutcome::RolledBack { fault }, self.generation, now.at);
        }
        self.look_soon(now.instant);
    }

    /// The next changes, as many as a step may disturb; the rest waits until those are confirmed.
    pub(super) fn next_batch(&mut self, now: Now, commands: &mut Vec<Command>) {
        let mut left = MAX_DISTURBED.saturating_sub(self.watches.iter().map(|w| w.disturbed).sum());
        let (mut batch, mut waiting) = (Vec::new(), VecDeque::new());
        for planned in std::mem::take(&mut self.queue) {
            let costs = self.established(&planned.disturbs);
            if batch.len() < BATCH && costs <= left {
                left -= costs;
                batch.push(planned);
            } else {
                waiting.push_back(planned);
            }
        }
        let tidy = std::mem::take(&mut self.unused) && batch.is_empty() && waiting.is_empty();
        self.queue = waiting;
        if batch.is_empty() && !tidy {
            return;
        }
        let disturbs: BTreeSet<IpAddr> = batch.iter().flat_map(|p| &p.disturbs).copied().collect();
        self.watches.iter_mut().for_each(|w| w.release(&disturbs));
        let mut units = BTreeMap::new();
        for planned in &batch {
            let state = self.units.entry(planned.unit.clone()).or_default();
            units.insert(planned.unit.clone(), state.begin());
            self.told.changing(&planned.unit, &planned.diff);
            self.changing.insert(planned.unit.clone(), planned.diff.clone());
        }
        let party = self.parties();
        // What an earlier change resets may not have been seen to fall yet.
        let resets = |address: &IpAddr| self.watches.iter().any(|w| w.disturbs.contains(address));
        let says_something =
            |address: &IpAddr| !resets(address) && !self.suspects.is(party(address), now.instant);
        let nothing = Observed::default();
        let observed = self.observed.as_ref().unwrap_or(&nothing);
        let watch = Watch::new(units, disturbs, observed, now.at.as_millisecond(), says_something);
        self.watches.push(watch);
        self.work = Work::Applying;
        self.busy_until = now.instant + BUSY_FOR;
        commands.push(Command::Apply(batch.into_iter().map(|p| p.unit).collect(), tidy));
    }
}
