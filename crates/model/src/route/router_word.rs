//! What a router says that it does with a route, held against what the rules say (`docs/rules.md` §5).

use super::{LOCAL_PREF_PRIMARY, RouteVerdict};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;

/// What is known of a router's own choice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "word", rename_all = "snake_case")]
pub enum RouterWord {
    /// It wasn't asked since the route came, or since its gate opened.
    #[default]
    NotAsked,
    /// It does with the route what the rules say.
    Agrees,
    /// It does something else, and not only for a moment.
    Differs {
        /// What.
        difference: RouterDifference,
    },
}

/// How what a router does with a route differs from what the rules say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "difference", rename_all = "snake_case")]
pub enum RouterDifference {
    /// To be used, and not in the router's table: something in the router refused it.
    Absent,
    /// To be used, and in the table without being valid: held by policy, or its next hop isn't reached.
    Unusable,
    /// Valid, with another preference than its role has.
    Preference {
        /// The router's LOCAL_PREF.
        local_pref: u32,
        /// The rules' LOCAL_PREF.
        expected: u32,
    },
    /// Valid, and the best path is one that the rules know nothing of.
    Overruled {
        /// The neighbour that the best path comes from; `None`: the router itself.
        by: Option<IpAddr>,
    },
    /// Not to be used, and valid in the router's table.
    UsedAnyway,
}

/// A path of a prefix in a router's table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouterPath {
    /// The neighbour that it came from; `None`: the router itself.
    pub from: Option<IpAddr>,
    /// Valid: its next hop is reached and policy lets it be chosen.
    pub is_valid: bool,
    /// It is the one that is chosen.
    pub is_best: bool,
    /// LOCAL_PREF, where it has one.
    pub local_pref: Option<u32>,
}

impl RouterDifference {
    /// Holds the paths of a prefix in a router's table against the verdict on the route from `peer`;
    /// `host_drains`: the session is being drained by the host. `None`: the router does as the rules say.
    pub fn of(paths: &[RouterPath], peer: IpAddr, verdict: &RouteVerdict, host_drains: bool) -> Option<Self> {
        let path = paths.iter().find(|p| p.from == Some(peer));
        let valid = path.filter(|p| p.is_valid);
        let Some(expected) = verdict.local_pref() else {
            return valid.map(|_| Self::UsedAnyway);
        };
        let Some(path) = path else { return Some(Self::Absent) };
        if !path.is_valid {
            return Some(Self::Unusable);
        }
        let expected = if host_drains { super::LOCAL_PREF_LAST_RESORT } else { expected };
        let local_pref = path.local_pref.unwrap_or_default();
        if local_pref != expected {
            return Some(Self::Preference { local_pref, expected });
        }
        // No way that the rules know is preferred to a primary one, and none that is worse comes first.
        let as_ruled = |p: &RouterPath| {
            p.from.is_some()
                && p.local_pref.is_some_and(|best| (expected..=LOCAL_PREF_PRIMARY).contains(&best))
        };
        let overrules = paths.iter().find(|p| p.is_best && !as_ruled(p));
        overrules.map(|best| Self::Overruled { by: best.from })
    }

    /// Stable name, for whoever counts or filters.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Absent => "Absent",
            Self::Unusable => "Unusable",
            Self::Preference { .. } => "Preference",
            Self::Overruled { .. } => "Overruled",
            Self::UsedAnyway => "UsedAnyway",
        }
    }

    /// Whether the route carries traffic all the same.
    pub fn is_used(&self) -> bool {
        match self {
            Self::Absent | Self::Unusable | Self::Overruled { .. } => false,
            Self::Preference { .. } | Self::UsedAnyway => true,
        }
    }

    /// What the peer may know; nothing of others, and nothing is to be done by it.
    pub fn for_peer(&self) -> &'static str {
        match self {
            Self::Absent => "our router doesn't have it in its table",
            Self::Unusable => "our router has it and doesn't use it",
            Self::Preference { .. } => "our router uses it with another preference than intended",
            Self::Overruled { .. } => "our router prefers another way",
            Self::UsedAnyway => "our router uses it, against the rules",
        }
    }
}

