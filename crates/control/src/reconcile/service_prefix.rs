//! Reconciles one activated prefix: verdict, active path, events, mails (`docs/rules.md` §6).

use super::{MailContext, Outcome, enqueue_mail, inventory, replan_routers};
use crate::{ControlError, now, observed};
use meetme_model::asn::Asn;
use meetme_model::peering_service::{PathSeen, PathSince, Places, Seen, ServiceContext, service_verdict};
use meetme_model::plan::prefix::service;
use meetme_model::registered_prefix::SessionView;
use meetme_store::{self as store, Store};

pub(crate) async fn reconcile(store: &Store, id: i64) -> Result<Outcome, ControlError> {
    let now = now();
    let mut tx = store.begin().await?;
    let mut prefix = match store::service_prefix_lock(&mut tx, id).await {
        Err(store::StoreError::NotFound { .. }) => return Ok(Outcome::Settled),
        locked => locked?,
    };
    let inventory = inventory(&mut tx).await?;
    let Some(peering_service) = store::peering_service_by_id(&mut tx, prefix.service_id).await? else {
        return Ok(Outcome::Settled);
    };
    let registration = store::registered_prefix_by_id(&mut tx, prefix.registered_prefix_id).await?;
    let peering = match &registration {
        Some(r) => store::peering_by_id(&mut tx, r.peering_id).await?,
        None => None,
    };
    let Some(peering) = peering else {
        return Ok(Outcome::Settled);
    };
    let asn = peering.spec.asn;
    let mut primary = Vec::new();
    let mut backup = peering_service.spec.backup.as_ref().map(|_| Vec::new());
    let (mut elsewhere, mut elsewhere_at) = (Vec::new(), Vec::new());
    let at = |named: &Option<String>, location: &str| {
        named.as_deref().is_some_and(|n| n.eq_ignore_ascii_case(location))
    };
    for other in store::peerings_of_asn(&mut tx, asn).await? {
        for connection in store::connections_of(&mut tx, other.id).await? {
            if !connection.state.is_open() || connection.removal.is_some() {
                continue;
            }
            let Some(view) = observed::view(&mut tx, &connection, prefix.prefix).await? else {
                continue;
            };
            if at(&peering_service.spec.primary, &other.spec.location) {
                primary.push(view);
            } else if let (true, Some(backup)) =
                (at(&peering_service.spec.backup, &other.spec.location), &mut backup)
            {
                backup.push(view);
            } else {
                elsewhere.push(view);
                elsewhere_at.push(other.spec.location.clone());
            }
        }
    }
    let provider = store::peer_asn_get(&mut tx, &peering.subscription, &peering.spec.peer_asn_name).await?;
    let name = provider.as_ref().map(|p| p.spec.peer_name.clone());
    let associated = store::peer_asns_approved(&mut tx, &peering_service.subscription).await?;
    let origin_asns = std::iter::once(asn)
        .chain(associated.iter().filter(|a| Some(&a.spec.peer_name) == name.as_ref()).map(|a| a.spec.asn))
        .collect();
    let seen = Seen { primary: origin_of(&primary), backup: origin_of(backup.as_deref().unwrap_or(&[])) };
    let context = ServiceContext {
        registration: registration.as_ref().map(|r| r.verdict.state),
        origin_asns,
        primary,
        backup,
        elsewhere,
        was_verified: prefix.activated_at.is_some(),
    };
    let places = Places {
        primary: peering_service.spec.primary.as_deref(),
        backup: peering_service.spec.backup.as_deref(),
        elsewhere: &elsewhere_at,
    };
    let verdict = service_verdict(&context);
    let moved = PathSince::next(prefix.path.as_ref(), PathSeen::of(&context, places), now);
    if let Some(moved) = &moved {
        store::prefix_path_add(&mut tx, prefix.id, moved).await?;
        prefix.path = Some(moved.clone());
    }
    let first_look = prefix.verdict.checks.is_empty();
    if let Some((next, events, mails)) = service(&prefix, &peering_service.name, verdict, seen, asn, now) {
        store::service_prefix_update(&mut tx, &next).await?;
        for event in &events {
            store::prefix_event_add(&mut tx, prefix.id, event).await?;
        }
        let context = MailContext {
            host_name: &inventory.host.name,
            subscription: &peering_service.subscription,
            resource_id: format!(
                "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Peering/peeringServices/{}/prefixes/{}",
                peering_service.subscription,
                peering_service.resource_group,
                peering_service.name,
                prefix.name
            ),
            contacts: provider.as_ref().map_or(&[], |p| &p.spec.contacts),
        };
        for mail in &mails {
            enqueue_mail(&mut tx, &context, mail).await?;
        }
    } else if moved.is_some() {
        store::service_prefix_update(&mut tx, &prefix).await?;
    }
    if first_look {
        replan_routers(&mut tx, asn).await?;
    }
    tx.commit().await?;
    Ok(Outcome::Settled)
}

fn origin_of(views: &[SessionView]) -> Option<Asn> {
    views.iter().find_map(|v| v.route.as_ref()?.attributes.as_path.origin())
}
