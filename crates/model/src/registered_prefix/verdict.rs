//! From what sessions show to the verdict on a registered prefix (`docs/rules.md` §5).

use super::*;
use crate::asn::{Asn, PublicSpace};
use crate::community::Community;
use crate::link::SeenRoute;
use crate::route::{RouteFault, RouteUse, RouterWord, RpkiState};

/// One session that the prefix must be received on.
#[derive(Clone, Debug)]
pub struct SessionView {
    /// The peer's address, which names the session to people.
    pub peer_address: IpAddr,
    /// Our router.
    pub router: String,
    /// False when the edge or the router's table can't be read: nothing is known then.
    pub known: bool,
    /// BGP Established.
    pub established: bool,
    /// Routes may pass: policy is open and BFD is up.
    pub gate_open: bool,
    /// What is received for this very prefix.
    pub route: Option<SeenRoute>,
    /// When this was observed.
    pub at: Timestamp,
}

/// Everything that the verdict depends on.
#[derive(Clone, Debug)]
pub struct VerdictContext<'a> {
    /// The prefix.
    pub prefix: Prefix,
    /// Origin ASNs that are the peer's own or associated with it.
    pub origin_asns: Vec<Asn>,
    /// The offering's community.
    pub community: Option<Community>,
    /// The offering's longest prefix in this family.
    pub max_length: u8,
    /// Sessions of the prefix's family on the peering that it is registered on.
    pub sessions: Vec<SessionView>,
    /// True once it was Verified (it has a key).
    pub was_verified: bool,
    /// What counts as public.
    pub space: &'a PublicSpace,
}

/// The verdict with each check's evidence. Registry look-ups that no deployment part provides are
/// told as not checked, never as passed.
pub fn verdict(context: &VerdictContext<'_>) -> PrefixVerdict {
    let mut checks = vec![public_space(context)];
    if checks[0].outcome == CheckOutcome::Failed {
        let message = checks[0].message.clone();
        return PrefixVerdict { state: PrefixState::Invalid, error_message: Some(message), checks };
    }
    checks.push(on_routes(
        context,
        CheckKind::Origin,
        "the origin ASN is the peer's own or an associated one",
        |route| {
            let origin = route.attributes.as_path.origin();
            let ok = origin.is_some_and(|o| context.origin_asns.contains(&o));
            (ok, origin.map_or_else(|| "no single origin ASN".into(), |o| format!("origin AS{o}")))
        },
    ));
    checks.push(not_checked(
        CheckKind::OriginRegistry,
        "no RPKI validator or IRR is configured: origin not looked up",
    ));
    checks.push(received_everywhere(context));
    if let Some(community) = context.community {
        let good = format!("community {community} is present");
        checks.push(on_routes(context, CheckKind::Community, &good, |route| {
            let ok = route.attributes.communities.contains(&community);
            let list: Vec<String> = route.attributes.communities.iter().map(Community::to_string).collect();
            let seen = if list.is_empty() { "none".to_owned() } else { list.join(" ") };
            (
                ok,
                if ok {
                    format!("communities {seen}")
                } else {
                    format!("communities {seen}; {community} is missing")
                },
            )
        }));
    }
    checks.push(on_routes(
        context,
        CheckKind::AsPath,
        "the AS path has no private ASN, no prepending, and is short enough",
        |route| {
            let path = &route.attributes.as_path;
            let mut wrong: Vec<String> = route
                .verdict
                .faults
                .iter()
                .filter(|f| {
                    matches!(
                        f,
                        RouteFault::ReservedAsn { .. }
                            | RouteFault::PathTooLong { .. }
                            | RouteFault::AsSet
                            | RouteFault::OwnAsn { .. }
                            | RouteFault::FirstAsNotPeer
                    )
                })
                .map(RouteFault::to_string)
                .collect();
            if path.is_prepended() {
                wrong.push("the AS path is prepended; announce it unprepended on every session".into());
            }
            let seen = format!("AS path {path}");
            if wrong.is_empty() { (true, seen) } else { (false, format!("{seen}: {}", wrong.join("; "))) }
        },
    ));
    checks.push(rpki(context));
    checks.push(used(context));
    checks.push(router_choice(context));
    let state = state_of(context, &checks);
    let error_message = (state != PrefixState::Verified).then(|| explain(context, &checks, state));
    PrefixVerdict { state, error_message, checks }
}

fn public_space(context: &VerdictContext<'_>) -> Check {
    let wrong = if context.prefix.is_default() {
        Some("a default route can't be registered".to_owned())
    } else if let Some(reason) = context.prefix.bogon_reason(context.space) {
        Some(format!("{} isn't public unicast space: {reason}", context.prefix))
    } else if context.prefix.len() > context.max_length {
        Some(format!("{} is longer than /{}, this offering's limit", context.prefix, context.max_length))
    } else {
        None
    };
    Check {
        kind: CheckKind::PublicSpace,
        outcome: if wrong.is_some() { CheckOutcome::Failed } else { CheckOutcome::Passed },
        message: wrong.unwrap_or_else(|| format!("{} is public unicast space", context.prefix)),
        evidence: Vec::new(),
    }
}

