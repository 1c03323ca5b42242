//! Import and export policy as FRR lists and route-maps (`docs/rules.md` §4, §6).
//!
//! Says what `meetme_model::route::judge` says, in the router's language. What may not be used is
//! *held* rather than denied: FRR 8.4 tells BMP about a denied route as a withdrawal, so nobody
//! could see why it isn't used. A held route has a next hop that can't resolve (it is never best,
//! never installed, never sent on), and, were it to resolve, no preference and NO_ADVERTISE. Lists and route-maps
//! carry a digest of their content in their name and never change: a new policy is a new name
//! that a neighbour is pointed at in one command, so there is no moment with half a policy, only
//! the sessions concerned are re-evaluated, and sessions share what is alike.

use super::owned::{DENY, Key, ListKind, NAME, Owned, hold};
use super::regex;
use meetme_model::asn::{Asn, PublicSpace};
use meetme_model::community::Community;
use meetme_model::prefix::{Prefix, bogons};
use meetme_model::route::{
    LOCAL_PREF_INTERNET, LOCAL_PREF_ORDINARY, LONG_PREFIX_V4, LONG_PREFIX_V6, PrefixRole, SessionPolicy,
};
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
    bad_paths: Vec<(&'a PublicSpace, String)>,
}

/// What no peer may announce, whatever it looks like otherwise.
#[derive(Clone, Copy, PartialEq)]
struct Refused<'a> {
    v6: bool,
    default_route: bool,
    host_space: &'a [Prefix],
    max_length: u8,
    space: &'a PublicSpace,
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
        let own = policies.class(Class::Own);
        policies.map(ORIGINATE, vec![Entry::permit().with(own)]);
        policies
    }

    /// The import route-map of a peer's session; returns its name. Draining receives with the
    /// lowest preference (RFC 8326 §4).
    pub fn import(&mut self, session: &str, policy: &'a SessionPolicy, draining: bool) -> String {
        let v6 = policy.next_hop.is_ipv6();
        let ip = ip(v6);
        let refused = self.refused(Refused {
            v6,
            default_route: true,
            host_space: &policy.host_space,
            max_length: policy.max_length,
            space: &policy.space,
        });
        let bad_path = self.bad_path(&policy.space);
        let not_first = self.first_not(policy.peer_asn, &policy.behind);
        let mut entries = vec![
            Entry::hold(v6).with(format!("match {ip} address prefix-list {refused}")),
            Entry::hold(v6).with(format!("match as-path {bad_path}")),
            Entry::hold(v6).with(format!("match as-path {not_first}")),
        ];
        let next_hop = format!("match {ip} next-hop address {}", policy.next_hop);
        let short_path = policy.max_path.map(|max| self.path_up_to(max));
        let long_path = Some(self.path_up_to(policy.long_prefix_max_path));
        let permit = |class: &str, local_pref: u32| {
            Entry::permit()
                .with(&*next_hop)
                .with(class)
                // RFC 1997: whatever filter an operator forgets elsewhere, it stays in this AS.
                .with("set community no-export")
                .with(format!("set local-preference {}", if draining { 0 } else { local_pref }))
        };
        let long_length = if v6 { LONG_PREFIX_V6 } else { LONG_PREFIX_V4 };
        if policy.registration_required {
            let community = policy.community.map(|c| self.community(c));
            for (role, class) in [
                (PrefixRole::Primary, Class::Primary),
                (PrefixRole::Backup, Class::Backup),
                (PrefixRole::Registered, Class::Ordinary),
            ] {
                let class = self.class(class);
                for (long, path) in [(false, &short_path), (true, &long_path)] {
                    let prefixes: BTreeSet<Prefix> = policy
                        .prefixes
                        .iter()
                        .filter(|p| p.role == role && p.prefix.is_ipv4() != v6)
                        .map(|p| p.prefix)
                        .filter(|p| (p.len() > long_length) == long)
                        .collect();
                    if prefixes.is_empty() {
                        continue;
                    }
                    let lines = prefixes.iter().map(|p| format!("permit {p}"));
                    let list = self.list(prefix_list(v6), "SET", lines);
                    entries.push(
                        permit(&class, role.local_pref())
                            .with(format!("match {ip} address prefix-list {list}"))
                            .with_opt(path.as_ref().map(|p| format!("match as-path {p}")))
                            .with_opt(community.clone()),
                    );
                }
            }
        }
        if policy.ordinary_used {
            let class = self.class(Class::Ordinary);
            let all = if v6 { "::/0" } else { "0.0.0.0/0" };
            for (bound, path) in
                [(format!("le {long_length}"), &short_path), (format!("ge {}", long_length + 1), &long_path)]
            {
                let list =
                    self.list(prefix_list(v6), "LENGTH", [format!("permit {all} {bound}")].into_iter());
                entries.push(
                    permit(&class, LOCAL_PREF_ORDINARY)
                        .with(format!("match {ip} address prefix-list {list}"))
                        .with_opt(path.as_ref().map(|p| format!("match as-path {p}"))),
                );
            }
        }
        entries.push(Entry::hold(v6));
        self.digested_map(&format!("IN-{session}"), entries)
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
        let refused = self.refused(Refused {
            v6,
            default_route: false,
            host_space,
            max_length: if v6 { 128 } else { 32 },
            space,
        });
        let class = self.class(Class::Internet);
        let entries = vec![
            Entry::deny().with(format!("match {} address prefix-list {refused}", ip(v6))),
            Entry::permit().with(class).with(format!("set local-preference {LOCAL_PREF_INTERNET}")),
        ];
        self.digested_map("INTERNET", entries)
    }

    fn class(&self, class: Class) -> String {
        // Not additive: whatever large communities came in, only ours counts in the backbone.
        format!("set large-community {}:1:{}", self.asn, class as u32)
    }

    fn refused(&mut self, what: Refused<'a>) -> String {
        if let Some((_, name)) = self.refused.iter().find(|(r, _)| *r == what) {
            return name.clone();
        }
        let lines = refused_lines(&what);
        let name = self.list(prefix_list(what.v6), "REFUSED", lines.into_iter());
        self.refused.push((what, name.clone()));
        name
    }

    /// Paths that no route may have: with AS_SETs or reserved ASNs.
    fn bad_path(&mut self, space: &'a PublicSpace) -> String {
        if let Some((_, name)) = self.bad_paths.iter().find(|(s, _)| *s == space) {
            return name.clone();
        }
        let reserved = space.reserved_ranges();
        let reserved = reserved.iter().map(|&(lo, hi)| format!("permit _({})_", regex::range(lo, hi)));
        let lines = ["permit [{(]".to_owned()].into_iter().chain(reserved);
        let name = self.list(ListKind::AsPath, "BADPATH", lines);
        self.bad_paths.push((space, name.clone()));
        name
    }

    /// Paths whose first AS is neither the peer's nor that of a network behind its route server.
    fn first_not(&mut self, peer: Asn, behind: &[Asn]) -> String {
        let first = [peer].into_iter().chain(behind.iter().copied()).map(|asn| format!("deny ^{asn}_"));
        let lines = first.chain(["permit .*".to_owned()]);
        self.list(ListKind::AsPath, &format!("FIRSTNOT-{peer}"), lines)
    }

    /// Paths of at most `max` ASNs; sets have been refused before.
    fn path_up_to(&mut self, max: u8) -> String {
        let lines = if max == 0 {
            "permit ^$".to_owned()
        } else {
            format!("permit ^[0-9]+( [0-9]+){{0,{}}}$", max - 1)
        };
        self.list(ListKind::AsPath, &format!("UPTO-{max}"), [lines].into_iter())
    }

    fn community(&mut self, community: Community) -> String {
        let (kind, matching) = match community {
            Community::Standard(..) => (ListKind::Community, "match community"),
            Community::Large(..) => (ListKind::LargeCommunity, "match large-community"),
        };
        let list = self.list(kind, "REGISTERED", [format!("permit {community}")].into_iter());
        format!("{matching} {list}")
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

fn ip(v6: bool) -> &'static str {
    if v6 { "ipv6" } else { "ip" }
}

