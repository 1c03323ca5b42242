//! The rendered policy is run here as the router runs it, and has to say what `judge` says.

use super::*;
use crate::routers::frr::fixture;
use crate::routers::frr::regex::tests::matches as number_matches;
use meetme_model::community::{self, Community};
use meetme_model::route::{AsPath, PathSegment, PrefixPolicy, RouteAttributes, RpkiState, judge};
use proptest::prelude::*;

/// What a route-map comes to.
#[derive(Debug, PartialEq)]
enum Outcome {
    Held,
    Denied,
    Used(u32),
}

/// Runs a route-map with what it calls: the first entry that matches decides.
fn run_map(owned: &Owned, map: &str, prefix: Prefix, route: &RouteAttributes) -> Outcome {
    let mut entries = owned
        .blocks
        .iter()
        .filter_map(|(key, lines)| match key {
            Key::MapEntry(name, _) if name == map => Some(lines),
            _ => None,
        })
        .peekable();
    assert!(entries.peek().is_some(), "{map} is there");
    for lines in entries {
        let matched = lines
            .iter()
            .filter_map(|l| l.strip_prefix("match "))
            .all(|condition| condition_holds(owned, condition, prefix, route));
        if !matched {
            continue;
        }
        if lines[0] == "deny" {
            return Outcome::Denied;
        }
        if let Some(called) = lines.iter().find_map(|l| l.strip_prefix("call ")) {
            return run_map(owned, called, prefix, route);
        }
        if lines.iter().any(|l| l.contains("next-hop 192.0.0.8") || l.contains("global 100::1")) {
            return Outcome::Held;
        }
        let local_pref = lines.iter().find_map(|l| l.strip_prefix("set local-preference "));
        return Outcome::Used(local_pref.unwrap().parse().unwrap());
    }
    Outcome::Denied
}

/// What a session does with a route: its LOCAL_PREF, or nothing when it is filtered, denied or held.
fn run(owned: &Owned, import: &Import, prefix: Prefix, route: &RouteAttributes) -> Option<u32> {
    if let Some(list) = &import.first_as {
        let condition = format!("as-path {list}");
        if !condition_holds(owned, &condition, prefix, route) {
            return None;
        }
    }
    match run_map(owned, &import.map, prefix, route) {
        Outcome::Held => None,
        Outcome::Denied => panic!("the route-map ends without a verdict"),
        Outcome::Used(local_pref) => Some(local_pref),
    }
}

/// Numbers of the well-known communities that FRR writes by name.
fn spelled(rule: &str) -> &str {
    match rule {
        "graceful-shutdown" => "65535:0",
        "llgr-stale" => "65535:6",
        "blackhole" => "65535:666",
        "no-advertise" => "65535:65282",
        other => other,
    }
}

fn condition_holds(owned: &Owned, condition: &str, prefix: Prefix, route: &RouteAttributes) -> bool {
    let list = condition.rsplit(' ').next().unwrap();
    let first = |kind, holds: &dyn Fn(&str) -> bool| {
        let lines = owned.lines(&Key::List(kind, list.to_owned()));
        assert!(!lines.is_empty(), "{condition} refers to a list that is there");
        let rules = lines.iter().map(|l| l.splitn(4, ' ').collect::<Vec<_>>());
        rules.into_iter().find(|rule| holds(rule[3])).is_some_and(|rule| rule[2] == "permit")
    };
    if condition.contains("next-hop prefix-list") {
        let kind = if condition.starts_with("ipv6") { ListKind::PrefixV6 } else { ListKind::PrefixV4 };
        let length = if route.next_hop.is_ipv6() { 128 } else { 32 };
        let next_hop = format!("{}/{length}", route.next_hop).parse().unwrap();
        return route.next_hop.is_ipv6() == (kind == ListKind::PrefixV6)
            && first(kind, &|rule| prefix_matches(rule, next_hop));
    }
    if condition.contains("prefix-list") {
        let kind = if condition.starts_with("ipv6") { ListKind::PrefixV6 } else { ListKind::PrefixV4 };
        return first(kind, &|rule| prefix_matches(rule, prefix));
    }
    if condition.starts_with("as-path") {
        return first(ListKind::AsPath, &|rule| path_matches(rule, &route.as_path));
    }
    let carried = |rule: &str| route.communities.iter().any(|c| c.to_string() == spelled(rule));
    match condition.starts_with("large-community") {
        true => first(ListKind::LargeCommunity, &carried),
        false => first(ListKind::Community, &carried),
    }
}

fn prefix_matches(rule: &str, prefix: Prefix) -> bool {
    let words: Vec<&str> = rule.split(' ').collect();
    let base: Prefix = words[0].parse().unwrap();
    let bits = if base.is_ipv4() { 32 } else { 128 };
    let (lowest, highest) = match words.get(1..) {
        Some(["le", n]) => (base.len(), n.parse().unwrap()),
        Some(["ge", n]) => (n.parse().unwrap(), bits),
        _ => (base.len(), base.len()),
    };
    base.contains(prefix) && (lowest..=highest).contains(&prefix.len())
}

