//! Ports for peers, and which connection has each.

use super::{ROWS, capacity, host, listed, or_none, text};
use crate::error::PageError;
use crate::parts::empty;
use crate::parts::state::{Mood, badge, shown, spaced};
use crate::parts::table::{Asked, Cell, Column, Table};
use crate::query::encode;
use crate::resource::part;
use crate::session::Context;
use axum::extract::Query;
use axum::response::Response;
use maud::html;
use serde_json::Value;

const COLUMNS: &[Column] = &[
    Column { key: "router", title: "Router" },
    Column { key: "port", title: "Port" },
    Column { key: "speed", title: "Speed" },
    Column { key: "panel", title: "Patch panel" },
    Column { key: "use", title: "Used by" },
    Column { key: "state", title: "Connection" },
    Column { key: "light", title: "Light" },
];

/// Shows all ports.
pub(super) async fn list(context: Context, Query(asked): Query<Asked>) -> Result<Response, PageError> {
    host(&context)?;
    let all = context.api.list("/api/v1/ports", ROWS).await?;
    let used = all.iter().filter(|port| port["usedBy"].is_object()).count();
    let note = html! { p.remark { (used) " of " (all.len()) " ports are in use." } };
    let table = Table {
        of: "ports",
        path: "/operate/ports",
        columns: COLUMNS,
        rows: all.iter().map(row).collect(),
        empty: empty(
            "No ports for peers yet",
            "They come with the routers of the inventory: meetme inventory apply FILE.",
            html! {},
        ),
    };
    Ok(listed(&context, "Ports", table, &asked, note, html! {}))
}

fn row(port: &Value) -> Vec<Cell> {
    let router = text(port, "router");
    let user = &port["usedBy"];
    let used = user.is_object();
    let (by, state) = if used {
        let peering = part(text(user, "resourceId"), "peerings");
        let by = format!("AS{} {peering}, connection {}", user["asn"], user["connection"]);
        let state = if user["removing"] == true { "Removing" } else { text(user, "connectionState") };
        (by, state)
    } else {
        ("free".to_owned(), "")
    };
    let light = match port["light"].as_bool() {
        Some(true) => Some((Mood::Good, "Light")),
        Some(false) => Some((Mood::Bad, "No light")),
        None => None,
    };
    vec![
        Cell::shown(router, html! { a href=(format!("/operate/routers/{}", encode(router))) { (router) } }),
        Cell::text(text(port, "name")),
        Cell::text(capacity(port["speedMbps"].as_u64().unwrap_or(0))),
        Cell::text(text(port, "panel")),
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
