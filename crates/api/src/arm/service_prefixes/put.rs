//! `PUT prefixes/{name}`: activates a prefix by its key. Immutable: sending the same again changes
//! nothing, anything else is refused.

use super::wire::{Sent, Shown};
use crate::arm::peering_services::{id, service_of};
use crate::arm::{providers, wake};
use crate::call::{Answer, Call, written};
use crate::error::ApiError;
use meetme_model::peering_service::{ActivePath, LearnedType, PeeringService, Seen, ServicePrefix};
use meetme_model::prefix::PrefixError;
use meetme_model::registered_prefix::{PrefixState, PrefixVerdict, RegisteredPrefix};
use meetme_model::{Asn, Prefix, Violations};
use meetme_store::{
    Tx, WorkKind, audit_add, peering_lock, peering_service_lock, registered_prefix_by_key,
    service_prefix_get, service_prefix_insert, work_enqueue,
};
use serde_json::json;

const PREFIX: &str = "properties.prefix";
const KEY: &str = "properties.peeringServicePrefixKey";

/// Creates (201) an activated prefix; 200 when it is there just so.
pub(super) async fn put(call: Call) -> Answer {
    let sent = call.json::<Sent>()?.properties.unwrap_or_default();
    let mut tx = call.state.store.begin().await?;
    let found = service_of(&call, &mut tx).await?;
    let service = peering_service_lock(&mut tx, found.id).await?;
    let mut v = Violations::default();
    let prefix = parse(sent.prefix.as_deref(), &mut v);
    let key = sent.peering_service_prefix_key.unwrap_or_default().trim().to_ascii_lowercase();
    let existing = service_prefix_get(&mut tx, service.id, call.param("prefix")).await?;
    call.check_conditions(existing.as_ref().map(|e| &e.stamp))?;
    if let Some(old) = existing {
        unchanged(&old, prefix, &key, &mut v);
        v.into_result(())?;
        return call.tagged(&old.stamp.clone(), written(false, Shown::new(&service, old, None)));
    }
    let registration = registration(&mut tx, &service, prefix, &key, &mut v).await?;
    v.into_result(())?;
    let (registration, asn) =
        registration.ok_or_else(|| ApiError::internal("a key passed without a registration"))?;
    let kept = service_prefix_insert(&mut tx, &new(&call, &service, &registration, key))
        .await
        .map_err(|e| call.refuse(e))?;
    audit_add(
        &mut tx,
        call.now,
        &call.principal.name,
        "peeringServices/prefixes/write",
        &format!("{}/prefixes/{}", id(&service), kept.name),
        json!({ "prefix": kept.prefix }),
    )
    .await?;
    work_enqueue(&mut tx, WorkKind::ServicePrefix, &kept.id.to_string(), call.now).await?;
    wake::routers_of(&mut tx, asn, call.now).await?;
    tx.commit().await?;
    call.tagged(&kept.stamp.clone(), written(true, Shown::new(&service, kept, None)))
}

fn parse(text: Option<&str>, v: &mut Violations) -> Option<Prefix> {
    let Some(text) = text.filter(|t| !t.trim().is_empty()) else {
        v.add("PrefixRequired", PREFIX, "the prefix is missing");
        return None;
    };
    match text.parse() {
        Ok(prefix) => Some(prefix),
        Err(e) => {
            let code = match e {
                PrefixError::HostBits { .. } => "PrefixHostBitsSet",
                PrefixError::Syntax(_) => "PrefixInvalid",
            };
            v.add(code, PREFIX, e.to_string());
            None
        }
    }
}

fn unchanged(old: &ServicePrefix, prefix: Option<Prefix>, key: &str, v: &mut Violations) {
    const WHY: &str = "an activated prefix can't be changed; delete it and create another";
    if prefix.is_some_and(|p| p != old.prefix) {
        v.add("PropertyImmutable", PREFIX, WHY);
    }
    if !key.is_empty() && !key.eq_ignore_ascii_case(&old.key) {
        v.add("PropertyImmutable", KEY, WHY);
    }
}

/// The Verified registration behind the key, with its peer's ASN, and every rule that is broken.
/// An unknown key, another prefix's key, another provider's key and that of a peering that is being
/// deleted get the same answer.
async fn registration(
    tx: &mut Tx,
    service: &PeeringService,
    prefix: Option<Prefix>,
    key: &str,
    v: &mut Violations,
) -> Result<Option<(RegisteredPrefix, Asn)>, ApiError> {
    let providers = providers::all(tx).await?;
    let provider = providers::find(&providers, &service.spec.provider).map(|(_, p)| p);
    check_presence(service, provider, v);
    if key.is_empty() {
        v.add(
            "PrefixKeyRequired",
            KEY,
            "the prefix key is missing; the provider has it from the registered prefix",
        );
        return Ok(None);
    }
    let mut found = None;
    if let Some(registered) = registered_prefix_by_key(tx, key).await?
        && Some(registered.prefix) == prefix
    {
        // Locked, so that its deletion doesn't begin meanwhile: it couldn't end any more.
        let (peering, _) = peering_lock(tx, registered.peering_id).await?;
        if !peering.deleting && provider.is_some_and(|p| p.asns.contains(&peering.spec.asn)) {
            found = Some((registered, peering.spec.asn));
        }
    }
    match &found {
        None if prefix.is_some() => v.add(
            "PrefixKeyInvalid",
            KEY,
            "this isn't the key of a registration of this very prefix by this provider",
        ),
        Some((r, _)) if r.verdict.state != PrefixState::Verified => v.add(
            "RegistrationNotVerified",
            KEY,
            format!(
                "the registration of {} is {}, not Verified; the provider sees why on it",
                r.prefix,
                r.verdict.state.wire_name()
            ),
        ),
        _ => {}
    }
    Ok(found)
}

/// The provider is present at the primary location, and at the backup one if there is one.
fn check_presence(service: &PeeringService, provider: Option<&providers::Provider>, v: &mut Violations) {
    let Some(primary) = &service.spec.primary else {
        v.add(
            "PrimaryLocationRequired",
            "properties.providerPrimaryPeeringLocation",
            "the peering service has no primary peering location; set it before activating prefixes",
        );
        return;
    };
    let at = [
        (Some(primary), "providerPrimaryPeeringLocation"),
        (service.spec.backup.as_ref(), "providerBackupPeeringLocation"),
    ];
    for (location, field) in at {
        let Some(location) = location else { continue };
        if !provider.is_some_and(|p| p.is_at(location)) {
            v.add(
                "ProviderNotPresent",
                format!("properties.{field}"),
                format!(
                    "{} has no Active connection with Peering Service in {location}",
                    service.spec.provider
                ),
            );
        }
    }
}

fn new(call: &Call, service: &PeeringService, registration: &RegisteredPrefix, key: String) -> ServicePrefix {
    ServicePrefix {
        id: 0,
        service_id: service.id,
        name: call.param("prefix").to_owned(),
        prefix: registration.prefix,
        key,
        registered_prefix_id: registration.id,
        verdict: PrefixVerdict::pending(),
        learned: LearnedType::None,
        active_path: ActivePath::Internet,
        seen: Seen::default(),
        activated_at: None,
        stamp: call.stamp(),
    }
}
