//! Routes as a session brings them, and the verdict on each (`docs/rules.md` §4).
//!
//! [`judge`] decides for the people who read received routes and for the registered-prefix
//! verdicts; the routers' import policy is rendered from the same [`SessionPolicy`], so both say
//! the same. Nothing here talks to a router.

mod last_resort;
mod router_word;

pub use last_resort::LastResort;
pub use router_word::{RouterDifference, RouterPath, RouterWord};

use crate::asn::{Asn, PublicSpace};
use crate::community::{self, Community};
use crate::prefix::Prefix;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

/// One segment of an AS path (RFC 4271 §4.3).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PathSegment {
    /// Ordered ASNs.
    Sequence(Vec<Asn>),
    /// An AS_SET, refused (RFC 9774), or a confederation segment.
    Set(Vec<Asn>),
}

/// An AS path, first AS first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AsPath(pub Vec<PathSegment>);

impl AsPath {
    /// A path of one sequence.
    pub fn sequence(asns: impl IntoIterator<Item = u32>) -> Self {
        Self(vec![PathSegment::Sequence(asns.into_iter().map(Asn).collect())])
    }

    /// Every ASN in order, sets included.
    pub fn asns(&self) -> impl Iterator<Item = Asn> + '_ {
        self.0.iter().flat_map(|s| match s {
            PathSegment::Sequence(a) | PathSegment::Set(a) => a.iter().copied(),
        })
    }

    /// Length for route selection: a set counts as one (RFC 4271 §9.1.2.2).
    pub fn length(&self) -> usize {
        self.0
            .iter()
            .map(|s| match s {
                PathSegment::Sequence(a) => a.len(),
                PathSegment::Set(_) => 1,
            })
            .sum()
    }

    /// The neighbour's ASN, when the path starts with a sequence.
    pub fn first(&self) -> Option<Asn> {
        match self.0.first() {
            Some(PathSegment::Sequence(a)) => a.first().copied(),
            _ => None,
        }
    }

    /// The origin ASN, when the path ends with a sequence.
    pub fn origin(&self) -> Option<Asn> {
        match self.0.last() {
            Some(PathSegment::Sequence(a)) => a.last().copied(),
            _ => None,
        }
    }

    /// True when it has an AS_SET.
    pub fn has_set(&self) -> bool {
        self.0.iter().any(|s| matches!(s, PathSegment::Set(_)))
    }

    /// True when an ASN stands twice in a row.
    pub fn is_prepended(&self) -> bool {
        let asns: Vec<Asn> = self.asns().collect();
        asns.windows(2).any(|w| w[0] == w[1])
    }
}

impl fmt::Display for AsPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let join = |asns: &[Asn], sep: &str| asns.iter().map(Asn::to_string).collect::<Vec<_>>().join(sep);
        for (i, segment) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            match segment {
                PathSegment::Sequence(a) => f.write_str(&join(a, " "))?,
                PathSegment::Set(a) => write!(f, "{{{}}}", join(a, ","))?,
            }
        }
        Ok(())
    }
}

/// What route origin validation says (RFC 6811).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RpkiState {
    /// No validator is configured: nothing was checked, and nothing is claimed.
    #[default]
    NotChecked,
    /// A ROA covers it and matches.
    Valid,
    /// ROAs cover it and none matches.
    Invalid,
    /// No ROA covers it.
    NotFound,
}

/// The attributes of a route that rules look at.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RouteAttributes {
    /// AS_PATH with AS4 already merged.
    pub as_path: AsPath,
    /// NEXT_HOP, or the global next hop of MP_REACH_NLRI.
    pub next_hop: IpAddr,
    /// Standard and large communities.
    pub communities: Vec<Community>,
    /// MULTI_EXIT_DISC.
    pub med: Option<u32>,
}

/// One entry of a session's Adj-RIB-In, before policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceivedRoute {
    /// The destination.
    pub prefix: Prefix,
    /// Its attributes.
    pub attributes: RouteAttributes,
    /// Route origin validation of prefix and origin.
    pub rpki: RpkiState,
    /// When the router received it.
    pub received_at: Timestamp,
}

/// How a registered prefix is to be treated on one session (`docs/rules.md` §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrefixRole {
    /// Registered, not activated (or activated elsewhere): hot potato.
    Registered,
    /// Activated, and this location is its backup.
    Backup,
    /// Activated, and this location is its primary.
    Primary,
}

