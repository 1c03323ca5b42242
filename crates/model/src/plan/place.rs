//! Who has a place: an ASN, a location and an offering (`docs/rules.md` §2).
//!
//! Several subscriptions may have asked for one place, since asking proves nothing. Only those whose
//! claim to the ASN is approved count, and of these one has it.

use crate::connection::{Connection, Stage};
use crate::peering::Peering;

/// Another peering of the same place, whose claim to the ASN is approved.
#[derive(Clone, Debug, PartialEq)]
pub struct Rival {
    /// The peering.
    pub peering: Peering,
    /// Whether a connection of it was approved: [`has_begun`].
    pub begun: bool,
}

/// True when a connection is past its approval.
pub fn has_begun(connections: &[Connection]) -> bool {
    connections.iter().any(|c| c.state.stage() != Some(Stage::PendingApproval))
}

/// The rival that has the place of `peering`: one that has begun before one that hasn't, else the
/// one that was asked for first. `None`: the place is its own.
pub fn taken_by<'a>(
    peering: &Peering,
    connections: &[Connection],
    rivals: &'a [Rival],
) -> Option<&'a Peering> {
    let own = (!has_begun(connections), peering.id);
    let rank = |r: &Rival| (!r.begun, r.peering.id);
    rivals.iter().filter(|r| rank(r) < own).min_by_key(|r| rank(r)).map(|r| &r.peering)
}

/// That the place is taken, in words that the peer of `peering` may read.
pub fn taken_message(peering: &Peering, other: &Peering) -> String {
    let asn = peering.spec.asn;
    if other.subscription.eq_ignore_ascii_case(&peering.subscription) {
        return format!(
            "AS{asn} has a peering of this offering at this location already: {} in resource group {}; add connections to it",
            other.name, other.resource_group
        );
    }
    format!(
        "AS{asn} has a peering of this offering at this location already, in another subscription that proved the ASN; agree with its holder, or tell the operators"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::ConnectionState;
    use crate::plan::peering::tests::{connection, peering};

    fn numbered(id: i64) -> Peering {
        Peering { id, subscription: format!("sub-{id}"), ..peering() }
    }

    fn rival(id: i64, begun: bool) -> Rival {
        Rival { peering: numbered(id), begun }
    }

    #[test]
    fn who_has_begun_comes_before_who_asked_first() {
        let (waiting, mut active) = ([connection(1)], connection(1));
        active.state = ConnectionState::Active;
        let active = [active];
        let holder = |connections: &[Connection], rivals: &[Rival]| {
            taken_by(&numbered(5), connections, rivals).map(|p| p.id)
        };
        assert_eq!(holder(&waiting, &[]), None);
        assert_eq!(holder(&waiting, &[rival(4, false), rival(3, false)]), Some(3));
        assert_eq!(holder(&waiting, &[rival(6, false)]), None, "asked for later");
        assert_eq!(holder(&waiting, &[rival(3, false), rival(6, true)]), Some(6));
        assert_eq!(holder(&active, &[rival(3, false)]), None, "what has begun stays");
    }

    #[test]
    fn a_refused_connection_has_begun_nothing() {
        let mut refused = connection(1);
        refused.state = ConnectionState::ProvisioningFailed(Stage::PendingApproval);
        assert!(!has_begun(&[refused.clone()]));
        refused.state = ConnectionState::ProvisioningFailed(Stage::Approved);
        assert!(has_begun(&[connection(2), refused]));
    }

    #[test]
    fn the_peer_is_told_the_name_of_its_own_peerings_only() {
        let (own, other) = (numbered(1), numbered(2));
        assert!(!taken_message(&own, &other).contains("contoso-ams"));
        assert!(taken_message(&own, &Peering { id: 3, ..own.clone() }).contains("contoso-ams"));
    }
}
