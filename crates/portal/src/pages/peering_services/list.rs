//! All peering services that the person reaches.

use super::{Service, or_none, property, refused};
use crate::error::PageError;
use crate::layout::Page;
use crate::parts::state::{badge, spaced};
use crate::parts::table::{Cell, Column, Table};
use crate::parts::{command, empty};
use crate::query::encode;
use crate::resource::part;
use crate::session::Context;
use axum::response::{IntoResponse, Response};
use maud::html;
use serde_json::Value;

/// Rows read, at most.
const ROWS: usize = 10_000;

const COLUMNS: &[Column] = &[
    Column { key: "name", title: "Name" },
    Column { key: "group", title: "Resource group" },
    Column { key: "location", title: "Location" },
    Column { key: "provider", title: "Provider" },
    Column { key: "primary", title: "Primary" },
    Column { key: "backup", title: "Backup" },
    Column { key: "state", title: "State" },
    Column { key: "subscription", title: "Subscription" },
];

/// Shows the list.
pub(super) async fn list(context: Context) -> Result<Response, PageError> {
    let mut rows = Vec::new();
    for subscription in context.api.subscriptions().await? {
        let path =
            format!("/subscriptions/{}/providers/Microsoft.Peering/peeringServices", encode(&subscription));
        let services = context.api.list(&path, ROWS - rows.len()).await?;
        rows.extend(services.iter().map(|service| row(&subscription, service)));
        if rows.len() >= ROWS {
            break;
        }
    }
    let action = command("/peering-services/create", "Create a peering service", refused(&context.viewer));
    let table = Table {
        of: "peering services",
        path: "/peering-services",
        columns: COLUMNS,
        choices: &["location", "provider", "state", "subscription"],
        rows,
        empty: empty(
            "No peering services yet",
            "A peering service activates your prefixes for optimized routing: by the keys of prefixes that a provider has registered on its peerings.",
            action.clone(),
        ),
    };
    if context.asked.is_csv() {
        return Ok(table.csv(&context.asked));
    }
    let mut shown =
        Page::new(&context.viewer, "/peering-services", "Peering Services", table.render(&context.asked));
    shown.commands = action;
    Ok(shown.into_response())
}

fn row(subscription: &str, service: &Value) -> Vec<Cell> {
    let name = service["name"].as_str().unwrap_or("");
    let group = part(service["id"].as_str().unwrap_or(""), "resourceGroups");
    let page = Service { subscription: subscription.into(), group: group.into(), name: name.into() }.page();
    let location = |name: &str| Cell::shown(property(service, name), or_none(property(service, name)));
    let state = property(service, "provisioningState");
    vec![
        Cell::shown(name, html! { a href=(page) { (name) } }),
        Cell::text(group),
        Cell::text(property(service, "peeringServiceLocation")),
        Cell::text(property(service, "peeringServiceProvider")),
        location("providerPrimaryPeeringLocation"),
        location("providerBackupPeeringLocation"),
        Cell::shown(spaced(state), badge(state)),
        Cell::text(subscription),
    ]
}
