//! Whether sessions that a change should have left alone did stay up, and who is to blame when one
//! didn't. Pure.
//!
//! A change is only blamed on evidence: one party whose session falls once may have had its own
//! reason. What it did is remembered for an hour, in which its sessions speak against no change.

use crate::routers::Observed;
use meetme_model::asn::Asn;
use meetme_model::link::BgpState;
use meetme_model::unit::{Unit, UnitName};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a change is watched: a session that a change breaks goes down within a round trip,
/// or within its BFD detection time, of which this is several.
pub const WATCH: Duration = Duration::from_secs(2);
/// How long a session must have been established to be watched: one that flaps anyway says nothing
/// about a change, and would have every change undone.
const STABLE_FOR_MS: i64 = 10_000;
/// How long a party whose session fell says nothing about changes.
const SUSPECT_FOR: Duration = Duration::from_secs(3600);

/// To whom a session belongs, as far as blame goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Party {
    /// A peer, with all of its sessions.
    Peer(Asn),
    /// A neighbour that somebody configured by hand.
    ByHand(IpAddr),
    /// The backbone, the Internet.
    Host,
}

/// Changes that were applied together and aren't confirmed yet.
#[derive(Clone, Debug)]
pub struct Watch {
    /// The units, as they were applied; `None` for one that was removed.
    pub units: BTreeMap<UnitName, Option<Arc<Unit>>>,
    /// Neighbours whose session the changes reset.
    pub disturbs: BTreeSet<IpAddr>,
    /// How many of them were established.
    pub disturbed: usize,
    /// When they count as good; `None` while they are still being made.
    pub until: Option<Instant>,
    /// Sessions that must stay up, with how often they had dropped before.
    survivors: BTreeMap<IpAddr, u64>,
}

impl Watch {
    /// Starts to watch every neighbour that stood for a while, isn't part of the changes and says
    /// something about them; `at_ms` is the time in milliseconds since the epoch.
    pub fn new(
        units: BTreeMap<UnitName, Option<Arc<Unit>>>,
        disturbs: BTreeSet<IpAddr>,
        before: &Observed,
        at_ms: i64,
        says_something: impl Fn(&IpAddr) -> bool,
    ) -> Self {
        let established =
            |a: &IpAddr| before.neighbors.get(a).is_some_and(|n| n.bgp == BgpState::Established);
        let survivors = before
            .neighbors
            .iter()
            .filter(|(address, _)| !disturbs.contains(address) && established(address))
            .filter(|(_, n)| n.established_at_ms.is_none_or(|ms| ms <= at_ms - STABLE_FOR_MS))
            .filter(|(address, _)| says_something(address))
            .map(|(address, neighbor)| (*address, neighbor.drops))
            .collect();
        let disturbed = disturbs.iter().filter(|a| established(a)).count();
        Self { units, disturbs, disturbed, until: None, survivors }
    }

    /// All is made: the time of watching begins. With nobody to watch and nobody disturbed there is
    /// nothing to wait for.
    pub fn begin(&mut self, now: Instant) {
        let waits = !self.survivors.is_empty() || self.disturbed > 0;
        self.until = Some(if waits { now + WATCH } else { now });
    }

    /// Leaves out sessions that a later change is about.
    pub fn release(&mut self, disturbs: &BTreeSet<IpAddr>) {
        self.survivors.retain(|address, _| !disturbs.contains(address));
    }

    /// The sessions that were lost.
    pub fn lost<'a>(&'a self, observed: &'a Observed) -> impl Iterator<Item = IpAddr> + 'a {
        let stands = |(address, drops): &(&IpAddr, &u64)| {
            let now = observed.neighbors.get(*address);
            now.is_some_and(|n| n.bgp == BgpState::Established && n.drops == **drops)
        };
        self.survivors.iter().filter(move |s| !stands(s)).map(|(address, _)| *address)
    }
}

/// Whose sessions fell within the last hour.
#[derive(Clone, Debug, Default)]
pub struct Suspects(BTreeMap<Party, Instant>);

