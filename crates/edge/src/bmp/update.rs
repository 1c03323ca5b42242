//! One UPDATE that a router took (RFC 4271 §4.3, RFC 4760), read as far as it can be.
//!
//! The router has judged the message already, so nothing here refuses it: an attribute that no rule
//! looks at is passed over whatever its flags and value (attribute discard, RFC 7606 §2), each
//! destination stands for itself, and what can't be read is told as [`Unread`] beside what can.

use super::as_path::{self, Width};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use meetme_model::asn::Asn;
use meetme_model::community::Community;
use meetme_model::prefix::Prefix;
use meetme_model::route::RouteAttributes;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const AS_PATH: u8 = 2;
const NEXT_HOP: u8 = 3;
const MULTI_EXIT_DISC: u8 = 4;
const COMMUNITIES: u8 = 8;
const MP_REACH_NLRI: u8 = 14;
const MP_UNREACH_NLRI: u8 = 15;
const AS4_PATH: u8 = 17;
const LARGE_COMMUNITIES: u8 = 32;
const EXTENDED_LENGTH: u8 = 0x10;
const IPV4_UNICAST: [u8; 3] = [0, 1, 1];
const IPV6_UNICAST: [u8; 3] = [0, 2, 1];

/// What an UPDATE says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Update {
    /// Attributes with the destinations announced with them (IPv4 and IPv6 may differ in next hop).
    pub(super) announced: Vec<(RouteAttributes, Vec<Prefix>)>,
    /// Destinations withdrawn.
    pub(super) withdrawn: Vec<Prefix>,
    /// End-of-RIB (RFC 4724 §2): the family whose initial routes are all in; true for IPv4.
    pub(super) end_of_rib_ipv4: Option<bool>,
    /// What couldn't be read of it.
    pub(super) unread: Option<Unread>,
}

/// The part of an UPDATE that can't be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unread {
    /// What is wrong.
    pub(super) reason: &'static str,
    /// Destinations that were announced with attributes that can't be read.
    pub(super) destinations: Vec<Prefix>,
    /// False when there may have been further destinations, announced or withdrawn.
    pub(super) is_complete: bool,
}

/// How the sender writes AS paths, as far as it is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct PathHint {
    /// What the BMP header claims.
    pub(super) width: Width,
    /// The peer's ASN.
    pub(super) peer: Asn,
}

/// Reads the body of an UPDATE (what follows the BGP header).
pub(super) fn read(body: &[u8], hint: PathHint) -> Update {
    let mut reader = Reader::default();
    let Some((withdrawn, rest)) = sized(body) else {
        reader.cut = true;
        return reader.finish(hint);
    };
    reader.is_empty = withdrawn.is_empty();
    reader.cut |= !read_nlri(withdrawn, Family::Ipv4, &mut reader.withdrawn);
    let Some((attributes, announced)) = sized(rest) else {
        reader.cut = true;
        return reader.finish(hint);
    };
    if reader.attributes(attributes).is_none() {
        reader.cut = true;
        reader.unreadable = Some("its attributes' lengths don't add up");
    }
    // The trailing NLRI stands on its own length, whatever the attributes look like.
    let mut prefixes = Vec::with_capacity(announced.len() / 4);
    reader.cut |= !read_nlri(announced, Family::Ipv4, &mut prefixes);
    reader.is_empty &= announced.is_empty();
    if !prefixes.is_empty() {
        reader.reached.reserve_exact(1);
        reader.reached.push((reader.next_hop, prefixes));
    }
    reader.finish(hint)
}

#[derive(Default)]
struct Reader<'a> {
    withdrawn: Vec<Prefix>,
    reached: Vec<(Option<IpAddr>, Vec<Prefix>)>,
    as_path: Option<&'a [u8]>,
    as4_path: Option<&'a [u8]>,
    next_hop: Option<IpAddr>,
    med: Option<u32>,
    communities: Option<&'a [u8]>,
    large_communities: Option<&'a [u8]>,
    attributes: usize,
    /// The family of an MP_UNREACH_NLRI without destinations.
    unreached_none: Option<Family>,
    /// No destination of IPv4 outside of the attributes.
    is_empty: bool,
    /// A list ended where it shouldn't have: there may have been more.
    cut: bool,
    unreadable: Option<&'static str>,
}

