//! The routes of all sessions of one router, in the order of prefixes: the order of pages.
//!
//! A prefix has an entry for each session that brings it. A session's routes belong to its present
//! *life*; when it ends ([`Rib::bury`]) they are gone at once for everybody who asks, and their
//! entries are taken out bit by bit ([`Rib::sweep`]), so that no session that goes down holds up
//! the others. Knows neither names nor rules.

use super::intern::{Interned, Verdict};
use super::packed;
use foldhash::fast::RandomState;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use jiff::Timestamp;
use meetme_model::prefix::Prefix;
use meetme_model::route::RouteAttributes;
use std::collections::btree_map::{self, BTreeMap};
use std::collections::{HashSet, VecDeque, hash_set};
use std::ops::Bound;
use std::sync::Arc;

/// A session from one establishment to its end. Never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Life(u32);

/// A route of one session and the verdict on it.
#[derive(Debug)]
pub(super) struct Entry {
    life: Life,
    received_at_us: i64,
    attributes: Arc<[u8]>,
    verdict: Arc<Verdict>,
}

impl Entry {
    /// Whose route it is.
    pub(super) fn life(&self) -> Life {
        self.life
    }

    /// The attributes.
    pub(super) fn attributes(&self) -> RouteAttributes {
        packed::unpack(&self.attributes)
    }

    /// The verdict.
    pub(super) fn verdict(&self) -> &Arc<Verdict> {
        &self.verdict
    }

    /// When the router received it.
    pub(super) fn received_at(&self) -> Timestamp {
        Timestamp::from_microsecond(self.received_at_us).unwrap_or_default()
    }
}

/// The entries of one prefix: nearly always one.
#[derive(Debug)]
pub(super) enum Slot {
    /// One session brings it.
    One(Entry),
    /// Several do.
    Many(Vec<Entry>),
}

impl Slot {
    /// All entries, those of ended lives included.
    pub(super) fn entries(&self) -> &[Entry] {
        match self {
            Self::One(entry) => std::slice::from_ref(entry),
            Self::Many(entries) => entries,
        }
    }

    fn entries_mut(&mut self) -> &mut [Entry] {
        match self {
            Self::One(entry) => std::slice::from_mut(entry),
            Self::Many(entries) => entries,
        }
    }

    /// The entry of a life.
    pub(super) fn of(&self, life: Life) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.life == life)
    }

    fn add(&mut self, new: Entry) {
        if let Self::Many(entries) = self {
            entries.push(new);
            return;
        }
        if let Self::One(first) = std::mem::replace(self, Self::Many(Vec::with_capacity(2)))
            && let Self::Many(entries) = self
        {
            entries.extend([first, new]);
        }
    }
}

/// The prefixes of one session.
#[derive(Debug, Default)]
pub(super) struct Prefixes {
    v4: HashSet<Ipv4Net, RandomState>,
    v6: HashSet<Ipv6Net, RandomState>,
}

impl Prefixes {
    /// How many.
    pub(super) fn len(&self) -> usize {
        self.v4.len() + self.v6.len()
    }

    /// Whether it is one of them.
    pub(super) fn contains(&self, prefix: Prefix) -> bool {
        match prefix.net() {
            IpNet::V4(net) => self.v4.contains(&net),
            IpNet::V6(net) => self.v6.contains(&net),
        }
    }

    /// Adds it.
    pub(super) fn insert(&mut self, prefix: Prefix) {
        match prefix.net() {
            IpNet::V4(net) => self.v4.insert(net),
            IpNet::V6(net) => self.v6.insert(net),
        };
    }

    /// Takes it away.
    pub(super) fn remove(&mut self, prefix: Prefix) {
        match prefix.net() {
            IpNet::V4(net) => self.v4.remove(&net),
            IpNet::V6(net) => self.v6.remove(&net),
        };
    }

    /// All, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Prefix> + '_ {
        let v4 = self.v4.iter().map(|net| Prefix::containing((*net).into()));
        v4.chain(self.v6.iter().map(|net| Prefix::containing((*net).into())))
    }
}

