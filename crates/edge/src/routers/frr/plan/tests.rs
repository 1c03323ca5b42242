//! From a router and its targets to changes.

use super::*;
use crate::routers::frr::fixture;
use meetme_model::intent::{RouterIntent, SessionPhase};
use meetme_model::unit::units;
use std::sync::Arc;

fn targets(stands: Option<&RouterIntent>, wants: &RouterIntent) -> Vec<Target> {
    let standing = stands.map(units).unwrap_or_default();
    let wanted = units(wants);
    let names: BTreeSet<&UnitName> = standing.keys().chain(wanted.keys()).collect();
    let form = |units: &BTreeMap<UnitName, Unit>, name| units.get(name).cloned().map(Arc::new);
    names
        .into_iter()
        .map(|name| Target { name: name.clone(), stands: form(&standing, name), wants: form(&wanted, name) })
        .collect()
}

/// A router that has everything of an intent, gates closed.
fn router(intent: &RouterIntent) -> Read {
    let mut read = Read::default();
    for (name, unit) in units(intent) {
        let mut owned = render_unit(&unit, Origination::Statics);
        owned.adopt_defaults(&Owned::default());
        read.gates.extend(owned.take_gates().into_iter().map(|(name, gate)| (name, gate.closed())));
        read.owned.asn = owned.asn;
        read.owned.blocks.extend(owned.blocks);
        if let Some((lag, Some(members))) = lag_of(Some(&unit), &name) {
            read.lags.insert(lag, members);
        }
    }
    read
}

fn several(n: u8) -> RouterIntent {
    let mut intent = fixture::intent(1, SessionPhase::Open);
    intent.lags = (1..=n).map(fixture::lag).collect();
    intent.sessions = (1..=n).map(|n| fixture::session(n, SessionPhase::Open)).collect();
    intent
}

fn planned(read: &Read, targets: &[Target]) -> Plan<Steps> {
    plan(read, targets, &BTreeMap::new(), Origination::Statics)
}

fn names(plan: &Plan<Steps>) -> Vec<String> {
    plan.changes.iter().map(|c| c.unit.to_string()).collect()
}

fn commands(change: &mut UnitChange<Steps>) -> Vec<String> {
    change.steps.work_out();
    change.steps.commands.iter().flat_map(|s| s.context.iter().chain(&s.commands)).cloned().collect()
}

#[test]
fn a_router_that_has_everything_needs_nothing() {
    let intent = several(3);
    let plan = planned(&router(&intent), &targets(Some(&intent), &intent));
    assert_eq!(names(&plan), Vec::<String>::new());
    assert!(plan.unused.is_none());
}

#[test]
fn a_change_of_one_connection_is_that_units_alone() {
    let before = several(3);
    let mut after = before.clone();
    after.sessions[1].max_prefixes = 2000;
    let plan = planned(&router(&before), &targets(Some(&before), &after));
    assert_eq!(names(&plan), ["lag2"]);
    assert!(plan.changes[0].diff.contains("+maximum-prefix 2000"), "{}", plan.changes[0].diff);
    assert_eq!(plan.changes[0].drift, "");
}

#[test]
fn an_empty_router_gets_the_backbone_first_and_shared_objects_once() {
    let intent = several(2);
    let mut plan = planned(&Read::default(), &targets(None, &intent));
    assert_eq!(names(&plan), ["backbone", "lag1", "lag2"]);
    let mut refused_lists = 0;
    for change in &mut plan.changes {
        let commands = commands(change);
        refused_lists += commands
            .iter()
            .filter(|c| c.starts_with("ip prefix-list MEETME-REFUSED-") && c.contains(" seq 5 "))
            .count();
        change.steps.done();
    }
    // One towards peers and another one towards transit.
    assert_eq!(refused_lists, 2);
}

#[test]
fn a_new_neighbour_comes_into_being_with_its_gate_closed() {
    let intent = several(1);
    let mut plan = planned(&Read::default(), &targets(None, &intent));
    let commands = commands(&mut plan.changes[1]);
    let at = |what: &str| {
        commands.iter().position(|c| c.contains(what)).unwrap_or_else(|| panic!("{what}: {commands:#?}"))
    };
    assert!(at("neighbor 198.18.192.2 route-map MEETME-HOLD4 in") < at("no neighbor 198.18.192.2 shutdown"));
    assert!(!commands.iter().any(|c| c.starts_with("neighbor ") && c.contains("MEETME-IN-")));
}

