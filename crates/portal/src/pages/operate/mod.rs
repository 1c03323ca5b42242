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
use crate::pages::listing::List;
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
        .route("/operate/people/{person}/edit", get(people::edit::show).post(people::edit::save))
        .route("/operate/people/{person}/withdraw", post(people::change::withdraw))
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
    if asked.is_csv() {
        return table.csv(asked);
    }
    let content = html! { (note) (table.render(asked)) };
    let mut page = Page::new(&context.viewer, &context.path, title, content);
    page.commands = commands;
    page.into_response()
}

/// A page that is a list of the API's, or the list as a file. `note` stands above it.
async fn paged(context: &Context, title: &str, list: List<'_>, note: Markup) -> Result<Response, PageError> {
    Ok(match list.shown(context).await? {
        Err(file) => file,
        Ok(table) => {
            Page::new(&context.viewer, &context.path, title, html! { (note) (table) }).into_response()
        }
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capacities_are_read_in_gigabits_where_they_are_whole() {
        assert_eq!((capacity(20_000), capacity(2_500)), ("20 Gbps".into(), "2500 Mbps".into()));
    }
}
