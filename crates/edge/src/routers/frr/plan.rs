//! From what is on an FRR router and what its units should be to a change per unit. Pure.
//!
//! A configuration object belongs to one unit, or is shared: lists, route-maps and BFD profiles
//! are named by their content, so each unit brings those that it refers to, and those that nothing
//! refers to any more go last, by themselves. The route-maps that a session points at are its gate
//! and nobody's change ([`Owned::take_gates`]).

use super::check;
use super::diff;
use super::owned::{Gate, Key, Owned};
use super::render::{Origination, render_unit};
use super::steps::{Brought, LagStep, Steps};
use crate::lag::Lags;
use crate::routers::{Plan, Target, UnitChange};
use meetme_model::intent::{SessionIntent, SessionPhase};
use meetme_model::unit::{Unit, UnitFault, UnitName};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write;
use std::net::IpAddr;

/// What was read of a router.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// Why sessions with Voice don't belong on it, by its version.
    pub unfit_for_voice: Option<String>,
    /// What is ours in its configuration, without gates.
    pub owned: Owned,
    /// What each neighbour's gate points at.
    pub gates: BTreeMap<String, Gate>,
    /// Our LAGs.
    pub lags: Lags,
}

/// Works out the change of each target that isn't as it should be. `gates` are the sessions whose
/// gate was set last, with whether it is open.
pub fn plan(
    read: &Read,
    targets: &[Target],
    gates: &BTreeMap<String, bool>,
    origination: Origination,
) -> Plan<Steps> {
    let rendered: Vec<Rendered<'_>> = targets.iter().map(|t| Rendered::of(t, origination)).collect();
    let owners = Owners::of(&rendered, &read.owned);
    let taken = taken(&rendered);
    let brought = Brought::default();
    let mut changes = Vec::new();
    let mut used: BTreeSet<Key> = BTreeSet::new();
    let mut gates_moved = BTreeSet::new();
    for unit in &rendered {
        used.extend(unit.shared());
        gates_moved.extend(unit.moved_gates(&read.gates, gates));
        if let Some(change) = change(unit, read, targets, &owners, &taken, &brought) {
            changes.push(change);
        }
    }
    // Who leaves makes room; the backbone comes before those who stand on it.
    let wants: BTreeSet<&UnitName> = targets.iter().filter(|t| t.wants.is_some()).map(|t| &t.name).collect();
    changes.sort_by_key(|c| (wants.contains(&c.unit), c.unit.clone()));
    Plan { changes, gates_moved, unused: unused(read, &used) }
}

/// A target as configuration.
struct Rendered<'a> {
    target: &'a Target,
    wants: Owned,
    gates: BTreeMap<String, Gate>,
    /// `None` while it isn't known what stands.
    stands: Option<Owned>,
    stands_gates: BTreeMap<String, Gate>,
}

impl<'a> Rendered<'a> {
    fn of(target: &'a Target, origination: Origination) -> Self {
        let render = |unit: &Unit| {
            let mut owned = render_unit(unit, origination);
            let gates = owned.take_gates();
            (owned, gates)
        };
        let (wants, gates) = target.wants.as_deref().map(render).unwrap_or_default();
        let same = target.stands == target.wants;
        let (stands, stands_gates) = match target.stands.as_deref() {
            None => (None, BTreeMap::new()),
            Some(_) if same => (Some(wants.clone()), gates.clone()),
            Some(unit) => {
                let (owned, gates) = render(unit);
                (Some(owned), gates)
            }
        };
        Self { target, wants, gates, stands, stands_gates }
    }

    fn units(&self) -> impl Iterator<Item = &Unit> {
        self.target.stands.iter().chain(&self.target.wants).map(AsRef::as_ref)
    }

    /// Shared objects that it refers to now or soon.
    fn shared(&self) -> impl Iterator<Item = Key> {
        let standing = self.stands.iter().flat_map(|s| s.blocks.keys());
        self.wants.blocks.keys().chain(standing).filter(|k| k.is_shared()).cloned()
    }

    /// Sessions whose gate isn't on the router as it was set; those of a neighbour that isn't there
    /// are the unit's matter.
    fn moved_gates(&self, read: &BTreeMap<String, Gate>, set: &BTreeMap<String, bool>) -> Vec<String> {
        let Some(unit) = self.target.stands.as_deref() else {
            return Vec::new();
        };
        let moved = |session: &&meetme_model::intent::SessionIntent| {
            let address = session.peer_address.to_string();
            let Some(expected) = set.get(&session.name).and_then(|open| {
                let gate = self.stands_gates.get(&address)?;
                Some(if *open { gate.clone() } else { gate.closed() })
            }) else {
                return false;
            };
            read.get(&address).is_none_or(|found| *found != expected)
        };
        unit.sessions().iter().filter(moved).map(|s| s.name.clone()).collect()
    }
}

