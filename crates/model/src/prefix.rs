//! IP prefixes in canonical form, and which of them may never be peered for.
//!
//! A [`Prefix`] never has host bits set; parsing one that does fails and names the right prefix.

use crate::asn::PublicSpace;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::LazyLock;

/// An IPv4 or IPv6 prefix whose host bits are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Prefix(IpNet);

/// Why a text isn't a [`Prefix`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrefixError {
    /// Not of the form address/length.
    #[error("'{0}' isn't a prefix; write it as address/length, such as 203.0.113.0/24")]
    Syntax(String),
    /// Two readers would disagree about which network is meant.
    #[error(
        "'{0}' has leading zeros, which some read as octal (RFC 6943 §3.1.1); write plain decimal numbers, such as 203.0.113.0/24"
    )]
    LeadingZero(String),
    /// Bits beyond the length are set.
    #[error("'{given}' has host bits set; the prefix is {right}")]
    HostBits {
        /// What was given.
        given: String,
        /// The prefix that contains it.
        right: Prefix,
    },
}

impl Prefix {
    /// The prefix that contains `net`: its host bits are cleared.
    pub fn containing(net: IpNet) -> Self {
        Self(net.trunc())
    }

    /// As the `ipnet` type, for tries and arithmetic.
    pub fn net(self) -> IpNet {
        self.0
    }

    /// The network address.
    pub fn addr(self) -> IpAddr {
        self.0.addr()
    }

    /// The prefix length in bits. (A prefix is never empty, hence no `is_empty`.)
    #[allow(clippy::len_without_is_empty)]
    pub fn len(self) -> u8 {
        self.0.prefix_len()
    }

    /// True for IPv4.
    pub fn is_ipv4(self) -> bool {
        self.0.addr().is_ipv4()
    }

    /// True when `other` is this prefix or inside it.
    pub fn contains(self, other: Prefix) -> bool {
        self.0.contains(&other.0)
    }

    /// True when one contains the other.
    pub fn overlaps(self, other: Prefix) -> bool {
        if self.len() <= other.len() { self.contains(other) } else { other.contains(self) }
    }

    /// Every shorter prefix that contains it, but the default route.
    pub fn parents(self) -> impl Iterator<Item = Prefix> {
        let cut = move |length| IpNet::new(self.addr(), length).ok().map(Prefix::containing);
        (1..self.len()).filter_map(cut)
    }

    /// True for 0.0.0.0/0 and ::/0.
    pub fn is_default(self) -> bool {
        self.len() == 0
    }

    /// The reason why no interface has an address of it, with its RFC, or `None` for unicast; no
    /// setting makes an exception.
    pub fn not_unicast_reason(self) -> Option<&'static str> {
        static PARSED: LazyLock<Vec<(Prefix, &'static str)>> = LazyLock::new(|| parsed(NOT_UNICAST));
        PARSED.iter().find(|(range, _)| range.overlaps(self)).map(|(_, why)| *why)
    }

    /// The reason why this is no public unicast space, with its RFC, or `None` when it is public.
    /// The default route is not judged here.
    pub fn bogon_reason(self, space: &PublicSpace) -> Option<&'static str> {
        if self.is_default() || space.prefixes.iter().any(|p| p.contains(self)) {
            return None;
        }
        bogons().find(|(bogon, _)| bogon.overlaps(self)).map(|(_, why)| why)
    }
}

const BOGONS: &[(&str, &str)] = &[
    ("0.0.0.0/8", "\"this network\" (RFC 791)"),
    ("10.0.0.0/8", "private (RFC 1918)"),
    ("100.64.0.0/10", "shared by carriers (RFC 6598)"),
    ("127.0.0.0/8", "loopback (RFC 1122)"),
    ("169.254.0.0/16", "link local (RFC 3927)"),
    ("172.16.0.0/12", "private (RFC 1918)"),
    ("192.0.0.0/24", "protocol assignments (RFC 6890)"),
    ("192.0.2.0/24", "documentation (RFC 5737)"),
    ("192.88.99.0/24", "6to4 relay, deprecated (RFC 7526)"),
    ("192.168.0.0/16", "private (RFC 1918)"),
    ("198.18.0.0/15", "benchmarking (RFC 2544)"),
    ("198.51.100.0/24", "documentation (RFC 5737)"),
    ("203.0.113.0/24", "documentation (RFC 5737)"),
    ("224.0.0.0/4", "multicast (RFC 5771)"),
    ("240.0.0.0/4", "reserved (RFC 1112)"),
    ("::/8", "reserved (RFC 4291)"),
    ("100::/64", "discard only (RFC 6666)"),
    ("2001::/23", "protocol assignments (RFC 2928)"),
    ("2001:db8::/32", "documentation (RFC 3849)"),
    ("2002::/16", "6to4, deprecated (RFC 7526)"),
    ("3fff::/20", "documentation (RFC 9637)"),
    ("4000::/2", "not global unicast (RFC 4291)"),
    ("8000::/1", "not global unicast (RFC 4291)"),
];

