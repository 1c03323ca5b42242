//! What becomes of a route whose prefix and next hop are right: route-maps that sessions call, once
//! for all that are alike. They alone look at paths and communities and set attributes, so there
//! are few of them however many sessions there are.

use super::super::owned::hold;
use super::{Class, Entry, Policies};
use meetme_model::route::{LOCAL_PREF_LAST_RESORT, LOCAL_PREF_ORDINARY, PrefixRole, SessionPolicy};

/// NO_ADVERTISE (RFC 1997) and BLACKHOLE (RFC 7999), as FRR writes them.
const UNUSABLE: &[&str] = &["no-advertise", "blackhole"];
/// GRACEFUL_SHUTDOWN (RFC 8326) and LLGR_STALE (RFC 9494), as FRR writes them.
const LAST_RESORT: &[&str] = &["graceful-shutdown", "llgr-stale"];

impl<'a> Policies<'a> {
    /// The route-map for routes of registered prefixes in this role, or for any prefix without
    /// one. It always ends with a verdict: in use or held.
    pub(super) fn class_of(
        &mut self,
        policy: &'a SessionPolicy,
        role: Option<PrefixRole>,
        long: bool,
        draining: bool,
    ) -> String {
        let hold = hold(policy.next_hop.is_ipv6());
        let bad_path = self.bad_path(policy);
        let unusable = self.carries_any("UNUSABLE", UNUSABLE);
        let mut entries = vec![
            Entry::permit().with(format!("match as-path {bad_path}")).call(hold),
            Entry::permit().with(unusable).call(hold),
        ];
        let last = self.settled(policy, role, long, true);
        if draining {
            entries.push(Entry::permit().call(&last));
        } else {
            let last_resort = self.carries_any("LASTRESORT", LAST_RESORT);
            let usual = self.settled(policy, role, long, false);
            entries.push(Entry::permit().with(last_resort).call(&last));
            entries.push(Entry::permit().call(&usual));
        }
        self.digested_map("CLASS", entries)
    }

    /// Used in its role, else like any peering route, else held.
    fn settled(
        &mut self,
        policy: &SessionPolicy,
        role: Option<PrefixRole>,
        long: bool,
        last_resort: bool,
    ) -> String {
        let max_path = if long { Some(policy.long_prefix_max_path) } else { policy.max_path };
        let path = max_path.map(|max| format!("match as-path {}", self.path_up_to(max)));
        let mut entries = Vec::new();
        if let Some(role) = role {
            let class = match role {
                PrefixRole::Primary => Class::Primary,
                PrefixRole::Backup => Class::Backup,
                PrefixRole::Registered => Class::Ordinary,
            };
            let set = self.attributes(class, role.local_pref(), last_resort);
            let community = policy.community.map(|c| self.carries(c));
            entries.push(Entry::permit().with_opt(path.clone()).with_opt(community).call(&set));
        }
        if policy.ordinary_used {
            let set = self.attributes(Class::Ordinary, LOCAL_PREF_ORDINARY, last_resort);
            entries.push(Entry::permit().with_opt(path).call(&set));
        }
        entries.push(Entry::permit().call(hold(policy.next_hop.is_ipv6())));
        self.digested_map("USE", entries)
    }

    /// What a used route is given.
    fn attributes(&mut self, class: Class, local_pref: u32, last_resort: bool) -> String {
        let local_pref = if last_resort { LOCAL_PREF_LAST_RESORT } else { local_pref };
        let class = self.large_community(class);
        let entry = Entry::permit()
            .with(class)
            // RFC 1997: whatever filter an operator forgets elsewhere, it stays in this AS.
            .with("set community no-export")
            .with(format!("set local-preference {local_pref}"));
        self.digested_map("SET", vec![entry])
    }

    /// The mark of a route's class in the backbone.
    pub(super) fn large_community(&self, class: Class) -> String {
        // Not additive: whatever large communities came in, only ours counts in the backbone.
        format!("set large-community {}:1:{}", self.asn, class as u32)
    }
}
