//! What operators do to somebody: disable, enable, invite again or withdraw it, end sessions. Never to
//! themselves, and one operator stays.

use super::super::host;
use super::letter::{Invited, invitation_page, mail, network};
use super::path;
use crate::error::PageError;
use crate::parts::typed::Typed;
use crate::session::{Context, INVITED, now};
use axum::extract::Path;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use jiff::Timestamp;
use meetme_store::{
    Person, Role, Tx, audit_add, invitation_add, invitations_end, other_operators, person_by_id, person_lock,
    person_update, sessions_end,
};
use serde_json::json;

/// Makes a new link; the one before ends.
pub(crate) async fn invite_again(
    context: Context,
    Path(person): Path<i64>,
    headers: HeaderMap,
    typed: Typed,
) -> Result<Response, PageError> {
    context.check_form(&headers, typed.csrf())?;
    // Asked before the transaction: none stays open across a question.
    let network = network(&context).await?;
    let (mut tx, person, at) = begin(&context, person, &headers, &typed).await?;
    if person.disabled {
        // Somebody disabled the person meanwhile; the page says so.
        return Ok(Redirect::to(&path(&person)).into_response());
    }
    let token = invitation_add(&mut tx, person.id, at + INVITED).await?;
    audit(&mut tx, &context, &person, "people/invite", at).await?;
    let invited = Invited::new(&context, &headers, person, &token, at);
    let mailed = mail(&mut tx, &context, &invited, &network).await?;
    tx.commit().await?;
    Ok(invitation_page(&context, &invited, mailed))
}

/// Ends the link that was sent last.
pub(crate) async fn withdraw(
    context: Context,
    Path(person): Path<i64>,
    headers: HeaderMap,
    typed: Typed,
) -> Result<Response, PageError> {
    let (mut tx, person, at) = begin(&context, person, &headers, &typed).await?;
    invitations_end(&mut tx, person.id).await?;
    done(tx, &context, &person, "people/withdraw", at).await
}

/// Lets a person in no more: sessions and invitations end at once.
pub(crate) async fn disable(
    context: Context,
    Path(person): Path<i64>,
    headers: HeaderMap,
    typed: Typed,
) -> Result<Response, PageError> {
    let (mut tx, mut person, at) = begin(&context, person, &headers, &typed).await?;
    if person.role == Role::Operator && !lasts(&mut tx, person.id).await? {
        // Two operators disable each other in the same moment.
        return Err(PageError::NotAllowed);
    }
    person.disabled = true;
    person_update(&mut tx, &person).await?;
    sessions_end(&mut tx, person.id, None).await?;
    invitations_end(&mut tx, person.id).await?;
    done(tx, &context, &person, "people/disable", at).await
}

/// Lets a person in again.
pub(crate) async fn enable(
    context: Context,
    Path(person): Path<i64>,
    headers: HeaderMap,
    typed: Typed,
) -> Result<Response, PageError> {
    let (mut tx, mut person, at) = begin(&context, person, &headers, &typed).await?;
    person.disabled = false;
    person_update(&mut tx, &person).await?;
    done(tx, &context, &person, "people/enable", at).await
}

/// Ends a person's sessions.
pub(crate) async fn end_sessions(
    context: Context,
    Path(person): Path<i64>,
    headers: HeaderMap,
    typed: Typed,
) -> Result<Response, PageError> {
    let (mut tx, person, at) = begin(&context, person, &headers, &typed).await?;
    sessions_end(&mut tx, person.id, None).await?;
    done(tx, &context, &person, "people/endSessions", at).await
}

/// Whether an operator who can sign in is left without this one.
pub(super) async fn lasts(tx: &mut Tx, without: i64) -> Result<bool, PageError> {
    Ok(other_operators(tx, without).await? > 0)
}

/// The person, locked, once it is sure that the viewer may change them.
async fn begin(
    context: &Context,
    person: i64,
    headers: &HeaderMap,
    typed: &Typed,
) -> Result<(Tx, Person, Timestamp), PageError> {
    host(context)?;
    context.check_form(headers, typed.csrf())?;
    if !context.viewer.is_operator() || person == context.viewer.person.id {
        return Err(PageError::NotAllowed);
    }
    let mut tx = context.state.store.begin().await?;
    let known = person_by_id(&mut tx, person).await?;
    known.ok_or(PageError::NotFound)?;
    let person = person_lock(&mut tx, person).await?;
    Ok((tx, person, now()))
}

async fn done(
    mut tx: Tx,
    context: &Context,
    person: &Person,
    action: &str,
    at: Timestamp,
) -> Result<Response, PageError> {
    audit(&mut tx, context, person, action, at).await?;
    tx.commit().await?;
    Ok(Redirect::to(&path(person)).into_response())
}

async fn audit(
    tx: &mut Tx,
    context: &Context,
    person: &Person,
    action: &str,
    at: Timestamp,
) -> Result<(), PageError> {
    let resource = format!("people/{}", person.id);
    let detail = json!({ "email": person.email });
    Ok(audit_add(tx, at, &context.viewer.person.email, action, &resource, detail).await?)
}
