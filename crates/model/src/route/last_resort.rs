//! Communities by which a peer asks for a route to be taken last (`docs/rules.md` §4).

use crate::community::{self, Community};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a route is the last one to be taken, after every other way and the Internet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LastResort {
    /// The peer drains it: GRACEFUL_SHUTDOWN (RFC 8326 §4.1).
    PeerDrains,
    /// The peer lost its source: LLGR_STALE (RFC 9494 §4.2).
    PeerKeepsStale,
}

impl LastResort {
    /// What a route's communities ask for.
    pub fn of(communities: &[Community]) -> Option<Self> {
        if communities.contains(&community::GRACEFUL_SHUTDOWN) {
            Some(Self::PeerDrains)
        } else if communities.contains(&community::LLGR_STALE) {
            Some(Self::PeerKeepsStale)
        } else {
            None
        }
    }
}

impl fmt::Display for LastResort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PeerDrains => {
                "you drain it (GRACEFUL_SHUTDOWN, RFC 8326): used only when there is no other way"
            }
            Self::PeerKeepsStale => {
                "you mark it as stale (LLGR_STALE, RFC 9494): used only when there is no other way"
            }
        })
    }
}
