//! The destinations of an UPDATE whose attributes can't be parsed (RFC 7606 §2, treat-as-withdraw).
//!
//! Also the little that the station needs of OPEN messages with capabilities that can't be parsed.
//!
//! Of UPDATEs it reads NLRI only: withdrawn routes, MP_REACH_NLRI and MP_UNREACH_NLRI of IPv4 and IPv6 unicast,
//! and the trailing NLRI. Never interprets another attribute, so one that is malformed doesn't matter
//! as long as lengths hold.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use meetme_model::asn::Asn;
use meetme_model::prefix::Prefix;
use std::net::{Ipv4Addr, Ipv6Addr};

const MP_REACH_NLRI: u8 = 14;
const MP_UNREACH_NLRI: u8 = 15;
const EXTENDED_LENGTH: u8 = 0x10;

/// What could be read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Salvaged {
    /// Destinations, announced and withdrawn alike.
    pub(super) prefixes: Vec<Prefix>,
    /// False when there may have been more.
    pub(super) complete: bool,
}

/// Reads the destinations of the body of an UPDATE (what follows the BGP header).
pub(super) fn destinations(update: &[u8]) -> Salvaged {
    let mut found = Salvaged { prefixes: Vec::new(), complete: true };
    if read_update(update, &mut found).is_none() {
        found.complete = false;
    }
    found
}

fn read_update(update: &[u8], found: &mut Salvaged) -> Option<()> {
    let (withdrawn, rest) = sized(update)?;
    read_nlri(withdrawn, true, found);
    let (attributes, announced) = sized(rest)?;
    // The trailing NLRI stands on its own length, whatever the attributes look like.
    read_nlri(announced, true, found);
    read_attributes(attributes, found)
}

/// A field that is preceded by its length in two octets, and what follows it.
fn sized(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

fn read_attributes(mut rest: &[u8], found: &mut Salvaged) -> Option<()> {
    while !rest.is_empty() {
        let ([flags, code], after) = rest.split_first_chunk::<2>()?;
        let (value, next) = if flags & EXTENDED_LENGTH != 0 {
            sized(after)?
        } else {
            let (length, after) = after.split_first()?;
            after.split_at_checked(usize::from(*length))?
        };
        match *code {
            MP_REACH_NLRI => {
                let (family, after) = value.split_first_chunk::<3>()?;
                let (next_hop_len, after) = after.split_first()?;
                let (_, after) = after.split_at_checked(usize::from(*next_hop_len))?;
                let (_reserved, nlri) = after.split_first()?;
                read_family(*family, nlri, found);
            }
            MP_UNREACH_NLRI => {
                let (family, nlri) = value.split_first_chunk::<3>()?;
                read_family(*family, nlri, found);
            }
            _ => {}
        }
        rest = next;
    }
    Some(())
}

fn read_family(family: [u8; 3], nlri: &[u8], found: &mut Salvaged) {
    match family {
        [0, 1, 1] => read_nlri(nlri, true, found),
        [0, 2, 1] => read_nlri(nlri, false, found),
        _ => {}
    }
}

fn read_nlri(mut rest: &[u8], ipv4: bool, found: &mut Salvaged) {
    while let Some((&len, after)) = rest.split_first() {
        let octets = usize::from(len).div_ceil(8);
        let Some((bytes, next)) = after.split_at_checked(octets) else {
            found.complete = false;
            return;
        };
        let Some(net) = network(bytes, len, ipv4) else {
            found.complete = false;
            return;
        };
        found.prefixes.push(Prefix::containing(net));
        rest = next;
    }
}

fn network(bytes: &[u8], len: u8, ipv4: bool) -> Option<IpNet> {
    if ipv4 {
        let mut address = [0; 4];
        address.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(Ipv4Net::new(Ipv4Addr::from(address), len).ok()?.into())
    } else {
        let mut address = [0; 16];
        address.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(Ipv6Net::new(Ipv6Addr::from(address), len).ok()?.into())
    }
}

/// What an OPEN says of ASNs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Open {
    /// The sender's ASN.
    pub(super) asn: Asn,
    /// It has the four-octet AS capability (RFC 6793).
    pub(super) four_octet_as: bool,
}

const BGP_HEADER_LEN: usize = 19;
const OPEN_FIXED_LEN: usize = 10;
const CAPABILITIES: u8 = 2;
const FOUR_OCTET_AS: u8 = 65;

/// Reads two OPEN messages, one after the other, each with its BGP header. FRR cuts the received
/// one short at times (seen with 8.4 as the peer): then it is `None`.
pub(super) fn opens(bytes: &[u8]) -> Option<(Open, Option<Open>)> {
    let (first, rest) = open(bytes)?;
    Some((first, open(rest).map(|(second, _)| second)))
}

fn open(bytes: &[u8]) -> Option<(Open, &[u8])> {
    let length = u16::from_be_bytes([*bytes.get(16)?, *bytes.get(17)?]);
    let (message, rest) = bytes.split_at_checked(usize::from(length))?;
    let body = message.get(BGP_HEADER_LEN..)?;
    let mut open =
        Open { asn: Asn(u16::from_be_bytes([*body.get(1)?, *body.get(2)?]).into()), four_octet_as: false };
    let mut parameters = body.get(OPEN_FIXED_LEN..)?;
    while let Some(([kind, len], after)) = parameters.split_first_chunk::<2>() {
        let (value, next) = after.split_at_checked(usize::from(*len))?;
        if *kind == CAPABILITIES {
            read_capabilities(value, &mut open)?;
        }
        parameters = next;
    }
    Some((open, rest))
}

fn read_capabilities(mut rest: &[u8], open: &mut Open) -> Option<()> {
    while let Some(([code, len], after)) = rest.split_first_chunk::<2>() {
        let (value, next) = after.split_at_checked(usize::from(*len))?;
        if *code == FOUR_OCTET_AS
            && let Ok(asn) = <[u8; 4]>::try_from(value)
        {
            open.asn = Asn(u32::from_be_bytes(asn));
            open.four_octet_as = true;
        }
        rest = next;
    }
    Some(())
}
