//! All peerings that the viewer reaches.

use super::at::At;
use super::frame::{command, may_write};
use super::seen::gbps;
use crate::error::PageError;
use crate::layout::Page;
use crate::pages::listing::{CONNECTION_STATES, List, locations, offerings, states};
use crate::parts::empty;
use crate::parts::state::{Mood, badge, shown, spaced};
use crate::parts::table::{Cell, Column};
use crate::query::encode;
use crate::session::Context;
use axum::response::{IntoResponse, Response};
use maud::html;
use serde_json::Value;

const COLUMNS: &[Column] = &[
    Column { key: "name", title: "Name" },
    Column { key: "location", title: "Peering location" },
    Column { key: "offering", title: "Network" },
    Column { key: "asn", title: "ASN" },
    Column { key: "state", title: "Connections" },
    Column { key: "group", title: "Resource group" },
    Column { key: "subscription", title: "Subscription" },
];

/// Shows the list.
pub(super) async fn show(context: Context) -> Result<Response, PageError> {
    let sources = if context.viewer.sees_host() {
        vec!["/api/v1/peerings".to_owned()]
    } else {
        let own = context.viewer.person.subscriptions.iter();
        own.map(|subscription| format!("/api/v1/subscriptions/{}/peerings", encode(subscription))).collect()
    };
    let create = command(may_write(&context), super::create::CREATE, "primary", "Create a peering");
    let list = List {
        of: "peerings",
        path: "/peerings",
        columns: COLUMNS,
        // The API sorts networks by what they offer, not by their names, which are all that can be merged by.
        sortable: if sources.len() == 1 {
            &["name", "location", "offering", "asn", "state", "group", "subscription"]
        } else {
            &["name", "location", "asn", "state", "group", "subscription"]
        },
        choices: vec![states("Connection", &CONNECTION_STATES), locations(&context).await?, offerings()],
        sources,
        row,
        key,
        empty: empty(
            "No peerings yet",
            "A peering is what one of your ASNs has with this network in one metro. Associate your ASN first, then create a peering for it.",
            html! { div.actions { a.button href="/peer-asns" { "Peer ASNs" } (create) } },
        ),
    };
    match list.shown(&context).await? {
        Err(file) => Ok(file),
        Ok(content) => {
            Ok(Page { commands: create, ..Page::new(&context.viewer, "/peerings", "Peerings", content) }
                .into_response())
        }
    }
}

fn text<'a>(peering: &'a Value, name: &str) -> &'a str {
    peering[name].as_str().unwrap_or("")
}

fn connections(peering: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let state = |c: &Value| c["removing"] == true;
    peering["connections"]
        .as_array()
        .into_iter()
        .flatten()
        .map(move |c| (if state(c) { "Removing" } else { text(c, "connectionState") }, c))
}

/// As the API sorts.
fn key(peering: &Value, by: &str) -> (String, u64) {
    let word = match by {
        "name" => text(peering, "name"),
        "location" => text(peering, "peeringLocation"),
        "group" => text(peering, "resourceGroup"),
        "subscription" => text(peering, "subscription"),
        "state" => connections(peering).map(|(_, c)| text(c, "connectionState")).max().unwrap_or(""),
        "asn" => return (String::new(), peering["asn"].as_u64().unwrap_or(0)),
        _ => text(peering, "createdAt"),
    };
    // States are sorted as they are written.
    (if by == "state" { word.to_owned() } else { word.to_lowercase() }, 0)
}

fn row(peering: &Value) -> Vec<Cell> {
    let name = text(peering, "name");
    let page = At::of_id(text(peering, "resourceId")).map(|at| at.page(""));
    let states: Vec<(&str, String)> = connections(peering)
        .map(|(state, c)| {
            let mbps = c["bandwidthInMbps"].as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
            (state, gbps(mbps))
        })
        .collect();
    let words: Vec<String> = states.iter().map(|(state, size)| format!("{size} {}", spaced(state))).collect();
    vec![
        Cell::shown(
            name,
            html! {
                a href=[page] { (name) }
                @if peering["deleting"] == true { " " (shown(Mood::Moving, "being deleted")) }
            },
        ),
        Cell::text(text(peering, "peeringLocation")),
        Cell::text(text(peering, "offering")),
        Cell::text(format!("AS{}", peering["asn"])),
        Cell::shown(
            words.join(", "),
            html! { ul.plain-list { @for (state, size) in &states { li { (badge(state)) " " span.none { (size) } } } } },
        ),
        Cell::text(text(peering, "resourceGroup")),
        Cell::text(text(peering, "subscription")),
    ]
}
