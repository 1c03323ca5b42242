//! Measured figures: a table for people, and one JSON object per line for programs. A bound that
//! doesn't hold is shown, never hidden.

use anyhow::Context;
use serde::Serialize;
use std::fmt::Write;
use std::path::Path;

/// One figure.
#[derive(Clone, Debug, Serialize)]
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
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub at_least: bool,
    /// Whether it keeps the bound.
    pub holds: Option<bool>,
    /// What was measured, how often, which statistic.
    pub how: String,
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

    /// Writes them to `file`, replacing what was there.
    pub fn write(&self, file: &Path) -> anyhow::Result<()> {
        let _ = std::fs::remove_file(file);
        self.append(file)
    }

    /// Adds them to `file`.
    pub fn append(&self, file: &Path) -> anyhow::Result<()> {
        if let Some(parent) = file.parent() {
            std::fs::create_dir_all(parent)?;
        }
        let mut text = String::new();
        for figure in &self.0 {
            text.push_str(&serde_json::to_string(figure)?);
            text.push('\n');
        }
        let wrong = || format!("can't write {}", file.display());
        let mut open =
            std::fs::OpenOptions::new().create(true).append(true).open(file).with_context(wrong)?;
        std::io::Write::write_all(&mut open, text.as_bytes()).with_context(wrong)
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
    fn percentiles_are_by_nearest_rank() {
        let values = [5.0, 1.0, 4.0, 2.0, 3.0];
        assert_eq!(percentile(&values, 50.0), Some(3.0));
        assert_eq!(percentile(&values, 100.0), Some(5.0));
        assert_eq!(percentile(&[], 50.0), None);
    }
}
