//! Forms that were sent when their session had ended, or from before it began: what was typed isn't
//! lost. Who isn't signed in is asked to, and the sign-in form carries what was typed along; then the
//! form is there again, filled, to be sent by the person. Nothing is ever sent by itself, and
//! passwords and keys aren't carried.
//!
//! A filled form is what its own handler shows for one that was refused. While it is only shown
//! again, the API takes no change ([`crate::api`]), and handlers that write by themselves aren't asked.

use crate::PortalState;
use crate::error::PageError;
use crate::layout::{self, Page};
use crate::pages::{self, sign_in};
use crate::parts::faults::sentence;
use crate::parts::form::form;
use crate::parts::message;
use crate::query::encode;
use crate::session::{Context, asked_from, csrf_of, secure_origin, viewer};
use axum::body::{Body, Bytes};
use axum::extract::{Form, FromRequest, FromRequestParts, Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, COOKIE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use std::sync::Arc;
use tower::ServiceExt;

/// Longest form that is kept; a longer one wouldn't fit into the sign-in form.
const LIMIT_BYTES: usize = 48 * 1024;
const FORM: &str = "application/x-www-form-urlencoded";
/// Where forms change things through the API alone.
const BY_API: [&str; 5] =
    ["/peerings/", "/peer-asns/", "/peering-services/", "/operate/queue/", "/looking-glass"];
/// Forms without a session, and the one that ends it.
const OPEN: [&str; 3] = ["/sign-in", "/sign-out", "/invitation/"];
/// Fields that are never carried.
const SECRET: [&str; 4] = ["password", "current", "repeated", "md5"];

/// Says of a request that its form is only shown again.
#[derive(Clone, Copy)]
pub(crate) struct Again;

/// A form as it was sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kept {
    /// Where it was sent.
    pub action: String,
    /// What was typed, without secrets.
    pub fields: Vec<(String, String)>,
    /// Secret fields that were filled.
    pub left_out: Vec<String>,
}

impl Kept {
    /// A form's body; `None` for one that holds nothing, or too much, or isn't of our pages: what a
    /// program sends to an address that isn't there is no business of a page's.
    async fn of(action: &str, headers: &HeaderMap, body: Bytes) -> Option<(Self, String)> {
        let is_form = headers.get(CONTENT_TYPE).is_some_and(|t| t.as_bytes().starts_with(FORM.as_bytes()));
        if !is_form || body.len() > LIMIT_BYTES {
            return None;
        }
        let pairs = decoded(body).await?;
        let csrf = pairs.iter().find(|(name, _)| name == "_csrf").map(|(_, token)| token.clone())?;
        let mut kept = Self { action: action.to_owned(), ..Self::default() };
        for (name, value) in pairs.into_iter().filter(|(name, _)| name != "_csrf") {
            if !SECRET.contains(&name.as_str()) {
                kept.fields.push((name, value));
            } else if !value.is_empty() {
                kept.left_out.push(name);
            }
        }
        let is_anything = !kept.fields.is_empty() || !kept.left_out.is_empty();
        is_anything.then_some((kept, csrf))
    }

    /// As the sign-in form brought it: action, fields and names of secrets.
    pub async fn brought(action: &str, fields: &str, left_out: &str) -> Option<Self> {
        let inside = sign_in::safe(action) == action && !is_open(action);
        let fields =
            decoded(Bytes::from(fields.to_owned())).await.filter(|_| inside && !action.is_empty())?;
        let fields =
            fields.into_iter().filter(|(n, _)| n != "_csrf" && !SECRET.contains(&n.as_str())).collect();
        let left_out = left_out.split(',').filter(|n| SECRET.contains(n)).map(str::to_owned).collect();
        Some(Self { action: action.to_owned(), fields, left_out })
    }

    /// The fields that carry it along in the sign-in form.
    pub fn hidden(&self) -> Markup {
        html! {
            input type="hidden" name="kept_action" value=(self.action);
            input type="hidden" name="kept_fields" value=(self.encoded());
            input type="hidden" name="kept_left_out" value=(self.left_out.join(","));
        }
    }

    fn encoded(&self) -> String {
        let pairs: Vec<String> =
            self.fields.iter().map(|(n, v)| format!("{}={}", encode(n), encode(v))).collect();
        pairs.join("&")
    }

    /// The form again, filled, for whoever `headers` sign in.
    pub async fn shown_again(
        self,
        state: &Arc<PortalState>,
        headers: &HeaderMap,
    ) -> Result<Response, PageError> {
        if BY_API.iter().any(|start| self.action.starts_with(start)) {
            let response = self.asked_of_its_page(state, headers).await?;
            // Anything else isn't the form: it couldn't be refused as one.
            if response.status() == StatusCode::OK {
                return Ok(response);
            }
        }
        let (mut parts, ()) = Request::new(()).into_parts();
        parts.headers = headers.clone();
        let context = <Context as FromRequestParts<_>>::from_request_parts(&mut parts, state).await?;
        Ok(self.to_send(&context))
    }

