//! Home: what needs attention, how much there is, and the way to everything else.

use crate::api::Answer;
use crate::error::PageError;
use crate::layout::Page;
use crate::parts::faults::sentence;
use crate::parts::state::{badge, spaced};
use crate::parts::{command, icon, live, message, time};
use crate::query::encode;
use crate::resource::page_of;
use crate::session::Context;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use serde_json::Value;
use std::collections::BTreeMap;

/// Items shown, at most.
const SHOWN: usize = 20;

/// Subscriptions of one person that are looked at.
const SUBSCRIPTIONS: usize = 50;

/// Shows the page.
pub(super) async fn home(context: Context) -> Result<Response, PageError> {
    let content = if context.viewer.sees_host() { host(&context).await? } else { peer(&context).await? };
    let title = "Home";
    let mut shown = Page::new(&context.viewer, "/", title, live("home", "/", content));
    if !context.viewer.sees_host() {
        let refused = (!context.viewer.writes()).then_some("Your account may look only.");
        shown.commands = html! {
            (command("/peerings/create", "Create a peering", refused))
            (command("/peering-services/create", "Create a peering service", refused))
        };
    }
    Ok(shown.into_response())
}

/// One thing that needs attention.
struct Item {
    state: String,
    path: Option<String>,
    name: String,
    text: String,
    since: String,
}

async fn peer(context: &Context) -> Result<Markup, PageError> {
    let (mut own, mut others) = (Vec::new(), Vec::new());
    let mut counts = Counts::default();
    for subscription in context.api.subscriptions().await?.into_iter().take(SUBSCRIPTIONS) {
        let base = format!("/api/v1/subscriptions/{}", encode(&subscription));
        for row in context.api.list(&format!("{base}/attention"), 1000).await? {
            let text = |name: &str| row[name].as_str().unwrap_or("").to_owned();
            let item = Item {
                state: text("state"),
                path: page_of(&text("resourceId")),
                name: named(&row),
                text: sentence(&text("message")),
                since: text("since"),
            };
            // Whose turn it is counts; a claim to an ASN is shown until it is decided.
            if row["awaited"] == "peer" { own.push(item) } else { others.push(item) }
        }
        counts.add(&context.api.get(&format!("{base}/counts")).await?);
    }
    Ok(html! {
        @if counts.is_nothing() { (first_steps(&counts)) } @else {
            section.card {
                h2 { "Needs your attention" }
                @if own.is_empty() { p.nothing { "Nothing waits for you." } } @else { (items(&own)) }
            }
            @if !others.is_empty() {
                section.card { h2 { "On its way" } p.hint { "This network is at work or decides. Nothing is to be done by you." } (items(&others)) }
            }
            (counts.shown(false))
            @if !counts.is_complete() { (first_steps(&counts)) }
        }
        (links(false))
    })
}

/// What a thing is called among others.
fn named(row: &Value) -> String {
    let name = row["name"].as_str().unwrap_or("");
    match row["kind"].as_str().unwrap_or("") {
        "connection" => format!("Connection {}", row["trackingId"].as_str().unwrap_or("")),
        "peerAsn" => format!("ASN {name}"),
        "registeredPrefix" => format!("Registered prefix {name}"),
        "activatedPrefix" => format!("Activated prefix {name}"),
        _ => name.to_owned(),
    }
}

async fn host(context: &Context) -> Result<Markup, PageError> {
    let queue = context.api.ask("/api/v1/queue?$top=1").await?;
    let routers = context.api.ask("/api/v1/routers").await?;
    if let (Some(missing), _) | (_, Some(missing)) = (refusal(&queue), refusal(&routers)) {
        return Ok(html! { (message("warning", html! { p { (sentence(&missing)) } })) (links(true)) });
    }
    let mut items_shown: Vec<Item> = waiting(&queue.body).into_iter().collect();
    items_shown.extend(routers.body["value"].as_array().into_iter().flatten().filter_map(router));
    items_shown.extend(mails(context).await?);
    let mut counts = Counts::default();
    counts.add(&context.api.get("/api/v1/counts").await?);
    Ok(html! {
        section.card {
            h2 { "Needs your attention" }
            @if items_shown.is_empty() { p.nothing { "Nothing waits for a decision, every router is reached and as intended, and no mail is stuck." } }
            @else { (items(&items_shown)) }
        }
        (counts.shown(true))
        (links(true))
    })
}

