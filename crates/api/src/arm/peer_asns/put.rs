//! `PUT peerAsns/{name}`: claims an ASN, or changes its contacts. A refused claim that is sent
//! again is looked at again.

use super::names::refuse_taken;
use super::wire::{Sent, Shown, id};
use crate::arm::inventory;
use crate::call::{Answer, Call, written};
use crate::error::ApiError;
use meetme_model::peer_asn::{AsnState, Contact, PeerAsn, PeerAsnDraft, PeerAsnSpec, validate};
use meetme_model::{Asn, Violations};
use meetme_store::{
    Db, WorkKind, peer_asn_by_number, peer_asn_get, peer_asn_insert, peer_asn_lock, peer_asn_update,
    work_enqueue,
};
use serde_json::json;

/// Creates (201) or changes (200) a peer ASN.
pub(super) async fn put(call: Call) -> Answer {
    let draft = PeerAsnDraft::from(call.json::<Sent>()?);
    let inventory = inventory(&call).await?;
    let spec = validate(&draft, &inventory.host)?;
    let mut tx = call.state.store.begin().await?;
    let existing = peer_asn_get(&mut tx, call.subscription(), call.param("peer_asn")).await?;
    call.check_conditions(existing.as_ref().map(|e| &e.stamp))?;
    let created = existing.is_none();
    let kept = match existing {
        None => {
            refuse_twice(&mut tx, call.subscription(), spec.asn).await?;
            refuse_taken(&mut tx, call.subscription(), spec.asn, &spec.peer_name).await?;
            peer_asn_insert(&mut tx, &new(&call, spec)).await.map_err(|e| call.refuse(e))?
        }
        Some(old) => {
            let mut old = peer_asn_lock(&mut tx, old.id).await?;
            call.check_conditions(Some(&old.stamp))?;
            let mut spec = spec;
            // What such a version shows, sent back, changes nothing.
            if !call.knows("PeerAsnProperties", "peerContactDetail")
                && without_roles(&spec.contacts) == without_roles(&old.spec.contacts)
            {
                spec.contacts.clone_from(&old.spec.contacts);
            }
            if change(&call, &mut old, spec)? {
                refuse_taken(&mut tx, &old.subscription, old.spec.asn, &old.spec.peer_name).await?;
            }
            peer_asn_update(&mut tx, &old).await?;
            old
        }
    };
    call.audit(
        &mut tx,
        "peerAsns/write",
        &id(&kept.subscription, &kept.name),
        json!({ "asn": kept.spec.asn, "peerName": kept.spec.peer_name, "created": created }),
    )
    .await?;
    work_enqueue(&mut tx, WorkKind::PeerAsn, &kept.id.to_string(), call.now).await?;
    tx.commit().await?;
    call.tagged(&kept.stamp.clone(), written(created, Shown::from(kept)))
}

/// 409 when the subscription has the ASN under another name.
async fn refuse_twice(db: &mut impl Db, subscription: &str, asn: Asn) -> Result<(), ApiError> {
    let Some(other) = peer_asn_by_number(db, subscription, asn).await? else { return Ok(()) };
    let message = format!("AS{asn} is associated in this subscription already, as '{}'", other.name);
    Err(ApiError::conflict("PeerAsnExists", message).target("properties.peerAsn"))
}

fn new(call: &Call, spec: PeerAsnSpec) -> PeerAsn {
    PeerAsn {
        id: 0,
        subscription: call.subscription().to_owned(),
        name: call.param("peer_asn").to_owned(),
        spec,
        state: AsnState::Pending,
        error_message: None,
        decision: None,
        asked_at: None,
        stamp: call.stamp(),
    }
}

/// What a version without roles shows of contacts: addresses and phone numbers, each once.
fn without_roles(contacts: &[Contact]) -> [Vec<&str>; 2] {
    let mut all = [Vec::new(), Vec::new()];
    for contact in contacts {
        for (list, value) in all.iter_mut().zip([contact.email.as_str(), contact.phone.as_str()]) {
            if !value.is_empty() && !list.contains(&value) {
                list.push(value);
            }
        }
    }
    all
}

/// Takes over what may change. The number never does; the name doesn't once it was approved,
/// because it is approved together with the number and names a provider from then on.
/// True when the claim is asked anew: it was refused, or carries another name. Contacts alone never
/// take back a decision that isn't executed yet.
fn change(call: &Call, old: &mut PeerAsn, spec: PeerAsnSpec) -> Result<bool, ApiError> {
    let mut v = Violations::default();
    if old.spec.asn != spec.asn {
        v.add(
            "PropertyImmutable",
            "properties.peerAsn",
            "the ASN can't be changed; associate the other one under another name",
        );
    }
    if old.state == AsnState::Approved && old.spec.peer_name != spec.peer_name {
        v.add(
            "PropertyImmutable",
            "properties.peerName",
            "the peer's name was approved and can't be changed",
        );
    }
    v.into_result(())?;
    let anew = old.state == AsnState::Failed || old.spec.peer_name != spec.peer_name;
    if anew || old.spec != spec {
        old.stamp.change(&call.principal.name, call.now);
    }
    old.spec = spec;
    if anew {
        old.asked_at = Some(call.now);
        old.state = AsnState::Pending;
        old.error_message = None;
        old.decision = None;
    }
    Ok(anew)
}
