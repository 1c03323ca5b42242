//! Maps cut into pieces of bounded size, for messages that don't grow with a router.

use std::collections::BTreeMap;

/// Entries that one message has of a router's sessions, LAGs or units.
pub const ENTRIES: usize = 64;

/// The entries in their order, at most so many in a piece; no piece of nothing.
pub fn cut<K: Ord, V>(all: BTreeMap<K, V>, entries: usize) -> impl Iterator<Item = BTreeMap<K, V>> {
    let count = all.len().div_ceil(entries);
    let mut all = all.into_iter();
    (0..count).map(move |_| all.by_ref().take(entries).collect())
}
