//! Reading a running configuration as FRR prints it.

use super::*;
use crate::routers::Gates;
use crate::routers::frr::diff::change;
use crate::routers::frr::fixture;
use crate::routers::frr::render::{Origination, render};
use meetme_model::intent::{RouterIntent, SessionPhase};

const BGPD: &str = include_str!("../../../../tests/recorded/bgpd_running.txt");
const ZEBRA: &str = include_str!("../../../../tests/recorded/zebra_running.txt");
const BFDD: &str = include_str!("../../../../tests/recorded/bfdd_running.txt");
const STATICD: &str = include_str!("../../../../tests/recorded/staticd_running.txt");

fn recorded() -> Running {
    Running { zebra: ZEBRA.into(), staticd: Some(STATICD.into()), bfdd: BFDD.into(), bgpd: BGPD.into() }
}

/// The recording is of a router that was given exactly this intent, besides what is by hand.
fn intended() -> Owned {
    let intent = RouterIntent {
        loopback_v6: Some("2001:db8:ffff::11".parse().unwrap()),
        ..fixture::intent(1, SessionPhase::Open)
    };
    let gates: Gates = intent.sessions.iter().map(|s| s.name.clone()).collect();
    render(&intent, &gates, Origination::Statics)
}

#[test]
fn a_recorded_router_reads_as_what_was_rendered() {
    let read = owned(&recorded());
    let mut want = intended();
    want.adopt_instance(&read);
    want.adopt_defaults(&read);
    assert_eq!(change(&read, &want).diff, "");
}

#[test]
fn what_is_by_hand_is_not_ours() {
    let read = owned(&recorded());
    assert!(read.foreign.contains("192.0.2.77"));
    assert!(!read.text().contains("MINE"));
}

#[test]
fn a_neighbour_that_lost_its_description_is_still_ours_by_its_policy() {
    let mut running = recorded();
    running.bgpd =
        running.bgpd.replace(" neighbor 198.18.192.2 description", " neighbor 198.18.192.2 comment");
    let read = owned(&running);
    assert!(!read.foreign.contains("198.18.192.2"));
    assert!(change(&read, &intended()).diff.contains("+description meetme: c1v4"));
}

#[test]
fn ipv4_that_is_on_by_default_counts_as_activated() {
    let text = "router bgp 64500\n neighbor 192.0.2.1 remote-as 1\n neighbor 192.0.2.1 description meetme: a\n\
                 neighbor 2001:db8::1 remote-as 1\n neighbor 2001:db8::1 description meetme: b\n !\n \
                 address-family ipv4 unicast\n  no neighbor 2001:db8::1 activate\n exit-address-family\nexit\n";
    let read =
        |text: &str| owned(&Running { bgpd: text.replace("                 ", " "), ..Running::default() });
    let by_default = read(text);
    assert_eq!(by_default.lines(&Key::Family(false, "192.0.2.1".into())), ["activate"]);
    assert!(by_default.lines(&Key::Family(false, "2001:db8::1".into())).is_empty());
    let off = read(&text.replace("router bgp 64500\n", "router bgp 64500\n no bgp default ipv4-unicast\n"));
    assert!(off.lines(&Key::Family(false, "192.0.2.1".into())).is_empty());
}

/// What a neighbour is told where its default is the one of `head`, and what is then read back.
fn first_as(head: &str, written: &str) -> (Owned, Owned) {
    let bgpd = format!("{head}{written}exit\n");
    let read = owned(&Running { bgpd, ..Running::default() });
    let key = Key::Neighbor("192.0.2.1".into());
    let lines = ["description meetme: a", crate::routers::frr::owned::ANY_FIRST_AS, "remote-as 1"];
    let mut want = Owned { asn: Some(64500), ..Owned::default() };
    want.blocks.insert(key, lines.map(str::to_owned).to_vec());
    want.adopt_instance(&read);
    want.adopt_defaults(&read);
    (read, want)
}

#[test]
fn a_neighbours_first_as_is_read_as_each_version_writes_it_down() {
    let neighbor =
        "router bgp 64500\n neighbor 192.0.2.1 remote-as 1\n neighbor 192.0.2.1 description meetme: a\n";
    let told = " no neighbor 192.0.2.1 enforce-first-as\n";
    let commands = |head: &str, written: &str| -> Vec<String> {
        let (read, want) = first_as(head, written);
        change(&read, &want)
            .steps
            .into_iter()
            .flat_map(|s| s.commands)
            .filter(|c| c.contains("first"))
            .collect()
    };
    let old = format!("frr version 8.4.4\n{neighbor}");
    let new = format!("frr version 10.3\n{neighbor}");
    // 10.0 and later enforce it and write down where they don't; 8.4 the other way round.
    assert_eq!(commands(&new, ""), ["no neighbor 192.0.2.1 enforce-first-as"]);
    assert!(commands(&new, told).is_empty());
    assert!(commands(&old, "").is_empty());
    let by_hand = " neighbor 192.0.2.1 enforce-first-as\n";
    assert_eq!(commands(&old, by_hand), ["no neighbor 192.0.2.1 enforce-first-as"]);
    // An operator may have turned it off for all: then a neighbour's line wouldn't be written down.
    let off = new.replace("router bgp 64500\n", "router bgp 64500\n no bgp enforce-first-as\n");
    assert!(commands(&off, "").is_empty());
}

#[test]
fn other_bgp_instances_and_odd_text_are_skipped() {
    let text = "router bgp 65000 vrf red\n neighbor 192.0.2.1 description meetme: x\nexit\nroute-map\n\nip prefix-list\n";
    let read = owned(&Running { bgpd: text.into(), ..Running::default() });
    assert_eq!(read, Owned::default());
}