impl fmt::Display for RouterDifference {
    /// For operators: what differs, and where to look.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str(
                "by the rules it is used, and the router's table doesn't have it; look for a filter or a check of the router's own",
            ),
            Self::Unusable => f.write_str(
                "by the rules it is used, and in the router's table it isn't valid; look at its next hop and at the session's policy",
            ),
            Self::Preference { local_pref, expected } => {
                write!(f, "the router uses it with LOCAL_PREF {local_pref}, by the rules it is {expected}")
            }
            Self::Overruled { by: Some(by) } => {
                write!(f, "the router prefers a path from {by} that the rules know nothing of")
            }
            Self::Overruled { by: None } => {
                f.write_str("the router prefers a route of its own to it; look for a static or originated one")
            }
            Self::UsedAnyway => f.write_str("by the rules it isn't used, and in the router's table it is valid"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::{PrefixRole, RouteUse};

    const PEER: &str = "198.18.192.2";

    fn path(from: &str, local_pref: u32) -> RouterPath {
        let from = Some(from.parse().unwrap());
        RouterPath { from, is_valid: true, is_best: false, local_pref: Some(local_pref) }
    }

    fn best(from: &str, local_pref: u32) -> RouterPath {
        RouterPath { is_best: true, ..path(from, local_pref) }
    }

    fn verdict(usage: RouteUse) -> RouteVerdict {
        RouteVerdict { usage, faults: vec![], last_resort: None }
    }

    fn found(role: PrefixRole, paths: &[RouterPath]) -> Option<RouterDifference> {
        RouterDifference::of(paths, PEER.parse().unwrap(), &verdict(RouteUse::Registered(role)), false)
    }

    #[test]
    fn a_route_in_its_role_is_as_the_rules_say_whoever_of_the_peers_sessions_is_best() {
        use PrefixRole::*;
        assert_eq!(found(Primary, &[best(PEER, 400)]), None);
        assert_eq!(found(Primary, &[path(PEER, 400), best("198.18.255.12", 400)]), None);
        assert_eq!(found(Backup, &[path(PEER, 300), best("198.18.255.12", 400)]), None);
        assert_eq!(found(Registered, &[best(PEER, 200)]), None);
    }

    #[test]
    fn each_difference_has_its_name() {
        use PrefixRole::*;
        let unusable = RouterPath { is_valid: false, ..path(PEER, 0) };
        assert_eq!(found(Primary, &[best("198.18.255.12", 400)]), Some(RouterDifference::Absent));
        assert_eq!(found(Primary, std::slice::from_ref(&unusable)), Some(RouterDifference::Unusable));
        let other = RouterDifference::Preference { local_pref: 200, expected: 400 };
        assert_eq!(found(Primary, &[best(PEER, 200)]), Some(other));
        for (from, local_pref) in
            [(Some("192.0.2.77"), Some(999)), (Some("192.0.2.77"), Some(100)), (None, None)]
        {
            let from: Option<IpAddr> = from.map(|f| f.parse().unwrap());
            let foreign = RouterPath { from, is_valid: true, is_best: true, local_pref };
            let overruled = Some(RouterDifference::Overruled { by: from });
            assert_eq!(found(Primary, &[path(PEER, 400), foreign]), overruled);
        }
        let of_unused = |paths: &[RouterPath]| {
            RouterDifference::of(paths, PEER.parse().unwrap(), &verdict(RouteUse::Unused), false)
        };
        assert_eq!(of_unused(&[path(PEER, 200)]), Some(RouterDifference::UsedAnyway));
        assert_eq!((of_unused(&[unusable]), of_unused(&[])), (None, None));
    }

    #[test]
    fn what_is_drained_is_used_last_whoever_drains_it() {
        let usage = verdict(RouteUse::Registered(PrefixRole::Primary));
        let by_peer =
            RouteVerdict { last_resort: Some(crate::route::LastResort::PeerDrains), ..usage.clone() };
        let of = |paths: &[RouterPath], verdict, host| {
            RouterDifference::of(paths, PEER.parse().unwrap(), verdict, host)
        };
        assert_eq!(of(&[path(PEER, 0), best("198.18.250.1", 100)], &usage, true), None);
        assert_eq!(of(&[path(PEER, 0)], &by_peer, false), None);
        assert!(of(&[best(PEER, 400)], &by_peer, false).is_some());
    }
}
