//! What the API refused, sorted by the fields of the form that it came from.

use super::message;
use crate::api::Refusal;
use maud::{Markup, html};
use std::collections::BTreeMap;

/// What is wrong with a form: with its fields, and all else.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    fields: BTreeMap<String, String>,
    others: Vec<String>,
}

impl Faults {
    /// A refusal's violations. `field` names the field of a target (a JSON path); what belongs to
    /// none is shown on top.
    pub fn of(refusal: &Refusal, field: impl Fn(&str) -> Option<String>) -> Self {
        let mut faults = Self::default();
        for violation in refusal.violations() {
            match violation.target.as_deref().and_then(&field) {
                Some(field) => faults.add(&field, &violation.message),
                None => faults.add_other(&violation.message),
            }
        }
        // Without a detail that says what is in the way, the refusal itself does.
        if faults.fields.is_empty() && !refusal.details.is_empty() {
            faults.others.insert(0, sentence(&refusal.message));
        }
        faults
    }

    /// Adds what is wrong with a field.
    pub fn add(&mut self, field: &str, message: &str) {
        let told = self.fields.entry(field.to_owned()).or_default();
        if !told.is_empty() {
            told.push(' ');
        }
        told.push_str(&sentence(message));
    }

    /// Says something else of a field than was said.
    pub fn replace(&mut self, field: &str, message: &str) {
        self.fields.insert(field.to_owned(), sentence(message));
    }

    /// Adds what is wrong with no field in particular.
    pub fn add_other(&mut self, message: &str) {
        self.others.push(sentence(message));
    }

    /// Takes over another's.
    pub fn merge(&mut self, other: Self) {
        for (field, message) in other.fields {
            self.add(&field, &message);
        }
        self.others.extend(other.others);
    }

    /// What is wrong with a field.
    pub fn at(&self, field: &str) -> Option<&str> {
        self.fields.get(field).map(String::as_str)
    }

    /// True when nothing is wrong.
    pub fn none(&self) -> bool {
        self.fields.is_empty() && self.others.is_empty()
    }

    /// The message on top of the form: what belongs to no field, and that there are others below.
    pub fn top(&self) -> Markup {
        html! {
            @if !self.none() {
                (message("error", html! {
                    @if self.others.is_empty() { p { "Something needs to be corrected. It is marked below." } }
                    @else if let [only] = self.others.as_slice() { p { (only) } }
                    @else { ul { @for other in &self.others { li { (other) } } } }
                }))
            }
        }
    }
}

/// The API's words as a sentence.
pub(crate) fn sentence(text: &str) -> String {
    let text = text.trim();
    let word = text.split(' ').next().unwrap_or("");
    // A name at the start stays as it is written.
    let is_word = word.chars().all(|c| c.is_ascii_lowercase() || c == '\'' || c == ',');
    let mut out = text.to_owned();
    if is_word && let Some(first) = out.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    if out.is_empty() {
        return out;
    }
    if !out.ends_with(['.', '!', '?']) {
        out.push('.');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violation(target: Option<&str>, message: &str) -> Refusal {
        Refusal { target: target.map(str::to_owned), message: message.into(), ..Refusal::default() }
    }

    #[test]
    fn words_become_sentences_and_names_stay_as_they_are() {
        assert_eq!(sentence("the ASN is missing"), "The ASN is missing.");
        assert_eq!(sentence("isn't one; use another!"), "Isn't one; use another!");
        assert_eq!(
            sentence("mail.example gives addresses to anybody"),
            "mail.example gives addresses to anybody."
        );
        assert_eq!((sentence("é"), sentence(" ")), ("é.".to_owned(), String::new()));
    }

    #[test]
    fn every_violation_is_told_beside_its_field_or_on_top() {
        let refusal = Refusal {
            message: "2 rules are broken; see details".into(),
            details: vec![violation(Some("properties.peerAsn"), "no such ASN"), violation(None, "<b>")],
            ..Refusal::default()
        };
        let field = |target: &str| (target == "properties.peerAsn").then(|| "asn".to_owned());
        let faults = Faults::of(&refusal, field);
        assert_eq!(faults.at("asn"), Some("No such ASN."));
        assert_eq!(faults.others, ["<b>."]);
        assert!(faults.top().into_string().contains("&lt;b&gt;"));
        let single = Faults::of(&violation(None, "busy"), field);
        assert_eq!((single.others.as_slice(), single.none()), (["Busy.".to_owned()].as_slice(), false));
        let unknown = Refusal { details: vec![violation(Some("x"), "used by p")], ..refusal };
        assert_eq!(Faults::of(&unknown, field).others.len(), 2, "the summary, and what is in the way");
    }
}
