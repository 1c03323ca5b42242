//! The edge routers.

use super::{ROWS, host, listed, number, text};
use crate::error::PageError;
use crate::parts::state::{Mood, shown};
use crate::parts::table::{Cell, Column, Table};
use crate::parts::{copyable, empty};
use crate::query::encode;
use crate::session::Context;
use axum::response::Response;
use maud::{Markup, html};
use serde_json::Value;

const COLUMNS: &[Column] = &[
    Column { key: "name", title: "Router" },
    Column { key: "site", title: "Site" },
    Column { key: "location", title: "Location" },
    Column { key: "state", title: "State" },
    Column { key: "applied", title: "Configuration" },
    Column { key: "bmp", title: "Route feed" },
    Column { key: "sessions", title: "Sessions" },
    Column { key: "routes", title: "Routes received" },
    Column { key: "loopback", title: "Loopback" },
];

/// Shows all routers.
pub(super) async fn list(context: Context) -> Result<Response, PageError> {
    host(&context)?;
    let all = context.api.list("/api/v1/routers", ROWS).await?;
    let table = Table {
        of: "routers",
        path: "/operate/routers",
        columns: COLUMNS,
        choices: &["site", "state", "applied"],
        rows: all.iter().map(row).collect(),
        empty: empty(
            "No routers yet",
            "They come with the inventory: meetme inventory apply FILE.",
            html! {},
        ),
    };
    Ok(listed(&context, "Routers", table, &context.asked, html! {}, html! {}))
}

fn row(router: &Value) -> Vec<Cell> {
    let name = text(router, "name");
    let (reach, reach_words) = reach(router);
    let (configured, configured_words) = configured(router);
    let (feed, feed_words) = feed(router);
    vec![
        Cell::shown(name, html! { a href=(format!("/operate/routers/{}", encode(name))) { (name) } }),
        Cell::text(text(router, "site")),
        Cell::text(text(router, "location")),
        Cell::shown(
            reach_words,
            html! { (reach) @if !text(router, "error").is_empty() { p.none { (text(router, "error")) } } },
        ),
        Cell::shown(configured_words, configured),
        Cell::shown(feed_words, feed),
        Cell::text(number(router, "sessions")),
        Cell::text(number(router, "routesReceived")),
        Cell::shown(text(router, "loopback"), copyable(text(router, "loopback"))),
    ]
}

/// Whether it is reached.
pub(super) fn reach(router: &Value) -> (Markup, &'static str) {
    let (mood, words) = match router["reachable"].as_bool() {
        Some(true) => (Mood::Good, "Reachable"),
        Some(false) => (Mood::Bad, "Unreachable"),
        None => (Mood::Quiet, "Not reported yet"),
    };
    (shown(mood, words), words)
}

/// Whether it has what it should have.
pub(super) fn configured(router: &Value) -> (Markup, &'static str) {
    let intended = router["intendedGeneration"].as_u64().unwrap_or(0);
    let (mood, words) = match router["appliedGeneration"].as_u64() {
        _ if router["reachable"] != true => (Mood::Quiet, "Not known now"),
        _ if router["drifted"] == true => (Mood::Bad, "Changed by hand"),
        _ if router["unitsFailing"].as_u64().unwrap_or(0) > 0 => (Mood::Bad, "Partly refused"),
        _ if router["routesDiffering"].as_u64().unwrap_or(0) > 0 => (Mood::Bad, "Routes not as ruled"),
        _ if router["backboneSessionsDown"].as_u64().unwrap_or(0) > 0 => {
            (Mood::Bad, "Backbone sessions down")
        }
        _ if intended == 0 => (Mood::Quiet, "Nothing intended yet"),
        Some(applied) if applied >= intended => (Mood::Good, "As intended"),
        _ => (Mood::Moving, "Not applied yet"),
    };
    (shown(mood, words), words)
}

/// Whether it sends what its sessions receive.
pub(super) fn feed(router: &Value) -> (Markup, &'static str) {
    let (mood, words) = match (router["reachable"].as_bool(), router["bmpConnected"].as_bool()) {
        (Some(true), Some(true)) => (Mood::Good, "Connected"),
        (Some(true), _) => (Mood::Bad, "Not connected"),
        _ => (Mood::Quiet, "Not known now"),
    };
    (shown(mood, words), words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_isn_t_known_of_a_router_isn_t_called_good() {
        let mut router = json!({ "reachable": true, "bmpConnected": true, "intendedGeneration": 2, "appliedGeneration": 2 });
        assert_eq!((configured(&router).1, feed(&router).1), ("As intended", "Connected"));
        router["appliedGeneration"] = 1.into();
        assert_eq!(configured(&router).1, "Not applied yet");
        router["appliedGeneration"] = 2.into();
        router["backboneSessionsDown"] = 1.into();
        assert_eq!(configured(&router).1, "Backbone sessions down");
        router["routesDiffering"] = 1.into();
        assert_eq!(configured(&router).1, "Routes not as ruled");
        router["unitsFailing"] = 1.into();
        assert_eq!(configured(&router).1, "Partly refused");
        router["drifted"] = true.into();
        assert_eq!(configured(&router).1, "Changed by hand");
        router["reachable"] = false.into();
        assert_eq!((configured(&router).1, feed(&router).1), ("Not known now", "Not known now"));
    }
}
