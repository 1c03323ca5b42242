//! Sharing of equal values: a router's routes have fewer distinct attributes than routes, and far
//! fewer verdicts.
//!
//! A value is kept exactly as long as something outside the table holds it, provided that holders
//! give it back by [`Interned::release`].

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use meetme_model::route::RouteVerdict;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

/// The distinct values in use.
#[derive(Debug)]
pub(super) struct Interned<T: ?Sized> {
    values: HashTable<Arc<T>>,
    hasher: RandomState,
}

impl<T: ?Sized> Default for Interned<T> {
    fn default() -> Self {
        Self { values: HashTable::new(), hasher: RandomState::default() }
    }
}

impl<T: ?Sized + Eq + Hash> Interned<T> {
    /// The shared copy of `value`, which is kept by itself only if there is none.
    pub(super) fn share<V>(&mut self, value: V) -> Arc<T>
    where
        V: AsRef<T>,
        Arc<T>: From<V>,
    {
        let hash = self.hasher.hash_one(value.as_ref());
        if let Some(known) = self.values.find(hash, |known| **known == *value.as_ref()) {
            return Arc::clone(known);
        }
        let new = Arc::from(value);
        let hasher = &self.hasher;
        self.values.insert_unique(hash, Arc::clone(&new), |known| hasher.hash_one(&**known));
        new
    }

    /// Gives one holder's copy back; the last one drops the value.
    pub(super) fn release(&mut self, value: Arc<T>) {
        // One count is this table's, one is the caller's.
        if Arc::strong_count(&value) <= 2 {
            let hash = self.hasher.hash_one(&*value);
            if let Ok(last) = self.values.find_entry(hash, |known| Arc::ptr_eq(known, &value)) {
                last.remove();
            }
        }
    }

    /// How many distinct values are kept.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }
}

/// A verdict that can be interned.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Verdict(pub(super) RouteVerdict);

impl Hash for Verdict {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.usage.hash(state);
        self.0.faults.hash(state);
    }
}

impl AsRef<Verdict> for Verdict {
    fn as_ref(&self) -> &Verdict {
        self
    }
}
