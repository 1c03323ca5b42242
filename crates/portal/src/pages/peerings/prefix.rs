//! A registered prefix: the verdict with each check and its evidence. Live.

use super::at::{At, Within};
use super::frame::{below, check_writes, may_write};
use super::prefixes::{KIND, TAB, key, usage};
use super::seen::read;
use crate::error::PageError;
use crate::parts::faults::{Faults, sentence, told};
use crate::parts::form::form;
use crate::parts::state::{Mood, badge, shown};
use crate::parts::{copyable, facts, live, message, time};
use crate::query::encode;
use crate::session::Context;
use axum::extract::{Form, Path};
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
pub(super) struct Sent {
    #[serde(rename = "_csrf")]
    csrf: Option<String>,
}

#[derive(Deserialize)]
struct Verdict {
    checks: Vec<Check>,
    since: String,
}

#[derive(Deserialize)]
struct Check {
    kind: String,
    outcome: String,
    message: String,
    evidence: Vec<Evidence>,
}

#[derive(Deserialize)]
struct Evidence {
    session: String,
    router: String,
    seen: String,
    ok: bool,
    at: String,
}

/// Shows the page.
pub(super) async fn show(context: Context, Path(within): Path<Within>) -> Result<Response, PageError> {
    let at = within.at();
    let name = &within.child;
    let prefix = context.api.get(&at.prefix(name)).await?;
    let checks = format!("{}/registeredPrefixes/{}/checks", at.extension(), encode(name));
    let verdict: Verdict = read(context.api.get(&checks).await?)?;
    let own = at.page(&format!("{}/{}", TAB.1, encode(name)));
    let commands = html! {
        a.button href=(at.page(&format!("/json?of=checks&prefix={}", encode(name)))) { "JSON view" }
        @if may_write(&context).is_ok() {
            (form(&context.viewer, &format!("{own}/validate"), html! { button type="submit" { "Validate again" } }))
            a.button.danger href=(format!("{own}/delete")) { "Delete" }
        }
    };
    let content = html! {
        section.card { (essentials(&prefix, &verdict)) }
        section { h2 { "Checks" } @for check in &verdict.checks { (one(check)) }
            @if verdict.checks.is_empty() { p.nothing { "Nothing was checked yet. It begins by itself, within seconds." } } }
    };
    Ok(below(&context, &at, TAB, KIND, name, commands, live("prefix", &own, content)))
}

/// Has the prefix looked at again now.
pub(super) async fn validate(
    context: Context,
    Path(within): Path<Within>,
    headers: HeaderMap,
    Form(sent): Form<Sent>,
) -> Result<Response, PageError> {
    context.check_form(&headers, sent.csrf.as_deref())?;
    let at = within.at();
    let path = format!("{}/validate", at.prefix(&within.child));
    let answer = context.api.send(Method::POST, &path, None).await?;
    let status = answer.status;
    answer.into_result().map_err(|refusal| PageError::Refused { status, refusal })?;
    Ok(Redirect::to(&at.page(&format!("{}/{}", TAB.1, encode(&within.child)))).into_response())
}

/// Asks whether the registration shall really go.
pub(super) async fn confirm(context: Context, Path(within): Path<Within>) -> Result<Response, PageError> {
    check_writes(&context)?;
    let at = within.at();
    context.api.get(&at.prefix(&within.child)).await?;
    Ok(confirm_page(&context, &at, &within.child, &Faults::default()))
}

/// Deletes the registration.
pub(super) async fn delete(
    context: Context,
    Path(within): Path<Within>,
    headers: HeaderMap,
    Form(sent): Form<Sent>,
) -> Result<Response, PageError> {
    context.check_form(&headers, sent.csrf.as_deref())?;
    let at = within.at();
    let answer = context.api.send(Method::DELETE, &at.prefix(&within.child), None).await?;
    Ok(match answer.into_result() {
        Ok(_) => Redirect::to(&at.page(TAB.1)).into_response(),
        Err(refusal) => {
            let mut faults = Faults::from(&refusal);
            if !refusal.details.is_empty() {
                faults.add("", &sentence(&refusal.message));
            }
            confirm_page(&context, &at, &within.child, &faults)
        }
    })
}

fn confirm_page(context: &Context, at: &At, name: &str, faults: &Faults) -> Response {
    let own = at.page(&format!("{}/{}", TAB.1, encode(name)));
    let content = html! {
        @let others = faults.others(&[], &[]);
        @if !others.is_empty() { (message("error", told(&others))) }
        section.card {
            p { "The prefix loses its key. Registered again it gets another one." }
            (form(&context.viewer, &format!("{own}/delete"), html! {
                div.actions { button.danger type="submit" { "Delete" } a.button href=(own) { "Cancel" } }
            }))
        }
    };
    below(context, at, TAB, KIND, &format!("Delete {name}"), html! {}, content)
}

fn essentials(prefix: &Value, verdict: &Verdict) -> Markup {
    let of = |name: &str| prefix["properties"][name].as_str().unwrap_or("");
    let state = of("prefixValidationState");
    html! {
        @if !of("errorMessage").is_empty() {
            @let level = if matches!(state, "Failed" | "Invalid") { "error" } else { "warning" };
            (message(level, html! { (sentence(of("errorMessage"))) }))
        }
        (facts(&[
            ("Prefix", copyable(of("prefix"))),
            ("State", html! { (badge(state)) " since " (time(&verdict.since)) }),
            ("Prefix key", key(of("peeringServicePrefixKey"))),
            ("Used for", usage(prefix)),
            ("Registered", time(prefix["systemData"]["createdAt"].as_str().unwrap_or(""))),
        ]))
    }
}

fn one(check: &Check) -> Markup {
    let (mood, outcome) = match check.outcome.as_str() {
        "passed" => (Mood::Good, "Passed"),
        "partial" => (Mood::Waiting, "Fails on some sessions"),
        "failed" => (Mood::Bad, "Failed"),
        "pending" => (Mood::Moving, "Pending"),
        _ => (Mood::Quiet, "Not checked"),
    };
    let open = matches!(check.outcome.as_str(), "partial" | "failed");
    html! {
        details.check-row open[open] {
            summary { span.what { (title(&check.kind)) } (shown(mood, outcome)) span.why { "Why?" } }
            p { (sentence(&check.message)) }
            @if !check.evidence.is_empty() {
                div.scroll tabindex="0" role="region" aria-label=(format!("Evidence: {}", title(&check.kind))) {
                    table {
                        thead { tr { @for title in ["Session", "Router", "Seen", "As it should be", "When"] { th scope="col" { (title) } } } }
                        tbody { @for e in &check.evidence { tr {
                            td data-title="Session" { code { (e.session) } }
                            td data-title="Router" { (e.router) }
                            td data-title="Seen" { (e.seen) }
                            td data-title="As it should be" { @if e.ok { (shown(Mood::Good, "yes")) } @else { (shown(Mood::Bad, "no")) } }
                            td data-title="When" { (time(&e.at)) }
                        } } }
                    }
                }
            }
        }
    }
}

fn title(kind: &str) -> String {
    let words = match kind {
        "publicSpace" => "Public address space",
        "origin" => "Origin is one of your ASNs",
        "originRegistry" => "Origin known to RPKI or an IRR",
        "receivedEverywhere" => "Received on every session",
        "community" => "Carries the community",
        "asPath" => "AS path",
        "rpki" => "RPKI",
        "used" => "Used on every session",
        "routerChoice" => "The routers say so, too",
        other => other,
    };
    words.to_owned()
}
