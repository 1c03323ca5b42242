//! What may be registered, and where (`docs/rules.md` §5). Functions over values.

use crate::error::ApiError;
use axum::http::StatusCode;
use meetme_model::connection::Connection;
use meetme_model::inventory::{Inventory, OfferingKind};
use meetme_model::peering::Peering;
use meetme_model::prefix::PrefixError;
use meetme_model::{Prefix, Violations};

const TARGET: &str = "properties.prefix";

/// Refuses a peering that registers no prefixes: one without Peering Service, and one with a route
/// server, which registers ASNs.
pub(super) fn check_supported(peering: &Peering, connections: &[Connection]) -> Result<(), ApiError> {
    if peering.deleting {
        return Err(ApiError::conflict(
            "PeeringDeleting",
            "the peering is being deleted; register the prefix on another one",
        ));
    }
    let live = connections.iter().filter(|c| c.removal.is_none());
    let supported =
        peering.spec.offering != OfferingKind::IxRs && peering.spec.peering_service(live.map(|c| &c.spec));
    if supported {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "OperationNotSupported",
        "Operation is not supported for this peering type: prefixes are registered on peerings with Peering Service",
    ))
}

/// Refuses while no connection is Active.
pub(super) fn check_active(connections: &[Connection]) -> Result<(), ApiError> {
    let active = |c: &Connection| c.state.is_open() && c.removal.is_none();
    if connections.iter().any(active) {
        return Ok(());
    }
    Err(ApiError::conflict(
        "ConnectionNotActive",
        "no connection of this peering is Active yet; register prefixes once one is",
    ))
}

/// The prefix, with every rule that it breaks added to `v`.
pub(super) fn check_prefix(
    text: Option<&str>,
    offering: OfferingKind,
    inventory: &Inventory,
    v: &mut Violations,
) -> Option<Prefix> {
    let Some(text) = text.filter(|t| !t.trim().is_empty()) else {
        v.add("PrefixRequired", TARGET, "the prefix is missing");
        return None;
    };
    let prefix = match text.parse::<Prefix>() {
        Ok(prefix) => prefix,
        Err(e @ PrefixError::HostBits { .. }) => {
            v.add("PrefixHostBitsSet", TARGET, e.to_string());
            return None;
        }
        Err(e @ (PrefixError::Syntax(_) | PrefixError::LeadingZero(_))) => {
            v.add("PrefixInvalid", TARGET, e.to_string());
            return None;
        }
    };
    let before = v.0.len();
    if prefix.is_default() {
        v.add("PrefixNotPublic", TARGET, "a default route can't be registered");
    } else if let Some(reason) = prefix.bogon_reason(&inventory.host.public_space) {
        v.add("PrefixNotPublic", TARGET, format!("{prefix} isn't public unicast space: {reason}"));
    }
    if !prefix.is_default() && inventory.touches_own_space(prefix) {
        v.add("PrefixInHostSpace", TARGET, format!("{prefix} overlaps the address space of this network"));
    }
    if let Some(offering) = inventory.offering(offering) {
        let longest = if prefix.is_ipv4() { offering.max_length_v4 } else { offering.max_length_v6 };
        if prefix.len() > longest {
            v.add(
                "PrefixTooLong",
                TARGET,
                format!("{prefix} is longer than /{longest}, the longest that this offering takes"),
            );
        }
        if !prefix.is_ipv4() && !offering.ipv6_registration {
            v.add("Ipv6NotOffered", TARGET, "this offering registers IPv4 prefixes only");
        }
    }
    (v.0.len() == before).then_some(prefix)
}
