//! The border to routers: what every driver offers, and the one driver there is.
//!
//! A driver turns a `RouterIntent` into the router's own configuration, compares it with what is
//! there, changes only what carries the product's mark, and reads state. It decides nothing: when
//! to apply, to watch or to undo is the agent's. Every driver has the same files: `render`,
//! `read`, `apply`, `error`.

pub mod frr;

use meetme_model::inventory::{Management, RouterAccess};
use meetme_model::link::{BfdSessionState, BgpState};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Names of the sessions whose gate is open: routes may pass (`docs/rules.md` §3).
pub type Gates = BTreeSet<String>;

/// A BGP neighbour as the router tells it, ours or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Neighbor {
    /// BGP state.
    pub bgp: BgpState,
    /// When it was last established, in milliseconds since the epoch.
    pub established_at_ms: Option<i64>,
    /// How often it left Established since the router's BGP daemon started.
    pub drops: u64,
}

/// What is only asked for when a neighbour's state changed, because it costs more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NeighborDetail {
    /// The peer's BGP identifier.
    pub router_id: Option<String>,
    /// Why the session went down last, in the router's words.
    pub last_error: Option<String>,
}

/// A BFD session as the router tells it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bfd {
    /// Its state.
    pub state: BfdSessionState,
    /// The negotiated detection time, once both ends have spoken.
    pub detection_ms: Option<u32>,
}

/// One cheap look at a router's sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// BGP neighbours by address.
    pub neighbors: BTreeMap<IpAddr, Neighbor>,
    /// BFD sessions by peer address.
    pub bfd: BTreeMap<IpAddr, Bfd>,
}

/// The driver for a router, as its inventory entry says.
pub fn driver(access: &RouterAccess) -> frr::Frr {
    match &access.management {
        Management::Frr { vty_dir, lag, .. } => frr::Frr::new(vty_dir.clone(), lag.clone()),
    }
}
