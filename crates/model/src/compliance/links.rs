//! What is seen of connections and their sessions.

use super::{AUGMENT_AT, Facts, Finding, Interconnect, Requirement, Sighting, Standing};
use crate::link::{BfdSessionState, BgpState};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Least speed of a link, in Mbps.
const LEAST_LINK_MBPS: u32 = 10_000;
/// Intervals of five minutes in seven days.
const INTERVALS_OF_A_WEEK: usize = 7 * 24 * 12;

/// Two or more Active connections, on different edge routers.
pub(super) fn redundant_connections(facts: &Facts<'_>) -> Finding {
    let mut routers = BTreeSet::new();
    let mut evidence = Vec::new();
    for c in facts.staying() {
        let state = c.connection.state;
        let router = c.connection.ports.as_ref().map(|p| p.router.as_str());
        let mut seen = state.wire_name().to_owned();
        if let Some(router) = router {
            let _ = write!(seen, " on {router}");
        }
        if state.is_open() {
            routers.extend(router);
            if sessions_down(c) {
                seen.push_str(", a session is down");
            }
        }
        let at = c.connection.active_at.filter(|_| state.is_open()).unwrap_or(c.connection.since);
        evidence.push(Sighting::new(c.name(), seen, Some(state.is_open()), Some(at)));
    }
    let active = evidence.iter().filter(|s| s.ok == Some(true)).count();
    let (standing, message) = if routers.len() >= 2 {
        (Standing::Met, format!("{active} connections are Active, on {} edge routers", routers.len()))
    } else {
        let message = format!(
            "{active} Active on {} edge router(s); two on different ones are needed: bring the others up, or add a connection",
            routers.len()
        );
        (Standing::NotMet, message)
    };
    Finding::new(Requirement::RedundantConnections, standing, message, evidence)
}

fn sessions_down(c: &Interconnect) -> bool {
    c.unread().is_none() && c.observed.sessions.values().any(|s| s.bgp != BgpState::Established)
}

/// Active peerings in two or more metros.
pub(super) fn geo_redundancy(facts: &Facts<'_>) -> Finding {
    let evidence: Vec<Sighting> = facts
        .metros
        .iter()
        .map(|(metro, active)| {
            Sighting::new(metro.clone(), format!("{active} Active connection(s)"), Some(*active > 0), None)
        })
        .collect();
    let metros = evidence.iter().filter(|s| s.ok == Some(true)).count();
    let asn = facts.peering.spec.asn;
    let (standing, message) = if metros >= 2 {
        (Standing::Met, format!("AS{asn} has Active peerings in {metros} metros"))
    } else {
        let message =
            format!("AS{asn} has Active peerings in {metros} metro(s); create one in another metro, too");
        (Standing::NotMet, message)
    };
    Finding::new(Requirement::GeoRedundancy, standing, message, evidence)
}

/// Every connection ends at a router of its own: BGP identifiers differ.
pub(super) fn peer_router_per_circuit(facts: &Facts<'_>) -> Finding {
    let mut circuits: BTreeMap<&str, BTreeSet<i64>> = BTreeMap::new();
    for c in facts.staying() {
        for id in c.observed.sessions.values().filter_map(|s| s.peer_router_id.as_deref()) {
            circuits.entry(id).or_default().insert(c.connection.id);
        }
    }
    let mut evidence = Vec::new();
    for c in facts.staying() {
        let ids: BTreeSet<&str> =
            c.observed.sessions.values().filter_map(|s| s.peer_router_id.as_deref()).collect();
        let shared = ids.iter().any(|id| circuits.get(id).is_some_and(|of| of.len() > 1));
        let names = ids.into_iter().collect::<Vec<_>>().join(", ");
        let (seen, ok) = match c.unread() {
            Some(why) => (why.to_owned(), None),
            None if names.is_empty() => ("not measured yet: no session was established".to_owned(), None),
            None => (format!("BGP identifier {names}"), Some(!shared)),
        };
        evidence.push(Sighting::new(c.name(), seen, ok, c.read_at));
    }
    Finding::by_evidence(
        Requirement::PeerRouterPerCircuit,
        evidence,
        "every connection ends at a router of its own",
        "connections share a router of yours; each needs one of its own",
        "unknown: not every connection's BGP identifier was seen yet",
    )
}

