//! What changed between two states of a router, in parts of bounded size. Pure.

use super::{LagState, RouterState, SessionState};
use crate::cut::{ENTRIES, cut};
use crate::unit::{UnitName, UnitPending};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Some of what changed in a router's state; `None` where something is gone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterStatePart {
    /// See [`RouterState::lags`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lags: BTreeMap<String, Option<LagState>>,
    /// See [`RouterState::sessions`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sessions: BTreeMap<String, Option<SessionState>>,
    /// See [`RouterState::pending`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pending: BTreeMap<UnitName, Option<UnitPending>>,
}

impl RouterStatePart {
    /// What makes `now` of `told`, which is `None` where nothing was told yet: the parts, and the state
    /// without what they tell.
    pub fn news(told: Option<&RouterState>, now: &RouterState) -> (Vec<Self>, RouterState) {
        let bare = RouterState {
            lags: BTreeMap::new(),
            sessions: BTreeMap::new(),
            pending: BTreeMap::new(),
            ..now.clone()
        };
        let told = told.unwrap_or(&bare);
        let lags = parts(&told.lags, &now.lags).map(|lags| Self { lags, ..Self::default() });
        let sessions = parts(&told.sessions, &now.sessions);
        let sessions = sessions.map(|sessions| Self { sessions, ..Self::default() });
        let pending = parts(&told.pending, &now.pending);
        let pending = pending.map(|pending| Self { pending, ..Self::default() });
        (lags.chain(sessions).chain(pending).collect(), bare)
    }
}

/// What was told of a router's state in parts.
#[derive(Clone, Debug, Default)]
pub struct GatheredState {
    lags: BTreeMap<String, LagState>,
    sessions: BTreeMap<String, SessionState>,
    pending: BTreeMap<UnitName, UnitPending>,
}

impl GatheredState {
    /// Takes one part.
    pub fn take(&mut self, part: RouterStatePart) {
        merge(&mut self.lags, part.lags);
        merge(&mut self.sessions, part.sessions);
        merge(&mut self.pending, part.pending);
    }

    /// The whole state, from the state without what its parts tell.
    pub fn complete(&self, bare: RouterState) -> RouterState {
        let Self { lags, sessions, pending } = self.clone();
        RouterState { lags, sessions, pending, ..bare }
    }
}

fn parts<K: Ord + Clone, V: PartialEq + Clone>(
    told: &BTreeMap<K, V>,
    now: &BTreeMap<K, V>,
) -> impl Iterator<Item = BTreeMap<K, Option<V>>> {
    let gone = told.keys().filter(|key| !now.contains_key(key)).map(|key| (key.clone(), None));
    let changed = now.iter().filter(|(key, value)| told.get(key) != Some(value));
    let changed = changed.map(|(key, value)| (key.clone(), Some(value.clone())));
    cut(gone.chain(changed).collect(), ENTRIES)
}

fn merge<K: Ord, V>(known: &mut BTreeMap<K, V>, changes: BTreeMap<K, Option<V>>) {
    for (key, change) in changes {
        match change {
            Some(value) => drop(known.insert(key, value)),
            None => drop(known.remove(&key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn state(sessions: impl IntoIterator<Item = (usize, u32)>) -> RouterState {
        let session = |(n, flaps)| (format!("c{n}v4"), SessionState { flaps, ..SessionState::default() });
        RouterState {
            generation: Some(1),
            applied_generation: Some(1),
            sessions: sessions.into_iter().map(session).collect(),
            bmp_connected: true,
            ..RouterState::reached("er1", Timestamp::UNIX_EPOCH)
        }
    }

    /// What the other end has after the news, and how many parts it took.
    fn tell(
        gathered: &mut GatheredState,
        before: Option<&RouterState>,
        now: &RouterState,
    ) -> (RouterState, usize) {
        let (parts, bare) = RouterStatePart::news(before, now);
        let count = parts.len();
        parts.into_iter().for_each(|part| gathered.take(part));
        (gathered.complete(bare), count)
    }

    #[test]
    fn parts_make_the_state_again_and_tell_only_what_changed() {
        let mut gathered = GatheredState::default();
        let first = state((0..1_000).map(|n| (n, 0)));
        assert_eq!(tell(&mut gathered, None, &first), (first.clone(), 16));
        let next = state((1..1_000).map(|n| (n, u32::from(n == 7))));
        assert_eq!(tell(&mut gathered, Some(&first), &next), (next.clone(), 1));
        assert_eq!(tell(&mut gathered, Some(&next), &next), (next.clone(), 0));
    }

    #[test]
    fn no_part_grows_with_the_number_of_sessions() {
        let longest = |count: usize| {
            let (parts, bare) = RouterStatePart::news(None, &state((1_000..1_000 + count).map(|n| (n, 0))));
            let parts = parts.iter().map(|part| serde_json::to_string(part).unwrap().len());
            parts.chain([serde_json::to_string(&bare).unwrap().len()]).max()
        };
        assert_eq!(longest(100), longest(5_000));
    }
}
