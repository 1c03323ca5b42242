//! From what is there to what should be: the commands, in an order that is safe at every step, and
//! the difference as text for people.
//!
//! Policies are made before anything refers to them and removed after nothing does. As their
//! names change with their content, a neighbour moves from one whole policy to another in one
//! command.

use super::owned::{
    ANY_FIRST_AS, BMP_TARGETS, Key, Owned, STRICT_BFD, family, full, instance_setting, masked, negated,
};
use super::vty::Daemon;
use std::collections::BTreeSet;
use std::fmt::{self, Write};

/// Commands for one daemon, within one context.
#[derive(Clone, PartialEq, Eq)]
pub struct Step {
    /// Who runs them.
    pub daemon: Daemon,
    /// Commands that enter the context, from configuration mode.
    pub context: Vec<String>,
    /// The commands.
    pub commands: Vec<String>,
    /// Whether a refusal may be passed over: clearing what may be gone already.
    pub tolerant: bool,
}

impl Step {
    /// Whether FRR keeps it in the tree that it checks whole at each change (decision 017).
    pub fn is_checked_whole(&self) -> bool {
        let is_map = self.context.iter().any(|c| c.starts_with("route-map "));
        self.daemon == Daemon::Bgpd && (is_map || self.commands.iter().all(|c| makes_policy(c)))
    }

    /// Whether it does nothing but remove route-maps and prefix-lists.
    pub fn only_removes_policy(&self) -> bool {
        self.is_checked_whole()
            && self.context.is_empty()
            && self.commands.iter().all(|c| c.starts_with("no "))
    }
}

/// Whether a command makes or removes a route-map or a prefix-list.
fn makes_policy(command: &str) -> bool {
    let positive = command.strip_prefix("no ").unwrap_or(command);
    ["ip prefix-list ", "ipv6 prefix-list ", "route-map "].iter().any(|start| positive.starts_with(start))
}

/// Formats with every key blotted out, wherever it is printed.
impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Step")
            .field("daemon", &self.daemon)
            .field("context", &self.context)
            .field("commands", &self.commands.iter().map(|c| masked(c)).collect::<Vec<_>>())
            .field("tolerant", &self.tolerant)
            .finish()
    }
}

/// Everything between two configurations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// The commands in order.
    pub steps: Vec<Step>,
    /// The difference, secrets masked; empty when there is none.
    pub diff: String,
    /// Neighbours whose session this resets or removes, by address.
    pub disrupted: BTreeSet<String>,
}

impl Change {
    /// True when both sides are equal.
    pub fn is_empty(&self) -> bool {
        self.diff.is_empty()
    }
}

/// What a neighbour can be told, in the order in which it is told; taken back in reverse.
const SETTINGS: &[&str] = &[
    "peer-group",
    "remote-as",
    "shutdown",
    "passive",
    "description",
    "ttl-security",
    "password",
    "update-source",
    ANY_FIRST_AS,
    "advertisement-interval",
    "timers connect",
    "timers",
    "bfd",
    "bfd profile",
    STRICT_BFD,
    "local-role",
    "graceful-restart-disable",
    "filter-list",
];

/// Settings that reset an established session when they change, or may.
const RESETTING: &[&str] = &[
    "peer-group",
    "remote-as",
    "shutdown",
    "ttl-security",
    "password",
    "update-source",
    "local-role",
    "activate",
    "maximum-prefix",
];

/// Computes how to get from `have` to `want`.
pub fn change(have: &Owned, want: &Owned) -> Change {
    let keys = differing(have, want);
    let mut change = Change::default();
    for &key in &keys {
        write_hunk(&mut change.diff, key, have.lines(key), want.lines(key));
        note_disrupted(&mut change.disrupted, key, have, want);
    }
    let mut steps = Vec::new();
    for &key in keys.iter().filter(|k| want.blocks.contains_key(k)) {
        match key {
            Key::Interface(_) | Key::Statics | Key::BfdProfile(_) => simple(key, have, want, &mut steps),
            Key::List(..) => list(key, have, want, &mut steps),
            Key::MapEntry(name, seq) => map_entry(name, *seq, key, have, want, &mut steps),
            Key::Instance
            | Key::PeerGroup(_)
            | Key::Neighbor(_)
            | Key::Family(..)
            | Key::Networks(_)
            | Key::Bmp => {}
        }
    }
    bgp(&keys, have, want, &mut steps);
    // Policies first: what they refer to goes once nothing does.
    for &key in keys.iter().rev().filter(|k| !want.blocks.contains_key(k)) {
        match key {
            Key::MapEntry(name, seq) => {
                let action = have.lines(key).first().map_or("deny", String::as_str);
                bgpd(&mut steps, format!("no route-map {name} {action} {seq}"));
            }
            Key::List(kind, name) => bgpd(&mut steps, format!("no {} {name}", kind.command())),
            Key::Interface(_) | Key::Statics | Key::BfdProfile(_) => simple(key, have, want, &mut steps),
            Key::Instance
            | Key::PeerGroup(_)
            | Key::Neighbor(_)
            | Key::Family(..)
            | Key::Networks(_)
            | Key::Bmp => {}
        }
    }
    change.steps = steps;
    change
}

