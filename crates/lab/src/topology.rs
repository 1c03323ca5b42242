//! The topology file: which nodes and links a lab has. Parsing and look-ups only; `validate` finds what is wrong
//! with it, and nothing here touches the machine.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Serialize};

use crate::validate;

/// Why a topology can't be used.
#[derive(Debug, thiserror::Error)]
pub enum TopologyError {
    /// The file can't be read.
    #[error("topology {path} can't be read")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file isn't TOML of the format of `docs/lab.md`.
    #[error("topology isn't in the format of docs/lab.md")]
    Syntax(#[from] toml::de::Error),
    /// The file is well-formed and describes something impossible; every violation is listed.
    #[error("topology has {} error(s):\n  {}", .0.len(), .0.join("\n  "))]
    Invalid(Vec<String>),
}

/// A whole lab: its nodes and the links between them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topology {
    /// What the lab is called in its own output.
    pub name: String,
    /// BFD interval on links with an IGP, in milliseconds (multiplier 3); 0 leaves BFD out there.
    #[serde(default = "default_igp_bfd_ms")]
    pub igp_bfd_interval_ms: u32,
    /// Routers, hosts and sites.
    #[serde(rename = "node")]
    pub nodes: Vec<Node>,
    /// Permanent links, there from the start. Ports are joined later, by cables.
    #[serde(rename = "link", default)]
    pub links: Vec<Link>,
}

fn default_igp_bfd_ms() -> u32 {
    50
}

/// One network namespace and what runs in it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// Name, also of its namespace and of its directory in the state directory.
    pub name: String,
    /// What runs in it.
    pub kind: Kind,
    /// The part that an FRR router plays; absent for other kinds.
    #[serde(default)]
    pub role: Option<Role>,
    /// The FRR version that it runs, such as `10.3`; absent for the machine's own.
    #[serde(default)]
    pub frr: Option<String>,
    /// Its autonomous system, for routers.
    #[serde(default)]
    pub asn: Option<u32>,
    /// Loopback address and router id, for routers.
    #[serde(default)]
    pub loopback: Option<Ipv4Addr>,
    /// Ports that cables can join; dark at the start.
    #[serde(default)]
    pub ports: Vec<String>,
    /// The site whose management bridge `mgmt0` is plugged into.
    #[serde(default)]
    pub site: Option<String>,
    /// Management address: of `mgmt0` for a router, of the bridge for a site.
    #[serde(default)]
    pub mgmt: Option<IpNet>,
    /// Prefixes that a core or transit router originates in BGP from the start.
    #[serde(default)]
    pub originate: Vec<Ipv4Net>,
}

/// What runs in a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// FRR: zebra, bgpd, bfdd, ospfd, staticd, and mgmtd from version 9 on.
    Frr,
    /// BIRD 2.
    Bird,
    /// GoBGP, one daemon per session; announces only, forwards nothing.
    Gobgp,
    /// ExaBGP; announces only, forwards nothing.
    Exabgp,
    /// A host with one link and a default route, answering probes.
    Host,
    /// A management bridge, where a site's edge process runs.
    Site,
}

/// The part an FRR router plays, which decides its initial configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The product's: IGP and an empty `router bgp`; the rest is the product's to configure.
    Edge,
    /// iBGP with every router of its AS, eBGP on links with `bgp`, own prefixes originated. Fully configured.
    Core,
    /// Passes everything on between its neighbours. Fully configured.
    Transit,
    /// A peer's edge: iBGP inside, sessions with the host by command.
    Peer,
}

/// A permanent point-to-point link.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// One end, `node:interface`.
    pub a: Endpoint,
    /// The other end.
    pub b: Endpoint,
    /// A /31: `a` takes the lower address, `b` the upper. Instead of `a_address` and `b_address`.
    #[serde(default)]
    pub net: Option<Ipv4Net>,
    /// Address of `a` with its length.
    #[serde(default)]
    pub a_address: Option<Ipv4Net>,
    /// Address of `b` with its length.
    #[serde(default)]
    pub b_address: Option<Ipv4Net>,
    /// Whether OSPF runs on it.
    #[serde(default)]
    pub igp: bool,
    /// OSPF cost.
    #[serde(default = "default_cost")]
    pub igp_cost: u16,
    /// Whether the ends that the lab configures speak eBGP on it.
    #[serde(default)]
    pub bgp: bool,
}

fn default_cost() -> u16 {
    10
}

/// One end of a link or cable: `node:interface`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Endpoint {
    /// The node.
    pub node: String,
    /// The interface in it.
    pub interface: String,
}

impl std::str::FromStr for Endpoint {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some((node, interface)) if !node.is_empty() && !interface.is_empty() => {
                Ok(Endpoint { node: node.into(), interface: interface.into() })
            }
            _ => Err(format!("'{text}' isn't NODE:INTERFACE")),
        }
    }
}

impl TryFrom<String> for Endpoint {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Endpoint> for String {
    fn from(end: Endpoint) -> String {
        end.to_string()
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.node, self.interface)
    }
}

/// One end of a link as its node sees it.
#[derive(Debug, Clone, Copy)]
pub struct Attachment<'a> {
    /// The link.
    pub link: &'a Link,
    /// This end.
    pub here: &'a Endpoint,
    /// The far end.
    pub there: &'a Endpoint,
    /// This end's address.
    pub address: Ipv4Net,
    /// The far end's address.
    pub far_address: Ipv4Net,
}

