//! The HTTP API: ARM resources (`arm`), and the operator and extension API under `/api/v1`
//! (`operator`), with tokens and scopes (`auth`).
//!
//! A write stores intent, audit entry and work rows in one transaction and returns; reconcilers do
//! the rest. Nothing here speaks to a router, decides about a state, or has SQL of its own; live
//! questions to an edge go through the handle in [`ApiState`].

mod arm;
mod auth;
mod body;
mod call;
mod conditions;
mod conflict;
mod entry;
mod error;
mod health;
mod json;
mod limit;
mod listing;
mod metrics;
mod oauth;
mod odata;
mod openapi;
mod operator;
mod page;
mod path;
mod request_ids;
mod routes;

pub use arm::version::VERSIONS;
pub use auth::{Access, sends_token};
pub use limit::{Rate, Rates};
pub use metrics::metrics_router;
pub use routes::Route;

use meetme_model::link::{EdgeAnswer, EdgeQuery};
use meetme_model::plan::Timing;
use meetme_store::Store;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// The answer to a live question, once it is there.
pub type EdgeFuture = Pin<Box<dyn Future<Output = Result<EdgeAnswer, String>> + Send>>;

/// Asks the edge of a router (by name) a live question. The error is for the person who asked.
pub type EdgeQueries = Arc<dyn Fn(String, EdgeQuery) -> EdgeFuture + Send + Sync>;

/// What the API works with.
#[derive(Clone)]
pub struct ApiState {
    /// What should be, and what was observed.
    pub store: Store,
    /// Live questions to edges.
    pub queries: EdgeQueries,
    /// Settings.
    pub settings: Settings,
}

/// Settings of the API.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Rows per page of a list.
    pub page_size: usize,
    /// `https://peering.example.net`, for links back when a proxy stands in front; else links have
    /// the host that the caller used.
    pub external_url: Option<String>,
    /// How much one caller may ask.
    pub rates: Rates,
    /// How long a request's body may take.
    pub body_timeout: Duration,
    /// How long the reconcilers wait for what, to tell when something is done.
    pub timing: Timing,
}

/// How a request came in. The server puts it into the request's extensions, for links back; without
/// it they are `http`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Without encryption.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// As it stands in an address.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            page_size: 1000,
            external_url: None,
            rates: Rates::default(),
            body_timeout: Duration::from_secs(30),
            timing: Timing::default(),
        }
    }
}

/// The API as a router: everything but `/healthz` and `/readyz` needs a token.
pub fn router(state: ApiState) -> axum::Router {
    all().into_router(Arc::new(state))
}

/// True for a path that is the API's, whoever asks for it. On the same address all others are free for pages.
pub fn is_api_path(path: &str) -> bool {
    const FIRST: &[&str] = &[
        "subscriptions",
        "providers",
        "tenants",
        "metadata",
        "api",
        "openapi",
        "reference",
        "healthz",
        "readyz",
    ];
    let first = path.trim_start_matches('/').split('/').next().unwrap_or("");
    FIRST.iter().any(|f| f.eq_ignore_ascii_case(first)) || oauth::address(path).is_some()
}

/// Every route with who may use it, `/healthz` and `/readyz` aside.
pub fn routes() -> Vec<Route> {
    all().list().to_vec()
}

fn all() -> routes::Routes {
    routes::Routes::default().with(arm::routes).with(operator::routes)
}

#[cfg(test)]
mod tests;
