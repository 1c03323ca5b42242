//! The paths of the API: ARM resources of one subscription, and the operator API.
//!
//! Names are percent-encoded, so that no name can lead elsewhere.

use std::fmt::Write;

/// Paths of a subscription's ARM resources, and of the extension API about them.
#[derive(Clone, Debug)]
pub struct Resources {
    subscription: String,
    group: String,
}

impl Resources {
    /// Resources of `subscription`, in resource group `group` where they live in one.
    pub fn new(subscription: &str, group: &str) -> Self {
        Self { subscription: encode(subscription), group: encode(group) }
    }

    fn subscription_level(&self) -> String {
        format!("/subscriptions/{}/providers/Microsoft.Peering", self.subscription)
    }

    fn group_level(&self) -> String {
        format!(
            "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Peering",
            self.subscription, self.group
        )
    }

    fn extension(&self) -> String {
        format!("/api/v1/subscriptions/{}/resourceGroups/{}", self.subscription, self.group)
    }

    /// All peer ASNs.
    pub fn peer_asns(&self) -> String {
        format!("{}/peerAsns", self.subscription_level())
    }

    /// A peer ASN; also its resource id, without api-version.
    pub fn peer_asn(&self, name: &str) -> String {
        format!("{}/{}", self.peer_asns(), encode(name))
    }

    /// All peerings of the subscription.
    pub fn all_peerings(&self) -> String {
        format!("{}/peerings", self.subscription_level())
    }

    /// The group's peerings.
    pub fn peerings(&self) -> String {
        format!("{}/peerings", self.group_level())
    }

    /// A peering.
    pub fn peering(&self, name: &str) -> String {
        format!("{}/{}", self.peerings(), encode(name))
    }

    /// A peering's registered prefixes.
    pub fn registered_prefixes(&self, peering: &str) -> String {
        format!("{}/registeredPrefixes", self.peering(peering))
    }

    /// A registered prefix.
    pub fn registered_prefix(&self, peering: &str, name: &str) -> String {
        format!("{}/{}", self.registered_prefixes(peering), encode(name))
    }

    /// A peering's registered ASNs.
    pub fn registered_asns(&self, peering: &str) -> String {
        format!("{}/registeredAsns", self.peering(peering))
    }

    /// A registered ASN.
    pub fn registered_asn(&self, peering: &str, name: &str) -> String {
        format!("{}/{}", self.registered_asns(peering), encode(name))
    }

    /// What a peering's sessions received; `query` is `prefix=…&asPath=…`, or empty.
    pub fn received_routes(&self, peering: &str, query: &str) -> String {
        let question = if query.is_empty() { "" } else { "?" };
        format!("{}/receivedRoutes{question}{query}", self.peering(peering))
    }

    /// What of a peering the host uses, with adjacent prefixes merged where `consolidate` says so.
    pub fn rp_unbilled_prefixes(&self, peering: &str, consolidate: bool) -> String {
        format!("{}/rpUnbilledPrefixes?consolidate={consolidate}", self.peering(peering))
    }

    /// The group's peering services.
    pub fn peering_services(&self) -> String {
        format!("{}/peeringServices", self.group_level())
    }

    /// A peering service.
    pub fn peering_service(&self, name: &str) -> String {
        format!("{}/{}", self.peering_services(), encode(name))
    }

    /// A peering service's prefixes.
    pub fn service_prefixes(&self, service: &str) -> String {
        format!("{}/prefixes", self.peering_service(service))
    }

    /// An activated prefix.
    pub fn service_prefix(&self, service: &str, name: &str) -> String {
        format!("{}/{}", self.service_prefixes(service), encode(name))
    }

    /// A peering service's connection monitor tests.
    pub fn connection_monitor_tests(&self, service: &str) -> String {
        format!("{}/connectionMonitorTests", self.peering_service(service))
    }

    /// A connection monitor test.
    pub fn connection_monitor_test(&self, service: &str, name: &str) -> String {
        format!("{}/{}", self.connection_monitor_tests(service), encode(name))
    }

    /// Initializes the subscription's connection monitor.
    pub fn initialize_connection_monitor(&self) -> String {
        format!("{}/initializeConnectionMonitor", self.subscription_level())
    }