/// Whose object each is.
struct Owners<'a>(BTreeMap<Key, &'a UnitName>);

impl<'a> Owners<'a> {
    fn of(rendered: &[Rendered<'a>], have: &Owned) -> Self {
        let mut owners: BTreeMap<Key, &UnitName> = BTreeMap::new();
        let mut own = |keys: &mut dyn Iterator<Item = &Key>, name: &'a UnitName| {
            for key in keys.filter(|k| !k.is_shared()) {
                owners.entry(key.clone()).or_insert(name);
            }
        };
        // What stands comes first: an address that moves from one unit to another is the one's to
        // give up before it is the other's to take.
        for unit in rendered {
            own(&mut unit.stands.iter().flat_map(|s| s.blocks.keys()), &unit.target.name);
        }
        for unit in rendered {
            own(&mut unit.wants.blocks.keys(), &unit.target.name);
        }
        let mut strays: Vec<(Key, Option<UnitName>)> = Vec::new();
        for (key, lines) in have.blocks.iter().filter(|(k, _)| !k.is_shared()) {
            if !owners.contains_key(key) {
                strays.push((key.clone(), stray_of(key, lines, have)));
            }
        }
        for (key, of) in strays {
            let named = rendered.iter().map(|r| &r.target.name).find(|name| Some(*name) == of.as_ref());
            let backbone = rendered.iter().map(|r| &r.target.name).find(|name| **name == UnitName::Backbone);
            if let Some(name) = named.or(backbone) {
                owners.insert(key, name);
            }
        }
        Self(owners)
    }

    fn is(&self, key: &Key, name: &UnitName) -> bool {
        self.0.get(key).is_some_and(|owner| **owner == *name)
    }
}

/// The unit that an object was made for, as its own lines tell: a neighbour belongs to the LAG
/// that has the address which it speaks from.
fn stray_of(key: &Key, lines: &[String], have: &Owned) -> Option<UnitName> {
    let source = |lines: &[String]| {
        let address = lines.iter().find_map(|l| l.strip_prefix("update-source "))?;
        have.blocks.iter().find_map(|(key, lines)| match key {
            Key::Interface(lag) => {
                let has = |l: &String| l.contains(&format!(" address {address}/"));
                lines.iter().any(has).then(|| UnitName::Connection(lag.clone()))
            }
            _ => None,
        })
    };
    match key {
        Key::Interface(lag) => Some(UnitName::Connection(lag.clone())),
        Key::Neighbor(_) => source(lines),
        Key::Family(_, name) => source(have.lines(&Key::Neighbor(name.clone()))),
        _ => None,
    }
}

/// Units on the router that no target names, as what is there tells: whoever plans gives them a
/// target that removes them.
pub fn strays(read: &Read, targets: &[Target]) -> BTreeSet<UnitName> {
    let known: BTreeSet<&UnitName> = targets.iter().map(|t| &t.name).collect();
    let interfaces = read.owned.blocks.keys().filter_map(|key| match key {
        Key::Interface(lag) => Some(lag.clone()),
        _ => None,
    });
    let names = interfaces.chain(read.lags.keys().cloned()).map(UnitName::Connection);
    names.filter(|name| !known.contains(name)).collect()
}

