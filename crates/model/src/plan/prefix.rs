//! What follows from a new verdict on a registered or an activated prefix: key, events, mails
//! (`docs/rules.md` §5, §6, §9). The verdicts themselves are made beside the prefixes' types.

use crate::asn::Asn;
use crate::mail::{MailIntent, Milestone};
use crate::peering_service::{ActivePath, PrefixEvent, PrefixEventKind, Seen, ServicePrefix, ServiceVerdict};
use crate::registered_prefix::{PrefixState, PrefixVerdict, RegisteredPrefix};
use jiff::Timestamp;

/// A registered prefix brought up to a new verdict, and what to tell; `None` when nothing changed.
/// `fresh_key` is used when this is the first time that it is Verified.
pub fn registered(
    prefix: &RegisteredPrefix,
    peering_name: &str,
    verdict: PrefixVerdict,
    fresh_key: impl FnOnce() -> String,
    now: Timestamp,
) -> Option<(RegisteredPrefix, Vec<MailIntent>)> {
    if !differs(&prefix.verdict, &verdict) {
        return None;
    }
    let mut next = prefix.clone();
    let (from, to) = (prefix.verdict.state, verdict.state);
    if from != to {
        next.since = now;
    }
    next.verdict = verdict;
    let reason = next.verdict.error_message.clone().unwrap_or_default();
    let mail = |milestone, facts: Vec<(&str, String)>, text: &str| MailIntent {
        key: format!("registeredPrefix/{}/{milestone:?}/{}", prefix.id, now.as_millisecond()),
        milestone,
        subject: format!("{} on {peering_name}", prefix.prefix),
        facts: [("Prefix", prefix.prefix.to_string()), ("Name", prefix.name.clone())]
            .into_iter()
            .chain(facts)
            .map(|(label, value)| (label.to_owned(), value))
            .collect(),
        next: text.to_owned(),
    };
    let mut mails = Vec::new();
    if to == PrefixState::Verified && next.key.is_none() {
        let key = fresh_key();
        next.key = Some(key.clone());
        mails.push(mail(
            Milestone::PrefixVerified,
            vec![("Prefix key", key)],
            "Activate it on a peering service with this key; one key serves all locations.",
        ));
    } else if to == PrefixState::Verified && prefix.troubled {
        next.troubled = false;
        mails.push(mail(Milestone::PrefixNormal, vec![], "Every check passes again; nothing is to be done."));
    } else if matches!(to, PrefixState::Warning | PrefixState::Failed | PrefixState::Invalid)
        && !prefix.troubled
    {
        next.troubled = true;
        let what_next = match next.verdict.is_the_hosts() {
            true => "Nothing is to be done on your side; the prefix is looked at again by itself.",
            false => "Mend what the reason names; the prefix is looked at again by itself.",
        };
        mails.push(mail(Milestone::PrefixFailed, vec![("Why", reason)], what_next));
    }
    Some((next, mails))
}

/// True when two verdicts differ in more than when their evidence was seen.
fn differs(a: &PrefixVerdict, b: &PrefixVerdict) -> bool {
    let timeless = |v: &PrefixVerdict| {
        let mut v = v.clone();
        for evidence in v.checks.iter_mut().flat_map(|c| &mut c.evidence) {
            evidence.at = Timestamp::UNIX_EPOCH;
        }
        v
    };
    timeless(a) != timeless(b)
}

