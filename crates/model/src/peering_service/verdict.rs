//! The verdict on an activated prefix, and where its traffic leaves (`docs/rules.md` §6).

use super::*;
use crate::asn::Asn;
use crate::link::SeenRoute;
use crate::registered_prefix::{Check, CheckKind, CheckOutcome, Evidence, PrefixState, SessionView};
use crate::route::{LastResort, RouteUse, RouterWord};

/// Everything that the verdict depends on.
#[derive(Clone, Debug)]
pub struct ServiceContext {
    /// State of the registration that the key belongs to; `None` when it is gone.
    pub registration: Option<PrefixState>,
    /// Origin ASNs that are the provider's own or associated in the service's subscription.
    pub origin_asns: Vec<Asn>,
    /// The provider's sessions at the primary location.
    pub primary: Vec<SessionView>,
    /// The provider's sessions at the backup location; `None`: no backup was asked for.
    pub backup: Option<Vec<SessionView>>,
    /// The provider's sessions elsewhere.
    pub elsewhere: Vec<SessionView>,
    /// True once it was Verified.
    pub was_verified: bool,
}

/// What an activated prefix comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceVerdict {
    /// State and checks.
    pub verdict: PrefixVerdict,
    /// How it is learned.
    pub learned: LearnedType,
    /// Where its traffic leaves.
    pub active_path: ActivePath,
    /// The peer drains it from the primary location (RFC 8326): that traffic leaves elsewhere is its wish.
    pub drained: bool,
}

/// The verdict on an activated prefix: on all primary sessions (at least two, on two routers) and
/// on one of the backup's.
pub fn service_verdict(context: &ServiceContext) -> ServiceVerdict {
    let all = || context.primary.iter().chain(context.backup.iter().flatten()).chain(&context.elsewhere);
    let learned =
        if all().any(|s| s.route.is_some()) { LearnedType::ViaServiceProvider } else { LearnedType::None };
    let used =
        |s: &&SessionView| s.established && s.gate_open && s.route.as_ref().is_some_and(SeenRoute::carries);
    let active_path = if context.primary.iter().any(|s| used(&s)) {
        ActivePath::Primary
    } else if context.backup.iter().flatten().any(|s| used(&s)) {
        ActivePath::Backup
    } else if context.elsewhere.iter().any(|s| used(&s)) {
        ActivePath::Ordinary
    } else {
        ActivePath::Internet
    };
    let drains = |s: &SessionView| {
        s.route.as_ref().is_some_and(|r| r.verdict.last_resort == Some(LastResort::PeerDrains))
    };
    let drained = active_path != ActivePath::Primary && context.primary.iter().any(drains);
    ServiceVerdict { verdict: prefix_verdict(context), learned, active_path, drained }
}

fn prefix_verdict(context: &ServiceContext) -> PrefixVerdict {
    let fail = |state, message: &str, checks| PrefixVerdict {
        state,
        error_message: Some(message.to_owned()),
        checks,
    };
    match context.registration {
        None => {
            return fail(
                PrefixState::Invalid,
                "the registration behind this key was deleted; register the prefix again and activate it with the new key",
                vec![],
            );
        }
        Some(PrefixState::Invalid) => {
            return fail(
                PrefixState::Invalid,
                "the registration of this prefix can never pass; see it for the reason",
                vec![],
            );
        }
        Some(_) => {}
    }
    let primary = at_location("primary", &context.primary, true);
    let mut checks = vec![primary];
    if let Some(backup) = &context.backup {
        checks.push(at_location("backup", backup, false));
    }
    checks.push(origin(context));
    let blind = context.primary.iter().any(|s| !s.known);
    let failing: Vec<&Check> =
        checks.iter().filter(|c| matches!(c.outcome, CheckOutcome::Failed | CheckOutcome::Partial)).collect();
    let seen = context.primary.iter().chain(context.backup.iter().flatten()).any(|s| s.route.is_some());
    let state = if failing.is_empty() {
        if blind { PrefixState::Unknown } else { PrefixState::Verified }
    } else if context.primary.iter().all(|s| !s.known) && !context.primary.is_empty() {
        PrefixState::Unknown
    } else if !seen && !context.was_verified {
        PrefixState::Pending
    } else if failing.iter().any(|c| c.outcome == CheckOutcome::Failed)
        && checks[0].outcome == CheckOutcome::Failed
    {
        PrefixState::Failed
    } else if context.was_verified {
        PrefixState::Warning
    } else {
        PrefixState::Pending
    };
    let error_message = (state != PrefixState::Verified).then(|| {
        let told: Vec<&str> = failing.iter().map(|c| c.message.as_str()).collect();
        if told.is_empty() {
            "our edge can't be read at the primary location".to_owned()
        } else {
            told.join(". ")
        }
    });
    PrefixVerdict { state, error_message, checks }
}

