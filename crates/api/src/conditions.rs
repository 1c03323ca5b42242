//! Conditional requests (RFC 9110 §13): an answer's ETag, and what `If-Match` and `If-None-Match`
//! ask of the resource. A condition that doesn't hold is 412, and never told as a conflict (409).

use crate::call::{Answer, Call};
use crate::error::ApiError;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::IntoResponse;
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

/// True when a list of entity tags has this one, or is `*`. Tags of ours hold no comma.
fn names(asked: &str, etag: &str) -> bool {
    asked.split(',').map(str::trim).any(|tag| tag == "*" || tag == etag)
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
