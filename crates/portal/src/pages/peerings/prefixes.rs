//! A peering's registered prefixes with their states and keys. Live.

use super::at::At;
use super::frame::{command, may_write, tab};
use super::seen::{Seen, connections};
use crate::error::PageError;
use crate::parts::faults::sentence;
use crate::parts::state::{badge, spaced};
use crate::parts::table::{Cell, Column, Table};
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

const COLUMNS: &[Column] = &[
    Column { key: "name", title: "Name" },
    Column { key: "prefix", title: "Prefix" },
    Column { key: "state", title: "State" },
    Column { key: "key", title: "Prefix key" },
    Column { key: "use", title: "Used for" },
    Column { key: "todo", title: "What to do" },
];

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
    let path = at.page(TAB.1);
    let next = html! { @match may { Ok(()) => (add), Err(why) => p.none { (why) } } };
    let table = Table {
        of: "registered prefixes",
        path: &path,
        columns: COLUMNS,
        choices: &["state"],
        rows: rows.iter().map(|prefix| row(&at, prefix)).collect(),
        empty: empty("No registered prefixes", NONE, next),
    };
    if context.asked.is_csv() {
        return Ok(table.csv(&context.asked));
    }
    let content = html! {
        @if !rows.is_empty() { (message("info", html! { (KEYS) })) }
        (table.render(&context.asked))
    };
    Ok(tab(&context, &at, TAB.1, live("commands", &path, add), content))
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

fn row(at: &At, prefix: &Value) -> Vec<Cell> {
    let of = |name: &str| prefix["properties"][name].as_str().unwrap_or("");
    let name = prefix["name"].as_str().unwrap_or("");
    let path = at.page(&format!("{}/{}", TAB.1, encode(name)));
    let (state, error) = (of("prefixValidationState"), of("errorMessage"));
    let uses = uses(prefix);
    vec![
        Cell::shown(name, html! { a href=(path) { (name) } }),
        Cell::shown(of("prefix"), copyable(of("prefix"))),
        Cell::shown(spaced(state), badge(state)),
        Cell::shown(of("peeringServicePrefixKey"), key(of("peeringServicePrefixKey"))),
        Cell::shown(&uses, usage(prefix)),
        Cell::shown(
            error,
            html! {
                @if error.is_empty() { span.none { "Nothing" } }
                @else { (sentence(error)) " " a href=(path) { "Why?" } }
            },
        ),
    ]
}

/// A prefix key.
pub(super) fn key(key: &str) -> Markup {
    html! { @if key.is_empty() { span.none { "Once Verified" } } @else { (copyable(key)) } }
}

/// Classes of traffic and endpoints, in words.
pub(super) fn usage(row: &Value) -> Markup {
    let words = uses(row);
    html! { @if words.is_empty() { span.none { "Not said" } } @else { (words) } }
}

fn uses(row: &Value) -> String {
    let all = ["trafficClasses", "endpoints"]
        .iter()
        .flat_map(|list| row["properties"][list].as_array().into_iter().flatten().filter_map(Value::as_str));
    all.map(word).collect::<Vec<&str>>().join(", ")
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
