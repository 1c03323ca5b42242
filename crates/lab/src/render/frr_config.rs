//! An FRR configuration as lines in contexts, and the commands that lead from one to another without touching what
//! stays. It knows only the commands that `frr` renders.

use std::collections::HashSet;

/// A line and the contexts (`router bgp …`, `address-family …`) that it is in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Line {
    context: Vec<String>,
    text: String,
}

/// A whole configuration, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Config {
    lines: Vec<Line>,
}

impl Config {
    /// Adds a line in a context; no context is the top level.
    pub(crate) fn line(&mut self, context: &[&str], text: impl Into<String>) {
        let context = context.iter().map(|part| part.to_string()).collect();
        self.lines.push(Line { context, text: text.into() });
    }

    /// The configuration as `vtysh` reads it.
    pub(crate) fn text(&self) -> String {
        write(&self.lines)
    }

    /// Commands that turn `old` into this one: removals first.
    pub(crate) fn delta(&self, old: &Config) -> String {
        let changed = changed_route_maps(old, self);
        let in_changed = |line: &Line| line.context.first().is_some_and(|c| changed.contains(c));
        let (before, after): (HashSet<&Line>, HashSet<&Line>) =
            (old.lines.iter().collect(), self.lines.iter().collect());
        let mut commands = String::new();
        for context in &changed {
            if old.lines.iter().any(|line| line.context.first() == Some(context)) {
                commands += &format!("no {context}\n");
            }
        }
        let gone: Vec<&Line> =
            old.lines.iter().filter(|line| !after.contains(line) && !in_changed(line)).collect();
        let added: Vec<Line> =
            self.lines.iter().filter(|line| !before.contains(line) || in_changed(line)).cloned().collect();
        commands + &write(&removals(&gone, self)) + &write(&added)
    }
}

/// Route-map entries whose lines differ: they are replaced whole, as most of their lines can't be removed one by one.
fn changed_route_maps(old: &Config, new: &Config) -> Vec<String> {
    let entry = |config: &Config, name: &str| -> Vec<String> {
        let inside = config.lines.iter().filter(|line| line.context.first().is_some_and(|c| c == name));
        inside.map(|line| line.text.clone()).collect()
    };
    let names = old.lines.iter().chain(&new.lines).filter_map(|line| line.context.first());
    let mut names: Vec<String> = names.filter(|name| name.starts_with("route-map ")).cloned().collect();
    names.sort();
    names.dedup();
    names.retain(|name| entry(old, name) != entry(new, name));
    names
}

/// The `no …` lines for what is gone. A context that is gone whole is removed whole, a neighbour too.
fn removals(gone: &[&Line], new: &Config) -> Vec<Line> {
    let neighbor = |text: &str| {
        text.strip_prefix("neighbor ").and_then(|rest| rest.split(' ').next()).map(str::to_owned)
    };
    let gone_neighbors: Vec<String> = gone
        .iter()
        .filter(|line| line.text.contains(" remote-as "))
        .filter_map(|line| neighbor(&line.text))
        .collect();
    let contexts: HashSet<&[String]> = new
        .lines
        .iter()
        .flat_map(|line| (1..=line.context.len()).map(|depth| &line.context[..depth]))
        .collect();
    // A prefix that is originated in another way is originated anew, not withdrawn first.
    let network =
        |text: &str| text.strip_prefix("network ").and_then(|rest| rest.split(' ').next()).map(str::to_owned);
    let networks: HashSet<String> = new.lines.iter().filter_map(|line| network(&line.text)).collect();
    let mut seen = HashSet::new();
    let mut out: Vec<Line> = Vec::new();
    for line in gone {
        // An address family has no removal of its own: its lines go one by one.
        let is_removable = |depth: &usize| {
            let context = &line.context[..*depth];
            !contexts.contains(context)
                && context.last().is_some_and(|name| !name.starts_with("address-family"))
        };
        let removal = match (1..=line.context.len()).find(is_removable) {
            Some(depth) => Line {
                context: line.context[..depth - 1].to_vec(),
                text: format!("no {}", line.context[depth - 1]),
            },
            None if line.text.starts_with("no ") || line.text == MARK => continue,
            None if network(&line.text).is_some_and(|prefix| networks.contains(&prefix)) => {
                continue;
            }
            None => match neighbor(&line.text) {
                Some(name) if gone_neighbors.contains(&name) => {
                    // Everything else about a neighbour goes with it.
                    Line { context: line.context[..1].to_vec(), text: format!("no neighbor {name}") }
                }
                _ => Line { context: line.context.clone(), text: format!("no {}", line.text) },
            },
        };
        if seen.insert(removal.clone()) {
            out.push(removal);
        }
    }
    out
}

