//! What the lists say that route-maps match on. Their names carry a digest of their lines.

use super::super::owned::ListKind;
use super::super::regex;
use super::Policies;
use meetme_model::asn::{Asn, PublicSpace};
use meetme_model::community::Community;
use meetme_model::prefix::{Prefix, bogons};
use meetme_model::route::{LONG_PREFIX_V4, LONG_PREFIX_V6, SessionPolicy};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Lines in one list of registered prefixes: FRR looks through a whole list for a duplicate of
/// each line that comes, so a list of thousands would load in minutes.
const SET_LINES: usize = 64;

/// What no peer may announce, whatever it looks like otherwise.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Refused<'a> {
    v6: bool,
    default_route: bool,
    host_space: &'a [Prefix],
    max_length: u8,
    space: &'a PublicSpace,
}

impl<'a> Refused<'a> {
    pub(super) fn of_peer(policy: &'a SessionPolicy) -> Self {
        Self {
            v6: policy.next_hop.is_ipv6(),
            default_route: true,
            host_space: &policy.host_space,
            max_length: policy.max_length,
            space: &policy.space,
        }
    }

    pub(super) fn of_internet(host_space: &'a [Prefix], space: &'a PublicSpace, v6: bool) -> Self {
        Self { v6, default_route: false, host_space, max_length: if v6 { 128 } else { 32 }, space }
    }
}

impl<'a> Policies<'a> {
    pub(super) fn refused(&mut self, what: Refused<'a>) -> String {
        if let Some((_, name)) = self.refused.iter().find(|(r, _)| *r == what) {
            return name.clone();
        }
        let lines = refused_lines(&what);
        let name = self.list(prefix_list(what.v6), "REFUSED", lines.into_iter());
        self.refused.push((what, name.clone()));
        name
    }

    /// Paths that no route may have: with AS_SETs, reserved ASNs or the host's own. One expression
    /// for all numbers: it is run once for a route, however many ranges there are.
    pub(super) fn bad_path(&mut self, policy: &'a SessionPolicy) -> String {
        let what = (policy.host_asn, &*policy.space);
        if let Some((_, name)) = self.bad_paths.iter().find(|(w, _)| *w == what) {
            return name.clone();
        }
        let own = Some(policy.host_asn).filter(|asn| *asn != Asn(0)).map(|asn| asn.to_string());
        let reserved = policy.space.reserved_ranges();
        let reserved = reserved.iter().map(|&(lo, hi)| regex::range(lo, hi));
        let numbers: Vec<String> = own.into_iter().chain(reserved).collect();
        let lines = ["permit [{(]".to_owned(), format!("permit _({})_", numbers.join("|"))];
        let name = self.list(ListKind::AsPath, "BADPATH", lines.into_iter());
        self.bad_paths.push((what, name.clone()));
        name
    }

    /// Paths whose first AS is the peer's.
    pub(super) fn first(&mut self, peer: Asn) -> String {
        self.list(ListKind::AsPath, &format!("FIRST-{peer}"), [format!("permit ^{peer}_")].into_iter())
    }

    /// Paths whose first AS is neither the peer's nor that of a network behind its route server.
    pub(super) fn first_not(&mut self, peer: Asn, behind: &[Asn]) -> String {
        let first = [peer].into_iter().chain(behind.iter().copied()).map(|asn| format!("deny ^{asn}_"));
        let lines = first.chain(["permit .*".to_owned()]);
        self.list(ListKind::AsPath, &format!("FIRSTNOT-{peer}"), lines)
    }

    /// Paths of at most `max` ASNs; sets have been refused before.
    pub(super) fn path_up_to(&mut self, max: u8) -> String {
        let lines = if max == 0 {
            "permit ^$".to_owned()
        } else {
            format!("permit ^[0-9]+( [0-9]+){{0,{}}}$", max - 1)
        };
        self.list(ListKind::AsPath, &format!("UPTO-{max}"), [lines].into_iter())
    }

    /// The condition that a route carries the offering's community.
    pub(super) fn carries(&mut self, community: Community) -> String {
        let (kind, matching) = match community {
            Community::Standard(..) => (ListKind::Community, "match community"),
            Community::Large(..) => (ListKind::LargeCommunity, "match large-community"),
        };
        let list = self.list(kind, "REGISTERED", [format!("permit {community}")].into_iter());
        format!("{matching} {list}")
    }

    /// The condition that a route carries one of the well-known communities.
    pub(super) fn carries_any(&mut self, what: &str, well_known: &[&str]) -> String {
        let lines = well_known.iter().map(|name| format!("permit {name}"));
        let list = self.list(ListKind::Community, what, lines);
        format!("match community {list}")
    }

    /// Lists that have exactly these prefixes between them.
    pub(super) fn sets(&mut self, v6: bool, prefixes: &BTreeSet<Prefix>) -> Vec<String> {
        let prefixes: Vec<&Prefix> = prefixes.iter().collect();
        prefixes
            .chunks(SET_LINES)
            .map(|chunk| {
                let lines = chunk.iter().map(|p| format!("permit {p}"));
                self.list(prefix_list(v6), "SET", lines)
            })
            .collect()
    }

    /// The list of one next hop.
    pub(super) fn next_hop(&mut self, address: IpAddr) -> String {
        let length = if address.is_ipv6() { 128 } else { 32 };
        let line = format!("permit {address}/{length}");
        self.list(prefix_list(address.is_ipv6()), "NEXTHOP", [line].into_iter())
    }

    /// The list of every prefix that the short-path rule applies to, or of every other one.
    pub(super) fn lengths(&mut self, v6: bool, long: bool) -> String {
        let (all, limit) = if v6 { ("::/0", LONG_PREFIX_V6) } else { ("0.0.0.0/0", LONG_PREFIX_V4) };
        let bound = if long { format!("ge {}", limit + 1) } else { format!("le {limit}") };
        self.list(prefix_list(v6), "LENGTH", [format!("permit {all} {bound}")].into_iter())
    }
}

/// How the family's conditions begin.
pub(super) fn ip(v6: bool) -> &'static str {
    if v6 { "ipv6" } else { "ip" }
}

pub(super) fn prefix_list(v6: bool) -> ListKind {
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
