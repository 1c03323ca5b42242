//! Connectivity probes of a peering: endpoints of the peer that a region's router tries, so that
//! both sides see availability and round trip (`docs/rules.md` §8).

use crate::destination::{check_probed, probe_destination};
use crate::inventory::{Inventory, Router};
use crate::own_space::single;
use crate::prefix::Prefix;
use crate::probe::Probe;
use crate::probe_id::ProbeId;
use crate::region::same_region;
use crate::violation::Violations;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Most probes of one peering.
pub const MAX_PROBES: usize = 10;
/// Time between tries.
const INTERVAL_S: u32 = 60;
/// Where TCP probes connect to: SIP over TLS (RFC 3261 §19.1.2), which an SBC answers or refuses.
const TCP_PORT: u16 = 5061;

/// What a probe sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ProbeProtocol {
    /// Nothing: the probe rests.
    #[default]
    None,
    /// ICMP echo.
    Icmp,
    /// A TCP connection; a refusal is an answer too.
    Tcp,
}

impl ProbeProtocol {
    /// The name in the wire format.
    pub fn wire_name(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Icmp => "ICMP",
            Self::Tcp => "TCP",
        }
    }

    fn of(text: &str) -> Option<Self> {
        [Self::None, Self::Icmp, Self::Tcp].into_iter().find(|p| p.wire_name().eq_ignore_ascii_case(text))
    }
}

/// A probe of a peering.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectivityProbe {
    /// Its place in the peering, by which it is known as long as endpoint and region stay.
    pub place: u32,
    /// Where it goes.
    pub endpoint: IpAddr,
    /// The region that it is sent from, as the inventory writes it.
    pub region: String,
    /// What is sent.
    pub protocol: ProbeProtocol,
}

/// A probe as sent in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProbeDraft {
    /// `endpoint`.
    pub endpoint: Option<String>,
    /// `azureRegion`.
    pub region: Option<String>,
    /// `protocol`.
    pub protocol: Option<String>,
}

const PROBES: &str = "properties.connectivityProbes";

/// Checks a peering's probes; `had` are those that it has. What is wrong is added to `v`.
pub fn check_probes(
    drafts: &[ProbeDraft],
    had: &[ConnectivityProbe],
    inventory: &Inventory,
    v: &mut Violations,
) -> Vec<ConnectivityProbe> {
    if drafts.len() > MAX_PROBES {
        v.add(
            "TooManyConnectivityProbes",
            PROBES,
            format!("{} connectivity probes; a peering has at most {MAX_PROBES}", drafts.len()),
        );
    }
    let mut probes: Vec<ConnectivityProbe> = Vec::new();
    for (i, draft) in drafts.iter().take(MAX_PROBES).enumerate() {
        let endpoint = check_endpoint(i, draft, inventory, v);
        let region = check_region(i, draft, inventory, v);
        let protocol = check_protocol(i, draft, v);
        let (Some(endpoint), Some(region)) = (endpoint, region) else { continue };
        if probes.iter().any(|p| p.endpoint == endpoint && p.region == region) {
            v.add(
                "ConnectivityProbeNotUnique",
                format!("{PROBES}[{i}].endpoint"),
                format!("{endpoint} is probed from {region} by another probe of this peering already"),
            );
            continue;
        }
        let same = had.iter().find(|p| p.endpoint == endpoint && p.region == region);
        let place = same.map_or_else(|| free_place(&probes, had), |p| p.place);
        probes.push(ConnectivityProbe { place, endpoint, region, protocol });
    }
    probes
}

/// A place that no probe of before and none of now has, so that a changed endpoint is another probe.
fn free_place(now: &[ConnectivityProbe], had: &[ConnectivityProbe]) -> u32 {
    (0..).find(|n| now.iter().chain(had).all(|p| p.place != *n)).unwrap_or(u32::MAX)
}

