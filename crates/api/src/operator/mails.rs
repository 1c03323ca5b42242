//! `GET /api/v1/mails`: milestone mails with their delivery, newest first; of one resource with
//! `?resource=<ARM id>`.

use crate::call::{Answer, Call, ok};
use crate::page::{Page, by_id, page};
use jiff::Timestamp;
use meetme_store::{Mail, Scope, mails_list, mails_of_resource};
use serde::Serialize;

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
            milestone: m.mail.milestone,
            subscription: m.mail.subscription,
            resource_id: m.mail.resource_id,
            recipients: m.mail.recipients,
            subject: m.mail.subject,
            text: m.mail.text,
            created_at: m.created_at,
            sent_at: m.sent_at,
            attempts: m.attempts,
            error: m.error,
        }
    }
}

/// Answers mails.
pub(super) async fn list(call: Call) -> Answer {
    let mut db = call.state.store.read().await?;
    if let Some(resource) = call.query("resource").filter(|r| !r.is_empty()) {
        let rows = mails_of_resource(&mut db, Scope::All, resource).await?;
        return ok(Page::whole(rows.into_iter().map(Shown::from).collect()));
    }
    let rows = mails_list(&mut db, Scope::All, by_id(&call)?).await?;
    ok(page(&call, rows, |m| m.id.to_string(), Shown::from))
}
