//! What a store remembers of what it read, because reading it again costs much and finds the same:
//! routers' states and the inventory as they are parsed, and who a token stands for.
//!
//! A state and the inventory are remembered with the time that their row has, and used only while the row still
//! has it: no reader sees anything older than its query. A principal is remembered for [`PRINCIPAL_LIFE`], so a
//! token that another process revokes works that much longer. Everything is bounded, and forgotten
//! with the store.

use crate::tokens::Principal;
use jiff::{SignedDuration, Timestamp};
use meetme_model::inventory::Inventory;
use meetme_model::link::RouterState;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A revoked token works this much longer at most.
pub(crate) const PRINCIPAL_LIFE: SignedDuration = SignedDuration::from_secs(1);
/// Principals that are remembered before all are forgotten.
const PRINCIPALS_KEPT: usize = 10_000;
/// States that are remembered before all are forgotten; more than a host has routers.
const STATES_KEPT: usize = 10_000;

/// A principal and when it was read.
type Seen = (Timestamp, Principal);

/// The inventory that holds, with its version and time.
type Known = ((i64, i64), Arc<Inventory>);

/// What one store remembers.
#[derive(Default)]
pub struct Memory {
    states: Mutex<HashMap<String, Arc<RouterState>>>,
    principals: Mutex<HashMap<[u8; 32], Seen>>,
    inventory: Mutex<Option<Known>>,
}

impl Memory {
    /// The state of `router` that was told at `at_ms`, if it is the one that is remembered.
    pub(crate) fn state(&self, router: &str, at_ms: i64) -> Option<Arc<RouterState>> {
        lock(&self.states).get(router).filter(|s| s.at.as_millisecond() == at_ms).cloned()
    }

    /// Remembers a committed state.
    pub(crate) fn keep_state(&self, state: &Arc<RouterState>) {
        let mut states = lock(&self.states);
        make_room(&mut states, STATES_KEPT);
        states.insert(state.router.clone(), state.clone());
    }

    /// The inventory with this version and time, if it is the one that is remembered.
    pub(crate) fn inventory(&self, key: (i64, i64)) -> Option<Arc<Inventory>> {
        lock(&self.inventory).as_ref().filter(|(known, _)| *known == key).map(|(_, i)| i.clone())
    }

    /// Remembers the inventory that holds.
    pub(crate) fn keep_inventory(&self, key: (i64, i64), inventory: &Arc<Inventory>) {
        *lock(&self.inventory) = Some((key, inventory.clone()));
    }

    /// Who the token with this hash stood for within [`PRINCIPAL_LIFE`], and still does by its own end.
    pub(crate) fn principal(&self, hash: &[u8; 32], now: Timestamp) -> Option<Principal> {
        let principals = lock(&self.principals);
        let (seen_at, principal) = principals.get(hash)?;
        let age = now.duration_since(*seen_at);
        let fresh = !age.is_negative() && age < PRINCIPAL_LIFE;
        let valid = principal.expires_at.is_none_or(|end| end > now);
        (fresh && valid).then(|| principal.clone())
    }

    /// Remembers who a token stands for. What stands for nobody isn't remembered: a new token works
    /// at once.
    pub(crate) fn keep_principal(&self, hash: [u8; 32], now: Timestamp, principal: &Principal) {
        let mut principals = lock(&self.principals);
        make_room(&mut principals, PRINCIPALS_KEPT);
        principals.insert(hash, (now, principal.clone()));
    }

    /// Forgets who tokens stand for.
    pub(crate) fn forget_principals(&self) {
        lock(&self.principals).clear();
    }
}

fn make_room<K, V>(map: &mut HashMap<K, V>, most: usize) {
    if map.len() >= most {
        map.clear();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::Role;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(ms).unwrap()
    }

    fn principal(expires_at: Option<Timestamp>) -> Principal {
        Principal { id: 1, name: "t".into(), role: Role::Operator, subscription: None, expires_at }
    }

    #[test]
    fn a_principal_is_remembered_for_a_second_and_never_past_its_own_end() {
        let memory = Memory::default();
        memory.keep_principal([1; 32], at(5_000), &principal(None));
        memory.keep_principal([2; 32], at(5_000), &principal(Some(at(5_300))));
        let known = |n: u8, ms| memory.principal(&[n; 32], at(ms)).is_some();
        assert!(known(1, 5_000) && known(1, 5_999) && known(2, 5_299));
        assert!(!known(1, 6_000) && !known(2, 5_300), "its time is over");
        assert!(!known(1, 4_999), "the clock was set back");
        assert!(!known(3, 5_000), "it was never read");
        memory.forget_principals();
        assert!(!known(1, 5_000));
    }

    #[test]
    fn a_full_memory_forgets_instead_of_growing() {
        let memory = Memory::default();
        for n in 0..=PRINCIPALS_KEPT {
            let mut hash = [0; 32];
            hash[..8].copy_from_slice(&n.to_be_bytes());
            memory.keep_principal(hash, at(0), &principal(None));
        }
        assert_eq!(lock(&memory.principals).len(), 1);
    }
}
