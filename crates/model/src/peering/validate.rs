//! Every rule of `docs/rules.md` §2, told at once.

use super::*;
use crate::inventory::Inventory;
use crate::peer_asn::AsnState;
use crate::violation::Violations;

/// The peer ASN that a draft's `peerAsn.id` stands for.
#[derive(Clone, Debug)]
pub struct ResolvedAsn {
    /// Resource name.
    pub name: String,
    /// Number.
    pub asn: Asn,
    /// How far its claim is decided.
    pub state: AsnState,
}

/// A connection that the peering already has.
#[derive(Clone, Debug)]
pub struct ExistingConnection {
    /// What was asked.
    pub spec: ConnectionSpec,
    /// The subnets it has, which a client may send back unchanged.
    pub prefixes: [Option<Prefix>; 2],
}

/// What a draft is held against.
pub struct ValidateContext<'a> {
    /// The host's inventory.
    pub inventory: &'a Inventory,
    /// What `peerAsn.id` resolved to in the caller's subscription.
    pub asn: Option<ResolvedAsn>,
    /// The peering as it is, when this is an update.
    pub existing: Option<(&'a Peering, &'a [ExistingConnection])>,
}

/// Most connections of one peering, and most members of one LAG.
pub const MAX_CONNECTIONS: usize = 64;
/// IEEE 802.1AX allows more; eight is what edge routers bundle without special configuration.
pub const MAX_LAG_MEMBERS: u32 = 8;

const CONNECTIONS: &str = "properties.direct.connections";

/// Checks a draft against every rule of `docs/rules.md` §2. `fresh_guid` is asked for each
/// connection that comes without identifier. On success gives the peering's spec and its
/// connections' specs in the order sent.
pub fn validate(
    draft: &PeeringDraft,
    context: &ValidateContext<'_>,
    fresh_guid: &mut dyn FnMut() -> String,
) -> Result<(PeeringSpec, Vec<ConnectionSpec>), Violations> {
    let mut v = Violations::default();
    if !is_resource_name(&draft.name) {
        v.add(
            "NameInvalid",
            "name",
            "a peering's name has 1 to 63 of A-Z a-z 0-9 _ . -",
        );
    }
    let offering = check_offering(draft, context, &mut v);
    let location = check_location(draft, context, &mut v);
    let asn = check_asn(draft, context, &mut v);
    let sku = check_sku(draft, offering, &mut v);
    check_count(draft, offering, sku, &mut v);
    let connections: Vec<ConnectionSpec> = draft
        .connections
        .iter()
        .take(MAX_CONNECTIONS)
        .enumerate()
        .map(|(i, c)| {
            check_connection(
                i,
                c,
                offering,
                location.as_deref(),
                context,
                &mut v,
                fresh_guid,
            )
        })
        .collect();
    check_together(&connections, offering, &mut v);
    check_tags(&draft.tags, &mut v);
    let spec = PeeringSpec {
        region: draft.region.clone().unwrap_or_default(),
        offering: offering.unwrap_or(OfferingKind::Edge),
        sku: sku.unwrap_or(Sku::Basic_Direct_Free),
        location: location.unwrap_or_default(),
        peer_asn_name: asn.as_ref().map(|a| a.name.clone()).unwrap_or_default(),
        asn: asn.map_or(Asn(0), |a| a.asn),
        tags: draft.tags.clone(),
    };
    if spec.region.trim().is_empty() {
        v.add(
            "LocationRequired",
            "location",
            "the resource's location is missing; send the region, such as westeurope",
        );
    }
    if let Some((existing, _)) = context.existing {
        check_immutable(&existing.spec, &spec, &mut v);
    }
    v.into_result((spec, connections))
}