impl PrefixRole {
    /// LOCAL_PREF of a usable route in this role. Highest first: primary, backup, ordinary
    /// peering, Internet.
    pub fn local_pref(self) -> u32 {
        match self {
            Self::Primary => LOCAL_PREF_PRIMARY,
            Self::Backup => LOCAL_PREF_BACKUP,
            Self::Registered => LOCAL_PREF_ORDINARY,
        }
    }
}

/// LOCAL_PREF of an activated prefix at its primary location.
pub const LOCAL_PREF_PRIMARY: u32 = 400;
/// LOCAL_PREF of an activated prefix at its backup location.
pub const LOCAL_PREF_BACKUP: u32 = 300;
/// LOCAL_PREF of any other peering route.
pub const LOCAL_PREF_ORDINARY: u32 = 200;
/// LOCAL_PREF of a route from transit.
pub const LOCAL_PREF_INTERNET: u32 = 100;
/// LOCAL_PREF of a route that its peer, or the host, drains: below every other way (RFC 8326 §4).
pub const LOCAL_PREF_LAST_RESORT: u32 = 0;

/// A registered prefix as one session's policy sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PrefixPolicy {
    /// The registered prefix; only the very same prefix matches.
    pub prefix: Prefix,
    /// Its role at this session's location.
    pub role: PrefixRole,
}

/// Everything the verdict on a session's routes depends on; also what its import policy is
/// rendered from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionPolicy {
    /// The host's own ASN, which no path may have (RFC 4271 §9.1.2).
    pub host_asn: Asn,
    /// The peer's ASN, which must come first in every path...
    pub peer_asn: Asn,
    /// True when the peer is a route server, which leaves itself out of paths.
    pub route_server: bool,
    /// ... or one of these: the networks behind a route server, which leaves itself out of the path
    /// (RFC 7947 §2.2.2). Ascending.
    pub behind: Arc<[Asn]>,
    /// The session's peer address: the only next hop allowed.
    pub next_hop: IpAddr,
    /// The host's own space, which no peer may announce.
    pub host_space: Arc<[Prefix]>,
    /// The longest prefix accepted, in bits, of this session's family.
    pub max_length: u8,
    /// True for offerings with Peering Service: only registered prefixes are optimized.
    pub registration_required: bool,
    /// True when routes that aren't registered may be used hot potato; Voice: false.
    pub ordinary_used: bool,
    /// The community that registered prefixes carry.
    pub community: Option<Community>,
    /// The longest AS path of a prefix longer than /24 (IPv4) or /48 (IPv6): three, "shorter than four".
    pub long_prefix_max_path: u8,
    /// The longest AS path of any other prefix; `None`: no limit.
    pub max_path: Option<u8>,
    /// The peer's registered prefixes, of any of its peerings.
    pub prefixes: Arc<[PrefixPolicy]>,
    /// What counts as public.
    pub space: Arc<PublicSpace>,
}

/// The prefix length beyond which the short-path rule applies: /24 in IPv4, /48 in IPv6.
pub const LONG_PREFIX_V4: u8 = 24;
/// See [`LONG_PREFIX_V4`].
pub const LONG_PREFIX_V6: u8 = 48;

/// A rule of `docs/rules.md` §4 that a route breaks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum RouteFault {
    /// 0.0.0.0/0 or ::/0.
    DefaultRoute,
    /// Not public unicast space.
    Bogon {
        /// What it is, with the RFC.
        reason: String,
    },
    /// The host's own space.
    HostSpace,
    /// Longer than the offering accepts.
    TooLong {
        /// The limit in bits.
        max_length: u8,
    },
    /// The first AS is neither the peer's nor that of a network behind its route server.
    FirstAsNotPeer,
    /// The path has an AS_SET.
    AsSet,
    /// The host's own ASN in the path: a loop (RFC 4271 §9.1.2).
    OwnAsn {
        /// The host's.
        asn: Asn,
    },
    /// A private or reserved ASN in the path.
    ReservedAsn {
        /// The first such ASN.
        asn: Asn,
    },
    /// Route origin validation says invalid.
    RpkiInvalid,
    /// The next hop isn't the session's peer.
    NextHopNotSession,
    /// NO_ADVERTISE (RFC 1997): the host's other routers may not learn it.
    NoAdvertise,
    /// BLACKHOLE (RFC 7999): it asks for traffic to be discarded.
    Blackhole,
    /// Not registered (a covering registration doesn't count).
    NotRegistered,
    /// Registered, without the offering's community.
    CommunityMissing {
        /// The community to add.
        community: Community,
    },
    /// The AS path is too long for this prefix.
    PathTooLong {
        /// Its length.
        length: u16,
        /// The longest that is accepted.
        max: u8,
    },
}

