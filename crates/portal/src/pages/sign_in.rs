//! Signing in and out.

use crate::PortalState;
use crate::error::PageError;
use crate::kept::{self, Kept};
use crate::parts::form::Field;
use crate::parts::message;
use crate::session::{Context, IDLE, now, secure_origin, set_cookie};
use crate::{layout, password};
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use jiff::Timestamp;
use maud::{Markup, html};
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

/// Wrong passwords for one address within [`WINDOW`] before it has to wait.
const TRIES: usize = 10;
const WINDOW: Duration = Duration::from_secs(600);
/// Addresses that wrong passwords are counted for at once.
const COUNTED: usize = 10_000;
/// Longest e-mail address (RFC 5321 §4.5.3.1).
const EMAIL_LIMIT: usize = 254;
const WRONG_ONE: &str = "E-mail address or password is wrong.";
/// Longest name of a browser that is kept.
const AGENT_LIMIT: usize = 200;

/// Wrong tries by address. Kept by each process for itself: it only slows guessing down.
static WRONG: LazyLock<Mutex<HashMap<String, Vec<Timestamp>>>> = LazyLock::new(Mutex::default);

#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub(super) struct Sent {
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    next: String,
    #[serde(default)]
    kept_action: String,
    #[serde(default)]
    kept_fields: String,
    #[serde(default)]
    kept_left_out: String,
}

#[derive(Deserialize)]
pub(super) struct Out {
    #[serde(rename = "_csrf")]
    csrf: Option<String>,
}

/// Shows the form; who is signed in already goes on.
pub(super) async fn show(context: Option<Context>, Query(asked): Query<Asked>) -> Response {
    if context.is_some() {
        return Redirect::to(safe(&asked.next)).into_response();
    }
    page("", &asked.next, None, None)
}

/// Opens a session.
pub(super) async fn sign_in(
    State(state): State<Arc<PortalState>>,
    headers: HeaderMap,
    Form(sent): Form<Sent>,
) -> Result<Response, PageError> {
    if !secure_origin(&headers) {
        return Err(PageError::ForeignForm);
    }
    let kept = Kept::brought(&sent.kept_action, &sent.kept_fields, &sent.kept_left_out).await;
    let again = |email: &str, wrong| page(email, &sent.next, Some(wrong), kept.as_ref());
    let email = sent.email.trim().to_lowercase();
    if email.len() > EMAIL_LIMIT {
        return Ok(again("", WRONG_ONE));
    }
    if !take_try(&email) {
        let mut response = again(&email, "Too many wrong passwords. Wait ten minutes and try again.");
        *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
        return Ok(response);
    }
    let person = {
        let mut db = state.store.read().await?;
        meetme_store::person_by_email(&mut db, &email).await?
    };
    let person = person.filter(|p| !p.disabled && !email.is_empty());
    let right =
        password::is_right(sent.password, person.as_ref().and_then(|p| p.password_hash.clone())).await?;
    let Some(person) = person.filter(|_| right) else {
        return Ok(again(&email, WRONG_ONE));
    };
    forget_wrong(&email);
    let cookie = open(&state, person.id, &headers).await?;
    if let Some(kept) = kept {
        let shown = kept::after_sign_in(&state, &headers, &cookie, kept).await?;
        return Ok(([(header::SET_COOKIE, cookie)], shown).into_response());
    }
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to(safe(&sent.next))).into_response())
}

/// Opens a session for a person; the cookie to set.
pub(super) async fn open(
    state: &PortalState,
    person: i64,
    headers: &HeaderMap,
) -> Result<axum::http::HeaderValue, PageError> {
    let agent = headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or("unknown");
    let agent: String = agent.chars().take(AGENT_LIMIT).collect();
    let now = now();
    let mut tx = state.store.begin().await?;
    let token = meetme_store::session_add(&mut tx, person, &agent, now, now + IDLE).await?;
    tx.commit().await?;
    Ok(set_cookie(&token))
}

/// Ends the session.
pub(super) async fn sign_out(
    context: Option<Context>,
    headers: HeaderMap,
    Form(sent): Form<Out>,
) -> Result<Response, PageError> {
    if let Some(context) = context {
        context.check_form(&headers, sent.csrf.as_deref())?;
        let mut tx = context.state.store.begin().await?;
        meetme_store::session_end(&mut tx, context.viewer.session.id, context.viewer.person.id).await?;
        tx.commit().await?;
    }
    Ok(([(header::SET_COOKIE, set_cookie(""))], Redirect::to("/sign-in")).into_response())
}

/// Only addresses of this portal: anything else could lead elsewhere.
pub(crate) fn safe(next: &str) -> &str {
    // Browsers drop tabs and line ends from addresses, and take a backslash for a slash.
    let odd = |c: char| c == '\\' || c.is_control();
    let inside = next.starts_with('/') && !next.starts_with("//") && !next.contains(odd);
    if inside && !next.starts_with("/sign-in") { next } else { "/" }
}

/// The sign-in page; `kept` is a form that is there again afterwards.
pub(crate) fn page(email: &str, next: &str, error: Option<&str>, kept: Option<&Kept>) -> Response {
    layout::plain("Sign in", form(email, next, error, kept))
}

fn form(email: &str, next: &str, error: Option<&str>, kept: Option<&Kept>) -> Markup {
    let field =
        |name: &'static str, label: &'static str| Field { name, label, required: true, ..Field::default() };
    html! {
        @if let Some(error) = error { (message("error", html! { (error) })) }
        @else if let Some(kept) = kept {
            (message("info", html! {
                p { "You aren't signed in any more, so what you sent wasn't done. Sign in, and the form is here again as you filled it." }
                @if !kept.left_out.is_empty() { p { "Passwords and MD5 keys aren't kept: type them again then." } }
            }))
        }
        form method="post" action="/sign-in" data-once {
            input type="hidden" name="next" value=(next);
            @if let Some(kept) = kept { (kept.hidden()) }
            (field("email", "E-mail address").input("email", email, "username"))
            (field("password", "Password").input("password", "", "current-password"))
            div.actions { button.primary type="submit" { "Sign in" } }
        }
        p.none { "No account? Ask the network's operators for an invitation." }
    }
}

/// Counts a try for an address; false when it had too many. Right ones are given back.
fn take_try(email: &str) -> bool {
    let mut wrong = WRONG.lock().unwrap_or_else(PoisonError::into_inner);
    let since = now() - WINDOW;
    if wrong.len() >= COUNTED && !wrong.contains_key(email) {
        wrong.retain(|_, tries| tries.iter().any(|at| *at > since));
        if wrong.len() >= COUNTED {
            wrong.retain(|_, tries| tries.len() >= TRIES);
        }
        if wrong.len() >= COUNTED {
            wrong.clear();
        }
    }
    let tries = wrong.entry(email.to_owned()).or_default();
    tries.retain(|at| *at > since);
    let may = tries.len() < TRIES;
    if may {
        tries.push(now());
    }
    may
}

fn forget_wrong(email: &str) {
    WRONG.lock().unwrap_or_else(PoisonError::into_inner).remove(email);
}

#[cfg(test)]
mod tests {
    #[test]
    fn after_signing_in_one_stays_on_this_portal() {
        for (next, safe) in [
            ("/peerings?x=1", "/peerings?x=1"),
            ("//evil.example", "/"),
            ("https://evil.example", "/"),
            ("/\\evil.example", "/"),
            ("/\t/evil.example", "/"),
            ("", "/"),
            ("/sign-in?next=/sign-in", "/"),
        ] {
            assert_eq!(super::safe(next), safe, "{next}");
        }
    }
}