fn check_offering(
    draft: &PeeringDraft,
    context: &ValidateContext<'_>,
    v: &mut Violations,
) -> Option<OfferingKind> {
    const TARGET: &str = "properties.direct.directPeeringType";
    match draft.kind.as_deref() {
        Some("Direct") => {}
        Some("Exchange") => {
            let offered = context.inventory.offering(OfferingKind::Exchange).is_some();
            if !offered {
                v.add(
                    "KindNotOffered",
                    "kind",
                    "this network offers no Exchange peerings; use kind Direct",
                );
            }
            return offered.then_some(OfferingKind::Exchange);
        }
        Some(other) => {
            v.add(
                "KindInvalid",
                "kind",
                format!("'{other}' isn't a kind of peering; use Direct or Exchange"),
            );
            return None;
        }
        None => {
            v.add(
                "KindRequired",
                "kind",
                "the kind is missing; use Direct or Exchange",
            );
            return None;
        }
    }
    let kind = match draft.direct_peering_type.as_deref().unwrap_or("Edge") {
        "Voice" => OfferingKind::Voice,
        "Edge" => OfferingKind::Edge,
        "IxRs" => OfferingKind::IxRs,
        other => {
            v.add(
                "DirectPeeringTypeInvalid",
                TARGET,
                format!("'{other}' can't be asked for; use Voice, Edge or IxRs"),
            );
            return None;
        }
    };
    if context.inventory.offering(kind).is_none() {
        let offered: Vec<String> = context
            .inventory
            .offerings
            .iter()
            .map(|o| format!("{:?}", o.kind))
            .collect();
        v.add(
            "OfferingNotOffered",
            TARGET,
            format!(
                "this network doesn't offer {kind:?}; it offers {}",
                offered.join(", ")
            ),
        );
        return None;
    }
    Some(kind)
}

fn check_location(
    draft: &PeeringDraft,
    context: &ValidateContext<'_>,
    v: &mut Violations,
) -> Option<String> {
    const TARGET: &str = "properties.peeringLocation";
    let Some(name) = draft.location.as_deref() else {
        v.add(
            "PeeringLocationRequired",
            TARGET,
            "the peering location is missing",
        );
        return None;
    };
    match context.inventory.location(name) {
        Some(location) => Some(location.name.clone()),
        None => {
            let all: Vec<&str> = context
                .inventory
                .locations
                .iter()
                .map(|l| l.name.as_str())
                .collect();
            v.add(
                "PeeringLocationUnknown",
                TARGET,
                format!(
                    "'{name}' isn't a peering location; there are {}",
                    all.join(", ")
                ),
            );
            None
        }
    }
}

fn check_asn(
    draft: &PeeringDraft,
    context: &ValidateContext<'_>,
    v: &mut Violations,
) -> Option<ResolvedAsn> {
    const TARGET: &str = "properties.direct.peerAsn.id";
    let Some(id) = draft.peer_asn_id.as_deref() else {
        v.add(
            "PeerAsnRequired",
            TARGET,
            "the peer ASN is missing; send the id of a peerAsns resource",
        );
        return None;
    };
    match &context.asn {
        None => {
            v.add(
                "PeerAsnUnknown",
                TARGET,
                format!("'{id}' is no peer ASN of this subscription; associate the ASN first"),
            );
            None
        }
        Some(asn) if asn.state == AsnState::Failed => {
            v.add(
                "PeerAsnRefused",
                TARGET,
                format!("the association of AS{} was refused; see its errorMessage, mend it and ask again", asn.asn),
            );
            None
        }
        Some(asn) => Some(asn.clone()),
    }
}

fn check_sku(
    draft: &PeeringDraft,
    offering: Option<OfferingKind>,
    v: &mut Violations,
) -> Option<Sku> {
    const TARGET: &str = "sku.name";
    let sku = match draft.sku.as_deref() {
        Some("Premium_Direct_Free") => Sku::Premium_Direct_Free,
        Some("Basic_Direct_Free") => Sku::Basic_Direct_Free,
        Some("Basic_Exchange_Free") => Sku::Basic_Exchange_Free,
        other => {
            v.add(
                "SkuInvalid",
                TARGET,
                format!(
                    "'{}' isn't a SKU; use Premium_Direct_Free, Basic_Direct_Free or Basic_Exchange_Free",
                    other.unwrap_or("")
                ),
            );
            return None;
        }
    };
    let with_service = draft
        .connections
        .iter()
        .any(|c| c.use_for_peering_service == Some(true));
    let right = match offering? {
        OfferingKind::Voice | OfferingKind::IxRs => Sku::Premium_Direct_Free,
        OfferingKind::Edge if with_service => Sku::Premium_Direct_Free,
        OfferingKind::Edge => Sku::Basic_Direct_Free,
        OfferingKind::Exchange => Sku::Basic_Exchange_Free,
    };
    if sku != right {
        v.add(
            "SkuMismatch",
            TARGET,
            format!(
                "this peering's SKU is {}, not {}",
                right.wire_name(),
                sku.wire_name()
            ),
        );
    }
    Some(sku)
}

