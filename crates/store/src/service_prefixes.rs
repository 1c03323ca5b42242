//! Prefixes activated in peering services, and their events (`docs/rules.md` §6). The very same
//! prefix is activated once, whoever's it is.

use crate::db::{Db, IdPage, Page, Tx};
use crate::error::{Conflict, ResourceRef, Result, StoreError};
use crate::statement::{Columns, Entity, entity, entity_at, entity_or_missing, fold, sql, to_doc};
use crate::subnets::sortable;
use meetme_model::peering_service::{PeeringService, PrefixEvent, ServicePrefix};
use meetme_model::{Asn, Prefix};
use sqlx::any::AnyRow;

impl Entity for ServicePrefix {
    const WHAT: &'static str = "peering service prefix";
    fn set_id(&mut self, id: i64) {
        self.id = id;
    }
}

/// An event as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPrefixEvent {
    /// Database id; newer ones are greater.
    pub id: i64,
    /// The event.
    pub event: PrefixEvent,
}

statements! {
    GET = "SELECT id, doc FROM service_prefixes WHERE service_id = $1 AND name = $2";
    BY_ID = "SELECT id, doc FROM service_prefixes WHERE id = $1";
    LOCK = "SELECT id, doc FROM service_prefixes WHERE id = $1 {for_update}";
    BY_PREFIX = "SELECT id, doc FROM service_prefixes WHERE prefix = $1";
    LIST = "SELECT id, doc FROM service_prefixes WHERE service_id = $1 AND name > $2
            ORDER BY name LIMIT $3";
    ALL = "SELECT id, doc FROM service_prefixes WHERE id > $1 ORDER BY id LIMIT $2";
    OF_REGISTRATION = "SELECT id, doc FROM service_prefixes WHERE registered_prefix_id = $1
                       ORDER BY id";
    OF_ASN = "SELECT s.id, s.doc, v.id, v.doc FROM service_prefixes s
              JOIN peering_services v ON v.id = s.service_id
              JOIN registered_prefixes r ON r.id = s.registered_prefix_id
              JOIN peerings p ON p.id = r.peering_id
              WHERE p.asn = $1 ORDER BY s.id";
    INSERT = "INSERT INTO service_prefixes
              (service_id, registered_prefix_id, name, prefix, doc, state, first_address)
              VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING id";
    UPDATE = "UPDATE service_prefixes SET doc = $1, state = $3, first_address = $4 WHERE id = $2";
    DELETE = "DELETE FROM service_prefixes WHERE id = $1";
    DELETE_OF = "DELETE FROM service_prefixes WHERE service_id = $1";
    USES_REGISTRATION = "SELECT s.id, s.doc, v.id, v.doc FROM service_prefixes s
              JOIN peering_services v ON v.id = s.service_id
              WHERE s.registered_prefix_id = $1 ORDER BY s.id LIMIT 100";
    USES_PEERING = "SELECT s.id, s.doc, v.id, v.doc FROM service_prefixes s
              JOIN peering_services v ON v.id = s.service_id
              JOIN registered_prefixes r ON r.id = s.registered_prefix_id
              WHERE r.peering_id = $1 ORDER BY s.id LIMIT 100";
    USES_PREFIX = "SELECT s.id, s.doc, v.id, v.doc FROM service_prefixes s
              JOIN peering_services v ON v.id = s.service_id WHERE s.prefix = $1";
    EVENT_ADD = "INSERT INTO prefix_events (service_prefix_id, at_ms, doc) VALUES ($1, $2, $3)";
    EVENTS = "SELECT id, doc FROM prefix_events WHERE service_prefix_id = $1 AND id < $2
              ORDER BY id DESC LIMIT $3";
}

/// The one of a name, any case.
pub async fn service_prefix_get(
    db: &mut impl Db,
    service_id: i64,
    name: &str,
) -> Result<Option<ServicePrefix>> {
    sql(GET).bind(service_id).bind(fold(name)).entity(db).await
}

/// The one of an id.
pub async fn service_prefix_by_id(db: &mut impl Db, id: i64) -> Result<Option<ServicePrefix>> {
    sql(BY_ID).bind(id).entity(db).await
}

/// The one of an id, which nobody else changes until the transaction ends.
pub async fn service_prefix_lock(tx: &mut Tx, id: i64) -> Result<ServicePrefix> {
    entity_or_missing(sql(LOCK).bind(id).optional(tx).await?, id)
}

/// The activation of this very prefix.
pub async fn service_prefix_by_prefix(db: &mut impl Db, prefix: Prefix) -> Result<Option<ServicePrefix>> {
    sql(BY_PREFIX).bind(prefix.to_string()).entity(db).await
}

/// Those of a service, by name.
pub async fn service_prefixes_list(
    db: &mut impl Db,
    service_id: i64,
    page: &Page,
) -> Result<Vec<ServicePrefix>> {
    sql(LIST).bind(service_id).bind_page(page).entities(db).await
}

/// Everybody's, oldest first: for operators and reconcilers.
pub async fn service_prefixes_all(db: &mut impl Db, page: IdPage) -> Result<Vec<ServicePrefix>> {
    sql(ALL).bind_id_page(page).entities(db).await
}