/// A line that only opens its context, for contexts without lines of their own.
pub(crate) const MARK: &str = "!";

fn write(lines: &[Line]) -> String {
    let mut out = String::new();
    let mut open: &[String] = &[];
    for line in lines {
        let common = open.iter().zip(&line.context).take_while(|(a, b)| a == b).count();
        for depth in (common..open.len()).rev() {
            out += &format!("{}exit\n", " ".repeat(depth));
        }
        for (depth, context) in line.context.iter().enumerate().skip(common) {
            out += &format!("{}{context}\n", " ".repeat(depth));
        }
        open = &line.context;
        out += &format!("{}{}\n", " ".repeat(open.len()), line.text);
    }
    for depth in (0..open.len()).rev() {
        out += &format!("{}exit\n", " ".repeat(depth));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const BGP: &str = "router bgp 64510";
    const AF: &str = "address-family ipv4 unicast";

    fn with_neighbors(names: &[&str]) -> Config {
        let mut config = Config::default();
        for name in names {
            config.line(&[BGP], format!("neighbor {name} remote-as 64500"));
            config.line(&[BGP], format!("neighbor {name} bfd"));
        }
        for name in names {
            config.line(&[BGP, AF], format!("neighbor {name} activate"));
        }
        config
    }

    #[test]
    fn contexts_are_closed_before_others_are_opened() {
        let text = with_neighbors(&["192.0.2.1"]).text();
        assert_eq!(
            text,
            "router bgp 64510\n neighbor 192.0.2.1 remote-as 64500\n neighbor 192.0.2.1 bfd\n \
             address-family ipv4 unicast\n  neighbor 192.0.2.1 activate\n exit\nexit\n"
        );
    }

    #[test]
    fn the_same_configuration_needs_no_command() {
        let config = with_neighbors(&["192.0.2.1"]);
        assert_eq!(config.delta(&config), "");
    }

    #[test]
    fn a_neighbour_that_is_gone_is_removed_once_and_the_other_is_left_alone() {
        let delta = with_neighbors(&["192.0.2.1"]).delta(&with_neighbors(&["192.0.2.1", "192.0.2.3"]));
        assert_eq!(delta, "router bgp 64510\n no neighbor 192.0.2.3\nexit\n");
    }

    #[test]
    fn a_changed_route_map_entry_is_replaced_whole() {
        let entry = |community: &str| {
            let mut config = Config::default();
            config.line(&["route-map OUT permit 10"], "match ip address prefix-list A");
            config.line(&["route-map OUT permit 10"], format!("set community {community}"));
            config
        };
        assert_eq!(
            entry("1:1").delta(&entry("1:2")),
            "no route-map OUT permit 10\nroute-map OUT permit 10\n match ip address prefix-list A\n set community 1:1\nexit\n"
        );
    }

    #[test]
    fn the_last_line_of_an_address_family_goes_by_itself() {
        let mut old = Config::default();
        old.line(&[BGP], "bgp router-id 192.0.2.1");
        let new = old.clone();
        old.line(&[BGP, AF], "network 198.19.10.0/24");
        assert_eq!(new.delta(&old), format!("{BGP}\n {AF}\n  no network 198.19.10.0/24\n exit\nexit\n"));
    }

    #[test]
    fn a_context_that_is_gone_is_removed_whole() {
        let mut old = Config::default();
        old.line(&["bfd", "profile igp"], "detect-multiplier 3");
        old.line(&["bfd", "profile s"], "detect-multiplier 3");
        let mut new = Config::default();
        new.line(&["bfd", "profile igp"], "detect-multiplier 3");
        assert_eq!(new.delta(&old), "bfd\n no profile s\nexit\n");
    }
}
