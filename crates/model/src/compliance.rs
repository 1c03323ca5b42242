//! What a peer has to meet, and how each of it is seen (`docs/rules.md` §7).
//!
//! [`compliance`] is a pure function of what is known by now. A requirement that nothing was
//! measured for is Unknown and says so; what only the peer can say is Attested. Nothing is guessed.

use crate::connection::Connection;
use crate::inventory::{Offering, OfferingKind};
use crate::peer_asn::{AsnState, PeerAsn};
use crate::peering::Peering;
use crate::plan::validation::Observed;
use crate::registered_prefix::RegisteredPrefix;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

mod attested;
mod links;
mod routes;
mod utilisation;

pub use attested::{ATTESTABLE, Attestation, Probed, attestable, check_note};
pub use utilisation::{AUGMENT_AT, Utilisation, utilisation};

/// The requirements, in the order of `docs/rules.md` §7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Requirement {
    /// An own public ASN.
    OwnAsn,
    /// Two or more Active connections on different edge routers.
    RedundantConnections,
    /// Active peerings in two or more metros.
    GeoRedundancy,
    /// The same prefixes with comparable attributes on all sessions.
    ActiveActive,
    /// A router of the peer's for every circuit.
    PeerRouterPerCircuit,
    /// No rate limits.
    NoRateLimit,
    /// No stateful firewall.
    NoStatefulFirewall,
    /// Own routable address space.
    OwnAddressSpace,
    /// Class of traffic and endpoints of each subnet.
    SubnetUsage,
    /// BGP over BFD.
    Bfd,
    /// Prefixes registered and tagged with the community.
    RegisteredAndTagged,
    /// LACP.
    Lacp,
    /// Links of 10 Gbps or more.
    LinkSpeed,
    /// Room for traffic.
    Capacity,
}

impl Requirement {
    /// The name in the wire format.
    pub fn wire_name(self) -> &'static str {
        match self {
            Self::OwnAsn => "ownAsn",
            Self::RedundantConnections => "redundantConnections",
            Self::GeoRedundancy => "geoRedundancy",
            Self::ActiveActive => "activeActive",
            Self::PeerRouterPerCircuit => "peerRouterPerCircuit",
            Self::NoRateLimit => "noRateLimit",
            Self::NoStatefulFirewall => "noStatefulFirewall",
            Self::OwnAddressSpace => "ownAddressSpace",
            Self::SubnetUsage => "subnetUsage",
            Self::Bfd => "bfd",
            Self::RegisteredAndTagged => "registeredAndTagged",
            Self::Lacp => "lacp",
            Self::LinkSpeed => "linkSpeed",
            Self::Capacity => "capacity",
        }
    }
}

/// How a requirement stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Standing {
    /// Measured, and as it should be.
    Met,
    /// Measured, and not as it should be.
    NotMet,
    /// The peer says so; it isn't measured.
    Attested,
    /// The peer says so, and what is measured speaks against it.
    Contradicted,
    /// Not measured yet, or not measurable now.
    Unknown,
}

/// What was seen of one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sighting {
    /// Of what: `connection contoso-ams-1`, `session 198.18.192.0`, a prefix, a metro.
    pub subject: String,
    /// What was seen.
    pub seen: String,
    /// Whether it is as it should be; absent where nothing could be seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ok: Option<bool>,
    /// When it was seen last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

impl Sighting {
    fn new(subject: String, seen: impl Into<String>, ok: Option<bool>, at: Option<Timestamp>) -> Self {
        Self { subject, seen: seen.into(), ok, at }
    }
}

/// How one requirement stands, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Which.
    pub requirement: Requirement,
    /// How it stands.
    pub standing: Standing,
    /// In a sentence, with what to do where it isn't met.
    pub message: String,
    /// What was seen, thing by thing.
    pub evidence: Vec<Sighting>,
    /// When it was seen last: the newest of the evidence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen_at: Option<Timestamp>,
    /// Whether the peer states it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub attestable: bool,
    /// The peer's statement, where it made one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attestation: Option<Attestation>,
}

impl Finding {
    fn new(
        requirement: Requirement,
        standing: Standing,
        message: impl Into<String>,
        evidence: Vec<Sighting>,
    ) -> Self {
        let seen_at = evidence.iter().filter_map(|s| s.at).max();
        let message = message.into();
        Self { requirement, standing, message, evidence, seen_at, attestable: false, attestation: None }
    }

    /// By its evidence alone: met when everything is as it should be, not met when anything isn't.
    fn by_evidence(
        requirement: Requirement,
        evidence: Vec<Sighting>,
        met: &str,
        not_met: &str,
        unknown: &str,
    ) -> Self {
        let (standing, message) = match weigh(&evidence) {
            Standing::Met => (Standing::Met, met),
            Standing::NotMet => (Standing::NotMet, not_met),
            other => (other, unknown),
        };
        Self::new(requirement, standing, message, evidence)
    }
}

