//! Over which path the traffic of an activated prefix leaves, and since when: what its history is
//! made of (`docs/rules.md` §6). Other than the active path itself it tells when nobody can know.

use super::{ActivePath, ServiceContext};
use crate::link::SeenRoute;
use crate::registered_prefix::SessionView;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A path as it was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathSeen {
    /// The path; `None`: a session that decides it can't be read.
    pub path: Option<ActivePath>,
    /// Where the traffic leaves: peering locations in the order of their names, none with the Internet.
    pub locations: Vec<String>,
}

/// A path that holds from a time on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathSince {
    /// Since when.
    pub since: Timestamp,
    /// The path.
    #[serde(flatten)]
    pub seen: PathSeen,
}

/// Where the sessions of a [`ServiceContext`] are.
#[derive(Clone, Copy, Debug)]
pub struct Places<'a> {
    /// The primary location.
    pub primary: Option<&'a str>,
    /// The backup location.
    pub backup: Option<&'a str>,
    /// The location of each session elsewhere, in their order.
    pub elsewhere: &'a [String],
}

impl PathSeen {
    /// The path that the sessions show: the first in the order of preference on which the route is
    /// used, unless a session before it can't be read.
    pub fn of(context: &ServiceContext, places: Places<'_>) -> Self {
        let mut elsewhere: Vec<String> = context
            .elsewhere
            .iter()
            .zip(places.elsewhere)
            .filter(|(session, _)| carries(session))
            .map(|(_, location)| location.clone())
            .collect();
        elsewhere.sort();
        elsewhere.dedup();
        let named = |name: Option<&str>| name.map(str::to_owned).into_iter().collect::<Vec<_>>();
        let backup = context.backup.as_deref().unwrap_or(&[]);
        for (path, sessions, locations) in [
            (ActivePath::Primary, &context.primary[..], named(places.primary)),
            (ActivePath::Backup, backup, named(places.backup)),
            (ActivePath::Ordinary, &context.elsewhere[..], elsewhere),
        ] {
            if sessions.iter().any(carries) {
                return Self { path: Some(path), locations };
            }
            if sessions.iter().any(|s| !s.known) {
                return Self { path: None, locations: Vec::new() };
            }
        }
        Self { path: Some(ActivePath::Internet), locations: Vec::new() }
    }
}

fn carries(session: &SessionView) -> bool {
    session.known
        && session.established
        && session.gate_open
        && session.route.as_ref().is_some_and(SeenRoute::carries)
}

impl PathSince {
    /// What is to be kept when `seen` is what is seen now: `None` while nothing changed.
    pub fn next(last: Option<&Self>, seen: PathSeen, now: Timestamp) -> Option<Self> {
        let same = last.is_some_and(|last| last.seen == seen);
        (!same).then_some(Self { since: now, seen })
    }
}
