//! What is the product's in an FRR configuration, in one canonical form.
//!
//! Rendering makes an [`Owned`] from an intent, reading makes one from a running configuration;
//! both sort and spell everything alike, so that equal means equal. Ownership is by name: lists,
//! route-maps and peer-groups `MEETME-…`, BFD profiles and BMP targets `meetme…`, interfaces and
//! neighbours described `meetme: …`, static routes with [`STATIC_TAG`]. Nothing else gets in here.

use super::vty::Daemon;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};

/// How descriptions of owned neighbours and interfaces start.
pub const MARK: &str = "meetme:";
/// How names of owned lists, route-maps and peer-groups start.
pub const NAME: &str = "MEETME-";
/// How names of owned BFD profiles start.
pub const PROFILE: &str = "meetme-";
/// The owned BMP targets.
pub const BMP_TARGETS: &str = "meetme";
/// Tag of owned static routes: "MEET" in ASCII, as nothing else about them carries a name.
pub const STATIC_TAG: &str = "tag 1296385364";
/// The route-map that lets nothing out: what closed gates and denied sessions export by.
pub const DENY: &str = "MEETME-DENY";

/// How import route-maps of sessions to the Internet start.
pub const INTERNET: &str = "MEETME-INTERNET";

/// The route-map that lets nothing be used: what closed gates and denied sessions import by.
pub fn hold(v6: bool) -> &'static str {
    if v6 { "MEETME-HOLD6" } else { "MEETME-HOLD4" }
}

/// What lets a neighbour's paths begin with another ASN. Route servers leave themselves out of paths (RFC 7947
/// §2.2.2.1); of others, our own policy refuses such a path, which then can be told.
pub const ANY_FIRST_AS: &str = "no enforce-first-as";

/// What keeps BGP down until BFD is up.
pub const STRICT_BFD: &str = "bfd strict";

/// The peer-group of iBGP neighbours.
pub const IBGP: &str = "MEETME-IBGP";

/// Kinds of lists that route-maps match on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ListKind {
    /// `ip prefix-list`.
    PrefixV4,
    /// `ipv6 prefix-list`.
    PrefixV6,
    /// `bgp as-path access-list`.
    AsPath,
    /// `bgp community-list standard`.
    Community,
    /// `bgp large-community-list standard`.
    LargeCommunity,
}

impl ListKind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::PrefixV4, Self::PrefixV6, Self::AsPath, Self::Community, Self::LargeCommunity];

    /// The command that its lines start with.
    pub fn command(self) -> &'static str {
        match self {
            Self::PrefixV4 => "ip prefix-list",
            Self::PrefixV6 => "ipv6 prefix-list",
            Self::AsPath => "bgp as-path access-list",
            Self::Community => "bgp community-list standard",
            Self::LargeCommunity => "bgp large-community-list standard",
        }
    }
}

/// One owned object; their order is the order in which they may be created.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// `interface NAME`.
    Interface(String),
    /// The blackhole routes that let `network` statements originate.
    Statics,
    /// `bfd profile NAME`.
    BfdProfile(String),
    /// A list; its lines lack command and name.
    List(ListKind, String),
    /// One entry of a route-map; the first line is `permit` or `deny`.
    MapEntry(String, u32),
    /// Settings of `router bgp` itself.
    Instance,
    /// A peer-group; its lines lack `neighbor NAME`.
    PeerGroup(String),
    /// A neighbour; its lines lack `neighbor ADDRESS`.
    Neighbor(String),
    /// A peer-group's or neighbour's part of an address family (true: IPv6).
    Family(bool, String),
    /// `network` statements of an address family.
    Networks(bool),
    /// `bmp targets meetme`.
    Bmp,
}

impl Key {
    /// True for objects that are named by their content, so that units share them.
    pub fn is_shared(&self) -> bool {
        match self {
            Self::List(..) | Self::MapEntry(..) | Self::BfdProfile(_) => true,
            Self::Interface(_)
            | Self::Statics
            | Self::Instance
            | Self::PeerGroup(_)
            | Self::Neighbor(_)
            | Self::Family(..)
            | Self::Networks(_)
            | Self::Bmp => false,
        }
    }

