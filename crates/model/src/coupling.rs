//! Whether a router's BGP falls with its BFD: what its edge measured at first contact
//! (`docs/rules.md` §3), and whether sessions with Voice may go there.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The newest trial of a router.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coupling {
    /// When it ended.
    pub at: Timestamp,
    /// What it came to.
    pub found: Found,
}

/// What a trial came to: the edge had a BGP session with BFD of its own with the router, and fell silent on BFD alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "found", rename_all = "snake_case")]
pub enum Found {
    /// The router closed BGP.
    Fell {
        /// So long after the last BFD packet.
        after_ms: u32,
        /// The session's detection time (RFC 5880 §6.8.4).
        detection_ms: u32,
    },
    /// BGP stood when the detection time was long over.
    Stood {
        /// How long it was waited for.
        waited_ms: u32,
        /// The session's detection time.
        detection_ms: u32,
    },
    /// There was no session to be silent on.
    NotTried {
        /// Why, as the end of a sentence.
        why: String,
    },
}

impl Coupling {
    /// Whether BGP is known to fall with BFD.
    pub fn is_proved(&self) -> bool {
        matches!(self.found, Found::Fell { .. })
    }
}

impl fmt::Display for Coupling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.found {
            Found::Fell { after_ms, detection_ms } => write!(
                f,
                "BGP fell {after_ms} ms after the last BFD packet of a trial session (detection time {detection_ms} ms)"
            ),
            Found::Stood { waited_ms, detection_ms } => write!(
                f,
                "BGP stood {waited_ms} ms after the last BFD packet of a trial session (detection time {detection_ms} ms)"
            ),
            Found::NotTried { why } => write!(f, "there was no trial session: {why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_router_is_fit_for_voice_only_once_bgp_was_seen_to_fall() {
        let of = |found| Coupling { at: Timestamp::UNIX_EPOCH, found };
        let fell = of(Found::Fell { after_ms: 301, detection_ms: 300 });
        assert!(fell.is_proved() && fell.to_string().contains("301 ms"));
        let stood = of(Found::Stood { waited_ms: 1300, detection_ms: 300 });
        assert!(!stood.is_proved() && stood.to_string().contains("BGP stood 1300 ms"), "{stood}");
        let not = of(Found::NotTried { why: "BFD didn't come up".into() });
        assert!(!not.is_proved() && not.to_string().contains("no trial session: BFD didn't come up"));
    }
}
