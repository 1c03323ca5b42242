//! Whether what was changed did harm: confirming it when it didn't, undoing it when it did.

use super::watch::{Party, Watch};
use super::{Machine, Now, UnitState};
use crate::routers::Observed;
use meetme_model::link::ApplyOutcome;
use meetme_model::unit::UnitFault;
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

    /// Tells of each neighbour to whom it belongs.
    pub(super) fn parties(&self) -> impl Fn(&IpAddr) -> Party + use<> {
        let mut known = BTreeMap::new();
        for unit in self.units.values().flat_map(UnitState::forms) {
            let ibgp = unit.intent.ibgp.iter().map(|n| n.address);
            let transits = unit.intent.transits.iter().map(|t| t.address);
            known.extend(ibgp.chain(transits).map(|address| (address, Party::Host)));
            known.extend(unit.sessions().iter().map(|s| (s.peer_address, Party::Peer(s.policy.peer_asn))));
        }
        move |address| known.get(address).copied().unwrap_or(Party::ByHand(*address))
    }

    /// Whether a change of ours resets the session, so that its fall is nobody's fault.
    pub(super) fn is_disturbed(&self, address: &IpAddr) -> bool {
        self.watches.iter().any(|w| w.disturbs.contains(address))
    }

    /// Sessions that a change of ours resets.
    pub(super) fn disturbed_sessions(&self) -> impl Iterator<Item = &str> {
        let changed = self.watches.iter().flat_map(|w| w.units.values().flatten().map(move |unit| (w, unit)));
        let sessions = changed.flat_map(|(w, unit)| unit.sessions().iter().map(move |session| (w, session)));
        let disturbed = sessions.filter(|(w, session)| w.disturbs.contains(&session.peer_address));
        disturbed.map(|(_, session)| session.name.as_str())
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