impl RouteFault {
    /// Stable name, for counters and filters.
    pub fn code(&self) -> &'static str {
        match self {
            Self::DefaultRoute => "DefaultRoute",
            Self::Bogon { .. } => "Bogon",
            Self::HostSpace => "HostSpace",
            Self::TooLong { .. } => "TooLong",
            Self::FirstAsNotPeer => "FirstAsNotPeer",
            Self::AsSet => "AsSet",
            Self::OwnAsn { .. } => "OwnAsn",
            Self::ReservedAsn { .. } => "ReservedAsn",
            Self::RpkiInvalid => "RpkiInvalid",
            Self::NextHopNotSession => "NextHopNotSession",
            Self::NoAdvertise => "NoAdvertise",
            Self::Blackhole => "Blackhole",
            Self::NotRegistered => "NotRegistered",
            Self::CommunityMissing { .. } => "CommunityMissing",
            Self::PathTooLong { .. } => "PathTooLong",
        }
    }

    /// True for faults of §4's first list: the route is rejected whatever the offering. The others
    /// make it ordinary, or unused where the offering takes no ordinary routes.
    pub fn rejects(&self) -> bool {
        match self {
            Self::NotRegistered | Self::CommunityMissing { .. } | Self::PathTooLong { .. } => false,
            Self::DefaultRoute
            | Self::Bogon { .. }
            | Self::HostSpace
            | Self::TooLong { .. }
            | Self::FirstAsNotPeer
            | Self::AsSet
            | Self::OwnAsn { .. }
            | Self::ReservedAsn { .. }
            | Self::RpkiInvalid
            | Self::NextHopNotSession
            | Self::NoAdvertise
            | Self::Blackhole => true,
        }
    }
}

impl fmt::Display for RouteFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DefaultRoute => f.write_str("a default route is not accepted from a peer"),
            Self::Bogon { reason } => write!(f, "not public unicast space: {reason}"),
            Self::HostSpace => f.write_str("inside the host's own address space"),
            Self::TooLong { max_length } => {
                write!(f, "longer than /{max_length}, the longest that this offering accepts")
            }
            Self::FirstAsNotPeer => f.write_str("the AS path doesn't start with the peer's ASN"),
            Self::AsSet => f.write_str("the AS path has an AS_SET, which nobody may send any more (RFC 9774)"),
            Self::OwnAsn { asn } => write!(f, "the path has AS{asn}, this network's own (RFC 4271 §9.1.2)"),
            Self::ReservedAsn { asn } => {
                write!(f, "the AS path has AS{asn}, a private or reserved ASN; remove it before announcing")
            }
            Self::RpkiInvalid => f.write_str("RPKI invalid: no ROA matches prefix and origin"),
            Self::NextHopNotSession => {
                f.write_str("the next hop isn't the session's peer address; announce it with your own")
            }
            Self::NoAdvertise => f.write_str(
                "it carries NO_ADVERTISE (RFC 1997), so the rest of this network may not learn it; announce it without",
            ),
            Self::Blackhole => f.write_str(
                "it carries BLACKHOLE (RFC 7999); traffic isn't discarded on request here, so the route isn't used",
            ),
            Self::NotRegistered => {
                f.write_str("not registered; register this very prefix on one of your peerings")
            }
            Self::CommunityMissing { community } => {
                write!(f, "announced without community {community}; add it on this session")
            }
            Self::PathTooLong { length, max } => {
                write!(f, "the AS path has {length} ASNs; at most {max} are accepted for this prefix")
            }
        }
    }
}

/// What is done with a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RouteUse {
    /// Registered and in order: used in its role.
    Registered(PrefixRole),
    /// Used like any peering route.
    Ordinary,
    /// Not used, not spread.
    Unused,
}

