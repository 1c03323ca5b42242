//! The peering as it is shown.

use super::shape::{BgpSession, ShownSku, SubResource, offering_name, provider_name};
use crate::arm::system_data::SystemData;
use meetme_model::Prefix;
use meetme_model::connection::{Connection, ConnectionState, SessionSubnet};
use meetme_model::connectivity_probe::ConnectivityProbe;
use meetme_model::inventory::{Inventory, OfferingKind};
use meetme_model::link::{BgpState, RouterState};
use meetme_model::peering::Peering;
use meetme_store::SeenConnection;
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// A peering.
#[derive(Serialize)]
pub(crate) struct Shown {
    id: String,
    name: String,
    r#type: &'static str,
    kind: &'static str,
    location: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, String>,
    sku: ShownSku,
    properties: Properties,
    #[serde(rename = "systemData")]
    system_data: SystemData,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Properties {
    direct: Direct,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    connectivity_probes: Vec<ShownProbe>,
    peering_location: String,
    provisioning_state: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownProbe {
    endpoint: IpAddr,
    azure_region: String,
    protocol: &'static str,
    /// Where it comes from, for the peer's filters.
    prefixes_to_accesslist: Vec<Prefix>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Direct {
    connections: Vec<ShownConnection>,
    direct_peering_type: &'static str,
    peer_asn: SubResource,
    use_for_peering_service: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownConnection {
    bandwidth_in_mbps: u32,
    provisioned_bandwidth_in_mbps: u32,
    session_address_provider: &'static str,
    use_for_peering_service: bool,
    microsoft_tracking_id: String,
    #[serde(rename = "peeringDBFacilityId")]
    facility_id: i32,
    connection_state: &'static str,
    bgp_session: BgpSession,
    connection_identifier: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<String>,
}

/// What a peering is shown from.
pub(crate) struct Source<'a> {
    pub peering: Peering,
    /// Its connections, oldest first, with what their routers say.
    pub connections: Vec<SeenConnection>,
    /// What tells where probes come from; not needed for a peering without probes.
    pub inventory: Option<&'a Inventory>,
}

/// The resource id.
pub(crate) fn id(p: &Peering) -> String {
    format!(
        "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Peering/peerings/{}",
        p.subscription, p.resource_group, p.name
    )
}

/// `kind`.
pub(crate) fn kind_name(offering: OfferingKind) -> &'static str {
    match offering {
        OfferingKind::Exchange => "Exchange",
        OfferingKind::Voice | OfferingKind::Edge | OfferingKind::IxRs => "Direct",
    }
}

/// `provisioningState`.
pub(crate) fn provisioning_state(p: &Peering) -> &'static str {
    if p.deleting { "Deleting" } else { "Succeeded" }
}

/// `sessionStateV4` and `V6`.
pub(crate) fn bgp_name(state: BgpState) -> &'static str {
    match state {
        BgpState::Idle => "Idle",
        BgpState::Connect => "Connect",
        BgpState::Active => "Active",
        BgpState::OpenSent => "OpenSent",
        BgpState::OpenConfirm => "OpenConfirm",
        BgpState::Established => "Established",
    }
}

fn session_state(c: &Connection, v4: bool, router: Option<&RouterState>) -> &'static str {
    let (subnet, asked) =
        if v4 { (c.subnet_v4, c.spec.session_prefix_v4) } else { (c.subnet_v6, c.spec.session_prefix_v6) };
    if subnet.is_none() && asked.is_none() {
        return "None";
    }
    if c.removal.is_some() {
        return "PendingRemove";
    }
    router.and_then(|r| r.sessions.get(&c.session_name(v4))).map_or("PendingAdd", |s| bgp_name(s.bgp))
}

