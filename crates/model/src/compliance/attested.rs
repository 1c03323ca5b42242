//! What only the peer can say: it states it, and what probes see may speak against it. A statement
//! is never taken for a measurement.

use super::{Facts, Finding, Requirement, Sighting, Standing};
use crate::connectivity_probe::ProbeProtocol;
use crate::probe::ProbeOutcome;
use crate::violation::Violations;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Longest note, in bytes.
const NOTE_BYTES: usize = 1000;
/// Tries of two probes are held against each other when they are no further apart.
const TOGETHER: SignedDuration = SignedDuration::from_mins(5);

/// The requirements that a peer states.
pub const ATTESTABLE: [Requirement; 2] = [Requirement::NoRateLimit, Requirement::NoStatefulFirewall];

/// A peer's statement that one of its peerings meets a requirement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attestation {
    /// Which: one of [`ATTESTABLE`].
    pub requirement: Requirement,
    /// Who stated it.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// In the peer's own words; may be empty.
    pub note: String,
}

/// A connectivity probe with what its newest try came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Probed {
    /// Where it goes.
    pub endpoint: IpAddr,
    /// What it sends.
    pub protocol: ProbeProtocol,
    /// What came of it.
    pub outcome: ProbeOutcome,
}

/// The requirement of this name on the wire, any case, if it is one that a peer states.
pub fn attestable(name: &str) -> Option<Requirement> {
    ATTESTABLE.into_iter().find(|r| r.wire_name().eq_ignore_ascii_case(name))
}

/// A note as sent in; what is wrong is added to `v`.
pub fn check_note(note: &str, v: &mut Violations) -> String {
    let note = note.trim();
    if note.len() > NOTE_BYTES || note.chars().any(|c| c.is_control() && c != '\n' && c != '\r') {
        v.add(
            "NoteInvalid",
            "note",
            format!("a note has up to {NOTE_BYTES} bytes and no control characters"),
        );
    }
    note.to_owned()
}

/// No rate limits. Probes are too few to tell.
pub(super) fn no_rate_limit(facts: &Facts<'_>) -> Finding {
    stated(facts, Requirement::NoRateLimit, "nothing on your side limits the rate", Vec::new())
}

/// No stateful firewall.
pub(super) fn no_stateful_firewall(facts: &Facts<'_>) -> Finding {
    let against = filtered(facts.probes);
    stated(facts, Requirement::NoStatefulFirewall, "no stateful firewall is in the way", against)
}

/// Endpoints that answer an echo but leave a TCP connection without any answer, which isn't even a
/// refusal: something in between drops it.
fn filtered(probes: &[Probed]) -> Vec<Sighting> {
    let unanswered = |p: &&Probed| p.outcome.rtt_ms.is_none() && !p.outcome.untried;
    let tcp = probes.iter().filter(|p| p.protocol == ProbeProtocol::Tcp).filter(unanswered);
    let silent = tcp.filter(|t| {
        probes.iter().any(|p| {
            p.protocol == ProbeProtocol::Icmp
                && p.endpoint == t.endpoint
                && p.outcome.rtt_ms.is_some()
                && p.outcome.at.duration_since(t.outcome.at).abs() <= TOGETHER
        })
    });
    silent
        .map(|t| {
            let seen = "answers ICMP, but TCP neither with a connection nor with a refusal";
            Sighting::new(format!("probe of {}", t.endpoint), seen, Some(false), Some(t.outcome.at))
        })
        .collect()
}

fn stated(facts: &Facts<'_>, requirement: Requirement, what: &str, against: Vec<Sighting>) -> Finding {
    let attestation = facts.attestations.iter().find(|a| a.requirement == requirement).cloned();
    let (standing, message) = match (&attestation, against.is_empty()) {
        (Some(_), true) => (Standing::Attested, format!("you state that {what}; it isn't measured")),
        (Some(_), false) => (
            Standing::Contradicted,
            format!(
                "you state that {what}, and probes see otherwise: look into it, or withdraw the statement"
            ),
        ),
        (None, true) => (
            Standing::Unknown,
            format!("unknown: that {what} is neither stated nor measured; state it if it is so"),
        ),
        (None, false) => {
            (Standing::Unknown, format!("unknown: that {what} isn't stated, and probes speak against it"))
        }
    };
    Finding { attestable: true, attestation, ..Finding::new(requirement, standing, message, against) }
}