/// Those activated with the key of a registration.
pub async fn service_prefixes_of_registration(
    db: &mut impl Db,
    registered_prefix_id: i64,
) -> Result<Vec<ServicePrefix>> {
    sql(OF_REGISTRATION).bind(registered_prefix_id).entities(db).await
}

/// Those of prefixes that a peer registered, each with its service (for primary and backup).
pub async fn service_prefixes_of_asn(
    db: &mut impl Db,
    asn: Asn,
) -> Result<Vec<(ServicePrefix, PeeringService)>> {
    let rows = sql(OF_ASN).bind(i64::from(asn.0)).all(db).await?;
    rows.iter().map(with_service).collect()
}

/// Adds one; its `id` is ignored and given.
///
/// # Errors
/// [`Conflict::ServicePrefixNameTaken`], [`Conflict::PrefixActivated`].
pub async fn service_prefix_insert(tx: &mut Tx, new: &ServicePrefix) -> Result<ServicePrefix> {
    let inserted = sql(INSERT)
        .bind(new.service_id)
        .bind(new.registered_prefix_id)
        .bind(fold(&new.name))
        .bind(new.prefix.to_string())
        .bind_doc(new)?
        .bind(new.verdict.state.wire_name())
        .bind(sortable(new.prefix.net().network()))
        .insert(tx, new)
        .await?;
    match inserted {
        Some(inserted) => Ok(inserted),
        None => Err(insert_conflict(tx, new).await?),
    }
}

async fn insert_conflict(tx: &mut Tx, new: &ServicePrefix) -> Result<StoreError> {
    let same_name = service_prefix_get(tx, new.service_id, &new.name).await?;
    if same_name.is_some() {
        return Ok(Conflict::ServicePrefixNameTaken { name: new.name.clone() }.into());
    }
    let row = sql(USES_PREFIX).bind(new.prefix.to_string()).optional(tx).await?;
    Ok(match row {
        Some(row) => Conflict::PrefixActivated { prefix: new.prefix, service: use_ref(&row)? }.into(),
        None => StoreError::Busy,
    })
}

/// Writes what changed: verdict, learned type, active path.
pub async fn service_prefix_update(tx: &mut Tx, prefix: &ServicePrefix) -> Result<()> {
    sql(UPDATE)
        .bind_doc(prefix)?
        .bind(prefix.id)
        .bind(prefix.verdict.state.wire_name())
        .bind(sortable(prefix.prefix.net().network()))
        .run_one(tx, ServicePrefix::WHAT, &prefix.name)
        .await
}

/// Deletes one with its events.
pub async fn service_prefix_delete(tx: &mut Tx, id: i64) -> Result<()> {
    sql(DELETE).bind(id).run_one(tx, ServicePrefix::WHAT, id).await
}

/// Deletes those of a service.
pub(crate) async fn service_prefixes_delete_of(tx: &mut Tx, service_id: i64) -> Result<()> {
    sql(DELETE_OF).bind(service_id).run(tx).await?;
    Ok(())
}

/// Which activations use a registration.
pub(crate) async fn uses_of_registration(tx: &mut Tx, id: i64) -> Result<Vec<ResourceRef>> {
    let rows = sql(USES_REGISTRATION).bind(id).all(tx).await?;
    rows.iter().map(use_ref).collect()
}

/// Which activations use registrations of a peering.
pub(crate) async fn uses_of_peering(tx: &mut Tx, id: i64) -> Result<Vec<ResourceRef>> {
    let rows = sql(USES_PEERING).bind(id).all(tx).await?;
    rows.iter().map(use_ref).collect()
}

/// Writes an event. Whether there is one is the reconciler's finding: once per change.
pub async fn prefix_event_add(tx: &mut Tx, service_prefix_id: i64, event: &PrefixEvent) -> Result<()> {
    sql(EVENT_ADD)
        .bind(service_prefix_id)
        .bind_time(event.at)
        .bind(to_doc(event, "prefix event")?)
        .run(tx)
        .await?;
    Ok(())
}

/// Events of an activated prefix, newest first.
pub async fn prefix_events_list(
    db: &mut impl Db,
    service_prefix_id: i64,
    page: IdPage,
) -> Result<Vec<StoredPrefixEvent>> {
    let rows = sql(EVENTS)
        .bind(service_prefix_id)
        .bind(page.after.unwrap_or(i64::MAX))
        .bind(i64::from(page.limit))
        .all(db)
        .await?;
    rows.iter()
        .map(|row| Ok(StoredPrefixEvent { id: row.int(0)?, event: row.doc(1, "prefix event")? }))
        .collect()
}

/// Reads a row of prefix (`id, doc`) and service (`id, doc`).
fn with_service(row: &AnyRow) -> Result<(ServicePrefix, PeeringService)> {
    Ok((entity(row)?, entity_at(row, 2)?))
}

fn use_ref(row: &AnyRow) -> Result<ResourceRef> {
    let (prefix, service) = with_service(row)?;
    Ok(ResourceRef {
        subscription: service.subscription,
        resource_group: service.resource_group,
        name: format!("{}/{}", service.name, prefix.name),
    })
}
