//! Prefixes registered on peerings (`docs/rules.md` §5). A prefix is registered once, whoever's
//! it is: one registration serves all locations.

use crate::db::{Db, IdPage, Page, Tx};
use crate::error::{Conflict, Result, StoreError};
use crate::peerings::{peering_by_id, resource_ref};
use crate::service_prefixes::uses_of_registration;
use crate::statement::{Columns, Entity, entity, entity_at, entity_or_missing, fold, sql};
use crate::subnets::{range, sortable};
use meetme_model::peering::Peering;
use meetme_model::peering_service::PeeringService;
use meetme_model::prefix::PrefixError;
use meetme_model::registered_prefix::RegisteredPrefix;
use meetme_model::session_space::Registration;
use meetme_model::{Asn, Prefix};
use sqlx::any::AnyRow;

impl Entity for RegisteredPrefix {
    const WHAT: &'static str = "registered prefix";
    fn set_id(&mut self, id: i64) {
        self.id = id;
    }
}

statements! {
    GET = "SELECT id, doc FROM registered_prefixes WHERE peering_id = $1 AND name = $2";
    BY_ID = "SELECT id, doc FROM registered_prefixes WHERE id = $1";
    LOCK = "SELECT id, doc FROM registered_prefixes WHERE id = $1 {for_update}";
    BY_KEY = "SELECT id, doc FROM registered_prefixes WHERE prefix_key = $1";
    BY_PREFIX = "SELECT id, doc FROM registered_prefixes WHERE prefix = $1";
    INSIDE = "SELECT r.prefix, p.subscription, p.asn FROM registered_prefixes r
              JOIN peerings p ON p.id = r.peering_id
              WHERE r.first_address >= $1 AND r.first_address <= $2 ORDER BY r.id";
    EXACTLY = "SELECT r.prefix, p.subscription, p.asn FROM registered_prefixes r
              JOIN peerings p ON p.id = r.peering_id WHERE r.prefix = $1";
    LIST = "SELECT id, doc FROM registered_prefixes WHERE peering_id = $1 AND name > $2
            ORDER BY name LIMIT $3";
    ALL = "SELECT id, doc FROM registered_prefixes WHERE id > $1 ORDER BY id LIMIT $2";
    OF_ASN = "SELECT r.id, r.doc FROM registered_prefixes r JOIN peerings p ON p.id = r.peering_id
              WHERE p.asn = $1 ORDER BY r.id";
    WITH_SERVICE = "SELECT r.id, r.doc, v.id, v.doc FROM registered_prefixes r
              JOIN peerings p ON p.id = r.peering_id
              LEFT JOIN service_prefixes s ON s.registered_prefix_id = r.id
              LEFT JOIN peering_services v ON v.id = s.service_id
              WHERE p.asn = $1 ORDER BY r.id";
    INSERT = "INSERT INTO registered_prefixes (peering_id, name, prefix, prefix_key, doc, state, first_address)
              VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING id";
    UPDATE = "UPDATE registered_prefixes SET prefix_key = $1, doc = $2, state = $4, first_address = $5
              WHERE id = $3";
    DELETE = "DELETE FROM registered_prefixes WHERE id = $1";
    DELETE_OF = "DELETE FROM registered_prefixes WHERE peering_id = $1";
}

/// The one of a name, any case.
pub async fn registered_prefix_get(
    db: &mut impl Db,
    peering_id: i64,
    name: &str,
) -> Result<Option<RegisteredPrefix>> {
    sql(GET).bind(peering_id).bind(fold(name)).entity(db).await
}

/// The one of an id.
pub async fn registered_prefix_by_id(db: &mut impl Db, id: i64) -> Result<Option<RegisteredPrefix>> {
    sql(BY_ID).bind(id).entity(db).await
}

/// The one of an id, which nobody else changes until the transaction ends.
pub async fn registered_prefix_lock(tx: &mut Tx, id: i64) -> Result<RegisteredPrefix> {
    entity_or_missing(sql(LOCK).bind(id).optional(tx).await?, id)
}

/// The one of a prefix key, any case.
pub async fn registered_prefix_by_key(db: &mut impl Db, key: &str) -> Result<Option<RegisteredPrefix>> {
    sql(BY_KEY).bind(fold(key)).entity(db).await
}

/// The one of this very prefix.
pub async fn registered_prefix_by_prefix(
    db: &mut impl Db,
    prefix: Prefix,
) -> Result<Option<RegisteredPrefix>> {
    sql(BY_PREFIX).bind(prefix.to_string()).entity(db).await
}

/// Those that overlap a prefix, anybody's.
pub async fn registrations_overlapping(db: &mut impl Db, prefix: Prefix) -> Result<Vec<Registration>> {
    let (first, last) = range(prefix);
    let mut rows = sql(INSIDE).bind(first).bind(last).all(db).await?;
    // What contains it may begin anywhere before: few prefixes can, each found by its name.
    for parent in prefix.parents() {
        rows.extend(sql(EXACTLY).bind(parent.to_string()).all(db).await?);
    }
    let mut found = rows.iter().map(registration).collect::<Result<Vec<_>>>()?;
    // One that contains it may begin where it begins, and was found twice.
    found.sort_by_key(|r| r.prefix);
    found.dedup();
    Ok(found)
}

