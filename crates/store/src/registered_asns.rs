//! ASNs registered on peerings with a route server (`docs/rules.md` §5), each once in its peering.
//! They go with their peering.

use crate::db::{Db, Page, Tx};
use crate::error::{Conflict, Result, StoreError};
use crate::statement::{Entity, fold, sql};
use meetme_model::Asn;
use meetme_model::registered_asn::RegisteredAsn;

impl Entity for RegisteredAsn {
    const WHAT: &'static str = "registered ASN";
    fn set_id(&mut self, id: i64) {
        self.id = id;
    }
}

statements! {
    GET = "SELECT id, doc FROM registered_asns WHERE peering_id = $1 AND name = $2";
    BY_ASN = "SELECT id, doc FROM registered_asns WHERE peering_id = $1 AND asn = $2";
    LIST = "SELECT id, doc FROM registered_asns WHERE peering_id = $1 AND name > $2
            ORDER BY name LIMIT $3";
    INSERT = "INSERT INTO registered_asns (peering_id, name, asn, doc)
              VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING id";
    DELETE = "DELETE FROM registered_asns WHERE id = $1";
}

/// The one of a name, any case.
pub async fn registered_asn_get(
    db: &mut impl Db,
    peering_id: i64,
    name: &str,
) -> Result<Option<RegisteredAsn>> {
    sql(GET).bind(peering_id).bind(fold(name)).entity(db).await
}

/// The one of a number.
pub async fn registered_asn_by_number(
    db: &mut impl Db,
    peering_id: i64,
    asn: Asn,
) -> Result<Option<RegisteredAsn>> {
    sql(BY_ASN).bind(peering_id).bind(i64::from(asn.0)).entity(db).await
}

/// Those of a peering, by name.
pub async fn registered_asns_list(
    db: &mut impl Db,
    peering_id: i64,
    page: &Page,
) -> Result<Vec<RegisteredAsn>> {
    sql(LIST).bind(peering_id).bind_page(page).entities(db).await
}

/// Adds one; its `id` is ignored and given.
///
/// # Errors
/// [`Conflict::RegisteredAsnNameTaken`], [`Conflict::AsnRegistered`].
pub async fn registered_asn_insert(tx: &mut Tx, new: &RegisteredAsn) -> Result<RegisteredAsn> {
    let inserted = sql(INSERT)
        .bind(new.peering_id)
        .bind(fold(&new.name))
        .bind(i64::from(new.asn.0))
        .bind_doc(new)?
        .insert(tx, new)
        .await?;
    match inserted {
        Some(inserted) => Ok(inserted),
        None => Err(insert_conflict(tx, new).await?),
    }
}

async fn insert_conflict(tx: &mut Tx, new: &RegisteredAsn) -> Result<StoreError> {
    if registered_asn_get(tx, new.peering_id, &new.name).await?.is_some() {
        return Ok(Conflict::RegisteredAsnNameTaken { name: new.name.clone() }.into());
    }
    Ok(match registered_asn_by_number(tx, new.peering_id, new.asn).await? {
        Some(other) => Conflict::AsnRegistered { asn: new.asn, name: other.name }.into(),
        None => StoreError::Busy,
    })
}

/// Deletes one.
pub async fn registered_asn_delete(tx: &mut Tx, id: i64) -> Result<()> {
    sql(DELETE).bind(id).run_one(tx, RegisteredAsn::WHAT, id).await
}
