//! AS paths as they stand in an UPDATE (RFC 4271 §4.3, RFC 5065 §3, RFC 6793).
//!
//! ASNs have two octets or four. What the BMP header says about it isn't true of every router (FRR
//! 8.4 sends two-octet paths without the A flag), so the octets themselves are asked: of the two
//! readings, usually only one has lengths that add up.

use meetme_model::asn::Asn;
use meetme_model::route::{AsPath, PathSegment};

/// RFC 6793 §9: stands in a two-octet path for an ASN that needs four.
const AS_TRANS: Asn = Asn(23456);

/// Octets of an ASN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    /// RFC 4271.
    Two,
    /// RFC 6793.
    Four,
}

impl Width {
    fn octets(self) -> usize {
        match self {
            Self::Two => 2,
            Self::Four => 4,
        }
    }

    fn other(self) -> Self {
        match self {
            Self::Two => Self::Four,
            Self::Four => Self::Two,
        }
    }
}

/// Reads an AS_PATH that claims to be of a width, and falls back on the other one. `peer` is the ASN
/// of the session, which decides where both readings are possible. `None` where neither is.
pub(super) fn read(value: &[u8], claimed: Width, peer: Asn) -> Option<AsPath> {
    let claimed_path = read_width(value, claimed);
    // A path of one segment can be read in one way only; that is nearly every path.
    let is_plain = claimed_path.as_ref().is_some_and(|path| path.0.len() <= 1);
    if is_plain && claimed_path.as_ref().is_some_and(|path| begins_at(path, peer)) {
        return claimed_path;
    }
    match (claimed_path, read_width(value, claimed.other())) {
        (Some(path), Some(other)) if !begins_at(&path, peer) && begins_at(&other, peer) => Some(other),
        (path, other) => path.or(other),
    }
}

/// True when the peer's ASN is where it belongs: in front, or after the router's own where the
/// router prepends that.
fn begins_at(path: &AsPath, peer: Asn) -> bool {
    let stands_for = |asn: Asn| asn == peer || (asn == AS_TRANS && peer.0 > u32::from(u16::MAX));
    path.asns().take(2).any(stands_for)
}

/// Reads a path of a known width: AS4_PATH always has four octets.
pub(super) fn read_width(mut rest: &[u8], width: Width) -> Option<AsPath> {
    let mut segments = Vec::with_capacity(1);
    while let Some(([kind, count], after)) = rest.split_first_chunk::<2>() {
        let (octets, next) = after.split_at_checked(usize::from(*count) * width.octets())?;
        let asns = asns(octets, width);
        match kind {
            // An empty segment is malformed (RFC 7606 §7.2) and says nothing.
            1..=4 if *count == 0 => {}
            2 => segments.push(PathSegment::Sequence(asns)),
            // AS_SET and both of a confederation, which must not leave it: none is ever used.
            1 | 3 | 4 => segments.push(PathSegment::Set(asns)),
            _ => return None,
        }
        rest = next;
    }
    rest.is_empty().then_some(AsPath(segments))
}

fn asns(octets: &[u8], width: Width) -> Vec<Asn> {
    match width {
        Width::Two => {
            octets.as_chunks::<2>().0.iter().map(|octets| Asn(u16::from_be_bytes(*octets).into())).collect()
        }
        Width::Four => {
            octets.as_chunks::<4>().0.iter().map(|octets| Asn(u32::from_be_bytes(*octets))).collect()
        }
    }
}

/// Reconstructs the path from AS_PATH and AS4_PATH (RFC 6793 §4.2.3): the leading ASNs that only
/// AS_PATH has, then AS4_PATH. An AS4_PATH longer than AS_PATH is ignored.
pub(super) fn merge_as4(two_octet: AsPath, four_octet: AsPath) -> AsPath {
    let Some(mut leading) = two_octet.length().checked_sub(four_octet.length()) else {
        return two_octet;
    };
    let mut merged = Vec::new();
    for segment in two_octet.0 {
        if leading == 0 {
            break;
        }
        match segment {
            PathSegment::Sequence(mut asns) => {
                asns.truncate(leading);
                leading -= asns.len();
                merged.push(PathSegment::Sequence(asns));
            }
            PathSegment::Set(asns) => {
                leading -= 1;
                merged.push(PathSegment::Set(asns));
            }
        }
    }
    for segment in four_octet.0 {
        match (merged.last_mut(), segment) {
            (Some(PathSegment::Sequence(before)), PathSegment::Sequence(asns)) => {
                before.extend(asns);
            }
            (_, segment) => merged.push(segment),
        }
    }
    AsPath(merged)
}

/// Takes one leading `own` off.
pub(super) fn strip_first(path: &mut AsPath, own: Asn) {
    if let Some(PathSegment::Sequence(asns)) = path.0.first_mut()
        && asns.first() == Some(&own)
    {
        asns.remove(0);
        if asns.is_empty() {
            path.0.remove(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: Asn = Asn(64510);

    #[test]
    fn the_width_is_told_by_the_lengths_whatever_the_header_claims() {
        let two = [2, 2, 0xfb, 0xfe, 0x5b, 0xa0];
        let four = [2, 1, 0, 0, 0xfb, 0xfe];
        for claimed in [Width::Two, Width::Four] {
            assert_eq!(read(&two, claimed, PEER), Some(AsPath::sequence([64510, 23456])));
            assert_eq!(read(&four, claimed, PEER), Some(AsPath::sequence([64510])));
        }
    }

    #[test]
    fn where_both_widths_add_up_the_peers_asn_decides() {
        // Four ASNs and a set of three in two octets; or four ASNs in four octets.
        let mut both = vec![2, 4, 0xfb, 0xf4, 0xfb, 0xfe, 0, 1, 0, 2];
        both.extend([1, 3, 0, 3, 0, 4, 0, 5]);
        assert!([Width::Two, Width::Four].iter().all(|w| read_width(&both, *w).is_some()));
        for claimed in [Width::Two, Width::Four] {
            let path = read(&both, claimed, PEER).unwrap();
            assert_eq!(path.to_string(), "64500 64510 1 2 {3,4,5}");
        }
        assert_eq!(read(&both, Width::Four, Asn(1)), read_width(&both, Width::Four), "the header, else");
    }

    #[test]
    fn segments_of_a_confederation_are_shown_as_what_is_never_used() {
        let value = [2, 1, 0, 0, 0xfb, 0xfe, 3, 1, 0, 0, 0xfd, 0xe8, 4, 1, 0, 0, 0xfd, 0xe9];
        let path = read(&value, Width::Four, PEER).unwrap();
        assert_eq!(path.to_string(), "64510 {65000} {65001}");
        assert!(path.has_set());
    }

    #[test]
    fn what_is_no_path_is_none() {
        for value in [&[2][..], &[2, 1, 0], &[2, 2, 0, 0, 0xfb, 0xfe, 0], &[9, 1, 0, 0, 0xfb, 0xfe]] {
            assert_eq!(read(value, Width::Four, PEER), None, "{value:?}");
        }
        assert_eq!(read(&[], Width::Four, PEER), Some(AsPath::default()));
        assert_eq!(read(&[2, 0], Width::Four, PEER), Some(AsPath::default()));
    }
}
