//! What is seen of the routes that sessions bring, and of registered prefixes.

use super::{Facts, Finding, Requirement, Sighting, Standing, weigh};
use crate::link::{BgpState, SeenRoute, SessionRoutes};
use crate::prefix::Prefix;
use crate::registered_prefix::{Check, CheckKind, CheckOutcome, PrefixState, RegisteredPrefix};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Prefixes that differ between sessions are told one by one up to so many.
const DIFFERENCES_SHOWN: usize = 50;

/// A session whose policy is open.
struct View<'a> {
    peer: IpAddr,
    /// Why it isn't known whether it is up.
    unread: Option<&'static str>,
    up: bool,
    read_at: Option<Timestamp>,
    /// Its routes, once all are in.
    routes: Option<&'a SessionRoutes>,
}

fn views<'a>(facts: &'a Facts<'_>) -> Vec<View<'a>> {
    let mut views = Vec::new();
    for c in facts.staying().filter(|c| c.connection.state.is_open()) {
        for (name, subnet) in c.connection.sessions() {
            views.push(View {
                peer: subnet.peer,
                unread: c.unread(),
                up: c.observed.sessions.get(&name).is_some_and(|s| s.bgp == BgpState::Established),
                read_at: c.read_at,
                routes: c.observed.routes.get(&name).filter(|r| r.synced),
            });
        }
    }
    views
}

/// All sessions of a family bring the same prefixes with comparable attributes.
pub(super) fn active_active(facts: &Facts<'_>) -> Finding {
    let views = views(facts);
    let mut evidence = Vec::new();
    let (mut compared, mut received) = (0, 0);
    for v4 in [true, false] {
        let family: Vec<&View<'_>> = views.iter().filter(|v| v.peer.is_ipv4() == v4).collect();
        if family.len() < 2 {
            continue;
        }
        let most = family.iter().filter_map(|v| v.routes).map(|r| r.received).max().unwrap_or(0);
        evidence.extend(family.iter().map(|v| of_session(v, most)));
        let usable: Vec<(IpAddr, &SessionRoutes)> = family
            .iter()
            .filter(|v| v.unread.is_none() && v.up)
            .filter_map(|v| Some((v.peer, v.routes?)))
            .collect();
        received += most as usize;
        compared += differences(&usable, &mut evidence);
    }
    let requirement = Requirement::ActiveActive;
    if evidence.is_empty() {
        let message = "unknown: there are no two Active sessions of one family to compare";
        return Finding::new(requirement, Standing::Unknown, message, evidence);
    }
    let (standing, message) = match weigh(&evidence) {
        Standing::NotMet => (
            Standing::NotMet,
            "the sessions don't bring the same: announce the same prefixes with the same attributes on all"
                .to_owned(),
        ),
        Standing::Met if received == 0 => {
            (Standing::Unknown, "unknown: no session brings a prefix yet".to_owned())
        }
        Standing::Met if compared >= received => (
            Standing::Met,
            format!("all sessions bring the same {compared} prefix(es) with comparable attributes"),
        ),
        Standing::Met => (
            Standing::Unknown,
            format!(
                "unknown in part: {compared} registered prefix(es) are the same on all sessions; of the other {} only the number is compared, and it is the same",
                received - compared
            ),
        ),
        other => (other, "unknown: not every session's routes were looked at yet".to_owned()),
    };
    Finding::new(requirement, standing, message, evidence)
}

fn of_session(view: &View<'_>, most: u32) -> Sighting {
    let subject = format!("session {}", view.peer);
    match (view.unread, view.routes) {
        (Some(why), _) => Sighting::new(subject, why, None, view.read_at),
        (None, _) if !view.up => Sighting::new(subject, "down: brings nothing", Some(false), view.read_at),
        (None, None) => Sighting::new(subject, "its routes aren't all in yet", None, view.read_at),
        (None, Some(r)) => {
            Sighting::new(subject, format!("{} prefix(es)", r.received), Some(r.received == most), Some(r.at))
        }
    }
}

