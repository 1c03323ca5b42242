//! Hands one mail over. What the server refuses is tried again with back-off, and shown.

use super::Outcome;
use crate::mails::{Rendered, Sender};
use crate::{ControlError, now};
use meetme_store::{self as store, Store};

/// A mail that the server itself refused so often is left for a person to look at. A server that
/// can't be reached is tried for as long as it takes.
const MAX_REFUSALS: u32 = 12;

pub(crate) async fn reconcile(
    store: &Store,
    sender: Option<&Sender>,
    key: &str,
) -> Result<Outcome, ControlError> {
    let found = {
        let mut reader = store.read().await?;
        store::mail_get(&mut reader, key).await?
    };
    let (Some(found), Some(sender)) = (found, sender) else {
        return Ok(Outcome::Settled);
    };
    if found.sent_at.is_some() || found.mail.recipients.is_empty() {
        return Ok(Outcome::Settled);
    }
    let mail = found.mail;
    let rendered = Rendered { subject: mail.subject, text: mail.text, html: mail.html };
    let result = sender.send(found.id, &mail.recipients, &rendered).await;
    let mut tx = store.begin().await?;
    match &result {
        Ok(()) => store::mail_mark_sent(&mut tx, key, now()).await?,
        Err(e) => store::mail_mark_failed(&mut tx, key, &e.to_string(), found.attempts + 1).await?,
    }
    tx.commit().await?;
    match result {
        Err(ControlError::Mail { refused: true, .. }) if found.attempts >= MAX_REFUSALS => {
            Ok(Outcome::Settled)
        }
        result => result.map(|()| Outcome::Settled),
    }
}
