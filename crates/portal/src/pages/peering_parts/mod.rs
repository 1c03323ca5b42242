//! What a peering's pages show besides the peering itself: how its requirements stand, what its
//! sessions receive, what was measured, what happened, and what the peer's own routers need.

mod attest;
pub(super) mod chart;
mod compliance;
mod configuration;
mod events;
mod metrics;
mod received_routes;
mod registered_asns;
mod routes_file;
mod window;

use crate::PortalState;
use axum::Router;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use maud::{Markup, html};
use std::sync::Arc;

/// All routes.
pub(super) fn routes() -> Router<Arc<PortalState>> {
    let below = |path: &str| format!("/peerings/{{subscription}}/{{resource_group}}/{{name}}{path}");
    Router::new()
        .route(&below("/compliance"), get(compliance::show))
        .route(&below("/compliance/{child}"), get(attest::show).post(attest::state))
        .route(&below("/compliance/{child}/withdraw"), post(attest::withdraw))
        .route(&below("/received-routes"), get(received_routes::show))
        .route(&below("/events"), get(events::show))
        .route(&below("/configuration"), get(configuration::show))
        .route(&below("/metrics"), get(metrics::show))
        .route(&below("/registered-asns"), get(registered_asns::show))
        .route(&below("/registered-asns/add"), get(registered_asns::form_page).post(registered_asns::add))
        .route(&below("/registered-asns/{child}/delete"), get(registered_asns::confirm))
        .route(&below("/registered-asns/{child}/delete"), post(registered_asns::delete))
}

/// Views of one page: name, path, and whether it is this one.
fn views(label: &str, all: &[(&str, String)], here: &str) -> Markup {
    html! {
        nav.tabs aria-label=(label) {
            @for (name, path) in all { a href=(path) aria-current=[(path == here).then_some("true")] { (name) } }
        }
    }
}

/// Something to be kept as a file, by a name of ours.
fn file(name: &str, kind: &'static str, body: impl Into<axum::body::Body>) -> Response {
    let name: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' }).collect();
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    (headers, body.into()).into_response()
}
