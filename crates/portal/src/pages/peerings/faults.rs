//! What the API refuses, put beside the fields that it is about.

use crate::api::Refusal;
pub(super) use crate::parts::faults::sentence;
use maud::{Markup, html};

/// Violations by their targets.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults(Vec<(String, String)>);

impl From<&Refusal> for Faults {
    fn from(refusal: &Refusal) -> Self {
        let one = |r: &&Refusal| (r.target.clone().unwrap_or_default(), sentence(&r.message));
        Self(refusal.violations().iter().map(one).collect())
    }
}

impl Faults {
    /// Adds one.
    pub fn add(&mut self, target: &str, message: &str) {
        self.0.push((target.to_owned(), message.to_owned()));
    }

    /// True when nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What something is wrong with.
    pub fn targets(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(target, _)| target.as_str())
    }

    /// What is wrong with exactly this.
    pub fn at(&self, target: &str) -> Option<String> {
        let all: Vec<&str> = self.0.iter().filter(|(t, _)| t == target).map(|(_, m)| m.as_str()).collect();
        (!all.is_empty()).then(|| all.join(" "))
    }

    /// What is wrong below `prefix`, told relative to it.
    pub fn below(&self, prefix: &str) -> Self {
        let inner = |(t, m): &(String, String)| {
            let rest = t.strip_prefix(prefix)?;
            (rest.is_empty() || rest.starts_with(['.', '[']))
                .then(|| (rest.trim_start_matches('.').to_owned(), m.clone()))
        };
        Self(self.0.iter().filter_map(inner).collect())
    }

    /// What stands beside none of these targets and below none of these prefixes.
    pub fn others(&self, targets: &[&str], prefixes: &[&str]) -> Vec<&str> {
        let shown = |t: &str| targets.contains(&t) || prefixes.iter().any(|p| t.starts_with(p));
        self.0.iter().filter(|(t, _)| !shown(t)).map(|(_, m)| m.as_str()).collect()
    }
}

/// Messages one below the other.
pub(super) fn told(messages: &[&str]) -> Markup {
    html! {
        @if let [only] = messages { (only) }
        @else { ul { @for message in messages { li { (message) } } } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_violation_goes_to_its_field_and_none_is_lost() {
        let mut faults = Faults::default();
        faults.add("a.b[1].c", "wrong");
        faults.add("a.b[10]", "odd");
        faults.add("x", "elsewhere");
        assert_eq!(faults.below("a.b[1]").at("c").as_deref(), Some("wrong"));
        assert_eq!(faults.below("a.b[1]").0.len(), 1, "the tenth isn't the first");
        assert_eq!(faults.others(&["y"], &["a.b"]), ["elsewhere"]);
    }
}
