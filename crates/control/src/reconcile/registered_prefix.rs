//! Reconciles one registered prefix: verdict, key, mails (`docs/rules.md` §5).

use super::{MailContext, Outcome, enqueue_mail, inventory, peering_path, replan_routers};
use crate::{ControlError, now, observed};
use meetme_model::plan::prefix::registered;
use meetme_model::registered_prefix::{VerdictContext, verdict};
use meetme_store::{self as store, Store, WorkKind};

pub(crate) async fn reconcile(store: &Store, id: i64) -> Result<Outcome, ControlError> {
    let now = now();
    let mut tx = store.begin().await?;
    let prefix = match store::registered_prefix_lock(&mut tx, id).await {
        Err(store::StoreError::NotFound { .. }) => return Ok(Outcome::Settled),
        locked => locked?,
    };
    let inventory = inventory(&mut tx).await?;
    let Some(peering) = store::peering_by_id(&mut tx, prefix.peering_id).await? else {
        return Ok(Outcome::Settled);
    };
    let Some(offering) = inventory.offering(peering.spec.offering) else {
        return Ok(Outcome::Settled);
    };
    let mut sessions = Vec::new();
    for connection in store::connections_of(&mut tx, peering.id).await? {
        if connection.state.is_open() && connection.removal.is_none() {
            sessions.extend(observed::view(&mut tx, &connection, prefix.prefix).await?);
        }
    }
    let asn = store::peer_asn_get(&mut tx, &peering.subscription, &peering.spec.peer_asn_name).await?;
    let peer_name = asn.as_ref().map(|a| a.spec.peer_name.clone());
    // Other ASNs count when they are associated in the same subscription under the same name.
    let associated = store::peer_asns_approved(&mut tx, &peering.subscription).await?;
    let origin_asns = std::iter::once(peering.spec.asn)
        .chain(
            associated.iter().filter(|a| Some(&a.spec.peer_name) == peer_name.as_ref()).map(|a| a.spec.asn),
        )
        .collect();
    let new = verdict(&VerdictContext {
        prefix: prefix.prefix,
        origin_asns,
        community: offering.community(inventory.host.asn),
        max_length: if prefix.prefix.is_ipv4() { offering.max_length_v4 } else { offering.max_length_v6 },
        sessions,
        was_verified: prefix.key.is_some(),
        space: &inventory.host.public_space,
    });
    let first_look = prefix.verdict.checks.is_empty();
    if let Some((next, mails)) =
        registered(&prefix, &peering.name, new, || uuid::Uuid::new_v4().to_string(), now)
    {
        store::registered_prefix_update(&mut tx, &next).await?;
        let context = MailContext {
            host_name: &inventory.host.name,
            subscription: &peering.subscription,
            resource_id: format!("{}/registeredPrefixes/{}", peering_path(&peering), prefix.name),
            contacts: asn.as_ref().map_or(&[], |a| &a.spec.contacts),
        };
        for mail in &mails {
            enqueue_mail(&mut tx, &context, mail).await?;
        }
        for service in store::service_prefixes_of_registration(&mut tx, id).await? {
            store::work_enqueue(&mut tx, WorkKind::ServicePrefix, &service.id.to_string(), now).await?;
        }
    }
    if first_look {
        replan_routers(&mut tx, peering.spec.asn).await?;
    }
    tx.commit().await?;
    Ok(Outcome::Settled)
}
