//! Conditional requests (RFC 9110 §13): an answer's ETag, and what `If-Match` and `If-None-Match`
//! ask of the resource. A condition that doesn't hold is 412, and never told as a conflict (409).

use crate::call::{Answer, Call};
use crate::error::ApiError;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::IntoResponse;
use meetme_model::revision::{Revision, Since};
use meetme_model::stamp::Stamp;

/// The conditions of a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conditions {
    if_match: Option<String>,
    if_none_match: Option<String>,
}

impl Conditions {
    /// Those in a request's headers.
    pub fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        Ok(Self { if_match: list(headers, "if-match")?, if_none_match: list(headers, "if-none-match")? })
    }

    /// Holds `If-Match` against what there is.
    fn refuse_match(&self, etag: Option<&str>) -> Option<ApiError> {
        let asked = self.if_match.as_deref()?;
        match etag {
            None => Some(failed("If-Match", "there is no such resource")),
            Some(etag) if names(asked, etag) => None,
            Some(etag) => Some(failed("If-Match", &format!("the resource's ETag is {etag} now"))),
        }
    }
}

fn list(headers: &HeaderMap, name: &'static str) -> Result<Option<String>, ApiError> {
    let mut all = Vec::new();
    for value in headers.get_all(name) {
        let text = value.to_str().map_err(|_| {
            ApiError::bad_request("InvalidHeader", name, format!("the header {name} isn't readable text"))
        })?;
        all.push(text);
    }
    Ok(if all.is_empty() { None } else { Some(all.join(",")) })
}

/// True when a list of entity tags has this one, or is `*`.
fn names(asked: &str, etag: &str) -> bool {
    lists(asked, "*") || lists(asked, etag)
}

/// True when a list of entity tags has this one. Tags of ours hold no comma.
fn lists(asked: &str, etag: &str) -> bool {
    asked.split(',').map(str::trim).any(|tag| tag == etag)
}

/// A request's entity tag: another one whenever something else is asked, or it is decided.
fn etag_of(request: &Revision) -> String {
    format!("\"{}\"", request.word())
}

/// The answer with the entity tag of a request to decide about. Its checks may differ at any time, so
/// that no condition of a GET is held against it.
pub(crate) fn with_etag(request: &Revision, answer: Answer) -> Answer {
    let mut response = answer?;
    if let Ok(value) = HeaderValue::from_str(&etag_of(request)) {
        response.headers_mut().insert(header::ETAG, value);
    }
    Ok(response)
}

fn or_nothing(changes: &[String]) -> String {
    if changes.is_empty() { "the same is asked".to_owned() } else { changes.join("; ") }
}

fn changed(why: &str) -> ApiError {
    let message = format!("{why}; nothing was decided, look at it again");
    ApiError::new(StatusCode::PRECONDITION_FAILED, "PreconditionFailed", message).target("If-Match")
}

fn failed(header: &str, why: &str) -> ApiError {
    ApiError::new(
        StatusCode::PRECONDITION_FAILED,
        "PreconditionFailed",
        format!("the condition in {header} doesn't hold: {why}; read the resource again and decide anew"),
    )
    .target(header)
}

impl Call {
    /// Refuses a write whose conditions don't hold of what there is now, `None` being nothing.
    /// To be asked within the transaction that writes.
    pub fn check_conditions(&self, now: Option<&Stamp>) -> Result<(), ApiError> {
        let etag = now.map(Stamp::etag);
        if let Some(refusal) = self.conditions.refuse_match(etag.as_deref()) {
            return Err(refusal);
        }
        match (&self.conditions.if_none_match, etag) {
            (Some(asked), Some(etag)) if names(asked, &etag) => {
                Err(failed("If-None-Match", &format!("the resource is there, with ETag {etag}")))
            }
            _ => Ok(()),
        }
    }

    /// Refuses a decision about anything but the request that its operator saw, and tells what it is
    /// now. To be asked within the transaction that decides.
    ///
    /// # Errors
    /// 428 where nothing says what was seen, 412 where it was something else.
    pub fn check_seen(&self, now: &Revision) -> Result<(), ApiError> {
        let asked = self.seen()?;
        if lists(asked, &etag_of(now)) {
            return Ok(());
        }
        let Since { is_another, changes } = now.since(asked.trim_matches('"'));
        let what = if is_another {
            "what you saw isn't there any more, and this is another request in its place"
        } else {
            "it isn't as you saw it"
        };
        Err(changed(&format!("{what}: {}", or_nothing(&changes))))
    }

    /// The same of a resource with its own ETag.
    pub fn check_seen_resource(&self, now: &Stamp) -> Result<(), ApiError> {
        if lists(self.seen()?, &now.etag()) {
            return Ok(());
        }
        let (at, by) = (now.modified_at, &now.modified_by);
        Err(changed(&format!("it isn't as you saw it: {by} changed it at {at}")))
    }

    /// What the caller saw. `*` is nothing that anybody can have seen.
    fn seen(&self) -> Result<&str, ApiError> {
        let asked = self.conditions.if_match.as_deref().filter(|asked| asked.trim() != "*");
        asked.ok_or_else(|| {
            ApiError::new(
                StatusCode::PRECONDITION_REQUIRED,
                "PreconditionRequired",
                "say what is decided about: read it, and send its ETag as If-Match",
            )
            .target("If-Match")
        })
    }

    /// The answer with the resource's ETag; a GET's conditions are held against it.
    pub fn tagged(&self, stamp: &Stamp, answer: Answer) -> Answer {
        let mut response = answer?;
        let etag = stamp.etag();
        if self.method == Method::GET {
            if let Some(refusal) = self.conditions.refuse_match(Some(&etag)) {
                return Err(refusal);
            }
            if self.conditions.if_none_match.as_deref().is_some_and(|asked| names(asked, &etag)) {
                response = StatusCode::NOT_MODIFIED.into_response();
            }
        }
        if let Ok(value) = HeaderValue::from_str(&etag) {
            response.headers_mut().insert(header::ETAG, value);
        }
        Ok(response)
    }
}
