//! `GET /api/v1/mails`, and `…/subscriptions/{subscription}/mails`: milestone mails with their delivery,
//! newest first; of one resource with `?resource=<ARM id>`.

use crate::call::{Answer, Call, ok};
use crate::page::{Page, by_id, page};
use jiff::Timestamp;
use meetme_store::{Mail, Scope, mails_list, mails_of_resource};
use serde::Serialize;

/// Milestone of a mail that carries a link with which its reader becomes the invited person.
const INVITATION: &str = "Invitation";
/// Shown in place of such a mail's text.
const LINK_HIDDEN: &str = "An invitation. Its link is only for the person invited, and isn't shown.";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    id: i64,
    key: String,
    milestone: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscription: Option<String>,
    resource_id: String,
    recipients: Vec<String>,
    subject: String,
    text: String,
    created_at: Timestamp,
    sent_at: Option<Timestamp>,
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl From<Mail> for Shown {
    fn from(m: Mail) -> Self {
        Self {
            id: m.id,
            key: m.mail.key,
            subscription: m.mail.subscription,
            resource_id: m.mail.resource_id,
            recipients: m.mail.recipients,
            subject: m.mail.subject,
            text: if m.mail.milestone == INVITATION { LINK_HIDDEN.to_owned() } else { m.mail.text },
            milestone: m.mail.milestone,
            created_at: m.created_at,
            sent_at: m.sent_at,
            attempts: m.attempts,
            error: m.error,
        }
    }
}

/// Answers everybody's mails.
pub(super) async fn list(call: Call) -> Answer {
    of_scope(&call, Scope::All).await
}

/// Answers a subscription's mails.
pub(super) async fn of_subscription(call: Call) -> Answer {
    of_scope(&call, Scope::Subscription(call.subscription())).await
}

async fn of_scope(call: &Call, scope: Scope<'_>) -> Answer {
    let mut db = call.state.store.read().await?;
    if let Some(resource) = call.query("resource").filter(|r| !r.is_empty()) {
        let rows = mails_of_resource(&mut db, scope, resource).await?;
        return ok(Page::whole(rows.into_iter().map(Shown::from).collect()));
    }
    let rows = mails_list(&mut db, scope, by_id(call)?).await?;
    ok(page(call, rows, |m| m.id.to_string(), Shown::from))
}
