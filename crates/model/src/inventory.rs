//! What the host owns: places, routers, ports, pools and offerings, as its operators declare them.
//!
//! The inventory comes from one TOML file, is validated whole (`inventory_check`), and is the only
//! list of things the product may act on. Types only; no I/O.

use crate::asn::{Asn, PublicSpace};
use crate::community::Community;
use crate::intent::BfdTimers;
use crate::prefix::Prefix;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

mod catalogue;
pub use catalogue::{CdnPrefix, LegacySession, PeeringKind};

/// The whole inventory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inventory {
    /// The network that runs this.
    pub host: Host,
    /// What it sells.
    #[serde(default, rename = "offering")]
    pub offerings: Vec<Offering>,
    /// Metros.
    #[serde(default, rename = "location")]
    pub locations: Vec<Location>,
    /// Places with edge routers.
    #[serde(default, rename = "site")]
    pub sites: Vec<Site>,
    /// Edge routers.
    #[serde(default, rename = "router")]
    pub routers: Vec<Router>,
    /// Ranges that session addresses come from.
    #[serde(default, rename = "pool")]
    pub pools: Vec<AddressPool>,
    /// Other routers of the backbone, which speak iBGP with the edge and aren't managed.
    #[serde(default, rename = "backbone")]
    pub backbone: Vec<BackboneRouter>,
    /// Where the edge meets the Internet.
    #[serde(default, rename = "transit")]
    pub transits: Vec<Transit>,
    /// Places where users of peering services are.
    #[serde(default, rename = "service_location")]
    pub service_locations: Vec<ServiceLocation>,
    /// Prefixes of the host that are served near a location.
    #[serde(default, rename = "cdn_prefix")]
    pub cdn_prefixes: Vec<CdnPrefix>,
    /// Sessions that are older than the product: listed, never touched.
    #[serde(default, rename = "legacy_session")]
    pub legacy_sessions: Vec<LegacySession>,
}

/// The host network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// Its name, as shown to peers.
    pub name: String,
    /// Its ASN.
    pub asn: Asn,
    /// Its service prefixes: announced to peers and transit, accepted from neither.
    pub announced: Vec<Prefix>,
    /// Space of its own that nobody else may announce, give for a session or look into, besides what
    /// the rest of the inventory has: management networks, blocks of loopbacks.
    #[serde(default)]
    pub internal_space: Vec<Prefix>,
    /// Space that peers may give for sessions although it isn't public, such as an exchange's LAN.
    #[serde(default)]
    pub peer_session_space: Vec<Prefix>,
    /// Least advised "max prefix" for the peer's side (`docs/rules.md` §4).
    #[serde(default = "default_max_prefix_floor")]
    pub advised_max_prefix_floor: u32,
    /// E-mail domains refused for contacts, because anybody can have an address there.
    #[serde(default)]
    pub free_mail_domains: Vec<String>,
    /// What counts as public besides the registries' space; only a laboratory fills it.
    #[serde(default)]
    pub public_space: PublicSpace,
    /// BFD between loopbacks of the backbone, when it is used there.
    #[serde(default)]
    pub backbone_bfd: Option<BfdTimers>,
}

fn default_max_prefix_floor() -> u32 {
    500
}

/// `directPeeringType` of an offering.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum OfferingKind {
    /// With Voice: for communications services.
    Voice,
    /// Plain, or with Peering Service when its connections ask for it.
    Edge,
    /// Exchange with route server.
    IxRs,
    /// At an exchange (peering kind `Exchange`).
    Exchange,
}

impl OfferingKind {
    /// True when its peerings are used for Peering Service; `asked`: a connection asks for it.
    pub fn peering_service(self, asked: bool) -> bool {
        match self {
            Self::Voice | Self::IxRs => true,
            Self::Edge => asked,
            Self::Exchange => false,
        }
    }
}