fn registration(row: &AnyRow) -> Result<Registration> {
    let prefix: std::result::Result<Prefix, PrefixError> = row.text(0)?.parse();
    Ok(Registration {
        prefix: prefix.map_err(|e| StoreError::corrupt("registered prefix", e))?,
        subscription: row.text(1)?,
        asn: Asn(u32::try_from(row.int(2)?).map_err(|e| StoreError::corrupt("ASN", e))?),
    })
}

/// Those of a peering, by name.
pub async fn registered_prefixes_list(
    db: &mut impl Db,
    peering_id: i64,
    page: &Page,
) -> Result<Vec<RegisteredPrefix>> {
    sql(LIST).bind(peering_id).bind_page(page).entities(db).await
}

/// Everybody's, oldest first: for operators and reconcilers.
pub async fn registered_prefixes_all(db: &mut impl Db, page: IdPage) -> Result<Vec<RegisteredPrefix>> {
    sql(ALL).bind_id_page(page).entities(db).await
}

/// Those on all peerings of a peer (`docs/rules.md` §4).
pub async fn registered_prefixes_of_asn(db: &mut impl Db, asn: Asn) -> Result<Vec<RegisteredPrefix>> {
    sql(OF_ASN).bind(i64::from(asn.0)).entities(db).await
}

/// The same, each with the service that it is activated in: one at most, since a prefix is registered once
/// and activated once.
pub async fn registered_prefixes_with_service(
    db: &mut impl Db,
    asn: Asn,
) -> Result<Vec<(RegisteredPrefix, Option<PeeringService>)>> {
    let rows = sql(WITH_SERVICE).bind(i64::from(asn.0)).all(db).await?;
    let read = |row: &AnyRow| {
        let service = match row.int_or_null(2)? {
            Some(_) => Some(entity_at(row, 2)?),
            None => None,
        };
        Ok((entity(row)?, service))
    };
    rows.iter().map(read).collect()
}

/// Adds one; its `id` is ignored and given.
///
/// # Errors
/// [`Conflict::RegisteredPrefixNameTaken`]; [`Conflict::PrefixRegistered`] with the peering, whose
/// subscription decides what may be said.
pub async fn registered_prefix_insert(tx: &mut Tx, new: &RegisteredPrefix) -> Result<RegisteredPrefix> {
    let inserted = sql(INSERT)
        .bind(new.peering_id)
        .bind(fold(&new.name))
        .bind(new.prefix.to_string())
        .bind(new.key.as_deref().map(fold))
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

async fn insert_conflict(tx: &mut Tx, new: &RegisteredPrefix) -> Result<StoreError> {
    let same_name = registered_prefix_get(tx, new.peering_id, &new.name).await?;
    if same_name.is_some() {
        return Ok(Conflict::RegisteredPrefixNameTaken { name: new.name.clone() }.into());
    }
    let Some(other) = registered_prefix_by_prefix(tx, new.prefix).await? else {
        return Ok(StoreError::Busy);
    };
    Ok(match peering_by_id(tx, other.peering_id).await? {
        Some(peering) => Conflict::PrefixRegistered {
            prefix: new.prefix,
            name: other.name,
            peering: resource_ref(&peering),
        }
        .into(),
        None => StoreError::NotFound { what: Peering::WHAT, key: other.peering_id.to_string() },
    })
}

/// Writes what changed: usage, verdict, key. Peering, name and prefix never do.
pub async fn registered_prefix_update(tx: &mut Tx, prefix: &RegisteredPrefix) -> Result<()> {
    sql(UPDATE)
        .bind(prefix.key.as_deref().map(fold))
        .bind_doc(prefix)?
        .bind(prefix.id)
        .bind(prefix.verdict.state.wire_name())
        .bind(sortable(prefix.prefix.net().network()))
        .run_one(tx, RegisteredPrefix::WHAT, &prefix.name)
        .await
}

/// Deletes one.
///
/// # Errors
/// [`Conflict::RegisteredPrefixInUse`] while a peering service uses its key.
pub async fn registered_prefix_delete(tx: &mut Tx, id: i64) -> Result<()> {
    registered_prefix_lock(tx, id).await?;
    let services = uses_of_registration(tx, id).await?;
    if !services.is_empty() {
        return Err(Conflict::RegisteredPrefixInUse { services }.into());
    }
    sql(DELETE).bind(id).run_one(tx, RegisteredPrefix::WHAT, id).await
}

/// Deletes those of a peering, none of which may be in use.
pub(crate) async fn registered_prefixes_delete_of(tx: &mut Tx, peering_id: i64) -> Result<()> {
    sql(DELETE_OF).bind(peering_id).run(tx).await?;
    Ok(())
}
