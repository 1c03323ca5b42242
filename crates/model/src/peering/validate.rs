//! Every rule of `docs/rules.md` §2, told at once.

use super::*;
use crate::connectivity_probe::check_probes;
use crate::inventory::Inventory;
use crate::peer_asn::AsnState;
use crate::region::{check_region, same_region};
use crate::violation::Violations;

mod connection;
use connection::check_connection;

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

/// Checks a draft against every rule of `docs/rules.md` §2; [`check_kind`] has passed it. `fresh_guid` is
/// asked for each connection that comes without identifier. On success gives the peering's spec and its
/// connections' specs in the order sent.
pub fn validate(
    draft: &PeeringDraft,
    context: &ValidateContext<'_>,
    fresh_guid: &mut dyn FnMut() -> String,
) -> Result<(PeeringSpec, Vec<ConnectionSpec>), Violations> {
    let mut v = Violations::default();
    if !is_resource_name(&draft.name) {
        v.add("NameInvalid", "name", "a peering's name has 1 to 63 of A-Z a-z 0-9 _ . -");
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
        .map(|(i, c)| check_connection(i, c, offering, location.as_deref(), context, &mut v, fresh_guid))
        .collect();
    check_together(&connections, offering, &mut v);
    check_tags(&draft.tags, &mut v);
    let had = context.existing.map_or(&[][..], |(peering, _)| &peering.spec.probes);
    let probes = match &draft.probes {
        Some(sent) => check_probes(sent, had, context.inventory, &mut v),
        None => had.to_vec(),
    };
    let spec = PeeringSpec {
        region: check_region(
            draft.region.as_deref(),
            context.existing.map(|(peering, _)| peering.spec.region.as_str()),
            &mut v,
        ),
        offering: offering.unwrap_or(OfferingKind::Edge),
        sku: sku.unwrap_or(Sku::Basic_Direct_Free),
        location: location.unwrap_or_default(),
        peer_asn_name: asn.as_ref().map(|a| a.name.clone()).unwrap_or_default(),
        asn: asn.map_or(Asn(0), |a| a.asn),
        tags: draft.tags.clone(),
        probes,
    };
    if let Some((existing, _)) = context.existing {
        check_immutable(&existing.spec, &spec, &mut v);
    }
    v.into_result((spec, connections))
}

/// Refuses peerings of kind Exchange, which no network offers yet: nothing else of such a request says
/// anything then.
pub fn check_kind(draft: &PeeringDraft) -> Result<(), Violations> {
    let mut v = Violations::default();
    if draft.kind.as_deref() == Some("Exchange") {
        v.add(
            "KindNotOffered",
            "kind",
            "this network offers no peerings of kind Exchange; use kind Direct, at a route server with directPeeringType IxRs",
        );
    }
    v.into_result(())
}

fn check_offering(
    draft: &PeeringDraft,
    context: &ValidateContext<'_>,
    v: &mut Violations,
) -> Option<OfferingKind> {
    const TARGET: &str = "properties.direct.directPeeringType";
    match draft.kind.as_deref() {
        Some("Direct") => {}
        Some(other) => {
            v.add("KindInvalid", "kind", format!("'{other}' isn't a kind of peering here; use Direct"));
            return None;
        }
        None => {
            v.add("KindRequired", "kind", "the kind is missing; use Direct");
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
        let offered: Vec<String> =
            context.inventory.offerings.iter().map(|o| format!("{:?}", o.kind)).collect();
        v.add(
            "OfferingNotOffered",
            TARGET,
            format!("this network doesn't offer {kind:?}; it offers {}", offered.join(", ")),
        );
        return None;
    }
    Some(kind)
}

fn check_location(draft: &PeeringDraft, context: &ValidateContext<'_>, v: &mut Violations) -> Option<String> {
    const TARGET: &str = "properties.peeringLocation";
    let Some(name) = draft.location.as_deref() else {
        v.add("PeeringLocationRequired", TARGET, "the peering location is missing");
        return None;
    };
    match context.inventory.location(name) {
        Some(location) => Some(location.name.clone()),
        None => {
            let all: Vec<&str> = context.inventory.locations.iter().map(|l| l.name.as_str()).collect();
            v.add(
                "PeeringLocationUnknown",
                TARGET,
                format!("'{name}' isn't a peering location; there are {}", all.join(", ")),
            );
            None
        }
    }
}

fn check_asn(draft: &PeeringDraft, context: &ValidateContext<'_>, v: &mut Violations) -> Option<ResolvedAsn> {
    const TARGET: &str = "properties.direct.peerAsn.id";
    let Some(id) = draft.peer_asn_id.as_deref() else {
        v.add("PeerAsnRequired", TARGET, "the peer ASN is missing; send the id of a peerAsns resource");
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
                format!(
                    "the association of AS{} was refused; see its errorMessage, mend it and ask again",
                    asn.asn
                ),
            );
            None
        }
        Some(asn) => Some(asn.clone()),
    }
}

fn check_sku(draft: &PeeringDraft, offering: Option<OfferingKind>, v: &mut Violations) -> Option<Sku> {
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
                    "'{}' isn't a SKU; use Premium_Direct_Free or Basic_Direct_Free",
                    other.unwrap_or("")
                ),
            );
            return None;
        }
    };
    let with_service = draft.connections.iter().any(|c| c.use_for_peering_service == Some(true));
    let right = match offering? {
        OfferingKind::Voice | OfferingKind::IxRs => Sku::Premium_Direct_Free,
        OfferingKind::Edge if with_service => Sku::Premium_Direct_Free,
        OfferingKind::Edge | OfferingKind::Exchange => Sku::Basic_Direct_Free,
    };
    if sku != right {
        v.add(
            "SkuMismatch",
            TARGET,
            format!("this peering's SKU is {}, not {}", right.wire_name(), sku.wire_name()),
        );
    }
    Some(sku)
}

fn check_count(draft: &PeeringDraft, offering: Option<OfferingKind>, sku: Option<Sku>, v: &mut Violations) {
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

fn check_together(connections: &[ConnectionSpec], offering: Option<OfferingKind>, v: &mut Violations) {
    for (i, c) in connections.iter().enumerate() {
        if connections[..i].iter().any(|other| other.identifier == c.identifier) {
            v.add(
                "ConnectionIdentifierNotUnique",
                format!("{CONNECTIONS}[{i}].connectionIdentifier"),
                format!("{} stands twice in this peering", c.identifier),
            );
        }
        if offering == Some(OfferingKind::Voice) && c.bandwidth_mbps != connections[0].bandwidth_mbps {
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
    if tags.len() > 50 || tags.iter().any(|(k, x)| k.is_empty() || k.len() > 512 || x.len() > 256) {
        v.add("TagsInvalid", "tags", "at most 50 tags, names of 1 to 512 and values of up to 256 bytes");
    }
}

fn check_immutable(old: &PeeringSpec, new: &PeeringSpec, v: &mut Violations) {
    let mut fixed = |same: bool, target: &str, what: &str| {
        if !same {
            v.add("PropertyImmutable", target, format!("{what} can't be changed after creation"));
        }
    };
    fixed(old.asn == new.asn, "properties.direct.peerAsn.id", "the ASN");
    fixed(old.location == new.location, "properties.peeringLocation", "the peering location");
    // What is missing has its own violation.
    fixed(new.region.is_empty() || same_region(&old.region, &new.region), "location", "the location");
    if old.offering != new.offering {
        v.add(
            "ConversionNotSupported",
            "properties.direct.directPeeringType",
            "a peering can't be converted to another offering yet; request a new peering of that offering",
        );
    }
}

#[cfg(test)]
mod tests;