fn check_count(
    draft: &PeeringDraft,
    offering: Option<OfferingKind>,
    sku: Option<Sku>,
    v: &mut Violations,
) {
    let count = draft.connections.len();
    let least = match offering {
        Some(OfferingKind::Voice) => 2,
        Some(OfferingKind::Edge) if sku == Some(Sku::Premium_Direct_Free) => 2,
        Some(OfferingKind::Edge | OfferingKind::IxRs | OfferingKind::Exchange) => 1,
        None => 0,
    };
    if count < least {
        v.add(
            "TooFewConnections",
            CONNECTIONS,
            format!("{count} connection(s); this offering needs at least {least}, on different edge routers"),
        );
    }
    if count > MAX_CONNECTIONS {
        v.add(
            "TooManyConnections",
            CONNECTIONS,
            format!("{count} connections; a peering has at most {MAX_CONNECTIONS}"),
        );
    }
}

fn check_connection(
    i: usize,
    draft: &ConnectionDraft,
    offering: Option<OfferingKind>,
    location: Option<&str>,
    context: &ValidateContext<'_>,
    v: &mut Violations,
    fresh_guid: &mut dyn FnMut() -> String,
) -> ConnectionSpec {
    let at = |field: &str| format!("{CONNECTIONS}[{i}].{field}");
    let identifier = match draft.identifier.as_deref().filter(|s| !s.is_empty()) {
        None => fresh_guid(),
        Some(id) if is_guid(id) => id.to_ascii_lowercase(),
        Some(id) => {
            v.add(
                "ConnectionIdentifierInvalid",
                at("connectionIdentifier"),
                format!("'{id}' isn't a GUID"),
            );
            id.to_owned()
        }
    };
    let existing = context
        .existing
        .and_then(|(_, all)| all.iter().find(|e| e.spec.identifier == identifier));
    let forced = matches!(offering, Some(OfferingKind::Voice));
    let address_provider = match draft.address_provider.as_deref() {
        Some("Peer") if forced => {
            v.add(
                "SessionAddressProviderForced",
                at("sessionAddressProvider"),
                "with Voice the host provides the session addresses; use Microsoft",
            );
            AddressProvider::Host
        }
        Some("Peer") => AddressProvider::Peer,
        Some("Microsoft") => AddressProvider::Host,
        None if matches!(offering, Some(OfferingKind::IxRs)) => AddressProvider::Peer,
        None => AddressProvider::Host,
        Some(other) => {
            v.add(
                "SessionAddressProviderInvalid",
                at("sessionAddressProvider"),
                format!("'{other}' isn't a session address provider; use Microsoft or Peer"),
            );
            AddressProvider::Host
        }
    };
    if offering == Some(OfferingKind::IxRs) && address_provider == AddressProvider::Host {
        v.add(
            "SessionAddressProviderForced",
            at("sessionAddressProvider"),
            "with a route server the peer provides the session addresses; use Peer",
        );
    }
    let service_forced = matches!(offering, Some(OfferingKind::Voice | OfferingKind::IxRs));
    if service_forced && draft.use_for_peering_service == Some(false) {
        v.add(
            "UseForPeeringServiceForced",
            at("useForPeeringService"),
            "this offering is always used for Peering Service; leave it out or send true",
        );
    }
    let (max_prefixes_v4, max_prefixes_v6) = check_max_prefixes(i, draft, v);
    let [session_prefix_v4, session_prefix_v6] =
        check_subnets(i, draft, address_provider, existing, context, v);
    let md5_key = draft.md5_key.as_deref().filter(|k| !k.is_empty());
    if let Some(key) = md5_key
        && (key.len() > 80 || !key.chars().all(|c| c.is_ascii_graphic()))
    {
        v.add(
            "Md5KeyInvalid",
            at("bgpSession.md5AuthenticationKey"),
            "the MD5 key has 1 to 80 printable ASCII characters without spaces",
        );
    }
    ConnectionSpec {
        identifier,
        bandwidth_mbps: check_bandwidth(i, draft, location, context, v),
        facility_id: check_facility(i, draft, location, existing, context, v),
        address_provider,
        use_for_peering_service: service_forced || draft.use_for_peering_service.unwrap_or(false),
        session_prefix_v4,
        session_prefix_v6,
        max_prefixes_v4,
        max_prefixes_v6,
        md5_key: md5_key.map(Secret::new),
    }
}

