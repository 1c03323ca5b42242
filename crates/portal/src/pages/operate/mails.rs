//! Mails with their delivery, newest first.

use super::{host, listed, resource, text};
use crate::error::PageError;
use crate::parts::state::{Mood, shown, spaced};
use crate::parts::table::{Cell, Column, Table};
use crate::parts::{empty, message, time};
use crate::session::Context;
use axum::response::Response;
use maud::{Markup, html};
use serde_json::Value;

const COLUMNS: &[Column] = &[
    Column { key: "written", title: "Written" },
    Column { key: "subject", title: "Subject" },
    Column { key: "to", title: "To" },
    Column { key: "milestone", title: "Milestone" },
    Column { key: "delivery", title: "Delivery" },
    Column { key: "about", title: "About" },
];

/// Mails shown, the newest.
const SHOWN: usize = 1000;

/// Shows mails.
pub(super) async fn list(context: Context) -> Result<Response, PageError> {
    host(&context)?;
    let all = context.api.list("/api/v1/mails", SHOWN).await?;
    let note = html! {
        @if !context.state.sends_mail {
            (message("warning", html! { "No mail is sent from here until the configuration file has a table [mail] that names a server. What is written waits." }))
        }
        @if all.len() == SHOWN { p.remark { "The newest " (SHOWN) ". Older ones are on the pages of what they are about." } }
    };
    let table = Table {
        of: "mails",
        path: "/operate/mails",
        columns: COLUMNS,
        choices: &["milestone"],
        rows: all.iter().map(row).collect(),
        empty: empty(
            "No mail was written yet",
            "Milestones of claims, connections and prefixes are mailed to the contacts that they concern.",
            html! {},
        ),
    };
    Ok(listed(&context, "Mails", table, &context.asked, note, html! {}))
}

fn row(mail: &Value) -> Vec<Cell> {
    let (written, subject) = (text(mail, "createdAt"), text(mail, "subject"));
    let to: Vec<&str> =
        mail["recipients"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let (words, delivery) = delivery(mail);
    let id = text(mail, "resourceId");
    let name = id.rsplit('/').next().unwrap_or(id);
    vec![
        Cell::shown(written, time(written)),
        Cell::shown(subject, html! { details { summary { (subject) } pre { (text(mail, "text")) } } }),
        Cell::text(to.join(", ")),
        Cell::text(spaced(text(mail, "milestone"))),
        Cell::shown(words, delivery),
        Cell::shown(id, resource(id, name)),
    ]
}

/// How far it is on its way, in words and as shown.
fn delivery(mail: &Value) -> (String, Markup) {
    let attempts = mail["attempts"].as_u64().unwrap_or(0);
    match (mail["sentAt"].as_str(), mail["error"].as_str()) {
        (Some(at), _) => (format!("Sent {at}"), html! { (shown(Mood::Good, "Sent")) " " (time(at)) }),
        (None, Some(error)) => {
            let words = format!("Not delivered after {attempts} tries: {error}");
            (words, html! { (shown(Mood::Bad, "Not delivered")) p.none { (attempts) " tries: " (error) } })
        }
        (None, None) => ("Waiting to be sent".into(), shown(Mood::Moving, "Waiting to be sent")),
    }
}
