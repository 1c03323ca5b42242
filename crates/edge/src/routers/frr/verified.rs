//! Neighbours that were seen to be ours, so that a gate's change needn't ask for them. Pure.

use super::owned::{Key, Owned};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// See the module. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Verified(Arc<Mutex<BTreeSet<String>>>);

impl Verified {
    /// The whole configuration was read: these are ours, and no others.
    pub fn read(&self, owned: &Owned) {
        let neighbors = owned.blocks.keys().filter_map(|key| match key {
            Key::Neighbor(address) => Some(address.clone()),
            _ => None,
        });
        *self.set() = neighbors.collect();
    }

    /// This one was asked for, and is ours.
    pub fn add(&self, address: &str) {
        self.set().insert(address.to_owned());
    }

    /// The router can't be reached: who answers next may be configured in another way.
    pub fn forget(&self) {
        self.set().clear();
    }

    /// Whether this one is known to be ours.
    pub fn has(&self, address: &str) -> bool {
        self.set().contains(address)
    }

    fn set(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_neighbour_is_ours_until_a_reading_lacks_it_or_the_router_is_away() {
        let verified = Verified::default();
        let read = |address: &str| {
            let mut owned = Owned::default();
            owned.blocks.insert(Key::Neighbor(address.to_owned()), Vec::new());
            owned.blocks.insert(Key::Family(false, "192.0.2.3".to_owned()), Vec::new());
            verified.read(&owned);
        };
        read("192.0.2.1");
        verified.add("192.0.2.2");
        let are = || ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map(|a| verified.has(a));
        assert_eq!(are(), [true, true, false]);
        read("192.0.2.2");
        assert_eq!(are(), [false, true, false]);
        verified.forget();
        assert_eq!(are(), [false; 3]);
    }
}
