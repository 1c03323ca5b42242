//! The host's side: what operators decide and look after. Readers of everything look, too.

mod audit;
mod decide;
mod diff;
mod health;
mod inventory;
mod mails;
mod peerings;
mod people;
mod pools;
mod ports;
mod prefixes;
mod queue;
mod request;
mod router;
mod routers;

use crate::PortalState;
use crate::error::PageError;
use crate::layout::Page;
use crate::parts::table::{Asked, Table};
use crate::resource::page_of;
use crate::session::Context;
use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use maud::{Markup, html};
use serde_json::Value;
use std::sync::Arc;

/// Rows of a list that a page reads, at most.
const ROWS: usize = 100_000;

/// The host's pages.
pub(super) fn routes() -> Router<Arc<PortalState>> {
    Router::new()
        .route("/operate/queue", get(queue::list))
        .route("/operate/queue/connections/{connection}", get(request::connection).post(decide::connection))
        .route("/operate/queue/connections/{connection}/preview", get(request::preview))
        .route("/operate/queue/asns/{subscription}/{name}", get(request::asn).post(decide::asn))
        .route("/operate/peerings", get(peerings::list))
        .route("/operate/prefixes", get(prefixes::registered))
        .route("/operate/prefixes/activated", get(prefixes::activated))
        .route("/operate/routers", get(routers::list))
        .route("/operate/routers/{router}", get(router::show))
        .route("/operate/routers/{router}/diff", get(router::difference))
        .route("/operate/sites", get(inventory::sites))
        .route("/operate/ports", get(ports::list))
        .route("/operate/pools", get(pools::list))
        .route("/operate/offerings", get(inventory::offerings))
        .route("/operate/mails", get(mails::list))
        .route("/operate/audit", get(audit::all))
        .route("/operate/audit/{subscription}", get(audit::of_subscription))
        .route("/operate/people", get(people::list))
        .route("/operate/people/invite", get(people::invite::show).post(people::invite::invite))
        .route("/operate/people/{person}", get(people::person::show))
        .route("/operate/people/{person}/invite", post(people::change::invite_again))
        .route("/operate/people/{person}/disable", post(people::change::disable))
        .route("/operate/people/{person}/enable", post(people::change::enable))
        .route("/operate/people/{person}/end-sessions", post(people::change::end_sessions))
        .route("/operate/health", get(health::show))
}

/// Refuses those who don't see the host, as if nothing were here.
fn host(context: &Context) -> Result<(), PageError> {
    if context.viewer.sees_host() { Ok(()) } else { Err(PageError::NotFound) }
}

/// A page that is a list, or the list as a file. `note` stands above it.
fn listed(
    context: &Context,
    title: &str,
    table: Table<'_>,
    asked: &Asked,
    note: Markup,
    commands: Markup,
) -> Response {
    if asked.format == "csv" {
        return table.csv(asked);
    }
    let content = html! { (note) (table.render_live(asked)) };
    let mut page = Page::new(&context.viewer, &context.path, title, content);
    page.commands = commands;
    page.into_response()
}

/// A text of an answer; empty where there is none.
fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or("")
}

/// A number of an answer as text; empty where there is none.
fn number(value: &Value, name: &str) -> String {
    value[name].as_u64().map_or_else(String::new, |n| n.to_string())
}

/// Capacity as people say it: `20 Gbps`.
fn capacity(mbps: u64) -> String {
    if mbps >= 1000 && mbps.is_multiple_of(1000) {
        format!("{} Gbps", mbps / 1000)
    } else {
        format!("{mbps} Mbps")
    }
}

/// A link to a resource's page in these words.
fn resource(id: &str, words: &str) -> Markup {
    html! {
        @match page_of(id) {
            Some(path) => a href=(path) { (words) },
            None => (words),
        }
    }
}

/// `–` for what there is nothing of.
fn or_none(text: &str) -> Markup {
    html! { @if text.is_empty() { span.none { "–" } } @else { (text) } }
}

/// The connection that an object on a router belongs to, by the object's name: `lag12`, `c12v4`.
fn connection_of(object: &str) -> Option<&str> {
    let number = object.strip_prefix("lag").or_else(|| {
        let (number, family) = object.strip_prefix('c')?.split_once('v')?;
        matches!(family, "4" | "6").then_some(number)
    })?;
    (!number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_on_routers_are_told_apart_by_their_names() {
        let all = ["lag12", "c12v4", "c3v6", "c3v5", "lagx", "lag", "eth0", "cv4"];
        let of: Vec<Option<&str>> = all.iter().map(|name| connection_of(name)).collect();
        assert_eq!(of, [Some("12"), Some("12"), Some("3"), None, None, None, None, None]);
        assert_eq!((capacity(20_000), capacity(2_500)), ("20 Gbps".into(), "2500 Mbps".into()));
    }
}
