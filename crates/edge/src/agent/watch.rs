//! Whether sessions that an applied change should have left alone did stay up. Pure.

use crate::routers::Observed;
use crate::routers::frr::apply::Plan;
use jiff::{SignedDuration, Timestamp};
use meetme_model::link::{BfdSessionState, BgpState};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// How long a change is watched: a session that a change breaks goes down within a round trip,
/// or within its BFD detection time, of which this is several.
pub const WATCH: Duration = Duration::from_secs(2);

/// How long a session must have been established to be watched: one that flaps anyway says nothing
/// about a change, and would have every change undone.
const STABLE_FOR: SignedDuration = SignedDuration::from_secs(10);

/// A change that was applied and isn't confirmed yet.
#[derive(Clone, Debug)]
pub struct Watch {
    /// The generation that was applied.
    pub generation: u64,
    /// What was done.
    pub plan: Plan,
    /// When it counts as good.
    pub until: Instant,
    /// Sessions that must stay up, with how often they had dropped before.
    survivors: BTreeMap<IpAddr, u64>,
}

impl Watch {
    /// Starts to watch every neighbour that stood for a while and isn't part of the change; `now`
    /// and `at` are the same moment.
    pub fn new(generation: u64, plan: Plan, before: &Observed, now: Instant, at: Timestamp) -> Self {
        let stable_since = at.saturating_sub(STABLE_FOR).map_or(0, Timestamp::as_millisecond);
        let survivors = before
            .neighbors
            .iter()
            .filter(|(address, _)| !plan.change.disrupted.contains(&address.to_string()))
            .filter(|(_, neighbor)| neighbor.bgp == BgpState::Established)
            .filter(|(_, neighbor)| neighbor.established_at_ms.is_none_or(|ms| ms <= stable_since))
            .map(|(address, neighbor)| (*address, neighbor.drops))
            .collect::<BTreeMap<_, _>>();
        // With nobody to watch there is nothing to wait for.
        let until = if survivors.is_empty() { now } else { now + WATCH };
        Self { generation, plan, until, survivors }
    }

    /// Leaves out sessions that a later change is about.
    pub fn release(&mut self, disrupted: &BTreeSet<String>) {
        self.survivors.retain(|address, _| !disrupted.contains(&address.to_string()));
    }

    /// The first session that was lost, if any.
    pub fn lost(&self, observed: &Observed) -> Option<IpAddr> {
        let stands = |(address, drops): (&IpAddr, &u64)| {
            observed
                .neighbors
                .get(address)
                .is_some_and(|n| n.bgp == BgpState::Established && n.drops == *drops)
        };
        self.survivors.iter().find(|s| !stands(*s)).map(|(address, _)| *address)
    }
}

/// Addresses of neighbours that are established with BFD up.
pub fn up(observed: &Observed) -> BTreeSet<String> {
    let bfd_up = |address: &str| {
        let address: Option<IpAddr> = address.parse().ok();
        let bfd = address.and_then(|a| observed.bfd.get(&a));
        bfd.is_some_and(|b| b.state == BfdSessionState::Up)
    };
    established(observed).into_iter().filter(|a| bfd_up(a)).collect()
}

/// Addresses of established neighbours, as the checks want them.
pub fn established(observed: &Observed) -> BTreeSet<String> {
    observed
        .neighbors
        .iter()
        .filter(|(_, n)| n.bgp == BgpState::Established)
        .map(|(address, _)| address.to_string())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routers::Neighbor;

    fn seen(peers: &[(&str, BgpState, u64)]) -> Observed {
        let neighbors = peers.iter().map(|(address, bgp, drops)| {
            let neighbor = Neighbor { bgp: *bgp, drops: *drops, established_at_ms: None };
            (address.parse().unwrap(), neighbor)
        });
        Observed { neighbors: neighbors.collect(), ..Observed::default() }
    }

    #[test]
    fn only_sessions_outside_the_change_are_watched() {
        use BgpState::{Connect, Established};
        let before =
            seen(&[("192.0.2.1", Established, 1), ("192.0.2.2", Established, 0), ("192.0.2.3", Connect, 0)]);
        let mut plan = Plan::default();
        plan.change.disrupted.insert("192.0.2.2".into());
        let mut watch = Watch::new(7, plan, &before, Instant::now(), Timestamp::now());
        let touched = seen(&[("192.0.2.1", Established, 1), ("192.0.2.2", Connect, 1)]);
        assert_eq!(watch.lost(&touched), None);
        let flapped = seen(&[("192.0.2.1", Established, 2)]);
        assert_eq!(
            watch.lost(&flapped),
            Some("192.0.2.1".parse().unwrap()),
            "back up already, but it went down"
        );
        assert!(watch.lost(&Observed::default()).is_some());
        watch.release(&["192.0.2.1".to_owned()].into());
        assert_eq!(watch.lost(&flapped), None);
    }

    #[test]
    fn a_change_with_nobody_to_harm_is_good_at_once() {
        let now = Instant::now();
        let watch = Watch::new(1, Plan::default(), &Observed::default(), now, Timestamp::now());
        assert_eq!(watch.until, now);
    }

    #[test]
    fn a_session_that_flaps_anyway_says_nothing_about_a_change() {
        let at = Timestamp::from_second(1_000).unwrap();
        let mut before = seen(&[("192.0.2.1", BgpState::Established, 41)]);
        let flapped = seen(&[("192.0.2.1", BgpState::Connect, 42)]);
        let mut lost = |established_at_ms| {
            let neighbor = before.neighbors.values_mut().next().unwrap();
            neighbor.established_at_ms = Some(established_at_ms);
            Watch::new(7, Plan::default(), &before, Instant::now(), at).lost(&flapped)
        };
        assert_eq!(lost(990_001), None);
        assert!(lost(990_000).is_some(), "it stood for long enough");
    }
}
