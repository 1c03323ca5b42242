//! `PUT registeredAsns/{name}`: registers an ASN. The same again changes nothing.

use super::wire::{Sent, Shown, id};
use crate::arm::inventory;
use crate::arm::peerings::peering_of;
use crate::call::{Answer, Call, written};
use crate::error::ApiError;
use axum::http::StatusCode;
use meetme_model::connection::Connection;
use meetme_model::inventory::OfferingKind;
use meetme_model::peering::Peering;
use meetme_model::registered_asn::{RegisteredAsn, check_asn};
use meetme_model::{Asn, Violations};
use meetme_store::{peering_lock, registered_asn_get, registered_asn_insert, work_enqueue_routers_of};
use serde_json::json;

/// Creates (201) a registered ASN, or shows the one that is the same (200).
pub(super) async fn put(call: Call) -> Answer {
    let sent = call.json::<Sent>()?.properties.unwrap_or_default();
    let inventory = inventory(&call).await?;
    let mut tx = call.state.store.begin().await?;
    let found = peering_of(&call, &mut tx).await?;
    let (peering, connections) = peering_lock(&mut tx, found.id).await?;
    check_supported(&peering, &connections)?;
    let name = call.param("registered_asn");
    let existing = registered_asn_get(&mut tx, peering.id, name).await?;
    call.check_conditions(existing.as_ref().map(|e| &e.stamp))?;
    let mut v = Violations::default();
    let asn = check_asn(sent.asn, &inventory.host.public_space, &mut v);
    v.into_result(())?;
    let asn = asn.ok_or_else(|| ApiError::internal("an ASN passed without being one"))?;
    if let Some(old) = existing {
        check_same(&old, asn)?;
        return call.tagged(&old.stamp.clone(), written(false, Shown::new(&peering, old)));
    }
    let new = RegisteredAsn {
        id: 0,
        peering_id: peering.id,
        name: name.to_owned(),
        asn,
        key: uuid::Uuid::new_v4().to_string(),
        stamp: call.stamp(),
    };
    let kept = registered_asn_insert(&mut tx, &new).await.map_err(|e| call.refuse(e))?;
    call.audit(
        &mut tx,
        "registeredAsns/write",
        &id(&peering, &kept.name),
        json!({ "asn": kept.asn, "created": true }),
    )
    .await?;
    work_enqueue_routers_of(&mut tx, peering.spec.asn, call.now).await?;
    tx.commit().await?;
    call.tagged(&kept.stamp.clone(), written(true, Shown::new(&peering, kept)))
}

/// Refuses a peering without route server, and says what to do there instead.
fn check_supported(peering: &Peering, connections: &[Connection]) -> Result<(), ApiError> {
    if peering.deleting {
        return Err(ApiError::conflict(
            "PeeringDeleting",
            "the peering is being deleted; register the ASN on another one",
        ));
    }
    if peering.spec.offering == OfferingKind::IxRs {
        return Ok(());
    }
    let live = connections.iter().filter(|c| c.removal.is_none());
    let instead = if peering.spec.peering_service(live.map(|c| &c.spec)) {
        "on this one register prefixes instead (registeredPrefixes)"
    } else {
        "this one has no Peering Service, so that nothing can be registered on it"
    };
    Err(ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "OperationNotSupported",
        format!(
            "Operation is not supported for this peering type: ASNs are registered on peerings with a route server (directPeeringType IxRs); {instead}"
        ),
    ))
}

/// A registration stands for one ASN: its key is known to that network.
fn check_same(old: &RegisteredAsn, asn: Asn) -> Result<(), ApiError> {
    if old.asn == asn {
        return Ok(());
    }
    let told = format!(
        "'{}' is the registration of AS{}, which can't be changed; register AS{asn} under another name, or delete this one first",
        old.name, old.asn
    );
    Err(ApiError::conflict("PropertyImmutable", told).target("properties.asn"))
}
