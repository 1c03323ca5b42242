//! Peering services (`docs/rules.md` §6). Their prefixes are in `service_prefixes.rs`.

use crate::db::{Db, Page, Tx};
use crate::error::{Conflict, Result};
use crate::monitor_tests::monitor_tests_delete_of;
use crate::peerings::path_key;
use crate::service_prefixes::service_prefixes_delete_of;
use crate::statement::{Entity, entity_or_missing, fold, sql};
use meetme_model::peering_service::PeeringService;

impl Entity for PeeringService {
    const WHAT: &'static str = "peering service";
    fn set_id(&mut self, id: i64) {
        self.id = id;
    }
}

statements! {
    GET = "SELECT id, doc FROM peering_services WHERE subscription = $1 AND path = $2";
    BY_ID = "SELECT id, doc FROM peering_services WHERE id = $1";
    LOCK = "SELECT id, doc FROM peering_services WHERE id = $1 {for_update}";
    LIST = "SELECT id, doc FROM peering_services WHERE subscription = $1
            AND (CAST($2 AS TEXT) IS NULL OR resource_group = $2) AND path > $3
            ORDER BY path LIMIT $4";
    INSERT = "INSERT INTO peering_services (subscription, resource_group, path, doc)
              VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING id";
    UPDATE = "UPDATE peering_services SET doc = $1 WHERE id = $2";
    DELETE = "DELETE FROM peering_services WHERE id = $1";
}

/// The one of a name, any case.
pub async fn peering_service_get(
    db: &mut impl Db,
    subscription: &str,
    resource_group: &str,
    name: &str,
) -> Result<Option<PeeringService>> {
    sql(GET).bind(fold(subscription)).bind(path_key(resource_group, name)).entity(db).await
}

/// The one of an id.
pub async fn peering_service_by_id(db: &mut impl Db, id: i64) -> Result<Option<PeeringService>> {
    sql(BY_ID).bind(id).entity(db).await
}

/// The one of an id, which nobody else changes until the transaction ends.
pub async fn peering_service_lock(tx: &mut Tx, id: i64) -> Result<PeeringService> {
    entity_or_missing(sql(LOCK).bind(id).optional(tx).await?, id)
}

/// Those of a subscription (of one resource group), in the order of [`path_key`].
pub async fn peering_services_list(
    db: &mut impl Db,
    subscription: &str,
    resource_group: Option<&str>,
    page: &Page,
) -> Result<Vec<PeeringService>> {
    sql(LIST).bind(fold(subscription)).bind(resource_group.map(fold)).bind_page(page).entities(db).await
}

/// Adds one; its `id` is ignored and given.
///
/// # Errors
/// [`Conflict::PeeringServiceNameTaken`].
pub async fn peering_service_insert(tx: &mut Tx, new: &PeeringService) -> Result<PeeringService> {
    let inserted = sql(INSERT)
        .bind(fold(&new.subscription))
        .bind(fold(&new.resource_group))
        .bind(path_key(&new.resource_group, &new.name))
        .bind_doc(new)?
        .insert(tx, new)
        .await?;
    match inserted {
        Some(inserted) => Ok(inserted),
        None => Err(Conflict::PeeringServiceNameTaken { name: new.name.clone() }.into()),
    }
}

/// Writes what changed. Subscription, resource group and name never do.
pub async fn peering_service_update(tx: &mut Tx, service: &PeeringService) -> Result<()> {
    sql(UPDATE).bind_doc(service)?.bind(service.id).run_one(tx, PeeringService::WHAT, &service.name).await
}

/// Deletes one with its prefixes and tests, as ARM deletes children with their parent.
pub async fn peering_service_delete(tx: &mut Tx, id: i64) -> Result<()> {
    peering_service_lock(tx, id).await?;
    service_prefixes_delete_of(tx, id).await?;
    monitor_tests_delete_of(tx, id).await?;
    sql(DELETE).bind(id).run_one(tx, PeeringService::WHAT, id).await
}