/// What the API says instead of an answer.
fn refusal(answer: &Answer) -> Option<String> {
    let text = || answer.body["error"]["message"].as_str().unwrap_or("the API can't answer now").to_owned();
    (!answer.status.is_success()).then(text)
}

/// The queue in a line.
fn waiting(queue: &Value) -> Option<Item> {
    let oldest = queue["value"].get(0)?["since"].as_str().unwrap_or("");
    let count = queue["count"].as_u64().unwrap_or(1);
    let overdue = queue["overdue"].as_u64().unwrap_or(0);
    let text = match overdue {
        0 => "None is overdue. The oldest comes first.".to_owned(),
        n => format!("{n} overdue; the oldest comes first."),
    };
    Some(Item {
        state: if overdue > 0 { "Overdue".into() } else { "Pending".into() },
        path: Some("/operate/queue".into()),
        name: format!("{} for a decision", waits(count)),
        text,
        since: oldest.to_owned(),
    })
}

fn waits(n: u64) -> String {
    if n == 1 { "1 request waits".into() } else { format!("{n} requests wait") }
}

/// A router that can't be reached, has drifted, or doesn't take over a part of what it should be.
fn router(row: &Value) -> Option<Item> {
    let name = row["name"].as_str()?;
    let (state, text) = match (row["reachable"].as_bool(), row["drifted"].as_bool()) {
        (Some(false), _) => ("Down", row["error"].as_str().unwrap_or("its edge can't reach it").to_owned()),
        (None, _) => ("Unknown", "its site's edge hasn't reported it yet".to_owned()),
        (_, Some(true)) => {
            ("Drifted", "somebody changed by hand what is ours; it is corrected by itself".to_owned())
        }
        _ => match row["unitsFailing"].as_u64().unwrap_or(0) {
            0 if row["routesDiffering"].as_u64().unwrap_or(0) > 0 => (
                "Warning",
                "it does something else with some routes than the rules say; its page says which".to_owned(),
            ),
            0 if row["backboneSessionsDown"].as_u64().unwrap_or(0) > 0 => (
                "Warning",
                "sessions with your own backbone or the Internet are down; its page says which".to_owned(),
            ),
            0 => return None,
            1 => ("Failed", "a part of it was refused or undone; its page says which, and why".to_owned()),
            n => ("Failed", format!("{n} parts of it were refused or undone; its page says which, and why")),
        },
    };
    Some(Item {
        state: state.into(),
        path: Some(format!("/operate/routers/{}", encode(name))),
        name: format!("Router {name}"),
        text: sentence(&text),
        since: String::new(),
    })
}

/// Mails that aren't sent.
async fn mails(context: &Context) -> Result<Option<Item>, PageError> {
    let health = context.api.ask("/api/v1/health").await?;
    let unsent = health.body["mailsUnsent"].as_u64().unwrap_or(0);
    Ok((unsent > 0).then(|| Item {
        state: "Warning".into(),
        path: Some("/operate/mails".into()),
        name: if unsent == 1 { "1 mail isn't sent".into() } else { format!("{unsent} mails aren't sent") },
        text: "They are tried again by themselves; the page says why.".into(),
        since: String::new(),
    }))
}

fn items(all: &[Item]) -> Markup {
    html! {
        ul.links { @for item in all.iter().take(SHOWN) { li {
            p { (badge(&item.state)) " " a href=[item.path.as_deref()] { (item.name) } }
            p { (item.text) @if !item.since.is_empty() { span.none { " Since " (time(&item.since)) } } }
        } } }
        @if all.len() > SHOWN { p.none { "and " (all.len() - SHOWN) " more" } }
    }
}

/// How much there is.
#[derive(Default)]
struct Counts {
    of: BTreeMap<&'static str, u64>,
    connections: BTreeMap<String, u64>,
}