/// What the host sells at its edge (`docs/rules.md` §2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offering {
    /// As shown to peers: `AS8075 (with Voice)`.
    pub name: String,
    /// Its kind.
    pub kind: OfferingKind,
    /// Community that registered prefixes carry; the Voice default when absent.
    #[serde(default)]
    pub community: Option<Community>,
    /// BFD timers on its sessions.
    #[serde(default = "default_bfd")]
    pub bfd: BfdTimers,
    /// Longest IPv4 prefix accepted, in bits.
    #[serde(default = "default_max_length_v4")]
    pub max_length_v4: u8,
    /// Longest IPv6 prefix accepted, in bits.
    #[serde(default = "default_max_length_v6")]
    pub max_length_v6: u8,
    /// Longest AS path of prefixes up to /24; no limit when absent.
    #[serde(default)]
    pub max_path: Option<u8>,
    /// Whether routes that aren't registered are used hot potato; by default all but Voice.
    #[serde(default)]
    pub ordinary_used: Option<bool>,
    /// Whether IPv6 prefixes may be registered.
    #[serde(default)]
    pub ipv6_registration: bool,
}

fn default_bfd() -> BfdTimers {
    BfdTimers { interval_ms: 100, multiplier: 3, strict: false }
}

fn default_max_length_v4() -> u8 {
    29
}

fn default_max_length_v6() -> u8 {
    64
}

impl Offering {
    /// The community in force, for a host with ASN `host`; `None` where the offering needs none.
    pub fn community(&self, host: Asn) -> Option<Community> {
        match self.kind {
            OfferingKind::Voice => Some(self.community.unwrap_or(Community::default_for_voice(host))),
            OfferingKind::Edge | OfferingKind::IxRs | OfferingKind::Exchange => self.community,
        }
    }
}

/// A peering location (metro).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Location {
    /// Its name: `Amsterdam`.
    pub name: String,
    /// ISO 3166 two-letter code.
    pub country: String,
    /// The host's region that it belongs to, in the wire format `azureRegion`.
    pub region: String,
    /// Link speeds offered.
    #[serde(default = "default_speeds")]
    pub speeds_mbps: Vec<u32>,
}

fn default_speeds() -> Vec<u32> {
    vec![10_000, 100_000]
}

/// A place with edge routers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// Its name: `ams1`.
    pub name: String,
    /// The location it belongs to.
    pub location: String,
    /// PeeringDB facility id.
    pub facility_id: i32,
    /// Postal address.
    pub address: String,
    /// Degrees north.
    #[serde(default)]
    pub latitude: Option<f64>,
    /// Degrees east.
    #[serde(default)]
    pub longitude: Option<f64>,
    /// Where this site's edge listens for BMP.
    #[serde(default)]
    pub bmp: Option<SocketAddr>,
}

/// An edge router.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Router {
    /// Its name.
    pub name: String,
    /// The site it stands at.
    pub site: String,
    /// Loopback, the source of iBGP and the BGP identifier.
    pub loopback: Ipv4Addr,
    /// IPv6 address on the same interface: the next hop of IPv6 routes on iBGP, which carries none without it.
    #[serde(default)]
    pub loopback_v6: Option<Ipv6Addr>,
    /// How it is driven and reached.
    pub management: Management,
    /// Ports for peers.
    #[serde(default, rename = "port")]
    pub ports: Vec<Port>,
    /// Networks of the host originated here, when not all (`Host::announced`) are.
    #[serde(default)]
    pub announced: Option<Vec<Prefix>>,
}

/// How a router is driven and reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "driver", rename_all = "lowercase", deny_unknown_fields)]
pub enum Management {
    /// FRR 8.4 or later, on the machine of the site's edge.
    Frr {
        /// Directory of FRR's vty sockets.
        vty_dir: PathBuf,
        /// What bundles links.
        lag: LagBackend,
        /// Source address of the router's BMP connection, by which the edge knows the router.
        bmp_source: IpAddr,
    },
}

