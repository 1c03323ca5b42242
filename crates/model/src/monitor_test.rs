//! Connection monitor tests of peering services: what a site's router asks of a destination, and
//! which sites there are for a service (`docs/rules.md` §6).

use crate::connection::Connection;
use crate::destination::{check_probed, probe_destination};
use crate::inventory::{Inventory, Router, Site};
use crate::peering_service::PeeringServiceSpec;
use crate::probe::Probe;
use crate::probe_id::ProbeId;
use crate::stamp::Stamp;
use crate::violation::Violations;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Most tests of one peering service.
pub const MAX_TESTS: usize = 20;
/// Time between tries where nothing is said.
const DEFAULT_INTERVAL_S: u32 = 60;

/// A test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MonitorTest {
    /// Database id.
    pub id: i64,
    /// The peering service.
    pub service_id: i64,
    /// Resource name, as first written.
    pub name: String,
    /// What was asked.
    pub spec: MonitorTestSpec,
    /// Who made and changed it, and when.
    #[serde(flatten)]
    pub stamp: Stamp,
}

/// What is asked of a test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonitorTestSpec {
    /// The site that it is sent from.
    pub site: String,
    /// Where it goes.
    pub destination: IpAddr,
    /// TCP port to connect to; none: ICMP echo.
    pub port: Option<u16>,
    /// Time between tries.
    pub interval_s: u32,
    /// The site's router that sends it.
    pub router: String,
}

/// A test as sent in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MonitorTestDraft {
    /// `sourceAgent`.
    pub agent: Option<String>,
    /// `destination`.
    pub destination: Option<String>,
    /// `destinationPort`.
    pub port: Option<i64>,
    /// `testFrequencyInSec`.
    pub interval_s: Option<i64>,
}

/// The connected agents of a service: the sites at its primary and its backup location.
pub fn agents<'a>(inventory: &'a Inventory, service: &PeeringServiceSpec) -> Vec<&'a Site> {
    let at = |s: &&Site| {
        [&service.primary, &service.backup]
            .into_iter()
            .flatten()
            .any(|location| location.eq_ignore_ascii_case(&s.location))
    };
    inventory.sites.iter().filter(at).collect()
}

/// Checks a draft against every rule; `connections` are those of the service's provider.
///
/// # Errors
/// Every rule that is broken, with its target.
pub fn validate(
    draft: &MonitorTestDraft,
    inventory: &Inventory,
    service: &PeeringServiceSpec,
    connections: &[Connection],
) -> Result<MonitorTestSpec, Violations> {
    let mut v = Violations::default();
    let site = check_agent(draft, inventory, service, &mut v);
    let router = site.and_then(|s| sender(inventory, s, connections));
    if let (Some(site), None) = (site, router) {
        v.add("SourceAgentEmpty", AGENT, format!("no router stands at {} yet; use another agent", site.name));
    }
    let destination = check_destination(draft, inventory, &mut v);
    let port = match draft.port {
        None | Some(0) => None,
        Some(n) => match u16::try_from(n) {
            Ok(port) => Some(port),
            Err(_) => {
                v.add(
                    "DestinationPortInvalid",
                    "properties.destinationPort",
                    format!("{n}; use a TCP port of 1 to 65535, or 0 for ICMP echo"),
                );
                None
            }
        },
    };
    let asked = draft.interval_s.unwrap_or(DEFAULT_INTERVAL_S.into());
    let interval_s = u32::try_from(asked).ok().filter(|s| (10..=86_400).contains(s)).unwrap_or_else(|| {
        v.add(
            "TestFrequencyInvalid",
            "properties.testFrequencyInSec",
            format!("{asked}; a test is tried every 10 to 86400 seconds"),
        );
        DEFAULT_INTERVAL_S
    });
    let (Some(site), Some(router), Some(destination)) = (site, router, destination) else {
        return Err(v);
    };
    v.into_result(MonitorTestSpec {
        site: site.name.clone(),
        destination,
        port,
        interval_s,
        router: router.name.clone(),
    })
}

const AGENT: &str = "properties.sourceAgent";

fn check_agent<'a>(
    draft: &MonitorTestDraft,
    inventory: &'a Inventory,
    service: &PeeringServiceSpec,
    v: &mut Violations,
) -> Option<&'a Site> {
    let agents = agents(inventory, service);
    let asked = draft.agent.as_deref().unwrap_or("").trim();
    let found = agents.iter().copied().find(|s| s.name.eq_ignore_ascii_case(asked));
    if found.is_none() {
        let names: Vec<&str> = agents.iter().map(|s| s.name.as_str()).collect();
        let there = if names.is_empty() {
            "this service has none: give it a primary peering location first".to_owned()
        } else {
            format!("there are {}", names.join(", "))
        };
        let (code, what) = if asked.is_empty() {
            ("SourceAgentRequired", "the source agent is missing".to_owned())
        } else {
            let asked: String = asked.chars().take(80).flat_map(char::escape_default).collect();
            ("SourceAgentUnknown", format!("'{asked}' isn't a connected agent of this service"))
        };
        v.add(code, AGENT, format!("{what}; {there}"));
    }
    found
}

fn check_destination(draft: &MonitorTestDraft, inventory: &Inventory, v: &mut Violations) -> Option<IpAddr> {
    const TARGET: &str = "properties.destination";
    let Some(text) = draft.destination.as_deref().filter(|t| !t.trim().is_empty()) else {
        v.add("DestinationRequired", TARGET, "the destination is missing; send an IP address");
        return None;
    };
    match probe_destination(text, inventory) {
        Ok(address) => Some(address),
        Err(e) => {
            v.add(e.code(), TARGET, e.to_string());
            None
        }
    }
}

/// The site's router that sends: the first by name that carries one of `connections`, else the
/// first of the site.
fn sender<'a>(inventory: &'a Inventory, site: &Site, connections: &[Connection]) -> Option<&'a Router> {
    let carries =
        |r: &Router| connections.iter().filter_map(|c| c.ports.as_ref()).any(|p| p.router == r.name);
    inventory.routers.iter().filter(|r| r.site == site.name).min_by_key(|r| (!carries(r), &r.name))
}

impl MonitorTest {
    /// As the site's edge is told. When its router has left the inventory, the site's first sends;
    /// what has become the host's own space is sent nothing.
    pub fn probe(&self, inventory: &Inventory) -> Option<Probe> {
        check_probed(self.spec.destination, inventory).ok()?;
        let kept = inventory.router(&self.spec.router).filter(|r| r.site == self.spec.site);
        let first = || inventory.routers.iter().filter(|r| r.site == self.spec.site).min_by_key(|r| &r.name);
        Some(Probe {
            id: ProbeId::Test(self.id).to_string(),
            router: kept.or_else(first)?.name.clone(),
            destination: self.spec.destination,
            tcp_port: self.spec.port,
            interval_s: self.spec.interval_s,
            // A test of a service on a port asks whether the service is there.
            refusal_answers: false,
            with_path: true,
        })
    }
}

#[cfg(test)]
mod tests;
