//! Mails about a resource, for its own page.

use crate::error::PageError;
use crate::parts::state::{Mood, shown, spaced};
use crate::parts::time;
use crate::query::encode;
use crate::resource::part;
use crate::session::Context;
use maud::{Markup, html};
use serde_json::Value;

/// Mails shown.
const SHOWN: usize = 50;

/// The newest mails about a resource, by its id.
pub(super) async fn of(context: &Context, id: &str) -> Result<Markup, PageError> {
    let subscription = encode(part(id, "subscriptions"));
    let path = format!("/api/v1/subscriptions/{subscription}/mails?resource={}", encode(id));
    let mails = context.api.list(&path, SHOWN).await?;
    Ok(html! {
        @if mails.is_empty() { p.nothing { "No mail was written about it yet. Milestones are mailed to the contacts that they concern." } }
        @else { ul.mails { @for mail in &mails { li { (one(mail)) } } } }
    })
}

fn one(mail: &Value) -> Markup {
    let text = |name: &str| mail[name].as_str().unwrap_or("");
    let to: Vec<&str> =
        mail["recipients"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    html! {
        details {
            summary { (text("subject")) " " (delivery(mail)) " " span.none { (time(text("createdAt"))) } }
            p.none { "To " (to.join(", ")) " · " (spaced(text("milestone"))) }
            pre tabindex="0" { (text("text")) }
        }
    }
}

/// How far it is on its way.
fn delivery(mail: &Value) -> Markup {
    match (mail["sentAt"].as_str(), mail["error"].as_str()) {
        (Some(_), _) => shown(Mood::Good, "Sent"),
        (None, Some(error)) => html! { (shown(Mood::Bad, "Not delivered")) " " span.none { (error) } },
        (None, None) => shown(Mood::Moving, "Waiting to be sent"),
    }
}
