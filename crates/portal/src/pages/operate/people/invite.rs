//! Inviting somebody.

use super::super::host;
use super::fields::{email_field, name_field, read, read_email, rights_fields};
use super::letter::{Invited, invitation_page, mail};
use crate::error::PageError;
use crate::layout::Page;
use crate::parts::faults::Faults;
use crate::parts::form::form;
use crate::parts::typed::Typed;
use crate::session::{Context, INVITED, now};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use maud::html;
use meetme_store::{Person, audit_add, invitation_add, person_insert};
use serde_json::json;

/// Shows the form.
pub(crate) async fn show(context: Context) -> Result<Response, PageError> {
    host(&context)?;
    if !context.viewer.is_operator() {
        return Err(PageError::NotAllowed);
    }
    Ok(page(&context, &Typed::default(), &Faults::default()))
}

/// Invites.
pub(crate) async fn invite(
    context: Context,
    headers: HeaderMap,
    typed: Typed,
) -> Result<Response, PageError> {
    host(&context)?;
    context.check_form(&headers, typed.csrf())?;
    if !context.viewer.is_operator() {
        return Err(PageError::NotAllowed);
    }
    let mut faults = Faults::default();
    let (name, rights) = read(&typed, &mut faults);
    let email = read_email(&typed, &mut faults);
    if !faults.none() {
        return Ok(page(&context, &typed, &faults));
    }
    let network = super::letter::network(&context).await?;
    let at = now();
    let new = Person {
        id: 0,
        email,
        name,
        role: rights.role,
        subscriptions: rights.subscriptions,
        password_hash: None,
        disabled: false,
        created_at: at,
    };
    let mut tx = context.state.store.begin().await?;
    let person = match person_insert(&mut tx, &new).await {
        Ok(person) => person,
        Err(e) if matches!(e.conflict(), Some(meetme_store::Conflict::PersonKnown { .. })) => {
            faults.add("email", "somebody with this address is invited already; see People");
            return Ok(page(&context, &typed, &faults));
        }
        Err(e) => return Err(e.into()),
    };
    let token = invitation_add(&mut tx, person.id, at + INVITED).await?;
    let invited = Invited::new(&context, &headers, person, &token, at);
    let mailed = mail(&mut tx, &context, &invited, &network).await?;
    let detail = json!({
        "email": invited.person.email,
        "role": invited.person.role.name(),
        "subscriptions": invited.person.subscriptions,
    });
    let resource = format!("people/{}", invited.person.id);
    audit_add(&mut tx, at, &context.viewer.person.email, "people/invite", &resource, detail).await?;
    tx.commit().await?;
    Ok(invitation_page(&context, &invited, mailed))
}

fn page(context: &Context, typed: &Typed, faults: &Faults) -> Response {
    let content = form(
        &context.viewer,
        "/operate/people/invite",
        html! {
            (faults.top())
            (name_field(typed, faults))
            (email_field(typed, faults))
            (rights_fields(typed, faults))
            div.actions {
                button.primary type="submit" { "Invite" }
                a.button href="/operate/people" { "Cancel" }
            }
        },
    );
    let mut page = Page::new(&context.viewer, "/operate/people", "Invite somebody", content);
    page.trail = &[("People", "/operate/people")];
    page.into_response()
}
