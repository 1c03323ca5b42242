//! A table of figures for people, and one JSON object per line for programs. A bound that doesn't
//! hold is shown, never hidden.

use crate::checkout::{commit, root};
use anyhow::Context;
use serde::{Deserialize, Serialize};
use std::fmt::Write;
use std::path::Path;

/// One figure.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Figure {
    /// Stable, dotted, with the unit last.
    pub name: String,
    /// What was measured; `None`: it never came (a failure, not a missing figure).
    pub value: Option<f64>,
    /// Its unit.
    pub unit: String,
    /// The most it should be, if there is a bound.
    pub bound: Option<f64>,
    /// True when `bound` is the least it should be instead.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_least: bool,
    /// Whether it keeps the bound.
    pub holds: Option<bool>,
    /// What was measured, how often, which statistic.
    pub how: String,
    /// The commit that was measured; empty until it is written down.
    #[serde(default)]
    pub commit: String,
}

/// A list of figures.
#[derive(Clone, Debug, Default)]
pub struct Figures(pub Vec<Figure>);

impl Figures {
    /// Adds a figure with an upper bound.
    pub fn at_most(&mut self, name: &str, value: Option<f64>, unit: &str, bound: f64, how: &str) {
        let holds = value.is_some_and(|v| v <= bound);
        self.push(name, value, unit, Some((bound, holds)), how);
    }

    /// Adds a figure with a lower bound.
    pub fn at_least(&mut self, name: &str, value: Option<f64>, unit: &str, bound: f64, how: &str) {
        let holds = value.is_some_and(|v| v >= bound);
        self.push(name, value, unit, Some((bound, holds)), how);
        if let Some(figure) = self.0.last_mut() {
            figure.at_least = true;
        }
    }

    /// Adds a figure without bound.
    pub fn tell(&mut self, name: &str, value: Option<f64>, unit: &str, how: &str) {
        self.push(name, value, unit, None, how);
    }

    fn push(&mut self, name: &str, value: Option<f64>, unit: &str, bound: Option<(f64, bool)>, how: &str) {
        self.0.push(Figure {
            name: name.into(),
            value: value.map(|v| (v * 1000.0).round() / 1000.0),
            unit: unit.into(),
            bound: bound.map(|(bound, _)| bound),
            at_least: false,
            holds: bound.map(|(_, holds)| holds),
            how: how.into(),
            commit: String::new(),
        });
    }

    /// The table.
    pub fn table(&self) -> String {
        let width = self.0.iter().map(|f| f.name.len()).max().unwrap_or(0);
        let mut out = String::new();
        for f in &self.0 {
            let value = f.value.map_or_else(|| "never".into(), |v| format!("{v}"));
            let bound =
                f.bound.map_or_else(String::new, |b| format!("{} {b}", if f.at_least { '≥' } else { '≤' }));
            let mark = match f.holds {
                Some(true) => "holds",
                Some(false) => "DOES NOT HOLD",
                None => "",
            };
            let _ = writeln!(
                out,
                "  {:width$}  {value:>9} {:<4} {bound:<8} {mark:<14} {}",
                f.name, f.unit, f.how
            );
        }
        out
    }

    /// Adds them to what `make bench` measured so far, `target/figures/bench.jsonl`.
    pub fn record(&self) -> anyhow::Result<()> {
        self.append(&root()?.join("target/figures/bench.jsonl"))
    }

    /// Writes them to `file`, replacing what was there.
    pub fn write(&self, file: &Path) -> anyhow::Result<()> {
        let _ = std::fs::remove_file(file);
        self.append(file)
    }

    /// Adds them to `file`, each with the commit that is checked out.
    pub fn append(&self, file: &Path) -> anyhow::Result<()> {
        let commit = commit(&root()?);
        let mut text = String::new();
        for figure in &self.0 {
            text.push_str(&serde_json::to_string(&Figure { commit: commit.clone(), ..figure.clone() })?);
            text.push('\n');
        }
        if let Some(parent) = file.parent() {
            std::fs::create_dir_all(parent)?;
        }
        let wrong = || format!("can't write {}", file.display());
        let mut open =
            std::fs::OpenOptions::new().create(true).append(true).open(file).with_context(wrong)?;
        std::io::Write::write_all(&mut open, text.as_bytes()).with_context(wrong)
    }

    /// Those that `file` has; none when there is no such file.
    pub fn read(file: &Path) -> anyhow::Result<Self> {
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(e) => return Err(e).with_context(|| format!("can't read {}", file.display())),
        };
        let line = |line| {
            serde_json::from_str(line).with_context(|| format!("{}: not a figure: {line}", file.display()))
        };
        Ok(Self(text.lines().map(line).collect::<anyhow::Result<_>>()?))
    }
}

/// The value below which `percent` of `values` lie (nearest rank); `None` of nothing.
pub fn percentile(values: &[f64], percent: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (percent / 100.0 * sorted.len() as f64).ceil().max(1.0) as usize;
    sorted.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_came_doesnt_hold() {
        let mut figures = Figures::default();
        figures.at_most("failover.silent_link_ms", None, "ms", 300.0, "never recovered");
        assert_eq!(figures.0[0].holds, Some(false));
        assert!(figures.table().contains("DOES NOT HOLD"));
    }

    #[test]
    fn a_lower_bound_holds_from_itself_on() {
        let mut figures = Figures::default();
        for value in [None, Some(4_999.0), Some(5_000.0)] {
            figures.at_least("api.get_one_per_s", value, "/s", 5_000.0, "answered");
        }
        let holds: Vec<_> = figures.0.iter().map(|f| f.holds).collect();
        assert_eq!(holds, [Some(false), Some(false), Some(true)]);
        assert!(figures.table().contains("≥ 5000"));
    }

    #[test]
    fn what_is_written_is_read_with_its_commit() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("new/figures.jsonl");
        assert!(Figures::read(&file).unwrap().0.is_empty());
        for value in [3.0, 4.0] {
            let mut figures = Figures::default();
            figures.at_least("api.get_one_per_s", Some(value), "/s", 4.0, "answered");
            figures.append(&file).unwrap();
        }
        let read = Figures::read(&file).unwrap().0;
        let known: Vec<_> = read.iter().map(|f| (f.value, f.holds, f.at_least)).collect();
        assert_eq!(known, [(Some(3.0), Some(false), true), (Some(4.0), Some(true), true)]);
        assert!(read.iter().all(|f| f.commit == commit(&root().unwrap())));
    }

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let values = [5.0, 1.0, 4.0, 2.0, 3.0];
        assert_eq!(percentile(&values, 50.0), Some(3.0));
        assert_eq!(percentile(&values, 100.0), Some(5.0));
        assert_eq!(percentile(&[], 50.0), None);
    }
}
