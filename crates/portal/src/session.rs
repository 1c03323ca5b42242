//! Sign-in sessions: the cookie, who it stands for, and that a form comes from our own pages.
//!
//! The cookie is `Secure`, `HttpOnly` and `SameSite=Lax`, so the portal needs TLS; browsers take
//! loopback for secure, too. A form carries a token made from its session's, which no other site knows.

use crate::PortalState;
use crate::access::Viewer;
use crate::api::Api;
use crate::error::PageError;
use crate::kept::Again;
use crate::parts::table::Asked;
use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::header::{ACCEPT, COOKIE, HOST, ORIGIN, REFERER};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, Uri};
use jiff::{SignedDuration, Timestamp};
use meetme_store::{IdPage, Person, Role, Store, StoreError};
use sha2::{Digest, Sha256};
use std::sync::Arc;

const COOKIE_NAME: &str = "meetme_session";
/// A session ends when it wasn't used for so long.
pub(crate) const IDLE: SignedDuration = SignedDuration::from_hours(12);
/// An invitation is taken for so long.
pub(crate) const INVITED: SignedDuration = SignedDuration::from_hours(72);
/// Use is noted no more often.
const NOTE: SignedDuration = SignedDuration::from_mins(1);

/// The only place of this crate that reads the clock.
pub(crate) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

/// What a page is made from: who looks at it, and the API on their behalf.
pub(crate) struct Context {
    /// Who looks.
    pub viewer: Viewer,
    /// The API as that person.
    pub api: Api,
    /// The portal.
    pub state: Arc<PortalState>,
    /// The page's path, without its query.
    pub path: String,
    /// How the page's table is asked for, if it has one.
    pub asked: Asked,
}

impl FromRequestParts<Arc<PortalState>> for Context {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<PortalState>) -> Result<Self, PageError> {
        let viewer = viewer(state, &parts.headers).await?;
        let again = parts.extensions.get::<Again>().is_some();
        let viewer = viewer.map(|v| Viewer { again, ..v });
        let viewer = viewer.ok_or_else(|| PageError::SignInNeeded {
            next: asked_from(&parts.method, &parts.uri, &parts.headers),
        })?;
        Ok(Self {
            api: Api::new(state.api.clone(), viewer.clone()),
            viewer,
            state: state.clone(),
            path: parts.uri.path().to_owned(),
            asked: Asked::of(parts),
        })
    }
}

impl OptionalFromRequestParts<Arc<PortalState>> for Context {
    type Rejection = PageError;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &Arc<PortalState>,
    ) -> Result<Option<Self>, PageError> {
        match <Self as FromRequestParts<Arc<PortalState>>>::from_request_parts(parts, state).await {
            Ok(context) => Ok(Some(context)),
            Err(PageError::SignInNeeded { .. }) => Ok(None),
            Err(e) => Err(e),
        }
    }
}

/// Where to go on after signing in: the page itself, or the one whose form was sent.
pub(crate) fn asked_from(method: &Method, uri: &Uri, headers: &HeaderMap) -> String {
    if method == Method::GET {
        return uri.path_and_query().map_or("/", |p| p.as_str()).to_owned();
    }
    let referer = headers.get(REFERER).and_then(|v| v.to_str().ok()).unwrap_or("");
    let path = referer.split_once("://").and_then(|(_, rest)| rest.find('/').map(|slash| &rest[slash..]));
    path.unwrap_or("/").to_owned()
}

/// Who a request's session stands for.
pub(crate) async fn viewer(state: &PortalState, headers: &HeaderMap) -> Result<Option<Viewer>, PageError> {
    let Some(token) = cookie(headers) else { return Ok(None) };
    let now = now();
    let mut db = state.store.read().await?;
    let Some((session, person)) = meetme_store::session_find(&mut db, token, now).await? else {
        return Ok(None);
    };
    drop(db);
    // What a page asks by itself is no use of it.
    let by_itself = headers.contains_key("hx-request")
        || headers.get(ACCEPT).is_some_and(|accept| accept == "text/event-stream");
    if !by_itself && now.duration_since(session.seen_at) >= NOTE {
        let mut tx = state.store.begin().await?;
        meetme_store::session_seen(&mut tx, session.id, now, now + IDLE).await?;
        tx.commit().await?;
    }
    Ok(Some(Viewer { person, session, csrf: csrf(token), again: false }))
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|all| all.split(';'))
        .filter_map(|one| one.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE_NAME)
        .map(|(_, token)| token)
}

