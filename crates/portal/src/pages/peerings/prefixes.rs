//! A peering's registered prefixes with their states and keys. Live.

use super::at::At;
use super::frame::{command, may_write, tab};
use super::seen::{Seen, connections};
use crate::error::PageError;
use crate::parts::state::badge;
use crate::parts::{copyable, empty, live, message};
use crate::query::encode;
use crate::session::Context;
use axum::extract::Path;
use axum::response::Response;
use maud::{Markup, html};
use serde_json::Value;

/// The tab: its name and its place.
pub(super) const TAB: (&str, &str) = ("Registered prefixes", "/registered-prefixes");
/// What one of the tab's list is.
pub(super) const KIND: &str = "Registered prefix";
/// Prefixes that are listed.
const LIMIT: usize = 10_000;

const NONE: &str = "A route is optimized, and with Voice used at all, only when its very prefix is \
                    registered. One registration serves all locations.";
const KEYS: &str = "Once a prefix is Verified it has a key: give the key to whoever activates the prefix \
                    in a peering service. One key serves all locations.";

/// Shows the tab.
pub(super) async fn show(context: Context, Path(at): Path<At>) -> Result<Response, PageError> {
    let seen = Seen::of(&context, &at).await?;
    let may = may_register(&context, &at, &seen).await?;
    let rows = context.api.list(&format!("{}/registeredPrefixes", at.resource()), LIMIT).await?;
    let add = command(may, &at.page("/registered-prefixes/add"), "primary", "Add registered prefix");
    let content = html! {
        @if rows.is_empty() {
            @let next = html! { @match may { Ok(()) => (add), Err(why) => p.none { (why) } } };
            (empty("No registered prefixes", NONE, next))
        } @else {
            (message("info", html! { (KEYS) }))
            (table(&at, &rows))
        }
    };
    let commands = live("commands", &at.page(TAB.1), add.clone());
    Ok(tab(&context, &at, TAB.1, commands, live("prefixes", &at.page(TAB.1), content)))
}

/// Whether a prefix can be registered here now, else why not (`docs/rules.md` §5).
pub(super) async fn may_register(
    context: &Context,
    at: &At,
    seen: &Seen,
) -> Result<Result<(), &'static str>, PageError> {
    if let Err(why) = may_write(context) {
        return Ok(Err(why));
    }
    let service = seen.whole.pointer("/properties/direct/useForPeeringService") == Some(&Value::Bool(true));
    Ok(match () {
        () if seen.is_deleting() => Err("The peering is being taken away."),
        () if seen.r#type() == "IxRs" => Err("With a route server, ASNs are registered instead of prefixes."),
        () if !service => Err("Prefixes are registered on peerings with Peering Service only."),
        () => {
            let all = connections(context, at).await?;
            let open = all.iter().any(|c| c.is_open() && c.removal.is_none());
            if open { Ok(()) } else { Err("Prefixes can be added once a connection is Active.") }
        }
    })
}

fn table(at: &At, rows: &[Value]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Registered prefixes" {
            table {
                thead { tr { @for title in ["Name", "Prefix", "State", "Prefix key", "Used for", "What to do"] { th scope="col" { (title) } } } }
                tbody { @for row in rows { (line(at, row)) } }
            }
        }
    }
}

fn line(at: &At, row: &Value) -> Markup {
    let of = |name: &str| row["properties"][name].as_str().unwrap_or("");
    let name = row["name"].as_str().unwrap_or("");
    let path = at.page(&format!("{}/{}", TAB.1, encode(name)));
    html! {
        tr {
            td data-title="Name" { a href=(path) { (name) } }
            td data-title="Prefix" { code { (of("prefix")) } }
            td data-title="State" { (badge(of("prefixValidationState"))) }
            td data-title="Prefix key" { (key(of("peeringServicePrefixKey"))) }
            td data-title="Used for" { (usage(row)) }
            td data-title="What to do" {
                @if of("errorMessage").is_empty() { span.none { "Nothing" } }
                @else { (super::faults::sentence(of("errorMessage"))) " " a href=(path) { "Why?" } }
            }
        }
    }
}

/// A prefix key.
pub(super) fn key(key: &str) -> Markup {
    html! { @if key.is_empty() { span.none { "Once Verified" } } @else { (copyable(key)) } }
}

/// Classes of traffic and endpoints, in words.
pub(super) fn usage(row: &Value) -> Markup {
    let all = ["trafficClasses", "endpoints"]
        .iter()
        .flat_map(|list| row["properties"][list].as_array().into_iter().flatten().filter_map(Value::as_str));
    let words: Vec<&str> = all.map(word).collect();
    html! { @if words.is_empty() { span.none { "Not said" } } @else { (words.join(", ")) } }
}

/// Classes of traffic, and kinds of endpoints: as the API has them, and in words.
pub(super) const CLASSES: [(&str, &str); 4] =
    [("media", "Media"), ("signalling", "Signalling"), ("messaging", "Messaging"), ("other", "Other")];
pub(super) const ENDPOINTS: [(&str, &str); 4] = [
    ("sbc", "Session border controller"),
    ("sipGateway", "SIP gateway"),
    ("mediaRelay", "Media relay"),
    ("other", "Other"),
];

fn word(value: &str) -> &str {
    CLASSES.iter().chain(&ENDPOINTS).find(|(v, _)| *v == value).map_or(value, |(_, words)| words)
}
