//! README's tables, filled with what was measured, and what doesn't hold. A figure that wasn't measured is told as
//! missing: a benchmark that broke off isn't taken for one that went well.

use crate::figures::{Figure, Figures};
use std::collections::BTreeSet;
use std::fmt::Write;

/// A row of a table: what it is called, and the names of its figures, one for each column of values.
type Row = (&'static str, &'static [&'static str]);

/// What `make run` measures, once each.
const RUN: &[Row] = &[
    ("LAG up until Active, worst of four connections", &["journey.link_up_to_active_s"]),
    ("… of it the routers' own share, until BFD and BGP were up", &["journey.routers_share_s"]),
    ("prefix announced until Verified in the API", &["verdict.announce_to_api_ms"]),
    ("packets lost when a primary link is cut", &["failover.link_cut_ms"]),
    ("… when it fails silently, with LACP still up (BFD 3 × 50 ms)", &["failover.silent_link_ms"]),
    ("… when the primary location is gone", &["failover.location_lost_ms"]),
    ("… when both locations are gone", &["failover.both_lost_ms"]),
    ("idle, control plane and two edges, of one core", &["idle.cpu_percent"]),
    ("resident memory of the same processes", &["lab.rss_mib"]),
];

/// What `make bench` measures with 5,000 peerings, on SQLite and on PostgreSQL.
const API: &[Row] = &[
    ("one peering by the API, median", &["api.get_one_ms", "api.get_one_ms.postgres"]),
    ("… per second, over 32 connections", &["api.get_one_per_s", "api.get_one_per_s.postgres"]),
    ("a page of 1 000 peerings", &["api.list_1000_ms", "api.list_1000_ms.postgres"]),
    ("a new peering, on disk", &["api.put_ms", "api.put_ms.postgres"]),
    ("a metric over a day", &["api.metrics_1d_ms", "api.metrics_1d_ms.postgres"]),
    ("reads of 100 clients beside writes, 99 %", &["api.read_p99_ms", "api.read_p99_ms.postgres"]),
    ("a page of the portal, the slowest kind, with 100 000 routes, median", &["portal.page_ms", ""]),
    ("first load of the portal, as sent", &["portal.first_load_kib", ""]),
    ("a session changes until an open page shows it, worst of 20", &["portal.event_to_page_ms", ""]),
];

/// The tables as README has them, what else was measured, and what is wrong.
pub struct Readme {
    /// Markdown.
    pub text: String,
    /// Bounds that don't hold and figures that are missing, in words; empty when all is well.
    pub wrong: Vec<String>,
}

/// Fills the tables with what `make run` and `make bench` measured; one that measured nothing is left out.
pub fn readme(run: &Figures, bench: &Figures) -> Readme {
    let mut filled = Readme { text: String::new(), wrong: Vec::new() };
    if !run.0.is_empty() {
        filled.table("| figure | value | bound | |\n|---|---|---|---|", RUN, run, true);
    }
    if !bench.0.is_empty() {
        let head =
            "| figure, 5 000 peerings of two connections | SQLite | PostgreSQL | bound |\n|---|---|---|---|";
        filled.table(head, API, bench, false);
        let shown: BTreeSet<&str> = API.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        let mut others = bench.clone();
        others.0.retain(|f| !shown.contains(f.name.as_str()) && !f.name.starts_with("portal.page_ms."));
        let _ = writeln!(filled.text, "what else was measured:\n\n{}", others.table());
    }
    for figure in run.0.iter().chain(&bench.0).filter(|f| f.holds == Some(false)) {
        let (value, bound) = (shown(Some(figure)), shown_bound(figure));
        filled.wrong.push(format!("{} is {value}, its bound {bound}", figure.name));
    }
    filled
}

impl Readme {
    fn table(&mut self, head: &str, rows: &[Row], from: &Figures, verdict: bool) {
        let commits: BTreeSet<&str> = from.0.iter().map(|f| f.commit.as_str()).collect();
        let commits = commits.into_iter().collect::<Vec<_>>().join("`, `");
        let _ = writeln!(self.text, "measured by commit `{commits}`:\n\n{head}");
        for (what, names) in rows {
            let found: Vec<Option<&Figure>> =
                names.iter().map(|name| from.0.iter().rev().find(|f| f.name == *name)).collect();
            for (name, _) in names.iter().zip(&found).filter(|(n, f)| !n.is_empty() && f.is_none()) {
                self.wrong.push(format!("{name} wasn't measured: its benchmark broke off, or didn't run"));
            }
            let values: Vec<String> = found.iter().map(|f| shown(*f)).collect();
            let first = found.first().copied().flatten();
            let bound = first.map_or_else(String::new, shown_bound);
            let _ = write!(self.text, "| {what} | {} | {bound} |", values.join(" | "));
            self.text.push_str(match (verdict, first.and_then(|f| f.holds)) {
                (false, _) => "\n",
                (true, Some(true)) => " holds |\n",
                (true, Some(false)) => " doesn't hold |\n",
                (true, None) => " |\n",
            });
        }
        self.text.push('\n');
    }
}

fn shown(figure: Option<&Figure>) -> String {
    match figure {
        None => String::new(),
        Some(Figure { value: None, .. }) => "never".to_owned(),
        Some(Figure { value: Some(value), unit, .. }) => with_unit(*value, unit),
    }
}

fn shown_bound(figure: &Figure) -> String {
    figure.bound.map_or_else(String::new, |bound| with_unit(bound, &figure.unit))
}

/// As few digits as tell something; long intervals in seconds.
fn with_unit(value: f64, unit: &str) -> String {
    let (value, unit) = if unit == "ms" && value >= 1000.0 { (value / 1000.0, "s") } else { (value, unit) };
    let digits = match value {
        v if v.fract() == 0.0 || v >= 10.0 => 0,
        v if v >= 1.0 => 1,
        _ => 2,
    };
    let number = if value >= 1000.0 {
        let rounded = (value / 100.0).round() as u64 * 100;
        format!("{} {:03}", rounded / 1000, rounded % 1000)
    } else {
        format!("{value:.digits$}")
    };
    if unit == "/s" { number } else { format!("{number} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(rows: &[Row]) -> Figures {
        let mut figures = Figures::default();
        for name in rows.iter().flat_map(|(_, names)| *names).filter(|name| !name.is_empty()) {
            figures.at_most(name, Some(0.238), "ms", 1.0, "as it was");
        }
        figures.0.iter_mut().for_each(|f| f.commit = "0123456789".into());
        figures
    }

    #[test]
    fn the_tables_have_every_row_and_name_the_commit() {
        let filled = readme(&measured(RUN), &measured(API));
        assert_eq!(filled.wrong, Vec::<String>::new());
        assert_eq!(filled.text.matches("measured by commit `0123456789`").count(), 2);
        assert!(filled.text.contains("| a new peering, on disk | 0.24 ms | 0.24 ms | 1 ms |\n"));
        assert!(filled.text.contains("| first load of the portal, as sent | 0.24 ms |  | 1 ms |\n"));
        assert!(
            filled.text.contains("| packets lost when a primary link is cut | 0.24 ms | 1 ms | holds |\n")
        );
    }

    #[test]
    fn what_is_missing_or_doesnt_hold_is_named() {
        let mut bench = measured(API);
        bench.0.retain(|f| f.name != "portal.page_ms");
        bench.at_most("frr.one_session_ms", Some(1_234.0), "ms", 1_000.0, "one more");
        let wrong = readme(&Figures::default(), &bench).wrong;
        assert_eq!(wrong.len(), 2, "{wrong:?}");
        assert!(wrong[0].starts_with("portal.page_ms wasn't measured"));
        assert_eq!(wrong[1], "frr.one_session_ms is 1.2 s, its bound 1 s");
    }

    #[test]
    fn figures_of_two_commits_are_never_told_as_of_one() {
        let mut bench = measured(API);
        bench.0[0].commit = "89abcdef01".into();
        assert!(readme(&Figures::default(), &bench).text.contains("commit `0123456789`, `89abcdef01`"));
    }

    #[test]
    fn numbers_have_as_few_digits_as_tell_something() {
        let of = |value, unit| with_unit(value, unit);
        assert_eq!([of(0.238, "ms"), of(2.94, "ms"), of(38.4, "ms")], ["0.24 ms", "2.9 ms", "38 ms"]);
        assert_eq!([of(12_345.6, "/s"), of(1_000.0, "ms"), of(7.84, "s")], ["12 300", "1 s", "7.8 s"]);
    }
}
