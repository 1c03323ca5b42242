//! What happened to a peering: milestones of its connections, mails with their delivery, and who
//! changed what; newest first.

use crate::error::PageError;
use crate::pages::peerings::at::At;
use crate::pages::peerings::frame::tab;
use crate::parts::state::{Mood, shown, spaced};
use crate::parts::table::{Cell, Column, Table};
use crate::parts::{empty, message, time};
use crate::query::encode;
use crate::session::Context;
use axum::extract::Path;
use axum::response::Response;
use maud::{Markup, html};
use serde_json::Value;

const PATH: &str = "/events";
/// Mails of the subscription, and entries of the peering, that are looked through.
const LOOKED_THROUGH: usize = 2000;

const COLUMNS: &[Column] = &[
    Column { key: "at", title: "When" },
    Column { key: "kind", title: "Kind" },
    Column { key: "what", title: "What" },
    Column { key: "who", title: "Who" },
    Column { key: "delivery", title: "Delivery" },
];

/// Something that happened.
struct Event {
    at: String,
    kind: &'static str,
    what: String,
    /// More of it: a mail's text, a change's particulars.
    more: String,
    who: String,
    delivery: Option<(Mood, String)>,
}

/// Shows the page.
pub(super) async fn show(context: Context, Path(at): Path<At>) -> Result<Response, PageError> {
    // Asked first: where there is no peering there is no page.
    let connections = context.api.list(&format!("{}/connections", at.extension()), usize::MAX).await?;
    let mails = format!("/api/v1/subscriptions/{}/mails", encode(&at.subscription));
    let mails = context.api.list(&mails, LOOKED_THROUGH).await?;
    let audit = context.api.list(&format!("{}/audit", at.extension()), LOOKED_THROUGH).await?;
    let is_cut = mails.len() >= LOOKED_THROUGH || audit.len() >= LOOKED_THROUGH;
    let own = format!(
        "/subscriptions/{}/resourcegroups/{}/providers/microsoft.peering/peerings/{}",
        at.subscription, at.resource_group, at.name
    );
    let mut events: Vec<Event> = connections.iter().flat_map(milestones).collect();
    events.extend(mails.iter().filter(|m| is_of(m, &own)).map(mail));
    events.extend(audit.iter().map(change));
    events.sort_by(|a, b| b.at.cmp(&a.at));
    let page = at.page(PATH);
    let table = Table {
        of: "events",
        path: &page,
        columns: COLUMNS,
        choices: &[],
        rows: events.iter().map(row).collect(),
        empty: empty(
            "Nothing happened yet",
            "Milestones, mails and changes of this peering are listed here.",
            html! {},
        ),
    };
    if context.asked.is_csv() {
        return Ok(table.csv(&context.asked));
    }
    let content = html! {
        @if is_cut { (message("info", html! { "Only the newest " (LOOKED_THROUGH) " mails and changes are looked through here." })) }
        (table.render(&context.asked))
    };
    Ok(tab(&context, &at, PATH, html! {}, content))
}

/// True for what is about the peering or something below it.
fn is_of(mail: &Value, own: &str) -> bool {
    let resource = text(mail, "resourceId").to_lowercase();
    let rest = resource.strip_prefix(&own.to_lowercase());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or("")
}

