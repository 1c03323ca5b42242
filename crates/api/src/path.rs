//! Paths as ARM takes them: their fixed words in any case, names as written.
//!
//! [`canonical`] rewrites the fixed words to the case that the router knows, before routing;
//! [`check_name`] refuses names that could mean something else than a name. Nothing is looked up.

use crate::error::{ApiError, echoed};

/// The fixed words of all paths, as they are routed. They stand at every second place of a path.
const WORDS: &[&str] = &[
    "subscriptions",
    "tenants",
    "resourceGroups",
    "resources",
    "locations",
    "register",
    "unregister",
    "providers",
    "operations",
    "peerAsns",
    "peerings",
    "registeredPrefixes",
    "registeredAsns",
    "validate",
    "receivedRoutes",
    "rpUnbilledPrefixes",
    "cdnPeeringPrefixes",
    "legacyPeerings",
    "peeringServices",
    "prefixes",
    "peeringLocations",
    "peeringServiceLocations",
    "peeringServiceCountries",
    "peeringServiceProviders",
    "checkServiceProviderAvailability",
    "connectionMonitorTests",
    "initializeConnectionMonitor",
    "lookingGlass",
    "metrics",
    "metricDefinitions",
    "metricNamespaces",
    "queue",
    "approve",
    "refuse",
    "connections",
    "checks",
    "status",
    "routers",
    "diff",
    "mails",
    "audit",
    "inventory",
    "attention",
    "counts",
    "search",
    "compliance",
    "attestations",
    "routerConfiguration",
    "offerings",
    "ports",
    "pools",
    "health",
    "activatedPrefixes",
    "preview",
    "healthz",
    "readyz",
];

/// The provider's namespace, which stands where a name would.
pub(crate) const NAMESPACE: &str = "Microsoft.Peering";

/// Namespaces, which stand where a name would: the provider's, and that of its metrics.
const NAMESPACES: [&str; 2] = [NAMESPACE, "microsoft.insights"];

/// The path with its fixed words in canonical case and without empty segments: ARM takes `//` as `/`,
/// and its clients send it where a part of their template is empty.
pub(crate) fn canonical(path: &str) -> String {
    let mut segments: Vec<String> = path.split('/').filter(|s| !s.is_empty()).map(str::to_owned).collect();
    let extension = segments.len() >= 2
        && segments[0].eq_ignore_ascii_case("api")
        && segments[1].eq_ignore_ascii_case("v1");
    let skip = if extension { 2 } else { 0 };
    segments[..skip].iter_mut().for_each(|s| s.make_ascii_lowercase());
    for i in skip..segments.len() {
        let after_providers = i > skip && segments[i - 1] == "providers";
        if (i - skip) % 2 == 0 {
            if let Some(word) = WORDS.iter().find(|w| w.eq_ignore_ascii_case(&segments[i])) {
                segments[i] = (*word).to_owned();
            }
        } else if after_providers
            && let Some(namespace) = NAMESPACES.iter().find(|n| n.eq_ignore_ascii_case(&segments[i]))
        {
            segments[i] = (*namespace).to_owned();
        }
    }
    format!("/{}", segments.join("/"))
}

/// Checks a decoded name from a path. Resource groups may be longer and have parentheses, as in
/// ARM; all others are resource names (`docs/rules.md` §2).
pub(crate) fn check_name(param: &str, name: &str) -> Result<(), ApiError> {
    let fine = match param {
        "resource_group" => {
            (1..=90).contains(&name.len())
                && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-()".contains(c))
                && !name.ends_with('.')
        }
        _ => meetme_model::peering::is_resource_name(name),
    };
    if fine {
        return Ok(());
    }
    Err(ApiError::bad_request(
        "InvalidResourceName",
        param,
        format!("'{}' can't be a name here; use 1 to 63 of A-Z a-z 0-9 _ . -", echoed(name)),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_take_any_case_and_names_keep_theirs() {
        assert_eq!(
            canonical(
                "/SUBSCRIPTIONS/Sub/resourcegroups/Peerings/PROVIDERS/microsoft.peering/PEERINGS/peerAsns/"
            ),
            "/subscriptions/Sub/resourceGroups/Peerings/providers/Microsoft.Peering/peerings/peerAsns"
        );
        assert_eq!(
            canonical(
                "/subscriptions/s/providers/Microsoft.Peering/peerings/Metrics/Providers/microsoft.insights/METRICS"
            ),
            "/subscriptions/s/providers/Microsoft.Peering/peerings/Metrics/providers/microsoft.insights/metrics"
        );
        assert_eq!(canonical("/API/V1/Routers/ER1/Diff"), "/api/v1/routers/ER1/diff");
        assert_eq!(canonical("/"), "/");
    }

    #[test]
    fn empty_segments_are_as_none() {
        assert_eq!(
            canonical("//subscriptions/s/providers/microsoft.peering//Peerings///p/"),
            "/subscriptions/s/providers/Microsoft.Peering/peerings/p"
        );
        assert_eq!(canonical("///"), "/");
    }

    #[test]
    fn names_that_mean_something_else_are_refused() {
        for name in ["..", ".", "", "a/b", "a\\b", "a\nb", "a b", "ä", &"x".repeat(64)] {
            assert!(check_name("peering", name).is_err(), "{name:?}");
        }
        assert!(check_name("resource_group", "rg(test)").is_ok());
        assert!(check_name("resource_group", "..").is_err());
        assert!(check_name("peering", "contoso-ams.1_x").is_ok());
    }
}
