//! The milestones that people are written to about (`docs/rules.md` §9): which there are, whom
//! each concerns, and what it has to tell. How a mail looks and how it is sent is elsewhere.

use crate::peer_asn::ContactRole;
use serde::{Deserialize, Serialize};

/// A step of a peer's journey that mails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Milestone {
    /// An ASN was claimed; proof or a decision is awaited.
    AsnRequested,
    /// The claim was approved.
    AsnApproved,
    /// The claim was refused.
    AsnRefused,
    /// A peering was requested.
    PeeringRequested,
    /// A connection was approved.
    ConnectionApproved,
    /// A connection was refused.
    ConnectionRefused,
    /// A letter of authorization was issued.
    LoaIssued,
    /// A letter of authorization is about to end unused.
    LoaExpiring,
    /// A letter of authorization ended unused.
    LoaExpired,
    /// Port and LAG are configured; the session addresses are known.
    PortConfigured,
    /// Light was seen on a port.
    LightSeen,
    /// The LAG is up.
    LagUp,
    /// BFD and BGP are up; routes are being validated.
    SessionUp,
    /// The connection is Active.
    ConnectionActive,
    /// The host's side failed.
    ConnectionFailed,
    /// The peer's side is awaited beyond its deadline.
    ConnectionBlocked,
    /// What was awaited happened.
    ConnectionUnblocked,
    /// A registered prefix is verified and has its key.
    PrefixVerified,
    /// A registered prefix fails a check.
    PrefixFailed,
    /// A registered prefix is back to normal.
    PrefixNormal,
    /// A prefix is activated.
    PrefixActivated,
    /// An activated prefix's traffic moved to the backup location.
    MovedToBackup,
    /// An activated prefix's traffic moved to the Internet.
    MovedToInternet,
    /// An activated prefix's traffic is back on the primary location.
    BackOnPrimary,
}

impl Milestone {
    /// The roles that it concerns; a peer without such a contact is written to at its Noc.
    pub fn audience(self) -> &'static [ContactRole] {
        use ContactRole::{Noc, Policy, Service, Technical};
        match self {
            Self::AsnRequested | Self::AsnApproved | Self::AsnRefused => &[Noc, Policy],
            Self::PeeringRequested | Self::ConnectionApproved | Self::ConnectionRefused => {
                &[Noc, Policy, Technical]
            }
            Self::LoaIssued
            | Self::LoaExpiring
            | Self::LoaExpired
            | Self::PortConfigured
            | Self::LightSeen
            | Self::LagUp
            | Self::SessionUp
            | Self::ConnectionActive
            | Self::ConnectionFailed
            | Self::ConnectionBlocked
            | Self::ConnectionUnblocked => &[Noc, Technical],
            Self::PrefixVerified
            | Self::PrefixFailed
            | Self::PrefixNormal
            | Self::PrefixActivated
            | Self::MovedToBackup
            | Self::MovedToInternet
            | Self::BackOnPrimary => &[Noc, Technical, Service],
        }
    }
}

/// A mail to be sent: once for each `key`, however often it is planned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailIntent {
    /// Identifies the occurrence: `connection/12/LagUp`.
    pub key: String,
    /// What happened.
    pub milestone: Milestone,
    /// What it happened to, for a person: `connection contoso-ams-2`.
    pub subject: String,
    /// What to tell, label and value, in order.
    pub facts: Vec<(String, String)>,
    /// What the reader should do, or what comes next.
    pub next: String,
}