    /// The daemon whose configuration it is.
    pub fn daemon(&self) -> Daemon {
        match self {
            Self::Interface(_) => Daemon::Zebra,
            Self::Statics => Daemon::Staticd,
            Self::BfdProfile(_) => Daemon::Bfdd,
            Self::List(..)
            | Self::MapEntry(..)
            | Self::Instance
            | Self::PeerGroup(_)
            | Self::Neighbor(_)
            | Self::Family(..)
            | Self::Networks(_)
            | Self::Bmp => Daemon::Bgpd,
        }
    }
}

/// The route-maps that a session with a peer points at: all that opening and closing changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gate {
    /// True for IPv6.
    pub v6: bool,
    /// Its lines in the address family, sorted.
    pub lines: Vec<String>,
}

impl Gate {
    /// The same session's gate, closed.
    pub fn closed(&self) -> Self {
        let lines = vec![format!("route-map {DENY} out"), format!("route-map {} in", hold(self.v6))];
        Self { v6: self.v6, lines }
    }

    /// What closes it: the filter goes last, once nothing is used.
    pub fn closing(&self) -> Vec<String> {
        let maps = self.closed().lines.into_iter().rev();
        let filters = self.lines.iter().filter(|l| l.starts_with("filter-list ")).map(|l| format!("no {l}"));
        maps.chain(filters).collect()
    }

    /// The route-maps and lists that it names.
    pub fn maps(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().filter_map(|l| l.split(' ').nth(1))
    }
}

/// The owned part of a router's configuration, and what else must be known to change it safely.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Owned {
    /// ASN of `router bgp`, when there is one.
    pub asn: Option<u32>,
    /// The objects.
    pub blocks: BTreeMap<Key, Vec<String>>,
    /// Neighbours and interfaces that somebody else configured: never touched.
    pub foreign: BTreeSet<String>,
    /// Whether a neighbour's paths have to begin with its ASN unless the neighbour says otherwise.
    pub enforces_first_as: bool,
    /// Whether a neighbour can be told that there is no BGP before BFD.
    pub has_strict_bfd: bool,
}

/// Formats with every key blotted out, wherever it is printed.
impl fmt::Debug for Owned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let blocks: BTreeMap<&Key, Vec<Cow<'_, str>>> =
            self.blocks.iter().map(|(key, lines)| (key, lines.iter().map(|l| masked(l)).collect())).collect();
        f.debug_struct("Owned")
            .field("asn", &self.asn)
            .field("blocks", &blocks)
            .field("foreign", &self.foreign)
            .field("enforces_first_as", &self.enforces_first_as)
            .field("has_strict_bfd", &self.has_strict_bfd)
            .finish()
    }
}

impl Owned {
    /// An object's lines; none when it isn't there.
    pub fn lines(&self, key: &Key) -> &[String] {
        self.blocks.get(key).map_or(&[], Vec::as_slice)
    }

    /// The same with some of the objects.
    pub fn part(&self, keep: impl Fn(&Key) -> bool) -> Self {
        let blocks = self.blocks.iter().filter(|(key, _)| keep(key));
        Self {
            asn: self.asn,
            blocks: blocks.map(|(key, lines)| (key.clone(), lines.clone())).collect(),
            foreign: self.foreign.clone(),
            enforces_first_as: self.enforces_first_as,
            has_strict_bfd: self.has_strict_bfd,
        }
    }

    /// Whether an object is one of these, or an entry of a route-map that is: one that somebody adds
    /// to a route-map of ours is ours to take away.
    pub fn refers_to(&self, key: &Key) -> bool {
        self.blocks.contains_key(key)
            || matches!(key, Key::MapEntry(name, _)
            if self.blocks.range(Key::MapEntry(name.clone(), 0)..).next().is_some_and(
                |(found, _)| matches!(found, Key::MapEntry(other, _) if other == name),
            ))
    }

