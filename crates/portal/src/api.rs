//! The API as pages use it: in this process, as the person who is signed in.

use crate::access::Viewer;
use crate::error::PageError;
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use tower::ServiceExt;

/// The api-version that pages speak.
pub(crate) const API_VERSION: &str = "2025-05-01";

/// Most subscriptions that somebody chooses from.
const SUBSCRIPTIONS_SHOWN: usize = 10_000;

/// A condition that never holds.
const NEVER: (&str, &str) = ("if-match", "\"never\"");
/// Refuses what a form would do that is only shown again.
const NOT_SENT: &str = "NotSentYet";

/// The API on behalf of somebody.
#[derive(Clone)]
pub(crate) struct Api {
    router: Router,
    viewer: Viewer,
}

/// An answer.
pub(crate) struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its body; null without one.
    pub body: Value,
    /// The resource's ETag, where it has one.
    pub etag: Option<String>,
}

/// What the API says when it refuses.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Refusal {
    /// A word for programs.
    #[serde(default)]
    pub code: String,
    /// What is wrong and what to do.
    #[serde(default)]
    pub message: String,
    /// Where it is wrong: a JSON path.
    #[serde(default)]
    pub target: Option<String>,
    /// Each single violation, when there are several.
    #[serde(default)]
    pub details: Vec<Refusal>,
}

impl Refusal {
    /// Each violation by itself; none where a form is only shown again.
    pub fn violations(&self) -> Vec<&Refusal> {
        if self.code == NOT_SENT {
            return Vec::new();
        }
        if self.details.is_empty() { vec![self] } else { self.details.iter().collect() }
    }
}

impl Answer {
    /// The body of a success, or the refusal.
    pub fn into_result(self) -> Result<Value, Refusal> {
        if self.status.is_success() {
            return Ok(self.body);
        }
        let error = self.body.get("error").cloned().unwrap_or(Value::Null);
        Err(serde_json::from_value(error).unwrap_or_else(|_| Refusal {
            code: self.status.as_str().to_owned(),
            message: format!("the API answered {}", self.status),
            ..Refusal::default()
        }))
    }
}

impl Api {
    /// The API as `viewer` sees it.
    pub fn new(router: Router, viewer: Viewer) -> Self {
        Self { router, viewer }
    }

    /// GET, whatever the answer.
    pub async fn ask(&self, path: &str) -> Result<Answer, PageError> {
        self.send(Method::GET, path, None).await
    }

    /// The subscriptions that the viewer reaches.
    pub async fn subscriptions(&self) -> Result<Vec<String>, PageError> {
        if !self.viewer.sees_host() {
            return Ok(self.viewer.person.subscriptions.clone());
        }
        let rows = self.list("/subscriptions", SUBSCRIPTIONS_SHOWN).await?;
        Ok(rows.iter().filter_map(|row| row["subscriptionId"].as_str().map(str::to_owned)).collect())
    }

    /// GET of something that must be there: a refusal becomes the page's error.
    pub async fn get(&self, path: &str) -> Result<Value, PageError> {
        self.get_tagged(path).await.map(|(body, _)| body)
    }

    /// GET as [`Api::get`], with the resource's ETag.
    pub async fn get_tagged(&self, path: &str) -> Result<(Value, Option<String>), PageError> {
        let answer = self.ask(path).await?;
        let (status, etag) = (answer.status, answer.etag.clone());
        let body = answer.into_result().map_err(|refusal| PageError::Refused { status, refusal })?;
        Ok((body, etag))
    }

    /// All rows of a list, following its pages, up to `limit`.
    pub async fn list(&self, path: &str, limit: usize) -> Result<Vec<Value>, PageError> {
        let mut rows = Vec::new();
        let mut next = Some(path.to_owned());
        while let Some(path) = next.take().filter(|_| rows.len() < limit) {
            let mut page = self.get(&path).await?;
            if let Some(Value::Array(value)) = page.get_mut("value").map(Value::take) {
                rows.extend(value);
            }
            next = page["nextLink"].as_str().and_then(after_host).map(str::to_owned);
        }
        rows.truncate(limit);
        Ok(rows)
    }

