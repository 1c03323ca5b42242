//! A legacy peering as it is shown: what of a peering is known without a connection of ours.

use crate::arm::peerings::{BgpSession, ShownSku, SubResource, offering_name, provider_name};
use meetme_model::Prefix;
use meetme_model::connection::SessionSubnet;
use meetme_model::inventory::{Inventory, LegacySession, Location, PeeringKind};
use meetme_model::peering::AddressProvider;
use serde::Serialize;

/// A legacy peering.
#[derive(Serialize)]
pub(super) struct Shown {
    id: String,
    name: String,
    r#type: &'static str,
    kind: &'static str,
    location: String,
    sku: ShownSku,
    properties: Properties,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Properties {
    #[serde(skip_serializing_if = "Option::is_none")]
    direct: Option<Peered>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exchange: Option<Peered>,
    peering_location: String,
    provisioning_state: &'static str,
}

/// `direct` or `exchange`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Peered {
    connections: Vec<ShownConnection>,
    #[serde(skip_serializing_if = "Option::is_none")]
    direct_peering_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    use_for_peering_service: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer_asn: Option<SubResource>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownConnection {
    #[serde(skip_serializing_if = "Option::is_none")]
    bandwidth_in_mbps: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_address_provider: Option<&'static str>,
    #[serde(rename = "peeringDBFacilityId")]
    facility_id: i32,
    connection_state: &'static str,
    bgp_session: BgpSession,
}

/// What a legacy peering is shown from.
pub(super) struct Source<'a> {
    pub subscription: &'a str,
    pub name: String,
    pub inventory: &'a Inventory,
    pub location: &'a Location,
    /// At least one; kind, type and ASN are those of the first.
    pub sessions: Vec<&'a LegacySession>,
    /// Id of the caller's resource for the ASN.
    pub peer_asn: Option<String>,
}

impl From<Source<'_>> for Shown {
    fn from(source: Source<'_>) -> Self {
        let first = source.sessions[0];
        let is_direct = first.kind == PeeringKind::Direct;
        let peered = Peered {
            connections: source.sessions.iter().map(|s| connection(source.inventory, s)).collect(),
            direct_peering_type: is_direct.then(|| offering_name(first.direct_type)),
            use_for_peering_service: is_direct.then_some(false),
            peer_asn: source.peer_asn.map(|id| SubResource { id }),
        };
        let (direct, exchange) = if is_direct { (Some(peered), None) } else { (None, Some(peered)) };
        Self {
            id: format!(
                "/subscriptions/{}/providers/Microsoft.Peering/legacyPeerings/{}",
                source.subscription, source.name
            ),
            name: source.name,
            r#type: "Microsoft.Peering/legacyPeerings",
            kind: kind_name(first.kind),
            location: source.location.region.clone(),
            sku: first.sku().into(),
            properties: Properties {
                direct,
                exchange,
                peering_location: source.location.name.clone(),
                provisioning_state: "Succeeded",
            },
        }
    }
}

fn kind_name(kind: PeeringKind) -> &'static str {
    match kind {
        PeeringKind::Direct => "Direct",
        PeeringKind::Exchange => "Exchange",
    }
}

/// A connection as it can be asked for. Addresses that the peer doesn't give are left out, since a
/// new connection gets new ones; at an exchange the subnet doesn't tell the ends.
fn connection(inventory: &Inventory, session: &LegacySession) -> ShownConnection {
    let direct = session.kind == PeeringKind::Direct;
    let provider = inventory.address_provider_of(session);
    let shows_subnets = !direct || provider == AddressProvider::Peer;
    let subnet = |prefix: Option<Prefix>| prefix.filter(|_| shows_subnets);
    let ends = |prefix: Option<Prefix>| subnet(prefix).filter(|_| direct).and_then(SessionSubnet::of);
    let (v4, v6) = (Some(session.session_prefix_v4), session.session_prefix_v6);
    ShownConnection {
        bandwidth_in_mbps: direct.then_some(session.bandwidth_mbps),
        session_address_provider: direct.then(|| provider_name(provider)),
        facility_id: inventory.site_of(session).map_or(0, |s| s.facility_id),
        connection_state: "None",
        bgp_session: BgpSession {
            session_prefix_v4: subnet(v4),
            session_prefix_v6: subnet(v6),
            host_v4: ends(v4).map(|s| s.host),
            host_v6: ends(v6).map(|s| s.host),
            peer_v4: ends(v4).map(|s| s.peer),
            peer_v6: ends(v6).map(|s| s.peer),
            state_v4: "None",
            state_v6: "None",
            max_prefixes_v4: session.max_prefixes_v4,
            max_prefixes_v6: v6.map(|_| session.max_prefixes_v6),
            md5_key_is_set: false,
        },
    }
}