/// Addresses that no interface with a neighbour has: routers refuse them, or mean something else by
/// them. The narrower range stands first.
const NOT_UNICAST: &[(&str, &str)] = &[
    ("0.0.0.0/8", "\"this network\" (RFC 1122 §3.2.1.3)"),
    ("127.0.0.0/8", "loopback (RFC 1122 §3.2.1.3)"),
    ("169.254.0.0/16", "link local (RFC 3927)"),
    ("224.0.0.0/4", "multicast (RFC 5771)"),
    ("240.0.0.0/4", "reserved (RFC 1112 §4)"),
    ("::/127", "unspecified and loopback (RFC 4291 §2.5.2, §2.5.3)"),
    ("::/96", "IPv4-compatible (RFC 4291 §2.5.5.1)"),
    ("::ffff:0:0/96", "IPv4-mapped (RFC 4291 §2.5.5.2)"),
    ("::/8", "reserved (RFC 4291 §2.4)"),
    ("fe80::/10", "link local (RFC 4291 §2.5.6)"),
    ("ff00::/8", "multicast (RFC 4291 §2.7)"),
];

fn parsed(table: &[(&str, &'static str)]) -> Vec<(Prefix, &'static str)> {
    table.iter().map(|(text, why)| (text.parse().expect("the table holds prefixes"), *why)).collect()
}

/// Every prefix that may not be peered for, with the reason, before a [`PublicSpace`]'s exceptions.
pub fn bogons() -> impl Iterator<Item = (Prefix, &'static str)> {
    // Parsed once: every route of every peer is held against them.
    static PARSED: LazyLock<Vec<(Prefix, &'static str)>> = LazyLock::new(|| parsed(BOGONS));
    PARSED.iter().copied()
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Prefix {
    type Err = PrefixError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let net = strict(s.trim()).ok_or_else(|| match s.trim().parse::<IpNet>() {
            Ok(_) => PrefixError::LeadingZero(s.to_owned()),
            Err(_) => PrefixError::Syntax(s.to_owned()),
        })?;
        let right = Prefix::containing(net);
        if right.0 == net { Ok(right) } else { Err(PrefixError::HostBits { given: s.to_owned(), right }) }
    }
}

/// Reads the strict form only: the standard library's addresses have no leading zeros, those of
/// `ipnet` do, and lengths have none here.
fn strict(text: &str) -> Option<IpNet> {
    let (address, length) = text.split_once('/')?;
    let plain = length.bytes().all(|b| b.is_ascii_digit()) && (length == "0" || !length.starts_with('0'));
    IpNet::new(address.parse().ok()?, length.parse().ok().filter(|_| plain)?).ok()
}

impl TryFrom<String> for Prefix {
    type Error = PrefixError;

    fn try_from(s: String) -> Result<Self, Self::Error> {
        s.parse()
    }
}

impl From<Prefix> for String {
    fn from(p: Prefix) -> Self {
        p.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn p(s: &str) -> Prefix {
        s.parse().unwrap()
    }

    #[test]
    fn host_bits_are_refused_and_the_right_prefix_is_named() {
        let error = "198.19.10.7/24".parse::<Prefix>().unwrap_err();
        assert!(error.to_string().contains("198.19.10.0/24"), "{error}");
    }

    #[test]
    fn texts_that_two_readers_take_for_two_networks_are_refused() {
        for text in ["198.019.010.000/24", "198.19.010.0/24", "198.051.100.004/30", "::ffff:192.000.2.0/127"]
        {
            assert!(text.parse::<Prefix>().is_err(), "{text}");
        }
        let error = "198.19.010.0/24".parse::<Prefix>().unwrap_err().to_string();
        assert!(error.contains("leading zeros") && error.contains("RFC 6943"), "{error}");
        for text in ["198.19.10.0/024", "198.19.10.0/+24", "198.19.10.0/", "198.19.10.0", "198.19.10.0/24/8"]
        {
            assert!(text.parse::<Prefix>().is_err(), "{text}");
        }
        assert_eq!(p("0.0.0.0/0").len(), 0);
        assert_eq!(p("2001:0db8::/32"), p("2001:db8::/32"));
    }

    #[test]
    fn private_and_documentation_space_has_its_reason() {
        let space = PublicSpace::default();
        assert_eq!(p("10.22.20.0/24").bogon_reason(&space), Some("private (RFC 1918)"));
        assert!(p("8.0.0.0/5").bogon_reason(&space).is_some(), "covers private space");
        assert_eq!(p("8.8.8.0/24").bogon_reason(&space), None);
        assert!(p("fd00::/48").bogon_reason(&space).is_some());
        assert_eq!(p("2a00::/32").bogon_reason(&space), None);
        let lab = PublicSpace { asns: vec![], prefixes: vec![p("198.18.0.0/15")] };
        assert_eq!(p("198.19.10.0/24").bogon_reason(&lab), None);
        assert!(p("198.0.0.0/8").bogon_reason(&lab).is_some(), "more than the exception");
    }

    proptest! {
        #[test]
        fn whatever_parses_prints_back_the_same(addr in any::<u32>(), len in 0u8..=32) {
            let net = ipnet::Ipv4Net::new(addr.into(), len).unwrap();
            let prefix = Prefix::containing(net.into());
            prop_assert_eq!(prefix.to_string().parse::<Prefix>().unwrap(), prefix);
            match net.to_string().parse::<Prefix>() {
                Ok(same) => prop_assert_eq!(same, prefix),
                Err(PrefixError::HostBits { right, .. }) => prop_assert_eq!(right, prefix),
                Err(e) => prop_assert!(false, "{}", e),
            }
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,40}") {
            let _ = text.parse::<Prefix>();
        }
    }
}
