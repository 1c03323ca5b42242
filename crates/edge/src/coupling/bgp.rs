//! The BGP end of a trial session (RFC 4271): as much as it takes to be established, which is an OPEN and
//! KEEPALIVEs. Pure.

use std::net::Ipv4Addr;

/// Port of BGP.
pub const PORT: u16 = 179;
/// Longer than any trial lasts.
const HOLD_TIME_S: u16 = 60;
const HEADER: usize = 19;
const LONGEST: usize = 4096;

/// Messages of the router that matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// It wants a session.
    Open,
    /// It has one.
    Keepalive,
    /// It ends it, for this reason (RFC 4271 §4.5).
    Notification {
        /// Error code.
        code: u8,
        /// Error subcode.
        subcode: u8,
    },
    /// Anything else.
    Other,
}

/// An OPEN without capabilities: IPv4 unicast, of which nothing is sent and everything ignored.
pub fn open(asn: u16, identifier: Ipv4Addr) -> Vec<u8> {
    let mut body = vec![4];
    body.extend(asn.to_be_bytes());
    body.extend(HOLD_TIME_S.to_be_bytes());
    body.extend(identifier.octets());
    body.push(0);
    message(1, &body)
}

/// A KEEPALIVE.
pub fn keepalive() -> Vec<u8> {
    message(4, &[])
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xff; 16];
    bytes.extend(u16::try_from(HEADER + body.len()).unwrap_or_default().to_be_bytes());
    bytes.push(kind);
    bytes.extend(body);
    bytes
}

/// Takes the next whole message out of what was received. `Err`: what came isn't BGP.
pub fn next(received: &mut Vec<u8>) -> Result<Option<Message>, ()> {
    let Some(&[high, low, kind]) = received.get(16..HEADER) else { return Ok(None) };
    let length = usize::from(u16::from_be_bytes([high, low]));
    if !(HEADER..=LONGEST).contains(&length) {
        return Err(());
    }
    if received.len() < length {
        return Ok(None);
    }
    let whole: Vec<u8> = received.drain(..length).collect();
    Ok(Some(match (kind, &whole[HEADER..]) {
        (1, _) => Message::Open,
        (3, &[code, subcode, ..]) => Message::Notification { code, subcode },
        (3, _) => return Err(()),
        (4, _) => Message::Keepalive,
        _ => Message::Other,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_taken_one_by_one_however_they_arrive() {
        let mut received = open(64512, Ipv4Addr::LOCALHOST);
        received.extend(keepalive());
        received.extend(&message(3, &[6, 10])[..20]);
        assert_eq!(next(&mut received), Ok(Some(Message::Open)));
        assert_eq!(next(&mut received), Ok(Some(Message::Keepalive)));
        assert_eq!(next(&mut received), Ok(None), "not whole yet");
        received.push(10);
        assert_eq!(next(&mut received), Ok(Some(Message::Notification { code: 6, subcode: 10 })));
        assert_eq!(next(&mut vec![0; 40]), Err(()));
        assert_eq!(next(&mut message(3, &[6])), Err(()), "it lacks its subcode");
    }
}
