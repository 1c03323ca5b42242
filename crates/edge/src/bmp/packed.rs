//! Attributes as octets: what is kept of ten million routes is one short run of octets each, in the
//! place of four allocations. Never leaves the edge.
//!
//! Layout: one octet of flags, next hop, MED where there is one, number of standard communities and
//! these, number of large ones and these, then segments of the path to the end, each with its kind
//! and the number of its ASNs. Numbers have a width of their own, in network order.

use meetme_model::asn::Asn;
use meetme_model::community::Community;
use meetme_model::route::{AsPath, PathSegment, RouteAttributes};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const NEXT_HOP_IPV6: u8 = 1;
const HAS_MED: u8 = 2;
const SEQUENCE: u8 = 2;
const SET: u8 = 1;

/// Writes `attributes` to `out`, which is emptied first. Equal attributes give equal octets.
pub(super) fn pack(attributes: &RouteAttributes, out: &mut Vec<u8>) {
    out.clear();
    let has_med = if attributes.med.is_some() { HAS_MED } else { 0 };
    match attributes.next_hop {
        IpAddr::V4(hop) => {
            out.push(has_med);
            out.extend(hop.octets());
        }
        IpAddr::V6(hop) => {
            out.push(has_med | NEXT_HOP_IPV6);
            out.extend(hop.octets());
        }
    }
    out.extend(attributes.med.into_iter().flat_map(u32::to_be_bytes));
    let standard = attributes.communities.iter().filter(|c| matches!(c, Community::Standard(..))).count();
    // An UPDATE has 65,535 octets, so neither list nor a segment is longer than that.
    out.extend(count(standard));
    for community in &attributes.communities {
        if let Community::Standard(a, b) = community {
            out.extend(a.to_be_bytes());
            out.extend(b.to_be_bytes());
        }
    }
    out.extend(count(attributes.communities.len() - standard));
    for community in &attributes.communities {
        if let Community::Large(a, b, c) = community {
            out.extend([a, b, c].into_iter().flat_map(|part| part.to_be_bytes()));
        }
    }
    for segment in &attributes.as_path.0 {
        let (kind, asns) = match segment {
            PathSegment::Sequence(asns) => (SEQUENCE, asns),
            PathSegment::Set(asns) => (SET, asns),
        };
        out.push(kind);
        out.extend(count(asns.len()));
        out.extend(asns.iter().flat_map(|asn| asn.0.to_be_bytes()));
    }
}

fn count(count: usize) -> [u8; 2] {
    u16::try_from(count).unwrap_or(u16::MAX).to_be_bytes()
}

/// Reads back what [`pack`] wrote.
pub(super) fn unpack(octets: &[u8]) -> RouteAttributes {
    let mut reader = Reader(octets);
    let flags = reader.octets::<1>()[0];
    let next_hop = if flags & NEXT_HOP_IPV6 != 0 {
        Ipv6Addr::from(reader.octets::<16>()).into()
    } else {
        Ipv4Addr::from(reader.octets::<4>()).into()
    };
    let med = (flags & HAS_MED != 0).then(|| reader.long());
    let standard = reader.short();
    let mut communities: Vec<Community> =
        (0..standard).map(|_| Community::Standard(reader.short(), reader.short())).collect();
    let large = reader.short();
    communities.extend((0..large).map(|_| Community::Large(reader.long(), reader.long(), reader.long())));
    let mut segments = Vec::new();
    while !reader.0.is_empty() {
        let kind = reader.octets::<1>()[0];
        let count = reader.short();
        let asns = (0..count).map(|_| Asn(reader.long())).collect();
        segments.push(if kind == SEQUENCE { PathSegment::Sequence(asns) } else { PathSegment::Set(asns) });
    }
    RouteAttributes { as_path: AsPath(segments), next_hop, communities, med }
}

/// Reads numbers; beyond the end, which is never reached in what [`pack`] wrote, they are zero.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn octets<const N: usize>(&mut self) -> [u8; N] {
        match self.0.split_first_chunk::<N>() {
            Some((octets, rest)) => {
                self.0 = rest;
                *octets
            }
            None => {
                self.0 = &[];
                [0; N]
            }
        }
    }

    fn short(&mut self) -> u16 {
        u16::from_be_bytes(self.octets())
    }

    fn long(&mut self) -> u32 {
        u32::from_be_bytes(self.octets())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn attributes() -> impl Strategy<Value = RouteAttributes> {
        let asns = || prop::collection::vec(any::<u32>().prop_map(Asn), 0..300);
        let segment = prop_oneof![asns().prop_map(PathSegment::Sequence), asns().prop_map(PathSegment::Set)];
        let standard = prop::collection::vec(any::<(u16, u16)>(), 0..5);
        let large = prop::collection::vec(any::<(u32, u32, u32)>(), 0..5);
        let path = prop::collection::vec(segment, 0..4);
        (path, any::<IpAddr>(), standard, large, any::<Option<u32>>()).prop_map(
            |(path, next_hop, standard, large, med)| RouteAttributes {
                as_path: AsPath(path),
                next_hop,
                communities: standard
                    .into_iter()
                    .map(|(a, b)| Community::Standard(a, b))
                    .chain(large.into_iter().map(|(a, b, c)| Community::Large(a, b, c)))
                    .collect(),
                med,
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_packed_is_what_is_unpacked(attributes in attributes()) {
            let mut octets = vec![1, 2, 3];
            pack(&attributes, &mut octets);
            prop_assert_eq!(unpack(&octets), attributes);
        }
    }
}