/// What an ended life leaves.
#[derive(Debug)]
struct Remains {
    life: Life,
    v4: hash_set::IntoIter<Ipv4Net>,
    v6: hash_set::IntoIter<Ipv6Net>,
}

/// The routes.
#[derive(Debug, Default)]
pub(super) struct Rib {
    v4: BTreeMap<Ipv4Net, Slot>,
    v6: BTreeMap<Ipv6Net, Slot>,
    attributes: Interned<[u8]>,
    verdicts: Interned<Verdict>,
    lives: u32,
    dead: HashSet<Life, RandomState>,
    remains: VecDeque<Remains>,
    scratch: Vec<u8>,
}

impl Rib {
    /// Begins a life.
    pub(super) fn begin_life(&mut self) -> Life {
        self.lives = self.lives.wrapping_add(1);
        Life(self.lives)
    }

    /// Ends a life that has routes for `prefixes`.
    pub(super) fn bury(&mut self, life: Life, prefixes: Prefixes) {
        if prefixes.len() > 0 {
            self.dead.insert(life);
            let (v4, v6) = (prefixes.v4.into_iter(), prefixes.v6.into_iter());
            self.remains.push_back(Remains { life, v4, v6 });
        }
    }

    /// Whether ended lives have entries left.
    pub(super) fn has_remains(&self) -> bool {
        !self.remains.is_empty()
    }

    /// Takes out up to `budget` entries of ended lives.
    pub(super) fn sweep(&mut self, budget: usize) {
        for _ in 0..budget {
            let Some(remains) = self.remains.front_mut() else {
                return;
            };
            let life = remains.life;
            let removed = if let Some(net) = remains.v4.next() {
                take(&mut self.v4, net, life)
            } else if let Some(net) = remains.v6.next() {
                take(&mut self.v6, net, life)
            } else {
                self.remains.pop_front();
                self.dead.remove(&life);
                continue;
            };
            self.release(removed);
        }
    }

    /// The shared form of attributes, to be given back by [`Rib::give_back`].
    pub(super) fn share(&mut self, attributes: &RouteAttributes) -> Arc<[u8]> {
        packed::pack(attributes, &mut self.scratch);
        self.attributes.share(&self.scratch[..])
    }

    /// See [`Rib::share`].
    pub(super) fn give_back(&mut self, attributes: Arc<[u8]>) {
        self.attributes.release(attributes);
    }

    /// Adds a route, or replaces the one that its session brought before, whose verdict is returned.
    pub(super) fn put(
        &mut self,
        life: Life,
        prefix: Prefix,
        attributes: &Arc<[u8]>,
        received_at: Timestamp,
        verdict: Verdict,
    ) -> (Arc<Verdict>, Option<Arc<Verdict>>) {
        let verdict = self.verdicts.share(verdict);
        let attributes = Arc::clone(attributes);
        let received_at_us = received_at.as_microsecond();
        let entry = Entry { life, received_at_us, attributes, verdict: Arc::clone(&verdict) };
        let replaced = match prefix.net() {
            IpNet::V4(net) => put(&mut self.v4, net, entry, &self.dead),
            IpNet::V6(net) => put(&mut self.v6, net, entry, &self.dead),
        };
        let before = replaced.as_ref().filter(|old| old.life == life).map(|old| Arc::clone(&old.verdict));
        self.release(replaced);
        (verdict, before)
    }

    /// Removes a session's route and returns the verdict that was on it.
    pub(super) fn remove(&mut self, life: Life, prefix: Prefix) -> Option<Arc<Verdict>> {
        let removed = match prefix.net() {
            IpNet::V4(net) => take(&mut self.v4, net, life),
            IpNet::V6(net) => take(&mut self.v6, net, life),
        };
        let verdict = removed.as_ref().map(|old| Arc::clone(&old.verdict));
        self.release(removed);
        verdict
    }

