//! Pages of received routes, in the order of prefix, then session.
//!
//! A page costs what it shows (times the sessions asked for): each session is read from the place
//! where the page begins, and no further than needed. The cursor is a place in the order, not a
//! position in a list, so routes that come and go between pages neither repeat nor hide others.

use super::router::Router;
use super::table::Entry;
use meetme_model::asn::Asn;
use meetme_model::link::{JudgedRoute, RouteFilter};
use meetme_model::prefix::Prefix;
use meetme_model::route::{AsPath, RouteUse};

/// Routes looked at under one lock, for filters that match rarely.
const CHUNK: usize = 4096;

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

    fn matches(&self, entry: &Entry) -> bool {
        let used = entry.verdict().usage != RouteUse::Unused;
        self.filter.used.is_none_or(|wanted| wanted == used)
            && self.filter.rpki.is_none_or(|wanted| wanted == entry.rpki())
            && self.matches_path(&entry.attributes().as_path)
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

/// One session's next matching rows.
pub(super) struct Chunk {
    /// The rows.
    pub(super) rows: Vec<JudgedRoute>,
    /// Where to read on; `None` at the end of the table.
    pub(super) resume_after: Option<Prefix>,
}

/// Reads up to `limit` matching rows of a session after `from` (itself included when `inclusive`),
/// looking at a bounded number of routes.
pub(super) fn chunk(
    router: &Router,
    (router_name, session_name): (&str, &str),
    wanted: &Wanted,
    (from, inclusive): (Option<Prefix>, bool),
    limit: usize,
) -> Chunk {
    let mut chunk = Chunk { rows: Vec::new(), resume_after: None };
    let Some(session) = router.session(session_name) else {
        return chunk;
    };
    let row = |prefix: Prefix, entry: &Entry| JudgedRoute {
        router: router_name.to_owned(),
        session: session_name.to_owned(),
        route: entry.received(prefix),
        verdict: entry.verdict().clone(),
    };
    if let Some(only) = wanted.filter.prefix {
        let reached = from.is_none_or(|f| f < only || (inclusive && f == only));
        let entry = session.table().get(only).filter(|e| reached && wanted.matches(e));
        chunk.rows.extend(entry.map(|e| row(only, e)));
        return chunk;
    }
    let mut seen = 0;
    for (prefix, entry) in session.table().entries_from(from, inclusive) {
        if wanted.matches(entry) {
            chunk.rows.push(row(prefix, entry));
        }
        seen += 1;
        if chunk.rows.len() >= limit || seen >= CHUNK {
            chunk.resume_after = Some(prefix);
            break;
        }
    }
    chunk
}
