//! The HTTP API: ARM resources (`arm`), and the operator and extension API under `/api/v1`
//! (`operator`), with tokens and scopes (`auth`).
//!
//! A write stores intent, audit entry and work rows in one transaction and returns; reconcilers do
//! the rest. Nothing here speaks to a router, decides about a state, or has SQL of its own; live
//! questions to an edge go through the handle in [`ApiState`].

mod arm;
mod auth;
mod call;
mod conflict;
mod error;
mod health;
mod metrics;
mod operator;
mod page;
mod path;
mod routes;

pub use arm::version::VERSIONS;
pub use auth::Access;
pub use metrics::metrics_router;
pub use routes::Route;

use meetme_model::link::{EdgeAnswer, EdgeQuery};
use meetme_store::Store;
use std::pin::Pin;
use std::sync::Arc;

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
}

impl Default for Settings {
    fn default() -> Self {
        Self { page_size: 100, external_url: None }
    }
}

/// The API as a router: everything but `/healthz` and `/readyz` needs a token.
pub fn router(state: ApiState) -> axum::Router {
    all().into_router(Arc::new(state))
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
