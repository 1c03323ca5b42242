//! The reconcilers: they carry what should be to the edge and what is into the store.
//!
//! Each reconciler takes a key that only means "look again", reads what is, asks `meetme_model`'s
//! planners what to do, and writes the outcome in one transaction. Decisions are the planners';
//! routers are the edge's. Nothing here speaks HTTP.

mod intents;
pub mod links;
pub mod mails;
mod observe;
mod observed;
mod probes;
mod reconcile;
mod samples;
pub mod settings;
#[cfg(test)]
mod testing;
mod worker;

pub use links::Links;
pub use settings::{MailSettings, Settings};
pub use worker::Worker;

use jiff::Timestamp;

/// The time now: the one place where this crate reads a clock.
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// What can stop a reconciler; it is tried again with back-off.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The store refused.
    #[error(transparent)]
    Store(#[from] meetme_store::StoreError),
    /// No inventory was applied yet.
    #[error("there is no inventory yet; apply one with `meetme inventory apply FILE`")]
    NoInventory,
    /// A planner asked for a step that the record can't take: a defect, told loudly.
    #[error("planning went wrong: {0}")]
    Plan(#[from] meetme_model::connection::IllegalTransition),
    /// A plan didn't come to rest: a defect, told loudly.
    #[error("the plan of {0} doesn't come to rest")]
    Restless(String),
    /// A mail couldn't be handed over.
    #[error("the mail wasn't accepted: {reason}")]
    Mail {
        /// What was said.
        reason: String,
        /// True when the server refused this very mail (5xx), false when it can't be reached.
        refused: bool,
    },
}
