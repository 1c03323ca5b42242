//! What should be and what is, kept in SQL: SQLite by default, PostgreSQL past one machine.
//!
//! One file per noun with functions `noun_verb`. Writes take a [`Tx`], reads take anything that is
//! [`Db`]: a [`Reader`] or a [`Tx`]. What an API write changes, its audit entry and the work that
//! it causes commit together or not at all. Every difference between the engines is in
//! `engine.rs`. Nothing here decides anything, reads a clock or talks to a router.
//!
//! Names, resource groups and subscriptions compare without ASCII case, as ARM's do.

#[macro_use]
mod statement;

mod attention;
mod attestations;
mod audit;
mod connections;
mod db;
mod engine;
mod error;
mod everything;
mod folded;
mod inventory;
mod listing;
mod mails;
mod memory;
mod metrics;
mod migrate;
mod monitor_tests;
mod observed;
mod peer_asns;
mod peering_lists;
mod peering_services;
mod peerings;
mod people;
mod places;
mod ports;
mod prefix_lists;
mod prefix_paths;
mod probes;
mod providing;
mod registered_asns;
mod registered_prefixes;
mod resource_groups;
mod router_intents;
mod search;
mod secret_token;
mod service_prefixes;
mod sessions;
mod subnets;
mod tokens;
mod work;

#[cfg(test)]
mod tests;

pub use attention::{Counts, Unsettled, counts, unsettled};
pub use attestations::{attestation_delete, attestation_put, attestations_of};
pub use audit::{AuditEntry, audit_add, audit_list, audit_of_resource};
pub use connections::{
    SeenConnection, ShownChunk, connection_by_id, connection_delete, connection_insert, connection_update,
    connections_by_state, connections_of, connections_on_router, connections_pending, md5_key_delete,
    md5_key_get, md5_key_named, md5_key_put, peering_shown, peerings_shown,
};
pub use db::{Db, IdPage, Page, Reader, Scope, Store, Tx};
pub use error::{Conflict, ResourceRef, Result, StoreError};
pub use everything::work_enqueue_everything;
pub use inventory::{inventory_get, inventory_put, inventory_version};
pub use listing::{Listed, Listing};
pub use mails::{
    Mail, NewMail, mail_enqueue, mail_get, mail_mark_failed, mail_mark_sent, mails_list, mails_of_resource,
    mails_unsent,
};
pub use meetme_seal::SealKey;
pub use metrics::{
    MetricPoint, NewestPoint, PointsAsked, metric_minute_put, metric_points, metric_series_of,
    metrics_newest, metrics_prune,
};
pub use monitor_tests::{
    connection_monitor_get, connection_monitor_put, monitor_test_by_id, monitor_test_delete,
    monitor_test_get, monitor_test_insert, monitor_test_update, monitor_tests_at_site, monitor_tests_count,
    monitor_tests_list,
};
pub use observed::{
    APPLY_RESULTS_KEPT, apply_result_put, apply_results_list, connection_observed, router_state_get,
    router_state_list, router_state_put, router_states_latest, routes_received, session_routes_delete,
    session_routes_get, session_routes_list, session_routes_of, session_routes_put,
};
pub use peer_asns::{
    peer_asn_by_id, peer_asn_by_number, peer_asn_delete, peer_asn_get, peer_asn_insert, peer_asn_lock,
    peer_asn_update, peer_asns_all, peer_asns_approved, peer_asns_list, peer_asns_pending,
    peer_names_approved,
};
pub use peering_lists::{
    PEERING_SORTS, connections_of_peerings, connections_waiting, connections_with_peering, peerings_listed,
};
pub use peering_services::{
    peering_service_by_id, peering_service_delete, peering_service_get, peering_service_insert,
    peering_service_lock, peering_service_update, peering_services_list,
};
pub use peerings::{
    path_key, peering_by_id, peering_delete, peering_get, peering_insert, peering_lock, peering_rivals,
    peering_update, peerings_all, peerings_list, peerings_of_asn, peerings_of_peer_asn,
};
pub use people::{
    Person, invitation_add, invitation_find, invitations_end, invitations_open, other_operators, people_list,
    person_by_email, person_by_id, person_insert, person_lock, person_update,
};
pub use places::connections_by_location;
pub use ports::{port_assign, ports_free, ports_used, ports_used_on};
pub use prefix_lists::{
    ACTIVATED_PREFIX_SORTS, REGISTERED_PREFIX_SORTS, activated_prefixes_listed, registered_prefixes_listed,
};
pub use prefix_paths::{StoredPath, prefix_path_add, prefix_paths_list, prefix_paths_prune};
pub use probes::{peerings_probing_from, probe_outcome_get, probe_outcome_put, probes_version};
pub use providing::{Providing, peerings_providing};
pub use registered_asns::{
    registered_asn_by_number, registered_asn_delete, registered_asn_get, registered_asn_insert,
    registered_asns_list,
};
pub use registered_prefixes::{
    registered_prefix_by_id, registered_prefix_by_key, registered_prefix_by_prefix, registered_prefix_delete,
    registered_prefix_get, registered_prefix_insert, registered_prefix_lock, registered_prefix_update,
    registered_prefixes_all, registered_prefixes_list, registered_prefixes_of_asn,
    registered_prefixes_with_service, registrations_overlapping,
};
pub use resource_groups::{
    GroupResource, resource_group_add, resource_group_content, resource_group_delete, resource_group_get,
    resource_group_lock, resource_group_update, resource_groups_list, subscriptions_list,
};
pub use router_intents::{
    router_intent_delete, router_intent_generation, router_intent_generations, router_intent_head,
    router_intent_put, router_list_get, router_unit_get, router_units,
};
pub use search::{Found, search};
pub use service_prefixes::{
    StoredPrefixEvent, prefix_event_add, prefix_events_list, service_prefix_by_id, service_prefix_by_prefix,
    service_prefix_delete, service_prefix_get, service_prefix_insert, service_prefix_lock,
    service_prefix_update, service_prefixes_all, service_prefixes_list, service_prefixes_of_asn,
    service_prefixes_of_registration,
};
pub use sessions::{
    Session, session_add, session_end, session_find, session_seen, sessions_end, sessions_of,
};
pub use subnets::{
    SubnetUse, subnet_take, subnets_counted, subnets_forget, subnets_overlapping, subnets_purge,
    subnets_release,
};
pub use tokens::{
    NewToken, Principal, Role, Token, token_create, token_find, token_list, token_principal, token_revoke,
};
pub use work::{
    WorkItem, WorkKind, work_claim, work_depth, work_done, work_enqueue, work_enqueue_routers_of,
    work_next_due, work_retry,
};
