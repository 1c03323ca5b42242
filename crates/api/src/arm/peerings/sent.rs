//! The peering as sent in, and what of a change to an existing one is refused.

use meetme_model::connection::SessionSubnet;
use meetme_model::connectivity_probe::ProbeDraft;
use meetme_model::peering::{ConnectionDraft, ConnectionSpec, ExistingConnection, PeeringDraft, guid};
use meetme_model::secret::Secret;
use meetme_model::{Prefix, Violations};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// A whole peering.
#[derive(Deserialize)]
pub(super) struct Sent {
    kind: Option<String>,
    location: Option<String>,
    sku: Option<Sku>,
    tags: Option<BTreeMap<String, String>>,
    properties: Option<Properties>,
}

/// PATCH: tags only.
#[derive(Deserialize)]
pub(super) struct SentTags {
    pub tags: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct Sku {
    name: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Properties {
    peering_location: Option<String>,
    direct: Option<Direct>,
    connectivity_probes: Option<Vec<ConnectivityProbe>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ConnectivityProbe {
    endpoint: Option<String>,
    azure_region: Option<String>,
    protocol: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Direct {
    connections: Option<Vec<Connection>>,
    peer_asn: Option<SubResource>,
    direct_peering_type: Option<String>,
}

#[derive(Deserialize)]
struct SubResource {
    id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Connection {
    bandwidth_in_mbps: Option<i64>,
    session_address_provider: Option<String>,
    use_for_peering_service: Option<bool>,
    #[serde(rename = "peeringDBFacilityId")]
    facility_id: Option<i64>,
    connection_identifier: Option<String>,
    bgp_session: Option<BgpSession>,
}

#[derive(Default, Deserialize)]
struct BgpSession {
    #[serde(rename = "sessionPrefixV4")]
    session_prefix_v4: Option<String>,
    #[serde(rename = "sessionPrefixV6")]
    session_prefix_v6: Option<String>,
    #[serde(rename = "maxPrefixesAdvertisedV4")]
    max_prefixes_v4: Option<i64>,
    #[serde(rename = "maxPrefixesAdvertisedV6")]
    max_prefixes_v6: Option<i64>,
    #[serde(rename = "md5AuthenticationKey")]
    md5_key: Option<Secret>,
    #[serde(rename = "microsoftSessionIPv4Address")]
    host_v4: Option<String>,
    #[serde(rename = "microsoftSessionIPv6Address")]
    host_v6: Option<String>,
    #[serde(rename = "peerSessionIPv4Address")]
    peer_v4: Option<String>,
    #[serde(rename = "peerSessionIPv6Address")]
    peer_v6: Option<String>,
}

impl Sent {
    /// The session addresses sent for each connection: host IPv4 and IPv6, peer IPv4 and IPv6.
    pub fn addresses(&self) -> Vec<[Option<String>; 4]> {
        let direct = self.properties.as_ref().and_then(|p| p.direct.as_ref());
        let connections = direct.and_then(|d| d.connections.as_deref());
        let session = |c: &Connection| match &c.bgp_session {
            Some(s) => [&s.host_v4, &s.host_v6, &s.peer_v4, &s.peer_v6].map(Clone::clone),
            None => Default::default(),
        };
        connections.unwrap_or_default().iter().map(session).collect()
    }

    /// As a draft of the peering named `name`.
    pub fn into_draft(self, name: &str) -> PeeringDraft {
        let properties = self.properties.unwrap_or_default();
        let direct = properties.direct.unwrap_or_default();
        PeeringDraft {
            name: name.to_owned(),
            kind: self.kind,
            sku: self.sku.and_then(|s| s.name),
            region: self.location,
            location: properties.peering_location,
            direct_peering_type: direct.direct_peering_type,
            peer_asn_id: direct.peer_asn.and_then(|a| a.id),
            connections: direct.connections.unwrap_or_default().into_iter().map(Into::into).collect(),
            tags: self.tags.unwrap_or_default(),
            probes: properties.connectivity_probes.map(|all| all.into_iter().map(Into::into).collect()),
        }
    }
}

impl From<ConnectivityProbe> for ProbeDraft {
    fn from(p: ConnectivityProbe) -> Self {
        Self { endpoint: p.endpoint, region: p.azure_region, protocol: p.protocol }
    }
}

impl From<Connection> for ConnectionDraft {
    fn from(c: Connection) -> Self {
        let session = c.bgp_session.unwrap_or_default();
        // 0 is what clients send where they ask for no IPv6 session.
        let asks_v6 = session.session_prefix_v6.as_deref().is_some_and(|prefix| !prefix.is_empty());
        Self {
            // What is no GUID is told as it was sent.
            identifier: c.connection_identifier.map(|id| guid(&id).unwrap_or(id)),
            bandwidth_mbps: c.bandwidth_in_mbps,
            facility_id: c.facility_id,
            address_provider: c.session_address_provider,
            use_for_peering_service: c.use_for_peering_service,
            session_prefix_v4: session.session_prefix_v4,
            session_prefix_v6: session.session_prefix_v6,
            max_prefixes_v4: session.max_prefixes_v4,
            max_prefixes_v6: session.max_prefixes_v6.filter(|most| *most != 0 || asks_v6),
            md5_key: session.md5_key,
        }
    }
}

/// The name in a `peerAsns` resource id, when it is one of `subscription`. Case is ignored, as
/// everywhere in ARM paths.
pub(super) fn peer_asn_name<'a>(id: &'a str, subscription: &str) -> Option<&'a str> {
    let segments: Vec<&str> = id.trim_matches('/').split('/').collect();
    let [s, sub, p, ns, kind, name] = segments[..] else {
        return None;
    };
    let fits = [
        (s, "subscriptions"),
        (sub, subscription),
        (p, "providers"),
        (ns, crate::path::NAMESPACE),
        (kind, "peerAsns"),
    ]
    .iter()
    .all(|(is, should)| is.eq_ignore_ascii_case(should));
    fits.then_some(name)
}

/// Gives connections that come without identifier those of existing ones that the request doesn't
/// name, the same facility and if possible the same bandwidth, so that sending the same request
/// twice changes nothing. What is left over is new.
pub(super) fn adopt_identifiers(existing: &[ExistingConnection], drafts: &mut [ConnectionDraft]) {
    let is_named = |d: &ConnectionDraft| d.identifier.as_deref().is_some_and(|id| !id.is_empty());
    let mut free: Vec<&ConnectionSpec> = existing
        .iter()
        .map(|e| &e.spec)
        .filter(|old| {
            !drafts
                .iter()
                .any(|d| d.identifier.as_deref().is_some_and(|id| id.eq_ignore_ascii_case(&old.identifier)))
        })
        .collect();
    for same_bandwidth in [true, false] {
        for draft in drafts.iter_mut().filter(|d| !is_named(d)) {
            let fits = |old: &&ConnectionSpec| {
                draft.facility_id == Some(old.facility_id.into())
                    && (!same_bandwidth || draft.bandwidth_mbps == Some(old.bandwidth_mbps.into()))
            };
            if let Some(i) = free.iter().position(fits) {
                draft.identifier = Some(free.remove(i).identifier.clone());
            }
        }
    }
}

/// Fills in what an existing connection keeps when the request leaves it out, and tells what may
/// not change of it (`docs/rules.md` §2 lists what may). Every violation is added to `v`.
pub(super) fn check_changes(
    existing: &[ExistingConnection],
    drafts: &mut [ConnectionDraft],
    v: &mut Violations,
) {
    for (i, draft) in drafts.iter_mut().enumerate() {
        let Some(old) = existing.iter().map(|e| &e.spec).find(|old| {
            draft.identifier.as_deref().is_some_and(|id| id.eq_ignore_ascii_case(&old.identifier))
        }) else {
            continue;
        };
        let provider = super::shape::provider_name(old.address_provider);
        let sent_provider = draft.address_provider.get_or_insert_with(|| provider.into());
        let service = *draft.use_for_peering_service.get_or_insert(old.use_for_peering_service);
        draft.max_prefixes_v4.get_or_insert(old.max_prefixes_v4.into());
        draft.max_prefixes_v6 = draft.max_prefixes_v6.or(old.max_prefixes_v6.map(i64::from));
        let differs = |sent: &Option<String>, old: Option<Prefix>| {
            old.is_some_and(|old| sent.as_deref().is_some_and(|s| s.parse::<Prefix>() != Ok(old)))
        };
        let fixed = [
            (sent_provider != provider, "sessionAddressProvider"),
            (service != old.use_for_peering_service, "useForPeeringService"),
            (differs(&draft.session_prefix_v4, old.session_prefix_v4), "bgpSession.sessionPrefixV4"),
            (differs(&draft.session_prefix_v6, old.session_prefix_v6), "bgpSession.sessionPrefixV6"),
        ];
        for (_, field) in fixed.iter().filter(|(changed, _)| *changed) {
            v.add(
                "PropertyImmutable",
                format!("properties.direct.connections[{i}].{field}"),
                "this can't be changed on a connection; add another connection and remove this one",
            );
        }
        // A family once there stays: its subnet may be left out of a later request.
        let keep = |p: Option<Prefix>| p.map(|p| p.to_string());
        if draft.session_prefix_v4.is_none() {
            draft.session_prefix_v4 = keep(old.session_prefix_v4);
        }
        if draft.session_prefix_v6.is_none() {
            draft.session_prefix_v6 = keep(old.session_prefix_v6);
        }
    }
}

/// Session addresses follow from the subnet: those sent in must be the ones that it gives
/// (`docs/rules.md` §2). With host addressing that is what a client read before, or nothing.
pub(super) fn check_addresses(
    sent: &[[Option<String>; 4]],
    existing: &[ExistingConnection],
    drafts: &[ConnectionDraft],
    v: &mut Violations,
) {
    const FIELDS: [&str; 4] = [
        "microsoftSessionIPv4Address",
        "microsoftSessionIPv6Address",
        "peerSessionIPv4Address",
        "peerSessionIPv6Address",
    ];
    for (i, (addresses, draft)) in sent.iter().zip(drafts).enumerate() {
        let had = existing
            .iter()
            .find(|e| {
                draft.identifier.as_deref().is_some_and(|id| id.eq_ignore_ascii_case(&e.spec.identifier))
            })
            .map_or([None, None], |e| e.prefixes);
        let own = |text: &Option<String>| text.as_deref().and_then(|t| t.parse::<Prefix>().ok());
        let by_peer = draft.address_provider.as_deref() == Some("Peer");
        let prefixes =
            if by_peer { [own(&draft.session_prefix_v4), own(&draft.session_prefix_v6)] } else { had };
        let ends = prefixes.map(|p| p.and_then(SessionSubnet::of));
        for (n, text) in addresses.iter().enumerate() {
            let Some(text) = text.as_deref().filter(|t| !t.is_empty()) else {
                continue;
            };
            let right = ends[n % 2].map(|s| if n < 2 { s.host } else { s.peer });
            if right.is_some() && text.parse::<IpAddr>().ok() == right {
                continue;
            }
            v.add(
                "SessionAddressNotAccepted",
                format!("properties.direct.connections[{i}].bgpSession.{}", FIELDS[n]),
                match right {
                    Some(right) => {
                        format!("{text}: the session's subnet gives {right}; leave this out")
                    }
                    None => "session addresses follow from the subnet; leave this out".to_owned(),
                },
            );
        }
    }
}