impl From<Source<'_>> for Shown {
    fn from(source: Source<'_>) -> Self {
        let p = source.peering;
        let probes = probes(&p, source.inventory);
        let shown = |c: &&SeenConnection| p.deleting || c.connection.removal.is_none();
        let connections: Vec<&SeenConnection> = source.connections.iter().filter(shown).collect();
        let use_for_peering_service = p.spec.peering_service(connections.iter().map(|c| &c.connection.spec));
        Self {
            id: id(&p),
            r#type: "Microsoft.Peering/peerings",
            system_data: (&p.stamp).into(),
            kind: kind_name(p.spec.offering),
            location: p.spec.region.clone(),
            sku: p.spec.sku.into(),
            properties: Properties {
                direct: Direct {
                    connections: connections.into_iter().map(connection).collect(),
                    direct_peering_type: offering_name(p.spec.offering),
                    peer_asn: SubResource {
                        id: crate::arm::peer_asns::id(&p.subscription, &p.spec.peer_asn_name),
                    },
                    use_for_peering_service,
                },
                connectivity_probes: probes,
                peering_location: p.spec.location.clone(),
                provisioning_state: provisioning_state(&p),
            },
            tags: p.spec.tags,
            name: p.name,
        }
    }
}

fn probes(peering: &Peering, inventory: Option<&Inventory>) -> Vec<ShownProbe> {
    let shown = |p: &ConnectivityProbe| ShownProbe {
        endpoint: p.endpoint,
        azure_region: p.region.clone(),
        protocol: p.protocol.wire_name(),
        prefixes_to_accesslist: inventory.map(|i| p.sources(i, peering.id)).unwrap_or_default(),
    };
    peering.spec.probes.iter().map(shown).collect()
}

fn connection(seen: &SeenConnection) -> ShownConnection {
    let (c, router) = (&seen.connection, seen.router.as_deref());
    // A subnet that the peer gives says both ends before the port is configured.
    let given = |asked: Option<Prefix>| asked.and_then(SessionSubnet::of);
    let subnet_v4 = c.subnet_v4.or_else(|| given(c.spec.session_prefix_v4));
    let subnet_v6 = c.subnet_v6.or_else(|| given(c.spec.session_prefix_v6));
    let host = |s: Option<SessionSubnet>| s.map(|s| s.host);
    let peer = |s: Option<SessionSubnet>| s.map(|s| s.peer);
    let prefix = |s: Option<SessionSubnet>, asked: Option<Prefix>| s.map(|s| s.prefix).or(asked);
    ShownConnection {
        bandwidth_in_mbps: c.spec.bandwidth_mbps,
        provisioned_bandwidth_in_mbps: provisioned_mbps(c),
        session_address_provider: provider_name(c.spec.address_provider),
        use_for_peering_service: c.spec.use_for_peering_service,
        microsoft_tracking_id: c.name.clone(),
        facility_id: c.spec.facility_id,
        connection_state: c.state.wire_name(),
        bgp_session: BgpSession {
            session_prefix_v4: prefix(subnet_v4, c.spec.session_prefix_v4),
            session_prefix_v6: prefix(subnet_v6, c.spec.session_prefix_v6),
            host_v4: host(subnet_v4),
            host_v6: host(subnet_v6),
            peer_v4: peer(subnet_v4),
            peer_v6: peer(subnet_v6),
            state_v4: session_state(c, true, router),
            state_v6: session_state(c, false, router),
            max_prefixes_v4: c.spec.max_prefixes_v4,
            max_prefixes_v6: c.spec.max_prefixes_v6,
            md5_key_is_set: seen.has_md5_key,
        },
        connection_identifier: c.spec.identifier.clone(),
        error_message: c.error_message.clone(),
    }
}

/// What carries traffic: the LAG's capacity once the connection is Active.
fn provisioned_mbps(c: &Connection) -> u32 {
    let open = match c.state {
        ConnectionState::Active
        | ConnectionState::TypeChangeRequested
        | ConnectionState::TypeChangeInProgress => true,
        ConnectionState::Onboarding(_)
        | ConnectionState::ProvisioningFailed(_)
        | ConnectionState::ExternalBlocker(_) => false,
    };
    match &c.ports {
        Some(p) if open => u32::try_from(p.ports.len()).map_or(0, |n| n * p.port_speed_mbps),
        _ => 0,
    }
}
