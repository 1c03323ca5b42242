//! Resource groups and subscriptions: what peerings and peering services are sorted by.
//!
//! A subscription is there as soon as a token or a resource names it.

use crate::db::{Db, Page, Tx};
use crate::error::Result;
use crate::statement::{Columns, fold, sql, to_doc};
use meetme_model::resource_group::ResourceGroup;
use sqlx::any::AnyRow;

const WHAT: &str = "resource group";

statements! {
    GET = "SELECT doc FROM resource_groups WHERE subscription = $1 AND name = $2";
    LOCK = "SELECT doc FROM resource_groups WHERE subscription = $1 AND name = $2 {for_update}";
    LIST = "SELECT doc FROM resource_groups WHERE subscription = $1 AND name > $2 ORDER BY name LIMIT $3";
    ADD = "INSERT INTO resource_groups (subscription, name, doc) VALUES ($1, $2, $3)
           ON CONFLICT DO NOTHING";
    UPDATE = "UPDATE resource_groups SET doc = $1 WHERE subscription = $2 AND name = $3";
    DELETE = "DELETE FROM resource_groups WHERE subscription = $1 AND name = $2";
    CONTENT = "SELECT peering, deleting, doc FROM (
                   SELECT 1 AS peering, deleting, path, doc FROM peerings
                       WHERE subscription = $1 AND resource_group = $2
                   UNION ALL
                   SELECT 0 AS peering, 0 AS deleting, path, doc FROM peering_services
                       WHERE subscription = $1 AND resource_group = $2) AS content
               ORDER BY deleting, peering DESC, path LIMIT $3";
    SUBSCRIPTIONS = "SELECT subscription FROM (
                         SELECT LOWER(subscription) AS subscription FROM tokens
                             WHERE subscription IS NOT NULL AND revoked_at_ms IS NULL
                         UNION SELECT subscription FROM peer_asns
                         UNION SELECT subscription FROM resource_groups) AS named
                     WHERE subscription > $1 ORDER BY subscription LIMIT $2";
}

/// The one of a name, any case.
pub async fn resource_group_get(
    db: &mut impl Db,
    subscription: &str,
    name: &str,
) -> Result<Option<ResourceGroup>> {
    let row = sql(GET).bind(fold(subscription)).bind(fold(name)).optional(db).await?;
    row.map(|row| row.doc(0, WHAT)).transpose()
}

/// The one of a name, any case, which nobody else changes or deletes until the transaction ends.
pub async fn resource_group_lock(
    tx: &mut Tx,
    subscription: &str,
    name: &str,
) -> Result<Option<ResourceGroup>> {
    let row = sql(LOCK).bind(fold(subscription)).bind(fold(name)).optional(tx).await?;
    row.map(|row| row.doc(0, WHAT)).transpose()
}

/// Those of a subscription in the order of names.
pub async fn resource_groups_list(
    db: &mut impl Db,
    subscription: &str,
    page: &Page,
) -> Result<Vec<ResourceGroup>> {
    let rows =
        sql(LIST).bind(fold(subscription)).bind(page.after_key()).bind(i64::from(page.limit)).all(db).await?;
    rows.iter().map(|row| row.doc(0, WHAT)).collect()
}

/// Adds one unless there is one of that name; true when it was added.
pub async fn resource_group_add(tx: &mut Tx, group: &ResourceGroup) -> Result<bool> {
    let added = sql(ADD)
        .bind(fold(&group.subscription))
        .bind(fold(&group.name))
        .bind(to_doc(group, WHAT)?)
        .run(tx)
        .await?;
    Ok(added == 1)
}

/// Writes what changed; subscription and name never do.
pub async fn resource_group_update(tx: &mut Tx, group: &ResourceGroup) -> Result<()> {
    sql(UPDATE)
        .bind(to_doc(group, WHAT)?)
        .bind(fold(&group.subscription))
        .bind(fold(&group.name))
        .run_one(tx, WHAT, &group.name)
        .await
}

/// Deletes one. That it is empty is the caller's to see, in the same transaction.
pub async fn resource_group_delete(tx: &mut Tx, subscription: &str, name: &str) -> Result<()> {
    sql(DELETE).bind(fold(subscription)).bind(fold(name)).run_one(tx, WHAT, name).await
}

/// A resource in a group, by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupResource {
    /// A peering.
    Peering {
        /// Its name.
        name: String,
        /// It is being deleted.
        deleting: bool,
    },
    /// A peering service.
    PeeringService {
        /// Its name.
        name: String,
    },
}

/// The first `limit` resources in a group: those that stay come first, peerings before services, then by
/// name. So all of a group's are being deleted if all of these are.
pub async fn resource_group_content(
    db: &mut impl Db,
    subscription: &str,
    name: &str,
    limit: u32,
) -> Result<Vec<GroupResource>> {
    #[derive(serde::Deserialize)]
    struct Named {
        name: String,
    }
    let rows = sql(CONTENT).bind(fold(subscription)).bind(fold(name)).bind(i64::from(limit)).all(db).await?;
    let resource = |row: &AnyRow| -> Result<GroupResource> {
        let Named { name } = row.doc(2, "resource")?;
        Ok(match row.int(0)? {
            0 => GroupResource::PeeringService { name },
            _ => GroupResource::Peering { name, deleting: row.int(1)? != 0 },
        })
    };
    rows.iter().map(resource).collect()
}

/// All subscriptions, in lower case and in order.
pub async fn subscriptions_list(db: &mut impl Db, page: &Page) -> Result<Vec<String>> {
    let rows = sql(SUBSCRIPTIONS).bind(page.after_key()).bind(i64::from(page.limit)).all(db).await?;
    rows.iter().map(|row| row.text(0)).collect()
}
