//! The ASN that an OPEN message gives (RFC 4271 §4.2, RFC 6793 §4.1, RFC 9072): all that the station
//! needs of Peer Up's two OPENs. Other capabilities are passed over, whatever is in them.

use meetme_model::asn::Asn;

const BGP_HEADER_LEN: usize = 19;
/// Version, ASN, hold time, identifier.
const FIXED_LEN: usize = 9;
const CAPABILITIES: u8 = 2;
const FOUR_OCTET_AS: u8 = 65;
/// RFC 9072 §2: both the length and the type of what follows say that lengths have two octets.
const EXTENDED: u8 = 255;

/// The sender's ASN, by the OPEN at the beginning of `bytes`, with its BGP header.
pub(super) fn asn(bytes: &[u8]) -> Option<Asn> {
    let length = u16::from_be_bytes([*bytes.get(16)?, *bytes.get(17)?]);
    let body = bytes.get(BGP_HEADER_LEN..usize::from(length))?;
    let short = Asn(u16::from_be_bytes([*body.get(1)?, *body.get(2)?]).into());
    let (parameters, extended) = match body.get(FIXED_LEN..)? {
        [EXTENDED, EXTENDED, _, _, rest @ ..] => (rest, true),
        [_, rest @ ..] => (rest, false),
        [] => return None,
    };
    Some(four_octet_asn(parameters, extended).unwrap_or(short))
}

fn four_octet_asn(mut rest: &[u8], extended: bool) -> Option<Asn> {
    loop {
        let (kind, after) = rest.split_first()?;
        let (length, after) = if extended {
            let (length, after) = after.split_first_chunk::<2>()?;
            (usize::from(u16::from_be_bytes(*length)), after)
        } else {
            let (length, after) = after.split_first()?;
            (usize::from(*length), after)
        };
        let (value, next) = after.split_at_checked(length)?;
        if *kind == CAPABILITIES
            && let Some(asn) = capability(value)
        {
            return Some(asn);
        }
        rest = next;
    }
}

fn capability(mut rest: &[u8]) -> Option<Asn> {
    loop {
        let ([code, len], after) = rest.split_first_chunk::<2>()?;
        let (value, next) = after.split_at_checked(usize::from(*len))?;
        if *code == FOUR_OCTET_AS {
            return Some(Asn(u32::from_be_bytes(value.try_into().ok()?)));
        }
        rest = next;
    }
}
