//! BMP as a router sends it (RFC 7854), octet by octet: a dump of sessions with routes.

use std::net::Ipv4Addr;

pub const HOST_ASN: u32 = 64500;
pub const PEER_ASN: u32 = 64510;
/// Prefixes are /24s from 1.0.0.0 on.
const FIRST_PREFIX: u32 = 0x01_0000;

/// Sessions with so many routes each. No prefix is brought twice; attributes are shared by the
/// prefixes of one UPDATE only.
#[derive(Clone, Copy)]
pub struct Dump {
    pub sessions: u32,
    pub routes: u32,
    pub prefixes_per_update: u32,
    /// Another one gives other attributes.
    pub salt: u32,
}

/// The peer of a session.
pub fn peer(session: u32) -> Ipv4Addr {
    Ipv4Addr::from(0xC612_C000 + 2 * session)
}

impl Dump {
    /// Initiation and every session's Peer Up.
    pub fn beginning(&self, out: &mut Vec<u8>) {
        let description = b"a router of the bench";
        let mut body = vec![0, 1, 0, 21];
        body.extend(description);
        bmp(4, &[&body], out);
        for session in 0..self.sessions {
            peer_up(session, out);
        }
    }

    /// Every session's UPDATEs, one after the other.
    pub fn routes(&self, mut send: impl FnMut(&[u8])) {
        for session in 0..self.sessions {
            self.routes_of(session, &mut send);
        }
    }

    /// One session's UPDATEs.
    pub fn routes_of(&self, session: u32, mut send: impl FnMut(&[u8])) {
        let mut message = Vec::new();
        for first in (0..self.routes).step_by(self.prefixes_per_update as usize) {
            message.clear();
            let number = session * self.routes + first;
            let path = [PEER_ASN, 100_000 + session, 1_000_000 + number, 2_000_000 + self.salt];
            let mut nlri = Vec::with_capacity(64);
            for n in 0..self.prefixes_per_update {
                let [_, a, b, c] = (FIRST_PREFIX + number + n).to_be_bytes();
                nlri.extend([24, a, b, c]);
            }
            update(session, &path, number, &nlri, &mut message);
            send(&message);
        }
    }

    /// How many of a session's routes are for prefixes below an address.
    pub fn routes_below(&self, session: u32, address: Ipv4Addr) -> u32 {
        let first = FIRST_PREFIX + session * self.routes;
        (u32::from(address) >> 8).saturating_sub(first).min(self.routes)
    }

    /// Every session's End-of-RIB.
    pub fn ends_of_rib(&self, out: &mut Vec<u8>) {
        for session in 0..self.sessions {
            bmp(0, &[&per_peer(session), &bgp(2, &[0; 4])], out);
        }
    }
}

/// Peer Down: closed by the peer.
pub fn peer_down(session: u32, out: &mut Vec<u8>) {
    bmp(2, &[&per_peer(session), &[4]], out);
}

/// Peer Up.
pub fn peer_up(session: u32, out: &mut Vec<u8>) {
    let mut local = [0; 20];
    local[12..16].copy_from_slice(&Ipv4Addr::from(u32::from(peer(session)) + 1).octets());
    bmp(3, &[&per_peer(session), &local, &open(HOST_ASN), &open(PEER_ASN)], out);
}

fn update(session: u32, path: &[u32], med: u32, nlri: &[u8], out: &mut Vec<u8>) {
    let mut attributes = vec![0x40, 1, 1, 0, 0x40, 2];
    attributes.extend([2 + 4 * path.len() as u8, 2, path.len() as u8]);
    attributes.extend(path.iter().flat_map(|asn| asn.to_be_bytes()));
    attributes.extend([0x40, 3, 4]);
    attributes.extend(peer(session).octets());
    attributes.extend([0x80, 4, 4]);
    attributes.extend(med.to_be_bytes());
    attributes.extend([0xc0, 8, 8, 0x1f, 0x8b, 0x1f, 0x47, 0xfb, 0xfe, 0, 1]);
    let mut body = vec![0, 0];
    body.extend((attributes.len() as u16).to_be_bytes());
    body.extend(attributes);
    body.extend(nlri);
    bmp(0, &[&per_peer(session), &bgp(2, &body)], out);
}

fn per_peer(session: u32) -> [u8; 42] {
    let mut header = [0; 42];
    header[22..26].copy_from_slice(&peer(session).octets());
    header[26..30].copy_from_slice(&PEER_ASN.to_be_bytes());
    header[30..34].copy_from_slice(&[198, 19, 255, 1]);
    header[34..38].copy_from_slice(&1_700_000_000_u32.to_be_bytes());
    header
}

fn open(asn: u32) -> Vec<u8> {
    let mut body = vec![4];
    body.extend((asn as u16).to_be_bytes());
    body.extend([0, 180, 198, 19, 255, 1, 8, 2, 6, 65, 4]);
    body.extend(asn.to_be_bytes());
    bgp(1, &body)
}

fn bgp(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![0xff; 16];
    out.extend((body.len() as u16 + 19).to_be_bytes());
    out.push(kind);
    out.extend(body);
    out
}

fn bmp(kind: u8, parts: &[&[u8]], out: &mut Vec<u8>) {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    out.push(3);
    out.extend((length as u32 + 6).to_be_bytes());
    out.push(kind);
    parts.iter().for_each(|part| out.extend_from_slice(part));
}
