//! The pages, one file each (a folder where a page has parts), and how they are reached.

mod account;
mod home;
mod invitation;
mod listing;
mod locations;
mod looking_glass;
mod mails;
mod operate;
mod peer_asns;
mod peering_parts;
mod peering_services;
mod peerings;
mod search;
pub(crate) mod sign_in;

use crate::error::PageError;
use crate::{PortalState, assets, live};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use std::sync::Arc;

/// Largest form.
pub(crate) const FORM_LIMIT_BYTES: usize = 256 * 1024;

/// An entry of the navigation.
pub(crate) struct Entry {
    /// Where it leads.
    pub path: &'static str,
    /// What it is called.
    pub title: &'static str,
    /// Its icon.
    pub icon: &'static str,
    /// Whether it belongs to the host's side.
    pub host: bool,
}

/// The navigation, in order.
pub(crate) const NAVIGATION: &[Entry] = &[
    Entry { path: "/", title: "Home", icon: "home", host: false },
    Entry { path: "/peerings", title: "Peerings", icon: "peering", host: false },
    Entry { path: "/peering-services", title: "Peering Services", icon: "service", host: false },
    Entry { path: "/peer-asns", title: "Peer ASNs", icon: "asn", host: false },
    Entry { path: "/locations", title: "Locations", icon: "place", host: false },
    Entry { path: "/looking-glass", title: "Looking glass", icon: "glass", host: false },
    Entry { path: "/operate/queue", title: "Queue", icon: "queue", host: true },
    Entry { path: "/operate/peerings", title: "All peerings", icon: "peering", host: true },
    Entry { path: "/operate/prefixes", title: "Prefixes", icon: "prefix", host: true },
    Entry { path: "/operate/routers", title: "Routers", icon: "router", host: true },
    Entry { path: "/operate/sites", title: "Sites", icon: "place", host: true },
    Entry { path: "/operate/ports", title: "Ports", icon: "port", host: true },
    Entry { path: "/operate/pools", title: "Pools", icon: "pool", host: true },
    Entry { path: "/operate/offerings", title: "Offerings", icon: "offering", host: true },
    Entry { path: "/operate/mails", title: "Mails", icon: "mail", host: true },
    Entry { path: "/operate/audit", title: "Audit", icon: "audit", host: true },
    Entry { path: "/operate/people", title: "People", icon: "people", host: true },
    Entry { path: "/operate/health", title: "Health", icon: "health", host: true },
];

/// All routes.
pub(crate) fn routes() -> Router<Arc<PortalState>> {
    Router::new()
        .route("/", get(home::home))
        .route("/search", get(search::search))
        .route("/locations", get(locations::show))
        .route("/looking-glass", get(looking_glass::show).post(looking_glass::look))
        .merge(peer_asns::routes())
        .merge(peering_services::routes())
        .merge(peerings::routes())
        .merge(peering_parts::routes())
        .merge(operate::routes())
        .route("/live", get(live::stream))
        .route("/assets/{file}", get(assets::serve))
        .route("/sign-in", get(sign_in::show).post(sign_in::sign_in))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/invitation/{token}", get(invitation::show).post(invitation::accept))
        .route("/account", get(account::show))
        .route("/account/password", post(account::password))
        .route("/account/sessions/{session}/end", post(account::end_session))
        .fallback(|| async { PageError::NotFound })
        .layer(DefaultBodyLimit::max(FORM_LIMIT_BYTES))
}