    /// Puts another verdict on a session's route; returns it and the one before.
    pub(super) fn set_verdict(
        &mut self,
        life: Life,
        prefix: Prefix,
        verdict: Verdict,
    ) -> Option<(Arc<Verdict>, Arc<Verdict>)> {
        let slot = match prefix.net() {
            IpNet::V4(net) => self.v4.get_mut(&net),
            IpNet::V6(net) => self.v6.get_mut(&net),
        };
        let entry = slot?.entries_mut().iter_mut().find(|entry| entry.life == life)?;
        let verdict = self.verdicts.share(verdict);
        let before = std::mem::replace(&mut entry.verdict, Arc::clone(&verdict));
        Some((verdict, before))
    }

    /// Gives a verdict back that nothing uses any more.
    pub(super) fn release_verdict(&mut self, verdict: Arc<Verdict>) {
        self.verdicts.release(verdict);
    }

    /// The entries of this very prefix.
    pub(super) fn get(&self, prefix: Prefix) -> Option<&Slot> {
        match prefix.net() {
            IpNet::V4(net) => self.v4.get(&net),
            IpNet::V6(net) => self.v6.get(&net),
        }
    }

    /// All from a place in the order on.
    pub(super) fn from(&self, from: Bound<Prefix>) -> impl Iterator<Item = (Prefix, &Slot)> {
        let bound = |prefix: Prefix| prefix.net();
        let (v4, v6) = match from {
            Bound::Unbounded => (Some(Bound::Unbounded), Bound::Unbounded),
            Bound::Included(prefix) => match bound(prefix) {
                IpNet::V4(net) => (Some(Bound::Included(net)), Bound::Unbounded),
                IpNet::V6(net) => (None, Bound::Included(net)),
            },
            Bound::Excluded(prefix) => match bound(prefix) {
                IpNet::V4(net) => (Some(Bound::Excluded(net)), Bound::Unbounded),
                IpNet::V6(net) => (None, Bound::Excluded(net)),
            },
        };
        let v4 = v4.map(|from| self.v4.range((from, Bound::Unbounded))).into_iter().flatten();
        let v6 = self.v6.range((v6, Bound::Unbounded));
        v4.map(|(net, slot)| (Prefix::containing((*net).into()), slot))
            .chain(v6.map(|(net, slot)| (Prefix::containing((*net).into()), slot)))
    }

    fn release(&mut self, entry: Option<Entry>) {
        if let Some(entry) = entry {
            self.attributes.release(entry.attributes);
            self.verdicts.release(entry.verdict);
        }
    }

    /// Distinct attributes and verdicts kept.
    #[cfg(test)]
    pub(super) fn shared_len(&self) -> (usize, usize) {
        (self.attributes.len(), self.verdicts.len())
    }
}

/// Puts an entry in the place of its session's, or of one whose life has ended; returns that.
fn put<N: Ord>(
    map: &mut BTreeMap<N, Slot>,
    net: N,
    new: Entry,
    dead: &HashSet<Life, RandomState>,
) -> Option<Entry> {
    match map.entry(net) {
        btree_map::Entry::Vacant(place) => {
            place.insert(Slot::One(new));
            None
        }
        btree_map::Entry::Occupied(place) => {
            let slot = place.into_mut();
            let entries = slot.entries_mut();
            let own = entries.iter().position(|entry| entry.life == new.life);
            let at = own.or_else(|| entries.iter().position(|entry| dead.contains(&entry.life)));
            match at {
                Some(at) => Some(std::mem::replace(&mut entries[at], new)),
                None => {
                    slot.add(new);
                    None
                }
            }
        }
    }
}

/// Takes a life's entry out.
fn take<N: Ord>(map: &mut BTreeMap<N, Slot>, net: N, life: Life) -> Option<Entry> {
    let btree_map::Entry::Occupied(mut place) = map.entry(net) else {
        return None;
    };
    match place.get_mut() {
        Slot::One(entry) if entry.life != life => None,
        Slot::One(_) => match place.remove() {
            Slot::One(entry) => Some(entry),
            Slot::Many(_) => None,
        },
        Slot::Many(entries) => {
            let at = entries.iter().position(|entry| entry.life == life)?;
            let taken = entries.swap_remove(at);
            if entries.len() == 1
                && let Some(last) = entries.pop()
            {
                *place.get_mut() = Slot::One(last);
            }
            Some(taken)
        }
    }
}
