//! From FRR's running configuration to what is ours in it.
//!
//! Each daemon tells its own part. Lines that aren't understood belong to somebody else and are
//! skipped; what stands inside an object of ours is kept even when it isn't understood, so that a
//! hand-made change shows.

use super::owned::{BMP_TARGETS, Key, ListKind, MARK, NAME, Owned, PROFILE, STATIC_TAG};
use super::version::{Capabilities, Version};
use std::collections::BTreeMap;

/// Running configurations as `show running-config` prints them, of the daemon that has each part.
#[derive(Clone, Debug, Default)]
pub struct Running {
    /// Interfaces'.
    pub zebra: String,
    /// Static routes'; `None` when staticd doesn't run.
    pub staticd: Option<String>,
    /// bfdd's.
    pub bfdd: String,
    /// bgpd's.
    pub bgpd: String,
}

/// Extracts what is ours.
pub fn owned(running: &Running) -> Owned {
    let can = Version::said_in(&running.bgpd).and_then(|version| Capabilities::of(version).ok());
    let mut owned = Owned {
        enforces_first_as: can.is_some_and(|can| can.enforces_first_as),
        has_strict_bfd: can.is_some_and(|can| can.has_strict_bfd),
        ..Owned::default()
    };
    read_zebra(&running.zebra, &mut owned);
    read_staticd(running.staticd.as_deref().unwrap_or_default(), &mut owned);
    read_bfdd(&running.bfdd, &mut owned);
    read_bgpd(&running.bgpd, &mut owned);
    owned
}

fn lines(text: &str) -> impl Iterator<Item = (bool, &str)> {
    text.lines()
        .map(|line| (line.starts_with(' '), line.trim()))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('!'))
}

fn read_zebra(text: &str, owned: &mut Owned) {
    let mut interfaces: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut current = None;
    for (nested, line) in lines(text) {
        match (nested, current) {
            (false, _) => current = line.strip_prefix("interface "),
            (true, Some(name)) => interfaces.entry(name).or_default().push(line.to_owned()),
            (true, None) => {}
        }
    }
    for (name, mut lines) in interfaces {
        let marked = |l: &String| l.strip_prefix("description ").is_some_and(|d| d.starts_with(MARK));
        if lines.iter().any(marked) {
            lines.sort_unstable();
            owned.blocks.insert(Key::Interface(name.to_owned()), lines);
        } else {
            owned.foreign.insert(name.to_owned());
        }
    }
}

fn read_staticd(text: &str, owned: &mut Owned) {
    let mut routes: Vec<String> = lines(text)
        .filter(|(nested, line)| !nested && line.contains(STATIC_TAG))
        .map(|(_, line)| line.to_owned())
        .collect();
    if !routes.is_empty() {
        routes.sort_unstable();
        owned.blocks.insert(Key::Statics, routes);
    }
}

fn read_bfdd(text: &str, owned: &mut Owned) {
    let mut current: Option<String> = None;
    for (_, line) in lines(text) {
        if let Some(name) = line.strip_prefix("profile ") {
            current = name.starts_with(PROFILE).then(|| name.to_owned());
            if let Some(name) = &current {
                // FRR doesn't write defaults down.
                let defaults = ["detect-multiplier 3", "receive-interval 300", "transmit-interval 300"];
                owned.blocks.insert(Key::BfdProfile(name.clone()), defaults.map(str::to_owned).to_vec());
            }
        } else if line == "exit" || line.starts_with("peer ") {
            current = None;
        } else if let Some(name) = &current {
            let lines = owned.blocks.entry(Key::BfdProfile(name.clone())).or_default();
            let setting = line.split(' ').next();
            lines.retain(|l| l.split(' ').next() != setting);
            lines.push(line.to_owned());
            lines.sort_unstable();
        }
    }
}

#[derive(Default)]
struct Neighbor {
    base: Vec<String>,
    families: [Vec<String>; 2],
    deactivated: [bool; 2],
}

/// Where the reader stands in bgpd's configuration.
enum Place {
    Elsewhere,
    Bgp,
    Family(usize),
    OtherFamily,
    Bmp(bool),
    Map(String, u32),
}