fn path_matches(rule: &str, path: &AsPath) -> bool {
    let text = path.to_string();
    let asns: Vec<String> = path.asns().map(|a| a.to_string()).collect();
    match rule {
        "[{(]" => text.contains('{'),
        ".*" => true,
        "^$" => text.is_empty(),
        _ => {
            if let Some(numbers) = rule.strip_prefix("_(").and_then(|r| r.strip_suffix(")_")) {
                asns.iter().any(|a| number_matches(numbers, a))
            } else if let Some(most) = rule.strip_prefix("^[0-9]+( [0-9]+){0,") {
                let most: usize = most.strip_suffix("}$").unwrap().parse().unwrap();
                !text.contains('{') && (1..=most + 1).contains(&asns.len())
            } else {
                let first = rule.strip_prefix('^').and_then(|r| r.strip_suffix('_')).unwrap();
                text.split(' ').next() == Some(first)
            }
        }
    }
}

fn prefixes(v6: bool) -> Vec<Prefix> {
    let texts: &[&str] = if v6 {
        &[
            "::/0",
            "2001:db8:1::/48",
            "2001:db8:1:2::/64",
            "2001:db8:5::/48",
            "2001:db8:5:100::/56",
            "2001:db8:5:1::/65",
            "2a00::/12",
            "2001:db8::/32",
            "2001:db8::/31",
            "fd00::/48",
            "3fff::/20",
            "2000::/3",
            "2001::/16",
        ]
    } else {
        &[
            "0.0.0.0/0",
            "198.19.10.0/24",
            "198.19.20.0/25",
            "198.19.20.0/24",
            "198.19.0.0/16",
            "198.19.10.8/30",
            "198.18.5.0/24",
            "198.18.0.0/17",
            "198.18.0.0/16",
            "198.18.0.0/15",
            "198.0.0.0/8",
            "10.1.0.0/16",
            "8.0.0.0/5",
            "8.8.8.0/24",
            "9.9.9.128/25",
            "203.0.113.0/24",
            "240.0.0.0/4",
            "128.0.0.0/1",
            "223.255.255.255/32",
        ]
    };
    texts.iter().map(|t| t.parse().unwrap()).collect()
}