    /// Takes over what the router's version does by itself, and can't do: that isn't told to each neighbour, as it
    /// wouldn't write it down.
    pub fn adopt_defaults(&mut self, have: &Self) {
        self.enforces_first_as = have.enforces_first_as;
        self.has_strict_bfd = have.has_strict_bfd;
        for (_, lines) in self.blocks.iter_mut().filter(|(key, _)| matches!(key, Key::Neighbor(_))) {
            lines.retain(|l| have.enforces_first_as || l != ANY_FIRST_AS);
            lines.retain(|l| have.has_strict_bfd || l != STRICT_BFD);
        }
    }

    /// Takes over instance settings that are somebody's choice already: the BGP identifier of an
    /// existing instance stays, even one that the router chose (changing it would reset every
    /// session); a check already off stays off.
    pub fn adopt_instance(&mut self, have: &Self) {
        let lines = self.blocks.entry(Key::Instance).or_default();
        if have.asn.is_some() {
            lines.retain(|l| instance_setting(l) != "router-id");
        }
        for line in have.lines(&Key::Instance) {
            lines.retain(|l| instance_setting(l) != instance_setting(line));
            lines.push(line.clone());
        }
        lines.sort();
        if lines.is_empty() {
            self.blocks.remove(&Key::Instance);
        }
    }

    /// Takes out the gates: the route-maps and path filters of sessions with peers. Those of a session to the
    /// Internet are its own configuration, and iBGP has none.
    pub fn take_gates(&mut self) -> BTreeMap<String, Gate> {
        let mut gates = BTreeMap::new();
        for (key, lines) in &mut self.blocks {
            let Key::Family(v6, name) = key else { continue };
            let is_map =
                |l: &String| l.starts_with("route-map MEETME-") || l.starts_with("filter-list MEETME-");
            let is_transit = lines.iter().any(|l| l.starts_with(&format!("route-map {INTERNET}-")));
            if is_transit || !lines.iter().any(is_map) {
                continue;
            }
            let (gate, rest) = std::mem::take(lines).into_iter().partition(is_map);
            *lines = rest;
            gates.insert(name.clone(), Gate { v6: *v6, lines: gate });
        }
        gates
    }

    /// The configuration as FRR would read it, for the syntax check, for people and for tests.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut in_bgp = false;
        for (key, lines) in &self.blocks {
            let bgp = matches!(
                key,
                Key::Instance
                    | Key::PeerGroup(_)
                    | Key::Neighbor(_)
                    | Key::Family(..)
                    | Key::Networks(_)
                    | Key::Bmp
            );
            if bgp && !in_bgp {
                let _ = writeln!(text, "router bgp {}", self.asn.unwrap_or_default());
                in_bgp = true;
            }
            write_block(&mut text, key, lines);
        }
        if in_bgp {
            text.push_str("exit\n");
        }
        text
    }
}

/// What a line of `router bgp` itself sets.
pub fn instance_setting(line: &str) -> &str {
    line.split(' ').nth(1).unwrap_or(line)
}

fn write_block(text: &mut String, key: &Key, lines: &[String]) {
    let nested = |text: &mut String, head: &str, indent: &str| {
        let _ = writeln!(text, "{indent}{head}");
        for line in lines {
            let _ = writeln!(text, "{indent} {line}");
        }
        let _ = writeln!(text, "{indent}exit");
    };
    match key {
        Key::Interface(name) => nested(text, &format!("interface {name}"), ""),
        Key::BfdProfile(name) => {
            text.push_str("bfd\n");
            nested(text, &format!("profile {name}"), " ");
            text.push_str("exit\n");
        }
        Key::MapEntry(name, seq) => {
            let (action, rest) = lines.split_first().map_or(("deny", lines), |(a, r)| (a.as_str(), r));
            let _ = writeln!(text, "route-map {name} {action} {seq}");
            for line in rest {
                let _ = writeln!(text, " {line}");
            }
            text.push_str("exit\n");
        }
        Key::Family(v6, _) | Key::Networks(v6) => {
            let _ = writeln!(text, " {}", family(*v6));
            for line in lines {
                let _ = writeln!(text, "  {}", full(key, line));
            }
            text.push_str(" exit-address-family\n");
        }
        Key::Bmp => nested(text, &format!("bmp targets {BMP_TARGETS}"), " "),
        Key::Statics | Key::List(..) => {
            for line in lines {
                let _ = writeln!(text, "{}", full(key, line));
            }
        }
        Key::Instance | Key::PeerGroup(_) | Key::Neighbor(_) => {
            for line in lines {
                let _ = writeln!(text, " {}", full(key, line));
            }
        }
    }
}

