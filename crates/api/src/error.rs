//! What a caller is told when a request can't be done: ARM's error body, status and headers.
//!
//! `{"error":{"code","message","target","details":[…]}}`: one violation is the error itself,
//! several are its details. What went wrong inside is logged once, here, and never told.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use meetme_model::{Violation, Violations};
use meetme_store::StoreError;
use serde::Serialize;

/// Violations told in one answer, at most.
const DETAILS_SHOWN: usize = 100;
/// Bytes of a message or a target that are told, at most: both may have parts of what was sent.
const TEXT_SHOWN_BYTES: usize = 1000;

/// A refusal.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{code} ({status}): {message}")]
pub(crate) struct ApiError {
    pub status: StatusCode,
    pub code: String,
    pub message: String,
    pub target: Option<String>,
    pub details: Vec<Violation>,
    /// When to try again, where that is known.
    pub retry_after_s: Option<u64>,
}

#[derive(Serialize)]
struct Body<'a> {
    error: Error<'a>,
}

#[derive(Serialize)]
struct Error<'a> {
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    details: Vec<Error<'a>>,
}

impl ApiError {
    pub fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.into(),
            target: None,
            details: Vec::new(),
            retry_after_s: None,
        }
    }

    pub fn target(mut self, target: impl Into<String>) -> Self {
        self.target = Some(target.into());
        self
    }

    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    pub fn bad_request(code: &str, target: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message).target(target)
    }

    pub fn conflict(code: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, message)
    }

    /// 404, told of a resource of `kind` in words (`peering`).
    pub fn not_found(kind: &str, name: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "ResourceNotFound", format!("there is no {kind} '{name}' here"))
    }

    /// 404 of a path that is none, or that lies outside the caller's scope: both look the same.
    pub fn nothing_here() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "NotFound",
            "there is nothing at this path; check its spelling and the subscription",
        )
    }

    pub fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "AuthenticationFailed",
            "a valid token is needed: send it as 'Authorization: Bearer <token>'",
        )
    }

    pub fn forbidden(message: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "AuthorizationFailed", message)
    }

    pub fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "MethodNotAllowed",
            "this path doesn't take this method; the Allow header lists those that it takes",
        )
    }

    pub fn too_large(limit_bytes: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestTooLarge",
            format!("the body is larger than {limit_bytes} bytes"),
        )
    }

    /// 500; the reason goes to the log only.
    pub fn internal(reason: impl std::fmt::Display) -> Self {
        tracing::error!(%reason, "request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalServerError",
            "the request failed on our side; try again, and tell the operators its x-ms-request-id",
        )
    }

    /// 503: an edge that can't answer a live question now.
    pub fn edge_unavailable(reason: &str) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "EdgeUnavailable",
            format!("the edge can't answer now: {reason}; try again in a moment"),
        )
    }
}

impl From<Violations> for ApiError {
    fn from(violations: Violations) -> Self {
        let mut all = violations.0;
        if all.len() == 1 {
            let only = all.remove(0);
            return Self::bad_request(&only.code, &only.target, only.message);
        }
        let mut error = Self::new(
            StatusCode::BAD_REQUEST,
            "InvalidRequest",
            match all.len() {
                n if n <= DETAILS_SHOWN => format!("{n} rules are broken; see details"),
                n => format!("{n} rules are broken; the first {DETAILS_SHOWN} are in details"),
            },
        );
        all.truncate(DETAILS_SHOWN);
        error.details = all;
        error
    }
}

impl From<StoreError> for ApiError {
    /// Names nobody's resources; `Call::refuse` names those that the caller may know.
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Conflict(conflict) => crate::conflict::answer(conflict, |_| false),
            StoreError::NotFound { .. } => {
                Self::new(StatusCode::NOT_FOUND, "ResourceNotFound", "the resource was deleted meanwhile")
            }
            StoreError::Busy => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "ServerBusy",
                "the server is busy; try again in a moment",
            ),
            _ => Self::internal(chain(&error)),
        }
    }
}

/// What every 401 challenges with (RFC 9110 §15.5.2).
pub(crate) const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer realm=\"meetme\"");

/// What a caller sent as it may be repeated: its beginning, with all but printable ASCII escaped.
pub(crate) fn echoed(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_default).collect()
}

/// The beginning of a text, cut between characters.
fn bounded(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT_SHOWN_BYTES)]
}

/// An error with its sources, for the log.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = Body {
            error: Error {
                code: &self.code,
                message: bounded(&self.message),
                target: self.target.as_deref().map(bounded),
                details: self
                    .details
                    .iter()
                    .map(|v| Error {
                        code: &v.code,
                        message: bounded(&v.message),
                        target: Some(bounded(&v.target)),
                        details: Vec::new(),
                    })
                    .collect(),
            },
        };
        let mut response = (self.status, axum::Json(body)).into_response();
        let headers = response.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, CHALLENGE);
        }
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_violation_is_the_error_and_several_are_its_details() {
        let mut v = Violations::default();
        v.add("A", "properties.a", "a is wrong");
        let one = ApiError::from(v.clone());
        assert_eq!((one.code.as_str(), one.target.as_deref()), ("A", Some("properties.a")));
        v.add("B", "properties.b", "b is wrong");
        let two = ApiError::from(v);
        assert_eq!((two.code.as_str(), two.details.len()), ("InvalidRequest", 2));
    }
}
