//! The version of a resource that a form was made from. It goes along in the form, and what was typed is
//! written only while the resource is still that version (RFC 9110 §13.1.1). Otherwise the form comes
//! back as it was typed, with what changed meanwhile, and carries the newer version: whoever sends it
//! again has seen what they replace.

use super::faults::Faults;
use maud::{Markup, html};
use serde_json::Value;

const ETAG: &str = "_etag";
const LINE: &str = "_was";

/// A resource's version as a form carries it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Version {
    etag: String,
    /// What a form can change of the resource, in words, one thing a line.
    lines: Vec<String>,
}

impl Version {
    /// Of a resource as it is: its ETag, and what a form can change of it, in words. Without an ETag the
    /// words alone tell versions apart.
    pub fn new(etag: Option<&str>, lines: Vec<String>) -> Self {
        Self { etag: etag.unwrap_or("").to_owned(), lines }
    }

    /// The one that a form was made from; of a form without one, one that never is the resource's.
    pub fn sent<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut sent = Self::default();
        for (name, value) in fields {
            match name {
                ETAG => value.clone_into(&mut sent.etag),
                LINE => sent.lines.push(value.to_owned()),
                _ => {}
            }
        }
        sent
    }

    /// The fields that carry it.
    pub fn hidden(&self) -> Markup {
        html! {
            input type="hidden" name=(ETAG) value=(self.etag);
            @for line in &self.lines { input type="hidden" name=(LINE) value=(line); }
        }
    }

    /// The condition of a request that is done only while the resource is this version.
    pub fn condition(&self) -> Option<(&str, &str)> {
        Some(("if-match", &self.etag))
    }

    /// What to say on a form that was made from this version, the resource being `now` another one, last
    /// changed by `by` (nobody in particular when empty).
    pub fn changed(&self, now: &Self, by: &str) -> Faults {
        let mut faults = Faults::default();
        let by = if by.is_empty() { "Somebody" } else { by };
        faults.add_other(&format!(
            "{by} changed this while your form was open, so nothing of yours is saved yet. Below is what you typed: look at what changed, and save again."
        ));
        let mut differs = false;
        for (words, these, those) in [("No longer", self, now), ("Now", now, self)] {
            for line in these.lines.iter().filter(|line| !those.lines.contains(line)) {
                faults.add_other(&format!("{words}: {line}"));
                differs = true;
            }
        }
        if !differs {
            faults.add_other("What changed isn't shown here: it may be a key.");
        }
        faults
    }
}

/// A resource's tags, for a [`Version`].
pub(crate) fn tag_lines(resource: &Value) -> Vec<String> {
    let tags = resource["tags"].as_object().into_iter().flatten();
    tags.map(|(name, value)| format!("tag {name} = {}", value.as_str().unwrap_or(""))).collect()
}

/// Who changed a resource last.
pub(crate) fn changed_by(resource: &Value) -> &str {
    resource["systemData"]["lastModifiedBy"].as_str().unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_says_what_changed_since_it_was_made() {
        let lines = |all: &[&str]| all.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        let old = Version::new(Some("\"1\""), lines(&["tag a = <b>", "tag c = d"]));
        let fields = [("_etag", "\"1\""), ("x", "y"), ("_was", "tag a = <b>"), ("_was", "tag c = d")];
        assert_eq!(Version::sent(fields.into_iter()), old);
        assert!(old.hidden().into_string().contains("tag a = &lt;b&gt;"));
        let new = Version::new(Some("\"2\""), lines(&["tag c = d", "tag e = f"]));
        let told = old.changed(&new, "ann@tel.example");
        let told = told.others(&[], &[]);
        assert!(told[0].starts_with("ann@tel.example changed this"), "{told:?}");
        assert_eq!(told[1..], ["No longer: tag a = <b>.", "Now: tag e = f."]);
        let key = old.changed(&Version::new(Some("\"2\""), old.lines.clone()), "");
        assert!(key.others(&[], &[])[0].starts_with("Somebody"));
        assert_eq!(key.others(&[], &[]).len(), 2);
    }
}
