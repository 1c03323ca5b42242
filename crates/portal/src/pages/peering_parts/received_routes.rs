//! What the peering's sessions received, accepted and rejected, with the reasons. Routes are asked
//! for live at the edge, a page at a time, so that it doesn't matter how many there are.

use super::routes_file;
use crate::api::Refusal;
use crate::error::PageError;
use crate::pages::peerings::at::At;
use crate::pages::peerings::frame::tab;
use crate::parts::faults::{Faults, sentence};
use crate::parts::form::Field;
use crate::parts::state::{Mood, shown};
use crate::parts::table::{Cell, Column, columns_menu, grid};
use crate::parts::{copyable, empty, message, time};
use crate::query::encode;
use crate::session::Context;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use serde::Deserialize;

pub(super) const PATH: &str = "/received-routes";
pub(super) const OF: &str = "received routes";
/// Rows on a page.
const ROWS: usize = 200;

pub(super) const COLUMNS: &[Column] = &[
    Column { key: "prefix", title: "Prefix" },
    Column { key: "accepted", title: "Accepted" },
    Column { key: "reasons", title: "Reasons" },
    Column { key: "path", title: "AS path" },
    Column { key: "session", title: "Session" },
    Column { key: "next", title: "Next hop" },
    Column { key: "router", title: "Router" },
    Column { key: "rpki", title: "RPKI" },
    Column { key: "received", title: "Received" },
];

/// How the page is asked for.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    pub prefix: String,
    #[serde(default)]
    pub as_path: String,
    /// `true`, `false` or empty.
    #[serde(default)]
    pub accepted: String,
    #[serde(default)]
    pub rpki: String,
    /// Where the API's page starts: its token, empty for the first.
    #[serde(default)]
    pub after: String,
    /// Where this page starts within the API's.
    #[serde(default)]
    pub from: usize,
}

impl Asked {
    /// The API's path.
    pub fn path(&self, at: &At) -> String {
        let mut path = format!("{}/receivedRoutes?", at.resource());
        for (name, value) in [
            ("prefix", &self.prefix),
            ("asPath", &self.as_path),
            ("accepted", &self.accepted),
            ("rpkiValidationState", &self.rpki),
            ("$skipToken", &self.after),
        ] {
            if !value.trim().is_empty() {
                path.push_str(&format!("{name}={}&", encode(value.trim())));
            }
        }
        path.pop();
        path
    }

    /// What is filtered by.
    fn filters(&self) -> Vec<(&str, &str)> {
        let all = [
            ("prefix", self.prefix.trim()),
            ("as_path", self.as_path.trim()),
            ("accepted", self.accepted.trim()),
            ("rpki", self.rpki.trim()),
        ];
        all.into_iter().filter(|(_, value)| !value.is_empty()).collect()
    }

    /// This page's address, starting elsewhere, with the same columns.
    fn link(&self, context: &Context, after: &str, from: usize, format: &str) -> String {
        let from = if from > 0 { from.to_string() } else { String::new() };
        let mut pairs = self.filters();
        pairs.extend([("after", after), ("from", &from), ("format", format)]);
        pairs.extend(context.asked.columns().map(|key| ("column", key)));
        let filled = pairs.iter().filter(|(_, value)| !value.is_empty());
        let query: Vec<String> = filled.map(|(name, value)| format!("{name}={}", encode(value))).collect();
        if query.is_empty() { context.path.clone() } else { format!("{}?{}", context.path, query.join("&")) }
    }
}

/// A route as the API shows it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Route {
    pub prefix: String,
    pub next_hop: String,
    pub as_path: String,
    pub rpki_validation_state: String,
    pub received_timestamp: String,
    pub accepted: bool,
    pub reasons: Vec<Reason>,
    pub session_ip: Option<String>,
    pub router: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Reason {
    pub message: String,
}

/// A page of the API's list.
#[derive(Debug, Deserialize)]
pub(super) struct Rows {
    pub value: Vec<Route>,
    #[serde(rename = "nextLink")]
    next_link: Option<String>,
}

impl Rows {
    /// The token of the next page.
    pub fn next(&self) -> Option<String> {
        let (_, query) = self.next_link.as_ref()?.split_once('?')?;
        query.split('&').find_map(|pair| pair.strip_prefix("$skipToken=")).map(str::to_owned)
    }
}

/// Shows the page, or gives the rows as a file.
pub(super) async fn show(
    context: Context,
    Path(at): Path<At>,
    Query(asked): Query<Asked>,
) -> Result<Response, PageError> {
    let answer = context.api.ask(&asked.path(&at)).await?;
    let status = answer.status;
    let (faults, content) = match answer.into_result() {
        Ok(body) => {
            let rows: Rows = serde_json::from_value(body).map_err(PageError::internal)?;
            if context.asked.is_csv() {
                return Ok(routes_file::stream(&context, at, asked, rows));
            }
            (Faults::default(), table(&context, &at, &asked, &rows))
        }
        Err(refusal) if status == StatusCode::BAD_REQUEST => (Faults::of(&refusal, field), html! {}),
        Err(refusal) if status == StatusCode::SERVICE_UNAVAILABLE => {
            (Faults::default(), unavailable(&refusal))
        }
        Err(refusal) => return Err(PageError::Refused { status, refusal }),
    };
    let content = html! { (faults.top()) (filters(&context, &at, &asked, &faults)) (content) };
    Ok(tab(&context, &at, PATH, html! {}, content))
}

