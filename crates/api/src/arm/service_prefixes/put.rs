//! `PUT prefixes/{name}`: activates a prefix by its key. Immutable: sending the same again changes
//! nothing, anything else is refused.

use super::wire::{Sent, SentProperties, Shown};
use crate::arm::peering_services::{id, service_of};
use crate::arm::providers;
use crate::call::{Answer, Call, written};
use crate::error::ApiError;
use meetme_model::peering_service::{ActivePath, LearnedType, PeeringService, Seen, ServicePrefix};
use meetme_model::prefix::PrefixError;
use meetme_model::registered_prefix::{PrefixState, PrefixVerdict, RegisteredPrefix};
use meetme_model::{Asn, Prefix, Violations};
use meetme_store::{
    Tx, WorkKind, peering_lock, peering_service_lock, registered_prefix_by_key, service_prefix_get,
    service_prefix_insert, work_enqueue, work_enqueue_routers_of,
};
use serde_json::json;

const PREFIX: &str = "properties.prefix";
const KEY: &str = "properties.peeringServicePrefixKey";
const KEY_MISSING: &str = "the prefix key is missing; the provider has it from the registered prefix";

/// Creates (201) an activated prefix; 200 when it is there just so.
pub(super) async fn put(call: Call) -> Answer {
    let sent = call.json::<Sent>()?.properties.unwrap_or_default();
    let mut tx = call.state.store.begin().await?;
    let found = service_of(&call, &mut tx).await?;
    let service = peering_service_lock(&mut tx, found.id).await?;
    let existing = service_prefix_get(&mut tx, service.id, call.param("prefix")).await?;
    call.check_conditions(existing.as_ref().map(|e| &e.stamp))?;
    if let Some(old) = existing {
        unchanged(&old, &sent)?;
        return call.tagged(&old.stamp.clone(), written(false, Shown::new(&service, old, None)));
    }
    let (kept, asn) = activate(&call, &mut tx, &service, call.param("prefix"), sent).await?;
    call.audit(
        &mut tx,
        "peeringServices/prefixes/write",
        &format!("{}/prefixes/{}", id(&service), kept.name),
        json!({ "prefix": kept.prefix }),
    )
    .await?;
    work_enqueue(&mut tx, WorkKind::ServicePrefix, &kept.id.to_string(), call.now).await?;
    work_enqueue_routers_of(&mut tx, asn, call.now).await?;
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
                PrefixError::Syntax(_) | PrefixError::LeadingZero(_) => "PrefixInvalid",
            };
            v.add(code, PREFIX, e.to_string());
            None
        }
    }
}

fn key_of(sent: &SentProperties) -> String {
    sent.peering_service_prefix_key.as_deref().unwrap_or_default().trim().to_ascii_lowercase()
}

fn unchanged(old: &ServicePrefix, sent: &SentProperties) -> Result<(), ApiError> {
    const WHY: &str = "an activated prefix can't be changed; delete it and create another";
    let mut v = Violations::default();
    if parse(sent.prefix.as_deref(), &mut v).is_some_and(|p| p != old.prefix) {
        v.add("PropertyImmutable", PREFIX, WHY);
    }
    let key = key_of(sent);
    if !key.is_empty() && !key.eq_ignore_ascii_case(&old.key) {
        v.add("PropertyImmutable", KEY, WHY);
    }
    Ok(v.into_result(())?)
}

/// Does what PUT does, in a transaction that the caller gives up.
pub(crate) async fn try_put(
    call: &Call,
    tx: &mut Tx,
    service: &PeeringService,
    name: &str,
    sent: SentProperties,
) -> Result<(), ApiError> {
    match service_prefix_get(tx, service.id, name).await? {
        Some(old) => unchanged(&old, &sent),
        None => activate(call, tx, service, name, sent).await.map(|_| ()),
    }
}

/// Adds a prefix to a service; also answers the ASN whose routers it concerns.
async fn activate(
    call: &Call,
    tx: &mut Tx,
    service: &PeeringService,
    name: &str,
    sent: SentProperties,
) -> Result<(ServicePrefix, Asn), ApiError> {
    let mut v = Violations::default();
    let prefix = parse(sent.prefix.as_deref(), &mut v);
    let key = key_of(&sent);
    let registration = registration(tx, service, prefix, &key, &mut v).await?;
    v.into_result(())?;
    let (registration, asn) =
        registration.ok_or_else(|| ApiError::internal("a key passed without a registration"))?;
    let kept = service_prefix_insert(tx, &new(call, service, name, &registration, key))
        .await
        .map_err(|e| call.refuse(e))?;
    Ok((kept, asn))
}

/// What can be told of a prefix without its service.
pub(crate) fn check_syntax(sent: &SentProperties) -> Result<(), ApiError> {
    let mut v = Violations::default();
    parse(sent.prefix.as_deref(), &mut v);
    if key_of(sent).is_empty() {
        v.add("PrefixKeyRequired", KEY, KEY_MISSING);
    }
    Ok(v.into_result(())?)
}

/// The field of a prefix that a refusal's target names; `None` when it is about the service.
pub(crate) fn field_of(target: &str) -> Option<&str> {
    match target {
        PREFIX | KEY => target.strip_prefix("properties."),
        "name" => Some(target),
        _ => None,
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
    let provider = providers::find(tx, &service.spec.provider).await?;
    check_presence(service, provider.as_ref(), v);
    if key.is_empty() {
        v.add("PrefixKeyRequired", KEY, KEY_MISSING);
        return Ok(None);
    }
    let mut found = None;
    if let Some(registered) = registered_prefix_by_key(tx, key).await?
        && Some(registered.prefix) == prefix
    {
        // Locked, so that its deletion doesn't begin meanwhile: it couldn't end any more.
        let (peering, _) = peering_lock(tx, registered.peering_id).await?;
        if !peering.deleting && provider.as_ref().is_some_and(|p| p.asns.contains(&peering.spec.asn)) {
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
    providers::check_presence(&service.spec.provider, provider, &at, v);
}

fn new(
    call: &Call,
    service: &PeeringService,
    name: &str,
    registration: &RegisteredPrefix,
    key: String,
) -> ServicePrefix {
    ServicePrefix {
        id: 0,
        service_id: service.id,
        name: name.to_owned(),
        prefix: registration.prefix,
        key,
        registered_prefix_id: registration.id,
        verdict: PrefixVerdict::pending(),
        learned: LearnedType::None,
        active_path: ActivePath::Internet,
        seen: Seen::default(),
        activated_at: None,
        path: None,
        stamp: call.stamp(),
    }
}
