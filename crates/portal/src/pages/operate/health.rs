//! How the product itself is, as far as it knows.

use super::{host, number, text};
use crate::error::PageError;
use crate::layout::Page;
use crate::parts::state::{Mood, shown};
use crate::parts::{facts, live, time};
use crate::session::Context;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use serde_json::Value;

/// Shows the health.
pub(super) async fn show(context: Context) -> Result<Response, PageError> {
    host(&context)?;
    let health = context.api.get("/api/v1/health").await?;
    let content = live(
        "health",
        "/operate/health",
        html! {
            section.card { h2 { "Control plane" } (control(&health)) }
            section.card { h2 { "Edge" } (sites(&health)) }
        },
    );
    Ok(Page::new(&context.viewer, "/operate/health", "Health", content).into_response())
}

fn control(health: &Value) -> Markup {
    let unsent = health["mailsUnsent"].as_u64().unwrap_or(0);
    let inventory = health["inventoryVersion"].as_u64().unwrap_or(0);
    facts(&[
        ("API and database", shown(Mood::Good, "Answer")),
        ("Version", html! { (text(health, "version")) }),
        (
            "Inventory",
            html! {
                @if inventory == 0 { (shown(Mood::Waiting, "None yet")) " meetme inventory apply FILE" }
                @else { "Version " (inventory) }
            },
        ),
        ("Waits for a reconciler now", html! { (number(health, "workDepth")) }),
        (
            "Mails not sent",
            html! {
                @if unsent == 0 { "0" } @else { a href="/operate/mails" { (shown(Mood::Waiting, &unsent.to_string())) } }
            },
        ),
    ])
}

fn sites(health: &Value) -> Markup {
    let sites: Vec<&Value> = health["sites"].as_array().into_iter().flatten().collect();
    let heads = ["Site", "Location", "Routers reached", "Route feeds", "Newest report", "What is wrong"];
    html! {
        @if sites.is_empty() { p.nothing { "No sites yet. They come with the inventory." } }
        @else {
            div.scroll tabindex="0" role="region" aria-label="Sites" {
                table {
                    thead { tr { @for head in heads { th scope="col" { (head) } } } }
                    tbody { @for site in &sites { tr {
                        @for (cell, head) in row(site).iter().zip(heads) { td data-title=(head) { (cell) } }
                    } } }
                }
            }
        }
    }
}

fn row(site: &Value) -> Vec<Markup> {
    let routers = site["routers"].as_u64().unwrap_or(0);
    let of = |name: &str| {
        let count = site[name].as_u64().unwrap_or(0);
        let mood = if count == routers { Mood::Good } else { Mood::Bad };
        shown(mood, &format!("{count} of {routers}"))
    };
    let wrong = site["errors"].as_array().into_iter().flatten().filter_map(Value::as_str);
    vec![
        html! { (text(site, "name")) },
        html! { (text(site, "location")) },
        of("routersReachable"),
        of("bmpConnected"),
        time(text(site, "toldAt")),
        html! { ul { @for error in wrong { li { (error) } } } },
    ]
}
