//! A service's overview: what it is, its prefixes live, and deleting it.

use super::strip::{self, History};
use super::{Service, or_none, place, prefixes, property};
use crate::error::PageError;
use crate::parts::faults::Faults;
use crate::parts::form::{Field, form};
use crate::parts::state::badge;
use crate::parts::typed::Typed;
use crate::parts::{copyable, facts, live, message, time};
use crate::session::{Context, now};
use axum::extract::{Path, Query};
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde_json::Value;

/// Prefixes whose history is shown here.
const STRIPS: usize = 20;

/// Shows the page.
pub(super) async fn show(
    context: Context,
    Path(service): Path<Service>,
    Query(asked): Query<strip::Asked>,
) -> Result<Response, PageError> {
    whole(&context, &service, &asked, &Typed::default(), &Faults::default()).await
}

/// Deletes the service with its prefixes.
pub(super) async fn delete(
    context: Context,
    Path(service): Path<Service>,
    headers: HeaderMap,
    typed: Typed,
) -> Result<Response, PageError> {
    context.check_form(&headers, typed.csrf())?;
    let there = service.read(&context).await?;
    let mut faults = Faults::default();
    if Some(typed.get("confirm")) != there["name"].as_str() {
        faults.add("confirm", "this isn't the service's name");
        return whole(&context, &service, &strip::Asked::default(), &typed, &faults).await;
    }
    match context.api.send(Method::DELETE, &service.api(), None).await?.into_result() {
        Ok(_) => Ok(Redirect::to("/peering-services").into_response()),
        Err(refusal) => {
            whole(&context, &service, &strip::Asked::default(), &typed, &Faults::of(&refusal, |_| None)).await
        }
    }
}

async fn whole(
    context: &Context,
    service: &Service,
    asked: &strip::Asked,
    typed: &Typed,
    faults: &Faults,
) -> Result<Response, PageError> {
    let there = service.read(context).await?;
    let service =
        &Service { name: there["name"].as_str().unwrap_or(&service.name).to_owned(), ..service.clone() };
    let path = service.page();
    let histories = histories(context, service, asked).await?;
    let content = html! {
        (faults.top())
        (live("service", &format!("{path}?span={}", asked.span().key), html! {
            @if property(&there, "providerPrimaryPeeringLocation").is_empty() {
                (message("warning", html! { p { "No primary peering location is chosen yet: prefixes can't be activated before that. "
                    a href=(format!("{path}/locations")) { "Choose it" } } }))
            }
            section.card { h2 { "Essentials" } (essentials(service, &there)) }
            section.card { h2 { "Prefixes" } (prefixes::table(context, service).await?) }
            (place::map(context, service, &there, &histories).await?)
            (over_time(&path, asked, &histories))
        }))
        @if context.viewer.writes() { (deletion(context, service, typed, faults)) }
    };
    Ok(service.shown(context, &path, content))
}

/// The prefixes' histories with their names and prefixes; of the first ones only, where there are many.
async fn histories(
    context: &Context,
    service: &Service,
    asked: &strip::Asked,
) -> Result<Vec<(String, Option<History>)>, PageError> {
    let prefixes = context.api.list(&format!("{}/prefixes", service.api()), STRIPS).await?;
    let mut histories = Vec::with_capacity(prefixes.len());
    for prefix in &prefixes {
        let name = prefix["name"].as_str().unwrap_or("");
        // One that can't be read doesn't keep the others from being shown.
        let history = History::read(context, service, name, asked.span(), now()).await.ok();
        histories.push((property(prefix, "prefix").to_owned(), history));
    }
    Ok(histories)
}

fn over_time(path: &str, asked: &strip::Asked, histories: &[(String, Option<History>)]) -> Markup {
    html! {
        @if !histories.is_empty() {
            section.card.strips {
                h2 { "Traffic over time" }
                (asked.links(path))
                @for (prefix, history) in histories {
                    h3 { code { (prefix) } @if let Some(now) = history.as_ref().and_then(History::now) { " " span.none { (now.words()) } } }
                    @match history {
                        Some(history) => (history.render(prefix)),
                        None => p.nothing { "Its history can't be read now. It is asked for again by itself." },
                    }
                }
                (strip::legend())
                p.hint { "Times below the strips in UTC." }
                @if histories.len() == STRIPS { p.hint { "Further prefixes are shown on their own pages." } }
            }
        }
    }
}

fn essentials(service: &Service, there: &Value) -> Markup {
    let backup = property(there, "providerBackupPeeringLocation");
    facts(&[
        ("State", badge(property(there, "provisioningState"))),
        ("Location", html! { (property(there, "peeringServiceLocation")) }),
        ("Provider", html! { (property(there, "peeringServiceProvider")) }),
        ("Primary peering location", or_none(property(there, "providerPrimaryPeeringLocation"))),
        (
            "Backup peering location",
            html! {
                @if backup.is_empty() { "None: traffic falls back to the Internet" } @else { (backup) }
            },
        ),
        ("Resource group", html! { (service.group) }),
        ("Subscription", copyable(&service.subscription)),
        ("Created", time(there["systemData"]["createdAt"].as_str().unwrap_or(""))),
        ("Resource id", copyable(there["id"].as_str().unwrap_or(""))),
    ])
}

fn deletion(context: &Context, service: &Service, typed: &Typed, faults: &Faults) -> Markup {
    let confirm = Field {
        name: "confirm",
        label: "Name of the service",
        hint: "Its prefixes go with it: their traffic then leaves at the nearest peering. Type the name to confirm.",
        error: faults.at("confirm"),
        required: true,
    };
    html! {
        section.card {
            h2 { "Delete" }
            (form(&context.viewer, &format!("{}/delete", service.page()), html! {
                (confirm.input("text", typed.get("confirm"), "off"))
                div.actions { button.danger type="submit" { "Delete" } }
            }))
        }
    }
}
