//! How many of a session's routes are used and which rules they break, following every change.

use super::intern::Verdict;
use meetme_model::prefix::Prefix;
use meetme_model::route::RouteUse;
use std::collections::BTreeMap;

/// Examples kept for each fault.
const MAX_EXAMPLES: usize = 5;

#[derive(Debug, Default)]
struct Broken {
    count: u32,
    examples: Vec<Prefix>,
}

/// The counts.
#[derive(Debug, Default)]
pub(super) struct Tally {
    used: u32,
    broken: BTreeMap<&'static str, Broken>,
}

impl Tally {
    /// Routes used.
    pub(super) fn used(&self) -> u32 {
        self.used
    }

    /// A route came, or this became the verdict on it.
    pub(super) fn count(&mut self, prefix: Prefix, verdict: &Verdict) {
        if verdict.0.usage != RouteUse::Unused {
            self.used += 1;
        }
        for fault in &verdict.0.faults {
            let broken = self.broken.entry(fault.code()).or_default();
            broken.count += 1;
            if broken.examples.len() < MAX_EXAMPLES {
                broken.examples.push(prefix);
            }
        }
    }

    /// A route went, or this is no more the verdict on it.
    pub(super) fn uncount(&mut self, prefix: Prefix, verdict: &Verdict) {
        if verdict.0.usage != RouteUse::Unused {
            self.used -= 1;
        }
        for fault in &verdict.0.faults {
            if let Some(broken) = self.broken.get_mut(fault.code()) {
                broken.count -= 1;
                broken.examples.retain(|&p| p != prefix);
                if broken.count == 0 {
                    self.broken.remove(fault.code());
                }
            }
        }
    }

    /// True when a rule is broken and no example of it is left.
    pub(super) fn lacks_examples(&self) -> bool {
        self.broken.values().any(|b| b.examples.is_empty())
    }

    /// Offers a route as an example; false when there are enough of everything.
    pub(super) fn offer(&mut self, prefix: Prefix, verdict: &Verdict) -> bool {
        for fault in &verdict.0.faults {
            if let Some(broken) = self.broken.get_mut(fault.code())
                && broken.examples.len() < MAX_EXAMPLES
                && !broken.examples.contains(&prefix)
            {
                broken.examples.push(prefix);
            }
        }
        self.broken.values().any(|b| b.examples.len() < MAX_EXAMPLES.min(b.count as usize))
    }

    /// Routes that break each rule.
    pub(super) fn fault_counts(&self) -> BTreeMap<String, u32> {
        self.broken.iter().map(|(code, b)| ((*code).to_owned(), b.count)).collect()
    }

    /// Some prefixes for each rule broken.
    pub(super) fn fault_examples(&self) -> BTreeMap<String, Vec<Prefix>> {
        self.broken.iter().map(|(code, b)| ((*code).to_owned(), b.examples.clone())).collect()
    }
}
