//! One session's Adj-RIB-In with the verdict on each route, and counters that follow every change.
//!
//! Work is proportional to what changes: a route, or the prefixes that a policy change touches.
//! Holds no clock and emits nothing.

use super::intern::{Interned, Verdict};
use ipnet::IpNet;
use jiff::Timestamp;
use meetme_model::link::{PrefixEvidence, SeenRoute};
use meetme_model::prefix::Prefix;
use meetme_model::route::{
    PrefixPolicy, ReceivedRoute, RouteAttributes, RouteUse, RpkiState, SessionPolicy, judge,
};
use prefix_trie::joint::JointPrefixMap;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// The most routes kept for one session.
pub(super) const MAX_ROUTES: usize = 1_000_000;
/// Examples kept for each fault.
const MAX_EXAMPLES: usize = 5;
/// Routes looked at, at most, to replace examples that went away.
const EXAMPLE_SCAN: usize = 10_000;
/// No validator is configured yet: nothing is claimed (`docs/rules.md` §4).
const RPKI: RpkiState = RpkiState::NotChecked;

/// What a router's sessions share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Distinct attributes.
    pub(super) attributes: Interned<RouteAttributes>,
    /// Distinct verdicts.
    pub(super) verdicts: Interned<Verdict>,
}

/// A route and the verdict on it.
#[derive(Debug)]
pub(super) struct Entry {
    attributes: Arc<RouteAttributes>,
    verdict: Arc<Verdict>,
    received_at: Timestamp,
}

impl Entry {
    /// The attributes.
    pub(super) fn attributes(&self) -> &RouteAttributes {
        &self.attributes
    }

    /// The verdict.
    pub(super) fn verdict(&self) -> &meetme_model::route::RouteVerdict {
        &self.verdict.0
    }

    /// Route origin validation.
    pub(super) fn rpki(&self) -> RpkiState {
        RPKI
    }

    /// As the link tells it.
    pub(super) fn received(&self, prefix: Prefix) -> ReceivedRoute {
        ReceivedRoute {
            prefix,
            attributes: RouteAttributes::clone(&self.attributes),
            rpki: RPKI,
            received_at: self.received_at,
        }
    }
}

#[derive(Debug, Default)]
struct Tally {
    count: u32,
    examples: Vec<Prefix>,
}

impl Tally {
    /// As many as there are to show.
    fn has_examples(&self) -> bool {
        self.examples.len() == MAX_EXAMPLES.min(self.count as usize)
    }
}

/// The table.
#[derive(Debug)]
pub(super) struct Table {
    policy: SessionPolicy,
    /// `policy.prefixes` by prefix.
    registered: HashMap<Prefix, PrefixPolicy>,
    /// `policy` with at most the one registration that the judged route needs, so that judging
    /// doesn't cost more the more prefixes are registered.
    narrow: SessionPolicy,
    routes: JointPrefixMap<IpNet, Entry>,
    used: u32,
    faults: BTreeMap<&'static str, Tally>,
}

impl Table {
    /// An empty table.
    pub(super) fn new(policy: SessionPolicy) -> Self {
        let mut table = Self {
            registered: HashMap::new(),
            narrow: policy.clone(),
            policy,
            routes: JointPrefixMap::new(),
            used: 0,
            faults: BTreeMap::new(),
        };
        table.index_policy();
        table
    }

    fn index_policy(&mut self) {
        self.registered = self.policy.prefixes.iter().rev().map(|p| (p.prefix, *p)).collect();
        self.narrow = SessionPolicy { prefixes: Vec::new(), ..self.policy.clone() };
    }

    /// Routes kept.
    pub(super) fn len(&self) -> usize {
        self.routes.len()
    }

    /// Routes used.
    pub(super) fn used(&self) -> u32 {
        self.used
    }

    /// The entry of this very prefix.
    pub(super) fn get(&self, prefix: Prefix) -> Option<&Entry> {
        self.routes.get(&prefix.net())
    }

    /// The entries after `after` (itself included when `inclusive`), in order.
    pub(super) fn entries_from(
        &self,
        after: Option<Prefix>,
        inclusive: bool,
    ) -> impl Iterator<Item = (Prefix, &Entry)> {
        match after {
            Some(prefix) => self.routes.iter_from(&prefix.net(), inclusive),
            None => self.routes.iter(),
        }
        .map(|(net, entry)| (Prefix::containing(net), entry))
    }

    /// Adds or replaces a route. False when the table is full and the route wasn't kept.
    pub(super) fn announce(
        &mut self,
        prefix: Prefix,
        attributes: &Arc<RouteAttributes>,
        received_at: Timestamp,
        shared: &mut Shared,
    ) -> bool {
        let replaced = self.routes.remove(&prefix.net());
        if replaced.is_none() && self.routes.len() >= MAX_ROUTES {
            return false;
        }
        if let Some(old) = replaced {
            self.forget(prefix, old, shared);
        }
        let verdict = self.judge(prefix, attributes, shared);
        self.count(prefix, &verdict);
        let entry = Entry { attributes: Arc::clone(attributes), verdict, received_at };
        self.routes.insert(prefix.net(), entry);
        true
    }

    /// Removes a route. False when there was none.
    pub(super) fn withdraw(&mut self, prefix: Prefix, shared: &mut Shared) -> bool {
        let Some(old) = self.routes.remove(&prefix.net()) else {
            return false;
        };
        self.forget(prefix, old, shared);
        self.refill_examples();
        true
    }

