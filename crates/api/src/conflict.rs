//! 409: what a write would collide with, told as far as the caller may know it.
//!
//! Resources of other subscriptions are counted, never named (`docs/rules.md` §5).

use crate::error::ApiError;
use meetme_model::Violation;
use meetme_store::{Conflict, ResourceRef};

const CONNECTIONS: &str = "properties.direct.connections";
const PREFIX: &str = "properties.prefix";

/// The answer to `conflict`, for somebody who may see the resources that `visible` says.
pub(crate) fn answer(conflict: &Conflict, visible: impl Fn(&ResourceRef) -> bool) -> ApiError {
    let told = conflict.to_string();
    let error = |code: &str, message: String| ApiError::conflict(code, message);
    match conflict {
        Conflict::PeerAsnNameTaken { .. } => error("PeerAsnNameTaken", told).target("name"),
        Conflict::PersonKnown { .. } => error("PersonKnown", told).target("email"),
        Conflict::PeeringNameTaken { .. } => error("PeeringNameTaken", told).target("name"),
        Conflict::RegisteredPrefixNameTaken { .. } => error("RegisteredPrefixNameTaken", told).target("name"),
        Conflict::RegisteredAsnNameTaken { .. } => error("RegisteredAsnNameTaken", told).target("name"),
        Conflict::AsnRegistered { .. } => error("AsnAlreadyRegistered", told).target("properties.asn"),
        Conflict::PeeringServiceNameTaken { .. } => error("PeeringServiceNameTaken", told).target("name"),
        Conflict::ServicePrefixNameTaken { .. } => error("ServicePrefixNameTaken", told).target("name"),
        Conflict::ConnectionIdentifierTaken { .. } => {
            error("ConnectionIdentifierTaken", told).target(CONNECTIONS)
        }
        Conflict::PeerAsnInUse { peerings } => in_use(
            "PeerAsnInUse",
            "the peer ASN is in use by peerings; delete them first",
            "peering",
            peerings,
            visible,
        ),
        Conflict::PeeringInUse { services } => in_use(
            "PeeringInUse",
            "registered prefixes of this peering are in use by peering services; delete those prefixes first",
            "peering service prefix",
            services,
            visible,
        ),
        Conflict::RegisteredPrefixInUse { services } => in_use(
            "RegisteredPrefixInUse",
            "the registered prefix is in use by peering services; delete those prefixes first",
            "peering service prefix",
            services,
            visible,
        ),
        Conflict::PeeringExists { peering } => {
            let message = if visible(peering) {
                told
            } else {
                "this ASN has a peering of this offering at this location already; one is enough, more capacity is more connections".into()
            };
            error("PeeringExists", message).target("properties.peeringLocation")
        }
        Conflict::PrefixRegistered { prefix, peering, .. } => {
            let message = if visible(peering) {
                told
            } else {
                format!(
                    "prefix {prefix} is registered on another peering already; if it is yours, tell the operators"
                )
            };
            error("PrefixAlreadyRegistered", message).target(PREFIX)
        }
        Conflict::PrefixActivated { prefix, service } => {
            let message = if visible(service) {
                told
            } else {
                format!("prefix {prefix} is activated already by another peering service")
            };
            error("PrefixAlreadyActivated", message).target(PREFIX)
        }
        // Given out by reconcilers, not by requests; nothing of it is for callers.
        Conflict::PortTaken { .. }
        | Conflict::SubnetTaken { .. }
        | Conflict::SubnetResting { .. }
        | Conflict::Constraint { .. } => {
            error("Conflict", "another change got there first; read the resource again and repeat".into())
        }
    }
}

fn in_use(
    code: &str,
    message: &str,
    what: &str,
    by: &[ResourceRef],
    visible: impl Fn(&ResourceRef) -> bool,
) -> ApiError {
    let mut error = ApiError::conflict(code, message);
    for r in by.iter().filter(|r| visible(r)) {
        error.details.push(Violation {
            code: code.to_owned(),
            target: r.name.clone(),
            message: format!("in use by {what} {r}"),
        });
    }
    let hidden = by.iter().filter(|r| !visible(r)).count();
    if hidden > 0 {
        error.details.push(Violation {
            code: code.to_owned(),
            target: "subscription".into(),
            message: format!("in use by {hidden} {what}(es) of other subscriptions"),
        });
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(subscription: &str, name: &str) -> ResourceRef {
        ResourceRef { subscription: subscription.into(), resource_group: "rg".into(), name: name.into() }
    }

    #[test]
    fn resources_of_others_are_counted_and_not_named() {
        let conflict = Conflict::PeeringInUse {
            services: vec![reference("own", "s/mine"), reference("other", "s/theirs")],
        };
        let error = answer(&conflict, |r| r.subscription == "own");
        let text: Vec<&str> = error.details.iter().map(|d| d.message.as_str()).collect();
        assert_eq!(text.len(), 2);
        assert!(text[0].contains("s/mine"));
        assert!(!text.iter().any(|t| t.contains("theirs")));
    }

    #[test]
    fn whose_registration_it_is_stays_hidden() {
        let conflict = Conflict::PrefixRegistered {
            prefix: "198.19.10.0/24".parse().unwrap(),
            name: "secret-name".into(),
            peering: reference("other", "secret-peering"),
        };
        let hidden = answer(&conflict, |_| false);
        assert!(!hidden.message.contains("secret"), "{}", hidden.message);
        let own = answer(&conflict, |_| true);
        assert!(own.message.contains("secret-peering"), "{}", own.message);
    }
}