/// Who has each neighbour address: who stands with it before who wants it, then in order of names.
fn taken(rendered: &[Rendered<'_>]) -> BTreeMap<IpAddr, UnitName> {
    let mut taken = BTreeMap::new();
    let staying = rendered.iter().filter(|r| r.target.wants.is_some());
    for unit in staying.clone() {
        let stays = |a: &IpAddr| unit.target.wants.as_ref().is_some_and(|w| w.neighbors().any(|n| n == *a));
        for address in unit.target.stands.iter().flat_map(|u| u.neighbors()).filter(stays) {
            taken.entry(address).or_insert_with(|| unit.target.name.clone());
        }
    }
    for unit in staying {
        for address in unit.target.wants.iter().flat_map(|u| u.neighbors()) {
            taken.entry(address).or_insert_with(|| unit.target.name.clone());
        }
    }
    taken
}

fn change(
    unit: &Rendered<'_>,
    read: &Read,
    targets: &[Target],
    owners: &Owners<'_>,
    taken: &BTreeMap<IpAddr, UnitName>,
    brought: &Brought,
) -> Option<UnitChange<Steps>> {
    let name = &unit.target.name;
    let standing = read.owned.blocks.keys().filter(|k| owners.is(k, name));
    let own: BTreeSet<Key> =
        standing.chain(unit.wants.blocks.keys().filter(|k| !k.is_shared())).cloned().collect();
    let mut want = unit.wants.clone();
    want.asn = want.asn.or_else(|| kept_instance(unit, read, &own));
    want.foreign.clone_from(&read.owned.foreign);
    want.adopt_defaults(&read.owned);
    if *name == UnitName::Backbone && unit.target.wants.is_some() {
        want.adopt_instance(&read.owned);
    }
    // What another unit leaves behind isn't there any more once this one comes.
    let have = read.owned.part(|key| match key.is_shared() {
        true => want.refers_to(key),
        false => owners.is(key, name),
    });
    let mut drift = String::new();
    if let Some(stands) = &unit.stands {
        let mut stands = stands.part(|key| !key.is_shared() || read.owned.blocks.contains_key(key));
        stands.asn = read.owned.asn;
        stands.adopt_defaults(&read.owned);
        if *name == UnitName::Backbone {
            stands.adopt_instance(&read.owned);
        }
        let found = read.owned.part(|key| own.contains(key) || stands.refers_to(key));
        let of_lag = lag_of(unit.target.stands.as_deref(), name);
        drift = lag_diff(read, &of_lag) + &diff::change(&found, &stands).diff;
    }
    let lag = lag_of(unit.target.wants.as_deref(), name);
    let goal = with_closed_gates(&want, &have, &unit.gates);
    let between = diff::change(&have, &goal);
    let diff = lag_diff(read, &lag) + &between.diff;
    if diff.is_empty() {
        return None;
    }
    let mut disturbs: BTreeSet<IpAddr> = between.disrupted.iter().filter_map(|a| a.parse().ok()).collect();
    let (before, after, conflict) = lag_steps(read, &lag, targets);
    if before.iter().any(|step| matches!(step, LagStep::Ensure { lag, .. } if read.lags.contains_key(lag))) {
        // Moving members takes the link down for a moment, and the sessions on it.
        disturbs.extend(unit.units().flat_map(Unit::neighbors));
    }
    let fault = conflict.or_else(|| fault(unit, read, targets, &want, taken));
    let has_lag = lag.as_ref().is_some_and(|(name, _)| read.lags.contains_key(name));
    let is_new = !has_lag && have.blocks.keys().all(Key::is_shared);
    let steps = Steps {
        before,
        after,
        have: Some(have),
        goal,
        want,
        own,
        lag,
        brought: brought.clone(),
        ..Steps::default()
    };
    Some(UnitChange { unit: name.clone(), diff, drift, disturbs, fault, is_new, steps })
}

/// A neighbour that comes into being does so with its gate closed.
fn with_closed_gates(want: &Owned, have: &Owned, gates: &BTreeMap<String, Gate>) -> Owned {
    let mut want = want.clone();
    for (name, gate) in gates {
        let key = Key::Family(gate.v6, name.clone());
        if have.blocks.contains_key(&key) {
            continue;
        }
        if let Some(lines) = want.blocks.get_mut(&key) {
            lines.extend(gate.closed().lines);
            lines.sort_unstable();
        }
    }
    want
}

/// Whether `router bgp` stays when its backbone part goes: always, unless nothing else of anybody
/// is in it.
fn kept_instance(unit: &Rendered<'_>, read: &Read, own: &BTreeSet<Key>) -> Option<u32> {
    let others = read.owned.blocks.keys().any(|k| matches!(k, Key::Neighbor(_)) && !own.contains(k));
    match unit.target.name {
        UnitName::Backbone if !others && unit.target.wants.is_none() => None,
        UnitName::Backbone | UnitName::Connection(_) => read.owned.asn,
    }
}

fn fault(
    unit: &Rendered<'_>,
    read: &Read,
    targets: &[Target],
    want: &Owned,
    taken: &BTreeMap<IpAddr, UnitName>,
) -> Option<UnitFault> {
    let wants = unit.target.wants.as_deref()?;
    if let Some(address) = wants.neighbors().find(|a| taken.get(a).is_some_and(|n| *n != wants.name)) {
        return Some(UnitFault::Taken { what: format!("neighbour address {address}") });
    }
    if let Some(problem) = &read.unfit_for_voice
        && wants.sessions().iter().any(is_for_voice)
    {
        return Some(UnitFault::Unsupported { problem: problem.clone() });
    }
    // Who is on the router comes before who isn't yet.
    let rank = |name: &UnitName| match name {
        UnitName::Backbone => (false, name.clone()),
        UnitName::Connection(lag) => {
            (!read.owned.blocks.contains_key(&Key::Interface(lag.clone())), name.clone())
        }
    };
    let before = targets.iter().filter(|t| rank(&t.name) < rank(&wants.name));
    let lags = before.filter_map(|t| t.wants.as_deref()).flat_map(|u| &u.intent.lags).collect();
    let backbone = targets.iter().find(|t| t.name == UnitName::Backbone).and_then(|t| t.wants.as_deref());
    let around = check::Around { backbone: &backbone.unwrap_or(wants).intent, lags };
    check::unit(wants, &around, &read.owned, want).err()
}

/// Whether calls are to go over a session from now on. One that leaves may leave an unfit router, too.
fn is_for_voice(session: &SessionIntent) -> bool {
    let stays = match session.phase {
        SessionPhase::Denied | SessionPhase::Open => true,
        SessionPhase::Draining | SessionPhase::Shutdown => false,
    };
    session.voice && stays
}

/// The LAG of a connection with the members that it should have, sorted; the backbone has none.
fn lag_of(unit: Option<&Unit>, name: &UnitName) -> Option<(String, Option<Vec<String>>)> {
    let UnitName::Connection(lag) = name else { return None };
    let wanted = unit.and_then(|u| u.intent.lags.first()).map(|l| {
        let mut members = l.members.clone();
        members.sort_unstable();
        members
    });
    Some((lag.clone(), wanted))
}

fn lag_diff(read: &Read, lag: &Option<(String, Option<Vec<String>>)>) -> String {
    let mut diff = String::new();
    let Some((name, want)) = lag else { return diff };
    let have = read.lags.get(name);
    if have == want.as_ref() {
        return diff;
    }
    let _ = writeln!(diff, "@@ lag {name} @@");
    for (sign, members) in [('-', have), ('+', want.as_ref())] {
        if let Some(members) = members {
            let _ = writeln!(diff, "{sign}members {}", members.join(" "));
        }
    }
    diff
}

type LagSteps = (VecDeque<LagStep>, VecDeque<LagStep>, Option<UnitFault>);

/// What is done to the LAG, before the commands and after them. A port is in one LAG at a time: who
/// takes one has the LAG that gives it up let go first.
fn lag_steps(read: &Read, lag: &Option<(String, Option<Vec<String>>)>, targets: &[Target]) -> LagSteps {
    let (mut before, mut after) = (VecDeque::new(), VecDeque::new());
    let Some((name, want)) = lag else { return (before, after, None) };
    let have = read.lags.get(name);
    if have == want.as_ref() {
        return (before, after, None);
    }
    let Some(members) = want else {
        after.push_back(LagStep::Remove { lag: name.clone() });
        return (before, after, None);
    };
    for (other, has) in read.lags.iter().filter(|(other, _)| *other != name) {
        let Some(member) = has.iter().find(|m| members.contains(m)) else { continue };
        let unit = UnitName::Connection(other.clone());
        let keeps = targets.iter().find(|t| t.name == unit).and_then(|t| t.wants.as_deref());
        let wanted = lag_of(keeps, &unit).and_then(|(_, members)| members).unwrap_or_default();
        if wanted.contains(member) {
            return (before, after, Some(UnitFault::Taken { what: format!("port {member}") }));
        }
        let taken = has.iter().filter(|m| members.contains(m)).cloned().collect();
        before.push_back(LagStep::Release { lag: other.clone(), members: taken });
    }
    before.push_back(LagStep::Ensure { lag: name.clone(), members: members.clone() });
    (before, after, None)
}

/// Shared objects that no target and no neighbour on the router refers to.
fn unused(read: &Read, used: &BTreeSet<Key>) -> Option<Steps> {
    let referred: BTreeSet<&str> = read.gates.values().flat_map(Gate::maps).collect();
    let shared: Vec<&Key> = read.owned.blocks.keys().filter(|k| k.is_shared()).collect();
    let named = |key: &Key, names: &BTreeSet<&str>| match key {
        Key::List(_, name) | Key::MapEntry(name, _) => names.contains(name.as_str()),
        _ => false,
    };
    let mut stays: BTreeSet<&Key> =
        shared.iter().copied().filter(|k| used.contains(k) || named(k, &referred)).collect();
    // What stays refers to what stays as well, from route-map to route-map to list.
    loop {
        let words: BTreeSet<&str> =
            stays.iter().flat_map(|k| read.owned.lines(k)).flat_map(|l| l.split(' ')).collect();
        let before = stays.len();
        stays.extend(shared.iter().copied().filter(|k| named(k, &words)));
        if stays.len() == before {
            break;
        }
    }
    let gone = read.owned.part(|key| key.is_shared() && !stays.contains(key));
    if gone.blocks.is_empty() {
        return None;
    }
    let nothing = Owned { asn: gone.asn, foreign: gone.foreign.clone(), ..Owned::default() };
    Some(Steps { commands: diff::change(&gone, &nothing).steps.into(), ..Steps::default() })
}

#[cfg(test)]
mod tests;
