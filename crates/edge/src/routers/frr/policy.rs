//! Import and export policy as FRR lists and route-maps (`docs/rules.md` §4, §6).
//!
//! Says what `meetme_model::route::judge` says, in the router's language. What may not be used is
//! *held* rather than denied: FRR 8.4 tells BMP about a denied route as a withdrawal, so nobody
//! could see why it isn't used. A held route has a next hop that can't resolve (it is never best,
//! never installed, never sent on), and, were it to resolve, no preference and NO_ADVERTISE. Lists and route-maps
//! carry a digest of their content in their name and never change: a new policy is a new name
//! that a neighbour is pointed at in one command, so there is no moment with half a policy, only
//! the sessions concerned are re-evaluated, and sessions share what is alike.
//!
//! FRR 8.4 validates its whole tree at each change, and each BGP statement in it (`match as-path`,
//! `set local-preference`, ...) costs a walk over every entry of every route-map. So a session's
//! own map has prefix-lists and calls only, and [`classes`] has the rest, once for all sessions alike
//! (`docs/decisions/017-policy-in-classes.md`).

mod classes;
mod lists;

use super::owned::{DENY, Key, ListKind, NAME, Owned, hold};
use lists::{Refused, ip, prefix_list};
use meetme_model::asn::{Asn, PublicSpace};
use meetme_model::prefix::Prefix;
use meetme_model::route::{LOCAL_PREF_INTERNET, LONG_PREFIX_V4, LONG_PREFIX_V6, PrefixRole, SessionPolicy};
use std::collections::BTreeSet;

/// Class of a route in the host's backbone, carried as large community `<host ASN>:1:<class>`.
#[derive(Clone, Copy)]
enum Class {
    Own = 0,
    Primary = 1,
    Backup = 2,
    Ordinary = 3,
    Internet = 4,
}

