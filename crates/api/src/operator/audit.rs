//! `GET /api/v1/audit`: who did what, newest first; of one subscription with `?subscription=`. And
//! `GET …/peerings/{name}/audit`: the same of a peering and what lies below it, for its peer, too.

use crate::arm::peerings;
use crate::call::{Answer, Call, ok};
use crate::page::{by_id, page};
use jiff::Timestamp;
use meetme_store::{AuditEntry, Scope, audit_list, audit_of_resource};
use serde::Serialize;

#[derive(Serialize)]
struct Shown {
    id: i64,
    at: Timestamp,
    principal: String,
    action: String,
    resource: String,
    detail: serde_json::Value,
}

impl From<AuditEntry> for Shown {
    fn from(e: AuditEntry) -> Self {
        Self {
            id: e.id,
            at: e.at,
            principal: e.principal,
            action: e.action,
            resource: e.resource,
            detail: e.detail,
        }
    }
}

/// Answers audit entries.
pub(super) async fn list(call: Call) -> Answer {
    let scope = match call.query("subscription").filter(|s| !s.is_empty()) {
        Some(subscription) => Scope::Subscription(subscription),
        None => Scope::All,
    };
    let mut db = call.state.store.read().await?;
    let rows = audit_list(&mut db, scope, by_id(&call)?).await?;
    ok(page(&call, rows, |e| e.id.to_string(), Shown::from))
}

/// Answers the audit entries of a peering and of what lies below it.
pub(super) async fn of_peering(call: Call) -> Answer {
    let mut db = call.state.store.read().await?;
    let peering = peerings::peering_of(&call, &mut db).await?;
    let id = peerings::id(&peering);
    let rows = audit_of_resource(&mut db, &peering.subscription, &id, by_id(&call)?).await?;
    ok(page(&call, rows, |e| e.id.to_string(), Shown::from))
}
