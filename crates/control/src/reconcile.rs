//! The reconcilers, one file each. Each looks at what is, asks a planner, and writes the outcome
//! in one transaction; being called once too often does no harm.

pub(crate) mod mail;
pub(crate) mod peer_asn;
pub(crate) mod peering;
pub(crate) mod registered_prefix;
pub(crate) mod router;
pub(crate) mod service_prefix;

use crate::{ControlError, mails, now};
use jiff::Timestamp;
use meetme_model::asn::Asn;
use meetme_model::inventory::Inventory;
use meetme_model::mail::MailIntent;
use meetme_model::peer_asn::Contact;
use meetme_store::{self as store, NewMail, Tx};
use std::sync::Arc;

/// What a reconciler leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing to do until something changes.
    Settled,
    /// To be looked at again then, whatever happens until then.
    LookAgainAt(Timestamp),
}

async fn inventory(tx: &mut Tx) -> Result<Arc<Inventory>, ControlError> {
    store::inventory_get(tx).await?.map(|(_, inventory)| inventory).ok_or(ControlError::NoInventory)
}

/// About what a mail is, and whom it may concern.
struct MailContext<'a> {
    host_name: &'a str,
    subscription: &'a str,
    resource_id: String,
    contacts: &'a [Contact],
}

/// Enqueues a milestone mail; one that was enqueued before is left as it is.
async fn enqueue_mail(tx: &mut Tx, context: &MailContext<'_>, mail: &MailIntent) -> Result<(), ControlError> {
    let rendered = mails::render(mail, context.host_name);
    store::mail_enqueue(
        tx,
        &NewMail {
            key: mail.key.clone(),
            milestone: format!("{:?}", mail.milestone),
            subscription: Some(context.subscription.to_owned()),
            resource_id: context.resource_id.clone(),
            recipients: mails::recipients(mail.milestone, context.contacts),
            subject: rendered.subject,
            text: rendered.text,
            html: rendered.html,
        },
        now(),
    )
    .await?;
    Ok(())
}

/// Every router that has a connection of this peer is to be planned again.
async fn replan_routers(tx: &mut Tx, asn: Asn) -> Result<(), ControlError> {
    Ok(store::work_enqueue_routers_of(tx, asn, now()).await?)
}

fn peering_path(peering: &meetme_model::peering::Peering) -> String {
    format!(
        "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Peering/peerings/{}",
        peering.subscription, peering.resource_group, peering.name
    )
}
