//! What pages are put together from. Each part says in one place how a thing looks everywhere.

pub(crate) mod faults;
pub(crate) mod form;
pub(crate) mod icon;
pub(crate) mod map;
pub(crate) mod state;
pub(crate) mod table;
pub(crate) mod typed;
pub(crate) mod version;

use crate::error::PageError;
use maud::{Markup, html};

/// A time, shown in the viewer's zone, with UTC on hover.
pub(crate) fn time(at: &str) -> Markup {
    html! {
        @if at.is_empty() { span.none { "–" } }
        @else { time datetime=(at) title=(at) { (at) } }
    }
}

/// Something that people copy.
pub(crate) fn copyable(text: &str) -> Markup {
    html! {
        span.copyable {
            code { (text) }
            button.copy type="button" data-copy=(text) aria-label=(format!("Copy {text}")) title="Copy" { (icon::of("copy")) }
        }
    }
}

/// A message at the top of a page or a form: `info`, `warning`, `error` or `success`.
pub(crate) fn message(level: &str, content: Markup) -> Markup {
    let role = if level == "error" { "alert" } else { "status" };
    html! { div.message.(level) role=(role) { (icon::of(level)) div { (content) } } }
}

/// A link that looks like a button, or why it can't be followed.
pub(crate) fn command(path: &str, words: &str, refused: Option<&str>) -> Markup {
    html! {
        @match refused {
            None => a.button href=(path) { (words) },
            Some(why) => button type="button" disabled title=(why) { (words) },
        }
    }
}

/// What is shown where there is nothing yet: what it would be, and what to do.
pub(crate) fn empty(title: &str, text: &str, action: Markup) -> Markup {
    html! { div.empty { (icon::of("empty")) h2 { (title) } p { (text) } (action) } }
}

/// Names with their values.
pub(crate) fn facts(rows: &[(&str, Markup)]) -> Markup {
    html! {
        dl.facts { @for (name, value) in rows { div { dt { (name) } dd { (value) } } } }
    }
}

/// A part of a page that may fail by itself: then it says so in its place, and the rest stays.
pub(crate) fn or_failed(part: Result<Markup, PageError>) -> Markup {
    let error = match part {
        Ok(part) => return part,
        Err(error) => error,
    };
    let why = match &error {
        PageError::Refused { refusal, .. } => faults::sentence(&refusal.message),
        other => {
            tracing::error!(reason = %other, "a part of a page failed");
            "Something failed on our side.".to_owned()
        }
    };
    message(
        "warning",
        html! { p { "This part can't be shown right now. " (why) " Reload the page to try again." } },
    )
}

/// A part of a page that is asked for again whenever something changed. `id` is unique on the page.
pub(crate) fn live(id: &str, path: &str, content: Markup) -> Markup {
    let select = format!("#{id}");
    html! {
        div id=(id) hx-get=(path) hx-trigger="changed from:body" hx-select=(select) hx-swap="outerHTML" hx-sync="this:drop" {
            (content)
        }
    }
}

/// Pages of one thing: name, path, and whether it is this one.
pub(crate) fn tabs(pages: &[(&str, String)], here: &str) -> Markup {
    html! {
        nav.tabs aria-label="Parts" {
            @for (name, path) in pages { a href=(path) aria-current=[(path == here).then_some("page")] { (name) } }
        }
    }
}
