//! Stating that a requirement is met which can't be measured, and withdrawing that. The peer's own
//! people do it; the API says which requirements.

use super::compliance::{self, Finding};
use crate::error::PageError;
use crate::pages::peerings::at::{At, Within};
use crate::pages::peerings::frame::below;
use crate::parts::faults::{Faults, sentence};
use crate::parts::form::{Field, form};
use crate::parts::typed::Typed;
use crate::parts::{facts, time};
use crate::query::encode;
use crate::session::Context;
use axum::extract::Path;
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use meetme_store::Role;
use serde_json::json;

const TAB: (&str, &str) = ("Compliance", compliance::PATH);

/// Shows the form.
pub(super) async fn show(context: Context, Path(within): Path<Within>) -> Result<Response, PageError> {
    may_state(&context).map_err(|_| PageError::NotAllowed)?;
    let at = within.at();
    let finding = find(&context, &at, &within.child).await?;
    let mut typed = Typed::default();
    typed.set("note", finding.attestation.as_ref().map_or("", |a| &a.note));
    Ok(page(&context, &at, &finding, &typed, &Faults::default()))
}

/// States it.
pub(super) async fn state(
    context: Context,
    Path(within): Path<Within>,
    headers: HeaderMap,
    typed: Typed,
) -> Result<Response, PageError> {
    let body = json!({ "note": typed.get("note") });
    send(context, within, headers, typed, Method::PUT, Some(body)).await
}

/// Withdraws it.
pub(super) async fn withdraw(
    context: Context,
    Path(within): Path<Within>,
    headers: HeaderMap,
    typed: Typed,
) -> Result<Response, PageError> {
    send(context, within, headers, typed, Method::DELETE, None).await
}

async fn send(
    context: Context,
    within: Within,
    headers: HeaderMap,
    typed: Typed,
    method: Method,
    body: Option<serde_json::Value>,
) -> Result<Response, PageError> {
    context.check_form(&headers, typed.csrf())?;
    let at = within.at();
    let path = format!("{}/attestations/{}", at.extension(), encode(&within.child));
    let answer = context.api.send(method, &path, body.as_ref()).await?;
    match answer.into_result() {
        Ok(_) => Ok(Redirect::to(&back(&at, &within.child)).into_response()),
        Err(refusal) => {
            let finding = find(&context, &at, &within.child).await?;
            let faults = Faults::of(&refusal, |target| (target == "note").then(|| "note".to_owned()));
            Ok(page(&context, &at, &finding, &typed, &faults))
        }
    }
}

/// Whether the viewer may state something, or why not.
pub(super) fn may_state(context: &Context) -> Result<(), &'static str> {
    match context.viewer.person.role {
        Role::Peer => Ok(()),
        Role::Operator => Err("Only the peer's own people state this."),
        Role::Reader => Err("Your account may look, but not change anything."),
    }
}

/// The page of a requirement's form.
pub(super) fn form_path(at: &At, requirement: &str) -> String {
    at.page(&format!("{}/{}", TAB.1, encode(requirement)))
}

/// Where the requirement stands on the compliance page.
fn back(at: &At, requirement: &str) -> String {
    format!("{}#{}", at.page(TAB.1), encode(requirement))
}

async fn find(context: &Context, at: &At, requirement: &str) -> Result<Finding, PageError> {
    let all = compliance::read(context, at).await?;
    let found = all.value.into_iter().find(|f| f.attestable && f.requirement == requirement);
    found.ok_or(PageError::NotFound)
}

fn page(context: &Context, at: &At, finding: &Finding, typed: &Typed, faults: &Faults) -> Response {
    let (title, asks) = compliance::title(&finding.requirement);
    let action = form_path(at, &finding.requirement);
    let stated = finding.attestation.is_some();
    let note = Field {
        name: "note",
        label: "Note",
        hint: "How you know, for whoever reads it later. Up to 1000 characters.",
        error: faults.at("note"),
        required: false,
    };
    let content = html! {
        (faults.top())
        p { (asks) " It can't be measured from here: you state it, and it is shown as your statement, with your name." }
        @if let Some(attestation) = &finding.attestation { section.card { h2 { "Stated" } (of(attestation)) } }
        (form(&context.viewer, &action, html! {
            (note.input("text", typed.get("note"), "off"))
            div.actions {
                button.primary type="submit" { @if stated { "State it again" } @else { "State that this is so" } }
                a.button href=(back(at, &finding.requirement)) { "Cancel" }
            }
        }))
        @if stated {
            section.card {
                h2 { "Withdraw" }
                p { "It is shown as unknown then." }
                (form(&context.viewer, &format!("{action}/withdraw"), html! {
                    div.actions { button.danger type="submit" { "Withdraw the statement" } }
                }))
            }
        }
    };
    below(context, at, TAB, "Requirement", title, html! {}, content)
}

/// Who stated it, when, and in which words.
pub(super) fn of(attestation: &compliance::Attestation) -> Markup {
    facts(&[
        ("Stated by", html! { (attestation.by) }),
        ("At", time(&attestation.at)),
        (
            "Note",
            html! { @if attestation.note.is_empty() { span.none { "–" } } @else { (sentence(&attestation.note)) } },
        ),
    ])
}