/// BFD is up on every session.
pub(super) fn bfd(facts: &Facts<'_>) -> Finding {
    let timers = facts.offering.map(|o| o.bfd);
    let mut evidence = Vec::new();
    for c in facts.staying() {
        for (name, subnet) in c.connection.sessions() {
            let (seen, ok) = match (c.unread(), c.observed.sessions.get(&name)) {
                (Some(why), _) => (why.to_owned(), None),
                (None, None) => ("not measured yet".to_owned(), None),
                (None, Some(s)) if s.bfd == BfdSessionState::Up => {
                    let mut seen = "up".to_owned();
                    if let Some(ms) = s.bfd_detection_ms {
                        let _ = write!(seen, ", a loss is noticed after {ms} ms");
                    }
                    if let Some(timers) = timers {
                        let _ = write!(seen, " (offered: {} × {} ms)", timers.multiplier, timers.interval_ms);
                    }
                    (seen, Some(true))
                }
                (None, Some(s)) => (format!("{:?}", s.bfd), Some(false)),
            };
            evidence.push(Sighting::new(format!("session {}", subnet.peer), seen, ok, c.read_at));
        }
    }
    Finding::by_evidence(
        Requirement::Bfd,
        evidence,
        "BFD is up on every session",
        "BFD isn't up on every session: configure it with the session, single hop",
        "unknown: BFD wasn't measured on every session yet",
    )
}

/// All members of every LAG collect and distribute.
pub(super) fn lacp(facts: &Facts<'_>) -> Finding {
    let evidence = facts.staying().map(|c| {
        let (seen, ok) = match (c.unread(), &c.observed.lag) {
            _ if c.connection.ports.is_none() => ("not measured yet: it has no port".to_owned(), None),
            (Some(why), _) => (why.to_owned(), None),
            (None, None) => ("not measured yet: its LAG isn't configured".to_owned(), None),
            (None, Some(lag)) => {
                let working = lag.members.values().filter(|m| m.collecting && m.distributing).count();
                let seen = format!("{working} of {} members collecting and distributing", lag.members.len());
                (seen, Some(lag.is_up()))
            }
        };
        Sighting::new(c.name(), seen, ok, c.read_at)
    });
    Finding::by_evidence(
        Requirement::Lacp,
        evidence.collect(),
        "all members of every LAG collect and distribute",
        "not all members collect and distribute: LACP active at the fast rate is needed on each",
        "unknown: LACP wasn't measured on every connection yet",
    )
}

/// Links of 10 Gbps or more.
pub(super) fn link_speed(facts: &Facts<'_>) -> Finding {
    let evidence = facts.staying().map(|c| match &c.connection.ports {
        None => Sighting::new(c.name(), "not measured yet: it has no port", None, None),
        Some(p) => {
            let seen = format!("{} × {} Gbps", p.ports.len(), f64::from(p.port_speed_mbps) / 1000.0);
            Sighting::new(c.name(), seen, Some(p.port_speed_mbps >= LEAST_LINK_MBPS), c.read_at)
        }
    });
    Finding::by_evidence(
        Requirement::LinkSpeed,
        evidence.collect(),
        "every link has 10 Gbps or more",
        "a link has less than 10 Gbps",
        "unknown: not every connection has its ports yet",
    )
}

/// Use below the share at which more is due.
pub(super) fn capacity(facts: &Facts<'_>) -> Finding {
    let evidence = facts.staying().filter(|c| c.connection.state.is_open()).map(|c| {
        let capacity_mbps: u32 =
            c.connection.ports.as_ref().map_or(0, |p| p.ports.iter().map(|_| p.port_speed_mbps).sum());
        match c.utilisation.filter(|_| capacity_mbps > 0) {
            None => Sighting::new(c.name(), "not measured yet", None, None),
            Some(u) => {
                let share = u.p95_bps / (f64::from(capacity_mbps) * 1e6);
                let whole = if u.intervals >= INTERVALS_OF_A_WEEK {
                    "over 7 days".to_owned()
                } else {
                    format!("over the {} hours measured of 7 days", u.intervals.div_ceil(12))
                };
                let seen = format!("{:.1} % of its capacity, 95th percentile {whole}", share * 100.0);
                Sighting::new(c.name(), seen, Some(share < AUGMENT_AT), Some(u.until))
            }
        }
    });
    Finding::by_evidence(
        Requirement::Capacity,
        evidence.collect(),
        "every connection's use is below 40 %",
        "a connection's use is at 40 % or more: it is time for more bandwidth",
        "unknown: use wasn't measured on every connection yet",
    )
}
