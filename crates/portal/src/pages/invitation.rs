//! An invitation: the person chooses a password and is signed in. The first operator, who nobody
//! could invite by address, says name and address, too.

use super::sign_in::open;
use crate::PortalState;
use crate::error::PageError;
use crate::parts::form::Field;
use crate::parts::message;
use crate::session::{now, secure_origin};
use crate::{layout, password};
use axum::extract::{Form, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use maud::html;
use meetme_store::Person;
use serde::Deserialize;
use std::sync::Arc;

#[derive(Default, Deserialize)]
pub(super) struct Sent {
    #[serde(default)]
    name: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    repeated: String,
}

/// Shows the form.
pub(super) async fn show(
    State(state): State<Arc<PortalState>>,
    Path(token): Path<String>,
) -> Result<Response, PageError> {
    Ok(match find(&state, &token).await? {
        Some(person) => page(&token, &person, &Sent::default(), &Faults::default()),
        None => ended(),
    })
}

/// Takes the password, ends the invitation and signs the person in.
pub(super) async fn accept(
    State(state): State<Arc<PortalState>>,
    Path(token): Path<String>,
    headers: HeaderMap,
    Form(sent): Form<Sent>,
) -> Result<Response, PageError> {
    if !secure_origin(&headers) {
        return Err(PageError::ForeignForm);
    }
    let Some(person) = find(&state, &token).await? else {
        return Ok(ended());
    };
    let faults = Faults::of(&person, &sent);
    if faults.any() {
        return Ok(page(&token, &person, &sent, &faults));
    }
    let hash = password::hash(sent.password.clone()).await?;
    let mut tx = state.store.begin().await?;
    // Asked again where it counts: an invitation is used once.
    let mut person = meetme_store::person_lock(&mut tx, person.id).await?;
    if person.disabled || meetme_store::invitation_find(&mut tx, &token, now()).await?.is_none() {
        return Ok(ended());
    }
    if person.email.is_empty() {
        person.email = sent.email.trim().to_owned();
        person.name = sent.name.trim().to_owned();
    }
    person.password_hash = Some(hash);
    meetme_store::person_update(&mut tx, &person).await?;
    meetme_store::invitations_end(&mut tx, person.id).await?;
    meetme_store::sessions_end(&mut tx, person.id, None).await?;
    tx.commit().await?;
    let cookie = open(&state, person.id, &headers).await?;
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response())
}

async fn find(state: &PortalState, token: &str) -> Result<Option<Person>, PageError> {
    let mut db = state.store.read().await?;
    let found = meetme_store::invitation_find(&mut db, token, now()).await?;
    Ok(found.filter(|p| !p.disabled))
}

#[derive(Default)]
struct Faults {
    name: Option<&'static str>,
    email: Option<&'static str>,
    password: Option<&'static str>,
}

impl Faults {
    fn of(person: &Person, sent: &Sent) -> Self {
        let mut faults =
            Self { password: password::fault(&sent.password, &sent.repeated), ..Self::default() };
        if person.email.is_empty() {
            let (name, email) = (sent.name.trim(), sent.email.trim());
            if name.is_empty() || name.len() > 100 {
                faults.name = Some("Say your name, in up to 100 letters.");
            }
            let parts = email.split_once('@');
            if email.len() > 254
                || !parts.is_some_and(|(l, d)| !l.is_empty() && d.contains('.') && !d.contains('@'))
            {
                faults.email = Some("Give an e-mail address, such as noc@example.net.");
            }
        }
        faults
    }

    fn any(&self) -> bool {
        self.name.or(self.email).or(self.password).is_some()
    }
}

fn ended() -> Response {
    let content = html! {
        (message("warning", html! { "This invitation was used already, or has ended. If you have chosen your password, sign in with it; else ask for another invitation." }))
        p { a.button href="/sign-in" { "Sign in" } }
    };
    (StatusCode::GONE, layout::plain("Invitation", content)).into_response()
}

fn page(token: &str, person: &Person, sent: &Sent, faults: &Faults) -> Response {
    let first = person.email.is_empty();
    let field = |name: &'static str, label: &'static str, error| Field {
        name,
        label,
        error,
        required: true,
        ..Field::default()
    };
    let content = html! {
        @if first { p { "You are the first operator here. Say who you are and choose a password." } }
        @else { p { "Welcome, " (person.name) ". Choose a password for " strong { (person.email) } "." } }
        form method="post" action=(format!("/invitation/{token}")) data-once {
            @if first {
                (field("name", "Name", faults.name).input("text", &sent.name, "name"))
                (field("email", "E-mail address", faults.email).input("email", &sent.email, "username"))
            } @else {
                input.hidden type="email" name="email" value=(person.email) autocomplete="username" readonly tabindex="-1" aria-hidden="true";
            }
            (Field { hint: "At least 12 characters.", ..field("password", "Password", faults.password) }.input("password", "", "new-password"))
            (field("repeated", "Password again", None).input("password", "", "new-password"))
            div.actions { button.primary type="submit" { "Continue" } }
        }
    };
    layout::plain("Choose a password", content)
}
