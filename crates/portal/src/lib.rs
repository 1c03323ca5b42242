//! The portal: where peers and operators live. Pages rendered on the server, live by server-sent
//! events, with every asset in the binary and no request to any other host.
//!
//! A page reads and changes resources only through the API, in this process, as the person who is
//! signed in: whatever a page can do, a program can do, and every rule is checked in one place. Only
//! people, their invitations and their sessions are read from the store directly.

mod access;
mod api;
mod assets;
mod error;
mod kept;
mod layout;
mod live;
mod pages;
mod parts;
mod password;
mod query;
mod resource;
mod session;

pub use session::{invite_first_operator, is_from_browser, secure_origin};

use axum::Router;
use meetme_store::Store;
use std::sync::Arc;

/// What the portal works with.
#[derive(Clone)]
pub struct PortalState {
    /// People and their sessions.
    pub store: Store,
    /// The API in this process. A request with a `meetme_store::Principal` among its extensions is
    /// that principal's.
    pub api: Router,
    /// Where the portal is as people see it, when that is configured; for links in mails.
    pub external_url: Option<String>,
    /// Whether mails are sent at all.
    pub sends_mail: bool,
}

/// The portal as a router, for all paths that aren't the API's.
pub fn router(state: PortalState) -> Router {
    let state = Arc::new(state);
    let kept = axum::middleware::from_fn_with_state(state.clone(), kept::guard);
    let told = axum::middleware::from_fn_with_state(state.clone(), error::framed);
    pages::routes().layer(kept).layer(told).with_state(state)
}

#[cfg(test)]
mod tests;
