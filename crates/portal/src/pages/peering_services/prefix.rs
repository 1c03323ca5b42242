//! One activated prefix: its path, every check with its evidence, and its events.

use super::strip::{self, History};
use super::{Service, prefixes, property};
use crate::error::PageError;
use crate::layout::Page;
use crate::parts::faults::{Faults, sentence};
use crate::parts::form::form;
use crate::parts::state::{Mood, badge, shown, spaced};
use crate::parts::typed::Typed;
use crate::parts::{copyable, facts, live, message, time};
use crate::query::encode;
use crate::session::{Context, now};
use axum::extract::{Path, Query};
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::Value;

/// Which prefix.
#[derive(Deserialize)]
pub(super) struct Which {
    subscription: String,
    group: String,
    name: String,
    prefix: String,
}

impl Which {
    fn split(self) -> (Service, String) {
        (Service { subscription: self.subscription, group: self.group, name: self.name }, self.prefix)
    }
}

/// Shows the page.
pub(super) async fn show(
    context: Context,
    Path(which): Path<Which>,
    Query(asked): Query<strip::Asked>,
) -> Result<Response, PageError> {
    let (service, name) = which.split();
    whole(&context, &service, &name, &asked, &Faults::default()).await
}

/// Deletes the prefix.
pub(super) async fn delete(
    context: Context,
    Path(which): Path<Which>,
    headers: HeaderMap,
    typed: Typed,
) -> Result<Response, PageError> {
    context.check_form(&headers, typed.csrf())?;
    let (service, name) = which.split();
    if typed.get("confirm") != "yes" {
        let mut faults = Faults::default();
        faults.add_other("tick that the prefix is to be taken out of optimized routing");
        return whole(&context, &service, &name, &strip::Asked::default(), &faults).await;
    }
    let path = format!("{}/prefixes/{}", service.api(), encode(&name));
    match context.api.send(Method::DELETE, &path, None).await?.into_result() {
        Ok(_) => Ok(Redirect::to(&service.page()).into_response()),
        Err(refusal) => {
            whole(&context, &service, &name, &strip::Asked::default(), &Faults::of(&refusal, |_| None)).await
        }
    }
}

async fn whole(
    context: &Context,
    service: &Service,
    name: &str,
    asked: &strip::Asked,
    faults: &Faults,
) -> Result<Response, PageError> {
    let path = format!("{}/prefixes/{}", service.api(), encode(name));
    let there = context.api.get(&format!("{path}?$expand=events")).await?;
    let status = prefixes::status(context, service, name).await?;
    let page = format!("{}/prefixes/{}", service.page(), encode(name));
    let prefix = property(&there, "prefix");
    let history = History::read(context, service, name, asked.span(), now()).await.ok();
    let now_at = history.as_ref().and_then(History::now);
    let content = html! {
        (faults.top())
        (live("prefix", &format!("{page}?span={}", asked.span().key), html! {
            (trouble(&there, &status))
            section.card { h2 { "Essentials" } (facts(&[
                ("State", badge(property(&there, "prefixValidationState"))),
                ("Traffic goes", match now_at {
                    Some(entry) => html! { (entry.badge()) " since " (time(&entry.since.to_string())) },
                    None => prefixes::path(&status),
                }),
                ("Learned", html! { (learned(property(&there, "learnedType"))) }),
                ("Prefix", copyable(prefix)),
                ("Prefix key", copyable(property(&there, "peeringServicePrefixKey"))),
                ("Added", time(there["systemData"]["createdAt"].as_str().unwrap_or(""))),
            ])) }
            section.card.strips {
                h2 { "Traffic over time" }
                (asked.links(&page))
                @match &history {
                    Some(history) => { (history.render(prefix)) (strip::legend()) p.hint { "Times below the strip in UTC." } },
                    None => p.nothing { "Its history can't be read now. It is asked for again by itself." },
                }
            }
            section.card { h2 { "Checks" } (checks(&status)) }
            section.card { h2 { "Events" } (events(&there)) }
        }))
        @if context.viewer.writes() {
            section.card {
                h2 { "Remove" }
                (form(&context.viewer, &format!("{page}/delete"), html! {
                    label.check { input type="checkbox" name="confirm" value="yes" required; " Take the prefix out of optimized routing. Its traffic then leaves at the nearest peering, and its events are deleted." }
                    div.actions { button.danger type="submit" { "Remove" } }
                }))
            }
        }
    };
    let base = service.page();
    let trail = [("Peering Services", "/peering-services"), (service.name.as_str(), base.as_str())];
    let mut shown = Page::new(&context.viewer, &page, name, content);
    shown.kind = "Activated prefix";
    shown.trail = &trail;
    Ok(shown.into_response())
}