/// What is counted, where it is shown, and its name in the API.
const COUNTED: [(&str, &str, &str); 5] = [
    ("Peer ASNs", "/peer-asns", "peerAsns"),
    ("Peerings", "/peerings", "peerings"),
    ("Registered prefixes", "/peerings", "registeredPrefixes"),
    ("Peering Services", "/peering-services", "peeringServices"),
    ("Activated prefixes", "/peering-services", "activatedPrefixes"),
];

impl Counts {
    fn add(&mut self, counts: &Value) {
        for (_, _, name) in COUNTED {
            *self.of.entry(name).or_default() += counts[name].as_u64().unwrap_or(0);
        }
        for (state, count) in counts["connections"].as_object().into_iter().flatten() {
            *self.connections.entry(state.clone()).or_default() += count.as_u64().unwrap_or(0);
        }
    }

    fn count(&self, name: &str) -> u64 {
        self.of.get(name).copied().unwrap_or(0)
    }

    fn is_nothing(&self) -> bool {
        self.of.values().all(|n| *n == 0)
    }

    /// True once every step from an ASN to an activated prefix was taken.
    fn is_complete(&self) -> bool {
        self.of.values().all(|n| *n > 0)
    }

    fn shown(&self, host: bool) -> Markup {
        let led = |name: &str, path: &'static str| match name {
            "peerings" if host => "/operate/peerings",
            "registeredPrefixes" if host => "/operate/prefixes",
            "activatedPrefixes" if host => "/operate/prefixes/activated",
            _ => path,
        };
        html! {
            section {
                h2 { "What there is" }
                div.cards.counts {
                    @for (title, path, name) in COUNTED {
                        div { p.figure { (self.count(name)) } p { a href=(led(name, path)) { (title) } } }
                    }
                    div {
                        p.figure { (self.connections.values().sum::<u64>()) }
                        p { "Connections" }
                        @for (state, count) in &self.connections { p.none { (count) " " (spaced(state)) } }
                    }
                }
            }
        }
    }
}

/// The way from nothing to optimized routing, with what is done of it.
fn first_steps(counts: &Counts) -> Markup {
    let steps = [
        (
            "peerAsns",
            "Associate your ASN",
            "/peer-asns/create",
            "It is yours once an operator of this network has decided so.",
        ),
        (
            "peerings",
            "Create a peering",
            "/peerings/create",
            "At each metro, with two connections or more for Voice.",
        ),
        (
            "registeredPrefixes",
            "Register prefixes",
            "/peerings",
            "On the peering, once a connection is Active. Each gets a key when it is Verified.",
        ),
        (
            "activatedPrefixes",
            "Activate them",
            "/peering-services/create",
            "In a peering service, by their keys: their traffic then takes the optimized path.",
        ),
    ];
    html! {
        section.card {
            h2 { "What to do first" }
            ol.todo { @for (name, title, path, text) in steps {
                @let done = counts.count(name) > 0;
                li.done[done] {
                    @if done { (icon::of("success")) span.hidden { "Done: " } } @else { span.todo-mark aria-hidden="true" {} }
                    div { p { a href=(path) { (title) } } p { (text) } }
                }
            } }
        }
    }
}

fn links(host: bool) -> Markup {
    let own: &[(&str, &str, &str, &str)] = &[
        ("Peerings", "/peerings", "peering", "Interconnects with their connections and prefixes"),
        ("Peering Services", "/peering-services", "service", "Prefixes on the optimized path"),
        ("Peer ASNs", "/peer-asns", "asn", "Your networks and their contacts"),
        ("Locations", "/locations", "place", "Metros, facilities and what is offered there"),
        ("Looking glass", "/looking-glass", "glass", "Traceroute, ping and routes from the edge routers"),
    ];
    let operators: &[(&str, &str, &str, &str)] = &[
        ("Queue", "/operate/queue", "queue", "What waits for a decision"),
        ("Routers", "/operate/routers", "router", "State, drift, and what was applied"),
        ("Health", "/operate/health", "health", "The product itself"),
    ];
    let all = own.iter().chain(operators.iter().filter(|_| host));
    html! {
        section {
            h2 { "Go to" }
            div.cards { @for (title, path, icon_name, text) in all {
                div { p.goto { (icon::of(icon_name)) a href=(path) { (title) } } p.none { (text) } }
            } }
        }
    }
}
