//! Forms: fields with their labels, hints and errors beside them, and the token of the session.

use crate::access::Viewer;
use maud::{Markup, html};

/// A field's label, help and error.
#[derive(Clone, Copy, Default)]
pub(crate) struct Field<'a> {
    /// Its name in the form, and its id.
    pub name: &'a str,
    /// Its label.
    pub label: &'a str,
    /// What it is for; empty for none.
    pub hint: &'a str,
    /// What is wrong with it.
    pub error: Option<&'a str>,
    /// Whether it must be given.
    pub required: bool,
}

impl Field<'_> {
    fn described_by(&self) -> Option<String> {
        let hint = (!self.hint.is_empty()).then(|| format!("{}-hint", self.name));
        let error = self.error.map(|_| format!("{}-error", self.name));
        let ids: Vec<String> = hint.into_iter().chain(error).collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }

    fn around(&self, input: Markup) -> Markup {
        html! {
            div.field.wrong[self.error.is_some()] {
                label for=(self.name) { (self.label) @if self.required { span.required title="Required" { " *" } } }
                @if !self.hint.is_empty() { p.hint id=(format!("{}-hint", self.name)) { (self.hint) } }
                (input)
                @if let Some(error) = self.error { p.error id=(format!("{}-error", self.name)) { (error) } }
            }
        }
    }

    /// A line of text; `kind` is the input's type.
    pub fn input(&self, kind: &str, value: &str, autocomplete: &str) -> Markup {
        self.around(html! {
            input type=(kind) id=(self.name) name=(self.name) value=(value) autocomplete=(autocomplete)
                required[self.required] aria-invalid=[self.error.map(|_| "true")] aria-describedby=[self.described_by()];
        })
    }

    /// One of several values, each with its words; an empty value first stands for none chosen.
    pub fn select(&self, options: &[(String, String)], value: &str) -> Markup {
        self.around(html! {
            select id=(self.name) name=(self.name) required[self.required]
                aria-invalid=[self.error.map(|_| "true")] aria-describedby=[self.described_by()] {
                @for (option, words) in options {
                    option value=(option) selected[option == value] { (words) }
                }
            }
        })
    }
}

/// A form that changes something. It is sent once, however often its button is pressed.
pub(crate) fn form(viewer: &Viewer, action: &str, content: Markup) -> Markup {
    html! {
        form method="post" action=(action) data-once {
            input type="hidden" name="_csrf" value=(viewer.csrf);
            (content)
        }
    }
}