#[test]
fn an_open_gate_is_nobodys_change_and_is_noticed_when_it_moved() {
    let intent = several(2);
    let mut read = router(&intent);
    let set = BTreeMap::from([("c1v4".to_owned(), true), ("c2v4".to_owned(), false)]);
    let found = plan(&read, &targets(Some(&intent), &intent), &set, Origination::Statics);
    assert_eq!(names(&found), Vec::<String>::new());
    assert_eq!(found.gates_moved, ["c1v4".to_owned()].into(), "it was set to open and is closed");
    let unit = &units(&intent)[&UnitName::Connection("lag1".into())];
    let open = render_unit(unit, Origination::Statics).take_gates();
    read.gates.extend(open);
    let found = plan(&read, &targets(Some(&intent), &intent), &set, Origination::Statics);
    assert!(found.gates_moved.is_empty(), "{:?}", found.gates_moved);
    read.gates.remove("198.18.192.4");
    let found = plan(&read, &targets(Some(&intent), &intent), &set, Origination::Statics);
    assert_eq!(found.gates_moved, ["c2v4".to_owned()].into(), "somebody took it away");
}

#[test]
fn what_somebody_else_configured_stops_the_unit_that_it_is_about_and_no_other() {
    let intent = several(2);
    let read = Read {
        owned: Owned { foreign: ["198.18.192.2".to_owned()].into(), ..Owned::default() },
        ..Read::default()
    };
    let plan = planned(&read, &targets(None, &intent));
    let faults: Vec<_> = plan.changes.iter().map(|c| (c.unit.to_string(), c.fault.clone())).collect();
    assert_eq!(faults[0], ("backbone".into(), None));
    assert_eq!(faults[1], ("lag1".into(), Some(UnitFault::Foreign { object: "198.18.192.2".into() })));
    assert_eq!(faults[2], ("lag2".into(), None));
}

#[test]
fn a_version_that_is_unfit_for_voice_gets_none_and_may_lose_it() {
    let unfit = |intent: &RouterIntent| {
        let read = Read { unfit_for_voice: Some("it doesn't couple".into()), ..Read::default() };
        let plan = planned(&read, &targets(None, intent));
        plan.changes.into_iter().any(|c| matches!(c.fault, Some(UnitFault::Unsupported { .. })))
    };
    let mut intent = fixture::intent(1, SessionPhase::Open);
    intent.sessions[0].voice = true;
    assert!(unfit(&intent));
    intent.sessions[0].phase = SessionPhase::Draining;
    assert!(!unfit(&intent));
    intent.sessions[0].phase = SessionPhase::Open;
    intent.sessions[0].voice = false;
    assert!(!unfit(&intent));
}

#[test]
fn who_stands_with_an_address_keeps_it_and_the_newcomer_is_told() {
    let before = several(2);
    let mut after = several(3);
    after.sessions[0].peer_address = after.sessions[2].peer_address;
    after.sessions[2].peer_address = "198.18.192.4".parse().unwrap();
    let plan = planned(&router(&before), &targets(Some(&before), &after));
    let fault =
        |name: &str| plan.changes.iter().find(|c| c.unit.to_string() == name).and_then(|c| c.fault.clone());
    assert!(matches!(fault("lag3"), Some(UnitFault::Taken { .. })), "{:?}", fault("lag3"));
    assert!(!names(&plan).contains(&"lag2".to_owned()), "it isn't concerned");
}

#[test]
fn a_port_leaves_one_lag_before_another_takes_it_and_is_never_taken_from_one_that_keeps_it() {
    let before = several(2);
    let mut after = before.clone();
    after.lags[0].members = vec!["et1".into(), "et3".into()];
    after.lags[1].members = vec!["et4".into(), "et2".into()];
    let plan = planned(&router(&before), &targets(Some(&before), &after));
    let before_steps = |name: &str| {
        let change = plan.changes.iter().find(|c| c.unit.to_string() == name).unwrap();
        change.steps.before.iter().cloned().collect::<Vec<_>>()
    };
    let ensure = |lag: &str, members: [&str; 2]| LagStep::Ensure {
        lag: lag.into(),
        members: members.map(Into::into).into(),
    };
    let release =
        |lag: &str, member: &str| LagStep::Release { lag: lag.into(), members: vec![member.into()] };
    assert_eq!(before_steps("lag1"), [release("lag2", "et3"), ensure("lag1", ["et1", "et3"])]);
    assert_eq!(before_steps("lag2"), [release("lag1", "et2"), ensure("lag2", ["et2", "et4"])]);
    after.lags[1].members = before.lags[1].members.clone();
    let plan = self::planned(&router(&before), &targets(Some(&before), &after));
    assert_eq!(plan.changes[0].fault, Some(UnitFault::Taken { what: "port et3".into() }));
}