impl<'a> Reader<'a> {
    fn attributes(&mut self, mut rest: &'a [u8]) -> Option<()> {
        while !rest.is_empty() {
            let ([flags, code], after) = rest.split_first_chunk::<2>()?;
            let (value, next) = if flags & EXTENDED_LENGTH != 0 {
                sized(after)?
            } else {
                let (length, after) = after.split_first()?;
                after.split_at_checked(usize::from(*length))?
            };
            self.attribute(*code, value);
            self.attributes += 1;
            rest = next;
        }
        Some(())
    }

    /// Of an attribute that comes twice the first one counts (RFC 7606 §3 g).
    fn attribute(&mut self, code: u8, value: &'a [u8]) {
        match code {
            AS_PATH => self.as_path = self.as_path.or(Some(value)),
            AS4_PATH => self.as4_path = self.as4_path.or(Some(value)),
            COMMUNITIES => self.communities = self.communities.or(Some(value)),
            LARGE_COMMUNITIES => self.large_communities = self.large_communities.or(Some(value)),
            NEXT_HOP => self.next_hop = self.next_hop.or(next_hop(value)),
            MULTI_EXIT_DISC => self.med = self.med.or(value.try_into().ok().map(u32::from_be_bytes)),
            MP_REACH_NLRI => self.cut |= self.reach(value).is_none(),
            MP_UNREACH_NLRI => self.cut |= self.unreach(value).is_none(),
            _ => {}
        }
    }

    fn reach(&mut self, value: &[u8]) -> Option<()> {
        let (family, after) = value.split_first_chunk::<3>()?;
        let (length, after) = after.split_first()?;
        let (hop, after) = after.split_at_checked(usize::from(*length))?;
        let (_reserved, nlri) = after.split_first()?;
        let Some(family) = Family::of(*family) else {
            return Some(());
        };
        let mut prefixes = Vec::new();
        let is_whole = read_nlri(nlri, family, &mut prefixes);
        if !prefixes.is_empty() {
            self.reached.push((next_hop(hop), prefixes));
        }
        is_whole.then_some(())
    }

    fn unreach(&mut self, value: &[u8]) -> Option<()> {
        let (family, nlri) = value.split_first_chunk::<3>()?;
        let Some(family) = Family::of(*family) else {
            return Some(());
        };
        if nlri.is_empty() {
            self.unreached_none = Some(family);
        }
        read_nlri(nlri, family, &mut self.withdrawn).then_some(())
    }

    fn finish(self, hint: PathHint) -> Update {
        let end_of_rib_ipv4 = match (self.attributes, self.unreached_none) {
            _ if !self.is_empty || self.cut => None,
            (0, _) => Some(true),
            (1, Some(family)) => Some(family == Family::Ipv4),
            _ => None,
        };
        let cut = self.cut;
        let mut update = Update { end_of_rib_ipv4, ..Update::default() };
        let mut destinations = Vec::new();
        let mut reason = cut.then_some("its lengths don't add up");
        if !self.reached.is_empty() {
            let mut shared = self.unreadable.map_or_else(|| self.shared(hint), Err);
            let last = self.reached.len() - 1;
            update.announced.reserve_exact(self.reached.len());
            for (at, (next_hop, prefixes)) in self.reached.into_iter().enumerate() {
                let why = match (&mut shared, next_hop) {
                    (Ok(shared), Some(next_hop)) => {
                        shared.next_hop = next_hop;
                        // Copied only where another family follows.
                        let own = if at == last { take(shared) } else { shared.clone() };
                        update.announced.push((own, prefixes));
                        continue;
                    }
                    (Ok(_), None) => "a route without a next hop",
                    (Err(why), _) => why,
                };
                reason = Some(why);
                destinations.extend(prefixes);
            }
        }
        update.withdrawn = self.withdrawn;
        update.unread = reason.map(|reason| Unread { reason, destinations, is_complete: !cut });
        update
    }

