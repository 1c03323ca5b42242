//! Judging routes of one session (`docs/rules.md` §4): the session's policy, prepared so that a
//! verdict costs the same however many prefixes are registered or are the host's.
//!
//! The rules themselves are [`meetme_model::route::judge`]'s; it is given of each list only what
//! concerns the route at hand.

use super::intern::Verdict;
use super::origins;
use foldhash::fast::RandomState;
use meetme_model::asn::Asn;
use meetme_model::prefix::Prefix;
use meetme_model::route::{PrefixPolicy, RouteAttributes, SessionPolicy, judge};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// A session's policy, ready to judge by.
#[derive(Debug)]
pub(super) struct Judge {
    policy: SessionPolicy,
    /// `policy.prefixes` by prefix, each a list of its own.
    registered: HashMap<Prefix, Arc<[PrefixPolicy]>, RandomState>,
    /// The host's space without what is inside other space of the host: ascending, nothing overlaps,
    /// each a list of its own.
    host_space: Vec<Arc<[Prefix]>>,
    /// Networks behind a route server, each a list of its own.
    behind: HashMap<Asn, Arc<[Asn]>, RandomState>,
    /// `policy` without those lists.
    bare: SessionPolicy,
    /// `policy` with those lists reduced to what the last route needed.
    narrow: SessionPolicy,
}

/// What another policy changes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Difference {
    /// Nothing.
    None,
    /// The registration of these prefixes.
    Registrations(Vec<Prefix>),
    /// Perhaps every verdict.
    All,
}

impl Judge {
    /// Judges by `policy`.
    pub(super) fn new(policy: SessionPolicy) -> Self {
        let bare =
            SessionPolicy { prefixes: [].into(), host_space: [].into(), behind: [].into(), ..policy.clone() };
        Self {
            registered: policy.prefixes.iter().rev().map(|p| (p.prefix, [*p].into())).collect(),
            host_space: outermost(&policy.host_space).into_iter().map(|own| [own].into()).collect(),
            behind: policy.behind.iter().map(|asn| (*asn, [*asn].into())).collect(),
            narrow: bare.clone(),
            bare,
            policy,
        }
    }

    /// The prefixes of the policy, in its order.
    pub(super) fn registered(&self) -> impl Iterator<Item = Prefix> + '_ {
        self.policy.prefixes.iter().map(|p| p.prefix)
    }

    /// Whether the policy has this very prefix.
    pub(super) fn is_registered(&self, prefix: Prefix) -> bool {
        self.registered.contains_key(&prefix)
    }

    /// What `other` would judge otherwise.
    pub(super) fn difference(&self, other: &Self) -> Difference {
        if self.policy == other.policy {
            return Difference::None;
        }
        if self.bare != other.bare
            || self.policy.host_space != other.policy.host_space
            || self.policy.behind != other.policy.behind
        {
            return Difference::All;
        }
        let both = self.registered.keys().chain(other.registered.keys());
        let differing: HashSet<Prefix> =
            both.filter(|p| self.registered.get(p) != other.registered.get(p)).copied().collect();
        Difference::Registrations(differing.into_iter().collect())
    }

    /// The verdict on a route.
    pub(super) fn judge(&mut self, prefix: Prefix, attributes: &RouteAttributes) -> Verdict {
        let (bare, narrow) = (&self.bare, &mut self.narrow);
        narrow.prefixes.clone_from(self.registered.get(&prefix).unwrap_or(&bare.prefixes));
        let before = self.host_space.partition_point(|own| own[0].net().network() <= prefix.addr());
        let own = before.checked_sub(1).map(|at| &self.host_space[at]);
        narrow.host_space.clone_from(own.unwrap_or(&bare.host_space));
        let first = attributes.as_path.first().and_then(|asn| self.behind.get(&asn));
        narrow.behind.clone_from(first.unwrap_or(&bare.behind));
        let rpki = origins::state(prefix, attributes.as_path.origin());
        Verdict(judge(prefix, attributes, rpki, narrow))
    }
}

fn outermost(space: &[Prefix]) -> Vec<Prefix> {
    let mut sorted = space.to_vec();
    sorted.sort();
    // In this order a prefix comes right after the one that contains it, or after others inside.
    sorted.dedup_by(|inner, outer| outer.contains(*inner));
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bmp::tests::policy;
    use meetme_model::route::AsPath;
    use proptest::prelude::*;

    fn prefix() -> impl Strategy<Value = Prefix> {
        let v4 = (any::<u32>(), 8u8..=32)
            .prop_map(|(bits, len)| ipnet::Ipv4Net::new((bits & 0x3f0f_0f0f).into(), len).unwrap().into());
        let v6 = (0u128..16, 8u8..=48)
            .prop_map(|(bits, len)| ipnet::Ipv6Net::new((bits << 80).into(), len).unwrap().into());
        prop_oneof![v4, v6].prop_map(Prefix::containing)
    }

    proptest! {
        #[test]
        fn a_prepared_policy_says_what_the_rules_say(
            host_space in prop::collection::vec(prefix(), 0..12),
            registered in prop::collection::vec(prefix(), 0..12),
            behind in prop::collection::vec(0u32..8, 0..4),
            route in prefix(), at_host in any::<prop::sample::Index>(), first in 0u32..8,
        ) {
            let mut policy = policy("198.18.192.0", &[]);
            policy.behind = behind.into_iter().map(Asn).collect();
            policy.prefixes = registered
                .iter()
                .map(|p| PrefixPolicy { prefix: *p, role: meetme_model::route::PrefixRole::Registered })
                .collect();
            policy.host_space = host_space.into();
            let attributes = RouteAttributes {
                as_path: AsPath::sequence([first]),
                next_hop: policy.next_hop,
                communities: vec![],
                med: None,
            };
            let mut routes = vec![route];
            routes.extend(registered);
            if !policy.host_space.is_empty() {
                routes.push(policy.host_space[at_host.index(policy.host_space.len())]);
            }
            let mut prepared = Judge::new(policy.clone());
            for route in routes {
                let rpki = origins::state(route, attributes.as_path.origin());
                prop_assert_eq!(prepared.judge(route, &attributes).0, judge(route, &attributes, rpki, &policy));
            }
        }
    }
}
