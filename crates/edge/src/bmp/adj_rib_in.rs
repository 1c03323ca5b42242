//! One session's Adj-RIB-In: its share of the router's [`Rib`], judged by its own policy.
//!
//! Work is proportional to what changes, and what may be much (another policy) is put off and done
//! in slices ([`AdjRibIn::judge_again`]). Holds no clock and emits nothing.

use super::intern::Verdict;
use super::judging::{Difference, Judge};
use super::origins;
use super::rib::{Entry, Life, Prefixes, Rib};
use super::tally::Tally;
use jiff::Timestamp;
use meetme_model::link::{PrefixEvidence, SeenRoute};
use meetme_model::prefix::Prefix;
use meetme_model::route::{RouteAttributes, RouterWord};
use std::sync::Arc;

/// The most routes kept for one session.
pub(super) const MAX_ROUTES: usize = 1_000_000;
/// Routes looked at, at most, to replace examples that went away.
const EXAMPLE_SCAN: usize = 1_000;

/// The routes.
#[derive(Debug)]
pub(super) struct AdjRibIn {
    life: Life,
    judge: Judge,
    prefixes: Prefixes,
    tally: Tally,
    to_judge: ToJudge,
}

/// What a changed policy left to be judged again.
#[derive(Debug)]
enum ToJudge {
    Nothing,
    All,
    These(Vec<Prefix>),
}

impl AdjRibIn {
    /// An empty one.
    pub(super) fn new(judge: Judge, rib: &mut Rib) -> Self {
        Self {
            life: rib.begin_life(),
            judge,
            prefixes: Prefixes::default(),
            tally: Tally::default(),
            to_judge: ToJudge::Nothing,
        }
    }

    /// Whose entries in the RIB are this session's.
    pub(super) fn life(&self) -> Life {
        self.life
    }

    /// The policy.
    pub(super) fn judge(&self) -> &Judge {
        &self.judge
    }

    /// The prefixes received.
    pub(super) fn prefixes(&self) -> &Prefixes {
        &self.prefixes
    }

    /// The counts.
    pub(super) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Adds or replaces a route; `shared` is the shared form of `attributes`. False when there are
    /// too many and the route wasn't kept.
    pub(super) fn announce(
        &mut self,
        prefix: Prefix,
        (attributes, shared): (&RouteAttributes, &Arc<[u8]>),
        received_at: Timestamp,
        rib: &mut Rib,
    ) -> bool {
        if self.prefixes.len() >= MAX_ROUTES && !self.prefixes.contains(prefix) {
            return false;
        }
        let verdict = self.judge.judge(prefix, attributes);
        let (verdict, before) = rib.put(self.life, prefix, shared, received_at, verdict);
        match before {
            Some(before) => {
                self.tally.uncount(prefix, &before);
                rib.release_verdict(before);
            }
            None => self.prefixes.insert(prefix),
        }
        self.tally.count(prefix, &verdict);
        true
    }

    /// Removes a route. False when there was none.
    pub(super) fn withdraw(&mut self, prefix: Prefix, rib: &mut Rib) -> bool {
        let Some(verdict) = rib.remove(self.life, prefix) else {
            return false;
        };
        self.prefixes.remove(prefix);
        self.tally.uncount(prefix, &verdict);
        rib.release_verdict(verdict);
        true
    }

    /// Removes every route.
    pub(super) fn clear(&mut self, rib: &mut Rib) {
        rib.bury(self.life, std::mem::take(&mut self.prefixes));
        self.life = rib.begin_life();
        self.tally = Tally::default();
        self.to_judge = ToJudge::Nothing;
    }

    /// Takes another policy. Routes that come are judged by it from now on; those that are there
    /// follow by [`AdjRibIn::judge_again`]. False when it is the same.
    pub(super) fn set_policy(&mut self, judge: Judge) -> bool {
        let difference = self.judge.difference(&judge);
        self.to_judge = match (difference, std::mem::replace(&mut self.to_judge, ToJudge::Nothing)) {
            (Difference::None, before) => {
                self.to_judge = before;
                return false;
            }
            (Difference::Registrations(prefixes), ToJudge::Nothing) => ToJudge::These(prefixes),
            (Difference::Registrations(prefixes), ToJudge::These(mut before)) => {
                before.extend(prefixes);
                ToJudge::These(before)
            }
            (Difference::All, _) | (_, ToJudge::All) => ToJudge::All,
        };
        self.judge = judge;
        true
    }

    /// True while a changed policy isn't in every verdict yet.
    pub(super) fn is_behind(&self) -> bool {
        !matches!(self.to_judge, ToJudge::Nothing)
    }

    /// Judges up to `budget` routes again. Returns what is left of the budget.
    pub(super) fn judge_again(&mut self, budget: usize, rib: &mut Rib) -> usize {
        if let ToJudge::All = self.to_judge {
            self.to_judge = ToJudge::These(self.prefixes.iter().collect());
        }
        let ToJudge::These(mut left) = std::mem::replace(&mut self.to_judge, ToJudge::Nothing) else {
            return budget;
        };
        let from = left.len().saturating_sub(budget);
        let judged = left.len() - from;
        for prefix in left.drain(from..) {
            self.judge_one_again(prefix, rib);
        }
        if !left.is_empty() {
            self.to_judge = ToJudge::These(left);
        }
        budget - judged
    }

    fn judge_one_again(&mut self, prefix: Prefix, rib: &mut Rib) {
        let Some(entry) = self.entry(prefix, rib) else {
            return;
        };
        let verdict = self.judge.judge(prefix, &entry.attributes());
        if verdict == **entry.verdict() {
            return;
        }
        if let Some((verdict, before)) = rib.set_verdict(self.life, prefix, verdict) {
            self.tally.uncount(prefix, &before);
            self.tally.count(prefix, &verdict);
            rib.release_verdict(before);
        }
    }

    /// The route for this very prefix.
    pub(super) fn entry<'r>(&self, prefix: Prefix, rib: &'r Rib) -> Option<&'r Entry> {
        rib.get(prefix)?.of(self.life)
    }

    /// What is received of each prefix of the policy.
    pub(super) fn evidence(&self, rib: &Rib) -> Vec<PrefixEvidence> {
        let seen = |prefix: Prefix| {
            let entry = self.entry(prefix, rib)?;
            let attributes = entry.attributes();
            Some(SeenRoute {
                rpki: origins::state(prefix, attributes.as_path.origin()),
                attributes,
                verdict: entry.verdict().0.clone(),
                router: RouterWord::NotAsked,
                received_at: entry.received_at(),
            })
        };
        self.judge.registered().map(|prefix| PrefixEvidence { prefix, route: seen(prefix) }).collect()
    }

    /// Finds new examples for broken rules that have routes but no example left.
    pub(super) fn refill_examples(&mut self, rib: &Rib) {
        if !self.tally.lacks_examples() {
            return;
        }
        for prefix in self.prefixes.iter().take(EXAMPLE_SCAN) {
            let entry = rib.get(prefix).and_then(|slot| slot.of(self.life));
            let verdict: Option<&Verdict> = entry.map(|e| &**e.verdict());
            if verdict.is_some_and(|verdict| !self.tally.offer(prefix, verdict)) {
                return;
            }
        }
    }
}
