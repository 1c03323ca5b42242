//! `GET /api/v1/audit`: who did what, newest first; of one subscription with `?subscription=`.

use crate::call::{Answer, Call, ok};
use crate::page::{by_id, page};
use jiff::Timestamp;
use meetme_store::{AuditEntry, Scope, audit_list};
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
