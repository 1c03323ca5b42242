//! What a peering's pages show, as the API tells it, and the call that asks for it.

use super::at::At;
use super::frame::tab;
use crate::api::API_VERSION;
use crate::error::PageError;
use crate::parts::tabs;
use crate::session::Context;
use axum::extract::{Path, Query};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use maud::{Markup, html};
use serde::Deserialize;

const PATH: &str = "/json";

#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    of: String,
}

/// Shows the tab.
pub(super) async fn show(
    context: Context,
    Path(at): Path<At>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let version = format!("?api-version={API_VERSION}");
    let paths = [
        ("Peering", "", format!("{}{version}", at.resource())),
        ("Connections in detail", "connections", format!("{}/connections", at.extension())),
        ("Registered prefixes", "registered-prefixes", format!("{}/registeredPrefixes{version}", at.resource())),
    ];
    let (_, of, path) = paths.iter().find(|(_, of, _)| *of == asked.of).unwrap_or(&paths[0]);
    let body = context.api.get(path).await?;
    let text = serde_json::to_string_pretty(&body).map_err(PageError::internal)?;
    let link = |of: &str| format!("{}?of={of}", at.page(PATH));
    let views: Vec<(&str, String)> = paths.iter().map(|(name, of, _)| (*name, link(of))).collect();
    let content = html! {
        (tabs(&views, &link(of)))
        section {
            h2 { "The same by API" }
            p.more { "With a token in " code { "TOKEN" } "; an operator of this network gives it." }
            (block(&curl(&origin(&headers), path), "Copy the call"))
        }
        section { h2 { "Answer" } (block(&text, "Copy the answer")) }
    };
    Ok(tab(&context, &at, PATH, html! {}, content))
}

fn block(text: &str, words: &str) -> Markup {
    html! {
        div.block {
            button.copy type="button" data-copy=(text) aria-label=(words) title="Copy" { (crate::parts::icon::of("copy")) }
            pre tabindex="0" { code { (text) } }
        }
    }
}

/// The call as a shell takes it. Paths are percent-encoded, so nothing in them ends the quotes.
fn curl(origin: &str, path: &str) -> String {
    format!("curl -sS -H \"Authorization: Bearer $TOKEN\" \\\n  '{origin}{path}'")
}

/// Where this portal is, as the browser says it. Sign-in needs TLS anywhere but on the machine itself.
fn origin(headers: &HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|v| v.to_str().ok()).unwrap_or("localhost");
    let host: String = host.chars().filter(|c| c.is_ascii_alphanumeric() || ".-:[]".contains(*c)).collect();
    let own = ["localhost", "127.", "[::1]"].iter().any(|start| host.starts_with(start));
    format!("{}://{host}", if own { "http" } else { "https" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn the_call_goes_where_the_browser_went_and_nowhere_else() {
        let of = |host: &'static str| origin(&HeaderMap::from_iter([(header::HOST, HeaderValue::from_static(host))]));
        assert_eq!(of("127.0.0.1:8971"), "http://127.0.0.1:8971");
        assert_eq!(of("meet.example"), "https://meet.example");
        assert_eq!(of("a';rm -rf"), "https://arm-rf");
    }
}