fn any_path() -> impl Strategy<Value = AsPath> {
    let asn = prop_oneof![
        4 => Just(64510u32), 1 => Just(64500), 2 => Just(64499), 2 => Just(3356), 1 => Just(64512), 1 => Just(65001),
        1 => Just(4_200_000_000), 1 => Just(0), 1 => Just(23456), 1 => Just(65552), 1 => Just(6451)
    ];
    let asns = proptest::collection::vec(asn, 0..6);
    (asns, 0..8u8).prop_map(|(asns, odd)| {
        let mut path = AsPath::sequence(asns.clone());
        if asns.is_empty() {
            path = AsPath::default();
        }
        if odd == 0 {
            path.0.push(PathSegment::Set(vec![Asn(3356), Asn(1299)]));
        }
        path
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn the_router_decides_as_the_verdict_says(
        v6: bool,
        which in 0usize..64,
        path in any_path(),
        right_next_hop in prop::bool::weighted(0.8),
        carries: bool,
        well_known in prop::sample::subsequence(
            vec![
                community::GRACEFUL_SHUTDOWN,
                community::LLGR_STALE,
                community::NO_ADVERTISE,
                community::BLACKHOLE,
                Community::Standard(65535, 65281),
            ],
            0..3,
        ),
        many: bool,
        route_server: bool,
        required: bool,
        ordinary: bool,
        large: bool,
        max_path in proptest::option::of(1u8..5),
        with_space: bool,
        behind in prop::sample::subsequence(vec![Asn(3356), Asn(64499)], 0..3),
        roles in proptest::collection::vec(0usize..4, 19),
    ) {
        let own = if v6 { "2001:db8:ffff::2" } else { "198.18.192.2" };
        let pool = prefixes(v6);
        let mut policy = fixture::policy(own);
        policy.registration_required = required;
        policy.ordinary_used = ordinary;
        policy.max_path = max_path;
        policy.route_server = route_server;
        policy.behind = if route_server { behind.into() } else { [].into() };
        if large {
            policy.community = Some(Community::Large(64500, 0, 8007));
        }
        if !with_space {
            policy.space = PublicSpace { prefixes: vec![], ..PublicSpace::clone(&policy.space) }.into();
        }
        let role = [None, Some(PrefixRole::Primary), Some(PrefixRole::Backup), Some(PrefixRole::Registered)];
        let mut registered: Vec<PrefixPolicy> = pool
            .iter()
            .zip(&roles)
            .filter_map(|(&prefix, &r)| Some(PrefixPolicy { prefix, role: role[r]? }))
            .collect();
        if many {
            // More than one list has, so that the last one counts as well.
            registered.extend((0..100u8).map(|n| PrefixPolicy {
                prefix: if v6 { format!("2001:db8:{n}::/48") } else { format!("198.17.{n}.0/24") }.parse().unwrap(),
                role: PrefixRole::Primary,
            }).filter(|p| !pool.contains(&p.prefix)));
        }
        policy.prefixes = registered.into();
        let mut communities: Vec<Community> =
            if carries { policy.community.into_iter().collect() } else { vec![Community::Standard(1, 1)] };
        communities.extend(well_known);
        let route = RouteAttributes {
            as_path: path,
            next_hop: if right_next_hop { own } else { "192.0.2.200" }.parse().unwrap(),
            communities,
            med: None,
        };
        let prefix = pool[which % pool.len()];

        let mut owned = Owned::default();
        let mut policies = Policies::new(Asn(64500), &mut owned);
        let map = policies.import("s", &policy, false);
        let draining = policies.import("s", &policy, true);
        let expected = judge(prefix, &route, RpkiState::NotChecked, &policy).local_pref();
        prop_assert_eq!(run(&owned, &map, prefix, &route), expected);
        prop_assert_eq!(run(&owned, &draining, prefix, &route), expected.map(|_| 0));
    }
}

#[test]
fn only_announced_prefixes_originated_here_leave() {
    let mut owned = Owned::default();
    let mut policies = Policies::new(Asn(64500), &mut owned);
    let announced: Vec<Prefix> = vec!["198.18.0.0/17".parse().unwrap()];
    let map = policies.export(&announced, false, false);
    assert_eq!(policies.export(&announced, true, false), DENY, "nothing of the other family");
    let entries: Vec<&Vec<String>> = owned
        .blocks
        .iter()
        .filter(|(k, _)| matches!(k, Key::MapEntry(name, _) if *name == map))
        .map(|(_, lines)| lines)
        .collect();
    let [entry] = entries[..] else { panic!("one entry: {entries:?}") };
    let holds = |prefix: &str, path: AsPath| {
        let route = RouteAttributes {
            as_path: path,
            next_hop: "0.0.0.0".parse().unwrap(),
            communities: vec![],
            med: None,
        };
        let matches = entry.iter().filter_map(|l| l.strip_prefix("match "));
        matches.into_iter().all(|c| condition_holds(&owned, c, prefix.parse().unwrap(), &route))
    };
    assert!(holds("198.18.0.0/17", AsPath::default()));
    assert!(!holds("198.18.1.0/24", AsPath::default()), "nothing more specific");
    assert!(!holds("198.18.0.0/17", AsPath::sequence([64510])), "nothing of a peer's, whatever its prefix");
}

#[test]
fn sessions_share_what_is_alike() {
    let mut owned = Owned::default();
    let policy = fixture::policy("198.18.192.2");
    let other = fixture::policy("198.18.192.4");
    let mut policies = Policies::new(Asn(64500), &mut owned);
    policies.import("a", &policy, false);
    let lists = |owned: &Owned| owned.blocks.keys().filter(|k| matches!(k, Key::List(..))).count();
    let before = lists(policies.owned);
    policies.import("b", &other, false);
    assert_eq!(lists(policies.owned), before + 1, "its next hop");
}

/// What FRR 8.4 makes expensive by each entry of each route-map: any statement but these.
const CHEAP: &[&str] = &[
    "permit",
    "call ",
    "match ip address prefix-list ",
    "match ip next-hop prefix-list ",
    "match ipv6 address prefix-list ",
    "match ipv6 next-hop prefix-list ",
];

#[test]
fn a_hundred_sessions_have_as_many_costly_statements_as_one() {
    let costly = |sessions: u32| {
        let policies: Vec<SessionPolicy> = (0..sessions)
            .map(|n| {
                let mut policy = fixture::policy(&format!("198.18.192.{n}"));
                policy.peer_asn = Asn(100_000 + n);
                let prefix = format!("198.17.{n}.0/24").parse().unwrap();
                policy.prefixes = [PrefixPolicy { prefix, ..policy.prefixes[0] }, policy.prefixes[1]].into();
                policy
            })
            .collect();
        let mut owned = Owned::default();
        let mut rendered = Policies::new(Asn(64500), &mut owned);
        for (n, policy) in policies.iter().enumerate() {
            rendered.import(&format!("c{n}v4"), policy, false);
        }
        let entries = owned.blocks.iter().filter(|(key, _)| matches!(key, Key::MapEntry(..)));
        let lines = entries.flat_map(|(_, lines)| lines);
        lines.filter(|line| !CHEAP.iter().any(|cheap| line.starts_with(cheap))).count()
    };
    assert_eq!(costly(100), costly(1));
}
