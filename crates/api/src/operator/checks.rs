//! The checks behind a prefix's state, each with its own evidence: of a registered prefix
//! (`…/registeredPrefixes/{name}/checks`) and of an activated one (`…/prefixes/{name}/status`).

use crate::arm::registered_prefixes::registered_prefix_of;
use crate::arm::service_prefixes::service_prefix_of;
use crate::call::{Answer, Call, ok};
use jiff::Timestamp;
use meetme_model::Prefix;
use meetme_model::peering_service::{ActivePath, LearnedType};
use meetme_model::registered_prefix::{Check, PrefixVerdict};
use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Verdict {
    prefix: Prefix,
    prefix_validation_state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<String>,
    checks: Vec<Check>,
}

impl Verdict {
    fn new(prefix: Prefix, verdict: PrefixVerdict) -> Self {
        Self {
            prefix,
            prefix_validation_state: verdict.state.wire_name(),
            error_message: verdict.error_message,
            checks: verdict.checks,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Registered {
    #[serde(flatten)]
    verdict: Verdict,
    since: Timestamp,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Activated {
    #[serde(flatten)]
    verdict: Verdict,
    learned_type: LearnedType,
    active_path: ActivePath,
    #[serde(skip_serializing_if = "Option::is_none")]
    primary_peering_location: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backup_peering_location: Option<String>,
}

/// Answers the checks of a registered prefix.
pub(super) async fn registered(call: Call) -> Answer {
    let mut db = call.state.store.read().await?;
    let (_, found) = registered_prefix_of(&call, &mut db).await?;
    ok(Registered { since: found.since, verdict: Verdict::new(found.prefix, found.verdict) })
}

/// Answers the checks and the active path of an activated prefix.
pub(super) async fn activated(call: Call) -> Answer {
    let mut db = call.state.store.read().await?;
    let (service, found) = service_prefix_of(&call, &mut db).await?;
    ok(Activated {
        learned_type: found.learned,
        active_path: found.active_path,
        primary_peering_location: service.spec.primary,
        backup_peering_location: service.spec.backup,
        verdict: Verdict::new(found.prefix, found.verdict),
    })
}