fn not_checked(kind: CheckKind, why: &str) -> Check {
    Check { kind, outcome: CheckOutcome::NotChecked, message: why.to_owned(), evidence: Vec::new() }
}

fn rpki(context: &VerdictContext<'_>) -> Check {
    let unchecked = |s: &SessionView| s.route.as_ref().is_none_or(|r| r.rpki == RpkiState::NotChecked);
    if context.sessions.iter().all(unchecked) {
        return not_checked(CheckKind::Rpki, "no RPKI validator is configured");
    }
    on_routes(context, CheckKind::Rpki, "route origin validation doesn't say invalid", |route| {
        (route.rpki != RpkiState::Invalid, format!("RPKI {:?}", route.rpki))
    })
}

/// A check on the route of each session that has one.
fn on_routes(
    context: &VerdictContext<'_>,
    kind: CheckKind,
    good: &str,
    look: impl Fn(&SeenRoute) -> (bool, String),
) -> Check {
    let evidence: Vec<Evidence> = context
        .sessions
        .iter()
        .filter(|s| s.known)
        .filter_map(|s| {
            let (ok, seen) = look(s.route.as_ref()?);
            Some(Evidence { session: s.peer_address, router: s.router.clone(), seen, ok, at: s.at })
        })
        .collect();
    conclude(kind, good, evidence)
}

/// What is received is of no use while it isn't used, for whatever reason: here every reason counts,
/// also those that have no check of their own.
fn used(context: &VerdictContext<'_>) -> Check {
    let of = |s: &SessionView| {
        let verdict = &s.route.as_ref()?.verdict;
        let (ok, seen) = if verdict.usage == RouteUse::Unused {
            let why: Vec<String> = verdict.faults.iter().map(RouteFault::to_string).collect();
            (false, format!("received and not used: {}", why.join("; ")))
        } else if !s.gate_open {
            (false, "received and not used: nothing passes here until BFD is up".into())
        } else if let Some(last) = verdict.last_resort {
            (true, format!("received; {last}"))
        } else {
            (true, "used".into())
        };
        Some(Evidence { session: s.peer_address, router: s.router.clone(), seen, ok, at: s.at })
    };
    let evidence = context.sessions.iter().filter(|s| s.known).filter_map(of).collect();
    conclude(CheckKind::Used, "used on every session that it is received on", evidence)
}

/// What the router says is held against the rules. Before it was asked nothing is claimed.
fn router_choice(context: &VerdictContext<'_>) -> Check {
    let passes = |s: &&SessionView| s.known && s.gate_open;
    let routes = || context.sessions.iter().filter(passes).filter_map(|s| Some((s, s.route.as_ref()?)));
    let evidence: Vec<Evidence> = routes()
        .filter_map(|(s, route)| {
            let (ok, seen) = match &route.router {
                RouterWord::Differs { difference } => (false, difference.for_peer()),
                RouterWord::Agrees if route.verdict.usage == RouteUse::Unused => return None,
                RouterWord::Agrees => (true, "our router uses it"),
                RouterWord::NotAsked => return None,
            };
            Some(Evidence {
                session: s.peer_address,
                router: s.router.clone(),
                seen: seen.into(),
                ok,
                at: s.at,
            })
        })
        .collect();
    let is_asked = routes().any(|(_, r)| r.router == RouterWord::NotAsked);
    let mut check = conclude(CheckKind::RouterChoice, "our routers use it as the rules say", evidence);
    match check.outcome {
        CheckOutcome::Passed if is_asked => {
            check.outcome = CheckOutcome::Pending;
            check.message = "our router is being asked whether it uses it".into();
        }
        CheckOutcome::Pending if is_asked => {
            check.message = "our router is being asked whether it uses it".into();
        }
        CheckOutcome::Failed | CheckOutcome::Partial => {
            check.message.push_str("; our engineers are told, there is nothing to do on your side");
        }
        _ => {}
    }
    check
}

fn received_everywhere(context: &VerdictContext<'_>) -> Check {
    let evidence: Vec<Evidence> = context
        .sessions
        .iter()
        .filter(|s| s.known)
        .map(|s| {
            let (ok, seen) = match (&s.route, s.established) {
                (Some(_), _) => (true, "received"),
                (None, true) => (false, "not received"),
                (None, false) => (false, "not received: the session is down"),
            };
            Evidence { session: s.peer_address, router: s.router.clone(), seen: seen.into(), ok, at: s.at }
        })
        .collect();
    let mut check =
        conclude(CheckKind::ReceivedEverywhere, "received on every session of the peering", evidence);
    if matches!(check.outcome, CheckOutcome::Failed | CheckOutcome::Partial) {
        let missing: Vec<String> =
            check.evidence.iter().filter(|e| !e.ok).map(|e| e.session.to_string()).collect();
        // A router may refuse a path of another's by itself, and tell that as a withdrawal (FRR 8.4).
        let missing = missing.join(", ");
        check.message = format!(
            "not received from session(s) {missing}; announce it there, with a path that begins with your ASN"
        );
    }
    check
}

