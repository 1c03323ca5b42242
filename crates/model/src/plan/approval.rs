//! What is checked before a connection is approved (`docs/rules.md` §3, PendingApproval), shown to
//! operators and used by the automatic policy.

use crate::allocation::select_ports;
use crate::asn::Asn;
use crate::connection::Connection;
use crate::inventory::{Inventory, OfferingKind};
use crate::peer_asn::{AsnState, ContactRole, PeerAsn};
use crate::peering::Peering;
use crate::plan::place::{Rival, taken_by, taken_message};
use crate::prefix::Prefix;
use crate::session_space;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Which decisions are made without an operator.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct ApprovalPolicy {
    /// Whose claims to which ASNs the host approves in advance; ownership is then the host's word.
    pub preapproved: Vec<Preapproved>,
    /// Connections are approved when every check passes.
    pub connections_automatic: bool,
}

/// An ASN together with whose it is: a number alone would be anybody's who names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preapproved {
    /// The ASN.
    pub asn: Asn,
    /// The subscription that may claim it.
    pub subscription: String,
}

impl ApprovalPolicy {
    /// True when this subscription's claim to this ASN needs no operator.
    pub fn preapproves(&self, asn: Asn, subscription: &str) -> bool {
        let fits = |p: &Preapproved| p.asn == asn && p.subscription.eq_ignore_ascii_case(subscription);
        self.preapproved.iter().any(fits)
    }
}

/// As it is written in a configuration.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    preapproved: Vec<Preapproved>,
    #[serde(default)]
    connections_automatic: bool,
    /// A bare list as it was written once. It said nothing about whose the ASNs are.
    #[serde(default)]
    preapproved_asns: Option<IgnoredAny>,
}

impl TryFrom<Written> for ApprovalPolicy {
    type Error = &'static str;

    fn try_from(w: Written) -> Result<Self, Self::Error> {
        match w.preapproved_asns {
            None => Ok(Self { preapproved: w.preapproved, connections_automatic: w.connections_automatic }),
            Some(_) => Err(
                "preapproved_asns would approve anybody who names such an ASN; write in its place, for each of them, \
                 [[approval.preapproved]] with the lines asn = 64510 and subscription = \"the one that may claim it\"",
            ),
        }
    }
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
    let (given, given_message) = given_subnets(inventory, connection);
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
        check("SessionSubnets", given, given_message),
        check("LegacySessionGone", gone, gone_message),
        place,
    ]
}

/// What the peer gave for its sessions, and whether it still may: the inventory may have changed.
fn given_subnets(inventory: &Inventory, connection: &Connection) -> (bool, String) {
    let given: Vec<Prefix> = connection.spec.given_prefixes().collect();
    let faults: Vec<String> =
        given.iter().flat_map(|&p| session_space::faults(p, inventory)).map(|f| f.to_string()).collect();
    let listed = given.iter().map(Prefix::to_string).collect::<Vec<_>>().join(" and ");
    match (given.is_empty(), faults.is_empty()) {
        (true, _) => (true, "the host gives the session addresses".to_owned()),
        (false, true) => (true, format!("the peer gives {listed}: see that it is the peer's own space")),
        (false, false) => (false, faults.join("; ")),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_approval_ahead_of_time_names_whose_the_asn_is() {
        let written = serde_json::json!({ "preapproved": [{ "asn": 64510, "subscription": "Sub-A" }] });
        let policy: ApprovalPolicy = serde_json::from_value(written).unwrap();
        assert!(policy.preapproves(Asn(64510), "sub-a"));
        assert!(!policy.preapproves(Asn(64510), "sub-b") && !policy.preapproves(Asn(64511), "sub-a"));
    }

    #[test]
    fn a_bare_list_of_asns_is_refused_with_what_to_write() {
        for bare in [serde_json::json!([64510]), serde_json::json!([])] {
            let written = serde_json::json!({ "preapproved_asns": bare });
            let error = serde_json::from_value::<ApprovalPolicy>(written).unwrap_err().to_string();
            assert!(error.contains("[[approval.preapproved]]") && error.contains("subscription"), "{error}");
        }
    }
}