fn check_bandwidth(
    i: usize,
    draft: &ConnectionDraft,
    location: Option<&str>,
    context: &ValidateContext<'_>,
    v: &mut Violations,
) -> u32 {
    let target = format!("{CONNECTIONS}[{i}].bandwidthInMbps");
    let Some(mbps) = draft.bandwidth_mbps else {
        v.add(
            "BandwidthRequired",
            target,
            "the bandwidth is missing; send a multiple of 10000 Mbps",
        );
        return 0;
    };
    let Some(mbps) = u32::try_from(mbps)
        .ok()
        .filter(|m| *m > 0 && m % 10_000 == 0)
    else {
        v.add(
            "BandwidthInvalid",
            target,
            format!("{mbps} Mbps; the bandwidth is a positive multiple of 10000 Mbps"),
        );
        return 0;
    };
    let Some(location) = location.and_then(|l| context.inventory.location(l)) else {
        return mbps;
    };
    let fits = location
        .speeds_mbps
        .iter()
        .any(|s| mbps % s == 0 && mbps / s <= MAX_LAG_MEMBERS);
    if !fits {
        let speeds: Vec<String> = location.speeds_mbps.iter().map(u32::to_string).collect();
        v.add(
            "BandwidthNotOffered",
            target,
            format!(
                "{mbps} Mbps isn't a whole number (at most {MAX_LAG_MEMBERS}) of links of {} Mbps, which {} offers",
                speeds.join(" or "),
                location.name
            ),
        );
    }
    mbps
}

fn check_facility(
    i: usize,
    draft: &ConnectionDraft,
    location: Option<&str>,
    existing: Option<&ExistingConnection>,
    context: &ValidateContext<'_>,
    v: &mut Violations,
) -> i32 {
    let target = format!("{CONNECTIONS}[{i}].peeringDBFacilityId");
    let id = draft.facility_id.and_then(|id| i32::try_from(id).ok());
    if let (Some(old), Some(id)) = (existing, id)
        && old.spec.facility_id != id
    {
        v.add(
            "FacilityImmutable",
            target.clone(),
            "a connection's facility can't be changed; add a connection there",
        );
    }
    let Some(location) = location else {
        return id.unwrap_or(0);
    };
    let facilities: Vec<i32> = context
        .inventory
        .sites
        .iter()
        .filter(|s| s.location == location)
        .map(|s| s.facility_id)
        .collect();
    match id {
        Some(id) if facilities.contains(&id) => id,
        _ => {
            let all: Vec<String> = facilities.iter().map(i32::to_string).collect();
            v.add(
                "FacilityNotAtLocation",
                target,
                format!("the facility is one of {location}'s: {}", all.join(", ")),
            );
            0
        }
    }
}

fn check_max_prefixes(i: usize, draft: &ConnectionDraft, v: &mut Violations) -> (u32, Option<u32>) {
    let mut bounded = |value: Option<i64>, most: u32, family: &str| match value {
        None => None,
        Some(n) => match u32::try_from(n).ok().filter(|n| (1..=most).contains(n)) {
            Some(n) => Some(n),
            None => {
                v.add(
                    "MaxPrefixesInvalid",
                    format!("{CONNECTIONS}[{i}].bgpSession.maxPrefixesAdvertised{family}"),
                    format!("{n}; the limit is 1 to {most} prefixes"),
                );
                None
            }
        },
    };
    let v4 = bounded(draft.max_prefixes_v4, 20_000, "V4");
    let v6 = bounded(draft.max_prefixes_v6, 2_000, "V6");
    (v4.unwrap_or(1_000), v6)
}

