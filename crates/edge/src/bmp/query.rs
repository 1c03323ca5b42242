//! Pages of received routes, in the order of prefix, then session.
//!
//! The order is the RIB's own, so a page costs what it shows, and a filter that matches rarely what
//! it looks at. Each step looks at a bounded number of prefixes under the lock. The cursor is a
//! place in the order, not a position in a list, so routes that come and go between steps or pages
//! neither repeat nor hide others.

use super::origins;
use super::rib::{Entry, Life, Slot};
use super::router::Router;
use meetme_model::asn::Asn;
use meetme_model::link::{JudgedRoute, RouteFilter};
use meetme_model::prefix::Prefix;
use meetme_model::route::{AsPath, ReceivedRoute, RouteUse};
use std::collections::HashMap;
use std::ops::Bound;

/// Prefixes looked at under one lock.
const STEP: usize = 2048;
/// Rows made under one lock.
const ROWS_PER_STEP: usize = 128;

/// A filter, prepared.
pub(super) struct Wanted {
    filter: RouteFilter,
    /// The ASNs of `filter.as_path`, when it is a plain run.
    run: Option<Vec<Asn>>,
}

impl Wanted {
    /// Prepares `filter`.
    pub(super) fn new(filter: &RouteFilter) -> Self {
        let run = filter.as_path.as_ref().and_then(|text| {
            let asns: Result<Vec<Asn>, _> = text.split_whitespace().map(str::parse).collect();
            asns.ok()
        });
        Self { filter: filter.clone(), run }
    }

    /// The entry as a row, if it matches.
    fn row(&self, (router, session): (&str, &str), prefix: Prefix, entry: &Entry) -> Option<JudgedRoute> {
        let verdict = &entry.verdict().0;
        let used = verdict.usage != RouteUse::Unused;
        if self.filter.used.is_some_and(|wanted| wanted != used) {
            return None;
        }
        let attributes = entry.attributes();
        let rpki = origins::state(prefix, attributes.as_path.origin());
        let matches = self.filter.rpki.is_none_or(|wanted| wanted == rpki);
        (matches && self.matches_path(&attributes.as_path)).then(|| JudgedRoute {
            router: router.to_owned(),
            session: session.to_owned(),
            route: ReceivedRoute { prefix, attributes, rpki, received_at: entry.received_at() },
            verdict: verdict.clone(),
        })
    }

    fn matches_path(&self, path: &AsPath) -> bool {
        let Some(text) = &self.filter.as_path else {
            return true;
        };
        match &self.run {
            Some(run) if run.is_empty() => path.0.is_empty(),
            Some(run) => {
                let asns: Vec<Asn> = path.asns().collect();
                asns.windows(run.len()).any(|window| window == run)
            }
            None => path.to_string() == text.trim(),
        }
    }
}

/// Some of a router's next matching rows.
#[derive(Default)]
pub(super) struct Step {
    /// The rows, in the order of prefixes; those of one prefix are all here.
    pub(super) rows: Vec<JudgedRoute>,
    /// Where to read on; `None` at the end of the routes.
    pub(super) resume_after: Option<Prefix>,
}

/// Reads the matching rows of `sessions` from a place on, as far as one step goes.
pub(super) fn step(
    router: &Router,
    (name, sessions): (&str, &[&str]),
    wanted: &Wanted,
    from: Bound<Prefix>,
) -> Step {
    let sessions = sessions.iter().filter_map(|name| router.session(name));
    let mut prefixes = 0;
    let lives: HashMap<Life, &str> = sessions
        .map(|session| {
            prefixes += session.adj_rib_in().prefixes().len();
            (session.adj_rib_in().life(), session.name())
        })
        .collect();
    let mut step = Step::default();
    let mut take = |prefix: Prefix, slot: &Slot| {
        let rows = slot.entries().iter().filter_map(|entry| {
            let session = lives.get(&entry.life())?;
            wanted.row((name, session), prefix, entry)
        });
        step.rows.extend(rows);
        step.rows.len() >= ROWS_PER_STEP
    };
    if let Some(only) = wanted.filter.prefix {
        if let Some(slot) = router.rib().get(only).filter(|_| is_ahead(from, only)) {
            take(only, slot);
        }
        return step;
    }
    if prefixes <= STEP {
        // A few routes among many are found faster by the sessions' own lists.
        let lists = lives.values().filter_map(|name| router.session(name));
        let mut ahead: Vec<Prefix> = lists
            .flat_map(|session| session.adj_rib_in().prefixes().iter())
            .filter(|prefix| is_ahead(from, *prefix))
            .collect();
        ahead.sort_unstable();
        ahead.dedup();
        for prefix in ahead {
            if router.rib().get(prefix).is_some_and(|slot| take(prefix, slot)) {
                step.resume_after = Some(prefix);
                break;
            }
        }
        return step;
    }
    for (looked_at, (prefix, slot)) in (1..).zip(router.rib().from(from)) {
        if take(prefix, slot) || looked_at == STEP {
            step.resume_after = Some(prefix);
            break;
        }
    }
    step
}

fn is_ahead(from: Bound<Prefix>, prefix: Prefix) -> bool {
    match from {
        Bound::Unbounded => true,
        Bound::Included(from) => from <= prefix,
        Bound::Excluded(from) => from < prefix,
    }
}