/// Received where it must be: at the primary on all sessions, at least two, on two routers; at the
/// backup on one.
fn at_location(which: &str, sessions: &[SessionView], primary: bool) -> Check {
    let evidence: Vec<Evidence> = sessions
        .iter()
        .filter(|s| s.known)
        .map(|s| Evidence {
            session: s.peer_address,
            router: s.router.clone(),
            seen: match (&s.route, s.established) {
                (Some(r), _) if r.verdict.usage == RouteUse::Unused => {
                    let why: Vec<String> = r.verdict.faults.iter().map(ToString::to_string).collect();
                    format!("received and not used: {}", why.join("; "))
                }
                (Some(_), _) if !s.gate_open => {
                    "received and not used: nothing passes here until BFD is up".into()
                }
                (Some(SeenRoute { router: RouterWord::Differs { difference }, .. }), _) => {
                    format!("received, but {}", difference.for_peer())
                }
                (Some(r), _) => {
                    r.verdict.last_resort.map_or_else(|| "received".into(), |l| format!("received; {l}"))
                }
                (None, true) => "not received".into(),
                (None, false) => "not received: the session is down".into(),
            },
            ok: s.gate_open && s.route.as_ref().is_some_and(SeenRoute::is_used),
            at: s.at,
        })
        .collect();
    let good: Vec<&Evidence> = evidence.iter().filter(|e| e.ok).collect();
    let missing: Vec<String> = evidence.iter().filter(|e| !e.ok).map(|e| e.session.to_string()).collect();
    let diverse = good.iter().any(|e| e.router != good[0].router);
    let (outcome, message) = if good.is_empty() {
        (
            CheckOutcome::Failed,
            format!("not received at the {which} location; announce it on the sessions there"),
        )
    } else if !primary {
        (CheckOutcome::Passed, format!("received at the {which} location"))
    } else if !missing.is_empty() {
        (
            CheckOutcome::Partial,
            format!("not received at the {which} location from session(s) {}", missing.join(", ")),
        )
    } else if !diverse {
        (CheckOutcome::Partial, format!("the {which} location needs at least two sessions on two routers"))
    } else {
        (CheckOutcome::Passed, format!("received on all sessions at the {which} location"))
    };
    Check { kind: CheckKind::ReceivedEverywhere, outcome, message, evidence }
}

fn origin(context: &ServiceContext) -> Check {
    let evidence: Vec<Evidence> = context
        .primary
        .iter()
        .chain(context.backup.iter().flatten())
        .filter_map(|s| {
            let origin = s.route.as_ref()?.attributes.as_path.origin();
            let ok = origin.is_some_and(|o| context.origin_asns.contains(&o));
            let seen = origin.map_or_else(|| "no single origin ASN".into(), |o| format!("origin AS{o}"));
            Some(Evidence { session: s.peer_address, router: s.router.clone(), seen, ok, at: s.at })
        })
        .collect();
    let wrong: Vec<String> = evidence.iter().filter(|e| !e.ok).map(|e| e.seen.clone()).collect();
    let (outcome, message) = if evidence.is_empty() {
        (CheckOutcome::Pending, "nothing received yet".to_owned())
    } else if wrong.is_empty() {
        (CheckOutcome::Passed, "the origin ASN is the provider's or an associated one".to_owned())
    } else {
        let outcome =
            if wrong.len() == evidence.len() { CheckOutcome::Failed } else { CheckOutcome::Partial };
        (outcome, format!("{}: associate that ASN in the subscription first", wrong.join(", ")))
    };
    Check { kind: CheckKind::Origin, outcome, message, evidence }
}

#[cfg(test)]
mod tests;
