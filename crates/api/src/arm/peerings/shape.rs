//! What peerings and legacy peerings have in common as they are shown: the SKU, a reference to the peer
//! ASN, the BGP session, and names of the wire format.

use meetme_model::Prefix;
use meetme_model::inventory::OfferingKind;
use meetme_model::peering::{AddressProvider, Sku};
use serde::Serialize;
use std::net::IpAddr;

/// `sku`.
#[derive(Serialize)]
pub(crate) struct ShownSku {
    name: &'static str,
    tier: &'static str,
    family: &'static str,
    size: &'static str,
}

impl From<Sku> for ShownSku {
    fn from(sku: Sku) -> Self {
        let (tier, family) = match sku {
            Sku::Premium_Direct_Free => ("Premium", "Direct"),
            Sku::Basic_Direct_Free => ("Basic", "Direct"),
            Sku::Basic_Exchange_Free => ("Basic", "Exchange"),
        };
        Self { name: sku.wire_name(), tier, family, size: "Free" }
    }
}

/// A reference to another resource.
#[derive(Serialize)]
pub(crate) struct SubResource {
    pub id: String,
}

/// `bgpSession`: both address families of a connection.
#[derive(Serialize)]
pub(crate) struct BgpSession {
    #[serde(rename = "sessionPrefixV4", skip_serializing_if = "Option::is_none")]
    pub session_prefix_v4: Option<Prefix>,
    #[serde(rename = "sessionPrefixV6", skip_serializing_if = "Option::is_none")]
    pub session_prefix_v6: Option<Prefix>,
    #[serde(rename = "microsoftSessionIPv4Address", skip_serializing_if = "Option::is_none")]
    pub host_v4: Option<IpAddr>,
    #[serde(rename = "microsoftSessionIPv6Address", skip_serializing_if = "Option::is_none")]
    pub host_v6: Option<IpAddr>,
    #[serde(rename = "peerSessionIPv4Address", skip_serializing_if = "Option::is_none")]
    pub peer_v4: Option<IpAddr>,
    #[serde(rename = "peerSessionIPv6Address", skip_serializing_if = "Option::is_none")]
    pub peer_v6: Option<IpAddr>,
    #[serde(rename = "sessionStateV4")]
    pub state_v4: &'static str,
    #[serde(rename = "sessionStateV6")]
    pub state_v6: &'static str,
    #[serde(rename = "maxPrefixesAdvertisedV4")]
    pub max_prefixes_v4: u32,
    #[serde(rename = "maxPrefixesAdvertisedV6", skip_serializing_if = "Option::is_none")]
    pub max_prefixes_v6: Option<u32>,
    /// An extension: the key itself is never shown.
    #[serde(rename = "md5AuthenticationKeyIsSet", skip_serializing_if = "is_false")]
    pub md5_key_is_set: bool,
}

fn is_false(b: &bool) -> bool {
    !b
}

/// `directPeeringType`.
pub(crate) fn offering_name(kind: OfferingKind) -> &'static str {
    match kind {
        OfferingKind::Voice => "Voice",
        OfferingKind::Edge => "Edge",
        OfferingKind::IxRs => "IxRs",
        OfferingKind::Exchange => "Ix",
    }
}

/// `sessionAddressProvider`: the host is "Microsoft" on the wire.
pub(crate) fn provider_name(provider: AddressProvider) -> &'static str {
    match provider {
        AddressProvider::Host => "Microsoft",
        AddressProvider::Peer => "Peer",
    }
}
