//! BGP communities: standard (RFC 1997) and large (RFC 8092).

use crate::asn::Asn;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A community that a route carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Community {
    /// Two 16-bit halves, written `8075:8007`.
    Standard(u16, u16),
    /// Three 32-bit parts, written `4259840000:0:8007`.
    Large(u32, u32, u32),
}

/// A text that isn't a community.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' isn't a community; write 8075:8007 (two numbers up to 65535) or three numbers of 32 bits")]
pub struct CommunityError(pub String);

/// Well-known GRACEFUL_SHUTDOWN (RFC 8326).
pub const GRACEFUL_SHUTDOWN: Community = Community::Standard(65535, 0);
/// Well-known LLGR_STALE (RFC 9494): the peer itself keeps the route without its source.
pub const LLGR_STALE: Community = Community::Standard(65535, 6);
/// Well-known BLACKHOLE (RFC 7999): asks for traffic to be discarded.
pub const BLACKHOLE: Community = Community::Standard(65535, 666);
/// Well-known NO_ADVERTISE (RFC 1997): the route stays on the router that received it.
pub const NO_ADVERTISE: Community = Community::Standard(65535, 65282);

impl Community {
    /// The community of a Voice offering when the host sets none: `<host ASN>:8007`, a large
    /// community where the ASN needs 32 bits (`docs/rules.md` §4).
    pub fn default_for_voice(host: Asn) -> Self {
        match u16::try_from(host.0) {
            Ok(asn) => Self::Standard(asn, 8007),
            Err(_) => Self::Large(host.0, 0, 8007),
        }
    }
}

impl fmt::Display for Community {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standard(a, b) => write!(f, "{a}:{b}"),
            Self::Large(a, b, c) => write!(f, "{a}:{b}:{c}"),
        }
    }
}

impl FromStr for Community {
    type Err = CommunityError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let error = || CommunityError(s.to_owned());
        let parts: Vec<u32> =
            s.split(':').map(|p| p.parse().map_err(|_| error())).collect::<Result<_, _>>()?;
        match parts[..] {
            [a, b] => {
                Ok(Self::Standard(a.try_into().map_err(|_| error())?, b.try_into().map_err(|_| error())?))
            }
            [a, b, c] => Ok(Self::Large(a, b, c)),
            _ => Err(error()),
        }
    }
}

impl TryFrom<String> for Community {
    type Error = CommunityError;

    fn try_from(s: String) -> Result<Self, Self::Error> {
        s.parse()
    }
}

impl From<Community> for String {
    fn from(c: Community) -> Self {
        c.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_default_needs_a_large_community_for_a_long_asn() {
        assert_eq!(Community::default_for_voice(Asn(8075)).to_string(), "8075:8007");
        assert_eq!(Community::default_for_voice(Asn(200_000)).to_string(), "200000:0:8007");
    }

    #[test]
    fn halves_beyond_16_bits_are_refused() {
        assert!("70000:1".parse::<Community>().is_err());
        assert!("8075".parse::<Community>().is_err());
        assert!("8075:-1".parse::<Community>().is_err());
    }

    proptest! {
        #[test]
        fn communities_print_and_parse_back(a: u32, b: u32, c: u32) {
            let large = Community::Large(a, b, c);
            prop_assert_eq!(large.to_string().parse::<Community>().unwrap(), large);
        }
    }
}
