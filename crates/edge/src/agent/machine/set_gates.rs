//! Gates as they were set on the router: which are to be set now, and how they are told. Pure.

use super::unit::UnitState;
use super::{Command, Machine, Now};
use crate::routers::{DriverError, GateChange, Gates};
use meetme_model::unit::Unit;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A gate as it was set last.
#[derive(Clone, Debug)]
pub(super) struct SetGate {
    /// Open by the session's form in that unit, or closed.
    pub(super) by: Option<Arc<Unit>>,
    /// Its unit was changed since: it is set again, and stays as it was meanwhile where its session does.
    pub(super) is_stale: bool,
}

impl Machine {
    pub(super) fn take_gates(
        &mut self,
        changes: Vec<GateChange>,
        missing: Result<BTreeSet<String>, DriverError>,
        now: Now,
    ) {
        self.setting = false;
        self.gates_rest = missing.is_err();
        let missing = match missing {
            Ok(missing) => missing,
            Err(error @ DriverError::Unreachable(_)) => return self.lose_track(&error, now),
            Err(DriverError::Fault(fault)) => {
                // Said no as a whole: what stands is read before anything is tried again.
                tracing::error!(router = self.name, %fault, "gates can't be set");
                self.plan_at = Some(now.instant);
                return;
            }
        };
        for change in changes {
            if change.open && missing.contains(&change.session) {
                // Somebody took the neighbour away; once it is back its gate is set anew.
                self.plan_at = Some(now.instant);
            }
            let by = change.open.then_some(change.unit);
            self.gates.insert(change.session, SetGate { by, is_stale: false });
        }
    }

    /// Gates that aren't as they should be, of sessions that the router has.
    pub(super) fn next_gates(&mut self, commands: &mut Vec<Command>) {
        if self.setting || self.gates_rest || self.observed.is_none() {
            return;
        }
        let mut changes = Vec::new();
        for state in self.units.values() {
            let Some(unit) = state.standing() else { continue };
            for session in unit.sessions() {
                let open = self.open.contains(&session.name);
                let set = self.gates.get(&session.name).filter(|gate| !gate.is_stale);
                let is_set = set.is_some_and(|gate| match &gate.by {
                    Some(by) => open && UnitState::same_gate(by, unit, &session.name),
                    None => !open,
                });
                // What isn't known to stand may only be closed: it may be open by another policy.
                if is_set || (open && !state.is_known()) {
                    continue;
                }
                changes.push(GateChange { session: session.name.clone(), unit: unit.clone(), open });
            }
        }
        if !changes.is_empty() {
            // Few enough that one that has to close never waits long for others.
            changes.sort_by_key(|change| change.open);
            changes.truncate(super::BATCH);
            self.setting = true;
            commands.push(Command::SetGates(changes));
        }
    }

    /// Gates that are open, as far as is known.
    pub(super) fn told_open(&self) -> Gates {
        let disturbed: BTreeSet<&str> = self.disturbed_sessions().collect();
        let stands = |name: &String, gate: &SetGate| {
            !gate.is_stale || (self.open.contains(name) && !disturbed.contains(name.as_str()))
        };
        let is_open = |(name, gate): &(&String, &SetGate)| gate.by.is_some() && stands(name, gate);
        self.gates.iter().filter(is_open).map(|(name, _)| name.clone()).collect()
    }
}
