//! What the host tells peers of besides what it sells: prefixes served near a location, and
//! sessions that are older than the product, which it lists and never touches.

use super::{Inventory, OfferingKind, Site};
use crate::asn::Asn;
use crate::community::Community;
use crate::peering::{AddressProvider, Sku};
use crate::prefix::Prefix;
use crate::session_space;
use serde::{Deserialize, Serialize};

/// A prefix of the host that is served at or near a location.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CdnPrefix {
    /// The prefix, within [`super::Host::announced`].
    pub prefix: Prefix,
    /// The location.
    pub location: String,
    /// What is served from it, as shown: `Content`.
    pub service: String,
    /// The community that its announcement carries.
    #[serde(default)]
    pub community: Option<Community>,
    /// Whether this is the prefix's first place; it has one at most.
    #[serde(default)]
    pub primary: bool,
}

/// `kind` of a peering.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PeeringKind {
    /// On an interconnect of its own.
    Direct,
    /// At an exchange.
    Exchange,
}

/// A peer's session that somebody configured before there was Meetme.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LegacySession {
    /// The edge router it is on.
    pub router: String,
    /// Its kind.
    pub kind: PeeringKind,
    /// What it comes closest to among the offerings; says nothing at an exchange.
    #[serde(default = "default_type", rename = "type")]
    pub direct_type: OfferingKind,
    /// The peer's ASN.
    pub asn: Asn,
    /// Who the peer is, for people.
    pub peer_name: String,
    /// The IPv4 subnet of both ends; at an exchange, the exchange's.
    pub session_prefix_v4: Prefix,
    /// The IPv6 subnet, when there is a session for it.
    #[serde(default)]
    pub session_prefix_v6: Option<Prefix>,
    /// Its capacity.
    pub bandwidth_mbps: u32,
    /// Its interface, when it is known. Not one of those that Meetme gives out.
    #[serde(default)]
    pub port: Option<String>,
    /// Most IPv4 prefixes on the session.
    #[serde(default = "default_max_prefixes_v4")]
    pub max_prefixes_v4: u32,
    /// Most IPv6 prefixes on the session.
    #[serde(default = "default_max_prefixes_v6")]
    pub max_prefixes_v6: u32,
}

fn default_type() -> OfferingKind {
    OfferingKind::Edge
}

fn default_max_prefixes_v4() -> u32 {
    1_000
}

fn default_max_prefixes_v6() -> u32 {
    100
}

impl LegacySession {
    /// The offering that it would be converted to.
    pub fn offering(&self) -> OfferingKind {
        match self.kind {
            PeeringKind::Direct => self.direct_type,
            PeeringKind::Exchange => OfferingKind::Exchange,
        }
    }

    /// The SKU of a plain peering of that offering.
    pub fn sku(&self) -> Sku {
        match self.offering() {
            OfferingKind::Voice | OfferingKind::IxRs => Sku::Premium_Direct_Free,
            OfferingKind::Edge => Sku::Basic_Direct_Free,
            OfferingKind::Exchange => Sku::Basic_Exchange_Free,
        }
    }

    /// Its subnets.
    pub fn subnets(&self) -> impl Iterator<Item = Prefix> + '_ {
        [Some(self.session_prefix_v4), self.session_prefix_v6].into_iter().flatten()
    }
}

impl Inventory {
    /// The site of a session that is older than the product.
    pub fn site_of(&self, session: &LegacySession) -> Option<&Site> {
        self.router(&session.router).and_then(|r| self.site(&r.site))
    }

    /// The direct sessions that are older than the product and have addresses of `subnet`. At an
    /// exchange many share one subnet, so it is nobody's there.
    pub fn legacy_sessions_with(&self, subnet: Prefix) -> impl Iterator<Item = &LegacySession> {
        self.legacy_sessions
            .iter()
            .filter(move |s| s.kind == PeeringKind::Direct && s.subnets().any(|own| own.overlaps(subnet)))
    }

    /// Who gives a session's addresses once it is converted. Those that a peer may not give, and
    /// those of a Voice peering, can't be the peer's (`docs/rules.md` §2): it gets new ones.
    pub fn address_provider_of(&self, session: &LegacySession) -> AddressProvider {
        let refused = session.subnets().any(|subnet| !session_space::faults(subnet, self).is_empty());
        if refused || session.offering() == OfferingKind::Voice {
            AddressProvider::Host
        } else {
            AddressProvider::Peer
        }
    }
}