/// The verdict on one route: its use and every rule it breaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteVerdict {
    /// What is done with it.
    pub usage: RouteUse,
    /// Every rule it breaks; may be non-empty for an ordinary route that is used.
    pub faults: Vec<RouteFault>,
    /// Set when the peer asks for it to be the last way that is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_resort: Option<LastResort>,
}

impl RouteVerdict {
    /// LOCAL_PREF that the route is used with; `None` when it isn't used.
    pub fn local_pref(&self) -> Option<u32> {
        let preference = match self.usage {
            RouteUse::Registered(role) => role.local_pref(),
            RouteUse::Ordinary => LOCAL_PREF_ORDINARY,
            RouteUse::Unused => return None,
        };
        Some(if self.last_resort.is_some() { LOCAL_PREF_LAST_RESORT } else { preference })
    }

    /// True when traffic leaves by it before it leaves over the Internet.
    pub fn carries(&self) -> bool {
        self.usage != RouteUse::Unused && self.last_resort.is_none()
    }
}

/// Judges one route of a session (`docs/rules.md` §4). Every broken rule is told, not only the first.
pub fn judge(
    prefix: Prefix,
    route: &RouteAttributes,
    rpki: RpkiState,
    policy: &SessionPolicy,
) -> RouteVerdict {
    let mut faults = Vec::new();
    if prefix.is_default() {
        faults.push(RouteFault::DefaultRoute);
    }
    if let Some(reason) = prefix.bogon_reason(&policy.space) {
        faults.push(RouteFault::Bogon { reason: reason.to_owned() });
    }
    if policy.host_space.iter().any(|own| own.contains(prefix)) {
        faults.push(RouteFault::HostSpace);
    }
    if prefix.len() > policy.max_length {
        faults.push(RouteFault::TooLong { max_length: policy.max_length });
    }
    if !route.as_path.first().is_some_and(|asn| asn == policy.peer_asn || policy.behind.contains(&asn)) {
        faults.push(RouteFault::FirstAsNotPeer);
    }
    if route.as_path.has_set() {
        faults.push(RouteFault::AsSet);
    }
    let is_own = |asn: Asn| asn == policy.host_asn && asn != Asn(0);
    if route.as_path.asns().any(is_own) {
        faults.push(RouteFault::OwnAsn { asn: policy.host_asn });
    }
    if let Some(asn) = route.as_path.asns().find(|&a| policy.space.reserved_by(a).is_some()) {
        faults.push(RouteFault::ReservedAsn { asn });
    }
    if rpki == RpkiState::Invalid {
        faults.push(RouteFault::RpkiInvalid);
    }
    if route.next_hop != policy.next_hop {
        faults.push(RouteFault::NextHopNotSession);
    }
    if route.communities.contains(&community::NO_ADVERTISE) {
        faults.push(RouteFault::NoAdvertise);
    }
    if route.communities.contains(&community::BLACKHOLE) {
        faults.push(RouteFault::Blackhole);
    }
    let length = route.as_path.length();
    let long = prefix.len() > if prefix.is_ipv4() { LONG_PREFIX_V4 } else { LONG_PREFIX_V6 };
    let max_path = if long { Some(policy.long_prefix_max_path) } else { policy.max_path };
    if let Some(max) = max_path.filter(|&max| length > usize::from(max)) {
        let length = u16::try_from(length).unwrap_or(u16::MAX);
        faults.push(RouteFault::PathTooLong { length, max });
    }
    let registered = policy.prefixes.iter().find(|p| p.prefix == prefix);
    if policy.registration_required {
        if registered.is_none() {
            faults.push(RouteFault::NotRegistered);
        }
        if let Some(community) = policy.community.filter(|c| !route.communities.contains(c)) {
            faults.push(RouteFault::CommunityMissing { community });
        }
    }
    let usage = if faults.iter().any(RouteFault::rejects) {
        RouteUse::Unused
    } else if policy.registration_required && faults.is_empty() {
        registered.map_or(RouteUse::Ordinary, |p| RouteUse::Registered(p.role))
    } else if policy.ordinary_used && !faults.iter().any(|f| matches!(f, RouteFault::PathTooLong { .. })) {
        RouteUse::Ordinary
    } else {
        RouteUse::Unused
    };
    RouteVerdict { usage, faults, last_resort: LastResort::of(&route.communities) }
}

#[cfg(test)]
mod tests;
