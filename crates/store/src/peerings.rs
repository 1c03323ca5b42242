//! Peerings (`docs/rules.md` §2). Their connections are rows of their own, in `connections.rs`.

use crate::connections::{connection_delete, connection_insert, connections_lock, connections_of};
use crate::db::{Db, IdPage, Page, Tx};
use crate::error::{Conflict, ResourceRef, Result, StoreError};
use crate::peer_asns::{peer_asn_get, state_name};
use crate::probes::probing_put;
use crate::registered_prefixes::registered_prefixes_delete_of;
use crate::service_prefixes::uses_of_peering;
use crate::statement::{Columns, Entity, entity, entity_or_missing, fold, sql};
use jiff::Timestamp;
use meetme_model::Asn;
use meetme_model::connection::Connection;
use meetme_model::inventory::OfferingKind;
use meetme_model::peer_asn::AsnState;
use meetme_model::peering::{ConnectionSpec, Peering};
use meetme_model::plan::place::{Rival, has_begun};

impl Entity for Peering {
    const WHAT: &'static str = "peering";
    fn set_id(&mut self, id: i64) {
        self.id = id;
    }
}

statements! {
    GET = "SELECT id, doc FROM peerings WHERE subscription = $1 AND path = $2";
    BY_ID = "SELECT id, doc FROM peerings WHERE id = $1";
    LOCK = "SELECT id, doc FROM peerings WHERE id = $1 {for_update}";
    LIST = "SELECT id, doc FROM peerings WHERE subscription = $1
            AND (CAST($2 AS TEXT) IS NULL OR resource_group = $2) AND path > $3
            ORDER BY path LIMIT $4";
    ALL = "SELECT id, doc FROM peerings WHERE id > $1 ORDER BY id LIMIT $2";
    OF_ASN = "SELECT id, doc FROM peerings WHERE asn = $1 ORDER BY id";
    OF_PEER_ASN = "SELECT id, doc FROM peerings WHERE peer_asn_id = $1 ORDER BY id";
    OF_PLACE = "SELECT p.id, p.doc, a.state FROM peerings p JOIN peer_asns a ON a.id = p.peer_asn_id
                WHERE p.asn = $1 AND p.location = $2 AND p.offering = $3 AND p.id <> $4 ORDER BY p.id";
    INSERT = "INSERT INTO peerings
              (subscription, resource_group, path, peer_asn_id, claim, asn, location, offering, doc)
              VALUES ($1, $2, $3, $4, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING RETURNING id";
    UPDATE = "UPDATE peerings SET offering = $1, deleting = $2, doc = $3 WHERE id = $4";
    DELETE = "DELETE FROM peerings WHERE id = $1";
}

/// Where a resource of a group stands in lists: what a page continues after.
pub fn path_key(resource_group: &str, name: &str) -> String {
    fold(&format!("{resource_group}/{name}"))
}

/// How a conflict names a peering.
pub(crate) fn resource_ref(peering: &Peering) -> ResourceRef {
    ResourceRef {
        subscription: peering.subscription.clone(),
        resource_group: peering.resource_group.clone(),
        name: peering.name.clone(),
    }
}

/// The one of a name, any case.
pub async fn peering_get(
    db: &mut impl Db,
    subscription: &str,
    resource_group: &str,
    name: &str,
) -> Result<Option<Peering>> {
    sql(GET).bind(fold(subscription)).bind(path_key(resource_group, name)).entity(db).await
}

/// The one of an id.
pub async fn peering_by_id(db: &mut impl Db, id: i64) -> Result<Option<Peering>> {
    sql(BY_ID).bind(id).entity(db).await
}

/// A peering with its connections, which nobody else changes until the transaction ends.
pub async fn peering_lock(tx: &mut Tx, id: i64) -> Result<(Peering, Vec<Connection>)> {
    let peering = entity_or_missing(sql(LOCK).bind(id).optional(tx).await?, id)?;
    Ok((peering, connections_lock(tx, id).await?))
}

/// Those of a subscription (of one resource group), in the order of [`path_key`].
pub async fn peerings_list(
    db: &mut impl Db,
    subscription: &str,
    resource_group: Option<&str>,
    page: &Page,
) -> Result<Vec<Peering>> {
    sql(LIST).bind(fold(subscription)).bind(resource_group.map(fold)).bind_page(page).entities(db).await
}

/// Everybody's, oldest first: for operators and reconcilers.
pub async fn peerings_all(db: &mut impl Db, page: IdPage) -> Result<Vec<Peering>> {
    sql(ALL).bind_id_page(page).entities(db).await
}

/// Those of a peer, whatever the subscription: one registration serves them all
/// (`docs/rules.md` §5). Not for showing to anybody but operators.
pub async fn peerings_of_asn(db: &mut impl Db, asn: Asn) -> Result<Vec<Peering>> {
    sql(OF_ASN).bind(i64::from(asn.0)).entities(db).await
}

/// Those that were asked for by one claim to an ASN, oldest first.
pub async fn peerings_of_peer_asn(db: &mut impl Db, peer_asn_id: i64) -> Result<Vec<Peering>> {
    sql(OF_PEER_ASN).bind(peer_asn_id).entities(db).await
}

/// Adds a peering with its connections, each waiting for approval since `new.stamp.created_at`; ids are
/// given. MD5 keys are sealed away and don't come back.
///
/// # Errors
/// [`Conflict::PeeringNameTaken`], [`Conflict::PeeringExists`],
/// [`Conflict::ConnectionIdentifierTaken`]; not found: its peer ASN.
pub async fn peering_insert(
    tx: &mut Tx,
    new: &Peering,
    connections: &[ConnectionSpec],
) -> Result<(Peering, Vec<Connection>)> {
    let asn_name = &new.spec.peer_asn_name;
    let peer_asn = peer_asn_get(tx, &new.subscription, asn_name)
        .await?
        .ok_or_else(|| StoreError::NotFound { what: "peer ASN", key: asn_name.clone() })?;
    if let Some(conflict) = conflict_of(tx, new).await? {
        return Err(conflict.into());
    }
    let row = sql(INSERT)
        .bind(fold(&new.subscription))
        .bind(fold(&new.resource_group))
        .bind(path_key(&new.resource_group, &new.name))
        .bind(peer_asn.id)
        .bind(i64::from(new.spec.asn.0))
        .bind(fold(&new.spec.location))
        .bind(offering_name(new.spec.offering))
        .bind_doc(new)?
        .optional(tx)
        .await?;
    // Somebody did the same in this very moment.
    let Some(row) = row else {
        return Err(conflict_of(tx, new).await?.map_or(StoreError::Busy, Into::into));
    };
    let mut peering = new.clone();
    peering.id = row.int(0)?;
    probing_put(tx, &peering).await?;
    let mut inserted = Vec::with_capacity(connections.len());
    for spec in connections {
        inserted.push(connection_insert(tx, peering.id, spec, new.stamp.created_at).await?);
    }
    Ok((peering, inserted))
}

async fn conflict_of(tx: &mut Tx, new: &Peering) -> Result<Option<Conflict>> {
    let same_name = peering_get(tx, &new.subscription, &new.resource_group, &new.name).await?;
    if same_name.is_some() {
        return Ok(Some(Conflict::PeeringNameTaken { name: new.name.clone() }));
    }
    let other = in_the_way(tx, new).await?;
    Ok(other.map(|peering| Conflict::PeeringExists { peering }))
}

/// The peering in the place of another: one of the same subscription, or when both claims to the ASN
/// are approved, one of any. A claim alone keeps nobody else away.
async fn in_the_way(tx: &mut Tx, like: &Peering) -> Result<Option<ResourceRef>> {
    let claim = peer_asn_get(tx, &like.subscription, &like.spec.peer_asn_name).await?;
    let approved = claim.is_some_and(|c| c.state == AsnState::Approved);
    let own = |other: &Peering| other.subscription.eq_ignore_ascii_case(&like.subscription);
    let others = at_place(tx, like).await?;
    let found = others.iter().find(|(other, proved)| own(other) || (approved && *proved));
    Ok(found.map(|(other, _)| resource_ref(other)))
}

/// Other peerings of the same ASN, location and offering, oldest first, each with whether its claim to
/// the ASN is approved.
async fn at_place(db: &mut impl Db, like: &Peering) -> Result<Vec<(Peering, bool)>> {
    let rows = sql(OF_PLACE)
        .bind(i64::from(like.spec.asn.0))
        .bind(fold(&like.spec.location))
        .bind(offering_name(like.spec.offering))
        .bind(like.id)
        .all(db)
        .await?;
    rows.iter().map(|row| Ok((entity(row)?, row.text(2)? == state_name(AsnState::Approved)))).collect()
}

/// Other peerings of the same ASN, location and offering whose claims are approved. Of any
/// subscription: not for showing to anybody but operators.
pub async fn peering_rivals(db: &mut impl Db, peering: &Peering) -> Result<Vec<Rival>> {
    let mut rivals = Vec::new();
    for (other, proved) in at_place(db, peering).await? {
        if proved {
            let begun = has_begun(&connections_of(db, other.id).await?);
            rivals.push(Rival { peering: other, begun });
        }
    }
    Ok(rivals)
}

/// Writes what changed: tags, offering, `deleting`, `stamp`. What is immutable
/// (`docs/rules.md` §2) stays.
///
/// # Errors
/// [`Conflict::PeeringExists`] when it is converted to an offering that the ASN has there.
pub async fn peering_update(tx: &mut Tx, peering: &Peering) -> Result<()> {
    let before = peering_by_id(tx, peering.id).await?;
    if before.is_some_and(|b| b.spec.offering != peering.spec.offering)
        && let Some(other) = in_the_way(tx, peering).await?
    {
        return Err(Conflict::PeeringExists { peering: other }.into());
    }
    sql(UPDATE)
        .bind(offering_name(peering.spec.offering))
        .bind(i64::from(peering.deleting))
        .bind_doc(peering)?
        .bind(peering.id)
        .run_one(tx, Peering::WHAT, &peering.name)
        .await?;
    probing_put(tx, peering).await
}

/// Deletes a peering with its registered prefixes and connections; their ports become free and
/// their subnets rest from `at` on.
///
/// # Errors
/// [`Conflict::PeeringInUse`] while peering services use its registered prefixes.
pub async fn peering_delete(tx: &mut Tx, id: i64, at: Timestamp) -> Result<()> {
    peering_lock(tx, id).await?;
    let services = uses_of_peering(tx, id).await?;
    if !services.is_empty() {
        return Err(Conflict::PeeringInUse { services }.into());
    }
    registered_prefixes_delete_of(tx, id).await?;
    for connection in connections_of(tx, id).await? {
        connection_delete(tx, connection.id, at).await?;
    }
    sql(DELETE).bind(id).run_one(tx, Peering::WHAT, id).await
}

fn offering_name(offering: OfferingKind) -> &'static str {
    match offering {
        OfferingKind::Voice => "Voice",
        OfferingKind::Edge => "Edge",
        OfferingKind::IxRs => "IxRs",
        OfferingKind::Exchange => "Exchange",
    }
}
