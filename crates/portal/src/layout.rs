//! The shell around every page: top bar, navigation, title, commands, content.

use crate::access::Viewer;
use crate::assets;
use crate::pages::NAVIGATION;
use crate::parts::icon;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

/// Nothing but the portal's own assets is loaded, and nothing inline runs.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

/// A page about to be shown.
pub(crate) struct Page<'a> {
    /// Who looks.
    pub viewer: &'a Viewer,
    /// The page's own path, to mark it in the navigation.
    pub path: &'a str,
    /// Its title.
    pub title: &'a str,
    /// What kind of thing it is, under the title: `Peering`.
    pub kind: &'a str,
    /// The way here, as names with their paths; the page itself isn't among them.
    pub trail: &'a [(&'a str, &'a str)],
    /// What can be done here: buttons and links.
    pub commands: Markup,
    /// Pages of the same thing, if any.
    pub tabs: Markup,
    /// What is on it.
    pub content: Markup,
}

impl<'a> Page<'a> {
    /// A page without trail, commands or tabs.
    pub fn new(viewer: &'a Viewer, path: &'a str, title: &'a str, content: Markup) -> Self {
        Self { viewer, path, title, kind: "", trail: &[], commands: html! {}, tabs: html! {}, content }
    }

    /// The page as HTML.
    pub fn render(self) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                (head(self.title))
                body data-csrf=(self.viewer.csrf) {
                    a.skip href="#content" { "Skip to content" }
                    (top_bar(self.viewer))
                    div #offline role="status" hidden { "No connection to the server. What you see may be old; it catches up by itself." }
                    div.frame {
                        (navigation(self.viewer, self.path))
                        main #content tabindex="-1" {
                            (trail(self.trail))
                            header.title {
                                div {
                                    h1 { (self.title) }
                                    @if !self.kind.is_empty() { p.kind { (self.kind) } }
                                }
                                div.commands { (self.commands) }
                            }
                            @if let Some((list, path)) = self.trail.last() { (gone(list, path)) }
                            @if self.viewer.again { (crate::kept::notice()) }
                            (self.tabs)
                            (self.content)
                        }
                    }
                }
            }
        }
    }
}

impl IntoResponse for Page<'_> {
    fn into_response(self) -> Response {
        secured(self.render())
    }
}

/// HTML with the headers that every page has.
pub(crate) fn secured(markup: Markup) -> Response {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        // Pages hold what only their viewer may see.
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    (headers, markup.into_string()).into_response()
}

/// A form's step that the browser keeps, so that going back to it shows it as it was: it is the
/// answer to a POST, which can't be asked for again.
pub(crate) fn kept_for_back(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    response
}

/// A page for somebody who isn't signed in, or that must work without anything else.
pub(crate) fn plain(title: &str, content: Markup) -> Response {
    secured(html! {
        (DOCTYPE)
        html lang="en" {
            (head(title))
            body.plain {
                main #content.card {
                    p.brand { (icon::logo()) "Meetme" }
                    h1 { (title) }
                    (content)
                }
            }
        }
    })
}

fn head(title: &str) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            meta name="htmx-config" content=r#"{"includeIndicatorStyles":false,"allowEval":false,"selfRequestsOnly":true,"historyCacheSize":0}"#;
            title { (title) " · Meetme" }
            link rel="icon" href=(assets::path("icon.svg")) type="image/svg+xml";
            link rel="stylesheet" href=(assets::path("portal.css"));
            link rel="stylesheet" href=(assets::path("drawings.css"));
            script src=(assets::path("htmx.min.js")) defer {}
            script src=(assets::path("portal.js")) defer {}
        }
    }
}

fn top_bar(viewer: &Viewer) -> Markup {
    html! {
        header.top {
            button.menu type="button" popovertarget="navigation" aria-label="Navigation" { (icon::menu()) }
            a.brand href="/" { (icon::logo()) "Meetme" }
            form.search action="/search" role="search" {
                label.hidden for="search" { "Search resources, prefixes, ASNs, services and actions" }
                input #search type="search" name="q" placeholder="Search resources, prefixes, ASNs (/)" autocomplete="off";
            }
            a.account href="/account" title=(viewer.person.email) {
                span.avatar aria-hidden="true" { (initials(&viewer.person.name)) }
                span.name { (viewer.person.name) }
            }
        }
    }
}

fn initials(name: &str) -> String {
    name.split_whitespace()
        .filter_map(|word| word.chars().next())
        .take(2)
        .flat_map(char::to_uppercase)
        .collect()
}

fn navigation(viewer: &Viewer, path: &str) -> Markup {
    let shown =
        |host: bool| NAVIGATION.iter().filter(move |n| n.host == host && (!host || viewer.sees_host()));
    let here = |at: &str| path == at || (at != "/" && path.starts_with(&format!("{at}/")));
    html! {
        nav #navigation popover="manual" aria-label="Main" {
            ul {
                @for n in shown(false) {
                    li { a href=(n.path) aria-current=[here(n.path).then_some("page")] { (icon::of(n.icon)) (n.title) } }
                }
            }
            @if viewer.sees_host() {
                h2 { "Operate" }
                ul {
                    @for n in shown(true) {
                        li { a href=(n.path) aria-current=[here(n.path).then_some("page")] { (icon::of(n.icon)) (n.title) } }
                    }
                }
            }
        }
    }
}

/// What a live page says once there is nothing any more that it could show.
fn gone(list: &str, path: &str) -> Markup {
    html! {
        div #gone.message.warning role="alert" hidden {
            (icon::of("warning"))
            div {
                p { "This was deleted, or you may not see it any more." }
                p { a href=(path) { "Back to " (list) } }
            }
        }
    }
}

fn trail(steps: &[(&str, &str)]) -> Markup {
    html! {
        @if !steps.is_empty() {
            nav.trail aria-label="Breadcrumb" {
                ol { @for (name, path) in steps { li { a href=(path) { (name) } } } }
            }
        }
    }
}
