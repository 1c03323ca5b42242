//! One BMP message (RFC 7854 §4) from octets to a [`Message`]. A pure function: no state is kept
//! between messages, so no input can make it grow, and none depends on what came before it.
//!
//! A message that can't be read in part is told with what can; only one that doesn't say which
//! session it is about, or isn't what its header says, is [`Malformed`].

use super::as_path::Width;
use super::frame::HEADER_LEN;
use super::update::{self, PathHint, Update};
use super::{notification, open};
use jiff::Timestamp;
use meetme_model::asn::Asn;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const ROUTE_MONITORING: u8 = 0;
const PEER_DOWN: u8 = 2;
const PEER_UP: u8 = 3;
const INITIATION: u8 = 4;
const TERMINATION: u8 = 5;
/// Peer type "global instance peer" (RFC 7854 §4.2).
const GLOBAL_INSTANCE: u8 = 0;
const PER_PEER_HEADER_LEN: usize = 42;
const FLAG_IPV6: u8 = 0x80;
const FLAG_POST_POLICY: u8 = 0x40;
const FLAG_TWO_OCTET_AS: u8 = 0x20;
const FLAG_ADJ_RIB_OUT: u8 = 0x10;
const BGP_HEADER_LEN: usize = 19;
const BGP_UPDATE: u8 = 2;
const LOCAL_ADDRESS_AND_PORTS_LEN: usize = 20;
/// Information TLV of Initiation (RFC 7854 §4.4).
const SYS_DESCR: u16 = 1;

/// A message, reduced to what the station acts on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// First message of a connection.
    Initiation {
        /// The router's sysDescr; tells the software.
        description: String,
    },
    /// The router closes the connection.
    Termination,
    /// A session is Established.
    PeerUp {
        /// The peer's address.
        peer: IpAddr,
        /// The router's own ASN on this session, by the OPEN that it sent.
        local_asn: Option<Asn>,
    },
    /// A session is down.
    PeerDown {
        /// The peer's address.
        peer: IpAddr,
        /// Why.
        reason: String,
    },
    /// Routes of a session's pre-policy Adj-RIB-In.
    Routes(Routes),
    /// Statistics, and what isn't the pre-policy Adj-RIB-In of a global peer.
    Other,
}

/// One UPDATE of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Routes {
    /// The peer's address.
    pub(super) peer: IpAddr,
    /// When the router received it; `None` when it doesn't say.
    pub(super) received_at: Option<Timestamp>,
    /// What it says.
    pub(super) update: Update,
}

/// A message that can't be attributed or isn't what it should be. Costs nobody anything but itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed BMP message: {reason}")]
pub(super) struct Malformed {
    /// Whose session it was about, when that could be read.
    pub(super) peer: Option<IpAddr>,
    /// What is wrong with it.
    pub(super) reason: &'static str,
}

/// Decodes one whole message.
pub(super) fn decode(message: &[u8]) -> Result<Message, Malformed> {
    let body = message.get(HEADER_LEN..).unwrap_or_default();
    match message.get(HEADER_LEN - 1) {
        Some(&kind @ (ROUTE_MONITORING | PEER_DOWN | PEER_UP)) => of_peer(kind, body),
        Some(&INITIATION) => Ok(Message::Initiation { description: sys_descr(body).unwrap_or_default() }),
        Some(&TERMINATION) => Ok(Message::Termination),
        // Statistics, mirrored messages, and types that later RFCs add.
        _ => Ok(Message::Other),
    }
}

fn of_peer(kind: u8, body: &[u8]) -> Result<Message, Malformed> {
    let Some((header, rest)) = body.split_first_chunk::<PER_PEER_HEADER_LEN>() else {
        return Err(Malformed { peer: None, reason: "it ends inside its per-peer header" });
    };
    let flags = header[1];
    if header[0] != GLOBAL_INSTANCE || flags & (FLAG_POST_POLICY | FLAG_ADJ_RIB_OUT) != 0 {
        return Ok(Message::Other);
    }
    let peer = address(header);
    match kind {
        PEER_DOWN => Ok(Message::PeerDown { peer, reason: notification::down_reason(rest) }),
        PEER_UP => {
            let opens = rest.get(LOCAL_ADDRESS_AND_PORTS_LEN..).unwrap_or_default();
            Ok(Message::PeerUp { peer, local_asn: open::asn(opens) })
        }
        _ => {
            let (bgp_header, update) = rest.split_at_checked(BGP_HEADER_LEN).unwrap_or((&[], rest));
            if bgp_header.last() != Some(&BGP_UPDATE) {
                return Err(Malformed { peer: Some(peer), reason: "its routes aren't in an UPDATE" });
            }
            let width = if flags & FLAG_TWO_OCTET_AS != 0 { Width::Two } else { Width::Four };
            let hint = PathHint { width, peer: Asn(be_u32(header, 26)) };
            let received_at = received_at(header);
            Ok(Message::Routes(Routes { peer, received_at, update: update::read(update, hint) }))
        }
    }
}

fn address(header: &[u8; PER_PEER_HEADER_LEN]) -> IpAddr {
    let mut address = [0; 16];
    address.copy_from_slice(&header[10..26]);
    if header[1] & FLAG_IPV6 != 0 {
        Ipv6Addr::from(address).into()
    } else {
        Ipv4Addr::new(address[12], address[13], address[14], address[15]).into()
    }
}

fn received_at(header: &[u8; PER_PEER_HEADER_LEN]) -> Option<Timestamp> {
    let (seconds, microseconds) = (be_u32(header, 34), be_u32(header, 38));
    if seconds == 0 {
        return None;
    }
    Timestamp::from_microsecond(i64::from(seconds) * 1_000_000 + i64::from(microseconds.min(999_999))).ok()
}

fn be_u32(header: &[u8; PER_PEER_HEADER_LEN], at: usize) -> u32 {
    u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
}

fn sys_descr(mut rest: &[u8]) -> Option<String> {
    loop {
        let ([a, b, c, d], after) = rest.split_first_chunk::<4>()?;
        let length = usize::from(u16::from_be_bytes([*c, *d]));
        let (value, next) = after.split_at_checked(length)?;
        if u16::from_be_bytes([*a, *b]) == SYS_DESCR {
            return Some(String::from_utf8_lossy(value).into_owned());
        }
        rest = next;
    }
}