fn check_subnets(
    i: usize,
    draft: &ConnectionDraft,
    provider: AddressProvider,
    existing: Option<&ExistingConnection>,
    context: &ValidateContext<'_>,
    v: &mut Violations,
) -> [Option<Prefix>; 2] {
    let had = existing.map_or([None, None], |e| e.prefixes);
    let families = [
        (&draft.session_prefix_v4, "sessionPrefixV4", true, 30..=31u8),
        (&draft.session_prefix_v6, "sessionPrefixV6", false, 64..=127),
    ];
    let mut found = [None, None];
    for (n, (text, field, is_v4, lengths)) in families.into_iter().enumerate() {
        let target = format!("{CONNECTIONS}[{i}].bgpSession.{field}");
        let Some(text) = text.as_deref().filter(|t| !t.is_empty()) else {
            // Nobody but the peer can give the IPv4 subnet with peer addressing.
            if provider == AddressProvider::Peer && is_v4 {
                v.add(
                    "SessionPrefixRequired",
                    target,
                    "the peer provides the addresses: send the session's /30 or /31",
                );
            }
            continue;
        };
        let prefix = match text.parse::<Prefix>() {
            Ok(prefix) => prefix,
            Err(e) => {
                v.add("SessionPrefixInvalid", target, e.to_string());
                continue;
            }
        };
        if provider == AddressProvider::Host {
            if had[n] != Some(prefix) {
                v.add(
                    "SessionPrefixNotAccepted",
                    target,
                    "the host provides the addresses once the port is configured; leave this out",
                );
            }
            continue;
        }
        if prefix.is_ipv4() != is_v4 || !lengths.contains(&prefix.len()) {
            let allowed = if is_v4 {
                "an IPv4 /30 or /31"
            } else {
                "an IPv6 /64 to /127"
            };
            v.add(
                "SessionPrefixInvalid",
                target,
                format!("{prefix}: a session's subnet is {allowed}"),
            );
        } else if context
            .inventory
            .host_space()
            .iter()
            .any(|own| own.overlaps(prefix))
        {
            v.add(
                "SessionPrefixInHostSpace",
                target,
                format!("{prefix} is inside the host's own address space"),
            );
        } else {
            found[n] = Some(prefix);
        }
    }
    found
}

fn check_together(
    connections: &[ConnectionSpec],
    offering: Option<OfferingKind>,
    v: &mut Violations,
) {
    for (i, c) in connections.iter().enumerate() {
        if connections[..i]
            .iter()
            .any(|other| other.identifier == c.identifier)
        {
            v.add(
                "ConnectionIdentifierNotUnique",
                format!("{CONNECTIONS}[{i}].connectionIdentifier"),
                format!("{} stands twice in this peering", c.identifier),
            );
        }
        if offering == Some(OfferingKind::Voice)
            && c.bandwidth_mbps != connections[0].bandwidth_mbps
        {
            v.add(
                "BandwidthNotEqual",
                format!("{CONNECTIONS}[{i}].bandwidthInMbps"),
                format!(
                    "{} Mbps, but the first connection has {}; all connections of a Voice peering have the same",
                    c.bandwidth_mbps, connections[0].bandwidth_mbps
                ),
            );
        }
    }
}

fn check_tags(tags: &BTreeMap<String, String>, v: &mut Violations) {
    if tags.len() > 50
        || tags
            .iter()
            .any(|(k, x)| k.is_empty() || k.len() > 512 || x.len() > 256)
    {
        v.add(
            "TagsInvalid",
            "tags",
            "at most 50 tags, names of 1 to 512 and values of up to 256 bytes",
        );
    }
}

fn check_immutable(old: &PeeringSpec, new: &PeeringSpec, v: &mut Violations) {
    let mut fixed = |same: bool, target: &str, what: &str| {
        if !same {
            v.add(
                "PropertyImmutable",
                target,
                format!("{what} can't be changed after creation"),
            );
        }
    };
    fixed(
        old.asn == new.asn,
        "properties.direct.peerAsn.id",
        "the ASN",
    );
    fixed(
        old.location == new.location,
        "properties.peeringLocation",
        "the peering location",
    );
    let same_kind =
        (old.offering == OfferingKind::Exchange) == (new.offering == OfferingKind::Exchange);
    fixed(same_kind, "kind", "the kind");
    fixed(
        old.region.eq_ignore_ascii_case(&new.region),
        "location",
        "the location",
    );
    if same_kind && old.offering != new.offering {
        v.add(
            "ConversionNotSupported",
            "properties.direct.directPeeringType",
            "a peering can't be converted to another offering yet; request a new peering of that offering",
        );
    }
}

#[cfg(test)]
mod tests;
