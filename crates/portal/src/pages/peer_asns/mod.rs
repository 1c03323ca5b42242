//! Peer ASNs: what a subscription claims, and how far each claim is (`docs/rules.md` §1).

mod contacts;
mod create;
mod edit;
mod list;
mod show;

use crate::PortalState;
use crate::query::encode;
use axum::Router;
use axum::routing::{get, post};
use serde_json::Value;
use std::sync::Arc;

/// Adds the routes.
pub(super) fn routes() -> Router<Arc<PortalState>> {
    Router::new()
        .route("/peer-asns", get(list::list))
        .route("/peer-asns/create", get(create::show).post(create::create))
        .route("/peer-asns/{subscription}/{name}", get(show::show))
        .route("/peer-asns/{subscription}/{name}/edit", get(edit::show).post(edit::save))
        .route("/peer-asns/{subscription}/{name}/delete", post(show::delete))
}

/// All claims of a subscription, in the API.
fn claims(subscription: &str) -> String {
    format!("/subscriptions/{}/providers/Microsoft.Peering/peerAsns", encode(subscription))
}

/// One claim, in the API.
fn claim(subscription: &str, name: &str) -> String {
    format!("{}/{}", claims(subscription), encode(name))
}

/// The page of a claim.
fn page(subscription: &str, name: &str) -> String {
    format!("/peer-asns/{}/{}", encode(subscription), encode(name))
}

/// A property as text.
fn property<'a>(claim: &'a Value, name: &str) -> &'a str {
    claim["properties"][name].as_str().unwrap_or("")
}

/// `AS64510`.
fn asn(claim: &Value) -> String {
    claim["properties"]["peerAsn"].as_u64().map_or_else(String::new, |n| format!("AS{n}"))
}
