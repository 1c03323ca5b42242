//! BMP and BGP messages, written octet by octet from RFC 7854 and RFC 4271.

use super::{PEER_ASN, ip};
use meetme_model::prefix::Prefix;
use std::net::IpAddr;

/// A whole BMP message.
pub(super) fn bmp(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 6).unwrap();
    let mut out = vec![3];
    out.extend(length.to_be_bytes());
    out.push(kind);
    out.extend(body);
    out
}

fn address(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_compatible().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

/// A per-peer header of peer type 0.
pub(super) fn per_peer(peer: &str, flags: u8, seconds: u32) -> Vec<u8> {
    let peer = ip(peer);
    let family = if peer.is_ipv6() { 0x80 } else { 0 };
    let mut out = vec![0, flags | family];
    out.extend([0; 8]);
    out.extend(address(peer));
    out.extend(PEER_ASN.to_be_bytes());
    out.extend([198, 19, 255, 1]);
    out.extend(seconds.to_be_bytes());
    out.extend(0u32.to_be_bytes());
    out
}

fn bgp(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![0xff; 16];
    out.extend(u16::try_from(body.len() + 19).unwrap().to_be_bytes());
    out.push(kind);
    out.extend(body);
    out
}

/// An OPEN; with `capability`, that one besides multiprotocol.
fn open(asn: u32, four_octet_as: bool, extra: &[u8]) -> Vec<u8> {
    let mut capabilities = vec![1, 4, 0, 1, 0, 1];
    if four_octet_as {
        capabilities.extend([65, 4]);
        capabilities.extend(asn.to_be_bytes());
    }
    capabilities.extend(extra);
    let mut body = vec![4];
    body.extend(u16::try_from(asn).unwrap_or(23456).to_be_bytes());
    body.extend([0, 180, 198, 19, 255, 1]);
    let length = u8::try_from(capabilities.len()).unwrap();
    body.extend([length + 2, 2, length]);
    body.extend(capabilities);
    bgp(1, &body)
}

/// Peer Up; the host is AS 64500.
pub(super) fn peer_up(peer: &str) -> Vec<u8> {
    peer_up_with(peer, true, &[])
}

pub(super) fn peer_up_with(peer: &str, four_octet_as: bool, extra: &[u8]) -> Vec<u8> {
    let mut body = per_peer(peer, 0, 0);
    body.extend(address(ip(peer)));
    body.extend([0, 179, 0xc0, 0]);
    body.extend(open(64500, true, &[]));
    body.extend(open(PEER_ASN, four_octet_as, extra));
    bmp(3, &body)
}

pub(super) fn peer_down(peer: &str) -> Vec<u8> {
    let mut body = per_peer(peer, 0, 0);
    body.push(4);
    bmp(2, &body)
}

pub(super) fn initiation(description: &str) -> Vec<u8> {
    let mut body = vec![0, 1];
    body.extend(u16::try_from(description.len()).unwrap().to_be_bytes());
    body.extend(description.as_bytes());
    bmp(4, &body)
}

pub(super) fn end_of_rib(peer: &str) -> Vec<u8> {
    Update::new(peer).bmp()
}

pub(super) fn nlri(prefix: &str) -> Vec<u8> {
    let prefix: Prefix = prefix.parse().unwrap();
    let octets = match prefix.addr() {
        IpAddr::V4(a) => a.octets().to_vec(),
        IpAddr::V6(a) => a.octets().to_vec(),
    };
    let mut out = vec![prefix.len()];
    out.extend(&octets[..usize::from(prefix.len()).div_ceil(8)]);
    out
}

/// An UPDATE in a Route Monitoring message.
#[derive(Clone)]
pub(super) struct Update {
    peer: String,
    pub(super) flags: u8,
    pub(super) seconds: u32,
    withdrawn: Vec<u8>,
    attributes: Vec<u8>,
    nlri: Vec<u8>,
    path: Vec<u8>,
    next_hop: IpAddr,
    communities: Vec<u8>,
}

impl Update {
    /// Nothing in it: End-of-RIB of IPv4.
    pub(super) fn new(peer: &str) -> Self {
        Self {
            peer: peer.to_owned(),
            flags: 0,
            seconds: 1_700_000_000,
            withdrawn: vec![],
            attributes: vec![],
            nlri: vec![],
            path: vec![],
            next_hop: ip(peer),
            communities: vec![0x1f, 0x8b, 0x1f, 0x47],
        }
    }

    pub(super) fn path(mut self, asns: &[u32]) -> Self {
        self.path = vec![2, u8::try_from(asns.len()).unwrap()];
        self.path.extend(asns.iter().flat_map(|a| a.to_be_bytes()));
        self
    }

    pub(super) fn two_octet_path(mut self, asns: &[u16]) -> Self {
        self.path = vec![2, u8::try_from(asns.len()).unwrap()];
        self.path.extend(asns.iter().flat_map(|a| a.to_be_bytes()));
        self
    }

    /// AS_PATH as it is given.
    pub(super) fn raw_path(mut self, value: &[u8]) -> Self {
        self.path = value.to_vec();
        self
    }

    pub(super) fn without_communities(mut self) -> Self {
        self.communities.clear();
        self
    }

    pub(super) fn next_hop(mut self, next_hop: &str) -> Self {
        self.next_hop = ip(next_hop);
        self
    }

    pub(super) fn attribute(mut self, flags: u8, code: u8, value: &[u8]) -> Self {
        self.attributes.extend([flags, code, u8::try_from(value.len()).unwrap()]);
        self.attributes.extend(value);
        self
    }

    pub(super) fn announce(mut self, prefix: &str) -> Self {
        self.nlri.extend(nlri(prefix));
        self
    }

    pub(super) fn withdraw(mut self, prefix: &str) -> Self {
        self.withdrawn.extend(nlri(prefix));
        self
    }

    pub(super) fn body(&self) -> Vec<u8> {
        let mut all = self.clone();
        if !self.path.is_empty() {
            let IpAddr::V4(next_hop) = self.next_hop else {
                panic!("NEXT_HOP is IPv4");
            };
            all = all.attribute(0x40, 1, &[0]).attribute(0x40, 2, &self.path).attribute(
                0x40,
                3,
                &next_hop.octets(),
            );
            if !self.communities.is_empty() {
                all = all.attribute(0xc0, 8, &self.communities);
            }
        }
        let mut out = Vec::new();
        for field in [&all.withdrawn, &all.attributes] {
            out.extend(u16::try_from(field.len()).unwrap().to_be_bytes());
            out.extend(field);
        }
        out.extend(&all.nlri);
        out
    }

    pub(super) fn bmp(&self) -> Vec<u8> {
        let mut body = per_peer(&self.peer, self.flags, self.seconds);
        body.extend(bgp(2, &self.body()));
        bmp(0, &body)
    }
}