    /// The page that its handler makes of it while nothing can be changed.
    async fn asked_of_its_page(
        &self,
        state: &Arc<PortalState>,
        headers: &HeaderMap,
    ) -> Result<Response, PageError> {
        let body = format!("{}&_csrf={}", self.encoded(), csrf_of(headers));
        let mut request = Request::new(Body::from(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.action.parse().map_err(PageError::internal)?;
        *request.headers_mut() = headers.clone();
        request.headers_mut().remove(CONTENT_LENGTH);
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(FORM));
        request.extensions_mut().insert(Again);
        let pages = pages::routes().with_state(state.clone());
        Ok(pages.oneshot(request).await.unwrap_or_else(|never| match never {}))
    }

    /// What was typed by itself, where its page can't be had: the same form, to be sent again.
    fn to_send(&self, context: &Context) -> Response {
        let shown: Vec<&(String, String)> =
            self.fields.iter().filter(|(_, v)| !v.trim().is_empty()).collect();
        let content = html! {
            section.card {
                @if !shown.is_empty() {
                    dl.facts { @for (name, value) in shown { div { dt { (words(name)) } dd { (value) } } } }
                }
                (form(&context.viewer, &self.action, html! {
                    @for (name, value) in &self.fields { input type="hidden" name=(name) value=(value); }
                    @for (i, name) in self.left_out.iter().enumerate() { (secret(i, name)) }
                    div.actions {
                        button.primary type="submit" { "Send it" }
                        a.button href="/" { "Leave it" }
                    }
                }))
            }
        };
        let viewer = crate::access::Viewer { again: true, ..context.viewer.clone() };
        Page::new(&viewer, &self.action, "Not sent yet", content).into_response()
    }
}

/// A secret that has to be typed again.
fn secret(i: usize, name: &str) -> Markup {
    let id = format!("again-{i}");
    html! {
        div.field {
            label for=(id) { (words(name)) " (it wasn't kept)" }
            input type="password" id=(id) name=(name) autocomplete="off";
        }
    }
}

/// What stands on top of a form that is shown again.
pub(crate) fn notice() -> Markup {
    message(
        "warning",
        html! {
            p { "You weren't signed in any more when you sent this, so nothing was done. Look through what you typed and send it again." }
            p { "Passwords and MD5 keys are never kept: if you typed one, type it again." }
        },
    )
}

/// A field's name for people: `contact-0-email` as `Contact 0 email.` without the dot.
fn words(name: &str) -> String {
    let plain = if name == "do" { "action".to_owned() } else { name.replace(['-', '_'], " ") };
    sentence(&plain).trim_end_matches('.').to_owned()
}

async fn decoded(body: Bytes) -> Option<Vec<(String, String)>> {
    let mut request = Request::new(Body::from(body));
    *request.method_mut() = Method::POST;
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(FORM));
    let sent = Form::<Vec<(String, String)>>::from_request(request, &()).await;
    sent.ok().map(|Form(pairs)| pairs)
}

fn is_open(path: &str) -> bool {
    OPEN.iter().any(|open| path.starts_with(open))
}

/// Stands before all pages: keeps forms whose session has ended, or isn't the one they were made for.
pub(crate) async fn guard(
    State(state): State<Arc<PortalState>>,
    request: Request,
    next: Next,
) -> Result<Response, PageError> {
    if request.method() != Method::POST || is_open(request.uri().path()) {
        return Ok(next.run(request).await);
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, pages::FORM_LIMIT_BYTES).await else {
        return Ok(StatusCode::PAYLOAD_TOO_LARGE.into_response());
    };
    let action = parts.uri.path_and_query().map_or("/", |p| p.as_str());
    let kept = Kept::of(action, &parts.headers, body.clone()).await;
    if let Some((kept, csrf)) = kept
        && secure_origin(&parts.headers)
    {
        let told = match viewer(&state, &parts.headers).await? {
            None => {
                let back = asked_from(&parts.method, &parts.uri, &parts.headers);
                Some(sign_in::page("", &back, None, Some(&kept)))
            }
            // A form of an earlier session: it has a token, but not this one's.
            Some(viewer) if !csrf.is_empty() && csrf != viewer.csrf => {
                Some(kept.shown_again(&state, &parts.headers).await?)
            }
            Some(_) => None,
        };
        if let Some(mut response) = told {
            *response.status_mut() = StatusCode::FORBIDDEN;
            return Ok(response);
        }
    }
    Ok(next.run(Request::from_parts(parts, Body::from(body))).await)
}

/// Headers of a request as the browser sends them once it has this cookie.
pub(crate) fn with_cookie(headers: &HeaderMap, set: &HeaderValue) -> HeaderMap {
    let mut headers = headers.clone();
    let cookie = set.to_str().unwrap_or("").split(';').next().unwrap_or("");
    if let Ok(value) = HeaderValue::from_str(cookie) {
        headers.insert(COOKIE, value);
    }
    headers
}

/// The sign-in form's answer where a form is to be shown again.
pub(crate) async fn after_sign_in(
    state: &Arc<PortalState>,
    headers: &HeaderMap,
    set: &HeaderValue,
    kept: Kept,
) -> Result<Response, PageError> {
    kept.shown_again(state, &with_cookie(headers, set)).await.map(layout::kept_for_back)
}
