//! Sharing of equal values: a router's routes have fewer distinct attributes than routes, and far
//! fewer verdicts.
//!
//! A value is kept exactly as long as something outside the table holds it, provided that holders
//! give it back by [`Interned::release`].

use foldhash::fast::RandomState;
use meetme_model::route::RouteVerdict;
use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// The distinct values in use.
#[derive(Debug)]
pub(super) struct Interned<T: ?Sized + Eq + Hash>(HashSet<Arc<T>, RandomState>);

impl<T: ?Sized + Eq + Hash> Default for Interned<T> {
    fn default() -> Self {
        Self(HashSet::default())
    }
}

impl<T: ?Sized + Eq + Hash> Interned<T> {
    /// The shared copy of `value`, which is kept by itself only if there is none.
    pub(super) fn share<V>(&mut self, value: V) -> Arc<T>
    where
        V: AsRef<T>,
        Arc<T>: From<V>,
    {
        if let Some(known) = self.0.get(value.as_ref()) {
            return Arc::clone(known);
        }
        let new = Arc::from(value);
        self.0.insert(Arc::clone(&new));
        new
    }

    /// Gives one holder's copy back; the last one drops the value.
    pub(super) fn release(&mut self, value: Arc<T>) {
        // One count is this table's, one is the caller's.
        if Arc::strong_count(&value) <= 2 {
            self.0.remove(&value);
        }
    }

    /// How many distinct values are kept.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
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
