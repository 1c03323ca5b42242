//! What the peer's own routers need, connection by connection, to be copied or kept as a file.

use super::{file, views};
use crate::error::PageError;
use crate::pages::peerings::at::At;
use crate::pages::peerings::frame::tab;
use crate::parts::{empty, icon, message};
use crate::session::Context;
use axum::extract::{Path, Query};
use axum::response::Response;
use maud::{Markup, html};
use serde::Deserialize;

const PATH: &str = "/configuration";

#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    vendor: String,
    /// A connection's name: its text as a file.
    #[serde(default)]
    file: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Configuration {
    connection_identifier: String,
    tracking_id: String,
    vendor: String,
    vendor_name: String,
    file_name: String,
    text: String,
}

/// Shows the page, or gives one text as a file.
pub(super) async fn show(
    context: Context,
    Path(at): Path<At>,
    Query(asked): Query<Asked>,
) -> Result<Response, PageError> {
    let all = context.api.list(&format!("{}/routerConfiguration", at.extension()), usize::MAX).await?;
    let all: Vec<Configuration> =
        all.into_iter().map(serde_json::from_value).collect::<Result<_, _>>().map_err(PageError::internal)?;
    let mut vendors: Vec<(&str, &str)> = Vec::new();
    for c in &all {
        if !vendors.iter().any(|(key, _)| *key == c.vendor) {
            vendors.push((&c.vendor, &c.vendor_name));
        }
    }
    let vendor = vendors.iter().map(|(key, _)| *key).find(|key| *key == asked.vendor);
    let vendor = vendor.or(vendors.first().map(|(key, _)| *key)).unwrap_or("");
    let of_vendor: Vec<&Configuration> = all.iter().filter(|c| c.vendor == vendor).collect();
    if !asked.file.is_empty() {
        let wanted = of_vendor.iter().find(|c| c.tracking_id == asked.file).ok_or(PageError::NotFound)?;
        return Ok(file(&wanted.file_name, "text/plain; charset=utf-8", wanted.text.clone()));
    }
    let link = |vendor: &str| format!("{}?vendor={vendor}", at.page(PATH));
    let all_vendors: Vec<(&str, String)> = vendors.iter().map(|(key, name)| (*name, link(key))).collect();
    let content = html! {
        @if all.is_empty() {
            (empty("There is nothing to configure yet",
                "The session addresses come when the port is configured on our side. Then the configuration for your routers stands here, ready to be pasted.",
                html! { a.button href=(at.page("")) { "See how far it is" } }))
        } @else {
            (message("info", html! { "Each connection ends at a router of its own on your side. What stands in capitals only you know: your interfaces, and your MD5 key where one is set. Read it before you paste it." }))
            (views("Vendor", &all_vendors, &link(vendor)))
            @for c in &of_vendor { (one(c, &format!("{}&file={}", link(vendor), c.tracking_id))) }
        }
    };
    Ok(tab(&context, &at, PATH, html! {}, content))
}

fn one(c: &Configuration, download: &str) -> Markup {
    html! {
        section.card {
            div.heading {
                h2 { "Connection " (c.tracking_id) }
                span.none { (c.connection_identifier) }
                a.subtle href=(download) download=(c.file_name) { "Download" span.hidden { " " (c.file_name) } }
            }
            div.block {
                button.copy type="button" data-copy=(c.text) aria-label=(format!("Copy the configuration of connection {}", c.tracking_id)) title="Copy" { (icon::of("copy")) }
                pre tabindex="0" { code { (c.text) } }
            }
        }
    }
}
