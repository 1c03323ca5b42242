//! Peer ASNs (`docs/rules.md` §1). The same number may be held by several subscriptions.

use crate::db::{Db, IdPage, Page, Tx};
use crate::error::{Conflict, ResourceRef, Result, StoreError};
use crate::peerings::resource_ref;
use crate::statement::{Columns, Entity, entities, entity_or_missing, fold, sql};
use meetme_model::Asn;
use meetme_model::peer_asn::{AsnState, PeerAsn};

impl Entity for PeerAsn {
    const WHAT: &'static str = "peer ASN";
    fn set_id(&mut self, id: i64) {
        self.id = id;
    }
}

statements! {
    GET = "SELECT id, doc FROM peer_asns WHERE subscription = $1 AND name = $2";
    BY_ID = "SELECT id, doc FROM peer_asns WHERE id = $1";
    LOCK = "SELECT id, doc FROM peer_asns WHERE id = $1 {for_update}";
    BY_NUMBER = "SELECT id, doc FROM peer_asns WHERE subscription = $1 AND asn = $2
                 ORDER BY CASE WHEN state = 'Approved' THEN 0 ELSE 1 END, id LIMIT 1";
    LIST = "SELECT id, doc FROM peer_asns WHERE subscription = $1 AND name > $2
            ORDER BY name LIMIT $3";
    ALL = "SELECT id, doc FROM peer_asns WHERE id > $1 ORDER BY id LIMIT $2";
    IN_STATE = "SELECT id, doc FROM peer_asns WHERE state = $1
                AND (CAST($2 AS TEXT) IS NULL OR subscription = $2) AND id > $3
                ORDER BY id LIMIT $4";
    NAMES = "SELECT string_agg('[' || CAST(id AS TEXT) || ',' || CAST({doc} -> 'spec' -> 'peer_name' AS TEXT)
                    || ']', ',')
             FROM peer_asns WHERE state = 'Approved'";
    INSERT = "INSERT INTO peer_asns (subscription, name, asn, peer_name, state, doc)
              VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING id";
    UPDATE = "UPDATE peer_asns SET asn = $1, peer_name = $2, state = $3, doc = $4 WHERE id = $5";
    USED_BY = "SELECT id, doc FROM peerings WHERE peer_asn_id = $1 ORDER BY id LIMIT 100";
    DELETE = "DELETE FROM peer_asns WHERE id = $1";
}

/// The one of a name, any case.
pub async fn peer_asn_get(db: &mut impl Db, subscription: &str, name: &str) -> Result<Option<PeerAsn>> {
    sql(GET).bind(fold(subscription)).bind(fold(name)).entity(db).await
}

/// The one of an id.
pub async fn peer_asn_by_id(db: &mut impl Db, id: i64) -> Result<Option<PeerAsn>> {
    sql(BY_ID).bind(id).entity(db).await
}

/// The one of an id, which nobody else changes until the transaction ends.
pub async fn peer_asn_lock(tx: &mut Tx, id: i64) -> Result<PeerAsn> {
    entity_or_missing(sql(LOCK).bind(id).optional(tx).await?, id)
}

/// The one of a number in a subscription; of several, an approved one.
pub async fn peer_asn_by_number(db: &mut impl Db, subscription: &str, asn: Asn) -> Result<Option<PeerAsn>> {
    sql(BY_NUMBER).bind(fold(subscription)).bind(i64::from(asn.0)).entity(db).await
}

/// Those of a subscription, by name.
pub async fn peer_asns_list(db: &mut impl Db, subscription: &str, page: &Page) -> Result<Vec<PeerAsn>> {
    sql(LIST).bind(fold(subscription)).bind_page(page).entities(db).await
}

/// Everybody's, oldest first: for operators and reconcilers.
pub async fn peer_asns_all(db: &mut impl Db, page: IdPage) -> Result<Vec<PeerAsn>> {
    sql(ALL).bind_id_page(page).entities(db).await
}

/// Everybody's that wait for a decision, oldest first: the operators' queue.
pub async fn peer_asns_pending(db: &mut impl Db, page: IdPage) -> Result<Vec<PeerAsn>> {
    in_state(db, AsnState::Pending, None, page).await
}

/// The approved ones of a subscription.
pub async fn peer_asns_approved(db: &mut impl Db, subscription: &str) -> Result<Vec<PeerAsn>> {
    let page = IdPage::first(u32::MAX);
    in_state(db, AsnState::Approved, Some(fold(subscription)), page).await
}

/// Ids of everybody's approved ones with their peers' names, in any order: in one query that reads
/// nothing else, to find those of a name.
pub async fn peer_names_approved(db: &mut impl Db) -> Result<Vec<(i64, String)>> {
    let row = sql(NAMES).optional(db).await?;
    let list = row.map(|row| row.text_or_null(0)).transpose()?.flatten().unwrap_or_default();
    serde_json::from_str(&format!("[{list}]")).map_err(|e| StoreError::corrupt(PeerAsn::WHAT, e))
}

async fn in_state(
    db: &mut impl Db,
    state: AsnState,
    subscription: Option<String>,
    page: IdPage,
) -> Result<Vec<PeerAsn>> {
    sql(IN_STATE).bind(state_name(state)).bind(subscription).bind_id_page(page).entities(db).await
}

/// Adds one; its `id` is ignored and given.
///
/// # Errors
/// [`Conflict::PeerAsnNameTaken`].
pub async fn peer_asn_insert(tx: &mut Tx, new: &PeerAsn) -> Result<PeerAsn> {
    let inserted = sql(INSERT)
        .bind(fold(&new.subscription))
        .bind(fold(&new.name))
        .bind(i64::from(new.spec.asn.0))
        .bind(fold(&new.spec.peer_name))
        .bind(state_name(new.state))
        .bind_doc(new)?
        .insert(tx, new)
        .await?;
    let Some(inserted) = inserted else {
        return Err(Conflict::PeerAsnNameTaken { name: new.name.clone() }.into());
    };
    Ok(inserted)
}

/// Writes what changed. Subscription and name never do.
pub async fn peer_asn_update(tx: &mut Tx, peer_asn: &PeerAsn) -> Result<()> {
    sql(UPDATE)
        .bind(i64::from(peer_asn.spec.asn.0))
        .bind(fold(&peer_asn.spec.peer_name))
        .bind(state_name(peer_asn.state))
        .bind_doc(peer_asn)?
        .bind(peer_asn.id)
        .run_one(tx, PeerAsn::WHAT, &peer_asn.name)
        .await
}

/// Deletes one.
///
/// # Errors
/// [`Conflict::PeerAsnInUse`] while peerings use it.
pub async fn peer_asn_delete(tx: &mut Tx, id: i64) -> Result<()> {
    peer_asn_lock(tx, id).await?;
    let rows = sql(USED_BY).bind(id).all(tx).await?;
    let peerings: Vec<ResourceRef> = entities(&rows)?.iter().map(resource_ref).collect();
    if !peerings.is_empty() {
        return Err(Conflict::PeerAsnInUse { peerings }.into());
    }
    match sql(DELETE).bind(id).run(tx).await? {
        1 => Ok(()),
        _ => Err(StoreError::NotFound { what: PeerAsn::WHAT, key: id.to_string() }),
    }
}

pub(crate) fn state_name(state: AsnState) -> &'static str {
    match state {
        AsnState::None => "None",
        AsnState::Pending => "Pending",
        AsnState::Approved => "Approved",
        AsnState::Failed => "Failed",
    }
}
