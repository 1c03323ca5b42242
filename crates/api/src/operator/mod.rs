//! The operator and extension API under `/api/v1`: what ARM has no words for. Same conventions for
//! paging and errors. One file per subject.

mod attention;
mod attestations;
mod audit;
mod checks;
mod compliance;
mod connections;
mod decide;
mod everything;
mod health;
mod inventory;
mod locations;
mod mails;
mod offerings;
mod paths;
mod pools;
mod ports;
mod preview;
mod queue;
mod request;
mod router_configuration;
mod routers;
mod search;
mod waiting;

use crate::auth::Access;
use crate::routes::Routes;
use axum::http::Method;

/// Adds the routes.
pub(crate) fn routes(routes: Routes) -> Routes {
    let (get, post) = (|| Method::GET, || Method::POST);
    routes
        .add(get(), "/api/v1/queue", Access::Host, queue::list)
        .add(get(), ASN_CHECKS, Access::Host, waiting::of_asn)
        .add(get(), "/api/v1/connections/{connection}", Access::Host, request::get)
        .add(get(), "/api/v1/connections/{connection}/preview", Access::Host, request::preview)
        .add(post(), APPROVE_ASN, Access::Decision, decide::approve_asn)
        .add(post(), REFUSE_ASN, Access::Decision, decide::refuse_asn)
        .add(
            post(),
            "/api/v1/connections/{connection}/approve",
            Access::HostDecision,
            decide::approve_connection,
        )
        .add(
            post(),
            "/api/v1/connections/{connection}/refuse",
            Access::HostDecision,
            decide::refuse_connection,
        )
        .add(post(), APPROVE_PEERING, Access::Decision, decide::approve_peering)
        .add(get(), CONNECTIONS, Access::Subscription, connections::list)
        .add(get(), COMPLIANCE, Access::Subscription, compliance::get)
        .add(Method::PUT, ATTESTATION, Access::Subscription, attestations::put)
        .add(Method::DELETE, ATTESTATION, Access::Subscription, attestations::delete)
        .add(get(), ROUTER_CONFIGURATION, Access::Subscription, router_configuration::list)
        .add(get(), PEERING_AUDIT, Access::Subscription, audit::of_peering)
        .add(post(), VALIDATE, Access::Subscription, crate::arm::peerings::validate_only)
        .add(get(), OFFERINGS, Access::Subscription, offerings::list)
        .add(get(), CHECKS, Access::Subscription, checks::registered)
        .add(get(), STATUS, Access::Subscription, checks::activated)
        .add(get(), PATHS, Access::Subscription, paths::list)
        .add(get(), LOCATIONS, Access::Subscription, locations::of_subscription)
        .add(get(), "/api/v1/locations", Access::Host, locations::all)
        .add(get(), "/api/v1/routers", Access::Host, routers::list)
        .add(get(), "/api/v1/routers/{router}", Access::Host, routers::get)
        .add(get(), "/api/v1/routers/{router}/diff", Access::Host, routers::diff)
        .add(get(), "/api/v1/ports", Access::Host, ports::list)
        .add(get(), "/api/v1/pools", Access::Host, pools::list)
        .add(get(), "/api/v1/peerings", Access::Host, everything::all_peerings)
        .add(get(), PEERINGS, Access::Subscription, everything::subscription_peerings)
        .add(get(), "/api/v1/registeredPrefixes", Access::Host, everything::all_registered)
        .add(get(), "/api/v1/activatedPrefixes", Access::Host, everything::all_activated)
        .add(get(), "/api/v1/health", Access::Host, health::get)
        .add(get(), "/api/v1/mails", Access::Host, mails::list)
        .add(get(), SUBSCRIPTION_MAILS, Access::Subscription, mails::of_subscription)
        .add(get(), ATTENTION, Access::Subscription, attention::list)
        .add(get(), "/api/v1/counts", Access::Host, attention::all_counts)
        .add(get(), COUNTS, Access::Subscription, attention::subscription_counts)
        .add(get(), "/api/v1/search", Access::Host, search::all)
        .add(get(), SEARCH, Access::Subscription, search::of_subscription)
        .add(post(), VALIDATE_SERVICE, Access::Subscription, crate::arm::peering_services::validate)
        .add(get(), "/api/v1/audit", Access::Host, audit::list)
        .add(get(), "/api/v1/inventory", Access::Host, inventory::get)
}

const ASN_CHECKS: &str = "/api/v1/subscriptions/{subscription}/peerAsns/{peer_asn}/checks";
const APPROVE_ASN: &str = "/api/v1/subscriptions/{subscription}/peerAsns/{peer_asn}/approve";
const REFUSE_ASN: &str = "/api/v1/subscriptions/{subscription}/peerAsns/{peer_asn}/refuse";
const APPROVE_PEERING: &str =
    "/api/v1/subscriptions/{subscription}/resourceGroups/{resource_group}/peerings/{peering}/approve";
const CONNECTIONS: &str =
    "/api/v1/subscriptions/{subscription}/resourceGroups/{resource_group}/peerings/{peering}/connections";
const COMPLIANCE: &str =
    "/api/v1/subscriptions/{subscription}/resourceGroups/{resource_group}/peerings/{peering}/compliance";
const ATTESTATION: &str = "/api/v1/subscriptions/{subscription}/resourceGroups/{resource_group}/peerings/{peering}/attestations/{requirement}";
const ROUTER_CONFIGURATION: &str = "/api/v1/subscriptions/{subscription}/resourceGroups/{resource_group}/peerings/{peering}/routerConfiguration";
const PEERING_AUDIT: &str =
    "/api/v1/subscriptions/{subscription}/resourceGroups/{resource_group}/peerings/{peering}/audit";
const VALIDATE: &str =
    "/api/v1/subscriptions/{subscription}/resourceGroups/{resource_group}/peerings/{peering}/validate";
const VALIDATE_SERVICE: &str = "/api/v1/subscriptions/{subscription}/resourceGroups/{resource_group}/peeringServices/{peering_service}/validate";
const PEERINGS: &str = "/api/v1/subscriptions/{subscription}/peerings";
const ATTENTION: &str = "/api/v1/subscriptions/{subscription}/attention";
const COUNTS: &str = "/api/v1/subscriptions/{subscription}/counts";
const SEARCH: &str = "/api/v1/subscriptions/{subscription}/search";
const SUBSCRIPTION_MAILS: &str = "/api/v1/subscriptions/{subscription}/mails";
const OFFERINGS: &str = "/api/v1/subscriptions/{subscription}/offerings";
const CHECKS: &str = "/api/v1/subscriptions/{subscription}/resourceGroups/{resource_group}/peerings/{peering}/registeredPrefixes/{registered_prefix}/checks";
const STATUS: &str = "/api/v1/subscriptions/{subscription}/resourceGroups/{resource_group}/peeringServices/{peering_service}/prefixes/{prefix}/status";
const PATHS: &str = "/api/v1/subscriptions/{subscription}/resourceGroups/{resource_group}/peeringServices/{peering_service}/prefixes/{prefix}/paths";
const LOCATIONS: &str = "/api/v1/subscriptions/{subscription}/locations";
