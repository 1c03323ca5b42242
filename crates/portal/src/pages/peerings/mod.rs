//! Peerings: the list, the wizard that creates one, and a peering's pages, one file each.

pub(super) mod at;
mod change;
mod connections;
mod create;
mod delete;
mod deployment;
mod drawing;
pub(super) mod frame;
pub(super) mod json;
mod link;
mod list;
mod offering;
mod overview;
mod prefix;
mod prefix_add;
mod prefixes;
mod seen;
mod tags;
mod timeline;
mod traffic;

use crate::PortalState;
use axum::Router;
use axum::routing::{get, post};
use std::sync::Arc;

/// All routes.
pub(super) fn routes() -> Router<Arc<PortalState>> {
    const ONE: &str = "/peerings/{subscription}/{resource_group}/{name}";
    let below = |path: &str| format!("{ONE}{path}");
    Router::new()
        .route("/peerings", get(list::show))
        .route("/peerings/create", get(create::basics::show).post(create::review::create))
        .route("/peerings/create/configuration", get(create::configuration::show))
        .route("/peerings/create/connection", get(create::connection::show))
        .route("/peerings/create/review", get(create::review::show))
        .route(ONE, get(overview::show))
        .route(&below("/deployment"), get(deployment::show))
        .route(&below("/connections"), get(connections::show))
        .route(&below("/connections/add"), get(change::add).post(change::save_new))
        .route(&below("/connections/{child}"), get(change::edit).post(change::save))
        .route(&below("/connections/{child}/remove"), get(change::confirm).post(change::remove))
        .route(&below("/registered-prefixes"), get(prefixes::show))
        .route(&below("/registered-prefixes/add"), get(prefix_add::show).post(prefix_add::add))
        .route(&below("/registered-prefixes/{child}"), get(prefix::show))
        .route(&below("/registered-prefixes/{child}/validate"), post(prefix::validate))
        .route(&below("/registered-prefixes/{child}/delete"), get(prefix::confirm).post(prefix::delete))
        .route(&below("/tags"), get(tags::show).post(tags::save))
        .route(&below("/json"), get(json::show))
        .route(&below("/delete"), get(delete::show).post(delete::delete))
}
