//! Whether sessions that an applied change should have left alone did stay up. Pure.

use crate::routers::Observed;
use crate::routers::frr::apply::Plan;
use meetme_model::link::{BfdSessionState, BgpState};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// How long a change is watched: a session that a change breaks goes down within a round trip,
/// or within its BFD detection time, of which this is several.
pub const WATCH: Duration = Duration::from_secs(2);

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
    /// Starts to watch every neighbour that was established and isn't part of the change.
    pub fn new(generation: u64, plan: Plan, before: &Observed, now: Instant) -> Self {
        let survivors = before
            .neighbors
            .iter()
            .filter(|(address, _)| !plan.change.disrupted.contains(&address.to_string()))
            .filter(|(_, neighbor)| neighbor.bgp == BgpState::Established)
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
        let mut watch = Watch::new(7, plan, &before, Instant::now());
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
        assert_eq!(Watch::new(1, Plan::default(), &Observed::default(), now).until, now);
    }
}
