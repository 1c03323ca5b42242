//! Mails to send and how that went (`docs/rules.md` §9). A mail's key names its milestone and
//! what it is about, so that each is sent once however often it is asked for.

use crate::db::{Db, IdPage, Scope, Tx};
use crate::error::Result;
use crate::statement::{Columns, fold, sql, to_doc};
use crate::work::{WorkKind, work_enqueue};
use jiff::Timestamp;
use sqlx::any::AnyRow;

/// A mail to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMail {
    /// Names it, once for all.
    pub key: String,
    /// The milestone that it tells of.
    pub milestone: String,
    /// The subscription it concerns; `None`: the operators'.
    pub subscription: Option<String>,
    /// ARM id of the resource that lists it.
    pub resource_id: String,
    /// Addresses.
    pub recipients: Vec<String>,
    /// Subject.
    pub subject: String,
    /// Body as text.
    pub text: String,
    /// Body as HTML.
    pub html: String,
}

/// A mail with its delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Database id; newer ones are greater.
    pub id: i64,
    /// What is sent.
    pub mail: NewMail,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When the mail server took it.
    pub sent_at: Option<Timestamp>,
    /// How often sending failed.
    pub attempts: u32,
    /// Why it failed last.
    pub error: Option<String>,
}

statements! {
    ENQUEUE = "INSERT INTO mails (key, milestone, subscription, resource_id, recipients, subject,
               body_text, body_html, created_at_ms, attempts, resource_key)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $10) ON CONFLICT DO NOTHING";
    GET = "SELECT id, key, milestone, subscription, resource_id, recipients, subject, body_text,
           body_html, created_at_ms, sent_at_ms, attempts, error FROM mails WHERE key = $1";
    LIST = "SELECT id, key, milestone, subscription, resource_id, recipients, subject, body_text,
            body_html, created_at_ms, sent_at_ms, attempts, error FROM mails
            WHERE (CAST($1 AS TEXT) IS NULL OR subscription = $1) AND id < $2
            ORDER BY id DESC LIMIT $3";
    OF_RESOURCE = "SELECT id, key, milestone, subscription, resource_id, recipients, subject,
            body_text, body_html, created_at_ms, sent_at_ms, attempts, error FROM mails
            WHERE (CAST($1 AS TEXT) IS NULL OR subscription = $1) AND resource_key = $2
            ORDER BY id DESC LIMIT 1000";
    SENT = "UPDATE mails SET sent_at_ms = $1, error = NULL
            WHERE key = $2 AND sent_at_ms IS NULL";
    UNSENT_KEYS = "SELECT key FROM mails WHERE sent_at_ms IS NULL ORDER BY id";
    UNSENT = "SELECT COUNT(*) FROM mails WHERE sent_at_ms IS NULL";
    FAILED = "UPDATE mails SET error = $1, attempts = $2 WHERE key = $3";
}

/// Keeps a mail and asks for it to be sent. False, and nothing done, when its key exists.
pub async fn mail_enqueue(tx: &mut Tx, mail: &NewMail, at: Timestamp) -> Result<bool> {
    let inserted = sql(ENQUEUE)
        .bind(mail.key.as_str())
        .bind(mail.milestone.as_str())
        .bind(mail.subscription.as_deref().map(fold))
        .bind(mail.resource_id.as_str())
        .bind(to_doc(&mail.recipients, "mail recipients")?)
        .bind(mail.subject.as_str())
        .bind(mail.text.as_str())
        .bind(mail.html.as_str())
        .bind_time(at)
        .bind(fold(&mail.resource_id))
        .run(tx)
        .await?;
    if inserted == 0 {
        return Ok(false);
    }
    work_enqueue(tx, WorkKind::Mail, &mail.key, at).await?;
    Ok(true)
}

/// The one of a key.
pub async fn mail_get(db: &mut impl Db, key: &str) -> Result<Option<Mail>> {
    let row = sql(GET).bind(key).optional(db).await?;
    row.as_ref().map(mail).transpose()
}

/// Notes that the mail server took it.
pub async fn mail_mark_sent(tx: &mut Tx, key: &str, at: Timestamp) -> Result<()> {
    sql(SENT).bind_time(at).bind(key).run_one(tx, "unsent mail", key).await
}

/// Notes why sending failed, and how often it has by now.
pub async fn mail_mark_failed(tx: &mut Tx, key: &str, error: &str, attempts: u32) -> Result<()> {
    sql(FAILED).bind(error).bind(i64::from(attempts)).bind(key).run_one(tx, "mail", key).await
}

/// Mails of a scope, newest first.
pub async fn mails_list(db: &mut impl Db, scope: Scope<'_>, page: IdPage) -> Result<Vec<Mail>> {
    let rows = sql(LIST)
        .bind(scope.parameter())
        .bind(page.after.unwrap_or(i64::MAX))
        .bind(i64::from(page.limit))
        .all(db)
        .await?;
    rows.iter().map(mail).collect()
}

/// Mails that a resource lists, newest first.
pub async fn mails_of_resource(db: &mut impl Db, scope: Scope<'_>, resource_id: &str) -> Result<Vec<Mail>> {
    let rows = sql(OF_RESOURCE).bind(scope.parameter()).bind(fold(resource_id)).all(db).await?;
    rows.iter().map(mail).collect()
}

/// Keys of mails that aren't sent, oldest first.
pub async fn mails_unsent_keys(db: &mut impl Db) -> Result<Vec<String>> {
    let rows = sql(UNSENT_KEYS).all(db).await?;
    rows.iter().map(|row| row.text(0)).collect()
}

/// How many mails aren't sent yet.
pub async fn mails_unsent(db: &mut impl Db) -> Result<i64> {
    match sql(UNSENT).optional(db).await? {
        Some(row) => row.int(0),
        None => Ok(0),
    }
}

fn mail(row: &AnyRow) -> Result<Mail> {
    Ok(Mail {
        id: row.int(0)?,
        mail: NewMail {
            key: row.text(1)?,
            milestone: row.text(2)?,
            subscription: row.text_or_null(3)?,
            resource_id: row.text(4)?,
            recipients: row.doc(5, "mail recipients")?,
            subject: row.text(6)?,
            text: row.text(7)?,
            html: row.text(8)?,
        },
        created_at: row.time(9)?,
        sent_at: row.time_or_null(10)?,
        attempts: u32::try_from(row.int(11)?).unwrap_or(u32::MAX),
        error: row.text_or_null(12)?,
    })
}