fn conclude(kind: CheckKind, good: &str, evidence: Vec<Evidence>) -> Check {
    let failed: Vec<&Evidence> = evidence.iter().filter(|e| !e.ok).collect();
    let outcome = match (evidence.len(), failed.len()) {
        (0, _) => CheckOutcome::Pending,
        (_, 0) => CheckOutcome::Passed,
        (all, bad) if bad == all => CheckOutcome::Failed,
        _ => CheckOutcome::Partial,
    };
    let message = match outcome {
        CheckOutcome::Pending => "nothing received yet".to_owned(),
        CheckOutcome::Passed => good.to_owned(),
        _ => failed
            .iter()
            .map(|e| format!("{} on session {}", e.seen, e.session))
            .collect::<Vec<_>>()
            .join("; "),
    };
    Check { kind, outcome, message, evidence }
}

fn state_of(context: &VerdictContext<'_>, checks: &[Check]) -> PrefixState {
    let known = context.sessions.iter().filter(|s| s.known).count();
    if known == 0 && !context.sessions.is_empty() {
        return PrefixState::Unknown;
    }
    let any = |outcome: CheckOutcome| checks.iter().any(|c| c.outcome == outcome);
    let received = context.sessions.iter().any(|s| s.known && s.route.is_some());
    if known == 0 || (!received && !context.was_verified) {
        PrefixState::Pending
    } else if any(CheckOutcome::Failed) {
        PrefixState::Failed
    } else if any(CheckOutcome::Partial) {
        if context.was_verified { PrefixState::Warning } else { PrefixState::Pending }
    } else if known < context.sessions.len() {
        PrefixState::Unknown
    } else if !context.was_verified && !chosen(checks) {
        PrefixState::Pending
    } else {
        PrefixState::Verified
    }
}

/// True when every router said that it uses the prefix.
fn chosen(checks: &[Check]) -> bool {
    checks.iter().any(|c| c.kind == CheckKind::RouterChoice && c.outcome == CheckOutcome::Passed)
}

/// True when a session doesn't use its route for a reason that has no check of its own.
fn unexplained(context: &VerdictContext<'_>) -> bool {
    let told = |fault: &RouteFault| match fault {
        RouteFault::CommunityMissing { .. }
        | RouteFault::FirstAsNotPeer
        | RouteFault::AsSet
        | RouteFault::OwnAsn { .. }
        | RouteFault::ReservedAsn { .. }
        | RouteFault::PathTooLong { .. }
        | RouteFault::RpkiInvalid => true,
        RouteFault::DefaultRoute
        | RouteFault::Bogon { .. }
        | RouteFault::HostSpace
        | RouteFault::TooLong { .. }
        | RouteFault::NextHopNotSession
        | RouteFault::NoAdvertise
        | RouteFault::Blackhole
        | RouteFault::NotRegistered => false,
    };
    let routes = context.sessions.iter().filter(|s| s.known).filter_map(|s| Some((s, s.route.as_ref()?)));
    routes.into_iter().any(|(s, r)| !s.gate_open || !r.verdict.faults.iter().all(told))
}

fn explain(context: &VerdictContext<'_>, checks: &[Check], state: PrefixState) -> String {
    let unknown: Vec<String> =
        context.sessions.iter().filter(|s| !s.known).map(|s| s.peer_address.to_string()).collect();
    let failing = |c: &&Check| matches!(c.outcome, CheckOutcome::Failed | CheckOutcome::Partial);
    // That it isn't used is only worth saying where no other check says why.
    let by_itself = !checks.iter().filter(failing).any(|c| c.kind != CheckKind::Used);
    let mut parts: Vec<String> = checks
        .iter()
        .filter(failing)
        .filter(|c| by_itself || c.kind != CheckKind::Used || unexplained(context))
        .map(|c| c.message.clone())
        .collect();
    if !unknown.is_empty() {
        parts.push(format!(
            "nothing known of session(s) {}: our edge can't be read there",
            unknown.join(", ")
        ));
    }
    if parts.is_empty() && state == PrefixState::Pending {
        let why = if context.sessions.is_empty() {
            "no session of this peering is up yet"
        } else if context.sessions.iter().any(|s| s.route.is_some()) {
            "our router is being asked whether it uses it"
        } else {
            "not received on any session yet; announce it"
        };
        parts.push(why.into());
    }
    parts.join(". ")
}

#[cfg(test)]
mod tests;