/// What bundles links on a router driven through its operating system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "backend", rename_all = "lowercase", deny_unknown_fields)]
pub enum LagBackend {
    /// Open vSwitch: one bridge per LAG.
    Ovs {
        /// Its database socket.
        db: PathBuf,
        /// The daemon's control socket, for `ovs-appctl`.
        ctl: PathBuf,
        /// Network namespace by name, when the router runs in one.
        #[serde(default)]
        netns: Option<String>,
    },
    /// The kernel's bonding driver.
    Bonding {
        /// Network namespace by name, when the router runs in one.
        #[serde(default)]
        netns: Option<String>,
    },
}

/// A port for peers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Port {
    /// Interface name on the router.
    pub name: String,
    /// Its speed.
    pub speed_mbps: u32,
    /// Where it is on the patch panel, for the LOA.
    pub panel: String,
}

/// A range that session addresses come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddressPool {
    /// The range.
    pub prefix: Prefix,
    /// The location it serves.
    pub location: String,
    /// Length of the subnets handed out: 30 or 31, 126 or 127.
    pub subnet_length: u8,
}

/// A router of the backbone that the product doesn't manage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackboneRouter {
    /// Its name.
    pub name: String,
    /// Its loopback.
    pub loopback: IpAddr,
}

/// A session to the Internet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transit {
    /// Its name.
    pub name: String,
    /// The edge router it is on.
    pub router: String,
    /// The neighbour's address.
    pub address: IpAddr,
    /// The neighbour's ASN.
    pub asn: Asn,
}

/// A place where users of peering services are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceLocation {
    /// State or province, the location's name.
    pub name: String,
    /// Country, as shown.
    pub country: String,
    /// The host's region.
    pub region: String,
}

/// A router and how to reach it: what an edge is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterAccess {
    /// The router's name.
    pub router: String,
    /// Its loopback: where what it asks comes from.
    pub loopback: Ipv4Addr,
    /// How it is driven and reached.
    pub management: Management,
}

impl Management {
    /// Network namespace by name, when the router runs in one.
    pub fn netns(&self) -> Option<&str> {
        let Self::Frr { lag, .. } = self;
        match lag {
            LagBackend::Ovs { netns, .. } | LagBackend::Bonding { netns } => netns.as_deref(),
        }
    }
}

impl Inventory {
    /// The site named so.
    pub fn site(&self, name: &str) -> Option<&Site> {
        self.sites.iter().find(|s| s.name == name)
    }

    /// The router named so.
    pub fn router(&self, name: &str) -> Option<&Router> {
        self.routers.iter().find(|r| r.name == name)
    }

    /// The location named so, ignoring ASCII case, as ARM compares names.
    pub fn location(&self, name: &str) -> Option<&Location> {
        self.locations.iter().find(|l| l.name.eq_ignore_ascii_case(name))
    }

    /// The offering of a kind.
    pub fn offering(&self, kind: OfferingKind) -> Option<&Offering> {
        self.offerings.iter().find(|o| o.kind == kind)
    }

    /// The location that a router stands in.
    pub fn location_of(&self, router: &Router) -> Option<&Location> {
        self.site(&router.site).and_then(|s| self.location(&s.location))
    }

    /// The "max prefix" that a peer is advised to set for sessions of one family: what is announced
    /// × 1.15, rounded up to a hundred, and at least the configured floor (`docs/rules.md` §4).
    pub fn advised_max_prefixes(&self, v4: bool) -> u32 {
        let announced = self.host.announced.iter().filter(|p| p.is_ipv4() == v4).count();
        let announced = u32::try_from(announced).unwrap_or(u32::MAX / 115);
        let advised = announced.saturating_mul(115).div_ceil(100).div_ceil(100) * 100;
        advised.max(self.host.advised_max_prefix_floor)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing;

    #[test]
    fn the_advised_limit_has_room_and_a_floor() {
        let mut inventory = testing::inventory();
        assert_eq!(inventory.advised_max_prefixes(true), 500, "the floor");
        inventory.host.advised_max_prefix_floor = 100;
        let prefix = inventory.host.announced[0];
        inventory.host.announced = vec![prefix; 280];
        assert_eq!(inventory.advised_max_prefixes(true), 400, "280 × 1.15 = 322");
        assert_eq!(inventory.advised_max_prefixes(false), 100);
    }
}
