//! One edge router: its state, what was applied, drift, sessions and LAGs.

use super::diff::diff;
use super::routers::{configured, feed, reach};
use super::{host, number, or_none, text};
use crate::error::PageError;
use crate::layout::Page;
use crate::parts::faults::sentence;
use crate::parts::state::{Mood, bfd, bgp, shown, spaced};
use crate::parts::{copyable, facts, live, message, or_failed, time};
use crate::query::encode;
use crate::session::Context;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use meetme_model::connection::connection_of;
use meetme_model::session_down::SessionDown;
use serde::de::DeserializeOwned;
use serde_json::Value;

const TRAIL: (&str, &str) = ("Routers", "/operate/routers");

/// Shows a router.
pub(super) async fn show(context: Context, Path(router): Path<String>) -> Result<Response, PageError> {
    host(&context)?;
    let found = context.api.get(&format!("/api/v1/routers/{}", encode(&router))).await?;
    let inventory = context.api.get("/api/v1/inventory").await;
    let name = text(&found, "name");
    let path = format!("/operate/routers/{}", encode(name));
    let declared = inventory.map(|inventory| {
        let routers = inventory["inventory"]["router"].as_array().into_iter().flatten();
        routers.into_iter().find(|r| r["name"] == name).cloned().unwrap_or(Value::Null)
    });
    let content = live(
        "router",
        &path,
        html! {
            section.card {
                h2 { "State" }
                (state(&found))
                (or_failed(declared.map(|declared| as_declared(&found, &declared))))
            }
            @if let Some(drift) = found["drift"].as_str().filter(|d| !d.is_empty()) {
                section.card {
                    h2 { "Changed by hand" }
                    p.remark { "What carries Meetme's mark was changed on the router. If it is still so at the next comparison, it is taken back." }
                    (diff(drift))
                }
            }
            @let failing = failing(&found["pending"]);
            @if !failing.is_empty() {
                section.card {
                    h2 { "Refused or undone" }
                    p.remark { "Each of these stands in its last good form and is tried again by itself. Everything else on the router goes on." }
                    dl { @for (unit, reason) in failing { dt { (unit) } dd { (reason) } } }
                }
            }
            @let differing = differing(&found["differing"]);
            @if !differing.is_empty() {
                section.card {
                    h2 { "Not as the rules say" }
                    p.remark {
                        "The router itself does something else with " (number(&found, "routesDiffering"))
                        " routes of registered prefixes. These prefixes aren't Verified; their peers are told that you look into it."
                    }
                    (table(&["Session", "Prefix", "What differs"], differing, "Routes that differ"))
                }
            }
            @let down = found["backboneDown"].as_array().map_or(&[][..], Vec::as_slice);
            @if !down.is_empty() {
                section.card {
                    h2 { "Backbone sessions that are down" }
                    p.remark { "Sessions with your own routers and the Internet. What peers announce here reaches no further over these." }
                    dl { @for neighbor in down { dt { (text(neighbor, "name")) } dd { (copyable(text(neighbor, "address"))) } } }
                }
            }
            section.card { h2 { "LAGs" } (lags(&found["state"]["lags"])) }
            section.card { h2 { "Sessions" } (sessions(&found["state"]["sessions"])) }
            section.card { h2 { "Applied lately" } (applies(&found["applies"])) }
        },
    );
    let mut page = Page::new(&context.viewer, "/operate/routers", name, content);
    page.kind = "Edge router";
    page.trail = &[TRAIL];
    page.commands = html! { a.button href=(format!("{path}/diff")) { "Hold against its intent" } };
    Ok(page.into_response())
}

