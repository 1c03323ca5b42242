//! Search: resources, prefixes, ASNs and services by a word, and pages and actions by their names.

use crate::access::Viewer;
use crate::error::PageError;
use crate::layout::Page;
use crate::pages::NAVIGATION;
use crate::parts::empty;
use crate::query::encode;
use crate::resource::page_of;
use crate::session::Context;
use axum::extract::Query;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::Value;

/// Longest word, in bytes.
const WORD_BYTES: usize = 200;
/// Hits read, at most.
const HITS: usize = 1000;

/// Pages that the navigation hasn't, with words that find them, and whether they change something.
const ACTIONS: &[(&str, &str, &str, bool)] = &[
    ("Create a peering", "/peerings/create", "create new add request peering connection interconnect", true),
    (
        "Create a peering service",
        "/peering-services/create",
        "create new add peering service activate prefix",
        true,
    ),
    ("Associate an ASN", "/peer-asns/create", "create new add associate asn peer", true),
    ("Account", "/account", "account password sessions appearance dark light theme sign out", false),
];

#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    q: String,
}

/// Shows what is found.
pub(super) async fn search(context: Context, Query(asked): Query<Asked>) -> Result<Response, PageError> {
    let word = asked.q.trim();
    let title = if word.is_empty() { "Search".to_owned() } else { format!("Search: {word}") };
    let content = if word.is_empty() || word.len() > WORD_BYTES {
        empty(
            "What are you looking for?",
            "Part of a name, an ASN, the start of a prefix, a prefix key, or a page such as Peering Services. The / key leads to the search field.",
            html! {},
        )
    } else {
        found(&pages(&context.viewer, word), &hits(&context, word).await?)
    };
    Ok(Page::new(&context.viewer, "/search", &title, content).into_response())
}

/// Pages and actions by their names: every word must occur.
fn pages(viewer: &Viewer, asked: &str) -> Vec<(&'static str, &'static str)> {
    let words: Vec<String> = asked.split_whitespace().map(str::to_lowercase).collect();
    let matches = |text: &str| words.iter().all(|word| text.to_lowercase().contains(word));
    let entries = NAVIGATION.iter().filter(|n| !n.host || viewer.sees_host()).map(|n| (n.title, n.path));
    let actions = ACTIONS.iter().filter(|(_, _, _, writes)| !writes || viewer.writes());
    let actions =
        actions.filter(|(title, _, more, _)| matches(&format!("{title} {more}"))).map(|(t, p, ..)| (*t, *p));
    entries.filter(|(title, _)| matches(title)).chain(actions).collect()
}

async fn hits(context: &Context, word: &str) -> Result<Vec<Value>, PageError> {
    let query = format!("search?q={}", encode(word));
    if context.viewer.sees_host() {
        return context.api.list(&format!("/api/v1/{query}"), HITS).await;
    }
    let mut all = Vec::new();
    for subscription in context.api.subscriptions().await? {
        let path = format!("/api/v1/subscriptions/{}/{query}", encode(&subscription));
        all.extend(context.api.list(&path, HITS).await?);
    }
    Ok(all)
}

fn found(pages: &[(&str, &str)], hits: &[Value]) -> Markup {
    const KINDS: [(&str, &str); 5] = [
        ("peering", "Peerings"),
        ("peeringService", "Peering Services"),
        ("peerAsn", "Peer ASNs"),
        ("registeredPrefix", "Registered prefixes"),
        ("activatedPrefix", "Activated prefixes"),
    ];
    let of = |kind: &str| hits.iter().filter(|hit| hit["kind"] == kind).collect::<Vec<_>>();
    html! {
        @if pages.is_empty() && hits.is_empty() {
            (empty("Nothing found", "Try part of a name, an ASN such as AS64510, or the start of a prefix. Only what you may see is searched.", html! {}))
        }
        @if !pages.is_empty() { section.card {
            h2 { "Pages and actions" }
            ul.links { @for (title, path) in pages { li { a href=(path) { (title) } } } }
        } }
        @for (kind, title) in KINDS {
            @let rows = of(kind);
            @if !rows.is_empty() { section.card {
                h2 { (title) }
                ul.links { @for hit in rows { li {
                    a href=[page_of(hit["resourceId"].as_str().unwrap_or(""))] { (hit["name"].as_str().unwrap_or("")) }
                    " " span.none { (hit["detail"].as_str().unwrap_or("")) }
                } } }
            } }
        }
    }
}
