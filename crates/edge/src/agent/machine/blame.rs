//! Whether what was changed did harm: confirming it when it didn't, undoing it when it did.

use super::watch::{Party, Watch};
use super::{Machine, Now, UnitState};
use crate::routers::Observed;
use meetme_model::link::ApplyOutcome;
use meetme_model::unit::{Unit, UnitFault};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Instant;

impl Machine {
    /// Everything that isn't confirmed goes back to its last good form.
    pub(super) fn undo_unconfirmed(&mut self, fault: &UnitFault, now: Now) {
        let mut undone = BTreeMap::new();
        let watched = std::mem::take(&mut self.watches).into_iter().flat_map(|w| w.units.into_keys());
        for name in watched.collect::<BTreeSet<_>>() {
            let Some(state) = self.units.get_mut(&name) else { continue };
            if state.is_unconfirmed() {
                state.rest(fault.clone(), now.instant);
                undone.insert(name.clone(), self.told.take_diff(&name));
            }
        }
        if undone.is_empty() {
            return;
        }
        tracing::warn!(router = self.name, units = ?undone.keys(), %fault, "changes undone");
        self.plan_at = Some(now.instant);
        self.look_soon(now.instant);
        self.told.failed(undone, ApplyOutcome::RolledBack { fault: fault.clone() }, self.generation, now.at);
    }

    pub(super) fn parties(&self) -> BTreeMap<IpAddr, Party> {
        let forms = self.units.values().flat_map(UnitState::forms);
        let sessions = forms.flat_map(Unit::sessions);
        sessions.map(|s| (s.peer_address, Party::Peer(s.policy.peer_asn))).collect()
    }

    /// Whether a change of ours resets the session, so that its fall is nobody's fault.
    pub(super) fn is_disturbed(&self, address: &IpAddr) -> bool {
        self.watches.iter().any(|w| w.disturbs.contains(address))
    }

    /// Undoes what isn't confirmed when sessions that it should have left alone were lost. One
    /// party's loss counts once: from then on it is a suspect.
    pub(super) fn check_watches(&mut self, observed: &Observed, party: &impl Fn(&IpAddr) -> Party, now: Now) {
        let lost: BTreeSet<IpAddr> = self.watches.iter().flat_map(|w| w.lost(observed)).collect();
        let says_something = |address: &IpAddr| !self.suspects.is(party(address), now.instant);
        let neighbors: Vec<IpAddr> = lost.into_iter().filter(says_something).collect();
        if neighbors.is_empty() {
            return;
        }
        for address in &neighbors {
            self.suspects.note(party(address), now.instant);
        }
        self.undo_unconfirmed(&UnitFault::SessionsLost { neighbors }, now);
    }

    pub(super) fn confirm_watches(&mut self, now: Instant) {
        self.suspects.forget(now);
        let is_over = |w: &Watch| w.until.is_some_and(|until| until <= now);
        let (over, open): (Vec<_>, Vec<_>) = std::mem::take(&mut self.watches).into_iter().partition(is_over);
        self.watches = open;
        for (name, form) in over.into_iter().flat_map(|w| w.units) {
            if let Some(state) = self.units.get_mut(&name) {
                state.confirm(form);
                self.told.confirmed(&name);
            }
        }
        self.units.retain(|_, state| !state.is_gone());
    }
}
