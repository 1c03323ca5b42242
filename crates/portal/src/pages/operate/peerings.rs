//! All subscriptions' peerings.

use super::{host, paged, resource, text};
use crate::error::PageError;
use crate::pages::listing::{CONNECTION_STATES, List, locations, offerings, states as known_states};
use crate::parts::state::{Mood, mood, shown, spaced};
use crate::parts::table::{Cell, Column};
use crate::parts::{empty, time};
use crate::session::Context;
use axum::response::Response;
use maud::{Markup, html};
use serde_json::Value;
use std::collections::BTreeMap;

const COLUMNS: &[Column] = &[
    Column { key: "name", title: "Peering" },
    Column { key: "asn", title: "ASN" },
    Column { key: "location", title: "Location" },
    Column { key: "offering", title: "Offering" },
    Column { key: "state", title: "Connections" },
    Column { key: "routers", title: "Routers" },
    Column { key: "subscription", title: "Subscription" },
    Column { key: "created", title: "Created" },
];

/// Shows all peerings.
pub(super) async fn list(context: Context) -> Result<Response, PageError> {
    host(&context)?;
    let list = List {
        of: "peerings",
        path: "/operate/peerings",
        columns: COLUMNS,
        sortable: &["name", "asn", "location", "offering", "state", "subscription"],
        choices: vec![
            known_states("Connection", &CONNECTION_STATES),
            locations(&context).await?,
            offerings(),
        ],
        sources: vec!["/api/v1/peerings".to_owned()],
        row,
        key: |_, _| Default::default(),
        empty: empty(
            "No peerings yet",
            "Peers make them once their ASN is approved.",
            html! { a.button href="/operate/queue" { "Look at the queue" } },
        ),
    };
    paged(&context, "Peerings of all subscriptions", list, html! {}).await
}

fn row(peering: &Value) -> Vec<Cell> {
    let name = text(peering, "name");
    let states = states(peering);
    let words: Vec<String> = states.iter().map(|(state, n)| format!("{n} {}", spaced(state))).collect();
    let connections = peering["connections"].as_array().into_iter().flatten();
    let mut routers: Vec<&str> = connections.filter_map(|c| c["router"].as_str()).collect();
    routers.sort_unstable();
    routers.dedup();
    let created = text(peering, "createdAt");
    vec![
        Cell::shown(
            name,
            html! {
                (resource(text(peering, "resourceId"), name))
                @if peering["deleting"] == true { " " (shown(Mood::Moving, "being deleted")) }
            },
        ),
        Cell::text(format!("AS{}", peering["asn"])),
        Cell::text(text(peering, "peeringLocation")),
        Cell::text(text(peering, "offering")),
        Cell::shown(words.join(", "), badges(&states)),
        Cell::shown(
            routers.join(", "),
            html! {
                @if routers.is_empty() { span.none { "–" } }
                @for router in &routers { a href=(format!("/operate/routers/{}", crate::query::encode(router))) { (router) } " " }
            },
        ),
        Cell::text(text(peering, "subscription")),
        Cell::shown(created, time(created)),
    ]
}

fn states(peering: &Value) -> BTreeMap<&str, usize> {
    let mut states = BTreeMap::new();
    for c in peering["connections"].as_array().into_iter().flatten() {
        let state = if c["removing"] == true { "Removing" } else { text(c, "connectionState") };
        *states.entry(state).or_insert(0) += 1;
    }
    states
}

fn badges(states: &BTreeMap<&str, usize>) -> Markup {
    html! {
        @if states.is_empty() { span.none { "none" } }
        @for (state, n) in states {
            @let mood = if *state == "Removing" { Mood::Moving } else { mood(state) };
            (shown(mood, &format!("{n} {}", spaced(state)))) " "
        }
    }
}
