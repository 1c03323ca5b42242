//! All ASNs that the person reaches.

use super::{asn, claims, page, property};
use crate::error::PageError;
use crate::layout::Page;
use crate::parts::state::{badge, spaced};
use crate::parts::table::{Cell, Column, Table};
use crate::parts::{command, empty, time};
use crate::session::Context;
use axum::response::{IntoResponse, Response};
use maud::html;
use serde_json::Value;

/// Rows read, at most.
const ROWS: usize = 10_000;

const COLUMNS: &[Column] = &[
    Column { key: "name", title: "Name" },
    Column { key: "asn", title: "ASN" },
    Column { key: "peer", title: "Peer name" },
    Column { key: "state", title: "State" },
    Column { key: "subscription", title: "Subscription" },
    Column { key: "created", title: "Asked for" },
];

/// Shows the list.
pub(in crate::pages) async fn list(context: Context) -> Result<Response, PageError> {
    let mut rows = Vec::new();
    for subscription in context.api.subscriptions().await? {
        let claims = context.api.list(&claims(&subscription), ROWS - rows.len()).await?;
        rows.extend(claims.iter().map(|claim| row(&subscription, claim)));
        if rows.len() >= ROWS {
            break;
        }
    }
    let refused = (!context.viewer.writes()).then_some("Your account may look only.");
    let action = command("/peer-asns/create", "Associate an ASN", refused);
    let table = Table {
        of: "ASNs",
        path: "/peer-asns",
        columns: COLUMNS,
        choices: &["state", "subscription"],
        rows,
        empty: empty(
            "No ASNs yet",
            "Associate your ASN with your subscription first: peerings are created for an approved ASN.",
            action.clone(),
        ),
    };
    if context.asked.is_csv() {
        return Ok(table.csv(&context.asked));
    }
    let mut shown = Page::new(&context.viewer, "/peer-asns", "Peer ASNs", table.render(&context.asked));
    shown.commands = action;
    Ok(shown.into_response())
}

fn row(subscription: &str, claim: &Value) -> Vec<Cell> {
    let name = claim["name"].as_str().unwrap_or("");
    let state = property(claim, "validationState");
    let created = claim["systemData"]["createdAt"].as_str().unwrap_or("");
    vec![
        Cell::shown(name, html! { a href=(page(subscription, name)) { (name) } }),
        Cell::text(asn(claim)),
        Cell::text(property(claim, "peerName")),
        Cell::shown(spaced(state), badge(state)),
        Cell::text(subscription),
        Cell::shown(created, time(created)),
    ]
}
