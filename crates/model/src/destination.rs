//! What routers may be asked to send packets to, or to look up (`docs/rules.md` §8): public
//! addresses, never the host's inside. Pure; names aren't resolved anywhere.

use crate::inventory::{Inventory, PeeringKind};
use crate::own_space::{Own, single};
use crate::prefix::Prefix;
use std::net::IpAddr;

/// Why a destination is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DestinationError {
    /// Not an address, perhaps a name.
    #[error("'{0}' isn't an IP address; names aren't resolved on routers, send the address itself")]
    NoAddress(String),
    /// Neither address nor prefix.
    #[error("'{0}' isn't an IP address or prefix; write 198.51.100.7 or 198.51.100.0/24")]
    NoAddressOrPrefix(String),
    /// A prefix with host bits.
    #[error(transparent)]
    HostBits(crate::prefix::PrefixError),
    /// The default route.
    #[error("a default route can't be looked up; ask for an address or a prefix")]
    Default,
    /// Not public.
    #[error("{prefix} isn't public unicast space: {reason}; use a public destination")]
    NotPublic {
        /// What was asked for.
        prefix: Prefix,
        /// Why, with the RFC.
        reason: &'static str,
    },
    /// Inside the host's network.
    #[error("{0} belongs to the inside of this network, which nobody looks at from here")]
    Internal(Prefix),
    /// The host's own services.
    #[error("{0} is inside the address space of this network; choose a destination of your own")]
    OwnSpace(Prefix),
}

impl DestinationError {
    /// Stable name of the rule.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoAddress(_) | Self::NoAddressOrPrefix(_) | Self::HostBits(_) | Self::Default => {
                "DestinationInvalid"
            }
            Self::NotPublic { .. } => "DestinationNotPublic",
            Self::Internal(_) | Self::OwnSpace(_) => "DestinationInHostSpace",
        }
    }
}

/// An address that probes may be sent to: public, and nothing of the host's.
///
/// # Errors
/// The rule that it breaks.
pub fn probe_destination(text: &str, inventory: &Inventory) -> Result<IpAddr, DestinationError> {
    let address = address(text)?;
    check_probed(address, inventory)?;
    Ok(address)
}

/// Holds an address against the rules of [`probe_destination`]: the inventory may have changed.
///
/// # Errors
/// The rule that it breaks.
pub fn check_probed(address: IpAddr, inventory: &Inventory) -> Result<(), DestinationError> {
    let prefix = single(address);
    if is_internal(prefix, inventory) {
        return Err(DestinationError::Internal(prefix));
    }
    if is_announced(prefix, inventory) {
        return Err(DestinationError::OwnSpace(prefix));
    }
    check_public(prefix, inventory)
}

/// An address that may be looked at: public, or of the host's own services.
///
/// # Errors
/// The rule that it breaks.
pub fn look_address(text: &str, inventory: &Inventory) -> Result<IpAddr, DestinationError> {
    let address = address(text)?;
    check_look(single(address), inventory)?;
    Ok(address)
}

/// An address (as its own prefix) or prefix whose routes may be looked at: public, or of the
/// host's own services.
///
/// # Errors
/// The rule that it breaks.
pub fn look_prefix(text: &str, inventory: &Inventory) -> Result<Prefix, DestinationError> {
    let text = text.trim();
    let prefix = match text.parse::<IpAddr>() {
        Ok(address) => single(address),
        Err(_) => match text.parse::<Prefix>() {
            Ok(prefix) => prefix,
            Err(e @ crate::prefix::PrefixError::HostBits { .. }) => {
                return Err(DestinationError::HostBits(e));
            }
            Err(_) => return Err(DestinationError::NoAddressOrPrefix(shown(text))),
        },
    };
    check_look(prefix, inventory)?;
    Ok(prefix)
}

fn check_look(prefix: Prefix, inventory: &Inventory) -> Result<(), DestinationError> {
    if prefix.is_default() {
        return Err(DestinationError::Default);
    }
    if is_internal(prefix, inventory) {
        return Err(DestinationError::Internal(prefix));
    }
    if is_announced(prefix, inventory) { Ok(()) } else { check_public(prefix, inventory) }
}

