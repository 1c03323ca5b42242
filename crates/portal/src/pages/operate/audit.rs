//! Who did what, newest first; of everybody or of one subscription.

use super::{host, listed, resource, text};
use crate::error::PageError;
use crate::parts::table::{Asked, Cell, Column, Table};
use crate::parts::{empty, time};
use crate::query::encode;
use crate::resource::part;
use crate::session::Context;
use axum::extract::{Path, Query};
use axum::response::Response;
use maud::{Markup, html};
use serde_json::Value;

const COLUMNS: &[Column] = &[
    Column { key: "at", title: "When" },
    Column { key: "who", title: "Who" },
    Column { key: "what", title: "What" },
    Column { key: "resource", title: "To what" },
    Column { key: "subscription", title: "Subscription" },
    Column { key: "detail", title: "Particulars" },
];

/// Entries shown, the newest.
const SHOWN: usize = 1000;

/// Shows the whole audit trail.
pub(super) async fn all(context: Context, Query(asked): Query<Asked>) -> Result<Response, PageError> {
    page(&context, None, &asked).await
}

/// Shows a subscription's.
pub(super) async fn of_subscription(
    context: Context,
    Path(subscription): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, PageError> {
    page(&context, Some(&subscription), &asked).await
}

async fn page(context: &Context, subscription: Option<&str>, asked: &Asked) -> Result<Response, PageError> {
    host(context)?;
    let (query, path, title) = match subscription {
        Some(s) => (
            format!("?subscription={}", encode(s)),
            format!("/operate/audit/{}", encode(s)),
            format!("Audit trail of {s}"),
        ),
        None => (String::new(), "/operate/audit".to_owned(), "Audit trail".to_owned()),
    };
    let entries = context.api.list(&format!("/api/v1/audit{query}"), SHOWN).await?;
    let note = html! {
        @if entries.len() == SHOWN { p.remark { "The newest " (SHOWN) @if subscription.is_none() { ". Choose a subscription for more of it" } "." } }
    };
    let commands = html! { @if subscription.is_some() { a.button href="/operate/audit" { "All subscriptions" } } };
    let table = Table {
        of: "entries",
        path: &path,
        columns: COLUMNS,
        rows: entries.iter().map(row).collect(),
        empty: empty("Nothing was done yet", "Every change is written down here with who made it.", html! {}),
    };
    Ok(listed(context, &title, table, asked, note, commands))
}

fn row(entry: &Value) -> Vec<Cell> {
    let (at, id) = (text(entry, "at"), text(entry, "resource"));
    let subscription = part(id, "subscriptions");
    let name = id.rsplit('/').next().unwrap_or(id);
    let detail = particulars(&entry["detail"]);
    let words: Vec<String> = detail.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    vec![
        Cell::shown(at, time(at)),
        Cell::text(text(entry, "principal")),
        Cell::text(text(entry, "action")),
        Cell::shown(id, html! { span title=(id) { (resource(id, name)) } }),
        Cell::shown(subscription, html! {
            @if subscription.is_empty() { span.none { "–" } }
            @else { a href=(format!("/operate/audit/{}", encode(subscription))) { (subscription) } }
        }),
        Cell::shown(words.join("; "), shown(&detail)),
    ]
}

fn shown(detail: &[(String, String)]) -> Markup {
    html! { @for (name, value) in detail { div { span.none { (name) ": " } (value) } } }
}

/// Names with values; what isn't a text is written as JSON.
fn particulars(detail: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    detail.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), text(value))).collect()
}
