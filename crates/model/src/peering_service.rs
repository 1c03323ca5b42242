//! Peering services: prefixes activated for optimized routing by key, with a primary and a backup
//! location (`docs/rules.md` §6).

use crate::asn::Asn;
use crate::prefix::Prefix;
use crate::registered_prefix::PrefixVerdict;
use crate::stamp::Stamp;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

mod path;
mod verdict;
pub use path::{PathSeen, PathSince, Places};
pub use verdict::{ServiceContext, ServiceVerdict, service_verdict};

/// A peering service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PeeringService {
    /// Database id.
    pub id: i64,
    /// Subscription.
    pub subscription: String,
    /// Resource group, as first written.
    pub resource_group: String,
    /// Resource name.
    pub name: String,
    /// What was asked.
    pub spec: PeeringServiceSpec,
    /// Who made and changed it, and when.
    #[serde(flatten)]
    pub stamp: Stamp,
}

/// What a peering service is asked to be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PeeringServiceSpec {
    /// ARM location (the host's region).
    pub region: String,
    /// `peeringServiceLocation`.
    pub location: String,
    /// `peeringServiceProvider`: the peer's name.
    pub provider: String,
    /// Primary peering location.
    pub primary: Option<String>,
    /// Backup peering location; none: the Internet.
    pub backup: Option<String>,
    /// SKU name.
    pub sku: Option<String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

/// `learnedType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LearnedType {
    /// Not learned.
    None,
    /// From the provider's sessions.
    ViaServiceProvider,
    /// From a session of the subscription's own.
    ViaSession,
}

/// Where traffic for an activated prefix leaves the host's network now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ActivePath {
    /// At the primary location.
    Primary,
    /// At the backup location.
    Backup,
    /// Over ordinary peering elsewhere.
    Ordinary,
    /// Over the Internet.
    Internet,
}

/// An activated prefix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServicePrefix {
    /// Database id.
    pub id: i64,
    /// The peering service.
    pub service_id: i64,
    /// Resource name.
    pub name: String,
    /// The prefix.
    pub prefix: Prefix,
    /// The prefix key it was activated with.
    pub key: String,
    /// The registration that the key belongs to.
    pub registered_prefix_id: i64,
    /// The latest verdict.
    pub verdict: PrefixVerdict,
    /// How it is learned.
    pub learned: LearnedType,
    /// Where its traffic leaves.
    pub active_path: ActivePath,
    /// What was seen last, to tell what changed.
    #[serde(default)]
    pub seen: Seen,
    /// When it was first Verified.
    #[serde(default)]
    pub activated_at: Option<Timestamp>,
    /// The newest entry of its history: where traffic leaves, and since when.
    #[serde(default)]
    pub path: Option<PathSince>,
    /// Who made and changed it, and when.
    #[serde(flatten)]
    pub stamp: Stamp,
}

/// What the sessions showed of an activated prefix when it was looked at last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Origin ASN of the route at the primary location, when there is one.
    pub primary: Option<Asn>,
    /// Origin ASN of the route at the backup location, when there is one.
    pub backup: Option<Asn>,
}

/// Kinds of prefix events, with their level and summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PrefixEventKind {
    /// Announcement received at the primary.
    PrefixAnnouncementEvent,
    /// Withdrawn at the primary.
    PrefixWithdrawalEvent,
    /// Announcement received at the backup.
    PrefixBackupRouteAnnouncementEvent,
    /// Withdrawn at the backup.
    PrefixBackupRouteWithdrawalEvent,
    /// The active route changed.
    PrefixActivePath,
    /// The backup route changed.
    PrefixBackupPath,
    /// Another origin ASN on the active route.
    PrefixOriginAsChangeEvent,
    /// Another origin ASN on the backup route.
    PrefixBackupRouteOriginAsChangeEvent,
}

impl PrefixEventKind {
    /// Wire name, level and summary.
    pub fn facts(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::PrefixAnnouncementEvent => {
                ("PrefixAnnouncementEvent", "Information", "Announcement received")
            }
            Self::PrefixWithdrawalEvent => ("PrefixWithdrawalEvent", "Warning", "Withdrawal received"),
            Self::PrefixBackupRouteAnnouncementEvent => {
                ("PrefixBackupRouteAnnouncementEvent", "Information", "Backup route announcement received")
            }
            Self::PrefixBackupRouteWithdrawalEvent => {
                ("PrefixBackupRouteWithdrawalEvent", "Warning", "Backup route withdrawal received")
            }
            Self::PrefixActivePath => ("PrefixActivePath", "Information", "Current active route"),
            Self::PrefixBackupPath => ("PrefixBackupPath", "Information", "Current backup route"),
            Self::PrefixOriginAsChangeEvent => {
                ("PrefixOriginAsChangeEvent", "Critical", "Active route with a different origin ASN")
            }
            Self::PrefixBackupRouteOriginAsChangeEvent => {
                ("PrefixBackupRouteOriginAsChangeEvent", "Error", "Backup route with a different origin ASN")
            }
        }
    }
}

/// An event of an activated prefix: written once per change and kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrefixEvent {
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: PrefixEventKind,
    /// In a sentence: session, router, path.
    pub description: String,
}
