//! The rules of a single connection: bandwidth, facility, addresses, limits, what is forced.

use super::{CONNECTIONS, ExistingConnection, MAX_LAG_MEMBERS, ValidateContext};
use crate::allocation::most_links;
use crate::inventory::OfferingKind;
use crate::peering::{AddressProvider, ConnectionDraft, ConnectionSpec, guid};
use crate::prefix::Prefix;
use crate::secret::Secret;
use crate::session_space;
use crate::violation::Violations;

/// Checks one connection, `i` in the order sent; what can't be read is replaced by something plain,
/// as the violation makes the result void.
pub(super) fn check_connection(
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
        Some(id) => guid(id).unwrap_or_else(|| {
            v.add("ConnectionIdentifierInvalid", at("connectionIdentifier"), format!("'{id}' isn't a GUID"));
            id.to_owned()
        }),
    };
    let existing = context.existing.and_then(|(_, all)| all.iter().find(|e| e.spec.identifier == identifier));
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
    let md5_key = draft.md5_key.as_ref().filter(|k| !k.reveal().is_empty());
    if let Some(key) = md5_key.map(Secret::reveal)
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
        bandwidth_mbps: check_bandwidth(i, draft, location, existing, context, v),
        facility_id: check_facility(i, draft, location, existing, context, v),
        address_provider,
        use_for_peering_service: service_forced || draft.use_for_peering_service.unwrap_or(false),
        session_prefix_v4,
        session_prefix_v6,
        max_prefixes_v4,
        max_prefixes_v6,
        md5_key: md5_key.cloned(),
    }
}

fn check_bandwidth(
    i: usize,
    draft: &ConnectionDraft,
    location: Option<&str>,
    existing: Option<&ExistingConnection>,
    context: &ValidateContext<'_>,
    v: &mut Violations,
) -> u32 {
    let target = format!("{CONNECTIONS}[{i}].bandwidthInMbps");
    let Some(mbps) = draft.bandwidth_mbps else {
        v.add("BandwidthRequired", target, "the bandwidth is missing; send a multiple of 10000 Mbps");
        return 0;
    };
    let Some(mbps) = u32::try_from(mbps).ok().filter(|m| *m > 0 && m % 10_000 == 0) else {
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
    let fits = location.speeds_mbps.iter().any(|s| mbps % s == 0 && mbps / s <= MAX_LAG_MEMBERS);
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
    } else if existing.is_none_or(|e| e.spec.bandwidth_mbps != mbps) {
        check_ports(draft, mbps, &location.name, context, target, v);
    }
    mbps
}

/// Refuses what no router at the facility has the ports for, used or not. What is wrong with the facility
/// has its own violation.
fn check_ports(
    draft: &ConnectionDraft,
    mbps: u32,
    location: &str,
    context: &ValidateContext<'_>,
    target: String,
    v: &mut Violations,
) {
    let facility = draft.facility_id.and_then(|id| i32::try_from(id).ok());
    let mut sites = context.inventory.sites.iter().filter(|s| s.location == location);
    let Some(site) = sites.find(|s| Some(s.facility_id) == facility) else { return };
    let most = most_links(context.inventory, site.facility_id);
    if most.iter().any(|(speed, most)| mbps.is_multiple_of(*speed) && mbps / speed <= *most) {
        return;
    }
    let all: Vec<String> =
        most.iter().map(|(speed, most)| format!("up to {most} links of {speed} Mbps")).collect();
    let all = if all.is_empty() { "no ports yet".to_owned() } else { all.join(" or ") };
    v.add(
        "BandwidthNotOffered",
        target,
        format!("no edge router at facility {} can carry {mbps} Mbps: it has {all}", site.facility_id),
    );
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
    let facilities: Vec<i32> =
        context.inventory.sites.iter().filter(|s| s.location == location).map(|s| s.facility_id).collect();
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
        (&draft.session_prefix_v4, "sessionPrefixV4", true),
        (&draft.session_prefix_v6, "sessionPrefixV6", false),
    ];
    let mut found = [None, None];
    for (n, (text, field, is_v4)) in families.into_iter().enumerate() {
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
                v.add(session_space::CODE, target, e.to_string());
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
        if prefix.is_ipv4() != is_v4 {
            let family = if is_v4 { "IPv4" } else { "IPv6" };
            v.add(
                session_space::CODE,
                target,
                format!("{prefix}: this is for the {family} session's subnet"),
            );
            continue;
        }
        found[n] = Some(prefix);
        // What the connection has already was asked when it got it, and the inventory may have
        // changed: the next request about something else isn't the time to take it away.
        if had[n] != Some(prefix) {
            for fault in session_space::faults(prefix, context.inventory) {
                v.add(session_space::CODE, target.clone(), fault.to_string());
            }
        }
    }
    found
}