fn mail(mail: &Value) -> Event {
    let to: Vec<&str> =
        mail["recipients"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let delivery = match (mail["sentAt"].as_str(), mail["error"].as_str()) {
        (Some(_), _) => (Mood::Good, "Sent".to_owned()),
        (None, Some(error)) => (Mood::Bad, format!("Not delivered: {error}")),
        (None, None) => (Mood::Moving, "Waiting to be sent".to_owned()),
    };
    Event {
        at: text(mail, "createdAt").to_owned(),
        kind: "Mail",
        what: text(mail, "subject").to_owned(),
        more: text(mail, "text").to_owned(),
        who: format!("to {}", to.join(", ")),
        delivery: Some(delivery),
    }
}

fn change(entry: &Value) -> Event {
    let (resource, action) = (text(entry, "resource"), text(entry, "action"));
    let name = resource.rsplit('/').next().unwrap_or("");
    let more = match &entry["detail"] {
        Value::Object(detail) if !detail.is_empty() => {
            serde_json::to_string_pretty(detail).unwrap_or_default()
        }
        _ => String::new(),
    };
    Event {
        at: text(entry, "at").to_owned(),
        kind: "Change",
        what: format!("{} {name} {}", noun(action), verb(action, &entry["detail"])),
        more,
        who: text(entry, "principal").to_owned(),
        delivery: None,
    }
}

/// What an action is about, for people.
fn noun(action: &str) -> &str {
    match action.split('/').next().unwrap_or("") {
        "peerings" => "Peering",
        "registeredPrefixes" => "Registered prefix",
        "registeredAsns" => "Registered ASN",
        "connections" => "Connections of",
        other => other,
    }
}

fn verb<'a>(action: &'a str, detail: &Value) -> &'a str {
    match action.split_once('/').map_or("", |(_, verb)| verb) {
        "write" if detail["created"] == true => "created",
        "write" => "changed",
        "delete" => "deleted",
        "approve" => "approved",
        "refuse" => "refused",
        "validate" => "to be validated again",
        _ => action,
    }
}

/// What is known of a connection's way, each with its time.
fn milestones(c: &Value) -> Vec<Event> {
    let name = format!("Connection {}", text(c, "trackingId"));
    let mut events = Vec::new();
    let mut add = |at: &Value, what: String| {
        if let Some(at) = at.as_str() {
            let (at, more) = (at.to_owned(), String::new());
            events.push(Event { at, kind: "Connection", what, more, who: String::new(), delivery: None });
        }
    };
    let decision = &c["decision"];
    let word = if decision["approved"] == true { "approved" } else { "refused" };
    add(&decision["at"], format!("{name} {word}: {}", text(decision, "reason")));
    add(&c["loa"]["issuedAt"], format!("{name}: letter of authorization {} issued", text(&c["loa"], "code")));
    add(&c["lag"]["lightAt"], format!("{name}: light seen"));
    let reached = &c["milestones"];
    add(&reached["requestedAt"], format!("{name} requested"));
    add(&reached["portConfiguredAt"], format!("{name}: port configured, addresses given"));
    add(&reached["lagUpAt"], format!("{name}: LAG up for the first time"));
    add(&reached["sessionsUpAt"], format!("{name}: BFD up and BGP established for the first time"));
    add(&c["activeAt"], format!("{name} Active for the first time"));
    for s in c["sessions"].as_array().into_iter().flatten() {
        add(&s["establishedAt"], format!("{name}: session {} established", text(s, "peerAddress")));
    }
    add(&c["removal"]["since"], format!("{name}: removal, step {}", text(&c["removal"], "step")));
    let state = text(c, "connectionState");
    if c["activeAt"] != c["since"] {
        let why = c["errorMessage"].as_str().map_or(String::new(), |why| format!(": {why}"));
        add(&c["since"], format!("{name} is {}{why}", spaced(state)));
    }
    events
}

fn row(event: &Event) -> Vec<Cell> {
    let what: Markup = html! {
        @if event.more.is_empty() { (event.what) }
        @else { details { summary { (event.what) } pre tabindex="0" { (event.more) } } }
    };
    let delivery = event.delivery.as_ref();
    vec![
        Cell::shown(event.at.clone(), time(&event.at)),
        Cell::text(event.kind),
        Cell::shown(format!("{} {}", event.what, event.more).trim().to_owned(), what),
        Cell::text(event.who.clone()),
        Cell::shown(
            delivery.map_or(String::new(), |(_, words)| words.clone()),
            html! { @if let Some((mood, words)) = delivery { (shown(*mood, words)) } },
        ),
    ]
}
