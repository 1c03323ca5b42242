//! Reconciles one claim to an ASN (`docs/rules.md` §1).

use super::{MailContext, Outcome, enqueue_mail, inventory};
use crate::settings::Settings;
use crate::{ControlError, now};
use jiff::Timestamp;
use meetme_model::plan::peer_asn::{AsnEffect, plan};
use meetme_store::{self as store, Page, Store, Tx, WorkKind};

/// Rows read at once.
const PAGE: u32 = 500;

pub(crate) async fn reconcile(store: &Store, settings: &Settings, id: i64) -> Result<Outcome, ControlError> {
    let now = now();
    let mut tx = store.begin().await?;
    let mut asn = match store::peer_asn_lock(&mut tx, id).await {
        Err(store::StoreError::NotFound { .. }) => return Ok(Outcome::Settled),
        locked => locked?,
    };
    let inventory = inventory(&mut tx).await?;
    let mut decided = false;
    for effect in plan(&asn, &settings.policy, now) {
        match effect {
            AsnEffect::Decide { state, decision, error_message } => {
                asn.state = state;
                asn.decision = Some(decision);
                asn.error_message = error_message;
                asn.stamp.change("meetme", now);
                decided = true;
            }
            AsnEffect::Mail(mail) => {
                let context = MailContext {
                    host_name: &inventory.host.name,
                    subscription: &asn.subscription,
                    resource_id: format!(
                        "/subscriptions/{}/providers/Microsoft.Peering/peerAsns/{}",
                        asn.subscription, asn.name
                    ),
                    contacts: &asn.spec.contacts,
                };
                enqueue_mail(&mut tx, &context, &mail).await?;
            }
        }
    }
    if decided {
        store::peer_asn_update(&mut tx, &asn).await?;
        for peering in store::peerings_of_asn(&mut tx, asn.spec.asn).await? {
            store::work_enqueue(&mut tx, WorkKind::Peering, &peering.id.to_string(), now).await?;
        }
        prefixes_of(&mut tx, &asn.subscription, now).await?;
    }
    tx.commit().await?;
    Ok(Outcome::Settled)
}

/// An ASN that is associated now may be the origin that a prefix of the subscription waits for.
async fn prefixes_of(tx: &mut Tx, subscription: &str, now: Timestamp) -> Result<(), ControlError> {
    let mut page = Page::first(PAGE);
    loop {
        let peerings = store::peerings_list(tx, subscription, None, &page).await?;
        let Some(last) = peerings.last() else { break };
        page.after = Some(store::path_key(&last.resource_group, &last.name));
        for peering in &peerings {
            for prefix in store::registered_prefixes_list(tx, peering.id, &Page::first(u32::MAX)).await? {
                store::work_enqueue(tx, WorkKind::RegisteredPrefix, &prefix.id.to_string(), now).await?;
            }
        }
    }
    let mut page = Page::first(PAGE);
    loop {
        let services = store::peering_services_list(tx, subscription, None, &page).await?;
        let Some(last) = services.last() else { break };
        page.after = Some(store::path_key(&last.resource_group, &last.name));
        for service in &services {
            for prefix in store::service_prefixes_list(tx, service.id, &Page::first(u32::MAX)).await? {
                store::work_enqueue(tx, WorkKind::ServicePrefix, &prefix.id.to_string(), now).await?;
            }
        }
    }
    Ok(())
}