fn check_endpoint(i: usize, draft: &ProbeDraft, inventory: &Inventory, v: &mut Violations) -> Option<IpAddr> {
    let target = format!("{PROBES}[{i}].endpoint");
    let Some(text) = draft.endpoint.as_deref().filter(|t| !t.trim().is_empty()) else {
        v.add("EndpointRequired", target, "the endpoint is missing; send an IP address of your network");
        return None;
    };
    match probe_destination(text, inventory) {
        Ok(address) => Some(address),
        Err(e) => {
            v.add(e.code(), target, e.to_string());
            None
        }
    }
}

fn check_region(i: usize, draft: &ProbeDraft, inventory: &Inventory, v: &mut Violations) -> Option<String> {
    let target = format!("{PROBES}[{i}].azureRegion");
    let regions = regions(inventory);
    let asked = draft.region.as_deref().unwrap_or("");
    if let Some(region) = regions.iter().find(|r| same_region(r, asked)) {
        return Some((*region).to_owned());
    }
    let there = regions.join(", ");
    if asked.trim().is_empty() {
        v.add("AzureRegionRequired", target, format!("the region is missing; there are {there}"));
    } else {
        let asked: String = asked.chars().take(80).flat_map(char::escape_default).collect();
        v.add(
            "AzureRegionUnknown",
            target,
            format!("'{asked}' has no edge router that could send; there are {there}"),
        );
    }
    None
}

fn check_protocol(i: usize, draft: &ProbeDraft, v: &mut Violations) -> ProbeProtocol {
    let Some(text) = draft.protocol.as_deref() else { return ProbeProtocol::None };
    ProbeProtocol::of(text).unwrap_or_else(|| {
        let text: String = text.chars().take(80).flat_map(char::escape_default).collect();
        v.add(
            "ProtocolInvalid",
            format!("{PROBES}[{i}].protocol"),
            format!("'{text}' isn't a protocol of probes; use ICMP, TCP or None"),
        );
        ProbeProtocol::None
    })
}

/// The regions that have an edge router, in the inventory's order, each once.
pub fn regions(inventory: &Inventory) -> Vec<&str> {
    let mut found: Vec<&str> = Vec::new();
    for location in &inventory.locations {
        let manned = !routers_in(inventory, &location.region).is_empty();
        if manned && !found.contains(&location.region.as_str()) {
            found.push(&location.region);
        }
    }
    found
}

/// The edge routers in a region, by name.
pub fn routers_in<'a>(inventory: &'a Inventory, region: &str) -> Vec<&'a Router> {
    let inside = |r: &&Router| inventory.location_of(r).is_some_and(|l| same_region(&l.region, region));
    let mut found: Vec<&Router> = inventory.routers.iter().filter(inside).collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

impl ConnectivityProbe {
    /// The router that sends for a peering: peerings are spread over the region's routers.
    pub fn sender<'a>(&self, inventory: &'a Inventory, peering_id: i64) -> Option<&'a Router> {
        let routers = routers_in(inventory, &self.region);
        let count = u64::try_from(routers.len()).ok().filter(|n| *n > 0)?;
        let n = peering_id.unsigned_abs() % count;
        routers.get(usize::try_from(n).ok()?).copied()
    }

    /// `prefixesToAccesslist`: where the probe comes from.
    pub fn sources(&self, inventory: &Inventory, peering_id: i64) -> Vec<Prefix> {
        self.sender(inventory, peering_id).map(|r| single(r.loopback.into())).into_iter().collect()
    }

    /// As the sender's edge is told; `None` while it rests, has no sender, or would reach into the
    /// host's own space.
    pub fn probe(&self, inventory: &Inventory, peering_id: i64) -> Option<Probe> {
        check_probed(self.endpoint, inventory).ok()?;
        let tcp_port = match self.protocol {
            ProbeProtocol::None => return None,
            ProbeProtocol::Icmp => None,
            ProbeProtocol::Tcp => Some(TCP_PORT),
        };
        Some(Probe {
            id: ProbeId::Peering { id: peering_id, place: self.place }.to_string(),
            router: self.sender(inventory, peering_id)?.name.clone(),
            destination: self.endpoint,
            tcp_port,
            interval_s: INTERVAL_S,
            refusal_answers: tcp_port.is_some(),
            with_path: false,
        })
    }
}

#[cfg(test)]
mod tests;