fn read_bgpd(text: &str, owned: &mut Owned) {
    let mut place = Place::Elsewhere;
    let mut neighbors: BTreeMap<&str, Neighbor> = BTreeMap::new();
    let mut ipv4_by_default = true;
    for (nested, line) in lines(text) {
        if !nested {
            place = read_top(line, owned);
            continue;
        }
        match &place {
            Place::Elsewhere => {}
            Place::Map(name, seq) => {
                if let Some(entry) = owned.blocks.get_mut(&Key::MapEntry(name.clone(), *seq)) {
                    entry.push(line.to_owned());
                }
            }
            Place::Bmp(ours) => {
                if line == "exit" {
                    place = Place::Bgp;
                } else if *ours {
                    owned.blocks.entry(Key::Bmp).or_default().push(line.to_owned());
                }
            }
            Place::OtherFamily if line == "exit-address-family" => place = Place::Bgp,
            Place::OtherFamily => {}
            Place::Family(_) if line == "exit-address-family" => place = Place::Bgp,
            Place::Family(family) => read_family_line(line, *family, &mut neighbors, owned),
            Place::Bgp => {
                if let Some(rest) = line.strip_prefix("neighbor ") {
                    if let Some((name, rest)) = rest.split_once(' ') {
                        neighbors.entry(name).or_default().base.push(rest.to_owned());
                    }
                } else if let Some(rest) = line.strip_prefix("no neighbor ") {
                    if let Some((name, rest)) = rest.split_once(' ') {
                        neighbors.entry(name).or_default().base.push(format!("no {rest}"));
                    }
                } else if line == "no bgp enforce-first-as" {
                    owned.enforces_first_as = false;
                } else if let Some(family) = line.strip_prefix("address-family ") {
                    place = match family {
                        "ipv4 unicast" => Place::Family(0),
                        "ipv6 unicast" => Place::Family(1),
                        _ => Place::OtherFamily,
                    };
                } else if let Some(targets) = line.strip_prefix("bmp targets ") {
                    place = Place::Bmp(targets == BMP_TARGETS);
                } else if line == "no bgp default ipv4-unicast" {
                    ipv4_by_default = false;
                } else if line.starts_with("bgp router-id ") || line == "no bgp network import-check" {
                    owned.blocks.entry(Key::Instance).or_default().push(line.to_owned());
                }
            }
        }
    }
    insert_neighbors(neighbors, ipv4_by_default, owned);
    for (key, lines) in &mut owned.blocks {
        match key {
            Key::MapEntry(..) => lines[1..].sort_unstable(),
            Key::Instance | Key::Networks(_) | Key::Bmp => lines.sort_unstable(),
            _ => {}
        }
    }
}

fn read_top(line: &str, owned: &mut Owned) -> Place {
    if let Some(asn) = line.strip_prefix("router bgp ") {
        // Other instances than the default one carry `vrf` or `view` behind the ASN.
        return match asn.parse() {
            Ok(asn) => {
                owned.asn = Some(asn);
                Place::Bgp
            }
            Err(_) => Place::Elsewhere,
        };
    }
    if let Some(rest) = line.strip_prefix("route-map ") {
        let mut words = rest.split(' ');
        if let (Some(name), Some(action), Some(Ok(seq))) =
            (words.next(), words.next(), words.next().map(str::parse))
            && name.starts_with(NAME)
        {
            let key = Key::MapEntry(name.to_owned(), seq);
            owned.blocks.insert(key, vec![action.to_owned()]);
            return Place::Map(name.to_owned(), seq);
        }
        return Place::Elsewhere;
    }
    for kind in ListKind::ALL {
        let Some(rest) = line.strip_prefix(kind.command()) else {
            continue;
        };
        if let Some((name, rest)) = rest.trim_start().split_once(' ')
            && name.starts_with(NAME)
        {
            let key = Key::List(kind, name.to_owned());
            owned.blocks.entry(key).or_default().push(rest.to_owned());
        }
    }
    Place::Elsewhere
}

fn read_family_line<'t>(
    line: &'t str,
    family: usize,
    neighbors: &mut BTreeMap<&'t str, Neighbor>,
    owned: &mut Owned,
) {
    if let Some((name, rest)) = line.strip_prefix("neighbor ").and_then(|r| r.split_once(' ')) {
        neighbors.entry(name).or_default().families[family].push(rest.to_owned());
    } else if let Some((name, "activate")) = line.strip_prefix("no neighbor ").and_then(|r| r.split_once(' '))
    {
        neighbors.entry(name).or_default().deactivated[family] = true;
    } else if line.starts_with("network ") && line.contains(" route-map MEETME-") {
        let key = Key::Networks(family == 1);
        owned.blocks.entry(key).or_default().push(line.to_owned());
    }
}

fn insert_neighbors(neighbors: BTreeMap<&str, Neighbor>, ipv4_by_default: bool, owned: &mut Owned) {
    for (name, mut neighbor) in neighbors {
        let described = |l: &String| l.strip_prefix("description ").is_some_and(|d| d.starts_with(MARK));
        // A description alone is easily lost to a hand-made change: a policy of ours marks as well.
        let ours = neighbor.base.iter().any(described)
            || neighbor.families.iter().flatten().any(|l| l.starts_with("route-map MEETME-"));
        if !ours {
            owned.foreign.insert(name.to_owned());
            continue;
        }
        let is_group = neighbor.base.iter().any(|l| l == "peer-group");
        let is_member = neighbor.base.iter().any(|l| l.starts_with("peer-group "));
        let active = &mut neighbor.families[0];
        if ipv4_by_default
            && !is_member
            && !neighbor.deactivated[0]
            && !active.iter().any(|l| l == "activate")
        {
            active.push("activate".to_owned());
        }
        for (v6, mut lines) in [false, true].into_iter().zip(neighbor.families) {
            if !lines.is_empty() {
                lines.sort_unstable();
                owned.blocks.insert(Key::Family(v6, name.to_owned()), lines);
            }
        }
        neighbor.base.sort_unstable();
        let key = match is_group {
            true => Key::PeerGroup(name.to_owned()),
            false => Key::Neighbor(name.to_owned()),
        };
        owned.blocks.insert(key, neighbor.base);
    }
}

#[cfg(test)]
mod tests;
