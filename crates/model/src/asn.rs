//! Autonomous system numbers, and which of them are public (`docs/rules.md` §1).
//!
//! [`PublicSpace`] carries what a deployment counts as public in addition to the registries; only
//! a laboratory lists documentation numbers there.

use crate::prefix::Prefix;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// An autonomous system number (RFC 6793), any value of 32 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Asn(pub u32);

impl fmt::Display for Asn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Asn {
    type Err = std::num::ParseIntError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        s.parse().map(Self)
    }
}

/// Ranges that no network may use as its public ASN, with the RFC that reserves each.
pub const RESERVED: &[(u32, u32, &str)] = &[
    (0, 0, "RFC 7607"),
    (23456, 23456, "RFC 6793"),
    (64496, 64511, "RFC 5398"),
    (64512, 65534, "RFC 6996"),
    (65535, 65535, "RFC 7300"),
    (65536, 65551, "RFC 5398"),
    (4_200_000_000, 4_294_967_294, "RFC 6996"),
    (4_294_967_295, 4_294_967_295, "RFC 7300"),
];

/// What counts as public besides what the registries say: empty in production.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicSpace {
    /// Inclusive ASN ranges, such as the documentation ASNs in a laboratory.
    #[serde(default)]
    pub asns: Vec<(u32, u32)>,
    /// Prefixes, with everything inside them.
    #[serde(default)]
    pub prefixes: Vec<Prefix>,
}

impl PublicSpace {
    /// The RFC that reserves `asn`, or `None` when it is public here.
    pub fn reserved_by(&self, asn: Asn) -> Option<&'static str> {
        if self.asns.iter().any(|&(lo, hi)| (lo..=hi).contains(&asn.0)) {
            return None;
        }
        RESERVED.iter().find(|&&(lo, hi, _)| (lo..=hi).contains(&asn.0)).map(|&(_, _, rfc)| rfc)
    }

    /// The reserved ranges that remain once this space's exceptions are taken out, in order:
    /// what an AS-path filter on a router has to refuse.
    pub fn reserved_ranges(&self) -> Vec<(u32, u32)> {
        let mut left: Vec<(u32, u32)> = RESERVED.iter().map(|&(lo, hi, _)| (lo, hi)).collect();
        for &(lo, hi) in &self.asns {
            left = left
                .into_iter()
                .flat_map(|(a, b)| {
                    let below = (a < lo).then(|| (a, b.min(lo.saturating_sub(1))));
                    let above = (b > hi).then(|| (a.max(hi.saturating_add(1)), b));
                    [below, above].into_iter().flatten().filter(|(x, y)| x <= y)
                })
                .collect();
        }
        left
    }
}

/// An ASN that is public in the space it was checked against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicAsn(Asn);

/// Why a number can't be a peer's ASN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("AS{asn} is reserved by {rfc}; use a public ASN assigned to your network by a registry")]
pub struct ReservedAsn {
    /// The number.
    pub asn: Asn,
    /// The RFC that reserves it.
    pub rfc: &'static str,
}

impl PublicAsn {
    /// Checks `asn` against the registries' reservations and `space` (`docs/rules.md` §1).
    pub fn new(asn: Asn, space: &PublicSpace) -> Result<Self, ReservedAsn> {
        match space.reserved_by(asn) {
            Some(rfc) => Err(ReservedAsn { asn, rfc }),
            None => Ok(Self(asn)),
        }
    }

    /// The plain number.
    pub fn asn(self) -> Asn {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_numbers_name_the_rfc() {
        let space = PublicSpace::default();
        for (asn, rfc) in [
            (0, "RFC 7607"),
            (23456, "RFC 6793"),
            (64496, "RFC 5398"),
            (64512, "RFC 6996"),
            (65534, "RFC 6996"),
            (65535, "RFC 7300"),
            (65551, "RFC 5398"),
            (4_200_000_000, "RFC 6996"),
            (u32::MAX, "RFC 7300"),
        ] {
            let error = PublicAsn::new(Asn(asn), &space).unwrap_err();
            assert_eq!(error.rfc, rfc, "AS{asn}");
        }
        for asn in [1, 8075, 64495, 65552, 4_199_999_999] {
            assert!(PublicAsn::new(Asn(asn), &space).is_ok(), "AS{asn}");
        }
    }

    #[test]
    fn a_laboratory_may_count_documentation_numbers_as_public() {
        let space = PublicSpace { asns: vec![(64496, 64511)], prefixes: vec![] };
        assert!(PublicAsn::new(Asn(64510), &space).is_ok());
        assert!(PublicAsn::new(Asn(64512), &space).is_err());
        assert!(!space.reserved_ranges().contains(&(64496, 64511)));
        assert!(space.reserved_ranges().contains(&(64512, 65534)));
    }

    #[test]
    fn an_exception_inside_a_range_leaves_both_ends_reserved() {
        let space = PublicSpace { asns: vec![(64600, 64700)], prefixes: vec![] };
        let ranges = space.reserved_ranges();
        assert!(ranges.contains(&(64512, 64599)) && ranges.contains(&(64701, 65534)));
    }
}
