//! All subscriptions' prefixes, registered and activated, those with problems first.

use super::{ROWS, host, resource, text};
use crate::error::PageError;
use crate::layout::Page;
use crate::parts::state::{Mood, badge, mood, spaced};
use crate::parts::table::{Asked, Cell, Column, Table};
use crate::parts::{empty, tabs, time};
use crate::session::Context;
use axum::extract::Query;
use axum::response::{IntoResponse, Response};
use maud::html;
use serde_json::Value;

const REGISTERED: &[Column] = &[
    Column { key: "prefix", title: "Prefix" },
    Column { key: "state", title: "State" },
    Column { key: "why", title: "Why" },
    Column { key: "asn", title: "ASN" },
    Column { key: "location", title: "Registered at" },
    Column { key: "since", title: "Since" },
    Column { key: "subscription", title: "Subscription" },
];

const ACTIVATED: &[Column] = &[
    Column { key: "prefix", title: "Prefix" },
    Column { key: "state", title: "State" },
    Column { key: "why", title: "Why" },
    Column { key: "path", title: "Traffic leaves" },
    Column { key: "primary", title: "Primary" },
    Column { key: "backup", title: "Backup" },
    Column { key: "subscription", title: "Subscription" },
];

/// Shows registered prefixes.
pub(super) async fn registered(context: Context, Query(asked): Query<Asked>) -> Result<Response, PageError> {
    host(&context)?;
    let all = sorted(context.api.list("/api/v1/registeredPrefixes", ROWS).await?);
    let rows = all.iter().map(|prefix| {
        let mut row = common(prefix);
        let since = text(prefix, "since");
        row.extend([
            Cell::text(format!("AS{}", prefix["asn"])),
            Cell::text(text(prefix, "peeringLocation")),
            Cell::shown(since, time(since)),
            Cell::text(text(prefix, "subscription")),
        ]);
        row
    });
    let table = Table {
        of: "registered prefixes",
        path: "/operate/prefixes",
        columns: REGISTERED,
        rows: rows.collect(),
        empty: empty(
            "No prefix is registered yet",
            "Peers register prefixes on a peering once one of its connections is Active.",
            html! {},
        ),
    };
    Ok(shown(&context, table, &asked))
}

/// Shows activated prefixes.
pub(super) async fn activated(context: Context, Query(asked): Query<Asked>) -> Result<Response, PageError> {
    host(&context)?;
    let all = sorted(context.api.list("/api/v1/activatedPrefixes", ROWS).await?);
    let rows = all.iter().map(|prefix| {
        let mut row = common(prefix);
        let place = |name: &str| Cell::shown(text(prefix, name), super::or_none(text(prefix, name)));
        row.extend([
            Cell::text(path_words(text(prefix, "activePath"))),
            place("primaryPeeringLocation"),
            place("backupPeeringLocation"),
            Cell::text(text(prefix, "subscription")),
        ]);
        row
    });
    let table = Table {
        of: "activated prefixes",
        path: "/operate/prefixes/activated",
        columns: ACTIVATED,
        rows: rows.collect(),
        empty: empty(
            "No prefix is activated yet",
            "Peers activate verified prefixes by their keys, in a peering service.",
            html! {},
        ),
    };
    Ok(shown(&context, table, &asked))
}

fn shown(context: &Context, table: Table<'_>, asked: &Asked) -> Response {
    if asked.format == "csv" {
        return table.csv(asked);
    }
    let mut page = Page::new(
        &context.viewer,
        "/operate/prefixes",
        "Prefixes of all subscriptions",
        table.render_live(asked),
    );
    page.tabs = tabs(
        &[("Registered", "/operate/prefixes".into()), ("Activated", "/operate/prefixes/activated".into())],
        &context.path,
    );
    page.into_response()
}

fn common(prefix: &Value) -> Vec<Cell> {
    let (state, why) = (text(prefix, "prefixValidationState"), text(prefix, "errorMessage"));
    vec![
        Cell::shown(text(prefix, "prefix"), resource(text(prefix, "resourceId"), text(prefix, "prefix"))),
        Cell::shown(spaced(state), badge(state)),
        Cell::shown(why, super::or_none(why)),
    ]
}

/// What is wrong comes first, then what is on its way.
fn sorted(mut all: Vec<Value>) -> Vec<Value> {
    all.sort_by_key(|prefix| match mood(text(prefix, "prefixValidationState")) {
        Mood::Bad => 0,
        Mood::Waiting => 1,
        Mood::Moving => 2,
        Mood::Quiet => 3,
        Mood::Good => 4,
    });
    all
}

fn path_words(path: &str) -> &str {
    match path {
        "primary" => "at the primary location",
        "backup" => "at the backup location",
        "ordinary" => "over ordinary peering",
        "internet" => "over the Internet",
        other => other,
    }
}