fn differing<'a>(have: &'a Owned, want: &'a Owned) -> Vec<&'a Key> {
    let gone = have.blocks.keys().filter(|k| !want.blocks.contains_key(k));
    let mut keys: Vec<&Key> = want
        .blocks
        .iter()
        .filter(|(k, lines)| have.blocks.get(k) != Some(lines))
        .map(|(k, _)| k)
        .chain(gone)
        .collect();
    keys.sort_unstable();
    keys
}

fn missing<'a>(lines: &'a [String], from: &'a [String]) -> impl Iterator<Item = &'a String> {
    lines.iter().filter(move |l| !from.contains(l))
}

fn write_hunk(diff: &mut String, key: &Key, have: &[String], want: &[String]) {
    let head = match key {
        Key::Interface(name) => format!("interface {name}"),
        Key::Statics => "static routes".to_owned(),
        Key::BfdProfile(name) => format!("bfd profile {name}"),
        Key::List(kind, name) => format!("{} {name}", kind.command()),
        Key::MapEntry(name, seq) => format!("route-map {name} {seq}"),
        Key::Instance => "router bgp".to_owned(),
        Key::PeerGroup(name) | Key::Neighbor(name) => format!("neighbor {name}"),
        Key::Family(v6, name) => format!("neighbor {name} {}", family(*v6)),
        Key::Networks(v6) => format!("networks {}", family(*v6)),
        Key::Bmp => format!("bmp targets {BMP_TARGETS}"),
    };
    let _ = writeln!(diff, "@@ {head} @@");
    for line in missing(have, want) {
        let _ = writeln!(diff, "-{}", masked(line));
    }
    for line in missing(want, have) {
        let _ = writeln!(diff, "+{}", masked(line));
    }
}

fn note_disrupted(disrupted: &mut BTreeSet<String>, key: &Key, have: &Owned, want: &Owned) {
    let (Key::PeerGroup(name) | Key::Neighbor(name) | Key::Family(_, name)) = key else {
        return;
    };
    let (before, after) = (have.lines(key), want.lines(key));
    let resets =
        missing(before, after).chain(missing(after, before)).any(|line| RESETTING.contains(&setting(line).0));
    if !resets {
        return;
    }
    disrupted.insert(name.clone());
    let membership = format!("peer-group {name}");
    disrupted.extend(have.blocks.iter().filter_map(|(k, lines)| match k {
        Key::Neighbor(member) if lines.contains(&membership) => Some(member.clone()),
        _ => None,
    }));
}

/// What a line sets: its name, and the direction where there are two.
fn setting(line: &str) -> (&str, &str) {
    if let Some(rest) = line.strip_prefix("route-map ") {
        return ("route-map", rest.rsplit(' ').next().unwrap_or_default());
    }
    let known = SETTINGS
        .iter()
        .filter(|s| line.strip_prefix(**s).is_some_and(|rest| rest.is_empty() || rest.starts_with(' ')));
    match known.max_by_key(|s| s.len()) {
        Some(name) => (name, ""),
        None => (line.split(' ').next().unwrap_or(line), ""),
    }
}

fn bgpd(steps: &mut Vec<Step>, command: String) {
    push(steps, Daemon::Bgpd, vec![], command);
}

/// Appends a command, to the last step where daemon and context are the same. What FRR checks whole
/// stays apart from what it doesn't, as only that can be made in one change.
fn push(steps: &mut Vec<Step>, daemon: Daemon, context: Vec<String>, command: String) {
    let same_kind = |step: &Step| step.commands.iter().all(|c| makes_policy(c) == makes_policy(&command));
    match steps.last_mut() {
        Some(step)
            if step.daemon == daemon && step.context == context && !step.tolerant && same_kind(step) =>
        {
            step.commands.push(command);
        }
        _ => steps.push(Step { daemon, context, commands: vec![command], tolerant: false }),
    }
}