/// Adds how registered prefixes differ between sessions; answers how many all of them bring.
fn differences(sessions: &[(IpAddr, &SessionRoutes)], evidence: &mut Vec<Sighting>) -> usize {
    let mut prefixes: BTreeMap<Prefix, Vec<(IpAddr, Option<&SeenRoute>)>> = BTreeMap::new();
    for (peer, routes) in sessions {
        for e in &routes.evidence {
            prefixes.entry(e.prefix).or_default().push((*peer, e.route.as_ref()));
        }
    }
    let at = sessions.iter().map(|(_, r)| r.at).max();
    let (mut everywhere, mut told) = (0, 0);
    for (prefix, seen) in prefixes {
        let routes: Vec<(IpAddr, &SeenRoute)> = seen.iter().filter_map(|(p, r)| Some((*p, (*r)?))).collect();
        if routes.is_empty() {
            continue;
        }
        let missing: Vec<String> =
            seen.iter().filter(|(_, r)| r.is_none()).map(|(p, _)| p.to_string()).collect();
        let what = if missing.is_empty() {
            everywhere += 1;
            unlike(&routes)
        } else {
            Some(format!("missing on {}", missing.join(", ")))
        };
        if let Some(what) = what {
            told += 1;
            if told <= DIFFERENCES_SHOWN {
                evidence.push(Sighting::new(prefix.to_string(), what, Some(false), at));
            }
        }
    }
    if told > DIFFERENCES_SHOWN {
        let more = format!("{} more prefixes differ", told - DIFFERENCES_SHOWN);
        evidence.push(Sighting::new("others".to_owned(), more, Some(false), at));
    }
    everywhere
}

/// How one prefix's routes differ between sessions, in words.
fn unlike(routes: &[(IpAddr, &SeenRoute)]) -> Option<String> {
    let prepended: Vec<String> = routes
        .iter()
        .filter(|(_, r)| r.attributes.as_path.is_prepended())
        .map(|(p, _)| p.to_string())
        .collect();
    if !prepended.is_empty() {
        return Some(format!("prepended on {}", prepended.join(", ")));
    }
    let differs = |of: &dyn Fn(&SeenRoute) -> String| {
        let each: Vec<(IpAddr, String)> = routes.iter().map(|(p, r)| (*p, of(r))).collect();
        let (_, first) = each.first()?;
        each.iter()
            .any(|(_, other)| other != first)
            .then(|| each.iter().map(|(p, what)| format!("{what} on {p}")).collect::<Vec<_>>().join(", "))
    };
    differs(&|r| format!("{} ASNs in the path", r.attributes.as_path.length()))
        // None at all counts as 0 (RFC 4271 §9.1.2.2).
        .or_else(|| differs(&|r| format!("MED {}", r.attributes.med.unwrap_or(0))))
}

/// Own routable address space: of registered prefixes where they are registered, else of what comes.
pub(super) fn own_address_space(facts: &Facts<'_>) -> Finding {
    if !facts.registers_prefixes() {
        return public_space(facts);
    }
    let kinds = [CheckKind::PublicSpace, CheckKind::Origin];
    Finding::by_evidence(
        Requirement::OwnAddressSpace,
        facts.prefixes.iter().map(|p| of_checks(p, &kinds)).collect(),
        "every registered prefix is public space, announced by your ASN or one of yours",
        "a registered prefix isn't public space, or isn't announced by an ASN of yours",
        "unknown: no prefix, or not every one, was looked at yet",
    )
}

/// Where nothing is registered it shows only whether the space is public, not whose it is.
fn public_space(facts: &Facts<'_>) -> Finding {
    let evidence: Vec<Sighting> = views(facts)
        .iter()
        .map(|v| of_faults(v, &["Bogon", "HostSpace"], "private, bogon or ours"))
        .collect();
    let (standing, message) = match weigh(&evidence) {
        Standing::Met => (
            Standing::Unknown,
            "unknown in part: what you announce is public space; whose it is isn't checked",
        ),
        Standing::NotMet => {
            (Standing::NotMet, "you announce space that isn't public, or is ours: stop announcing it")
        }
        other => (other, "unknown: no session's routes were looked at yet"),
    };
    Finding::new(Requirement::OwnAddressSpace, standing, message, evidence)
}

