//! LAGs with LACP (IEEE 802.1AX): active, fast rate, no fallback. Makes, removes and reads them.
//!
//! Only bundles that carry the product's mark are ever changed or removed, and addresses aren't
//! set here: those are the router's own configuration. Nothing here decides which LAGs there are.

pub mod bonding;
pub mod counters;
mod jsonrpc;
pub mod ovs;

use crate::process::ProcessError;
use meetme_model::inventory::LagBackend;
use meetme_model::link::LagState;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// LAGs by name, with their members in order of name.
pub type Lags = BTreeMap<String, Vec<String>>;

/// A LAG couldn't be made, removed or read.
#[derive(Debug, thiserror::Error)]
pub enum LagError {
    /// The name is taken by something that isn't ours.
    #[error("'{0}' exists on the router without the mark of this product; remove it or rename it by hand")]
    Foreign(String),
    /// A daemon can't be spoken with.
    #[error(
        "can't speak with Open vSwitch at {path}: {source}; is it running, and may the edge open its socket?"
    )]
    Unreachable {
        /// Its socket.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A daemon answered with an error or something unknown.
    #[error("Open vSwitch at {path} answered: {said}")]
    Answer {
        /// Its socket.
        path: PathBuf,
        /// What it said.
        said: String,
    },
    /// A tool failed.
    #[error(transparent)]
    Tool(#[from] ProcessError),
}

impl LagError {
    /// True when the router's bundling can't be spoken with at all.
    pub fn is_unreachable(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Tool(ProcessError::Timeout { .. }) => true,
            Self::Foreign(_) | Self::Answer { .. } | Self::Tool(_) => false,
        }
    }
}

/// What there is, and how it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// Our LAGs.
    pub lags: Lags,
    /// Their state.
    pub states: BTreeMap<String, LagState>,
}

/// Reads our LAGs and their LACP state.
pub async fn read(backend: &LagBackend) -> Result<Observed, LagError> {
    match backend {
        LagBackend::Ovs { db, ctl, .. } => ovs::read(db, ctl).await,
        LagBackend::Bonding { netns } => bonding::read(netns.as_deref()).await,
    }
}

/// Makes or changes a LAG, so that it has these members.
pub async fn ensure(backend: &LagBackend, name: &str, members: &[String]) -> Result<(), LagError> {
    match backend {
        LagBackend::Ovs { db, netns, .. } => {
            ovs::ensure(db, name, members).await?;
            ovs::quiet(netns.as_deref(), members).await;
            Ok(())
        }
        LagBackend::Bonding { netns } => bonding::ensure(netns.as_deref(), name, members).await,
    }
}

/// Removes a LAG of ours.
pub async fn remove(backend: &LagBackend, name: &str) -> Result<(), LagError> {
    match backend {
        LagBackend::Ovs { db, .. } => ovs::remove(db, name).await,
        LagBackend::Bonding { netns } => bonding::remove(netns.as_deref(), name).await,
    }
}
