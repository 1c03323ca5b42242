//! Change units: the parts of a router's snapshot that are checked, applied, watched, undone and
//! told each by itself (`docs/rules.md` §3). What happens to one never touches another.
//!
//! Splitting is pure and loses nothing; how a unit is brought onto a router is the edge's.

use crate::intent::{RouterIntent, SessionIntent};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

/// Names a part of a router's snapshot. As text: `backbone`, or the LAG's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub enum UnitName {
    /// What the router is for the host's own network: its BGP instance, iBGP, transit, originated
    /// prefixes, BMP.
    Backbone,
    /// A connection, by the name of its LAG: the LAG, its addresses, its sessions and their policy.
    Connection(String),
}

const BACKBONE: &str = "backbone";

impl fmt::Display for UnitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Backbone => f.write_str(BACKBONE),
            Self::Connection(lag) => f.write_str(lag),
        }
    }
}

impl From<UnitName> for String {
    fn from(name: UnitName) -> Self {
        name.to_string()
    }
}

impl From<String> for UnitName {
    fn from(text: String) -> Self {
        if text == BACKBONE { Self::Backbone } else { Self::Connection(text) }
    }
}

/// One part of a router's snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Its name.
    pub name: UnitName,
    /// The snapshot cut down to it, with generation 0. What every part refers to (the host's ASN,
    /// the announced prefixes) is in each.
    pub intent: RouterIntent,
}

impl Unit {
    /// The sessions with peers that it has.
    pub fn sessions(&self) -> &[SessionIntent] {
        &self.intent.sessions
    }

    /// Every address that it speaks BGP with.
    pub fn neighbors(&self) -> impl Iterator<Item = IpAddr> {
        let sessions = self.intent.sessions.iter().map(|s| s.peer_address);
        let ibgp = self.intent.ibgp.iter().map(|n| n.address);
        sessions.chain(ibgp).chain(self.intent.transits.iter().map(|t| t.address))
    }
}

/// Cuts a snapshot into its units, each once. A session whose LAG isn't in the snapshot is a unit
/// without a LAG, which the edge's check refuses by name.
pub fn units(intent: &RouterIntent) -> BTreeMap<UnitName, Unit> {
    let empty = RouterIntent {
        generation: 0,
        lags: Vec::new(),
        sessions: Vec::new(),
        ibgp: Vec::new(),
        transits: Vec::new(),
        bmp: None,
        announced: intent.announced.clone(),
        router: intent.router.clone(),
        ..*intent
    };
    let mut units: BTreeMap<UnitName, Unit> = BTreeMap::new();
    let mut unit = |name: UnitName, add: &mut dyn FnMut(&mut RouterIntent)| {
        let fresh = || Unit { name: name.clone(), intent: empty.clone() };
        add(&mut units.entry(name.clone()).or_insert_with(fresh).intent);
    };
    unit(UnitName::Backbone, &mut |part| {
        part.ibgp.clone_from(&intent.ibgp);
        part.transits.clone_from(&intent.transits);
        part.bmp = intent.bmp;
    });
    for lag in &intent.lags {
        unit(UnitName::Connection(lag.name.clone()), &mut |part| part.lags.push(lag.clone()));
    }
    for session in &intent.sessions {
        unit(UnitName::Connection(session.lag.clone()), &mut |part| part.sessions.push(session.clone()));
    }
    units
}

/// Why a unit isn't on the router as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum UnitFault {
    /// A name, address or number in it that no router may get.
    Invalid {
        /// What is wrong, and with what; never a secret's value.
        problem: String,
    },
    /// An address or name of it is in use by another unit of this router.
    Taken {
        /// What is taken.
        what: String,
    },
    /// An object of its name was configured on the router by somebody else.
    Foreign {
        /// The neighbour or interface.
        object: String,
    },
    /// The router is another one than the inventory says.
    OtherRouter {
        /// How it differs, and what to do.
        problem: String,
    },
    /// The router's software can't do what the unit needs.
    Unsupported {
        /// What it lacks, by version.
        problem: String,
    },
    /// It has sessions with Voice, and it isn't proved that the router's BGP falls with its BFD.
    NotCoupled {
        /// What the newest trial came to ([`crate::coupling::Coupling`]).
        found: String,
    },
    /// By itself it would reset more established sessions than a step may.
    DisturbsTooMany {
        /// How many.
        sessions: usize,
        /// How many a step may.
        allowed: usize,
    },
    /// The router refused a command.
    RouterRefused {
        /// Which, and its answer; secrets masked.
        said: String,
    },
    /// The router took the commands and shows something else.
    NotTaken {
        /// What remains different; secrets masked.
        diff: String,
    },
    /// Sessions that weren't part of the change were lost with it.
    SessionsLost {
        /// Their neighbours' addresses.
        neighbors: Vec<IpAddr>,
    },
    /// The router went away while it was being changed.
    WentAway {
        /// What the attempt said.
        said: String,
    },
}

impl UnitFault {
    /// True when the router refused or would refuse it as it is, so that trying again without a
    /// change somewhere is of little use; false for what came from the circumstances.
    pub fn is_of_content(&self) -> bool {
        match self {
            Self::Invalid { .. }
            | Self::Taken { .. }
            | Self::Foreign { .. }
            | Self::OtherRouter { .. }
            | Self::Unsupported { .. }
            | Self::NotCoupled { .. }
            | Self::DisturbsTooMany { .. }
            | Self::RouterRefused { .. }
            | Self::NotTaken { .. } => true,
            Self::SessionsLost { .. } | Self::WentAway { .. } => false,
        }
    }