/// An activated prefix brought up to a new verdict, with its events and mails; `None` when nothing
/// changed. `provider_asn` is the origin that is expected.
pub fn service(
    prefix: &ServicePrefix,
    service_name: &str,
    verdict: ServiceVerdict,
    seen: Seen,
    provider_asn: Asn,
    now: Timestamp,
) -> Option<(ServicePrefix, Vec<PrefixEvent>, Vec<MailIntent>)> {
    let same = !differs(&prefix.verdict, &verdict.verdict)
        && (prefix.learned, &prefix.active_path, &prefix.seen)
            == (verdict.learned, &verdict.active_path, &seen);
    if same {
        return None;
    }
    let mut events = Vec::new();
    let mut event = |kind, description: String| events.push(PrefixEvent { at: now, kind, description });
    use PrefixEventKind as K;
    received(
        prefix.seen.primary,
        seen.primary,
        [K::PrefixAnnouncementEvent, K::PrefixWithdrawalEvent],
        "primary",
        &mut event,
    );
    received(
        prefix.seen.backup,
        seen.backup,
        [K::PrefixBackupRouteAnnouncementEvent, K::PrefixBackupRouteWithdrawalEvent],
        "backup",
        &mut event,
    );
    let foreign = |old: Option<Asn>, new: Option<Asn>| new.filter(|&n| n != provider_asn && old != Some(n));
    if let Some(asn) = foreign(prefix.seen.primary, seen.primary) {
        event(
            K::PrefixOriginAsChangeEvent,
            format!("the route at the primary location has origin AS{asn}, not AS{provider_asn}"),
        );
    }
    if let Some(asn) = foreign(prefix.seen.backup, seen.backup) {
        event(
            K::PrefixBackupRouteOriginAsChangeEvent,
            format!("the route at the backup location has origin AS{asn}, not AS{provider_asn}"),
        );
    }
    let moved = prefix.active_path != verdict.active_path;
    let drained = verdict.drained;
    if moved {
        event(K::PrefixActivePath, format!("traffic leaves {}", describe(&verdict.active_path)));
    }
    if prefix.seen.backup.is_some() != seen.backup.is_some() {
        let what = if seen.backup.is_some() { "the backup location" } else { "the Internet" };
        event(K::PrefixBackupPath, format!("should the primary location fail, traffic leaves over {what}"));
    }
    let mut next = prefix.clone();
    next.verdict = verdict.verdict;
    next.learned = verdict.learned;
    next.active_path = verdict.active_path;
    next.seen = seen;
    let mut mails = Vec::new();
    let mut mail = |milestone: Milestone, text: &str| {
        mails.push(MailIntent {
            key: format!("servicePrefix/{}/{milestone:?}/{}", prefix.id, now.as_millisecond()),
            milestone,
            subject: format!("{} on {service_name}", prefix.prefix),
            facts: vec![
                ("Prefix".to_owned(), prefix.prefix.to_string()),
                ("Traffic leaves".to_owned(), describe(&next.active_path).to_owned()),
            ],
            next: text.to_owned(),
        });
    };
    if next.activated_at.is_none() && next.verdict.state == PrefixState::Verified {
        next.activated_at = Some(now);
        mail(Milestone::PrefixActivated, "Its traffic is carried to the primary location from everywhere.");
    } else if moved && prefix.activated_at.is_some() {
        match next.active_path {
            ActivePath::Primary => mail(Milestone::BackOnPrimary, "Nothing is to be done."),
            // Who drains a location knows where traffic goes; the event and the page tell it all the same.
            ActivePath::Backup | ActivePath::Ordinary | ActivePath::Internet if drained => {}
            ActivePath::Backup => {
                mail(Milestone::MovedToBackup, "Look at the sessions of the primary location.")
            }
            ActivePath::Ordinary | ActivePath::Internet => {
                mail(Milestone::MovedToInternet, "Look at the sessions of both locations.");
            }
        }
    }
    Some((next, events, mails))
}

fn received(
    old: Option<Asn>,
    new: Option<Asn>,
    [announced, withdrawn]: [PrefixEventKind; 2],
    which: &str,
    event: &mut impl FnMut(PrefixEventKind, String),
) {
    match (old, new) {
        (None, Some(asn)) => event(announced, format!("announced by AS{asn} at the {which} location")),
        (Some(_), None) => event(withdrawn, format!("withdrawn at the {which} location")),
        _ => {}
    }
}

fn describe(path: &ActivePath) -> &'static str {
    match path {
        ActivePath::Primary => "at the primary location",
        ActivePath::Backup => "at the backup location",
        ActivePath::Ordinary => "over ordinary peering elsewhere",
        ActivePath::Internet => "over the Internet",
    }
}

#[cfg(test)]
mod tests;
