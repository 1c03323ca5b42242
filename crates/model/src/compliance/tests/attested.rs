//! What the peer states, and what probes say against it.

use super::*;
use crate::connectivity_probe::ProbeProtocol;
use crate::probe::ProbeOutcome;
use crate::violation::Violations;

fn statement(requirement: Requirement) -> Attestation {
    Attestation { requirement, by: "ann".into(), at: at(70), note: "measured in our lab".into() }
}

fn probed(protocol: ProbeProtocol, at_s: i64, rtt_ms: Option<f64>) -> Probed {
    Probed {
        endpoint: "198.19.10.1".parse().unwrap(),
        protocol,
        outcome: ProbeOutcome {
            id: "peering:1:0".into(),
            router: "ams1-er1".into(),
            at: at(at_s),
            rtt_ms,
            path: vec![],
            error: None,
            untried: false,
        },
    }
}

#[test]
fn a_statement_is_told_as_one_with_who_made_it_and_is_no_measurement() {
    let mut world = World::good();
    world.attestations = vec![statement(Requirement::NoRateLimit)];
    let finding = world.finding(Requirement::NoRateLimit);
    assert_eq!((finding.standing, finding.attestable), (Standing::Attested, true));
    assert_eq!(finding.attestation.unwrap().by, "ann");
    assert!(finding.evidence.is_empty() && finding.seen_at.is_none(), "nothing was seen");
    let other = world.finding(Requirement::NoStatefulFirewall);
    assert_eq!((other.standing, other.attestation), (Standing::Unknown, None));
    assert!(!world.finding(Requirement::Bfd).attestable);
}

#[test]
fn an_endpoint_that_answers_icmp_and_is_silent_to_tcp_contradicts_no_firewall() {
    let mut world = World::good();
    world.attestations = vec![statement(Requirement::NoStatefulFirewall)];
    let cases = [
        (Some(1.0), None, 100, Standing::Contradicted),
        (Some(1.0), Some(2.0), 100, Standing::Attested),
        (None, None, 100, Standing::Attested),
        (Some(1.0), None, 1000, Standing::Attested),
    ];
    for (icmp, tcp, at_s, expected) in cases {
        world.probes = vec![probed(ProbeProtocol::Icmp, 90, icmp), probed(ProbeProtocol::Tcp, at_s, tcp)];
        assert_eq!(world.standing(Requirement::NoStatefulFirewall), expected, "{icmp:?} {tcp:?} {at_s}");
    }
    world.probes = vec![probed(ProbeProtocol::Icmp, 90, Some(1.0)), probed(ProbeProtocol::Tcp, 100, None)];
    world.probes[1].outcome.untried = true;
    assert_eq!(world.standing(Requirement::NoStatefulFirewall), Standing::Attested, "nothing was sent");
    world.probes[1].outcome.untried = false;
    assert_eq!(world.finding(Requirement::NoStatefulFirewall).seen_at, Some(at(100)));
    world.attestations.clear();
    let finding = world.finding(Requirement::NoStatefulFirewall);
    assert_eq!((finding.standing, finding.evidence.len()), (Standing::Unknown, 1), "nobody states it");
}

#[test]
fn only_what_cant_be_measured_is_stated_and_by_its_name() {
    assert_eq!(attestable("noratelimit"), Some(Requirement::NoRateLimit));
    assert_eq!(attestable("noStatefulFirewall"), Some(Requirement::NoStatefulFirewall));
    assert_eq!((attestable("bfd"), attestable("")), (None, None));
    for finding in World::good().findings() {
        let name = serde_json::to_value(finding.requirement).unwrap();
        assert_eq!(name, finding.requirement.wire_name());
    }
}

#[test]
fn a_note_is_short_text() {
    let faults = |note: &str| {
        let mut v = Violations::default();
        check_note(note, &mut v);
        v.0.len()
    };
    assert_eq!((faults("two\nlines"), faults(""), faults(&"x".repeat(1001)), faults("\u{7}")), (0, 0, 1, 1));
}
