//! Who did what, newest first; of everybody or of one subscription.

use super::{host, listed, resource, text};
use crate::error::PageError;
use crate::parts::table::{Cell, Column, Table};
use crate::parts::{empty, time};
use crate::query::encode;
use crate::resource::part;
use crate::session::Context;
use axum::extract::Path;
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
pub(super) async fn all(context: Context) -> Result<Response, PageError> {
    page(&context, None).await
}

/// Shows a subscription's.
pub(super) async fn of_subscription(
    context: Context,
    Path(subscription): Path<String>,
) -> Result<Response, PageError> {
    page(&context, Some(&subscription)).await
}

async fn page(context: &Context, subscription: Option<&str>) -> Result<Response, PageError> {
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
    let commands =
        html! { @if subscription.is_some() { a.button href="/operate/audit" { "All subscriptions" } } };
    let table = Table {
        of: "entries",
        path: &path,
        columns: COLUMNS,
        choices: &["who", "what", "subscription"],
        rows: entries.iter().map(row).collect(),
        empty: empty("Nothing was done yet", "Every change is written down here with who made it.", html! {}),
    };
    Ok(listed(context, &title, table, &context.asked, note, commands))
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
        Cell::shown(id, html! { span title=(id) { (about(id, name)) } }),
        Cell::shown(
            subscription,
            html! {
                @if subscription.is_empty() { span.none { "–" } }
                @else { a href=(format!("/operate/audit/{}", encode(subscription))) { (subscription) } }
            },
        ),
        Cell::shown(words.join("; "), shown(&detail)),
    ]
}

/// A resource, or somebody.
fn about(id: &str, name: &str) -> Markup {
    html! {
        @match id.strip_prefix("people/") {
            Some(person) => a href=(format!("/operate/people/{}", encode(person))) { (id) },
            None => (resource(id, name)),
        }
    }
}

fn shown(detail: &[(String, String)]) -> Markup {
    html! { @for (name, value) in detail { div { span.none { (name) ": " } (value) } } }
}

/// Names with values; what is empty is left out.
fn particulars(detail: &Value) -> Vec<(String, String)> {
    let pairs = detail.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), words(value)));
    pairs.filter(|(_, value)| !value.is_empty()).collect()
}

fn words(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Array(all) => all.iter().map(words).collect::<Vec<_>>().join(", "),
        Value::Object(all) => {
            all.iter().map(|(name, value)| format!("{name} {}", words(value))).collect::<Vec<_>>().join(", ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn particulars_are_written_for_people() {
        let all =
            particulars(&json!({ "added": ["a", "b"], "asn": 64510, "removed": [], "tags": { "x": "y" } }));
        let all: Vec<String> = all.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(all, ["added=a, b", "asn=64510", "tags=x y"]);
    }
}