/// Puts policies into an [`Owned`], each shared object once.
pub struct Policies<'a> {
    /// The host's ASN.
    pub asn: Asn,
    /// Where the objects go.
    pub owned: &'a mut Owned,
    refused: Vec<(Refused<'a>, String)>,
    bad_paths: Vec<((Asn, &'a PublicSpace), String)>,
}

/// What a session imports by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// The route-map.
    pub map: String,
    /// The AS-path list of paths that begin with the peer's ASN, for `filter-list`. A route-map
    /// would have to name it in a BGP statement of its own. What it denies isn't seen by BMP while
    /// the gate is open; while it is closed there is no filter, so validation sees it.
    pub first_as: Option<String>,
}

/// An entry of a route-map being put together.
struct Entry(Vec<String>);

impl Entry {
    fn permit() -> Self {
        Self(vec!["permit".into()])
    }

    fn deny() -> Self {
        Self(vec!["deny".into()])
    }

    /// Keeps a route without use. See the module.
    fn hold(v6: bool) -> Self {
        let unreachable = if v6 {
            // The discard-only prefix (RFC 6666); without the second line FRR would go by the
            // link-local next hop that comes along.
            Self::permit().with("set ipv6 next-hop global 100::1").with("set ipv6 next-hop prefer-global")
        } else {
            // The dummy address, never an interface's (RFC 7600).
            Self::permit().with("set ip next-hop 192.0.0.8")
        };
        unreachable.with("set local-preference 0").with("set community no-advertise")
    }

    fn with(mut self, line: impl Into<String>) -> Self {
        self.0.push(line.into());
        self
    }

    /// Leaves the rest to another route-map.
    fn call(self, map: &str) -> Self {
        self.with(format!("call {map}"))
    }

    fn with_opt(self, line: Option<String>) -> Self {
        match line {
            Some(line) => self.with(line),
            None => self,
        }
    }
}

impl<'a> Policies<'a> {
    /// Starts with the route-map that denies all and the one of originated networks.
    pub fn new(asn: Asn, owned: &'a mut Owned) -> Self {
        let mut policies = Self { asn, owned, refused: Vec::new(), bad_paths: Vec::new() };
        policies.map(DENY, vec![Entry::deny()]);
        policies.map(hold(false), vec![Entry::hold(false)]);
        policies.map(hold(true), vec![Entry::hold(true)]);
        let own = policies.large_community(Class::Own);
        policies.map(ORIGINATE, vec![Entry::permit().with(own)]);
        policies
    }

    /// The import policy of a peer's session. Draining receives with the lowest preference (RFC
    /// 8326 §4). Tests come in the order of their cost: prefixes, next hop, then what is called.
    pub fn import(&mut self, session: &str, policy: &'a SessionPolicy, draining: bool) -> Import {
        let v6 = policy.next_hop.is_ipv6();
        let ip = ip(v6);
        let refused = self.refused(Refused::of_peer(policy));
        let held = |condition: String| Entry::permit().with(condition).call(hold(v6));
        let mut entries = vec![held(format!("match {ip} address prefix-list {refused}"))];
        if policy.route_server {
            // Few sessions are with route servers, and what they bring otherwise is to be seen.
            let not_first = self.first_not(policy.peer_asn, &policy.behind);
            entries.push(held(format!("match as-path {not_first}")));
        }
        let next_hop = self.next_hop(policy.next_hop);
        let used = |list: &str, class: &str| {
            Entry::permit()
                .with(format!("match {ip} address prefix-list {list}"))
                .with(format!("match {ip} next-hop prefix-list {next_hop}"))
                .call(class)
        };
        if policy.registration_required {
            for (role, long, prefixes) in registered(policy, v6) {
                let class = self.class_of(policy, Some(role), long, draining);
                for set in self.sets(v6, &prefixes) {
                    entries.push(used(&set, &class));
                }
            }
        }
        if policy.ordinary_used {
            for long in [false, true] {
                let class = self.class_of(policy, None, long, draining);
                let lengths = self.lengths(v6, long);
                entries.push(used(&lengths, &class));
            }
        }
        entries.push(Entry::permit().call(hold(v6)));
        let map = self.digested_map(&format!("IN-{session}"), entries);
        let first_as = (!policy.route_server).then(|| self.first(policy.peer_asn));
        Import { map, first_as }
    }

    /// The export route-map towards peers and transit: the announced prefixes, originated in this
    /// AS, and nothing else. Draining adds GRACEFUL_SHUTDOWN (RFC 8326).
    pub fn export(&mut self, announced: &[Prefix], v6: bool, draining: bool) -> String {
        let prefixes: BTreeSet<Prefix> = announced.iter().copied().filter(|p| p.is_ipv4() != v6).collect();
        if prefixes.is_empty() {
            return DENY.to_owned();
        }
        let lines = prefixes.iter().map(|p| format!("permit {p}"));
        let list = self.list(prefix_list(v6), "ANNOUNCED", lines);
        let local = self.list(ListKind::AsPath, "LOCAL", ["permit ^$".to_owned()].into_iter());
        let community = if draining { "graceful-shutdown" } else { "none" };
        let entry = Entry::permit()
            .with(format!("match {} address prefix-list {list}", ip(v6)))
            .with(format!("match as-path {local}"))
            .with(format!("set community {community}"))
            .with("set large-community none");
        self.digested_map("OUT", vec![entry])
    }

    /// The import route-map of a session to the Internet: anything but bogons and our own space,
    /// at the lowest preference.
    pub fn import_transit(&mut self, host_space: &'a [Prefix], space: &'a PublicSpace, v6: bool) -> String {
        let refused = self.refused(Refused::of_internet(host_space, space, v6));
        let class = self.large_community(Class::Internet);
        let entries = vec![
            Entry::deny().with(format!("match {} address prefix-list {refused}", ip(v6))),
            Entry::permit().with(class).with(format!("set local-preference {LOCAL_PREF_INTERNET}")),
        ];
        self.digested_map("INTERNET", entries)
    }

    fn list(&mut self, kind: ListKind, what: &str, lines: impl Iterator<Item = String>) -> String {
        let lines: Vec<String> =
            lines.enumerate().map(|(i, line)| format!("seq {} {line}", (i + 1) * 5)).collect();
        let name = format!("{NAME}{what}-{}", digest(lines.iter().map(String::as_str)));
        self.owned.blocks.entry(Key::List(kind, name.clone())).or_insert(lines);
        name
    }

    fn digested_map(&mut self, what: &str, entries: Vec<Entry>) -> String {
        let digest = digest(entries.iter().flat_map(|e| e.0.iter().map(String::as_str)));
        let name = format!("{NAME}{what}-{digest}");
        self.map(&name, entries);
        name
    }

    fn map(&mut self, name: &str, entries: Vec<Entry>) {
        for (seq, Entry(mut lines)) in (1u32..).zip(entries) {
            lines[1..].sort_unstable();
            self.owned.blocks.insert(Key::MapEntry(name.to_owned(), seq * 10), lines);
        }
    }
}

/// The route-map of networks originated here.
pub const ORIGINATE: &str = "MEETME-ORIGINATE";

/// A session's registered prefixes of its family by role and length, in a fixed order.
fn registered(policy: &SessionPolicy, v6: bool) -> Vec<(PrefixRole, bool, BTreeSet<Prefix>)> {
    let long_length = if v6 { LONG_PREFIX_V6 } else { LONG_PREFIX_V4 };
    let mut groups = Vec::new();
    for role in [PrefixRole::Primary, PrefixRole::Backup, PrefixRole::Registered] {
        for long in [false, true] {
            let prefixes: BTreeSet<Prefix> = policy
                .prefixes
                .iter()
                .filter(|p| p.role == role && p.prefix.is_ipv4() != v6)
                .map(|p| p.prefix)
                .filter(|p| (p.len() > long_length) == long)
                .collect();
            if !prefixes.is_empty() {
                groups.push((role, long, prefixes));
            }
        }
    }
    groups
}

/// FNV-1a, as names must stay the same from release to release; nothing secret depends on it.
fn digest<'s>(lines: impl Iterator<Item = &'s str>) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for line in lines {
        for byte in line.bytes().chain([b'\n']) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    format!("{:012x}", hash & 0xffff_ffff_ffff)
}

#[cfg(test)]
mod tests;