fn prefix_list(v6: bool) -> ListKind {
    if v6 { ListKind::PrefixV6 } else { ListKind::PrefixV4 }
}

/// A prefix-list whose match refuses a route, line by line in order.
fn refused_lines(what: &Refused<'_>) -> Vec<String> {
    let bits = if what.v6 { 128 } else { 32 };
    let of_family = |p: &Prefix| p.is_ipv4() != what.v6;
    let and_inside = |p: Prefix| match p.len() < bits {
        true => format!("{p} le {bits}"),
        false => p.to_string(),
    };
    let all = if what.v6 { "::/0" } else { "0.0.0.0/0" };
    let mut lines = Vec::new();
    if what.default_route {
        lines.push(format!("permit {all}"));
    }
    let own: BTreeSet<Prefix> = what.host_space.iter().copied().filter(of_family).collect();
    lines.extend(own.into_iter().map(|p| format!("permit {}", and_inside(p))));
    if what.max_length < bits {
        lines.push(format!("permit {all} ge {}", what.max_length + 1));
    }
    let exceptions: BTreeSet<Prefix> = what.space.prefixes.iter().copied().filter(of_family).collect();
    lines.extend(exceptions.into_iter().map(|p| format!("deny {}", and_inside(p))));
    let mut covering = BTreeSet::new();
    for bogon in bogons().map(|(p, _)| p).filter(of_family) {
        lines.push(format!("permit {}", and_inside(bogon)));
        covering.extend((1..bogon.len()).filter_map(|len| {
            let net = ipnet::IpNet::new(bogon.addr(), len).ok()?;
            Some(Prefix::containing(net))
        }));
    }
    // What covers a bogon announces it along with the rest.
    lines.extend(covering.into_iter().map(|p| format!("permit {p}")));
    lines
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
