//! The path of packets: UDP packets with growing time to live on the very five-tuple of a probe's flow, so that routers
//! hash them onto the same path, and the ICMP errors (RFC 792) that come back. Raw sockets, so it needs the lab's root.

use std::collections::BTreeMap;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};

use crate::echo::{self, TOS_EF};
use crate::proto::{Hop, Trace};

/// Longest path that is looked for.
const TTL_MAX: u8 = 16;
/// Packets are sent again when nothing came back for this long.
const ROUND: Duration = Duration::from_millis(250);
/// How often they are sent.
const ROUNDS: usize = 3;
/// Payload of the packet with time to live 0; each step is one byte more, which tells the answers apart.
const PAYLOAD_BYTES: usize = 32;

/// What came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// A router on the way.
    Router(Ipv4Addr),
    /// A router that has no way on.
    Unreachable(Ipv4Addr),
    /// The destination.
    Arrived(Ipv4Addr),
}

/// Traces the path to a responder.
pub fn run(to: SocketAddrV4, source_port: u16) -> std::io::Result<Trace> {
    let udp = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::UDP))?;
    let icmp = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4))?;
    udp.set_tos_v4(TOS_EF)?;
    for socket in [&udp, &icmp] {
        socket.set_read_timeout(Some(Duration::from_millis(5)))?;
    }
    let mut answers = BTreeMap::new();
    for _ in 0..ROUNDS {
        let end = last(&answers).unwrap_or(TTL_MAX);
        for ttl in (1..=end).filter(|ttl| !answers.contains_key(ttl)).collect::<Vec<_>>() {
            udp.set_ttl_v4(u32::from(ttl))?;
            let packet = packet(source_port, to.port(), ttl);
            udp.send_to(&packet, &SocketAddrV4::new(*to.ip(), 0).into())?;
        }
        let start = Instant::now();
        while start.elapsed() < ROUND && !is_complete(&answers) {
            for (socket, is_icmp) in [(&icmp, true), (&udp, false)] {
                let mut buffer = [0; 2048];
                let Ok(length) = (&mut &*socket).read(&mut buffer) else {
                    continue;
                };
                let read = if is_icmp { read_icmp } else { read_udp };
                if let Some((ttl, answer)) = read(&buffer[..length], to, source_port) {
                    answers.entry(ttl).or_insert(answer);
                }
            }
        }
        if is_complete(&answers) {
            break;
        }
    }
    Ok(trace(&answers))
}

fn packet(source_port: u16, to_port: u16, ttl: u8) -> Vec<u8> {
    let payload = echo::trace_payload(PAYLOAD_BYTES + usize::from(ttl));
    let length = (8 + payload.len()) as u16;
    // A checksum of zero means none (RFC 768).
    let header = [source_port, to_port, length, 0].map(u16::to_be_bytes).concat();
    [header, payload].concat()
}

/// The time to live of the first packet that ended its way.
fn last(answers: &BTreeMap<u8, Answer>) -> Option<u8> {
    answers.iter().find(|(_, answer)| !matches!(answer, Answer::Router(_))).map(|(ttl, _)| *ttl)
}

fn is_complete(answers: &BTreeMap<u8, Answer>) -> bool {
    last(answers).is_some_and(|last| (1..last).all(|ttl| answers.contains_key(&ttl)))
}

fn trace(answers: &BTreeMap<u8, Answer>) -> Trace {
    let end = last(answers).or(answers.keys().last().copied()).unwrap_or(0);
    let reached = last(answers).is_some_and(|end| matches!(answers[&end], Answer::Arrived(_)));
    let address = |ttl: u8| {
        answers.get(&ttl).map(|answer| match *answer {
            Answer::Router(address) | Answer::Unreachable(address) | Answer::Arrived(address) => {
                IpAddr::V4(address)
            }
        })
    };
    let hops = (1..=end).map(|ttl| Hop { ttl, address: address(ttl), node: None, interface: None }).collect();
    Trace { reached, hops }
}