impl Link {
    /// Addresses of both ends, or `None` when the file gives neither a /31 nor two addresses.
    pub fn addresses(&self) -> Option<(Ipv4Net, Ipv4Net)> {
        match (self.net, self.a_address, self.b_address) {
            (Some(net), None, None) if net.prefix_len() == 31 => {
                let lower = u32::from(net.network());
                let upper = Ipv4Addr::from(lower + 1);
                Some((Ipv4Net::new(net.network(), 31).ok()?, Ipv4Net::new(upper, 31).ok()?))
            }
            (None, Some(a), Some(b)) => Some((a, b)),
            _ => None,
        }
    }
}

impl Node {
    /// Whether it routes packets.
    pub fn is_router(&self) -> bool {
        matches!(self.kind, Kind::Frr | Kind::Bird | Kind::Gobgp | Kind::Exabgp)
    }

    /// Whether it is a router of a peer, which sessions and announcements can be given to.
    pub fn is_peer(&self) -> bool {
        match self.kind {
            Kind::Bird | Kind::Gobgp | Kind::Exabgp => true,
            Kind::Frr => self.role == Some(Role::Peer),
            Kind::Host | Kind::Site => false,
        }
    }

    /// Whether it takes part in the iBGP of its AS: edges of the host by the product's hand, the others by the lab's.
    pub fn speaks_ibgp(&self) -> bool {
        match self.kind {
            Kind::Bird => true,
            Kind::Frr => self.role != Some(Role::Transit),
            Kind::Gobgp | Kind::Exabgp | Kind::Host | Kind::Site => false,
        }
    }

    /// Whether the lab writes its BGP neighbours (else the product does).
    pub fn bgp_is_ours(&self) -> bool {
        self.is_router() && self.role != Some(Role::Edge)
    }
}

impl Topology {
    /// Reads and validates a file.
    pub fn load(path: &Path) -> Result<Topology, TopologyError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| TopologyError::Read { path: path.to_path_buf(), source })?;
        Topology::parse(&text)
    }

    /// Parses and validates; reports every violation at once.
    pub fn parse(text: &str) -> Result<Topology, TopologyError> {
        let topology: Topology = toml::from_str(text)?;
        let errors = validate::errors(&topology);
        if errors.is_empty() { Ok(topology) } else { Err(TopologyError::Invalid(errors)) }
    }

    /// The node of that name.
    pub fn node(&self, name: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.name == name)
    }

    /// All ends of links at a node. Links without addresses don't pass validation and are skipped.
    pub fn attachments<'a>(&'a self, node: &'a str) -> impl Iterator<Item = Attachment<'a>> + 'a {
        self.links.iter().filter_map(move |link| {
            let (a, b) = link.addresses()?;
            if link.a.node == node {
                Some(Attachment { link, here: &link.a, there: &link.b, address: a, far_address: b })
            } else if link.b.node == node {
                Some(Attachment { link, here: &link.b, there: &link.a, address: b, far_address: a })
            } else {
                None
            }
        })
    }

    /// The other routers in the iBGP mesh of `node`.
    pub fn ibgp_mesh<'a>(&'a self, node: &'a Node) -> impl Iterator<Item = &'a Node> + 'a {
        self.nodes.iter().filter(move |other| {
            node.speaks_ibgp() && other.speaks_ibgp() && other.asn == node.asn && other.name != node.name
        })
    }

    /// The address under which a host is reached, as probes use it.
    pub fn host_address(&self, name: &str) -> Option<IpAddr> {
        let node = self.node(name).filter(|node| node.kind == Kind::Host)?;
        self.attachments(&node.name).next().map(|end| IpAddr::V4(end.address.addr()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULT: &str = include_str!("../../../labs/default/topology.toml");

    #[test]
    fn the_default_topology_is_valid_and_has_both_kinds_of_peer_router_in_each_metro() {
        let lab = Topology::parse(DEFAULT).unwrap();
        for metro in ["ams", "fra"] {
            let kinds: Vec<_> =
                (1..=2).map(|n| lab.node(&format!("tel-{metro}-{n}")).unwrap().kind).collect();
            assert_eq!(kinds, [Kind::Bird, Kind::Frr]);
        }
        assert_eq!(lab.host_address("sbc-1"), Some("198.19.10.10".parse().unwrap()));
        assert_eq!(lab.host_address("transit"), None);
    }

    #[test]
    fn the_ibgp_mesh_keeps_to_its_own_as() {
        let lab = Topology::parse(DEFAULT).unwrap();
        let names = |node: &str| -> Vec<String> {
            lab.ibgp_mesh(lab.node(node).unwrap()).map(|n| n.name.clone()).collect()
        };
        assert_eq!(names("ams1-cr1"), ["ams1-er1", "ams1-er2", "fra1-er1", "fra1-er2", "fra1-cr1"]);
        assert_eq!(names("tel-core"), ["tel-ams-1", "tel-ams-2", "tel-fra-1", "tel-fra-2"]);
        assert!(names("transit").is_empty());
    }

    #[test]
    fn the_lower_address_of_a_31_goes_to_end_a() {
        let lab = Topology::parse(DEFAULT).unwrap();
        let end = lab.attachments("ams1-er1").find(|end| end.here.interface == "transit").unwrap();
        assert_eq!(end.address.to_string(), "198.18.250.0/31");
        assert_eq!(end.far_address.to_string(), "198.18.250.1/31");
        assert_eq!(end.there.node, "transit");
    }

    #[test]
    fn an_endpoint_without_interface_is_refused() {
        assert!("ams1-er1".parse::<Endpoint>().is_err());
        assert!("ams1-er1:".parse::<Endpoint>().is_err());
        assert_eq!("a:b".parse::<Endpoint>().unwrap().to_string(), "a:b");
    }
}