/// Shows what applying the intent would change now, asked of the router.
pub(super) async fn difference(context: Context, Path(router): Path<String>) -> Result<Response, PageError> {
    host(&context)?;
    let answer = context.api.ask(&format!("/api/v1/routers/{}/diff", encode(&router))).await?;
    if answer.status == axum::http::StatusCode::NOT_FOUND {
        return Err(PageError::NotFound);
    }
    let content = match answer.into_result() {
        Ok(found) => html! {
            @match (text(&found, "diff"), found["generation"].as_u64()) {
                (_, None) => p { "Nothing is intended for this router yet." },
                ("", Some(n)) => (message("success", html! { "The router is as intended (generation " (n) ")." })),
                (text, Some(n)) => { p.remark { "Applying generation " (n) " would change:" } (diff(text)) },
            }
        },
        Err(refusal) => message("warning", html! { (sentence(&refusal.message)) }),
    };
    let path = format!("/operate/routers/{}", encode(&router));
    let trail = [TRAIL, (router.as_str(), path.as_str())];
    let mut page = Page::new(&context.viewer, "/operate/routers", "Router against its intent", content);
    page.trail = &trail;
    page.commands = html! { a.button href=(format!("{path}/diff")) { "Ask again" } };
    Ok(page.into_response())
}

fn state(found: &Value) -> Markup {
    let site = text(found, "site");
    html! {
        @if !text(found, "error").is_empty() {
            (message("error", html! { p { (sentence(text(found, "error"))) } p { "LAGs and sessions below are as they were known last." } }))
        }
        (facts(&[
            ("Reached", reach(found).0),
            ("Configuration", configured(found).0),
            ("Generation applied of intended", html! { (or_none(&number(found, "appliedGeneration"))) " of " (number(found, "intendedGeneration")) }),
            ("Route feed (BMP)", feed(found).0),
            ("BGP falls with BFD", coupling(&found["coupling"])),
            ("Read last", time(text(&found["state"], "at"))),
            ("Routes received", html! { (number(found, "routesReceived")) }),
            ("Site", html! { (site) @if !text(found, "location").is_empty() { ", " (text(found, "location")) } }),
            ("Loopback", copyable(text(found, "loopback"))),
        ]))
    }
}

/// What the edge's trial came to.
fn coupling(trial: &Value) -> Markup {
    html! {
        @match trial["proved"].as_bool() {
            None => { "not tried yet" },
            Some(proved) => {
                @if proved { (shown(Mood::Good, "Proved")) } @else { (shown(Mood::Bad, "Not proved")) }
                " " (time(text(trial, "at"))) ": " (text(trial, "found"))
            }
        }
    }
}

/// What the inventory says of it.
fn as_declared(found: &Value, declared: &Value) -> Markup {
    let ports = declared["port"].as_array().map_or(0, Vec::len);
    facts(&[
        ("Driver", or_none(&driver(&declared["management"]))),
        (
            "Ports for peers",
            html! { a href=(format!("/operate/ports?router={}", encode(text(found, "name")))) { (ports) } },
        ),
    ])
}

fn driver(management: &Value) -> String {
    let name = match text(management, "driver") {
        "frr" => "FRR",
        other => other,
    };
    match text(&management["lag"], "backend") {
        "ovs" => format!("{name}, LAGs by Open vSwitch"),
        "bonding" => format!("{name}, LAGs by the kernel's bonding driver"),
        _ => name.to_owned(),
    }
}

fn named(object: &str) -> Markup {
    html! {
        @match connection_of(object) {
            Some(id) => a href=(format!("/operate/queue/connections/{id}")) { (object) },
            None => (object),
        }
    }
}

fn table(heads: &[&str], rows: Vec<Vec<Markup>>, label: &str) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(label) {
            table {
                thead { tr { @for head in heads { th scope="col" { (head) } } } }
                tbody { @for row in rows { tr { @for (cell, head) in row.iter().zip(heads) { td data-title=(head) { (cell) } } } } }
            }
        }
    }
}