/// Class of traffic and endpoints are given for each subnet.
pub(super) fn subnet_usage(facts: &Facts<'_>) -> Finding {
    let evidence: Vec<Sighting> = facts
        .prefixes
        .iter()
        .map(|p| {
            let missing = match (p.usage.traffic_classes.is_empty(), p.usage.endpoints.is_empty()) {
                (true, true) => "neither class of traffic nor endpoints are given",
                (true, false) => "class of traffic isn't given",
                (false, true) => "endpoints aren't given",
                (false, false) => "class of traffic and endpoints are given",
            };
            let given = !p.usage.traffic_classes.is_empty() && !p.usage.endpoints.is_empty();
            Sighting::new(p.prefix.to_string(), missing, Some(given), Some(p.stamp.modified_at))
        })
        .collect();
    let (standing, message) = match weigh(&evidence) {
        Standing::Met => (Standing::Attested, "you state what each subnet is for; it isn't measured"),
        Standing::NotMet => {
            (Standing::NotMet, "not given for every subnet: add them to the registered prefix")
        }
        other => (other, "unknown: no prefix is registered yet"),
    };
    Finding::new(Requirement::SubnetUsage, standing, message, evidence)
}

/// Prefixes are registered and carry the community.
pub(super) fn registered_and_tagged(facts: &Facts<'_>) -> Finding {
    let mut evidence: Vec<Sighting> =
        facts.prefixes.iter().map(|p| of_checks(p, &[CheckKind::Community])).collect();
    let none = evidence.is_empty();
    evidence.extend(
        views(facts)
            .iter()
            .map(|v| of_faults(v, &["NotRegistered", "CommunityMissing"], "unregistered or untagged")),
    );
    if none && weigh(&evidence) != Standing::NotMet {
        let message = "unknown: no prefix is registered yet; register one once a connection is Active";
        return Finding::new(Requirement::RegisteredAndTagged, Standing::Unknown, message, evidence);
    }
    Finding::by_evidence(
        Requirement::RegisteredAndTagged,
        evidence,
        "what you announce is registered and carries the community",
        "something that you announce isn't registered or lacks the community",
        "unknown: not everything was looked at yet",
    )
}

/// What some checks of a registered prefix come to.
fn of_checks(prefix: &RegisteredPrefix, kinds: &[CheckKind]) -> Sighting {
    let checks: Vec<&Check> = prefix.verdict.checks.iter().filter(|c| kinds.contains(&c.kind)).collect();
    let subject = prefix.prefix.to_string();
    let at = checks.iter().flat_map(|c| &c.evidence).map(|e| e.at).max().or(Some(prefix.since));
    let is = |outcome: &[CheckOutcome]| checks.iter().copied().find(|c| outcome.contains(&c.outcome));
    if let Some(check) = is(&[CheckOutcome::Failed, CheckOutcome::Partial]) {
        return Sighting::new(subject, check.message.clone(), Some(false), at);
    }
    if prefix.verdict.state == PrefixState::Invalid {
        let why = prefix.verdict.error_message.clone().unwrap_or_else(|| "can never pass".to_owned());
        return Sighting::new(subject, why, Some(false), at);
    }
    if prefix.verdict.checks.is_empty() {
        return Sighting::new(subject, "not looked at yet", None, None);
    }
    if checks.is_empty() {
        return Sighting::new(subject, "registered; the offering asks for no community", Some(true), at);
    }
    if let Some(check) = is(&[CheckOutcome::Pending, CheckOutcome::NotChecked]) {
        return Sighting::new(subject, check.message.clone(), None, at);
    }
    let messages: Vec<&str> = checks.iter().map(|c| c.message.as_str()).collect();
    Sighting::new(subject, messages.join("; "), Some(true), at)
}

/// How many routes of a session break some rules.
fn of_faults(view: &View<'_>, codes: &[&str], what: &str) -> Sighting {
    let subject = format!("session {}", view.peer);
    let Some(routes) = view.routes.filter(|_| view.unread.is_none()) else {
        let why = view.unread.unwrap_or("its routes aren't all in yet");
        return Sighting::new(subject, why, None, view.read_at);
    };
    let breaking: u32 = codes.iter().filter_map(|code| routes.faults.get(*code)).sum();
    let seen = format!("{breaking} of {} prefix(es) {what}", routes.received);
    let ok = (routes.received > 0 || breaking > 0).then_some(breaking == 0);
    Sighting::new(subject, seen, ok, Some(routes.at))
}
