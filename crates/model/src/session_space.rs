//! Which subnets a peer may give for its sessions (`docs/rules.md` §2). Asked when a peering is
//! sent, when the subnet is given to the connection, and of listed space when the inventory is read.
//!
//! What others have is told in one and the same way, whatever it is: nobody finds out by asking
//! whether it is a session or a registration that has an address.

use crate::asn::Asn;
use crate::inventory::Inventory;
use crate::prefix::Prefix;

/// Name of the rule in answers.
pub const CODE: &str = "SessionPrefixInvalid";

/// All that is told of a subnet that a session or another network's registration has addresses of.
pub const TAKEN: &str = "in use elsewhere";

/// A prefix that somebody registered, and who.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// The prefix.
    pub prefix: Prefix,
    /// Subscription of its peering.
    pub subscription: String,
    /// ASN of its peering.
    pub asn: Asn,
}

impl Registration {
    /// True when it keeps a subnet away from a network with this subscription and ASN; the ASN is
    /// the network's only once its claim is approved.
    pub fn keeps_away(&self, subnet: Prefix, subscription: &str, approved_asn: Option<Asn>) -> bool {
        self.prefix.overlaps(subnet)
            && !self.subscription.eq_ignore_ascii_case(subscription)
            && approved_asn != Some(self.asn)
    }
}

/// Why a subnet can't be a session's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionSpaceFault {
    /// Not a subnet of two ends.
    #[error("{0}: a session's subnet is an IPv4 /30 or /31, or an IPv6 /64 to /127")]
    Length(Prefix),
    /// Addresses that no interface may have.
    #[error("{prefix} can't be the subnet of a session: {reason}; give public unicast space of your own")]
    NotUnicast {
        /// What was given.
        prefix: Prefix,
        /// Why, with the RFC.
        reason: &'static str,
    },
    /// Neither public nor listed.
    #[error(
        "{prefix} isn't public unicast space: {reason}; give space of your own, or ask the host to list this range"
    )]
    NotPublic {
        /// What was given.
        prefix: Prefix,
        /// Why, with the RFC.
        reason: &'static str,
    },
    /// The host's.
    #[error("{0} has addresses of the host's own network; give space of your own")]
    OwnSpace(Prefix),
}

/// Every fault of a subnet that a peer gives; none: it may be a session's.
pub fn faults(prefix: Prefix, inventory: &Inventory) -> Vec<SessionSpaceFault> {
    let lengths = if prefix.is_ipv4() { 30..=31 } else { 64..=127u8 };
    let length = (!lengths.contains(&prefix.len())).then_some(SessionSpaceFault::Length(prefix));
    let listed = inventory.host.peer_session_space.iter().any(|space| space.contains(prefix));
    let space = match (prefix.not_unicast_reason(), prefix.bogon_reason(&inventory.host.public_space)) {
        (Some(reason), _) => Some(SessionSpaceFault::NotUnicast { prefix, reason }),
        (None, Some(reason)) if !listed => Some(SessionSpaceFault::NotPublic { prefix, reason }),
        (None, _) => None,
    };
    let own = inventory.touches_own_space(prefix).then_some(SessionSpaceFault::OwnSpace(prefix));
    [length, space, own].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn found(text: &str, inventory: &Inventory) -> String {
        let faults = faults(text.parse().unwrap(), inventory);
        faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn public_space_of_ones_own_is_taken() {
        let inventory = testing::inventory();
        for text in ["198.19.10.4/30", "9.9.9.8/31", "2a00:1::/64", "2a00:1::4/126", "2a00:1::4/127"] {
            assert_eq!(found(text, &inventory), "", "{text}");
        }
    }

    #[test]
    fn what_no_interface_can_have_is_refused_with_its_rfc_even_where_everything_counts_as_public() {
        let mut inventory = testing::inventory();
        let all = || ["0.0.0.0/1", "128.0.0.0/1", "::/1", "8000::/1"].map(|p| p.parse().unwrap()).to_vec();
        inventory.host.public_space.prefixes = all();
        inventory.host.peer_session_space = all();
        for (text, rfc) in [
            ("127.0.0.0/30", "RFC 1122"),
            ("0.0.0.0/30", "RFC 1122"),
            ("224.0.0.0/30", "RFC 5771"),
            ("240.0.0.0/31", "RFC 1112"),
            ("255.255.255.252/30", "RFC 1112"),
            ("169.254.169.252/30", "RFC 3927"),
            ("::/64", "RFC 4291"),
            ("::/127", "RFC 4291 §2.5.2"),
            ("fe80::/64", "RFC 4291 §2.5.6"),
            ("ff02::/64", "RFC 4291 §2.7"),
            ("::ffff:192.0.2.0/127", "RFC 4291 §2.5.5.2"),
            ("::c000:200/126", "RFC 4291 §2.5.5.1"),
        ] {
            assert!(found(text, &inventory).contains(rfc), "{text}: {}", found(text, &inventory));
        }
    }

    #[test]
    fn private_and_documentation_space_needs_to_be_listed() {
        let mut inventory = testing::inventory();
        for (text, rfc) in [
            ("10.0.0.0/30", "RFC 1918"),
            ("100.64.0.0/31", "RFC 6598"),
            ("203.0.113.0/30", "RFC 5737"),
            ("2001:db8::/64", "RFC 3849"),
            ("fd00::/64", "RFC 4291"),
        ] {
            assert!(found(text, &inventory).contains(rfc), "{text}");
        }
        inventory.host.peer_session_space = vec!["10.0.0.0/24".parse().unwrap()];
        assert_eq!(found("10.0.0.0/30", &inventory), "");
        assert!(found("10.0.1.0/30", &inventory).contains("RFC 1918"));
    }

    #[test]
    fn nothing_of_the_host_s_is_given_not_even_listed() {
        let mut inventory = testing::inventory();
        inventory.host.internal_space = vec!["198.18.240.0/24".parse().unwrap()];
        inventory.host.peer_session_space =
            vec!["198.18.0.0/15".parse().unwrap(), "192.0.2.0/24".parse().unwrap()];
        for text in [
            "198.18.1.0/30",
            "198.18.192.0/31",
            "198.18.255.0/30",
            "198.18.255.10/31",
            "198.18.250.0/31",
            "198.18.240.4/30",
            "192.0.2.0/30",
            "192.0.2.10/31",
        ] {
            assert!(found(text, &inventory).contains("host's own network"), "{text}");
        }
    }

    #[test]
    fn a_registration_keeps_other_networks_away_and_not_its_own() {
        let registration = Registration {
            prefix: "198.19.20.0/24".parse().unwrap(),
            subscription: "sub-a".into(),
            asn: Asn(64510),
        };
        let away = |subnet: &str, subscription: &str, asn| {
            registration.keeps_away(subnet.parse().unwrap(), subscription, asn)
        };
        assert!(away("198.19.20.4/30", "sub-b", None));
        assert!(away("198.19.20.4/30", "sub-b", Some(Asn(64511))));
        assert!(!away("198.19.21.4/30", "sub-b", None), "beside it");
        assert!(!away("198.19.20.4/30", "SUB-A", None));
        assert!(!away("198.19.20.4/30", "sub-b", Some(Asn(64510))), "the same network, proved");
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let inventory = testing::inventory();
        assert_eq!(faults("198.18.0.0/16".parse().unwrap(), &inventory).len(), 2);
        assert_eq!(faults("0.0.0.0/0".parse().unwrap(), &inventory).len(), 3);
    }
}