fn lags(lags: &Value) -> Markup {
    let Some(lags) = lags.as_object().filter(|all| !all.is_empty()) else {
        return html! { p.nothing { "None towards peers." } };
    };
    let yes = |member: &Value, name: &str| {
        if member[name] == true { shown(Mood::Good, "yes") } else { shown(Mood::Bad, "no") }
    };
    let mut rows = Vec::new();
    for (name, lag) in lags {
        for (port, member) in lag["members"].as_object().into_iter().flatten() {
            rows.push(vec![
                named(name),
                html! { (port) },
                yes(member, "carrier"),
                yes(member, "collecting"),
                yes(member, "distributing"),
            ]);
        }
    }
    table(&["LAG", "Port", "Light", "Collecting", "Distributing"], rows, "LAGs")
}

fn sessions(sessions: &Value) -> Markup {
    let Some(sessions) = sessions.as_object().filter(|all| !all.is_empty()) else {
        return html! { p.nothing { "None with peers." } };
    };
    let rows = sessions.iter().map(|(name, session)| {
        let open = session["gate_open"] == true;
        vec![
            named(name),
            state_badge(bgp, &session["bgp"]),
            state_badge(bfd, &session["bfd"]),
            if open { shown(Mood::Good, "open") } else { shown(Mood::Quiet, "closed") },
            time(text(session, "established_at")),
            html! { (number(session, "flaps")) },
            or_none(text(session, "peer_router_id")),
            or_none(&why_down(session)),
        ]
    });
    let heads = [
        "Session",
        "BGP",
        "BFD",
        "Gate",
        "Established",
        "Flaps",
        "Peer's identifier",
        "Why it is down, as its peer is told",
    ];
    table(&heads, rows.collect(), "Sessions")
}

fn why_down(session: &Value) -> String {
    let down = serde_json::from_value::<SessionDown>(session["down"].clone());
    down.map(|down| down.to_string()).unwrap_or_default()
}

/// A state of a session's, as its own function has it.
fn state_badge<S: DeserializeOwned>(of: fn(Option<S>) -> (Mood, &'static str), state: &Value) -> Markup {
    let (mood, words) = of(S::deserialize(state).ok());
    shown(mood, words)
}

/// Units that the router doesn't have as intended, each with its reason.
fn failing(pending: &Value) -> Vec<(&str, &str)> {
    let all = pending.as_array().into_iter().flatten();
    all.filter_map(|p| Some((p["unit"].as_str()?, p["reason"].as_str()?))).collect()
}

/// Routes with which the router does something else than the rules say.
fn differing(routes: &Value) -> Vec<Vec<Markup>> {
    let all = routes.as_array().into_iter().flatten();
    all.map(|route| {
        vec![
            named(text(route, "session")),
            html! { (text(route, "prefix")) },
            html! { (sentence(text(route, "reason"))) },
        ]
    })
    .collect()
}

fn applies(applies: &Value) -> Markup {
    let all: Vec<&Value> = applies.as_array().into_iter().flatten().collect();
    html! {
        @if all.is_empty() { p.nothing { "Nothing was applied yet." } }
        @for result in all {
            @let outcome = text(&result["outcome"], "outcome");
            details.apply {
                summary {
                    "Generation " (result["generation"]) " " (units_of(result)) (outcome_badge(outcome)) " "
                    (time(text(result, "at")))
                }
                @if let Some(reason) = result["outcome"]["reason"].as_str() { p.remark { (reason) } }
                @match text(result, "diff") {
                    "" => p.none { "No difference." },
                    text => (diff(text)),
                }
            }
        }
    }
}

/// The units that a result is about, when they are few enough to read.
fn units_of(result: &Value) -> String {
    let units: Vec<&str> =
        result["units"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    match units.len() {
        0 => String::new(),
        1..=4 => format!("({}) ", units.join(", ")),
        n => format!("({n} parts) "),
    }
}

fn outcome_badge(outcome: &str) -> Markup {
    match outcome {
        "confirmed" => shown(Mood::Good, "Confirmed"),
        "refused" => shown(Mood::Bad, "Refused, nothing touched"),
        "rolled_back" => shown(Mood::Bad, "Rolled back"),
        "unreachable" => shown(Mood::Bad, "Router unreachable"),
        other => shown(Mood::Quiet, &spaced(other)),
    }
}