#[test]
fn a_connection_that_no_target_knows_is_removed_with_its_neighbours() {
    let before = several(2);
    let after = several(1);
    let mut wanted = targets(None, &after);
    let read = router(&before);
    let strays = strays(&read, &wanted);
    assert_eq!(strays, [UnitName::Connection("lag2".into())].into());
    wanted.extend(strays.into_iter().map(|name| Target { name, stands: None, wants: None }));
    let mut plan = planned(&read, &wanted);
    assert_eq!(names(&plan), ["lag2"]);
    assert_eq!(plan.changes[0].disturbs, ["198.18.192.4".parse().unwrap()].into());
    let commands = commands(&mut plan.changes[0]);
    assert!(commands.contains(&"no neighbor 198.18.192.4".to_owned()), "{commands:?}");
    assert!(plan.changes[0].steps.after.contains(&LagStep::Remove { lag: "lag2".into() }));
}

#[test]
fn what_was_changed_by_hand_is_told_from_what_was_applied() {
    let intent = several(1);
    let mut read = router(&intent);
    read.owned.blocks.get_mut(&Key::Neighbor("198.18.192.2".into())).unwrap().push("weight 10".into());
    read.lags.clear();
    let plan = planned(&read, &targets(Some(&intent), &intent));
    let drift = &plan.changes[0].drift;
    assert!(drift.contains("-weight 10") && drift.contains("+members et1 et2"), "{drift}");
}

#[test]
fn an_entry_that_somebody_adds_to_a_route_map_of_ours_is_taken_away() {
    let intent = several(1);
    let mut read = router(&intent);
    let map = read.owned.blocks.keys().find_map(|key| match key {
        Key::MapEntry(name, _) if name.starts_with("MEETME-IN-") => Some(name.clone()),
        _ => None,
    });
    read.owned.blocks.insert(Key::MapEntry(map.unwrap(), 5), vec!["permit".into()]);
    let mut plan = planned(&read, &targets(Some(&intent), &intent));
    assert_eq!(names(&plan), ["lag1"]);
    assert!(plan.changes[0].drift.contains("-permit"), "{}", plan.changes[0].drift);
    let commands = commands(&mut plan.changes[0]);
    assert!(
        commands[0].starts_with("no route-map MEETME-IN-") && commands[0].ends_with(" permit 5"),
        "{commands:?}"
    );
}

#[test]
fn objects_that_nothing_refers_to_go_by_themselves_and_those_of_an_open_gate_stay() {
    let before = several(1);
    let mut after = before.clone();
    after.sessions[0].policy.prefixes = before.sessions[0].policy.prefixes[..1].into();
    let mut read = router(&before);
    read.owned.blocks.extend(router(&after).owned.blocks.into_iter().filter(|(k, _)| k.is_shared()));
    let old =
        render_unit(&units(&before)[&UnitName::Connection("lag1".into())], Origination::Statics).take_gates();
    let maps: Vec<String> = old["198.18.192.2"].maps().map(str::to_owned).collect();
    let removed = |read: &Read| {
        let unused = planned(read, &targets(Some(&after), &after)).unused;
        let steps = unused.map(|s| s.commands).unwrap_or_default();
        steps.into_iter().flat_map(|s| s.commands).collect::<Vec<_>>()
    };
    let import = maps.iter().find(|m| m.starts_with("MEETME-IN-")).unwrap();
    let goes =
        |commands: &[String]| commands.iter().any(|c| c.starts_with(&format!("no route-map {import} ")));
    assert!(goes(&removed(&read)));
    read.gates.extend(old);
    assert!(!goes(&removed(&read)), "a session still points at it");
}
