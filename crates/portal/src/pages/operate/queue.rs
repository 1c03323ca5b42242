//! What waits for a decision, oldest first.

use super::{capacity, host, paged, text};
use crate::error::PageError;
use crate::pages::listing::{List, locations};
use crate::parts::faults::sentence;
use crate::parts::state::{Mood, shown};
use crate::parts::table::{Cell, Choice, Column};
use crate::parts::{empty, live, time};
use crate::query::encode;
use crate::session::Context;
use axum::response::Response;
use maud::{Markup, html};
use serde_json::Value;

const COLUMNS: &[Column] = &[
    Column { key: "name", title: "Request" },
    Column { key: "asn", title: "Network" },
    Column { key: "location", title: "Where" },
    Column { key: "since", title: "Waits since" },
    Column { key: "checks", title: "Checks" },
    Column { key: "subscription", title: "Subscription" },
];

/// Shows the queue.
pub(super) async fn list(context: Context) -> Result<Response, PageError> {
    host(&context)?;
    let overdue = context.api.get("/api/v1/queue?$top=0").await?["overdue"].as_u64().unwrap_or(0);
    let note = html! {
        @if overdue > 0 {
            p.remark { (shown(Mood::Bad, &format!("{overdue} overdue"))) " A request waits 12 hours at most." }
        }
    };
    let kinds = [("peerAsn", "Claims to ASNs"), ("connection", "Connections")];
    let options = kinds.map(|(kind, words)| (kind.to_owned(), words.to_owned())).into();
    let list = List {
        of: "requests",
        path: "/operate/queue",
        columns: COLUMNS,
        sortable: &["name", "asn", "location", "since", "subscription"],
        choices: vec![Choice { key: "kind", label: "Kind", options }, locations(&context).await?],
        sources: vec!["/api/v1/queue".to_owned()],
        row,
        key: |_, _| Default::default(),
        empty: empty(
            "Nothing waits for a decision",
            "Claims to ASNs and new connections appear here, with all checks of each.",
            html! {},
        ),
    };
    paged(&context, "Queue", list, live("overdue", "/operate/queue", note)).await
}

/// Where a request is decided.
pub(super) fn page_of(waiting: &Value) -> String {
    match waiting["connection"].as_i64() {
        Some(id) => format!("/operate/queue/connections/{id}"),
        None => format!(
            "/operate/queue/asns/{}/{}",
            encode(text(waiting, "subscription")),
            encode(text(waiting, "name"))
        ),
    }
}

/// What is asked, in words.
pub(super) fn title(waiting: &Value) -> String {
    match waiting["connection"].as_i64() {
        Some(_) => format!("Connection {}", text(waiting, "trackingId")),
        None => format!("AS{} as {}", waiting["asn"], text(waiting, "name")),
    }
}

fn row(waiting: &Value) -> Vec<Cell> {
    let title = title(waiting);
    let network = network(waiting);
    let location = text(waiting, "peeringLocation");
    let place = match waiting["bandwidthInMbps"].as_u64() {
        Some(mbps) => format!("{location}, {}", capacity(mbps)),
        None => String::new(),
    };
    let since = text(waiting, "since");
    let overdue = waiting["overdue"] == true;
    vec![
        Cell::shown(&title, html! { a href=(page_of(waiting)) { (title) } }),
        Cell::text(network),
        Cell::shown(&place, super::or_none(&place)),
        Cell::shown(since, html! { (time(since)) @if overdue { " " (shown(Mood::Bad, "overdue")) } }),
        Cell::shown(failing(waiting).join("; "), summary(waiting)),
        Cell::text(text(waiting, "subscription")),
    ]
}

/// `AS64510 Contoso`.
pub(super) fn network(waiting: &Value) -> String {
    format!("AS{} {}", waiting["asn"], text(waiting, "peerName")).trim_end().to_owned()
}

fn failing(waiting: &Value) -> Vec<&str> {
    let checks = waiting["checks"].as_array().into_iter().flatten();
    checks.filter(|check| check["ok"] != true).map(|check| text(check, "message")).collect()
}

fn summary(waiting: &Value) -> Markup {
    let failing = failing(waiting);
    html! {
        @if failing.is_empty() { (shown(Mood::Good, "All pass")) }
        @else { ul { @for message in failing { li { (shown(Mood::Bad, "Fails")) " " (message) } } } }
    }
}

/// Every check with what was found.
pub(super) fn checks(waiting: &Value) -> Markup {
    html! {
        ul.verdicts {
            @for check in waiting["checks"].as_array().into_iter().flatten() {
                @let (mood, word) = if check["ok"] == true { (Mood::Good, "Passes") } else { (Mood::Bad, "Fails") };
                li { (shown(mood, word)) div { strong { (words(text(check, "name"))) } p { (sentence(text(check, "message"))) } } }
            }
        }
    }
}

/// A check's name for people.
fn words(name: &str) -> &str {
    match name {
        "AsnApproved" => "The ASN is approved",
        "FacilityAtLocation" => "The facility is at the location",
        "PortsAndDiversity" => "Ports are free, on a router of its own",
        "NocContact" => "There is a NOC contact",
        "LegacySessionGone" => "The session that it replaces is gone",
        "PlaceFree" => "No other peering has the ASN, location and offering",
        "AsnFree" => "The ASN is nobody else's",
        "PeerNameFree" => "The name is no other network's",
        other => other,
    }
}