/// True for a request that a browser makes of pages: it has a session, or says what it is fetched for, which
/// browsers alone do, and always over TLS (W3C Fetch Metadata). A proxy may add a token of its own to it.
pub fn is_from_browser(headers: &HeaderMap) -> bool {
    cookie(headers).is_some() || headers.contains_key("sec-fetch-mode")
}

/// What a session's forms carry, by the cookie as it is sent back.
pub(crate) fn csrf_of(headers: &HeaderMap) -> String {
    csrf(cookie(headers).unwrap_or(""))
}

fn csrf(token: &str) -> String {
    let digest = Sha256::digest(format!("form of {token}").as_bytes());
    digest.iter().map(|b| format!("{b:02x}")).collect()
}

/// `Set-Cookie` that opens a session, or with an empty token ends it.
pub(crate) fn set_cookie(token: &str) -> HeaderValue {
    let life = if token.is_empty() { "; Max-Age=0" } else { "" };
    let text = format!("{COOKIE_NAME}={token}; Path=/; Secure; HttpOnly; SameSite=Lax{life}");
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// True unless a browser says that a request comes from another site's page. Forms without a session
/// (sign-in) have nothing else to go by.
pub fn secure_origin(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    match (headers.get(ORIGIN).and_then(|v| v.to_str().ok()), headers.get(HOST).and_then(|v| v.to_str().ok()))
    {
        (Some(origin), Some(host)) => origin.split_once("://").is_some_and(|(_, o)| o == host),
        (Some(_), None) => false,
        (None, _) => true,
    }
}

impl Context {
    /// Refuses a form that isn't of this session.
    pub fn check_form(&self, headers: &HeaderMap, token: Option<&str>) -> Result<(), PageError> {
        let header = headers.get("x-csrf-token").and_then(|v| v.to_str().ok());
        let fine = secure_origin(headers) && token.or(header) == Some(self.viewer.csrf.as_str());
        if fine { Ok(()) } else { Err(PageError::ForeignForm) }
    }
}

/// Invites the first operator while nobody has signed in yet: the path to open. An earlier one ends.
pub async fn invite_first_operator(store: &Store) -> Result<Option<String>, StoreError> {
    let mut tx = store.begin().await?;
    let known = meetme_store::people_list(&mut tx, IdPage::first(1)).await?;
    if let Some(first) = known.first() {
        if first.password_hash.is_some() {
            return Ok(None);
        }
        let token = meetme_store::invitation_add(&mut tx, first.id, now() + INVITED).await?;
        tx.commit().await?;
        return Ok(Some(format!("/invitation/{token}")));
    }
    let new = Person {
        id: 0,
        email: String::new(),
        name: String::new(),
        role: Role::Operator,
        subscriptions: Vec::new(),
        password_hash: None,
        disabled: false,
        created_at: now(),
    };
    let person = meetme_store::person_insert(&mut tx, &new).await?;
    let token = meetme_store::invitation_add(&mut tx, person.id, now() + INVITED).await?;
    tx.commit().await?;
    Ok(Some(format!("/invitation/{token}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(all: &[(&'static str, &'static str)]) -> HeaderMap {
        all.iter().map(|(n, v)| (n.parse().unwrap(), HeaderValue::from_static(v))).collect()
    }

    #[test]
    fn a_form_of_another_site_is_told_by_its_browser() {
        assert!(secure_origin(&headers(&[("sec-fetch-site", "same-origin")])));
        assert!(!secure_origin(&headers(&[("sec-fetch-site", "cross-site")])));
        assert!(!secure_origin(&headers(&[("origin", "https://evil.example"), ("host", "meet.example")])));
        assert!(secure_origin(&headers(&[("origin", "https://meet.example"), ("host", "meet.example")])));
        assert!(secure_origin(&headers(&[])), "no browser");
    }

    #[test]
    fn the_session_s_cookie_is_found_among_others_and_well_guarded() {
        assert_eq!(cookie(&headers(&[("cookie", "a=b; meetme_session=ms_1; c=d")])), Some("ms_1"));
        let set = set_cookie("ms_1");
        for word in ["Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
            assert!(set.to_str().unwrap().contains(word), "{word}");
        }
        assert!(set_cookie("").to_str().unwrap().contains("Max-Age=0"));
    }
}