/// The command that enters an address family.
pub fn family(v6: bool) -> &'static str {
    if v6 { "address-family ipv6 unicast" } else { "address-family ipv4 unicast" }
}

/// A line as a command of its own, in its context.
pub fn full<'a>(key: &Key, line: &'a str) -> Cow<'a, str> {
    match key {
        Key::List(kind, name) => format!("{} {name} {line}", kind.command()).into(),
        Key::PeerGroup(name) | Key::Neighbor(name) | Key::Family(_, name) => match line.strip_prefix("no ") {
            Some(positive) => format!("no neighbor {name} {positive}").into(),
            None => format!("neighbor {name} {line}").into(),
        },
        Key::Interface(_)
        | Key::Statics
        | Key::BfdProfile(_)
        | Key::MapEntry(..)
        | Key::Instance
        | Key::Networks(_)
        | Key::Bmp => line.into(),
    }
}

/// What stands in front of an MD5 key, in a line of its own.
const SECRET: &str = "password ";

/// True when a command carries a key, so that whatever is said about it may repeat the key.
pub fn holds_secret(command: &str) -> bool {
    command.contains(SECRET)
}

/// The command that takes a command back.
pub fn negated(command: &str) -> String {
    match command.strip_prefix("no ") {
        Some(positive) => positive.to_owned(),
        None => format!("no {command}"),
    }
}

/// The text with every MD5 key blotted out: nothing that a person or a log sees goes without it.
pub fn masked(text: &str) -> Cow<'_, str> {
    if !text.contains(SECRET) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        match line.split_once(SECRET) {
            Some((before, _)) => {
                out.push_str(before);
                out.push_str("password ***");
                if line.ends_with('\n') {
                    out.push('\n');
                }
            }
            None => out.push_str(line),
        }
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_blotted_out_and_nothing_else() {
        assert_eq!(
            masked(" neighbor 192.0.2.1 password s3cret\n neighbor 192.0.2.1 bfd\n"),
            " neighbor 192.0.2.1 password ***\n neighbor 192.0.2.1 bfd\n"
        );
        assert_eq!(masked("router bgp 1"), "router bgp 1");
    }

    #[test]
    fn an_existing_bgp_identifier_is_kept() {
        let with = |lines: &[&str]| Owned {
            blocks: BTreeMap::from([(Key::Instance, lines.iter().map(|l| l.to_string()).collect())]),
            ..Owned::default()
        };
        let mut want = with(&["bgp router-id 192.0.2.1"]);
        want.adopt_instance(&with(&["bgp router-id 192.0.2.9"]));
        assert_eq!(want, with(&["bgp router-id 192.0.2.9"]));
        want.adopt_instance(&Owned::default());
        assert_eq!(want, with(&["bgp router-id 192.0.2.9"]));
    }

    #[test]
    fn an_instance_that_chose_its_identifier_itself_is_left_with_it() {
        let ours = BTreeMap::from([(Key::Instance, vec!["bgp router-id 192.0.2.1".to_owned()])]);
        let mut want = Owned { asn: Some(64500), blocks: ours, ..Owned::default() };
        want.adopt_instance(&Owned::default());
        assert!(!want.blocks.is_empty(), "a new instance gets ours");
        want.adopt_instance(&Owned { asn: Some(64500), ..Owned::default() });
        assert!(want.blocks.is_empty());
    }
}
