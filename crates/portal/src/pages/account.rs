//! A person's own account: password, and the sessions that are open.

use crate::error::PageError;
use crate::layout::Page;
use crate::parts::form::{Field, form};
use crate::parts::state::{Mood, shown};
use crate::parts::{facts, message, time};
use crate::password;
use crate::session::{Context, now};
use axum::extract::{Form, Path};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use meetme_store::{Role, Session};
use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct NewPassword {
    #[serde(rename = "_csrf")]
    csrf: Option<String>,
    #[serde(default)]
    current: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    repeated: String,
}

#[derive(Deserialize)]
pub(super) struct Nothing {
    #[serde(rename = "_csrf")]
    csrf: Option<String>,
}

/// What became of a new password.
enum Outcome {
    None,
    Changed,
    Wrong(Option<&'static str>, Option<&'static str>),
}

/// Shows the account.
pub(super) async fn show(context: Context) -> Result<Response, PageError> {
    page(&context, &Outcome::None).await
}

/// Changes the password; all other sessions end.
pub(super) async fn password(
    context: Context,
    headers: HeaderMap,
    Form(sent): Form<NewPassword>,
) -> Result<Response, PageError> {
    context.check_form(&headers, sent.csrf.as_deref())?;
    let person = &context.viewer.person;
    let right = password::is_right(sent.current, person.password_hash.clone()).await?;
    let current = (!right).then_some("This isn't your password.");
    let new = password::fault(&sent.password, &sent.repeated);
    if current.or(new).is_some() {
        return page(&context, &Outcome::Wrong(current, new)).await;
    }
    let hash = password::hash(sent.password).await?;
    let mut tx = context.state.store.begin().await?;
    let mut person = meetme_store::person_lock(&mut tx, person.id).await?;
    person.password_hash = Some(hash);
    meetme_store::person_update(&mut tx, &person).await?;
    meetme_store::sessions_end(&mut tx, person.id, Some(context.viewer.session.id)).await?;
    tx.commit().await?;
    page(&context, &Outcome::Changed).await
}

/// Ends one of the person's sessions.
pub(super) async fn end_session(
    context: Context,
    Path(session): Path<i64>,
    headers: HeaderMap,
    Form(sent): Form<Nothing>,
) -> Result<Response, PageError> {
    context.check_form(&headers, sent.csrf.as_deref())?;
    let mut tx = context.state.store.begin().await?;
    meetme_store::session_end(&mut tx, session, context.viewer.person.id).await?;
    tx.commit().await?;
    Ok(Redirect::to("/account").into_response())
}

async fn page(context: &Context, outcome: &Outcome) -> Result<Response, PageError> {
    let sessions = {
        let mut db = context.state.store.read().await?;
        meetme_store::sessions_of(&mut db, context.viewer.person.id, now()).await?
    };
    let person = &context.viewer.person;
    let role = match person.role {
        Role::Operator => "Operator of this network",
        Role::Peer => "Peer",
        Role::Reader => "Reader",
    };
    let reach =
        if context.viewer.sees_host() { "Everything".to_owned() } else { person.subscriptions.join(", ") };
    let content = html! {
        section.card {
            h2 { "You" }
            (facts(&[
                ("Name", html! { (person.name) }),
                ("E-mail address", html! { (person.email) }),
                ("Role", html! { (role) }),
                ("Reaches", html! { (reach) }),
            ]))
        }
        section.card {
            h2 { "Appearance" }
            div.actions role="group" aria-label="Appearance" {
                button type="button" data-theme-choice="system" { "As the system" }
                button type="button" data-theme-choice="light" { "Light" }
                button type="button" data-theme-choice="dark" { "Dark" }
            }
        }
        section.card { h2 { "Password" } (password_form(context, outcome)) }
        section.card {
            h2 { "Open sessions" }
            @for session in &sessions { (session_row(context, session)) }
        }
    };
    let mut page = Page::new(&context.viewer, "/account", "Account", content);
    page.commands = form(&context.viewer, "/sign-out", html! { button type="submit" { "Sign out" } });
    Ok(page.into_response())
}

fn password_form(context: &Context, outcome: &Outcome) -> Markup {
    let (current, new) = match outcome {
        Outcome::Wrong(current, new) => (*current, *new),
        Outcome::None | Outcome::Changed => (None, None),
    };
    let field = |name: &'static str, label: &'static str, error| Field {
        name,
        label,
        error,
        required: true,
        ..Field::default()
    };
    form(
        &context.viewer,
        "/account/password",
        html! {
            @if matches!(outcome, Outcome::Changed) {
                (message("success", html! { "The password is changed, and your other sessions have ended." }))
            }
            input.hidden type="email" name="username" value=(context.viewer.person.email) autocomplete="username" readonly tabindex="-1" aria-hidden="true";
            (field("current", "Current password", current).input("password", "", "current-password"))
            (Field { hint: "At least 12 characters.", ..field("password", "New password", new) }.input("password", "", "new-password"))
            (field("repeated", "New password again", None).input("password", "", "new-password"))
            div.actions { button.primary type="submit" { "Change password" } }
        },
    )
}

fn session_row(context: &Context, session: &Session) -> Markup {
    let own = session.id == context.viewer.session.id;
    html! {
        div.session {
            (facts(&[
                ("Browser", html! { (session.agent) @if own { " " (shown(Mood::Good, "this one")) } }),
                ("Signed in", time(&session.created_at.to_string())),
                ("Last used", time(&session.seen_at.to_string())),
            ]))
            @if !own {
                (form(&context.viewer, &format!("/account/sessions/{}/end", session.id), html! {
                    button type="submit" { "End this session" }
                }))
            }
        }
    }
}