fn check_public(prefix: Prefix, inventory: &Inventory) -> Result<(), DestinationError> {
    match prefix.bogon_reason(&inventory.host.public_space) {
        Some(reason) => Err(DestinationError::NotPublic { prefix, reason }),
        None => Ok(()),
    }
}

fn address(text: &str) -> Result<IpAddr, DestinationError> {
    text.trim().parse().map_err(|_| DestinationError::NoAddress(shown(text)))
}

/// Enough of a text to recognise it by.
fn shown(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_default).collect()
}

fn is_announced(prefix: Prefix, inventory: &Inventory) -> bool {
    inventory.own_space().any(|(own, what)| what == Own::Announced && own.contains(prefix))
}

/// True for what lies within the host's network: all of its space that isn't announced, and the
/// links of sessions that are older than the product.
fn is_internal(prefix: Prefix, inventory: &Inventory) -> bool {
    let inside = inventory.own_space().filter(|(_, what)| *what != Own::Announced).map(|(own, _)| own);
    let before = inventory.legacy_sessions.iter().filter(|s| s.kind == PeeringKind::Direct);
    inside.chain(before.flat_map(|s| s.subnets())).any(|own| own.contains(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn codes<T>(
        ask: impl Fn(&str, &Inventory) -> Result<T, DestinationError>,
        texts: &[&str],
    ) -> Vec<String> {
        let inventory = testing::inventory();
        let code = |t: &&str| ask(t, &inventory).err().map_or("", |e| e.code()).to_owned();
        texts.iter().map(code).collect()
    }

    const INSIDE: &[&str] =
        &["198.18.192.1", "198.18.255.11", "198.18.255.1", "198.18.250.0", "198.18.250.1", "192.0.2.11"];

    #[test]
    fn probes_go_to_public_addresses_outside_of_the_host_s_network() {
        assert_eq!(codes(probe_destination, &["198.19.10.7", "9.9.9.9", "2a00::1"]), ["", "", ""]);
        assert_eq!(codes(probe_destination, &["198.18.1.1"]), ["DestinationInHostSpace"]);
        assert_eq!(codes(probe_destination, INSIDE), ["DestinationInHostSpace"; 6]);
        let private = ["10.0.0.1", "127.0.0.1", "169.254.169.254", "224.0.0.1", "::ffff:10.0.0.1", "fe80::1"];
        assert_eq!(codes(probe_destination, &private), ["DestinationNotPublic"; 6]);
    }

    #[test]
    fn a_name_is_no_destination() {
        let inventory = testing::inventory();
        for text in ["www.tel.example", "", "198.19.10.7; reboot", "-c 5", "198.19.10.0/24", "198.19.10"] {
            let error = probe_destination(text, &inventory).unwrap_err();
            assert_eq!(error.code(), "DestinationInvalid", "{text}");
            assert!(error.to_string().contains("names aren't resolved"), "{error}");
        }
    }

    #[test]
    fn the_host_s_services_may_be_looked_at_and_its_inside_not() {
        assert_eq!(codes(look_address, &["198.18.1.1", "9.9.9.9"]), ["", ""]);
        assert_eq!(codes(look_address, INSIDE), ["DestinationInHostSpace"; 6]);
        assert_eq!(codes(look_address, &["10.1.1.1"]), ["DestinationNotPublic"]);
    }

    #[test]
    fn routes_are_looked_up_by_address_or_prefix() {
        let inventory = testing::inventory();
        assert_eq!(look_prefix("198.19.10.0/24", &inventory).unwrap().to_string(), "198.19.10.0/24");
        assert_eq!(look_prefix("198.19.10.7", &inventory).unwrap().to_string(), "198.19.10.7/32");
        assert_eq!(look_prefix("198.18.0.0/17", &inventory).unwrap().len(), 17);
        let wrong = ["0.0.0.0/0", "::/0", "198.19.10.7/24", "x/24", "all"];
        assert_eq!(codes(look_prefix, &wrong), ["DestinationInvalid"; 5]);
        assert_eq!(
            codes(look_prefix, &["198.18.192.0/26", "10.0.0.0/8"]),
            ["DestinationInHostSpace", "DestinationNotPublic"]
        );
    }
}