    /// A request with a body or without.
    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, PageError> {
        self.send_if(method, path, body, None).await
    }

    /// PUT of something new: 412 when there is one of this name already, so that a form that is sent
    /// twice makes one.
    pub async fn create(&self, path: &str, body: &Value) -> Result<Answer, PageError> {
        self.send_if(Method::PUT, path, Some(body), Some(("if-none-match", "*"))).await
    }

    /// Has a PUT checked without anything being written: under a condition that never holds, which the
    /// API looks at after the body. `None` when nothing is wrong with the body.
    pub async fn check(&self, path: &str, body: &Value) -> Result<Option<Refusal>, PageError> {
        let answer = self.send_if(Method::PUT, path, Some(body), Some(NEVER)).await?;
        let fine = answer.status == StatusCode::PRECONDITION_FAILED;
        Ok(answer.into_result().err().filter(|_| !fine))
    }

    /// A request that is done only under a condition: a header's name (`if-match`,
    /// `if-none-match`) and value. A condition that doesn't hold is answered 412.
    pub async fn send_if(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        condition: Option<(&str, &str)>,
    ) -> Result<Answer, PageError> {
        if self.viewer.again && !changes_nothing(&method, path, condition) {
            return Ok(not_sent());
        }
        let versioned = with_version(path);
        let mut request = Request::builder().method(method).uri(versioned);
        if let Some((name, value)) = condition {
            request = request.header(name, value);
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = body.map_or_else(Body::empty, |b| Body::from(b.to_string()));
        let mut request = request.body(body).map_err(PageError::internal)?;
        let principal = self.viewer.principal(path).ok_or(PageError::NotFound)?;
        request.extensions_mut().insert(principal);
        let response = self.router.clone().oneshot(request).await.unwrap_or_else(|never| match never {});
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.map_err(PageError::internal)?;
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        let etag = parts.headers.get(header::ETAG).and_then(|v| v.to_str().ok()).map(str::to_owned);
        Ok(Answer { status: parts.status, body, etag })
    }
}

/// True for looks, and for checks of what would be written.
fn changes_nothing(method: &Method, path: &str, condition: Option<(&str, &str)>) -> bool {
    // Of the API's own paths: an ARM resource's `validate` has it looked at anew.
    let is_check = *method == Method::POST && path.starts_with("/api/v1/") && path.ends_with("/validate");
    *method == Method::GET || condition == Some(NEVER) || is_check
}

/// What a change is answered while a form is only shown again.
fn not_sent() -> Answer {
    let message = "look through what you typed, and send it again";
    let body = json!({ "error": { "code": NOT_SENT, "message": message } });
    Answer { status: StatusCode::CONFLICT, body, etag: None }
}

/// The path with the api-version that it lacks.
fn with_version(path: &str) -> String {
    if path.starts_with("/api/") || path.contains("api-version=") {
        return path.to_owned();
    }
    let sign = if path.contains('?') { '&' } else { '?' };
    format!("{path}{sign}api-version={API_VERSION}")
}

/// Path and query of an absolute address.
fn after_host(link: &str) -> Option<&str> {
    let (_, rest) = link.split_once("://")?;
    rest.find('/').map(|slash| &rest[slash..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_next_pages_are_followed_within_this_process() {
        assert_eq!(after_host("http://h:1/subscriptions/a?x=1"), Some("/subscriptions/a?x=1"));
        assert_eq!(after_host("nonsense"), None);
        assert_eq!(with_version("/subscriptions/a?x=1"), "/subscriptions/a?x=1&api-version=2025-05-01");
        assert_eq!(with_version("/api/v1/queue"), "/api/v1/queue");
    }
}