/// The form's field of a parameter that the API refuses.
fn field(target: &str) -> Option<String> {
    let name = match target {
        "prefix" | "accepted" => target,
        "asPath" => "as_path",
        "rpkiValidationState" => "rpki",
        _ => return None,
    };
    Some(name.to_owned())
}

fn unavailable(refusal: &Refusal) -> Markup {
    message(
        "warning",
        html! {
            p { "The edge can't be asked for its routes right now. They aren't lost: routes stay at the edge, and traffic doesn't depend on this page. Try again in a moment." }
            p.none { (sentence(&refusal.message)) }
        },
    )
}

fn filters(context: &Context, at: &At, asked: &Asked, faults: &Faults) -> Markup {
    let option = |value: &str, words: &str| (value.to_owned(), words.to_owned());
    let accepted =
        [option("", "Accepted and rejected"), option("true", "Accepted"), option("false", "Rejected")];
    let rpki = [
        option("", "Any"),
        option("Valid", "Valid"),
        option("Invalid", "Invalid"),
        option("NotFound", "Not found"),
        option("Unknown", "Not checked"),
    ];
    html! {
        form.filters action=(at.page(PATH)) role="search" aria-label="Filter received routes" {
            (Field { name: "prefix", label: "Prefix", error: faults.at("prefix"), ..Field::default() }.input("text", &asked.prefix, "off"))
            (Field { name: "as_path", label: "AS path", error: faults.at("as_path"), ..Field::default() }.input("text", &asked.as_path, "off"))
            (Field { name: "accepted", label: "Outcome", error: faults.at("accepted"), ..Field::default() }.select(&accepted, &asked.accepted))
            (Field { name: "rpki", label: "RPKI", error: faults.at("rpki"), ..Field::default() }.select(&rpki, &asked.rpki))
            @for key in context.asked.columns() { input type="hidden" name="column" value=(key); }
            div.end { button.primary type="submit" { "Filter" } @if !asked.filters().is_empty() { " " a.button href=(at.page(PATH)) { "Show all" } } }
        }
    }
}

fn table(context: &Context, at: &At, asked: &Asked, rows: &Rows) -> Markup {
    let from = asked.from.min(rows.value.len());
    let shown_rows = &rows.value[from..(from + ROWS).min(rows.value.len())];
    let link = |after: &str, from: usize, format: &str| asked.link(context, after, from, format);
    let next = match (rows.value.len() > from + ROWS, rows.next()) {
        (true, _) => Some(link(&asked.after, from + ROWS, "")),
        (false, Some(token)) => Some(link(&token, 0, "")),
        (false, None) => None,
    };
    let is_first = asked.after.is_empty() && from == 0;
    if shown_rows.is_empty() && is_first && next.is_none() {
        return if asked.filters().is_empty() {
            empty(
                "No routes are received yet",
                "Routes appear here as soon as a session is established and you announce something, also before the connection is Active.",
                html! { a.button href=(at.page("/connections")) { "See the connections" } },
            )
        } else {
            html! { p.nothing { "No route matches. " a href=(at.page(PATH)) { "Show all" } } }
        };
    }
    let cells: Vec<Vec<Cell>> = shown_rows.iter().map(row).collect();
    html! {
        div.toolbar {
            span.count { (shown_rows.len()) " routes on this page, in the order of prefixes" @if next.is_none() { ", the last ones" } }
            div.tools {
                (columns_menu(OF, &context.path, COLUMNS, &context.asked, &asked.filters()))
                a.subtle href=(link("", 0, "csv")) download { "Export CSV" }
            }
        }
        (grid(OF, COLUMNS, &context.asked, &cells, |column| html! { th scope="col" { (column.title) } }))
        nav.pages aria-label="Pages" {
            @if !is_first { a href=(link("", 0, "")) { "First page" } }
            @if let Some(next) = &next { a href=(next) rel="next" { "Next" } }
        }
    }
}

/// A route's cells.
pub(super) fn row(route: &Route) -> Vec<Cell> {
    let rpki =
        if route.rpki_validation_state == "Unknown" { "Not checked" } else { &route.rpki_validation_state };
    let reasons: Vec<String> = route.reasons.iter().map(|reason| sentence(&reason.message)).collect();
    let outcome = if route.accepted { shown(Mood::Good, "Accepted") } else { shown(Mood::Bad, "Rejected") };
    vec![
        Cell::shown(&route.prefix, copyable(&route.prefix)),
        Cell::shown(if route.accepted { "yes" } else { "no" }, outcome),
        Cell::shown(
            reasons.join(" "),
            html! {
                @if reasons.is_empty() { span.none { "–" } }
                @for reason in &reasons { div { (reason) } }
            },
        ),
        Cell::shown(&route.as_path, html! { code { (route.as_path) } }),
        Cell::text(route.session_ip.as_deref().unwrap_or("–")),
        Cell::text(&route.next_hop),
        Cell::text(&route.router),
        Cell::text(rpki),
        Cell::shown(&route.received_timestamp, time(&route.received_timestamp)),
    ]
}