/// Source address and payload of an IPv4 packet (RFC 791).
fn read_ip(packet: &[u8]) -> Option<(Ipv4Addr, Ipv4Addr, &[u8])> {
    let header = usize::from(packet.first()? & 0xf) * 4;
    let address = |at: usize| Some(Ipv4Addr::from(<[u8; 4]>::try_from(packet.get(at..at + 4)?).ok()?));
    Some((address(12)?, address(16)?, packet.get(header..)?))
}

/// Ports and, by its length, the time to live of one of our UDP packets.
fn read_udp_header(udp: &[u8]) -> Option<(u16, u16, u8)> {
    let word = |at: usize| Some(u16::from_be_bytes(udp.get(at..at + 2)?.try_into().ok()?));
    let ttl = usize::from(word(4)?).checked_sub(8 + PAYLOAD_BYTES)?;
    Some((word(0)?, word(2)?, u8::try_from(ttl).ok().filter(|ttl| (1..=TTL_MAX).contains(ttl))?))
}

fn read_icmp(packet: &[u8], to: SocketAddrV4, source_port: u16) -> Option<(u8, Answer)> {
    let (from, _, icmp) = read_ip(packet)?;
    let (_, inner_to, udp) = read_ip(icmp.get(8..)?)?;
    let (inner_source, inner_port, ttl) = read_udp_header(udp)?;
    if inner_to != *to.ip() || inner_source != source_port || inner_port != to.port() {
        return None;
    }
    match icmp.first()? {
        11 => Some((ttl, Answer::Router(from))),
        3 => Some((ttl, Answer::Unreachable(from))),
        _ => None,
    }
}

fn read_udp(packet: &[u8], to: SocketAddrV4, source_port: u16) -> Option<(u8, Answer)> {
    let (from, _, udp) = read_ip(packet)?;
    let (reply_from, reply_to, ttl) = read_udp_header(udp)?;
    (from == *to.ip() && reply_from == to.port() && reply_to == source_port)
        .then_some((ttl, Answer::Arrived(from)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TO: &str = "198.19.10.10:5004";

    fn ip(from: [u8; 4], to: [u8; 4], payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 1, 17, 0, 0];
        packet.extend(from);
        packet.extend(to);
        packet.extend(payload);
        packet
    }

    fn icmp(kind: u8, ttl: u8) -> Vec<u8> {
        let inner = ip([198, 18, 1, 10], [198, 19, 10, 10], &packet(40000, 5004, ttl)[..8]);
        ip([198, 18, 254, 4], [198, 18, 1, 10], &[vec![kind, 0, 0, 0, 0, 0, 0, 0], inner].concat())
    }

    #[test]
    fn an_icmp_error_names_the_router_and_the_packet() {
        let router = Ipv4Addr::new(198, 18, 254, 4);
        let to = TO.parse().unwrap();
        assert_eq!(read_icmp(&icmp(11, 3), to, 40000), Some((3, Answer::Router(router))));
        assert_eq!(read_icmp(&icmp(3, 3), to, 40000), Some((3, Answer::Unreachable(router))));
        assert_eq!(read_icmp(&icmp(11, 3), to, 40001), None, "another flow's");
        assert_eq!(read_icmp(&icmp(0, 3), to, 40000), None, "an echo reply");
        assert_eq!(read_icmp(&[0x45, 1, 2], to, 40000), None, "cut short");
    }

    #[test]
    fn the_responders_answer_ends_the_path() {
        let mut reply = packet(5004, 40000, 4);
        reply = ip([198, 19, 10, 10], [198, 18, 1, 10], &reply);
        let arrived = Answer::Arrived(Ipv4Addr::new(198, 19, 10, 10));
        assert_eq!(read_udp(&reply, TO.parse().unwrap(), 40000), Some((4, arrived)));
    }

    #[test]
    fn a_path_is_complete_when_every_hop_before_its_end_has_answered() {
        let router = |n| Answer::Router(Ipv4Addr::new(198, 18, 254, n));
        let mut answers =
            BTreeMap::from([(1, router(1)), (3, Answer::Arrived(Ipv4Addr::new(198, 19, 10, 10)))]);
        assert!(!is_complete(&answers));
        let partial = trace(&answers);
        assert_eq!((partial.reached, partial.hops.len(), partial.hops[1].address), (true, 3, None));
        answers.insert(2, router(2));
        assert!(is_complete(&answers));
    }
}
