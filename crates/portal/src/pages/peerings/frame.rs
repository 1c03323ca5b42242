//! What all pages of a peering have in common: the way here, tabs, title.

use super::at::At;
use crate::error::PageError;
use crate::layout::Page;
use crate::parts::tabs;
use crate::session::Context;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

/// A peering's tabs: what they are called, and where they are below the peering's own page.
const TABS: &[(&str, &str)] = &[
    ("Overview", ""),
    ("Connections", "/connections"),
    ("Registered prefixes", "/registered-prefixes"),
    ("Registered ASNs", "/registered-asns"),
    ("Received routes", "/received-routes"),
    ("Compliance", "/compliance"),
    ("Metrics", "/metrics"),
    ("Events and mails", "/events"),
    ("Router configuration", "/configuration"),
    ("Tags", "/tags"),
    ("JSON view", "/json"),
];

/// A tab's page. `tab` is its place among the peering's pages.
pub(in crate::pages) fn tab(
    context: &Context,
    at: &At,
    tab: &str,
    commands: Markup,
    content: Markup,
) -> Response {
    let here = at.page(tab);
    let all: Vec<(&str, String)> = TABS.iter().map(|(name, path)| (*name, at.page(path))).collect();
    Page {
        kind: "Peering",
        trail: &[("Peerings", "/peerings")],
        commands,
        tabs: tabs(&all, &here),
        ..Page::new(&context.viewer, &here, &at.name, content)
    }
    .into_response()
}

/// A page below a tab (its name and place; empty for the overview): a form, or one thing of the tab's
/// list, of `kind`.
pub(in crate::pages) fn below(
    context: &Context,
    at: &At,
    tab: (&str, &str),
    kind: &str,
    title: &str,
    commands: Markup,
    content: Markup,
) -> Response {
    let (own, above) = (at.page(""), at.page(tab.1));
    let trail = [("Peerings", "/peerings"), (at.name.as_str(), own.as_str()), (tab.0, above.as_str())];
    let steps = if tab.1.is_empty() { &trail[..2] } else { &trail[..] };
    Page { kind, trail: steps, commands, ..Page::new(&context.viewer, &own, title, content) }.into_response()
}

/// A link that looks like a button; without one's permission it says why instead of leading there.
pub(in crate::pages) fn command(allowed: Result<(), &str>, path: &str, class: &str, words: &str) -> Markup {
    match allowed {
        Ok(()) => html! { a.button.(class) href=(path) { (words) } },
        Err(why) => html! {
            span.refused {
                span.button role="link" aria-disabled="true" tabindex="0" { (words) }
                span.why { (why) }
            }
        },
    }
}

/// Refuses who may only look.
pub(super) fn check_writes(context: &Context) -> Result<(), PageError> {
    if context.viewer.writes() { Ok(()) } else { Err(PageError::NotAllowed) }
}

/// Whether the viewer may change something in the subscription.
pub(in crate::pages) fn may_write(context: &Context) -> Result<(), &'static str> {
    if context.viewer.writes() { Ok(()) } else { Err("Your account may look, but not change anything.") }
}
