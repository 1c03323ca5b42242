//! What a service's pages show, as the API tells it, and the calls that ask for it.

use super::Service;
use crate::api::API_VERSION;
use crate::error::PageError;
use crate::pages::peerings::json::{block, curl, origin};
use crate::session::Context;
use axum::extract::{Path, Query};
use axum::http::HeaderMap;
use axum::response::Response;
use maud::html;
use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    of: String,
}

/// Shows the tab.
pub(super) async fn show(
    context: Context,
    Path(service): Path<Service>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let (version, api) = (format!("?api-version={API_VERSION}"), service.api());
    let views = [
        ("Peering service", "", format!("{api}{version}")),
        ("Prefixes with events", "prefixes", format!("{api}/prefixes{version}&$expand=events")),
        ("Connection monitor tests", "tests", format!("{api}/connectionMonitorTests{version}")),
    ];
    let (_, of, path) = views.iter().find(|(_, of, _)| *of == asked.of).unwrap_or(&views[0]);
    let body = context.api.get(path).await?;
    let text = serde_json::to_string_pretty(&body).map_err(PageError::internal)?;
    let here = format!("{}/json", service.page());
    let content = html! {
        nav.tabs aria-label="Views" {
            @for (name, other, _) in &views {
                a href=(format!("{here}?of={other}")) aria-current=[(other == of).then_some("true")] { (name) }
            }
        }
        section {
            h2 { "The same by API" }
            p.more { "With a token in " code { "TOKEN" } "; an operator of this network gives it." }
            (block(&curl(&origin(&headers), path), "Copy the call"))
        }
        section { h2 { "Answer" } (block(&text, "Copy the answer")) }
    };
    Ok(service.shown(&context, &here, content))
}
