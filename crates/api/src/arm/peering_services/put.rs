//! `PUT peeringServices/{name}`: creates a peering service, or moves it to other peering locations.

use super::monitor::monitor_of;
use super::wire::{Sent, Shown, Sku, id};
use crate::arm::providers::{self, Provider};
use crate::arm::{inventory, resource_manager, tags};
use crate::call::{Answer, Call, written};
use crate::error::ApiError;
use meetme_model::Violations;
use meetme_model::inventory::Inventory;
use meetme_model::peering_service::{PeeringService, PeeringServiceSpec};
use meetme_model::region::{check_region, same_region};
use meetme_store::{
    Page, Tx, WorkKind, peering_service_get, peering_service_insert, peering_service_lock,
    peering_service_update, service_prefixes_list, work_enqueue, work_enqueue_routers_of,
};
use serde_json::json;
use std::collections::BTreeMap;

/// Creates (201) or changes (200) a peering service.
pub(super) async fn put(call: Call) -> Answer {
    let mut sent: Sent = call.json()?;
    let inventory = inventory(&call).await?;
    let mut tx = call.state.store.begin().await?;
    let name = call.param("peering_service");
    let existing = peering_service_get(&mut tx, call.subscription(), call.resource_group(), name).await?;
    let existing = match existing {
        Some(found) => Some(peering_service_lock(&mut tx, found.id).await?),
        None => None,
    };
    call.check_conditions(existing.as_ref().map(|e| &e.stamp))?;
    let provider = provider_of(&mut tx, &sent).await?;
    if let Some(old) = &existing {
        keep_unsayable(&call, &mut sent, &old.spec);
    }
    let spec = check(sent, &inventory, provider.as_ref(), existing.as_ref())?;
    if let Some(old) = &existing {
        check_move(&mut tx, old, &spec, provider.as_ref()).await?;
    }
    let created = existing.is_none();
    let kept = match existing {
        None => {
            resource_manager::ensure(&call, &mut tx, &spec.region).await?;
            peering_service_insert(&mut tx, &new(&call, spec)).await.map_err(|e| call.refuse(e))?
        }
        Some(mut old) => {
            let moved = (&old.spec.primary, &old.spec.backup) != (&spec.primary, &spec.backup);
            if old.spec != spec {
                old.spec = spec;
                old.stamp.change(&call.principal.name, call.now);
                peering_service_update(&mut tx, &old).await?;
            }
            if moved {
                move_prefixes(&call, &mut tx, &old, provider.as_ref()).await?;
            }
            old
        }
    };
    call.audit(
        &mut tx,
        "peeringServices/write",
        &id(&kept),
        json!({ "created": created, "provider": kept.spec.provider,
                "primary": kept.spec.primary, "backup": kept.spec.backup }),
    )
    .await?;
    let monitor = monitor_of(&call, &mut tx).await?;
    tx.commit().await?;
    call.tagged(&kept.stamp.clone(), written(created, Shown::new(kept, monitor.as_ref())))
}

/// What the request's api-version has no words for stays as it is.
fn keep_unsayable(call: &Call, sent: &mut Sent, old: &PeeringServiceSpec) {
    if !call.knows("PeeringService", "sku") {
        sent.sku = old.sku.clone().map(|name| Sku { name: Some(name) });
    }
    let properties = sent.properties.get_or_insert_default();
    if !call.knows("PeeringServiceProperties", "providerPrimaryPeeringLocation") {
        properties.provider_primary_peering_location.clone_from(&old.primary);
    }
    if !call.knows("PeeringServiceProperties", "providerBackupPeeringLocation") {
        properties.provider_backup_peering_location.clone_from(&old.backup);
    }
}

/// Has the service's prefixes and the provider's routers looked at again.
async fn move_prefixes(
    call: &Call,
    tx: &mut Tx,
    service: &PeeringService,
    provider: Option<&Provider>,
) -> Result<(), ApiError> {
    for prefix in service_prefixes_list(tx, service.id, &Page::first(u32::MAX)).await? {
        work_enqueue(tx, WorkKind::ServicePrefix, &prefix.id.to_string(), call.now).await?;
    }
    for asn in provider.iter().flat_map(|p| &p.asns) {
        work_enqueue_routers_of(tx, *asn, call.now).await?;
    }
    Ok(())
}

pub(super) fn new(call: &Call, spec: PeeringServiceSpec) -> PeeringService {
    PeeringService {
        id: 0,
        subscription: call.subscription().to_owned(),
        resource_group: call.resource_group().to_owned(),
        name: call.param("peering_service").to_owned(),
        spec,
        stamp: call.stamp(),
    }
}

/// The provider that is named, if it is one.
pub(super) async fn provider_of(tx: &mut Tx, sent: &Sent) -> Result<Option<Provider>, ApiError> {
    let named = sent.properties.as_ref().and_then(|p| p.peering_service_provider.as_deref());
    match named {
        Some(name) => providers::find(tx, name).await,
        None => Ok(None),
    }
}

