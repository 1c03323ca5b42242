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

    /// A line of text with known values to choose from.
    pub fn suggested(&self, known: &[String], value: &str) -> Markup {
        let list = format!("{}-known", self.name);
        self.around(html! {
            input type="text" id=(self.name) name=(self.name) value=(value) autocomplete="on" list=(list)
                required[self.required] aria-invalid=[self.error.map(|_| "true")] aria-describedby=[self.described_by()];
            datalist id=(list) { @for value in known { option value=(value) {} } }
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

/// The subscription that something new belongs to: one of the person's, or for operators any.
pub(crate) fn subscription(viewer: &Viewer, known: &[String], value: &str, error: Option<&str>) -> Markup {
    let field = Field { name: "subscription", label: "Subscription", error, required: true, hint: "" };
    if !viewer.sees_host() {
        let options: Vec<(String, String)> = known.iter().map(|s| (s.clone(), s.clone())).collect();
        return field.select(&options, value);
    }
    field.suggested(known, value)
}

/// The button that a form is sent with by the Enter key, before any other in the form.
pub(crate) fn default_button(action: &str) -> Markup {
    html! { button.hidden type="submit" name="do" value=(action) tabindex="-1" aria-hidden="true" { "Send" } }
}

/// A button that changes how many rows a form has: the rest of the form needn't be right for it.
pub(crate) fn row_button(action: &str, words: Markup) -> Markup {
    html! { button type="submit" name="do" value=(action) formnovalidate { (words) } }
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
