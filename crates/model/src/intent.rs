//! What one router should be: the vendor-neutral snapshot that an edge renders and applies.
//!
//! A [`RouterIntent`] is whole: what it doesn't mention, and what is marked as the product's on
//! the router, is to be removed. It says nothing about configuration that isn't ours.

use crate::asn::{Asn, PublicSpace};
use crate::prefix::Prefix;
use crate::route::SessionPolicy;
use crate::secret::NamedSecret;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

/// Everything the product configures on one router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouterIntent {
    /// The router's name in the inventory.
    pub router: String,
    /// Counts up with every change; an edge never applies an older one over a newer one.
    pub generation: u64,
    /// The host's ASN, which is the router's.
    pub asn: Asn,
    /// BGP identifier.
    pub router_id: Ipv4Addr,
    /// Address that iBGP sessions are sourced from.
    pub loopback: IpAddr,
    /// IPv6 address on the loopback's interface, next hop of IPv6 routes on iBGP; without one iBGP carries none.
    pub loopback_v6: Option<Ipv6Addr>,
    /// LAGs towards peers.
    pub lags: Vec<LagIntent>,
    /// BGP sessions with peers.
    pub sessions: Vec<SessionIntent>,
    /// iBGP neighbours: the other routers of the backbone.
    pub ibgp: Vec<IbgpNeighbor>,
    /// Sessions to the Internet.
    pub transits: Vec<TransitIntent>,
    /// The host's own prefixes, originated here and announced to peers and transit, no more.
    pub announced: Arc<[Prefix]>,
    /// Where the router sends BMP (RFC 7854) to.
    pub bmp: Option<SocketAddr>,
}

/// A link bundle towards one peer, LACP active at the fast rate (IEEE 802.1AX).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LagIntent {
    /// Interface name on the router, such as `lag12`; unique on the router.
    pub name: String,
    /// For a person at the router: peer, peering and connection.
    pub description: String,
    /// Member ports by their inventory name.
    pub members: Vec<String>,
    /// Addresses with prefix length: `198.18.192.1/31`.
    pub addresses: Vec<InterfaceAddress>,
}

/// An address on an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct InterfaceAddress {
    /// The router's own address.
    pub address: IpAddr,
    /// Its prefix length in bits.
    pub prefix_len: u8,
}

/// BFD as it is asked for (RFC 5880): the same timers for sending and receiving.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BfdTimers {
    /// Desired transmit and required receive interval.
    pub interval_ms: u32,
    /// Packets lost before the session is down.
    pub multiplier: u8,
    /// Sessions with peers: no BGP before BFD is up, on routers that know how. A peer whose BFD starts only once BGP
    /// is up never comes up then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strict: bool,
}

/// How far a peer's session is opened (`docs/rules.md` §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionPhase {
    /// Import and export denied; routes are received and looked at, not used.
    Denied,
    /// Policy opened, as long as BFD is up.
    Open,
    /// GRACEFUL_SHUTDOWN (RFC 8326): announced with the community, received with lowest preference.
    Draining,
    /// Administratively down, with a shutdown message (RFC 9003).
    Shutdown,
}

/// One BGP session with a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionIntent {
    /// Short stable name, such as `c12v4`: part of every object name on the router.
    pub name: String,
    /// For a person at the router.
    pub description: String,
    /// The LAG it runs over.
    pub lag: String,
    /// Our address.
    pub local_address: IpAddr,
    /// The peer's address.
    pub peer_address: IpAddr,
    /// BFD timers.
    pub bfd: BfdTimers,
    /// TCP MD5 key (RFC 2385), when the peer set one.
    pub md5_key: Option<NamedSecret>,
    /// Session is warned at 80 % of it and closed beyond it.
    pub max_prefixes: u32,
    /// How far it is opened.
    pub phase: SessionPhase,
    /// It carries voice: it belongs only on routers where a lost BFD session ends BGP at once.
    pub voice: bool,
    /// What its routes are judged by (also carries the peer's ASN).
    pub policy: SessionPolicy,
}

/// An iBGP neighbour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IbgpNeighbor {
    /// Its name, for a person.
    pub name: String,
    /// Its loopback.
    pub address: IpAddr,
    /// Multihop BFD timers when the backbone uses BFD between loopbacks.
    pub bfd: Option<BfdTimers>,
}

/// A session to the Internet: the host's prefixes go out, everything that isn't a bogon or the
/// host's own comes in, at the lowest preference. A peer's routes never leave here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransitIntent {
    /// The attachment's name in the inventory.
    pub name: String,
    /// The neighbour's address.
    pub address: IpAddr,
    /// The neighbour's ASN.
    pub asn: Asn,
    /// The host's own space, accepted from nobody else (`Inventory::host_space`).
    pub host_space: Arc<[Prefix]>,
    /// What counts as public besides the registries' space.
    pub space: Arc<PublicSpace>,
}
