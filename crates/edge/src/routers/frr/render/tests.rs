//! Golden renders: what a router is told, as an operator would read it.

use super::*;
use crate::routers::frr::owned::masked;
use crate::routers::frr::{fixture, read};

fn rendered(intent: &RouterIntent, open: bool) -> Owned {
    let gates = intent.sessions.iter().map(|s| s.name.clone()).filter(|_| open).collect();
    render(intent, &gates, Origination::Statics)
}

#[test]
fn a_router_with_a_voice_session() {
    let owned = rendered(&fixture::intent(1, SessionPhase::Open), true);
    insta::assert_snapshot!(masked(&owned.text()));
}

#[test]
fn a_session_over_ipv6_that_takes_ordinary_routes() {
    let mut intent = fixture::intent(1, SessionPhase::Open);
    intent.transits.clear();
    intent.ibgp.clear();
    let session = &mut intent.sessions[0];
    session.name = "c1v6".into();
    session.local_address = "2001:db8:ffff::1".parse().unwrap();
    session.peer_address = "2001:db8:ffff::".parse().unwrap();
    session.policy = fixture::policy("2001:db8:ffff::");
    session.policy.registration_required = false;
    session.policy.ordinary_used = true;
    session.policy.max_path = Some(3);
    insta::assert_snapshot!(masked(&rendered(&intent, true).text()));
}

#[test]
fn ibgp_carries_ipv6_only_with_an_address_to_go_by() {
    let mut intent = fixture::intent(1, SessionPhase::Open);
    let carries =
        |intent: &RouterIntent| rendered(intent, true).blocks.contains_key(&Key::Family(true, IBGP.into()));
    assert!(!carries(&intent));
    intent.loopback_v6 = Some("2001:db8:ffff::11".parse().unwrap());
    assert!(carries(&intent));
}

#[test]
fn a_closed_gate_and_every_phase_but_open_let_nothing_through() {
    for (phase, open) in [
        (SessionPhase::Open, false),
        (SessionPhase::Draining, false),
        (SessionPhase::Denied, true),
        (SessionPhase::Shutdown, true),
    ] {
        let owned = rendered(&fixture::intent(1, phase), open);
        let lines = owned.lines(&Key::Family(false, "198.18.192.2".into()));
        assert!(lines.contains(&"route-map MEETME-HOLD4 in".to_owned()), "{phase:?}: {lines:?}");
        assert!(lines.contains(&"route-map MEETME-DENY out".to_owned()), "{phase:?}: {lines:?}");
    }
}

#[test]
fn opening_a_gate_is_three_commands_and_the_filter_is_there_first() {
    let intent = fixture::intent(1, SessionPhase::Open);
    let change = crate::routers::frr::diff::change(&rendered(&intent, false), &rendered(&intent, true));
    let [step] = &change.steps[..] else { panic!("{:?}", change.steps) };
    let kinds: Vec<&str> = step.commands.iter().filter_map(|c| c.split(' ').nth(2)).collect();
    assert_eq!(kinds, ["filter-list", "route-map", "route-map"]);
    assert!(change.disrupted.is_empty());
    let closing = crate::routers::frr::diff::change(&rendered(&intent, true), &rendered(&intent, false));
    assert!(closing.steps[0].commands[2].starts_with("no neighbor 198.18.192.2 filter-list "), "{closing:?}");
}

#[test]
fn a_shut_session_says_so_to_its_peer() {
    let owned = rendered(&fixture::intent(1, SessionPhase::Shutdown), true);
    let lines = owned.lines(&Key::Neighbor("198.18.192.2".into()));
    assert!(lines.iter().any(|l| l.starts_with("shutdown message ")), "{lines:?}");
}

#[test]
fn without_staticd_networks_originate_by_a_setting() {
    let owned = render(&fixture::intent(1, SessionPhase::Open), &Gates::new(), Origination::NoImportCheck);
    assert!(owned.lines(&Key::Instance).contains(&"no bgp network import-check".to_owned()));
    assert!(owned.lines(&Key::Statics).is_empty());
}

#[test]
fn descriptions_are_one_short_line_of_ascii() {
    assert_eq!(described("Télécom\n no  neighbor | !"), "meetme: T_l_com no neighbor _ !");
    assert!(described(&"x".repeat(200)).len() <= 80);
}

#[test]
fn strict_bfd_is_told_where_it_is_asked_for_and_the_version_knows_it() {
    let mut intent = fixture::intent(1, SessionPhase::Open);
    intent.sessions[0].bfd.strict = true;
    let told = |version: &str| {
        let running = read::Running {
            bgpd: format!("frr version {version}\nrouter bgp 64500\n"),
            ..Default::default()
        };
        let mut want = rendered(&intent, false);
        want.adopt_defaults(&read::owned(&running));
        want.text().matches(" neighbor 198.18.192.2 bfd strict\n").count()
    };
    assert_eq!(["8.4.4", "10.3", "10.4", "10.6.1"].map(told), [0, 0, 1, 1]);
    assert!(!rendered(&fixture::intent(1, SessionPhase::Open), false).text().contains("strict"));
}
