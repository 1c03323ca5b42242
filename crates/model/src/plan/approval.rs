//! What is checked before a connection is approved (`docs/rules.md` §3, PendingApproval), shown to
//! operators and used by the automatic policy.

use crate::allocation::select_ports;
use crate::connection::Connection;
use crate::inventory::{Inventory, OfferingKind};
use crate::peer_asn::{AsnState, ContactRole, PeerAsn};
use crate::peering::Peering;
use crate::plan::place::{Rival, taken_by, taken_message};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Which decisions are made without an operator.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovalPolicy {
    /// ASNs whose association the host approves in advance; ownership is then the host's word.
    #[serde(default)]
    pub preapproved_asns: Vec<crate::asn::Asn>,
    /// Connections are approved when every check passes.
    #[serde(default)]
    pub connections_automatic: bool,
}

/// One check and how it came out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalCheck {
    /// Its name.
    pub name: String,
    /// Whether it passes.
    pub ok: bool,
    /// What was found.
    pub message: String,
}

fn check(name: &str, ok: bool, message: impl Into<String>) -> ApprovalCheck {
    ApprovalCheck { name: name.to_owned(), ok, message: message.into() }
}

/// The check that no other peering has the place, by name.
pub const PLACE_FREE: &str = "PlaceFree";

/// All checks of one connection: ASN, facility, capacity and diversity, contacts, what it replaces,
/// who has the place. The peer reads the messages, too.
pub fn checks(
    inventory: &Inventory,
    peering: &Peering,
    connections: &[Connection],
    connection: &Connection,
    asn: Option<&PeerAsn>,
    ports_in_use: &BTreeSet<(String, String)>,
    rivals: &[Rival],
) -> Vec<ApprovalCheck> {
    let approved = asn.is_some_and(|a| a.state == AsnState::Approved);
    let asn_message = match asn {
        Some(a) => format!("AS{} is {:?}", a.spec.asn, a.state),
        None => format!("the peer ASN '{}' is gone", peering.spec.peer_asn_name),
    };
    let at_location = inventory
        .sites
        .iter()
        .any(|s| s.facility_id == connection.spec.facility_id && s.location == peering.spec.location);
    let avoid = routers_of(connections, connection.id);
    let ports = ports_for(inventory, peering, connection, &avoid, ports_in_use);
    let (ports_ok, ports_message) = match ports {
        Ok(p) => (true, format!("{} has {} free", p.router, p.ports.join(", "))),
        Err(e) => (false, e.to_string()),
    };
    let noc = asn.is_some_and(|a| a.spec.contacts.iter().any(|c| c.role == ContactRole::Noc));
    let (gone, gone_message) = legacy_gone(inventory, connection);
    let place = match taken_by(peering, connections, rivals) {
        Some(other) => check(PLACE_FREE, false, taken_message(peering, other)),
        None => check(PLACE_FREE, true, "no other peering has this ASN, location and offering"),
    };
    vec![
        check("AsnApproved", approved, asn_message),
        check(
            "FacilityAtLocation",
            at_location,
            format!("facility {} in {}", connection.spec.facility_id, peering.spec.location),
        ),
        check("PortsAndDiversity", ports_ok, ports_message),
        check("NocContact", noc, if noc { "there is a Noc contact" } else { "there is no Noc contact" }),
        check("LegacySessionGone", gone, gone_message),
        place,
    ]
}

/// Two routers or two sessions can't have the same addresses: what a conversion replaces ends first.
/// Doesn't say whose session it is, which isn't everybody's to know.
fn legacy_gone(inventory: &Inventory, connection: &Connection) -> (bool, String) {
    let given = [connection.spec.session_prefix_v4, connection.spec.session_prefix_v6];
    let taken: Vec<String> = given
        .into_iter()
        .flatten()
        .filter(|&subnet| inventory.legacy_sessions_with(subnet).next().is_some())
        .map(|subnet| subnet.to_string())
        .collect();
    if taken.is_empty() {
        return (true, "no session from before has its addresses".to_owned());
    }
    (false, format!("a session from before still has {}; it ends first", taken.join(" and ")))
}

/// Routers that already serve other connections of the peering.
pub(super) fn routers_of(connections: &[Connection], but: i64) -> BTreeSet<String> {
    connections
        .iter()
        .filter(|c| c.id != but && c.removal.is_none())
        .filter_map(|c| c.ports.as_ref().map(|p| p.router.clone()))
        .collect()
}

/// Ports for a connection; where diversity is only advised (plain Edge), a router that serves the
/// peering already is better than none.
pub(super) fn ports_for(
    inventory: &Inventory,
    peering: &Peering,
    connection: &Connection,
    avoid: &BTreeSet<String>,
    in_use: &BTreeSet<(String, String)>,
) -> Result<crate::connection::PortAssignment, crate::allocation::NoPort> {
    let spec = &connection.spec;
    let diverse = select_ports(inventory, spec.facility_id, spec.bandwidth_mbps, avoid, in_use);
    let required = match peering.spec.offering {
        OfferingKind::Voice => true,
        OfferingKind::Edge => spec.use_for_peering_service,
        OfferingKind::IxRs | OfferingKind::Exchange => false,
    };
    if diverse.is_ok() || required {
        return diverse;
    }
    select_ports(inventory, spec.facility_id, spec.bandwidth_mbps, &BTreeSet::new(), in_use)
}