impl Suspects {
    /// A session of the party fell. The host itself is never a suspect: what breaks its own
    /// sessions is undone as often as it does.
    pub fn note(&mut self, party: Party, now: Instant) {
        if party != Party::Host {
            self.0.insert(party, now + SUSPECT_FOR);
        }
    }

    /// Whether its sessions say nothing about changes now.
    pub fn is(&self, party: Party, now: Instant) -> bool {
        self.0.get(&party).is_some_and(|until| *until > now)
    }

    /// Forgets those whose hour is over.
    pub fn forget(&mut self, now: Instant) {
        self.0.retain(|_, until| *until > now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routers::Neighbor;

    fn seen(peers: &[(&str, BgpState, u64)]) -> Observed {
        let neighbors = peers.iter().map(|(address, bgp, drops)| {
            let neighbor = Neighbor { bgp: *bgp, drops: *drops, ..Neighbor::default() };
            (address.parse().unwrap(), neighbor)
        });
        Observed { neighbors: neighbors.collect(), ..Observed::default() }
    }

    fn addresses(texts: &[&str]) -> BTreeSet<IpAddr> {
        texts.iter().map(|a| a.parse().unwrap()).collect()
    }

    fn lost(watch: &Watch, observed: &Observed) -> BTreeSet<IpAddr> {
        watch.lost(observed).collect()
    }

    #[test]
    fn only_sessions_outside_the_change_are_watched() {
        use BgpState::{Connect, Established};
        let before =
            seen(&[("192.0.2.1", Established, 1), ("192.0.2.2", Established, 0), ("192.0.2.3", Connect, 0)]);
        let mut watch = Watch::new(BTreeMap::new(), addresses(&["192.0.2.2"]), &before, 0, |_| true);
        assert_eq!(watch.disturbed, 1);
        let touched = seen(&[("192.0.2.1", Established, 1), ("192.0.2.2", Connect, 1)]);
        assert_eq!(lost(&watch, &touched), addresses(&[]));
        let flapped = seen(&[("192.0.2.1", Established, 2)]);
        assert_eq!(lost(&watch, &flapped), addresses(&["192.0.2.1"]), "back up already, but it went down");
        assert_eq!(lost(&watch, &Observed::default()).len(), 1);
        watch.release(&addresses(&["192.0.2.1"]));
        assert_eq!(lost(&watch, &flapped), addresses(&[]));
    }

    #[test]
    fn a_change_with_nobody_to_harm_is_good_at_once() {
        let now = Instant::now();
        let mut watch = Watch::new(BTreeMap::new(), BTreeSet::new(), &Observed::default(), 0, |_| true);
        watch.begin(now);
        assert_eq!(watch.until, Some(now));
    }

    #[test]
    fn a_session_that_flaps_anyway_says_nothing_about_a_change() {
        let mut before = seen(&[("192.0.2.1", BgpState::Established, 41)]);
        let flapped = seen(&[("192.0.2.1", BgpState::Connect, 42)]);
        let mut is_watched = |established_at_ms| {
            before.neighbors.values_mut().next().unwrap().established_at_ms = Some(established_at_ms);
            let watch = Watch::new(BTreeMap::new(), BTreeSet::new(), &before, 1_000_000, |_| true);
            watch.lost(&flapped).next().is_some()
        };
        assert!(!is_watched(990_001));
        assert!(is_watched(990_000), "it stood for long enough");
    }

    #[test]
    fn a_suspect_is_one_for_an_hour() {
        let (mut suspects, now) = (Suspects::default(), Instant::now());
        let party = Party::Peer(Asn(64510));
        suspects.note(party, now);
        suspects.note(Party::Host, now);
        assert!(suspects.is(party, now) && !suspects.is(Party::Host, now));
        let later = now + SUSPECT_FOR;
        assert!(!suspects.is(party, later));
        suspects.forget(later);
        assert!(suspects.0.is_empty());
    }
}