    /// What the peer whose unit it is may know, and what happens next; nothing of others.
    pub fn for_peer(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => {
                "a value of this connection can't be configured on our router; our engineers are told, and tell you what to change"
            }
            Self::Taken { .. } => {
                "an address of this connection is in use on our router; our engineers are told, and give you others"
            }
            Self::Foreign { .. }
            | Self::OtherRouter { .. }
            | Self::Unsupported { .. }
            | Self::NotCoupled { .. } => "our router isn't ready for this connection; our engineers are told",
            Self::DisturbsTooMany { .. } => {
                "our router waits for a maintenance window; our engineers are told"
            }
            Self::RouterRefused { .. } | Self::NotTaken { .. } => {
                "our router refused the configuration of this connection; our engineers are told"
            }
            Self::SessionsLost { .. } | Self::WentAway { .. } => {
                "the configuration of this connection was undone on our router; it is tried again by itself"
            }
        }
    }
}

impl fmt::Display for UnitFault {
    /// For operators: what was wrong, where, and what to do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid { problem } | Self::OtherRouter { problem } | Self::Unsupported { problem } => {
                f.write_str(problem)
            }
            Self::Taken { what } => {
                write!(f, "{what} is in use by another part of this router; give this one another")
            }
            Self::Foreign { object } => write!(
                f,
                "'{object}' is configured on the router without this product's mark; remove it by hand, or change the connection"
            ),
            Self::NotCoupled { found } => write!(
                f,
                "it isn't proved that BGP falls with BFD on this router, so sessions with Voice don't go there: {found}; it is tried again by itself"
            ),
            Self::DisturbsTooMany { sessions, allowed } => write!(
                f,
                "it would reset {sessions} established sessions at once, and a step may reset {allowed}; shut some of them by hand first"
            ),
            Self::RouterRefused { said } => write!(f, "the router refused a command: {said}"),
            Self::NotTaken { diff } => {
                write!(f, "the router didn't take everything over; what remains different:\n{diff}")
            }
            Self::SessionsLost { neighbors } => {
                let names: Vec<String> = neighbors.iter().map(IpAddr::to_string).collect();
                write!(
                    f,
                    "sessions that weren't part of the change went down with it: {}; it is tried again by itself",
                    names.join(", ")
                )
            }
            Self::WentAway { said } => write!(f, "the router went away during the change: {said}"),
        }
    }
}

/// Where a unit stands that isn't confirmed as the newest snapshot has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitPending {
    /// Why it is at its last good form; `None` while it is only on its way.
    pub fault: Option<UnitFault>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intent::{IbgpNeighbor, LagIntent};
    use crate::{Asn, Prefix};

    fn snapshot() -> RouterIntent {
        let prefix: Prefix = "198.18.0.0/17".parse().unwrap();
        let lag = |n: u8| LagIntent {
            name: format!("lag{n}"),
            description: String::new(),
            members: vec![format!("et{n}")],
            addresses: Vec::new(),
        };
        RouterIntent {
            router: "er1".into(),
            generation: 7,
            asn: Asn(64500),
            router_id: "198.18.255.11".parse().unwrap(),
            loopback: "198.18.255.11".parse().unwrap(),
            loopback_v6: None,
            lags: vec![lag(2), lag(1)],
            sessions: Vec::new(),
            ibgp: vec![IbgpNeighbor {
                name: "er2".into(),
                address: "198.18.255.12".parse().unwrap(),
                bfd: None,
            }],
            transits: Vec::new(),
            announced: [prefix].into(),
            bmp: Some("192.0.2.1:1790".parse().unwrap()),
        }
    }

    #[test]
    fn a_snapshot_is_cut_without_loss() {
        let intent = snapshot();
        let units = units(&intent);
        assert_eq!(units.keys().map(UnitName::to_string).collect::<Vec<_>>(), ["backbone", "lag1", "lag2"]);
        let lag1 = &units[&UnitName::Connection("lag1".into())];
        assert_eq!(lag1.intent.lags, [intent.lags[1].clone()]);
        assert!(lag1.intent.ibgp.is_empty() && lag1.intent.bmp.is_none());
        let backbone = &units[&UnitName::Backbone];
        assert_eq!(backbone.intent.ibgp, intent.ibgp);
        assert!(backbone.intent.lags.is_empty() && backbone.sessions().is_empty());
        assert_eq!(backbone.intent.announced, lag1.intent.announced);
    }

    #[test]
    fn a_name_reads_back_from_its_text() {
        for name in [UnitName::Backbone, UnitName::Connection("lag12".into())] {
            let text = serde_json::to_string(&name).unwrap();
            assert_eq!(serde_json::from_str::<UnitName>(&text).unwrap(), name);
        }
    }

    #[test]
    fn nothing_of_others_is_in_what_a_peer_is_told() {
        let fault = UnitFault::SessionsLost { neighbors: vec!["198.18.192.2".parse().unwrap()] };
        assert!(fault.to_string().contains("198.18.192.2") && !fault.for_peer().contains("198.18"));
    }
}