    /// Removes every route.
    pub(super) fn clear(&mut self, shared: &mut Shared) {
        for (_, old) in std::mem::take(&mut self.routes) {
            shared.attributes.release(old.attributes);
            shared.verdicts.release(old.verdict);
        }
        self.used = 0;
        self.faults.clear();
    }

    /// Takes another policy and judges again what it can change. False when it is the same.
    pub(super) fn set_policy(&mut self, policy: SessionPolicy, shared: &mut Shared) -> bool {
        if policy == self.policy {
            return false;
        }
        let before = std::mem::replace(&mut self.policy, policy);
        let registered_before = std::mem::take(&mut self.registered);
        self.index_policy();
        let rest_is_same = before.peer_asn == self.policy.peer_asn
            && SessionPolicy { prefixes: Vec::new(), ..before } == self.narrow;
        if rest_is_same {
            let differing: HashSet<Prefix> = registered_before
                .keys()
                .chain(self.registered.keys())
                .filter(|p| registered_before.get(p) != self.registered.get(p))
                .copied()
                .collect();
            for prefix in differing {
                self.judge_again(prefix, shared);
            }
        } else {
            let all: Vec<Prefix> = self.entries_from(None, true).map(|(p, _)| p).collect();
            for prefix in all {
                self.judge_again(prefix, shared);
            }
        }
        self.refill_examples();
        true
    }

    /// What is received of each prefix of the policy.
    pub(super) fn evidence(&self) -> Vec<PrefixEvidence> {
        let seen = |entry: &Entry| SeenRoute {
            attributes: entry.attributes().clone(),
            rpki: RPKI,
            verdict: entry.verdict().clone(),
            received_at: entry.received_at,
        };
        let prefixes = self.policy.prefixes.iter();
        prefixes.map(|p| PrefixEvidence { prefix: p.prefix, route: self.get(p.prefix).map(seen) }).collect()
    }

    /// Routes that break each rule.
    pub(super) fn fault_counts(&self) -> BTreeMap<String, u32> {
        let counts = self.faults.iter();
        counts.map(|(code, t)| ((*code).to_owned(), t.count)).collect()
    }

    /// Some prefixes for each rule broken.
    pub(super) fn fault_examples(&self) -> BTreeMap<String, Vec<Prefix>> {
        let examples = self.faults.iter();
        examples.map(|(code, t)| ((*code).to_owned(), t.examples.clone())).collect()
    }

    fn judge(&mut self, prefix: Prefix, attributes: &RouteAttributes, shared: &mut Shared) -> Arc<Verdict> {
        self.narrow.prefixes.clear();
        self.narrow.prefixes.extend(self.registered.get(&prefix));
        let verdict = judge(prefix, attributes, RPKI, &self.narrow);
        self.narrow.prefixes.clear();
        shared.verdicts.share(Verdict(verdict))
    }

    fn judge_again(&mut self, prefix: Prefix, shared: &mut Shared) {
        let Some(entry) = self.routes.get(&prefix.net()) else {
            return;
        };
        let attributes = Arc::clone(&entry.attributes);
        let verdict = self.judge(prefix, &attributes, shared);
        let Some(entry) = self.routes.get_mut(&prefix.net()) else {
            return;
        };
        let old = std::mem::replace(&mut entry.verdict, Arc::clone(&verdict));
        self.uncount(prefix, &old);
        self.count(prefix, &verdict);
        shared.verdicts.release(old);
    }

    fn forget(&mut self, prefix: Prefix, old: Entry, shared: &mut Shared) {
        self.uncount(prefix, &old.verdict);
        shared.attributes.release(old.attributes);
        shared.verdicts.release(old.verdict);
    }

    fn count(&mut self, prefix: Prefix, verdict: &Verdict) {
        if verdict.0.usage != RouteUse::Unused {
            self.used += 1;
        }
        for fault in &verdict.0.faults {
            let tally = self.faults.entry(fault.code()).or_default();
            tally.count += 1;
            if tally.examples.len() < MAX_EXAMPLES {
                tally.examples.push(prefix);
            }
        }
    }

    fn uncount(&mut self, prefix: Prefix, verdict: &Verdict) {
        if verdict.0.usage != RouteUse::Unused {
            self.used -= 1;
        }
        for fault in &verdict.0.faults {
            if let Some(tally) = self.faults.get_mut(fault.code()) {
                tally.count -= 1;
                tally.examples.retain(|&p| p != prefix);
                if tally.count == 0 {
                    self.faults.remove(fault.code());
                }
            }
        }
    }

    /// Finds new examples for faults that have routes but no example left.
    fn refill_examples(&mut self) {
        if self.faults.values().all(|t| !t.examples.is_empty()) {
            return;
        }
        for (net, entry) in self.routes.iter().take(EXAMPLE_SCAN) {
            let prefix = Prefix::containing(net);
            for fault in &entry.verdict.0.faults {
                if let Some(tally) = self.faults.get_mut(fault.code())
                    && tally.examples.len() < MAX_EXAMPLES
                    && !tally.examples.contains(&prefix)
                {
                    tally.examples.push(prefix);
                }
            }
            if self.faults.values().all(Tally::has_examples) {
                return;
            }
        }
    }
}
