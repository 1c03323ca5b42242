//! What a peering's pages show, as the API tells it, and the call that asks for it.

use super::at::At;
use super::frame::tab;
use crate::api::API_VERSION;
use crate::error::PageError;
use crate::query::encode;
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
    /// Which registered prefix's checks.
    #[serde(default)]
    prefix: String,
}

/// A view: its name, its name in addresses, and what the API is asked for.
type View = (&'static str, String, String);

/// Shows the tab.
pub(super) async fn show(
    context: Context,
    Path(at): Path<At>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let version = format!("?api-version={API_VERSION}");
    let extension = at.extension();
    let prefixes = format!("{}/registeredPrefixes{version}", at.resource());
    let first: View = ("Peering", String::new(), format!("{}{version}", at.resource()));
    let mut views: Vec<View> = vec![
        ("Connections in detail", "connections".into(), format!("{extension}/connections")),
        ("Registered prefixes", "registered-prefixes".into(), prefixes),
    ];
    if !asked.prefix.is_empty() {
        let prefix = encode(&asked.prefix);
        let path = format!("{extension}/registeredPrefixes/{prefix}/checks");
        views.push(("Checks of a prefix", format!("checks&prefix={prefix}"), path));
    }
    let is_asked = |(_, of, _): &&View| of.split('&').next() == Some(asked.of.as_str());
    let (_, of, path) = views.iter().find(is_asked).unwrap_or(&first);
    let body = context.api.get(path).await?;
    let text = serde_json::to_string_pretty(&body).map_err(PageError::internal)?;
    let link = |of: &str| format!("{}?of={of}", at.page(PATH));
    let content = html! {
        nav.tabs aria-label="Views" {
            @for (name, other, _) in [&first].into_iter().chain(&views) {
                a href=(link(other)) aria-current=[(other == of).then_some("true")] { (name) }
            }
        }
        section {
            h2 { "The same by API" }
            p.more { "With a token in " code { "TOKEN" } "; an operator of this network gives it." }
            (block(&curl(&origin(&headers), path), "Copy the call"))
        }
        section { h2 { "Answer" } (block(&text, "Copy the answer")) }
    };
    Ok(tab(&context, &at, PATH, html! {}, content))
}

/// Text as it is, with a button that copies it.
pub(in crate::pages) fn block(text: &str, words: &str) -> Markup {
    html! {
        div.block {
            button.copy type="button" data-copy=(text) aria-label=(words) title="Copy" { (crate::parts::icon::of("copy")) }
            pre tabindex="0" { code { (text) } }
        }
    }
}

/// The call as a shell takes it. Paths are percent-encoded, so nothing in them ends the quotes.
pub(in crate::pages) fn curl(origin: &str, path: &str) -> String {
    format!("curl -sS -H \"Authorization: Bearer $TOKEN\" \\\n  '{origin}{path}'")
}

/// Where this portal is, as the browser says it. Sign-in needs TLS anywhere but on the machine itself.
pub(in crate::pages) fn origin(headers: &HeaderMap) -> String {
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
        let of = |host: &'static str| {
            origin(&HeaderMap::from_iter([(header::HOST, HeaderValue::from_static(host))]))
        };
        assert_eq!(of("127.0.0.1:8971"), "http://127.0.0.1:8971");
        assert_eq!(of("meet.example"), "https://meet.example");
        assert_eq!(of("a';rm -rf"), "https://arm-rf");
    }
}
