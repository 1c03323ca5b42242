//! All subscriptions' prefixes, registered and activated, those with problems first.

use super::{host, or_none, resource, text};
use crate::error::PageError;
use crate::layout::Page;
use crate::pages::listing::{List, PREFIX_STATES, locations, offerings, states};
use crate::parts::state::{badge, spaced};
use crate::parts::table::{Cell, Choice, Column};
use crate::parts::{empty, tabs, time};
use crate::session::Context;
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
pub(super) async fn registered(context: Context) -> Result<Response, PageError> {
    host(&context)?;
    let list = List {
        of: "registered prefixes",
        path: "/operate/prefixes",
        columns: REGISTERED,
        sortable: &["prefix", "state", "asn", "location", "since", "subscription"],
        choices: vec![states("State", &PREFIX_STATES), locations(&context).await?, offerings()],
        sources: vec!["/api/v1/registeredPrefixes".to_owned()],
        row: registered_row,
        key: |_, _| Default::default(),
        empty: empty(
            "No prefix is registered yet",
            "Peers register prefixes on a peering once one of its connections is Active.",
            html! {},
        ),
    };
    shown(&context, list).await
}

/// Shows activated prefixes.
pub(super) async fn activated(context: Context) -> Result<Response, PageError> {
    host(&context)?;
    let path = |key: &str| (key.to_owned(), path_words(key).to_owned());
    let paths = ["primary", "backup", "ordinary", "internet"].map(path).into();
    let list = List {
        of: "activated prefixes",
        path: "/operate/prefixes/activated",
        columns: ACTIVATED,
        sortable: &["prefix", "state", "path", "primary", "backup", "subscription"],
        choices: vec![
            states("State", &PREFIX_STATES),
            locations(&context).await?,
            Choice { key: "activePath", label: "Traffic leaves", options: paths },
        ],
        sources: vec!["/api/v1/activatedPrefixes".to_owned()],
        row: activated_row,
        key: |_, _| Default::default(),
        empty: empty(
            "No prefix is activated yet",
            "Peers activate verified prefixes by their keys, in a peering service.",
            html! {},
        ),
    };
    shown(&context, list).await
}

async fn shown(context: &Context, list: List<'_>) -> Result<Response, PageError> {
    let content = match list.shown(context).await? {
        Err(file) => return Ok(file),
        Ok(content) => content,
    };
    let mut page = Page::new(&context.viewer, "/operate/prefixes", "Prefixes of all subscriptions", content);
    page.tabs = tabs(
        &[("Registered", "/operate/prefixes".into()), ("Activated", "/operate/prefixes/activated".into())],
        &context.path,
    );
    Ok(page.into_response())
}

fn registered_row(prefix: &Value) -> Vec<Cell> {
    let mut row = common(prefix);
    let since = text(prefix, "since");
    row.extend([
        Cell::text(format!("AS{}", prefix["asn"])),
        Cell::text(text(prefix, "peeringLocation")),
        Cell::shown(since, time(since)),
        Cell::text(text(prefix, "subscription")),
    ]);
    row
}

fn activated_row(prefix: &Value) -> Vec<Cell> {
    let mut row = common(prefix);
    let place = |name: &str| Cell::shown(text(prefix, name), or_none(text(prefix, name)));
    row.extend([
        Cell::text(path_words(text(prefix, "activePath"))),
        place("primaryPeeringLocation"),
        place("backupPeeringLocation"),
        Cell::text(text(prefix, "subscription")),
    ]);
    row
}

fn common(prefix: &Value) -> Vec<Cell> {
    let (state, why) = (text(prefix, "prefixValidationState"), text(prefix, "errorMessage"));
    vec![
        Cell::shown(text(prefix, "prefix"), resource(text(prefix, "resourceId"), text(prefix, "prefix"))),
        Cell::shown(spaced(state), badge(state)),
        Cell::shown(why, or_none(why)),
    ]
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
