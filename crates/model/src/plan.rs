//! From intent and observation to effects: every decision of the product is made here.
//!
//! A plan is a pure function of (what should be, what is, now). What executes its effects makes no
//! choice, and planning again after executing gives nothing more to do until the world changes.

pub mod approval;
pub mod awaited;
pub mod peer_asn;
pub mod peering;
pub mod place;
pub mod prefix;
pub mod removal;
pub mod router;
pub mod validation;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// How long the product waits for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Timing {
    /// A letter of authorization is valid so long.
    pub loa_valid: SignedDuration,
    /// The peer is reminded so long before an unused letter ends.
    pub loa_reminder: SignedDuration,
    /// Light is awaited so long after the letter was issued.
    pub light_due: SignedDuration,
    /// BFD and BGP are awaited so long after the LAG came up.
    pub sessions_due: SignedDuration,
    /// A connection that is removed drains so long.
    pub drain: SignedDuration,
    /// A session stays closed with its shutdown message so long before it is taken away.
    pub close: SignedDuration,
}

impl Default for Timing {
    fn default() -> Self {
        let days = |d: i64| SignedDuration::from_hours(24 * d);
        Self {
            loa_valid: days(60),
            loa_reminder: days(7),
            light_due: days(60),
            sessions_due: days(14),
            drain: SignedDuration::from_secs(60),
            close: SignedDuration::from_secs(5),
        }
    }
}