/// Met when there is evidence and all of it is as it should be, Unknown while some is missing.
fn weigh(evidence: &[Sighting]) -> Standing {
    if evidence.iter().any(|s| s.ok == Some(false)) {
        Standing::NotMet
    } else if evidence.is_empty() || evidence.iter().any(|s| s.ok.is_none()) {
        Standing::Unknown
    } else {
        Standing::Met
    }
}

/// A connection with what is known of it.
#[derive(Clone, Debug)]
pub struct Interconnect {
    /// The connection.
    pub connection: Connection,
    /// What its router tells.
    pub observed: Observed,
    /// When its router was read last.
    pub read_at: Option<Timestamp>,
    /// How much of it is used; `None`: not measured.
    pub utilisation: Option<Utilisation>,
}

impl Interconnect {
    fn name(&self) -> String {
        format!("connection {}", self.connection.name)
    }

    /// Why its router tells nothing that counts now.
    fn unread(&self) -> Option<&'static str> {
        match self.observed.reachable {
            Some(true) => None,
            Some(false) => Some("our router can't be read now"),
            None => Some("not measured yet"),
        }
    }
}

/// What is known when compliance is asked for.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// The peering.
    pub peering: &'a Peering,
    /// Its offering.
    pub offering: Option<&'a Offering>,
    /// Its ASN's association.
    pub asn: Option<&'a PeerAsn>,
    /// Its connections; those being removed don't count.
    pub connections: &'a [Interconnect],
    /// The prefixes that the ASN's holder registered, on whichever of its peerings.
    pub prefixes: &'a [RegisteredPrefix],
    /// How many Active connections the ASN's holder has in each metro.
    pub metros: &'a BTreeMap<String, usize>,
    /// What the peer states of the peering.
    pub attestations: &'a [Attestation],
    /// The peering's connectivity probes that were tried.
    pub probes: &'a [Probed],
}

impl Facts<'_> {
    fn staying(&self) -> impl Iterator<Item = &Interconnect> {
        self.connections.iter().filter(|c| c.connection.removal.is_none())
    }

    /// True where prefixes are registered on the peering.
    fn registers_prefixes(&self) -> bool {
        let specs = self.staying().map(|c| &c.connection.spec);
        self.peering.spec.offering != OfferingKind::IxRs && self.peering.spec.peering_service(specs)
    }
}

/// How each requirement that concerns the peering stands. What its offering doesn't ask for is left
/// out: registered prefixes without Peering Service, and with a route server, where ASNs are registered.
pub fn compliance(facts: &Facts<'_>) -> Vec<Finding> {
    let mut findings = vec![
        own_asn(facts),
        links::redundant_connections(facts),
        links::geo_redundancy(facts),
        routes::active_active(facts),
        links::peer_router_per_circuit(facts),
        attested::no_rate_limit(facts),
        attested::no_stateful_firewall(facts),
        routes::own_address_space(facts),
    ];
    if facts.registers_prefixes() {
        findings.push(routes::subnet_usage(facts));
    }
    findings.push(links::bfd(facts));
    if facts.registers_prefixes() {
        findings.push(routes::registered_and_tagged(facts));
    }
    findings.extend([links::lacp(facts), links::link_speed(facts), links::capacity(facts)]);
    findings
}

fn own_asn(facts: &Facts<'_>) -> Finding {
    let number = facts.peering.spec.asn;
    let Some(asn) = facts.asn else {
        let message = format!("unknown: the association of AS{number} isn't there");
        return Finding::new(Requirement::OwnAsn, Standing::Unknown, message, Vec::new());
    };
    let decided = asn.decision.as_ref().map(|d| d.at);
    let (standing, ok, message) = match asn.state {
        AsnState::Approved => {
            (Standing::Met, Some(true), format!("AS{number} is public and proved to be yours"))
        }
        AsnState::Failed => (
            Standing::NotMet,
            Some(false),
            format!(
                "AS{number} isn't proved to be yours: {}",
                asn.error_message.as_deref().unwrap_or("refused")
            ),
        ),
        AsnState::None | AsnState::Pending => {
            (Standing::Unknown, None, format!("unknown: whether AS{number} is yours isn't decided yet"))
        }
    };
    let seen = match asn.state {
        AsnState::Approved => "approved",
        AsnState::Failed => "refused",
        AsnState::None | AsnState::Pending => "waits for a decision",
    };
    let evidence = vec![Sighting::new(format!("AS{number}"), seen, ok, decided)];
    Finding::new(Requirement::OwnAsn, standing, message, evidence)
}

#[cfg(test)]
mod tests;
