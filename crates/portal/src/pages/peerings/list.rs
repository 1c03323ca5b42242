//! All peerings that the viewer reaches.

use super::at::At;
use super::frame::{command, may_write};
use super::offering::Catalogue;
use super::seen::gbps;
use crate::error::PageError;
use crate::layout::Page;
use crate::parts::empty;
use crate::parts::state::{badge, spaced};
use crate::parts::table::{Asked, Cell, Column, Table};
use crate::query::encode;
use crate::session::Context;
use axum::extract::Query;
use axum::response::{IntoResponse, Response};
use maud::html;
use serde_json::Value;
use std::collections::HashMap;

const COLUMNS: &[Column] = &[
    Column { key: "name", title: "Name" },
    Column { key: "location", title: "Peering location" },
    Column { key: "network", title: "Network" },
    Column { key: "asn", title: "ASN" },
    Column { key: "connections", title: "Connections" },
    Column { key: "state", title: "State" },
    Column { key: "group", title: "Resource group" },
    Column { key: "subscription", title: "Subscription" },
];
/// Peerings that are listed.
const LIMIT: usize = 20_000;

/// Shows the list.
pub(super) async fn show(context: Context, Query(asked): Query<Asked>) -> Result<Response, PageError> {
    let mut rows = Vec::new();
    for subscription in context.api.subscriptions().await? {
        let path = format!("/subscriptions/{}/providers/Microsoft.Peering", encode(&subscription));
        let peerings = context.api.list(&format!("{path}/peerings"), LIMIT - rows.len()).await?;
        if peerings.is_empty() {
            continue;
        }
        let asns: HashMap<String, String> = context
            .api
            .list(&format!("{path}/peerAsns"), LIMIT)
            .await?
            .iter()
            .filter_map(|a| {
                Some((a["name"].as_str()?.to_lowercase(), format!("AS{}", a["properties"]["peerAsn"])))
            })
            .collect();
        let catalogue = Catalogue::without_places(&context, &subscription).await?;
        rows.extend(peerings.iter().filter_map(|p| row(p, &subscription, &asns, &catalogue)));
    }
    let create = command(may_write(&context), super::create::CREATE, "primary", "Create a peering");
    let table = Table {
        of: "peerings",
        path: "/peerings",
        columns: COLUMNS,
        rows,
        empty: empty(
            "No peerings yet",
            "A peering is what one of your ASNs has with this network in one metro. Associate your ASN first, then create a peering for it.",
            html! { div.actions { a.button href="/peer-asns" { "Peer ASNs" } (create) } },
        ),
    };
    if asked.format == "csv" {
        return Ok(table.csv(&asked));
    }
    let content = table.render_live(&asked);
    Ok(Page { commands: create, ..Page::new(&context.viewer, "/peerings", "Peerings", content) }
        .into_response())
}

fn row(
    peering: &Value,
    subscription: &str,
    asns: &HashMap<String, String>,
    catalogue: &Catalogue,
) -> Option<Vec<Cell>> {
    let text = |pointer: &str| peering.pointer(pointer).and_then(Value::as_str).unwrap_or("");
    let at = At::of_id(text("/id"))?;
    let direct = &peering["properties"]["direct"];
    let states: Vec<(String, String)> = direct["connections"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|c| {
            let mbps = c["bandwidthInMbps"].as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
            (c["connectionState"].as_str().unwrap_or("").to_owned(), gbps(mbps))
        })
        .collect();
    let words: Vec<String> = states.iter().map(|(state, size)| format!("{size} {}", spaced(state))).collect();
    let asn = text("/properties/direct/peerAsn/id").rsplit('/').next().unwrap_or("").to_owned();
    Some(vec![
        Cell::shown(at.name.clone(), html! { a href=(at.page("")) { (at.name) } }),
        Cell::text(text("/properties/peeringLocation")),
        Cell::text(catalogue.network(direct["directPeeringType"].as_str().unwrap_or(""))),
        Cell::text(asns.get(&asn.to_lowercase()).cloned().unwrap_or(asn)),
        Cell::shown(
            words.join(", "),
            html! { ul.plain-list { @for (state, size) in &states { li { (badge(state)) " " span.none { (size) } } } } },
        ),
        Cell::shown(text("/properties/provisioningState"), badge(text("/properties/provisioningState"))),
        Cell::text(at.resource_group),
        Cell::text(subscription),
    ])
}
