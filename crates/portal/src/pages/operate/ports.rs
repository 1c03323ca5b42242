//! Ports for peers, and which connection has each.

use super::{capacity, host, or_none, paged, text};
use crate::error::PageError;
use crate::pages::listing::{List, locations};
use crate::parts::state::{Mood, badge, shown, spaced};
use crate::parts::table::{Cell, Choice, Column};
use crate::parts::{copyable, empty, live};
use crate::query::encode;
use crate::session::Context;
use axum::response::Response;
use maud::html;
use serde_json::Value;

const COLUMNS: &[Column] = &[
    Column { key: "router", title: "Router" },
    Column { key: "name", title: "Port" },
    Column { key: "speed", title: "Speed" },
    Column { key: "panel", title: "Patch panel" },
    Column { key: "by", title: "Used by" },
    Column { key: "state", title: "Connection" },
    Column { key: "light", title: "Light" },
];

/// Shows all ports.
pub(super) async fn list(context: Context) -> Result<Response, PageError> {
    host(&context)?;
    let used = context.api.get("/api/v1/ports?use=used&$top=0").await?["count"].as_u64().unwrap_or(0);
    let note = html! { p.remark { (used) " ports are in use." } };
    let uses =
        [("used", "Used"), ("free", "Free")].map(|(value, words)| (value.to_owned(), words.to_owned()));
    let list = List {
        of: "ports",
        path: "/operate/ports",
        columns: COLUMNS,
        sortable: &["router", "name", "speed"],
        choices: vec![Choice { key: "use", label: "Use", options: uses.into() }, locations(&context).await?],
        sources: vec!["/api/v1/ports".to_owned()],
        row,
        key: |_, _| Default::default(),
        empty: empty(
            "No ports for peers yet",
            "They come with the routers of the inventory: meetme inventory apply FILE.",
            html! {},
        ),
    };
    paged(&context, "Ports", list, live("used", "/operate/ports", note)).await
}

fn row(port: &Value) -> Vec<Cell> {
    let router = text(port, "router");
    let user = &port["usedBy"];
    let used = user.is_object();
    let (by, state) = if used {
        let by = format!("AS{} {}", user["asn"], text(user, "trackingId"));
        let state = if user["removing"] == true { "Removing" } else { text(user, "connectionState") };
        (by, state)
    } else {
        ("free".to_owned(), "")
    };
    let panel = text(port, "panel");
    let light = match port["light"].as_bool() {
        Some(true) => Some((Mood::Good, "Light")),
        Some(false) => Some((Mood::Bad, "No light")),
        None => None,
    };
    vec![
        Cell::shown(router, html! { a href=(format!("/operate/routers/{}", encode(router))) { (router) } }),
        Cell::text(text(port, "name")),
        Cell::text(capacity(port["speedMbps"].as_u64().unwrap_or(0))),
        Cell::shown(panel, html! { @if panel.is_empty() { (or_none("")) } @else { (copyable(panel)) } }),
        Cell::shown(
            &by,
            html! {
                @if used { a href=(format!("/operate/queue/connections/{}", user["connection"])) { (by) } }
                @else { (shown(Mood::Quiet, "free")) }
            },
        ),
        Cell::shown(spaced(state), html! { @if state.is_empty() { (or_none("")) } @else { (badge(state)) } }),
        Cell::shown(
            light.map_or("", |(_, words)| words),
            html! {
                @match light { Some((mood, words)) => (shown(mood, words)), None => (or_none("")) }
            },
        ),
    ]
}