    /// A look from an edge router: `command` is Traceroute, Ping or BgpRoute, `source_type`
    /// EdgeSite or AzureRegion.
    pub fn looking_glass(
        &self,
        command: &str,
        source_type: &str,
        source_location: &str,
        destination: &str,
    ) -> String {
        format!(
            "{}/lookingGlass?command={}&sourceType={}&sourceLocation={}&destinationIP={}",
            self.subscription_level(),
            encode(command),
            encode(source_type),
            encode(source_location),
            encode(destination)
        )
    }

    /// Peering locations, of `kind` Direct or Exchange.
    pub fn peering_locations(&self, kind: &str) -> String {
        format!("{}/peeringLocations?kind={}", self.subscription_level(), encode(kind))
    }

    /// The host's prefixes that are served near a peering location.
    pub fn cdn_peering_prefixes(&self, location: &str) -> String {
        format!("{}/cdnPeeringPrefixes?peeringLocation={}", self.subscription_level(), encode(location))
    }

    /// Sessions at a peering location that are older than the product, of `kind` Direct or Exchange.
    pub fn legacy_peerings(&self, location: &str, kind: &str) -> String {
        format!(
            "{}/legacyPeerings?peeringLocation={}&kind={}",
            self.subscription_level(),
            encode(location),
            encode(kind)
        )
    }

    /// Extension: a peering's connections in detail.
    pub fn connections(&self, peering: &str) -> String {
        format!("{}/peerings/{}/connections", self.extension(), encode(peering))
    }

    /// Extension: the checks behind a registered prefix's state.
    pub fn checks(&self, peering: &str, name: &str) -> String {
        format!(
            "{}/peerings/{}/registeredPrefixes/{}/checks",
            self.extension(),
            encode(peering),
            encode(name)
        )
    }

    /// Extension: the checks and the active path of an activated prefix.
    pub fn service_prefix_status(&self, service: &str, name: &str) -> String {
        format!("{}/peeringServices/{}/prefixes/{}/status", self.extension(), encode(service), encode(name))
    }

    /// Operator: a peer ASN with all checks of it, as it is decided about.
    pub fn peer_asn_checks(&self, name: &str) -> String {
        format!("/api/v1/subscriptions/{}/peerAsns/{}/checks", self.subscription, encode(name))
    }

    /// Operator: approve or refuse a peer ASN.
    pub fn decide_peer_asn(&self, name: &str, approve: bool) -> String {
        format!(
            "/api/v1/subscriptions/{}/peerAsns/{}/{}",
            self.subscription,
            encode(name),
            if approve { "approve" } else { "refuse" }
        )
    }

    /// Operator: approve every connection of a peering that waits for it.
    pub fn approve_peering(&self, name: &str) -> String {
        format!("{}/peerings/{}/approve", self.extension(), encode(name))
    }
}

/// Paths of the operator API that belong to no subscription.
#[derive(Clone, Copy, Debug)]
pub struct Operator;

impl Operator {
    /// What waits for a decision.
    pub const QUEUE: &'static str = "/api/v1/queue";
    /// All routers.
    pub const ROUTERS: &'static str = "/api/v1/routers";
    /// Mails with their delivery.
    pub const MAILS: &'static str = "/api/v1/mails";
    /// The audit trail.
    pub const AUDIT: &'static str = "/api/v1/audit";
    /// The inventory in force.
    pub const INVENTORY: &'static str = "/api/v1/inventory";

    /// One router.
    pub fn router(name: &str) -> String {
        format!("{}/{}", Self::ROUTERS, encode(name))
    }

    /// What applying the intent to a router would change now.
    pub fn router_diff(name: &str) -> String {
        format!("{}/{}/diff", Self::ROUTERS, encode(name))
    }

    /// A connection with all checks of it, as it is decided about.
    pub fn connection(id: &str) -> String {
        format!("/api/v1/connections/{}", encode(id))
    }

    /// Approve or refuse a connection by its number (`12`), which the queue tells.
    pub fn decide_connection(id: &str, approve: bool) -> String {
        format!("/api/v1/connections/{}/{}", encode(id), if approve { "approve" } else { "refuse" })
    }
}

/// Percent-encodes all but RFC 3986's unreserved characters.
pub(crate) fn encode(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("writing to a string can't fail");
        }
    }
    out
}
