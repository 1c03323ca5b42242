//! What can go wrong with an FRR router, told so that a person knows what to do.

use super::version::Version;
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
    /// Somebody else is changing the same configuration.
    #[error(
        "{daemon}'s configuration has been locked by another session for {seconds} s (is a configuration file being \
         loaded there?); '{command}' wasn't run"
    )]
    Locked {
        /// The daemon.
        daemon: Daemon,
        /// The command, secrets masked.
        command: String,
        /// How long was waited.
        seconds: u64,
    },
    /// A version that isn't driven.
    #[error(
        "the router runs FRR {version}, which isn't supported: nothing was changed; install {oldest} or later"
    )]
    Unsupported {
        /// The router's.
        version: Version,
        /// The oldest that is.
        oldest: Version,
    },
    /// A daemon that doesn't say which version it is.
    #[error("{daemon} doesn't say which FRR it is, so nothing was changed; is it FRR?")]
    NoVersion {
        /// The daemon.
        daemon: Daemon,
    },
    /// Daemons of different versions, as after an installation without a restart.
    #[error(
        "bgpd is of FRR {bgpd} and {daemon} of FRR {other}, so nothing was changed; restart FRR, so that all its daemons \
         are of one version"
    )]
    MixedVersions {
        /// bgpd's version.
        bgpd: Version,
        /// Another daemon.
        daemon: Daemon,
        /// Its version.
        other: Version,
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
            Self::Refused { .. }
            | Self::Locked { .. }
            | Self::Unsupported { .. }
            | Self::NoVersion { .. }
            | Self::MixedVersions { .. }
            | Self::NotJson { .. } => false,
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