/// Every rule of a peering service, told at once; `named` is the provider that it names.
pub(super) fn check(
    sent: Sent,
    inventory: &Inventory,
    named: Option<&Provider>,
    existing: Option<&PeeringService>,
) -> Result<PeeringServiceSpec, ApiError> {
    let mut v = Violations::default();
    let properties = sent.properties.unwrap_or_default();
    let region = check_region(sent.location.as_deref(), existing.map(|e| e.spec.region.as_str()), &mut v);
    let place = properties.peering_service_location.unwrap_or_default();
    let location = inventory
        .service_locations
        .iter()
        .find(|l| l.name.eq_ignore_ascii_case(place.trim()))
        .map(|l| l.name.clone());
    if location.is_none() {
        v.add(
            "PeeringServiceLocationUnknown",
            "properties.peeringServiceLocation",
            format!("'{place}' isn't one of peeringServiceLocations"),
        );
    }
    let name = properties.peering_service_provider.unwrap_or_default();
    let known = named.map(|p| p.name.clone());
    // A provider that has left meanwhile may still stand in an existing service.
    let same = existing.map(|e| &e.spec.provider);
    let provider = known.or(same.filter(|p| p.eq_ignore_ascii_case(&name)).cloned());
    if provider.is_none() {
        v.add(
            "PeeringServiceProviderUnknown",
            "properties.peeringServiceProvider",
            format!("'{name}' isn't one of peeringServiceProviders"),
        );
    }
    let mut metro = |sent: Option<String>, field: &str| {
        let sent = sent.filter(|s| !s.trim().is_empty() && !s.eq_ignore_ascii_case("None"))?;
        let found = inventory.location(sent.trim()).map(|l| l.name.clone());
        if found.is_none() {
            v.add(
                "PeeringLocationUnknown",
                format!("properties.{field}"),
                format!("'{sent}' isn't one of peeringLocations"),
            );
        }
        found
    };
    let primary = metro(properties.provider_primary_peering_location, "providerPrimaryPeeringLocation");
    let backup = metro(properties.provider_backup_peering_location, "providerBackupPeeringLocation");
    if backup.is_some() && backup == primary {
        v.add(
            "BackupSameAsPrimary",
            "properties.providerBackupPeeringLocation",
            "the backup location is the primary one; choose another, or leave it out for the Internet",
        );
    }
    let tags = match tags::check(sent.tags) {
        Ok(tags) => tags.unwrap_or_default(),
        Err(e) => {
            v.add(&e.code, "tags", e.message);
            BTreeMap::new()
        }
    };
    let spec = PeeringServiceSpec {
        region,
        location: location.unwrap_or_default(),
        provider: provider.unwrap_or_default(),
        primary,
        backup,
        sku: sent.sku.and_then(|s| s.name),
        tags,
    };
    if let Some(old) = existing {
        check_immutable(&old.spec, &spec, &mut v);
    }
    Ok(v.into_result(spec)?)
}

/// Prefixes are moved only to where they could be activated: the provider is present at each location
/// that is new.
pub(super) async fn check_move(
    tx: &mut Tx,
    old: &PeeringService,
    new: &PeeringServiceSpec,
    provider: Option<&Provider>,
) -> Result<(), ApiError> {
    const PRIMARY: &str = "providerPrimaryPeeringLocation";
    let unmoved = (&old.spec.primary, &old.spec.backup) == (&new.primary, &new.backup);
    if unmoved || service_prefixes_list(tx, old.id, &Page::first(1)).await?.is_empty() {
        return Ok(());
    }
    let mut v = Violations::default();
    if new.primary.is_none() {
        v.add(
            "PrimaryLocationRequired",
            format!("properties.{PRIMARY}"),
            "the service has activated prefixes, which need a primary peering location; delete them first",
        );
    }
    let had = [&old.spec.primary, &old.spec.backup];
    let at = [(&new.primary, PRIMARY), (&new.backup, "providerBackupPeeringLocation")]
        .map(|(location, field)| (location.as_ref().filter(|_| !had.contains(&location)), field));
    providers::check_presence(&new.provider, provider, &at, &mut v);
    Ok(v.into_result(())?)
}

fn check_immutable(old: &PeeringServiceSpec, new: &PeeringServiceSpec, v: &mut Violations) {
    let fixed = [
        (&old.location, &new.location, "properties.peeringServiceLocation"),
        (&old.provider, &new.provider, "properties.peeringServiceProvider"),
    ];
    let differs = |(old, new, _): &(&String, &String, &str)| !old.eq_ignore_ascii_case(new);
    let moved = (!same_region(&old.region, &new.region)).then_some((&old.region, &new.region, "location"));
    for (_, new, target) in fixed.into_iter().filter(differs).chain(moved) {
        // What couldn't be read has its own violation.
        if !new.is_empty() {
            v.add(
                "PropertyImmutable",
                target,
                "this can't be changed after creation; create another peering service",
            );
        }
    }
}
