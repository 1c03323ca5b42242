//! The audit trail: who did what to which resource. Entries are only ever added.

use crate::db::{Db, IdPage, Scope, Tx};
use crate::error::Result;
use crate::statement::{Columns, fold, sql, to_doc};
use jiff::Timestamp;
use sqlx::any::AnyRow;

/// An entry.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    /// Database id; newer ones are greater.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// Who: a token's name, `policy:<name>` or `system`.
    pub principal: String,
    /// What: `peerings/write`.
    pub action: String,
    /// To what: an ARM id, or a name of the operator's API.
    pub resource: String,
    /// Particulars, without secrets.
    pub detail: serde_json::Value,
}

statements! {
    ADD = "INSERT INTO audit (at_ms, principal, action, resource, subscription, detail)
           VALUES ($1, $2, $3, $4, $5, $6)";
    LIST = "SELECT id, at_ms, principal, action, resource, detail FROM audit
            WHERE (CAST($1 AS TEXT) IS NULL OR subscription = $1) AND id < $2
            ORDER BY id DESC LIMIT $3";
    OF_RESOURCE = "SELECT id, at_ms, principal, action, resource, detail FROM audit
                   WHERE subscription = $1 AND id < $2 AND LOWER(SUBSTR(resource, 1, CAST($3 AS INTEGER))) = $4
                   AND (LENGTH(resource) = $3 OR SUBSTR(resource, CAST($3 AS INTEGER) + 1, 1) = '/')
                   ORDER BY id DESC LIMIT $5";
}

/// Adds an entry. It belongs to the subscription that `resource` (an ARM id) starts with, if any.
pub async fn audit_add(
    tx: &mut Tx,
    at: Timestamp,
    principal: &str,
    action: &str,
    resource: &str,
    detail: serde_json::Value,
) -> Result<()> {
    sql(ADD)
        .bind_time(at)
        .bind(principal)
        .bind(action)
        .bind(resource)
        .bind(subscription_of(resource))
        .bind(to_doc(&detail, "audit detail")?)
        .run(tx)
        .await?;
    // Open pages show at once what somebody did, whether it makes work or not.
    tx.wakes_workers();
    Ok(())
}

/// Entries of a scope, newest first.
pub async fn audit_list(db: &mut impl Db, scope: Scope<'_>, page: IdPage) -> Result<Vec<AuditEntry>> {
    let rows = sql(LIST)
        .bind(scope.parameter())
        .bind(page.after.unwrap_or(i64::MAX))
        .bind(i64::from(page.limit))
        .all(db)
        .await?;
    entries(&rows)
}

/// Entries of an ARM resource and of what lies below it, newest first.
pub async fn audit_of_resource(
    db: &mut impl Db,
    subscription: &str,
    resource_id: &str,
    page: IdPage,
) -> Result<Vec<AuditEntry>> {
    let length = i64::try_from(resource_id.chars().count()).unwrap_or(i64::MAX);
    let rows = sql(OF_RESOURCE)
        .bind(fold(subscription))
        .bind(page.after.unwrap_or(i64::MAX))
        .bind(length)
        .bind(fold(resource_id))
        .bind(i64::from(page.limit))
        .all(db)
        .await?;
    entries(&rows)
}

fn entries(rows: &[AnyRow]) -> Result<Vec<AuditEntry>> {
    rows.iter()
        .map(|row| {
            Ok(AuditEntry {
                id: row.int(0)?,
                at: row.time(1)?,
                principal: row.text(2)?,
                action: row.text(3)?,
                resource: row.text(4)?,
                detail: row.doc(5, "audit detail")?,
            })
        })
        .collect()
}

/// The subscription in an ARM id.
fn subscription_of(resource: &str) -> Option<String> {
    let mut segments = resource.strip_prefix('/')?.split('/');
    segments.next()?.eq_ignore_ascii_case("subscriptions").then(|| segments.next().map(fold))?
}
