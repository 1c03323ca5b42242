//! Names of probes: who asked for one, as the link and the store write it.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Who asked for a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ProbeId {
    /// A connection monitor test, by its database id: `test:7`.
    Test(i64),
    /// A peering's connectivity probe: `peering:3:0`.
    Peering {
        /// Database id of the peering.
        id: i64,
        /// The probe's place in it.
        place: u32,
    },
}

/// A text that names no probe.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' names no probe")]
pub struct NoProbe(String);

impl fmt::Display for ProbeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Test(id) => write!(f, "test:{id}"),
            Self::Peering { id, place } => write!(f, "peering:{id}:{place}"),
        }
    }
}

impl FromStr for ProbeId {
    type Err = NoProbe;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split(':').collect();
        let found = match parts[..] {
            ["test", id] => id.parse().ok().map(Self::Test),
            ["peering", id, place] => {
                id.parse().ok().zip(place.parse().ok()).map(|(id, place)| Self::Peering { id, place })
            }
            _ => None,
        };
        found.ok_or_else(|| NoProbe(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_and_others_are_none() {
        for id in [ProbeId::Test(7), ProbeId::Peering { id: 3, place: 0 }] {
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        for text in ["", "test", "test:x", "test:1:2", "peering:1", "peering:1:-1", "other:1"] {
            assert!(text.parse::<ProbeId>().is_err(), "{text}");
        }
    }
}
