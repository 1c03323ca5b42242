//! What can go wrong with an FRR router, told so that a person knows what to do.

use super::vty::Daemon;
use crate::lag::LagError;
use crate::routers::DriverError;
use meetme_model::unit::UnitFault;
use std::path::PathBuf;

/// An FRR router couldn't be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum FrrError {
    /// A daemon's socket can't be opened or broke.
    #[error(
        "can't speak with {daemon} at {path}: {source}; is it running, and may the edge open its socket?"
    )]
    Unreachable {
        /// The daemon.
        daemon: Daemon,
        /// Its socket.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A daemon didn't answer in time.
    #[error("{daemon} didn't answer '{command}' within {seconds} s")]
    Silent {
        /// The daemon.
        daemon: Daemon,
        /// The command, secrets masked.
        command: String,
        /// How long was waited.
        seconds: u64,
    },
    /// A daemon refused a command.
    #[error("{daemon} refused '{command}': {said}")]
    Refused {
        /// The daemon.
        daemon: Daemon,
        /// The command, secrets masked.
        command: String,
        /// Its answer.
        said: String,
    },
    /// A daemon's answer isn't the JSON that was asked for.
    #[error("{daemon} answered '{command}' with something else than JSON: {source}")]
    NotJson {
        /// The daemon.
        daemon: Daemon,
        /// The command.
        command: String,
        /// Where the text stops making sense.
        source: serde_json::Error,
    },
    /// A LAG couldn't be made, removed or read.
    #[error(transparent)]
    Lag(#[from] LagError),
}

impl FrrError {
    /// True when the router can't be spoken with, as opposed to having said no.
    pub fn is_unreachable(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Silent { .. } => true,
            Self::Refused { .. } | Self::NotJson { .. } => false,
            Self::Lag(e) => e.is_unreachable(),
        }
    }
}

impl From<FrrError> for DriverError {
    fn from(error: FrrError) -> Self {
        match error.is_unreachable() {
            true => Self::Unreachable(error.to_string()),
            false => Self::Fault(UnitFault::RouterRefused { said: error.to_string() }),
        }
    }
}
