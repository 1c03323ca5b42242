//! Peerings as they are asked for, and the rules they must keep (`docs/rules.md` §2).
//!
//! A draft is what was sent in, with anything possibly missing or wrong; [`validate`] turns it into
//! a [`PeeringSpec`] or tells every violation. Uniqueness among peerings is the store's business.

use crate::asn::Asn;
use crate::connectivity_probe::{ConnectivityProbe, ProbeDraft};
use crate::inventory::OfferingKind;
use crate::prefix::Prefix;
use crate::secret::Secret;
use crate::stamp::Stamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

mod validate;
pub use validate::{ExistingConnection, MAX_LAG_MEMBERS, ResolvedAsn, ValidateContext, check_kind, validate};

/// `Premium_Direct_Free`, …: what a peering costs and may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(non_camel_case_types)]
pub enum Sku {
    /// With Peering Service.
    Premium_Direct_Free,
    /// Plain.
    Basic_Direct_Free,
    /// At an exchange.
    Basic_Exchange_Free,
}

impl Sku {
    /// The name in the wire format.
    pub fn wire_name(self) -> &'static str {
        match self {
            Self::Premium_Direct_Free => "Premium_Direct_Free",
            Self::Basic_Direct_Free => "Basic_Direct_Free",
            Self::Basic_Exchange_Free => "Basic_Exchange_Free",
        }
    }
}

/// Who gives the session addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AddressProvider {
    /// The host; `Microsoft` in the wire format.
    Host,
    /// The peer.
    Peer,
}

/// What is asked of one connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionSpec {
    /// GUID, unique in the peering, lower case.
    pub identifier: String,
    /// Capacity of the LAG.
    pub bandwidth_mbps: u32,
    /// PeeringDB facility.
    pub facility_id: i32,
    /// Who gives addresses.
    pub address_provider: AddressProvider,
    /// With Peering Service.
    pub use_for_peering_service: bool,
    /// The peer's IPv4 session subnet, with peer addressing.
    pub session_prefix_v4: Option<Prefix>,
    /// The peer's IPv6 session subnet, with peer addressing.
    pub session_prefix_v6: Option<Prefix>,
    /// Most IPv4 prefixes on the session.
    pub max_prefixes_v4: u32,
    /// Most IPv6 prefixes; `None`: no IPv6 session.
    pub max_prefixes_v6: Option<u32>,
    /// TCP MD5 key. Never stored with the rest: the store seals it in a place of its own.
    #[serde(skip)]
    pub md5_key: Option<Secret>,
}

impl ConnectionSpec {
    /// The session subnets that the peer gives, IPv4 first.
    pub fn given_prefixes(&self) -> impl Iterator<Item = Prefix> + '_ {
        let given = self.address_provider == AddressProvider::Peer;
        [self.session_prefix_v4, self.session_prefix_v6].into_iter().flatten().filter(move |_| given)
    }
}

/// What is asked of a peering.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeeringSpec {
    /// ARM location (the host's region), as sent.
    pub region: String,
    /// The offering.
    pub offering: OfferingKind,
    /// The SKU.
    pub sku: Sku,
    /// Peering location by its inventory name.
    pub location: String,
    /// Resource name of the peer ASN in the same subscription.
    pub peer_asn_name: String,
    /// Its number.
    pub asn: Asn,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Connectivity probes, in the order sent.
    #[serde(default)]
    pub probes: Vec<ConnectivityProbe>,
}

impl PeeringSpec {
    /// True when it is used for Peering Service, given its connections.
    pub fn peering_service<'a>(&self, connections: impl IntoIterator<Item = &'a ConnectionSpec>) -> bool {
        self.offering.peering_service(connections.into_iter().any(|c| c.use_for_peering_service))
    }
}

/// A peering.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Peering {
    /// Database id.
    pub id: i64,
    /// Subscription.
    pub subscription: String,
    /// Resource group, as first written.
    pub resource_group: String,
    /// Resource name, as first written.
    pub name: String,
    /// What was asked.
    pub spec: PeeringSpec,
    /// True from the moment its deletion was accepted until everything is freed.
    pub deleting: bool,
    /// Who made and changed it, and when.
    #[serde(flatten)]
    pub stamp: Stamp,
}

/// A connection as sent in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConnectionDraft {
    /// `connectionIdentifier`.
    pub identifier: Option<String>,
    /// `bandwidthInMbps`.
    pub bandwidth_mbps: Option<i64>,
    /// `peeringDBFacilityId`.
    pub facility_id: Option<i64>,
    /// `sessionAddressProvider`.
    pub address_provider: Option<String>,
    /// `useForPeeringService`.
    pub use_for_peering_service: Option<bool>,
    /// `bgpSession.sessionPrefixV4`.
    pub session_prefix_v4: Option<String>,
    /// `bgpSession.sessionPrefixV6`.
    pub session_prefix_v6: Option<String>,
    /// `bgpSession.maxPrefixesAdvertisedV4`.
    pub max_prefixes_v4: Option<i64>,
    /// `bgpSession.maxPrefixesAdvertisedV6`.
    pub max_prefixes_v6: Option<i64>,
    /// `bgpSession.md5AuthenticationKey`.
    pub md5_key: Option<Secret>,
}

/// A peering as sent in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PeeringDraft {
    /// Name from the path.
    pub name: String,
    /// `kind`.
    pub kind: Option<String>,
    /// `sku.name`.
    pub sku: Option<String>,
    /// `location`.
    pub region: Option<String>,
    /// `properties.peeringLocation`.
    pub location: Option<String>,
    /// `properties.direct.directPeeringType`.
    pub direct_peering_type: Option<String>,
    /// `properties.direct.peerAsn.id`.
    pub peer_asn_id: Option<String>,
    /// `properties.direct.connections`.
    pub connections: Vec<ConnectionDraft>,
    /// `tags`.
    pub tags: BTreeMap<String, String>,
    /// `properties.connectivityProbes`; none: those that there are stay.
    pub probes: Option<Vec<ProbeDraft>>,
}

/// True for a resource name that the rules allow: `[A-Za-z0-9_.-]{1,63}`, and neither `.` nor `..`.
pub fn is_resource_name(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
        && !name.chars().all(|c| c == '.')
}

/// A GUID in its usual form, lower case with hyphens; it may be written without them. `None`: it is none.
pub fn guid(text: &str) -> Option<String> {
    let digits: String = match text.len() {
        32 => text.to_owned(),
        36 if [8, 13, 18, 23].iter().all(|i| text.as_bytes()[*i] == b'-') => text.replace('-', ""),
        _ => return None,
    };
    let fine = digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    let parts = fine.then(|| [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| &digits[range]));
    parts.map(|parts| parts.join("-").to_ascii_lowercase())
}