    /// What all destinations share; the next hop is still to be set.
    fn shared(&self, hint: PathHint) -> Result<RouteAttributes, &'static str> {
        let value = self.as_path.ok_or("a route without AS_PATH")?;
        let mut as_path = as_path::read(value, hint.width, hint.peer).ok_or("AS_PATH can't be read")?;
        // A malformed AS4_PATH is passed over (RFC 6793 §6).
        if let Some(as4) = self.as4_path.and_then(|value| as_path::read_width(value, Width::Four)) {
            as_path = as_path::merge_as4(as_path, as4);
        }
        let communities = communities(self.communities, self.large_communities)
            .ok_or("a list of communities ends inside one")?;
        let next_hop = Ipv4Addr::UNSPECIFIED.into();
        Ok(RouteAttributes { as_path, next_hop, communities, med: self.med })
    }
}

/// Leaves nothing behind.
fn take(attributes: &mut RouteAttributes) -> RouteAttributes {
    RouteAttributes {
        as_path: std::mem::take(&mut attributes.as_path),
        communities: std::mem::take(&mut attributes.communities),
        ..*attributes
    }
}

fn communities(standard: Option<&[u8]>, large: Option<&[u8]>) -> Option<Vec<Community>> {
    let (standard, rest) = standard.unwrap_or_default().as_chunks::<4>();
    let (large, rest_of_large) = large.unwrap_or_default().as_chunks::<12>();
    let mut all = Vec::with_capacity(standard.len() + large.len());
    all.extend(
        standard.iter().map(|[a, b, c, d]| {
            Community::Standard(u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]))
        }),
    );
    let part = |octets: &[u8; 12], at: usize| {
        u32::from_be_bytes([octets[at], octets[at + 1], octets[at + 2], octets[at + 3]])
    };
    all.extend(
        large.iter().map(|octets| Community::Large(part(octets, 0), part(octets, 4), part(octets, 8))),
    );
    (rest.is_empty() && rest_of_large.is_empty()).then_some(all)
}

/// The (global) next hop.
fn next_hop(octets: &[u8]) -> Option<IpAddr> {
    if let Ok(v4) = <[u8; 4]>::try_from(octets) {
        return Some(Ipv4Addr::from(v4).into());
    }
    // A link-local one may follow (RFC 2545 §3).
    let v6 = octets.first_chunk::<16>().filter(|_| matches!(octets.len(), 16 | 32))?;
    Some(Ipv6Addr::from(*v6).into())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Ipv4,
    Ipv6,
}

impl Family {
    fn of(afi_safi: [u8; 3]) -> Option<Self> {
        match afi_safi {
            IPV4_UNICAST => Some(Self::Ipv4),
            IPV6_UNICAST => Some(Self::Ipv6),
            _ => None,
        }
    }
}

/// A field that is preceded by its length in two octets, and what follows it.
fn sized(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

/// Reads destinations; false where the list goes wrong, after those before it were read.
fn read_nlri(mut rest: &[u8], family: Family, found: &mut Vec<Prefix>) -> bool {
    while let Some((&len, after)) = rest.split_first() {
        let octets = usize::from(len).div_ceil(8);
        let Some((bytes, next)) = after.split_at_checked(octets) else {
            return false;
        };
        let Some(net) = network(bytes, len, family) else {
            return false;
        };
        found.push(Prefix::containing(net));
        rest = next;
    }
    true
}

fn network(bytes: &[u8], len: u8, family: Family) -> Option<IpNet> {
    match family {
        Family::Ipv4 => {
            let mut address = [0; 4];
            address.get_mut(..bytes.len())?.copy_from_slice(bytes);
            Some(Ipv4Net::new(Ipv4Addr::from(address), len).ok()?.into())
        }
        Family::Ipv6 => {
            let mut address = [0; 16];
            address.get_mut(..bytes.len())?.copy_from_slice(bytes);
            Some(Ipv6Net::new(Ipv6Addr::from(address), len).ok()?.into())
        }
    }
}
