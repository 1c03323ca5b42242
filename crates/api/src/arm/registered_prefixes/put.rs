//! `PUT registeredPrefixes/{name}`: registers a prefix, or says anew what its subnet houses.

use super::rules::{check_active, check_prefix, check_supported};
use super::wire::{Sent, Shown, id};
use crate::arm::inventory;
use crate::arm::peerings::peering_of;
use crate::call::{Answer, Call, written};
use crate::error::ApiError;
use meetme_model::registered_prefix::{PrefixVerdict, RegisteredPrefix, Usage};
use meetme_model::{Prefix, Violations};
use meetme_store::{
    WorkKind, peering_lock, registered_prefix_get, registered_prefix_insert, registered_prefix_lock,
    registered_prefix_update, work_enqueue, work_enqueue_routers_of,
};
use serde_json::json;

/// Creates (201) or changes (200) a registered prefix.
pub(super) async fn put(call: Call) -> Answer {
    let sent = call.json::<Sent>()?.properties.unwrap_or_default();
    let inventory = inventory(&call).await?;
    let mut tx = call.state.store.begin().await?;
    let found = peering_of(&call, &mut tx).await?;
    let (peering, connections) = peering_lock(&mut tx, found.id).await?;
    check_supported(&peering, &connections)?;
    let mut v = Violations::default();
    let offering = peering.spec.offering;
    let prefix = check_prefix(sent.prefix.as_deref(), offering, &inventory, &mut v);
    let usage = sent.usage(&mut v);
    let name = call.param("registered_prefix");
    let existing = registered_prefix_get(&mut tx, peering.id, name).await?;
    call.check_conditions(existing.as_ref().map(|e| &e.stamp))?;
    if let (Some(old), Some(new)) = (&existing, prefix)
        && old.prefix != new
    {
        v.add(
            "PropertyImmutable",
            "properties.prefix",
            "a registration's prefix can't be changed; delete it and register the other one",
        );
    }
    v.into_result(())?;
    let prefix = prefix.ok_or_else(|| ApiError::internal("a prefix passed without being one"))?;
    let created = existing.is_none();
    let kept = match existing {
        Some(old) => {
            let mut old = registered_prefix_lock(&mut tx, old.id).await?;
            if let Some(usage) = usage.filter(|u| *u != old.usage) {
                old.usage = usage;
                old.stamp.change(&call.principal.name, call.now);
                registered_prefix_update(&mut tx, &old).await?;
            }
            old
        }
        None => {
            check_active(&connections)?;
            let new = new(&call, peering.id, prefix, usage.unwrap_or_default());
            registered_prefix_insert(&mut tx, &new).await.map_err(|e| call.refuse(e))?
        }
    };
    call.audit(
        &mut tx,
        "registeredPrefixes/write",
        &id(&peering, &kept.name),
        json!({ "prefix": kept.prefix, "created": created, "usage": kept.usage }),
    )
    .await?;
    let key = kept.id.to_string();
    work_enqueue(&mut tx, WorkKind::RegisteredPrefix, &key, call.now).await?;
    if created {
        work_enqueue_routers_of(&mut tx, peering.spec.asn, call.now).await?;
    }
    tx.commit().await?;
    call.tagged(&kept.stamp.clone(), written(created, Shown::new(&peering, kept)))
}

fn new(call: &Call, peering_id: i64, prefix: Prefix, usage: Usage) -> RegisteredPrefix {
    RegisteredPrefix {
        id: 0,
        peering_id,
        name: call.param("registered_prefix").to_owned(),
        prefix,
        usage,
        key: None,
        verdict: PrefixVerdict::pending(),
        troubled: false,
        since: call.now,
        stamp: call.stamp(),
    }
}