/// Interfaces, static routes and BFD profiles: what isn't wanted goes, what is comes.
fn simple(key: &Key, have: &Owned, want: &Owned, steps: &mut Vec<Step>) {
    let (before, after) = (have.lines(key), want.lines(key));
    let wanted = want.blocks.contains_key(key);
    let context = match key {
        Key::Interface(name) => vec![format!("interface {name}")],
        Key::BfdProfile(name) if wanted => vec!["bfd".to_owned(), format!("profile {name}")],
        Key::BfdProfile(_) => vec!["bfd".to_owned()],
        _ => vec![],
    };
    let mut commands = Vec::new();
    match key {
        Key::BfdProfile(name) if !wanted => commands.push(format!("no profile {name}")),
        _ => {
            let same = |line: &str| after.iter().any(|l| setting_of_value(l) == setting_of_value(line));
            let replaced = |line: &str| !line.contains("address ") && !line.contains("route ") && same(line);
            commands.extend(missing(before, after).filter(|l| !replaced(l)).map(|l| negated(l)));
            commands.extend(missing(after, before).cloned());
        }
    }
    if matches!(key, Key::Interface(_)) && wanted && before.is_empty() {
        commands.push("no shutdown".to_owned());
    }
    // An interface may have left with its bundle, and its addresses with it.
    let tolerant = matches!(key, Key::Interface(_)) && !wanted;
    steps.push(Step { daemon: key.daemon(), context, commands, tolerant });
}

fn setting_of_value(line: &str) -> &str {
    line.split(' ').next().unwrap_or(line)
}

fn list(key: &Key, have: &Owned, want: &Owned, steps: &mut Vec<Step>) {
    let (before, after) = (have.lines(key), want.lines(key));
    for line in missing(before, after) {
        bgpd(steps, format!("no {}", full(key, line)));
    }
    for line in missing(after, before) {
        bgpd(steps, full(key, line).into_owned());
    }
}

/// Makes or mends one entry. Only a hand-made change needs mending: matches are added before
/// others are taken away, so the entry never permits more than it did.
fn map_entry(name: &str, seq: u32, key: &Key, have: &Owned, want: &Owned, steps: &mut Vec<Step>) {
    let (before, after) = (have.lines(key), want.lines(key));
    let action = after.first().map_or("deny", String::as_str);
    let (before, after) = (before.get(1..).unwrap_or_default(), after.get(1..).unwrap_or_default());
    let kind = |line: &str| line.rsplit_once(' ').map(|(kind, _)| kind.to_owned());
    let mut commands: Vec<String> = missing(after, before).cloned().collect();
    commands.extend(
        missing(before, after)
            // Setting the same kind anew has replaced it, and `no` would take the new one away.
            .filter(|old| !after.iter().any(|new| kind(new) == kind(old)))
            .map(|old| format!("no {old}")),
    );
    let context = vec![format!("route-map {name} {action} {seq}")];
    steps.push(Step { daemon: Daemon::Bgpd, context, commands, tolerant: false });
}

