//! What a machine has told and has still to tell. Pure.

use super::unit::UnitState;
use super::{BATCH, Command, UnitName};
use crate::routers::{DriverError, Observed};
use jiff::Timestamp;
use meetme_model::cut::cut;
use meetme_model::link::{ApplyOutcome, ApplyResult, BgpState, RouterState};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Units with their differences, as many as are told of at once; none of no units.
fn batches(units: BTreeMap<UnitName, String>) -> impl Iterator<Item = (Vec<UnitName>, String)> {
    let nothing = units.is_empty().then(Default::default);
    nothing.into_iter().chain(cut(units, BATCH).map(|units| units.into_iter().unzip()))
}

/// Neighbours that the standing backbone part has and whose sessions aren't established, by name.
pub fn backbone_down(
    units: &BTreeMap<UnitName, UnitState>,
    observed: Option<&Observed>,
) -> BTreeMap<IpAddr, String> {
    let (Some(unit), Some(observed)) =
        (units.get(&UnitName::Backbone).and_then(UnitState::standing), observed)
    else {
        return BTreeMap::new();
    };
    let is_down = |address: &IpAddr| {
        observed.neighbors.get(address).is_none_or(|neighbor| neighbor.bgp != BgpState::Established)
    };
    let ibgp = unit.intent.ibgp.iter().map(|n| (n.address, &n.name));
    let all = ibgp.chain(unit.intent.transits.iter().map(|t| (t.address, &t.name)));
    all.filter(|(address, _)| is_down(address)).map(|(address, name)| (address, name.clone())).collect()
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Told {
    router: String,
    /// Units that are confirmed since the last report, with what was changed of each.
    confirmed: BTreeMap<UnitName, String>,
    /// Differences of changes that aren't confirmed.
    changing: BTreeMap<UnitName, String>,
    /// The newest generation of which it was told that everything is settled.
    settled: Option<u64>,
    applied_generation: Option<u64>,
    last_state: Option<RouterState>,
    last_result: Option<ApplyResult>,
    state_waits: bool,
    results: Vec<ApplyResult>,
}

impl Told {
    /// Nothing yet.
    pub fn new(router: String) -> Self {
        Self {
            router,
            confirmed: BTreeMap::new(),
            changing: BTreeMap::new(),
            settled: None,
            applied_generation: None,
            last_state: None,
            last_result: None,
            state_waits: false,
            results: Vec::new(),
        }
    }

    /// The newest generation that is confirmed as a whole.
    pub fn applied_generation(&self) -> Option<u64> {
        self.applied_generation
    }

    /// All is to be told again.
    pub fn again(&mut self) {
        self.results.extend(self.last_result.clone());
        self.state_waits = self.last_state.is_some();
    }

    /// A unit's change begins.
    pub fn changing(&mut self, unit: &UnitName, diff: &str) {
        self.changing.insert(unit.clone(), diff.to_owned());
    }

    /// What was changed of a unit and isn't any more.
    pub fn take_diff(&mut self, unit: &UnitName) -> String {
        self.changing.remove(unit).unwrap_or_default()
    }

    /// A unit is confirmed.
    pub fn confirmed(&mut self, unit: &UnitName) {
        let diff = self.take_diff(unit);
        self.confirmed.entry(unit.clone()).or_default().push_str(&diff);
    }

    /// Units failed together.
    pub fn failed(
        &mut self,
        units: BTreeMap<UnitName, String>,
        outcome: ApplyOutcome,
        generation: Option<u64>,
        at: Timestamp,
    ) {
        for unit in units.keys() {
            self.changing.remove(unit);
        }
        let generation = generation.unwrap_or_default();
        for (units, diff) in batches(units) {
            self.result(generation, units, outcome.clone(), diff, at);
        }
    }

    /// The router can't be spoken with; a snapshot that waits for it is told so once.
    pub fn unreachable(
        &mut self,
        units: &BTreeMap<UnitName, UnitState>,
        error: &DriverError,
        generation: Option<u64>,
        at: Timestamp,
    ) {
        let Some(generation) = generation.filter(|g| self.applied_generation != Some(*g)) else { return };
        if units.values().any(UnitState::is_resting) {
            return;
        }
        let outcome = ApplyOutcome::Unreachable { reason: error.to_string() };
        self.result(generation, Vec::new(), outcome, String::new(), at);
    }

    /// Nothing is under way: what was confirmed since is told.
    pub fn settled(&mut self, generation: u64, rests: bool, at: Timestamp) {
        if !rests {
            self.applied_generation = Some(generation);
        }
        let is_new = self.settled.replace(generation) != Some(generation);
        let confirmed = std::mem::take(&mut self.confirmed);
        if (is_new && !rests) || confirmed.values().any(|diff| !diff.is_empty()) {
            for (units, diff) in batches(confirmed) {
                self.result(generation, units, ApplyOutcome::Confirmed, diff, at);
            }
        }
    }

    /// The state as it is now; told when it differs from what was told before.
    pub fn state(&mut self, state: RouterState) {
        if let Some(last) = &self.last_state
            && *last == (RouterState { at: last.at, ..state.clone() })
        {
            return;
        }
        self.last_state = Some(state);
        self.state_waits = true;
    }

    /// Everything that waits to be told.
    pub fn take(&mut self) -> impl Iterator<Item = Command> {
        let state = self.last_state.clone().filter(|_| std::mem::take(&mut self.state_waits));
        let results = std::mem::take(&mut self.results);
        let results = results.into_iter().map(|result| Command::Report(Box::new(result)));
        results.chain(state.map(|state| Command::Publish(Box::new(state))))
    }

    fn result(
        &mut self,
        generation: u64,
        units: Vec<UnitName>,
        outcome: ApplyOutcome,
        diff: String,
        at: Timestamp,
    ) {
        // What was kept from an earlier life of the edge is nothing that the control plane asked for.
        if generation == 0 {
            return;
        }
        let result = ApplyResult { router: self.router.clone(), generation, at, units, outcome, diff };
        let is_told = self.last_result.as_ref().is_some_and(|last| {
            last.generation == generation && last.outcome == result.outcome && last.units == result.units
        });
        if !is_told || !result.diff.is_empty() {
            self.last_result = Some(result.clone());
            self.results.push(result);
        }
    }
}
