//! What is wrong with a form, put beside the fields that it is about: what the API refused, and what
//! the portal found itself.

use super::message;
use crate::api::Refusal;
use maud::{Markup, html};

/// What is wrong: with its fields, and with none in particular. A field is a form's, or where a page
/// maps them later, a target of the API (a JSON path).
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults(Vec<(String, String)>);

/// Violations by their targets.
impl From<&Refusal> for Faults {
    fn from(refusal: &Refusal) -> Self {
        let mut faults = Self::default();
        for violation in refusal.violations() {
            faults.add(violation.target.as_deref().unwrap_or(""), &violation.message);
        }
        faults
    }
}

impl Faults {
    /// A refusal's violations. `field` names the field of a target (a JSON path); what belongs to
    /// none is shown on top.
    pub fn of(refusal: &Refusal, field: impl Fn(&str) -> Option<String>) -> Self {
        let mut faults = Self::default();
        for violation in refusal.violations() {
            let field = violation.target.as_deref().and_then(&field);
            faults.add(field.as_deref().unwrap_or(""), &violation.message);
        }
        // Without a detail that says what is in the way, the refusal itself does.
        if !refusal.details.is_empty() && faults.0.iter().all(|(field, _)| field.is_empty()) {
            faults.0.insert(0, (String::new(), sentence(&refusal.message)));
        }
        faults
    }

    /// Adds what is wrong with a field; with an empty one, what belongs to none.
    pub fn add(&mut self, field: &str, message: &str) {
        let told = self.0.iter_mut().find(|(f, _)| !field.is_empty() && f == field);
        match told {
            Some((_, told)) => {
                told.push(' ');
                told.push_str(&sentence(message));
            }
            None => self.0.push((field.to_owned(), sentence(message))),
        }
    }

    /// Adds what is wrong with no field in particular.
    pub fn add_other(&mut self, message: &str) {
        self.add("", message);
    }

    /// Says something else of a field than was said.
    pub fn replace(&mut self, field: &str, message: &str) {
        self.0.retain(|(f, _)| f != field);
        self.add(field, message);
    }

    /// Forgets what is wrong with fields that `keep` doesn't take.
    pub fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.0.retain(|(field, _)| keep(field));
    }

    /// Takes over another's.
    pub fn merge(&mut self, other: Self) {
        for (field, message) in other.0 {
            self.add(&field, &message);
        }
    }

    /// What is wrong with exactly this field.
    pub fn at(&self, field: &str) -> Option<&str> {
        self.0.iter().find(|(f, _)| f == field).map(|(_, message)| message.as_str())
    }

    /// True when nothing is wrong.
    pub fn none(&self) -> bool {
        self.0.is_empty()
    }

    /// The fields that something is wrong with; empty for what belongs to none.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(field, _)| field.as_str())
    }

    /// What is wrong below `prefix` (an object or a list's place), told relative to it.
    pub fn below(&self, prefix: &str) -> Self {
        let inner = |(field, message): &(String, String)| {
            let rest = field.strip_prefix(prefix)?;
            (rest.is_empty() || rest.starts_with(['.', '[']))
                .then(|| (rest.trim_start_matches('.').to_owned(), message.clone()))
        };
        Self(self.0.iter().filter_map(inner).collect())
    }

    /// What is wrong with none of these fields and nothing below these prefixes.
    pub fn others(&self, fields: &[&str], prefixes: &[&str]) -> Vec<&str> {
        let shown = |f: &str| fields.contains(&f) || prefixes.iter().any(|p| f.starts_with(p));
        self.0.iter().filter(|(f, _)| !shown(f)).map(|(_, message)| message.as_str()).collect()
    }

    /// The message on top of the form: what belongs to no field, and that there are others below.
    pub fn top(&self) -> Markup {
        let others: Vec<&str> =
            self.0.iter().filter(|(f, _)| f.is_empty()).map(|(_, message)| message.as_str()).collect();
        html! {
            @if !self.none() {
                (message("error", html! {
                    @if others.is_empty() { p { "Something needs to be corrected. It is marked below." } }
                    @else { (told(&others)) }
                }))
            }
        }
    }
}

/// Messages one below the other.
pub(crate) fn told(messages: &[&str]) -> Markup {
    html! {
        @if let [only] = messages { (only) }
        @else { ul { @for message in messages { li { (message) } } } }
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
        assert_eq!(faults.others(&["asn"], &[]), ["<b>."]);
        assert!(faults.top().into_string().contains("&lt;b&gt;"));
        let single = Faults::of(&violation(None, "busy"), field);
        assert_eq!((single.others(&[], &[]), single.none()), (vec!["Busy."], false));
        let unknown = Refusal { details: vec![violation(Some("x"), "used by p")], ..refusal };
        assert_eq!(
            Faults::of(&unknown, field).others(&[], &[]).len(),
            2,
            "the summary, and what is in the way"
        );
    }

    #[test]
    fn each_target_is_found_from_where_it_is_shown_and_none_is_lost() {
        let mut faults = Faults::default();
        faults.add("a.b[1].c", "wrong");
        faults.add("a.b[1].c", "and odd");
        faults.add("a.b[10]", "odd");
        faults.add("x", "elsewhere");
        assert_eq!(faults.below("a.b[1]").at("c"), Some("Wrong. And odd."));
        assert_eq!(faults.below("a.b[1]").fields().count(), 1, "the tenth isn't the first");
        assert_eq!(faults.others(&["y"], &["a.b"]), ["Elsewhere."]);
        faults.replace("x", "something else");
        assert_eq!((faults.at("x"), faults.at("")), (Some("Something else."), None));
    }
}