fn trouble(there: &Value, status: &Value) -> Markup {
    let level = match property(there, "prefixValidationState") {
        "Failed" | "Invalid" => "error",
        "Warning" | "Unknown" => "warning",
        _ => return html! {},
    };
    message(level, html! { p { (prefixes::why(there, status)) } })
}

fn learned(kind: &str) -> &str {
    match kind {
        "ViaServiceProvider" => "From the provider",
        "ViaSession" => "On your own session",
        _ => "Not yet",
    }
}

/// Every check with its evidence.
fn checks(status: &Value) -> Markup {
    let all = status["checks"].as_array().map_or(&[][..], Vec::as_slice);
    html! {
        @if all.is_empty() { p.nothing { "Nothing was checked yet." } }
        @else { ul.links { @for check in all { li {
            p { (outcome(check["outcome"].as_str().unwrap_or(""))) " " strong { (check_name(check["kind"].as_str().unwrap_or(""))) } }
            p { (sentence(check["message"].as_str().unwrap_or(""))) }
            (evidence(check))
        } } } }
    }
}

fn evidence(check: &Value) -> Markup {
    let all = check["evidence"].as_array().map_or(&[][..], Vec::as_slice);
    html! { @if !all.is_empty() {
        details {
            summary { "Why? " span.none { (all.len()) " seen" } }
            div.scroll tabindex="0" role="region" aria-label="Evidence" { table {
                thead { tr { @for title in ["Session", "Router", "Seen", "Fine", "When"] { th scope="col" { (title) } } } }
                tbody { @for one in all { tr {
                    td data-title="Session" { code { (one["session"].as_str().unwrap_or("")) } }
                    td data-title="Router" { (one["router"].as_str().unwrap_or("")) }
                    td data-title="Seen" { (one["seen"].as_str().unwrap_or("")) }
                    td data-title="Fine" { @if one["ok"] == true { (shown(Mood::Good, "yes")) } @else { (shown(Mood::Bad, "no")) } }
                    td data-title="When" { (time(one["at"].as_str().unwrap_or(""))) }
                } } }
            } }
        }
    } }
}

fn outcome(outcome: &str) -> Markup {
    match outcome {
        "passed" => shown(Mood::Good, "Passed"),
        "partial" => shown(Mood::Waiting, "On some sessions"),
        "failed" => shown(Mood::Bad, "Failed"),
        "pending" => shown(Mood::Moving, "Pending"),
        _ => shown(Mood::Quiet, "Not checked"),
    }
}

fn check_name(kind: &str) -> String {
    match kind {
        "publicSpace" => "Public address space".into(),
        "originRegistry" => "Origin in a registry".into(),
        "receivedEverywhere" => "Received on every session".into(),
        "asPath" => "AS path".into(),
        "rpki" => "RPKI".into(),
        "used" => "Used on every session".into(),
        "routerChoice" => "The routers say so, too".into(),
        other => {
            let mut chars = other.chars();
            chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
        }
    }
}

fn events(there: &Value) -> Markup {
    let all = there["properties"]["events"].as_array().map_or(&[][..], Vec::as_slice);
    html! {
        @if all.is_empty() { p.nothing { "Nothing has happened yet. Each change of route or path is written down here." } }
        @else { div.scroll tabindex="0" role="region" aria-label="Events" { table {
            thead { tr { @for title in ["When", "Level", "Event", "Description"] { th scope="col" { (title) } } } }
            tbody { @for event in all {
                @let text = |name: &str| event[name].as_str().unwrap_or("");
                tr {
                    td data-title="When" { (time(text("eventTimestamp"))) }
                    td data-title="Level" { (level(text("eventLevel"))) }
                    td data-title="Event" { (text("eventSummary")) }
                    td data-title="Description" { (text("eventDescription")) }
                }
            } }
        } } }
    }
}

fn level(level: &str) -> Markup {
    let mood = match level {
        "Information" => Mood::Quiet,
        "Warning" => Mood::Waiting,
        _ => Mood::Bad,
    };
    shown(mood, &spaced(level))
}
