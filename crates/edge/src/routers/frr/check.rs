//! What must hold before anything is changed. Pure; the routers' own syntax check comes besides.
//!
//! Names and keys end up in commands, so what could be taken for more than a name is refused here,
//! whoever sent it.

use super::owned::{Key, Owned};
use ipnet::IpNet;
use meetme_model::Prefix;
use meetme_model::intent::{InterfaceAddress, LagIntent, RouterIntent, SessionIntent};
use meetme_model::own_space::single;
use meetme_model::unit::{Unit, UnitFault};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// BFD intervals that FRR takes, in milliseconds.
const BFD_INTERVAL_MS: std::ops::RangeInclusive<u32> = 10..=60_000;
/// TCP MD5 keys that the kernel takes, in bytes.
const MD5_KEY_LEN: std::ops::RangeInclusive<usize> = 1..=80;

/// Why a change isn't made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// A name that can't be part of a command.
    #[error("the {what} name '{name}' isn't usable on a router: 1 to 40 letters, digits, '.', '_' or '-'")]
    Name {
        /// What it names.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// Two of something that must be one.
    #[error("{what} '{name}' is in the intent twice")]
    Twice {
        /// What it is.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// A session that isn't where sessions belong.
    #[error("session '{session}': {problem}")]
    Session {
        /// The session's name.
        session: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Another AS is configured.
    #[error("the router speaks BGP as AS{have}, the inventory says AS{want}; correct one of them")]
    OtherAsn {
        /// The router's.
        have: u32,
        /// The inventory's.
        want: u32,
    },
    /// Somebody else configured it.
    #[error(
        "'{0}' is configured on the router without this product's mark; remove it by hand or keep it out of the inventory"
    )]
    Foreign(String),
    /// A policy refers to something that isn't rendered.
    #[error(
        "rendered configuration refers to '{0}', which it doesn't define; this is a defect of the product"
    )]
    Dangling(String),
    /// FRR doesn't understand it.
    #[error("FRR doesn't understand the rendered configuration: {0}")]
    Syntax(String),
}

/// What stands around a unit on its router.
pub struct Around<'a> {
    /// The backbone's part.
    pub backbone: &'a RouterIntent,
    /// LAGs of units that were there before.
    pub lags: Vec<&'a LagIntent>,
}

/// Checks a unit's content.
fn content(unit: &RouterIntent, around: &Around<'_>) -> Result<(), CheckError> {
    names("LAG", unit.lags.iter().map(|l| l.name.as_str()))?;
    names("port", unit.lags.iter().flat_map(|l| &l.members).map(String::as_str))?;
    names("session", unit.sessions.iter().map(|s| s.name.as_str()))?;
    let mut addresses = BTreeSet::new();
    for session in &unit.sessions {
        session_problem(unit, session)
            .or_else(|| space_problem(unit, session, around))
            .map_or(Ok(()), |problem| Err(CheckError::Session { session: session.name.clone(), problem }))?;
        unique(&mut addresses, "peer address", &session.peer_address.to_string())?;
    }
    for address in unit.ibgp.iter().map(|n| n.address).chain(unit.transits.iter().map(|t| t.address)) {
        unique(&mut addresses, "neighbour address", &address.to_string())?;
    }
    Ok(())
}

fn session_problem(intent: &RouterIntent, session: &SessionIntent) -> Option<&'static str> {
    let Some(lag) = intent.lags.iter().find(|l| l.name == session.lag) else {
        return Some("its LAG isn't in the intent; sessions run over LAGs of ours only");
    };
    let link = lag.addresses.iter().find(|a| a.address == session.local_address);
    let on_link = |link: ipnet::IpNet| link.contains(&session.peer_address);
    match link.map(|a| ipnet::IpNet::new(a.address, a.prefix_len)) {
        None => return Some("its local address isn't on its LAG"),
        Some(Err(_)) => return Some("the prefix length of its local address is impossible"),
        Some(Ok(net)) if !on_link(net) => {
            return Some("its peer address isn't on its LAG's subnet");
        }
        Some(Ok(_)) => {}
    }
    if session.policy.next_hop != session.peer_address {
        return Some("its policy's next hop isn't its peer address");
    }
    if session.max_prefixes == 0 {
        return Some("its max prefix is zero");
    }
    if !BFD_INTERVAL_MS.contains(&session.bfd.interval_ms) || session.bfd.multiplier < 2 {
        return Some("its BFD timers aren't within 10 to 60000 ms and a multiplier of 2 or more");
    }
    let key_fits = |key: &str| MD5_KEY_LEN.contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic());
    if session.md5_key.as_ref().is_some_and(|key| !key_fits(key.secret.reveal())) {
        return Some("its MD5 key isn't 1 to 80 printable ASCII characters without spaces");
    }
    None
}