/// Everything inside `router bgp`: neighbours that go, then what comes or changes.
fn bgp(keys: &[&Key], have: &Owned, want: &Owned, steps: &mut Vec<Step>) {
    let asn = want.asn.or(have.asn).unwrap_or_default();
    let router = || vec![format!("router bgp {asn}")];
    let within = |v6: bool| vec![format!("router bgp {asn}"), family(v6).to_owned()];
    let removed = |name: &str| {
        let keys = [Key::Neighbor(name.to_owned()), Key::PeerGroup(name.to_owned())];
        keys.iter().all(|k| !want.blocks.contains_key(k))
    };
    for &key in keys.iter().rev().filter(|k| !want.blocks.contains_key(k)) {
        match key {
            Key::Neighbor(name) => push(steps, Daemon::Bgpd, router(), format!("no neighbor {name}")),
            Key::PeerGroup(name) => {
                push(steps, Daemon::Bgpd, router(), format!("no neighbor {name} peer-group"))
            }
            Key::Bmp => push(steps, Daemon::Bgpd, router(), format!("no bmp targets {BMP_TARGETS}")),
            _ => {}
        }
    }
    // Sessions that start once everything about them is in place.
    let mut starting = Vec::new();
    for &key in keys {
        let (before, after) = (have.lines(key), want.lines(key));
        match key {
            Key::Instance => {
                let same = |line: &str| after.iter().any(|l| instance_setting(l) == instance_setting(line));
                for line in missing(before, after).filter(|l| !same(l)) {
                    push(steps, Daemon::Bgpd, router(), negated(line));
                }
                for line in missing(after, before) {
                    push(steps, Daemon::Bgpd, router(), line.clone());
                }
            }
            Key::PeerGroup(name) | Key::Neighbor(name) if !removed(name) => {
                let is_shut = |lines: &[String]| lines.iter().any(|l| setting(l).0 == "shutdown");
                // A bare `remote-as` would start it without its password, BFD and policy.
                let starts = before.is_empty() && after.iter().any(|l| l.starts_with("remote-as "));
                let held = matches!(key, Key::Neighbor(_)) && starts && !is_shut(after);
                for command in neighbor_commands(key, before, after) {
                    let created = held && command.contains(" remote-as ");
                    push(steps, Daemon::Bgpd, router(), command);
                    if created {
                        push(steps, Daemon::Bgpd, router(), format!("neighbor {name} shutdown"));
                    }
                }
                if held || (is_shut(before) && !is_shut(after)) {
                    starting.push(name);
                }
                let is_v6 =
                    name.contains(':') && !want.blocks.contains_key(&Key::Family(false, name.clone()));
                if before.is_empty() && is_v6 {
                    // IPv4 is on by default, unless an operator turned that off.
                    push(steps, Daemon::Bgpd, within(false), format!("no neighbor {name} activate"));
                }
            }
            Key::Family(v6, name) if !removed(name) => {
                for command in neighbor_commands(key, before, after) {
                    push(steps, Daemon::Bgpd, within(*v6), command);
                }
            }
            Key::Networks(v6) => {
                for line in missing(before, after) {
                    push(steps, Daemon::Bgpd, within(*v6), format!("no {line}"));
                }
                for line in missing(after, before) {
                    push(steps, Daemon::Bgpd, within(*v6), line.clone());
                }
            }
            Key::Bmp if want.blocks.contains_key(key) => {
                let context = [router(), vec![format!("bmp targets {BMP_TARGETS}")]].concat();
                for line in missing(before, after) {
                    push(steps, Daemon::Bgpd, context.clone(), format!("no {line}"));
                }
                for line in missing(after, before) {
                    push(steps, Daemon::Bgpd, context.clone(), line.clone());
                }
            }
            _ => {}
        }
    }
    for name in starting {
        push(steps, Daemon::Bgpd, router(), format!("no neighbor {name} shutdown"));
    }
    // Only undoing wants no instance; what somebody put into it meanwhile keeps it.
    if want.asn.is_none() && have.asn.is_some() && have.foreign == want.foreign {
        let commands = vec![format!("no router bgp {asn}")];
        steps.push(Step { daemon: Daemon::Bgpd, context: vec![], commands, tolerant: true });
    }
}

fn neighbor_commands(key: &Key, before: &[String], after: &[String]) -> Vec<String> {
    let rank = |line: &String| {
        let name = setting(line).0;
        SETTINGS.iter().position(|s| *s == name).unwrap_or(SETTINGS.len())
    };
    let mut gone: Vec<&String> = missing(before, after)
        .filter(|old| !after.iter().any(|new| setting(new) == setting(old)))
        // Comes last of all: see `starting`.
        .filter(|old| setting(old).0 != "shutdown")
        .collect();
    gone.sort_by_key(|l| std::cmp::Reverse(rank(l)));
    let mut new: Vec<&String> = missing(after, before).collect();
    new.sort_by_key(|l| rank(l));
    let mut commands: Vec<String> = gone.into_iter().map(|line| negated(&full(key, line))).collect();
    for line in new {
        commands.push(full(key, line).into_owned());
        if line.starts_with("ttl-security ")
            && let Key::Neighbor(name) = key
        {
            // FRR 8.4 takes a session with GTSM for a multihop one, whose BFD never meets a
            // single-hop peer. This takes that back and leaves GTSM as it is.
            commands.push(format!("no neighbor {name} ebgp-multihop"));
        }
    }
    // A gate that closes has let go of its policy before it lets go of its filter.
    let (filters, mut commands): (Vec<_>, Vec<_>) =
        commands.into_iter().partition(|c| c.starts_with("no ") && c.contains(" filter-list "));
    commands.extend(filters);
    commands
}

#[cfg(test)]
mod tests;
