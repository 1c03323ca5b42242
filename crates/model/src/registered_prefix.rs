//! Prefixes that a peer registers on a peering, and the continuous verdict on each
//! (`docs/rules.md` §5). The verdict is a pure function of what the sessions show.

use crate::prefix::Prefix;
use crate::stamp::Stamp;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

mod verdict;
pub use verdict::{SessionView, VerdictContext, verdict};

/// `prefixValidationState`, of registered prefixes and of peering-service prefixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PrefixState {
    /// Nothing known.
    None,
    /// Not seen yet, or being checked.
    Pending,
    /// Every check passes.
    Verified,
    /// Was verified; now missing from some sessions, or a check fails on some.
    Warning,
    /// A check fails on all.
    Failed,
    /// Can never pass.
    Invalid,
    /// The edge can't be reached.
    Unknown,
}

impl PrefixState {
    /// The name in the wire format.
    pub fn wire_name(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Pending => "Pending",
            Self::Verified => "Verified",
            Self::Warning => "Warning",
            Self::Failed => "Failed",
            Self::Invalid => "Invalid",
            Self::Unknown => "Unknown",
        }
    }
}

/// Class of traffic that a subnet houses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TrafficClass {
    /// Voice and video media.
    Media,
    /// SIP and other signalling.
    Signalling,
    /// Messaging.
    Messaging,
    /// Anything else.
    Other,
}

/// Kind of endpoints that a subnet houses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EndpointKind {
    /// Session border controller.
    Sbc,
    /// SIP gateway.
    SipGateway,
    /// Media relay.
    MediaRelay,
    /// Anything else.
    Other,
}

/// What the peer says of a subnet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Classes of traffic.
    #[serde(default)]
    pub traffic_classes: Vec<TrafficClass>,
    /// Kinds of endpoints.
    #[serde(default)]
    pub endpoints: Vec<EndpointKind>,
}

/// A registered prefix with its verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RegisteredPrefix {
    /// Database id.
    pub id: i64,
    /// The peering it is registered on.
    pub peering_id: i64,
    /// Resource name.
    pub name: String,
    /// The prefix.
    pub prefix: Prefix,
    /// What it houses.
    pub usage: Usage,
    /// The prefix key; exists from the first Verified on, and never changes.
    pub key: Option<String>,
    /// The latest verdict.
    pub verdict: PrefixVerdict,
    /// True from the mail about a failing check until the one that all is well again.
    #[serde(default)]
    pub troubled: bool,
    /// Since when the state is what it is.
    pub since: Timestamp,
    /// Who made and changed it, and when.
    #[serde(flatten)]
    pub stamp: Stamp,
}

/// State with the checks behind it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PrefixVerdict {
    /// The state.
    pub state: PrefixState,
    /// Why it isn't Verified, and what to do.
    pub error_message: Option<String>,
    /// Each check with its own evidence.
    pub checks: Vec<Check>,
}

impl PrefixVerdict {
    /// True when nothing but a router of the host's speaks against it: then its peer has nothing to do.
    pub fn is_the_hosts(&self) -> bool {
        let failing = |c: &&Check| matches!(c.outcome, CheckOutcome::Failed | CheckOutcome::Partial);
        let mut failing = self.checks.iter().filter(failing).peekable();
        failing.peek().is_some() && failing.all(|c| c.kind == CheckKind::RouterChoice)
    }

    /// The verdict on a prefix that nothing was seen of.
    pub fn pending() -> Self {
        Self { state: PrefixState::Pending, error_message: None, checks: Vec::new() }
    }
}

/// The checks of `docs/rules.md` §5 (and §6), in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CheckKind {
    /// Public unicast space.
    PublicSpace,
    /// Origin ASN is the peer's or an associated one.
    Origin,
    /// Origin found in RPKI or an IRR.
    OriginRegistry,
    /// Received on every session.
    ReceivedEverywhere,
    /// The offering's community.
    Community,
    /// AS path: no private ASN, length, no prepending.
    AsPath,
    /// Not RPKI invalid.
    Rpki,
    /// Used on every session that it is received on.
    Used,
    /// The routers of those sessions say so, too.
    RouterChoice,
}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CheckOutcome {
    /// Passes on all sessions that were looked at.
    Passed,
    /// Fails on some.
    Partial,
    /// Fails on all.
    Failed,
    /// Nothing to look at yet.
    Pending,
    /// Not configured: nothing is claimed.
    NotChecked,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Which.
    pub kind: CheckKind,
    /// How it came out.
    pub outcome: CheckOutcome,
    /// In a sentence, with what to do when it didn't pass.
    pub message: String,
    /// What was seen where.
    pub evidence: Vec<Evidence>,
}

/// What one session shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// The session, by the peer's address.
    pub session: IpAddr,
    /// Our router.
    pub router: String,
    /// What was seen (`AS path 64510`, `not received`).
    pub seen: String,
    /// Whether it is as it should be.
    pub ok: bool,
    /// When.
    pub at: Timestamp,
}