/// The last wall in front of a router: whoever let it through, a link to a peer has none of the
/// router's other addresses. What else is the host's, only the control plane knows.
fn space_problem(unit: &RouterIntent, session: &SessionIntent, around: &Around<'_>) -> Option<&'static str> {
    let links = |lag: &LagIntent| -> Vec<Prefix> {
        let net = |a: &InterfaceAddress| IpNet::new(a.address, a.prefix_len).ok().map(Prefix::containing);
        lag.addresses.iter().filter_map(net).collect()
    };
    let is_mine = |lag: &&LagIntent| lag.name == session.lag;
    let mine = unit.lags.iter().filter(is_mine).flat_map(links);
    let subnet = mine.into_iter().find(|p| p.contains(single(session.peer_address)))?;
    if subnet.not_unicast_reason().is_some() {
        return Some("its subnet isn't unicast space");
    }
    let loopback_v6 = around.backbone.loopback_v6.map(IpAddr::from);
    let router = [around.backbone.loopback, around.backbone.router_id.into()].into_iter().chain(loopback_v6);
    let neighbours = around
        .backbone
        .ibgp
        .iter()
        .map(|n| n.address)
        .chain(around.backbone.transits.iter().map(|t| t.address));
    let station = around.backbone.bmp.map(|b| b.ip());
    if router.chain(neighbours).chain(station).any(|a| subnet.contains(single(a))) {
        return Some("its subnet has an address of the router, its backbone, its transit or its BMP station");
    }
    // Session addresses may be part of an announced range; what is announced is never part of a session.
    if around.backbone.announced.iter().any(|own| subnet.contains(*own)) {
        return Some("its subnet contains what the router announces");
    }
    let others = around.lags.iter().copied().filter(|lag| !is_mine(lag)).flat_map(links);
    others.into_iter().any(|p| p.overlaps(subnet)).then_some("its subnet overlaps that of another LAG")
}

fn names<'a>(what: &'static str, names: impl Iterator<Item = &'a str>) -> Result<(), CheckError> {
    let fits = |name: &str| {
        (1..=40).contains(&name.len())
            && !name.starts_with(['-', '.'])
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    };
    let mut seen = BTreeSet::new();
    for name in names {
        if !fits(name) {
            return Err(CheckError::Name { what, name: name.to_owned() });
        }
        unique(&mut seen, what, name)?;
    }
    Ok(())
}

fn unique(seen: &mut BTreeSet<String>, what: &'static str, name: &str) -> Result<(), CheckError> {
    match seen.insert(name.to_owned()) {
        true => Ok(()),
        false => Err(CheckError::Twice { what, name: name.to_owned() }),
    }
}

/// Checks a unit by itself, with what is around it, and against the router as it is; `want` is how it
/// was rendered.
pub fn unit(unit: &Unit, around: &Around<'_>, have: &Owned, want: &Owned) -> Result<(), UnitFault> {
    content(&unit.intent, around)?;
    if let (Some(have), Some(want)) = (have.asn, want.asn)
        && have != want
    {
        return Err(CheckError::OtherAsn { have, want }.into());
    }
    for key in want.blocks.keys() {
        if let Key::Interface(name) | Key::Neighbor(name) | Key::PeerGroup(name) = key
            && have.foreign.contains(name)
        {
            return Err(CheckError::Foreign(name.clone()).into());
        }
    }
    Ok(references(want)?)
}

impl From<CheckError> for UnitFault {
    fn from(error: CheckError) -> Self {
        match error {
            CheckError::Foreign(object) => Self::Foreign { object },
            CheckError::OtherAsn { .. } => Self::OtherRouter { problem: error.to_string() },
            CheckError::Name { .. }
            | CheckError::Twice { .. }
            | CheckError::Session { .. }
            | CheckError::Dangling(_)
            | CheckError::Syntax(_) => Self::Invalid { problem: error.to_string() },
        }
    }
}

/// Every list, route-map, profile and peer-group that is referred to exists.
fn references(want: &Owned) -> Result<(), CheckError> {
    let defined: BTreeSet<&str> = want
        .blocks
        .keys()
        .filter_map(|key| match key {
            Key::List(_, name) | Key::MapEntry(name, _) | Key::BfdProfile(name) | Key::PeerGroup(name) => {
                Some(name.as_str())
            }
            _ => None,
        })
        .collect();
    let lines = want.blocks.iter().flat_map(|(key, lines)| lines.iter().map(move |line| (key, line)));
    match lines.filter_map(|(key, line)| reference(key, line)).find(|name| !defined.contains(name)) {
        Some(name) => Err(CheckError::Dangling(name.to_owned())),
        None => Ok(()),
    }
}

/// The name that a line refers to. Goes by what the line sets and never by how its words look:
/// descriptions and keys are other people's text, and may look like anything.
fn reference<'a>(key: &Key, line: &'a str) -> Option<&'a str> {
    let after = |what: &str| line.split_once(what).and_then(|(_, rest)| rest.split(' ').next());
    let first = |what: &str| line.strip_prefix(what).and_then(|rest| rest.split(' ').next());
    match key {
        Key::MapEntry(..) if line.starts_with("call ") => first("call "),
        Key::MapEntry(..) if line.starts_with("match ") => {
            [" prefix-list ", " as-path ", " community ", " large-community "].into_iter().find_map(after)
        }
        Key::Neighbor(_) => ["peer-group ", "bfd profile "].into_iter().find_map(first),
        Key::Family(..) => ["route-map ", "filter-list "].into_iter().find_map(first),
        Key::Networks(_) => after(" route-map "),
        Key::MapEntry(..)
        | Key::PeerGroup(_)
        | Key::Interface(_)
        | Key::Statics
        | Key::BfdProfile(_)
        | Key::List(..)
        | Key::Instance
        | Key::Bmp => None,
    }
}

#[cfg(test)]
mod tests;
