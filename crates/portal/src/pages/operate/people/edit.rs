//! Changing a person's name and rights. It counts from the next request of their open sessions on.

use super::super::host;
use super::change::lasts;
use super::fields::{name_field, read, rights_fields, typed_of};
use super::path;
use crate::error::PageError;
use crate::layout::Page;
use crate::parts::faults::Faults;
use crate::parts::form::form;
use crate::parts::typed::Typed;
use crate::parts::version::Version;
use crate::session::{Context, now};
use axum::extract::Path;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use maud::html;
use meetme_store::{Person, Role, audit_add, person_by_id, person_lock, person_update};
use serde_json::{Value, json};

/// Shows the form.
pub(crate) async fn show(context: Context, Path(person): Path<i64>) -> Result<Response, PageError> {
    let person = of(&context, person).await?;
    Ok(page(&context, &person, &typed_of(&person), &version(&person), &Faults::default()))
}

/// Writes what was typed.
pub(crate) async fn save(
    context: Context,
    Path(person): Path<i64>,
    headers: HeaderMap,
    typed: Typed,
) -> Result<Response, PageError> {
    let person = of(&context, person).await?;
    context.check_form(&headers, typed.csrf())?;
    let mut faults = Faults::default();
    let (name, rights) = read(&typed, &mut faults);
    if !faults.none() {
        return Ok(page(&context, &person, &typed, &typed.version(), &faults));
    }
    let mut tx = context.state.store.begin().await?;
    let lasts = lasts(&mut tx, person.id).await?;
    let before = person_lock(&mut tx, person.id).await?;
    if typed.version() != version(&before) {
        let faults = typed.version().changed(&version(&before), "");
        return Ok(page(&context, &before, &typed, &version(&before), &faults));
    }
    if before.role == Role::Operator && rights.role != Role::Operator && !lasts {
        faults.add("role", "nobody else who can sign in is an operator; make somebody one first");
        return Ok(page(&context, &before, &typed, &typed.version(), &faults));
    }
    let after = Person { name, role: rights.role, subscriptions: rights.subscriptions, ..before.clone() };
    if after != before {
        person_update(&mut tx, &after).await?;
        let detail = json!({ "email": after.email, "before": told(&before), "after": told(&after) });
        let resource = format!("people/{}", after.id);
        audit_add(&mut tx, now(), &context.viewer.person.email, "people/write", &resource, detail).await?;
        tx.commit().await?;
    }
    let own_no_more = after.id == context.viewer.person.id && after.role != Role::Operator;
    let next = if own_no_more { "/".to_owned() } else { path(&after) };
    Ok(Redirect::to(&next).into_response())
}

/// The person, for an operator.
async fn of(context: &Context, person: i64) -> Result<Person, PageError> {
    host(context)?;
    if !context.viewer.is_operator() {
        return Err(PageError::NotAllowed);
    }
    let mut db = context.state.store.read().await?;
    person_by_id(&mut db, person).await?.ok_or(PageError::NotFound)
}

fn told(person: &Person) -> Value {
    json!({ "name": person.name, "role": person.role.name(), "subscriptions": person.subscriptions })
}

/// What the form is made from: people have no ETag.
fn version(person: &Person) -> Version {
    let mut lines = vec![format!("name {}", person.name), format!("role {}", person.role.name())];
    lines.extend(person.subscriptions.iter().map(|subscription| format!("subscription {subscription}")));
    Version::new(None, lines)
}

fn page(context: &Context, person: &Person, typed: &Typed, version: &Version, faults: &Faults) -> Response {
    let at = path(person);
    let content = form(
        &context.viewer,
        &format!("{at}/edit"),
        html! {
            (faults.top())
            (version.hidden())
            (name_field(typed, faults))
            (rights_fields(typed, faults))
            p.remark { "It counts at once, in open sessions, too." }
            div.actions {
                button.primary type="submit" { "Save" }
                a.button href=(at) { "Cancel" }
            }
        },
    );
    let title = format!("Edit {}", super::shown_name(person));
    let mut page = Page::new(&context.viewer, "/operate/people", &title, content);
    let trail = [("People", "/operate/people"), (super::shown_name(person), at.as_str())];
    page.trail = &trail;
    page.into_response()
}
