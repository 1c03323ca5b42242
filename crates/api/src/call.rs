//! An authorized request, as every handler gets it.
//!
//! A [`Call`] is made only by `routes`, after the token, the scope, the path's names and the
//! api-version were checked: who holds one may act. Reading the clock happens here, once per request.

use crate::ApiState;
use crate::auth::reaches;
use crate::conditions::Conditions;
use crate::error::ApiError;
use axum::body::Bytes;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use meetme_model::stamp::Stamp;
use meetme_store::{Principal, StoreError, Tx, audit_add};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Write;
use std::sync::Arc;

/// What a handler gives.
pub(crate) type Answer = Result<Response, ApiError>;

/// An authorized request.
pub(crate) struct Call {
    pub state: Arc<ApiState>,
    pub principal: Principal,
    pub now: Timestamp,
    pub(crate) params: Vec<(String, String)>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) body: Bytes,
    /// `http://host` as the caller wrote it.
    pub(crate) base: String,
    pub(crate) path: String,
    pub(crate) method: Method,
    pub(crate) conditions: Conditions,
    /// The api-version, where it is one of ours.
    pub(crate) version: Option<&'static str>,
}

impl Call {
    /// A name from the path; empty where the path has none of that name.
    pub fn param(&self, name: &str) -> &str {
        self.params.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value)
    }

    /// The subscription in the path.
    pub fn subscription(&self) -> &str {
        self.param("subscription")
    }

    /// The resource group in the path.
    pub fn resource_group(&self) -> &str {
        self.param("resource_group")
    }

    /// The stamp of a resource that this request creates.
    pub fn stamp(&self) -> Stamp {
        Stamp::new(&self.principal.name, self.now)
    }

    /// Keeps in the audit trail what this request does to `resource` (an id), with the change itself.
    pub async fn audit(
        &self,
        tx: &mut Tx,
        action: &str,
        resource: &str,
        detail: serde_json::Value,
    ) -> Result<(), ApiError> {
        Ok(audit_add(tx, self.now, &self.principal.name, action, resource, detail).await?)
    }

    /// True when this request's api-version knows a property of a schema: an older one's callers
    /// can't have left it out on purpose.
    pub fn knows(&self, schema: &str, property: &str) -> bool {
        self.version.is_none_or(|version| crate::openapi::knows(version, schema, property))
    }

    /// The same of a value of a property.
    pub fn knows_value(&self, schema: &str, property: &str, value: &str) -> bool {
        let knows = |version| crate::openapi::knows_value(version, schema, property, value);
        self.version.is_none_or(knows)
    }

    /// A query parameter, its name in any case.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as JSON of type `T`, read strictly; what doesn't fit is told with its JSON path.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        crate::json::read(&self.body)
    }

    /// The body, or `T`'s default when there is none.
    pub fn json_or_default<T: DeserializeOwned + Default>(&self) -> Result<T, ApiError> {
        if crate::json::is_absent(&self.body) { Ok(T::default()) } else { self.json() }
    }

    /// The answer to an error of the store, naming what the caller may know.
    pub fn refuse(&self, error: StoreError) -> ApiError {
        match error.conflict() {
            Some(conflict) => {
                crate::conflict::answer(conflict, |r| reaches(&self.principal, &r.subscription))
            }
            None => error.into(),
        }
    }

    /// This request's address with these query parameters set.
    pub fn link_with(&self, set: &[(&str, &str)]) -> String {
        let mut link = format!("{}{}", self.base, self.path);
        let kept = self
            .query
            .iter()
            .filter(|(n, _)| !set.iter().any(|(name, _)| n.eq_ignore_ascii_case(name)))
            .map(|(n, v)| (n.as_str(), v.as_str()));
        for (i, (n, v)) in kept.chain(set.iter().copied()).enumerate() {
            link.push(if i == 0 { '?' } else { '&' });
            let _ = write!(link, "{}={}", encode(n), encode(v));
        }
        link
    }
}

/// Percent-encodes all but what may stand in a query as it is; `$` stays readable.
fn encode(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~$/:,".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// 200 with a body.
pub(crate) fn ok(body: impl Serialize) -> Answer {
    Ok(axum::Json(body).into_response())
}

/// 200 with a long body, which is written in one go: it has about `bytes`.
pub(crate) fn ok_of(bytes: usize, body: impl Serialize) -> Answer {
    const FRAME_BYTES: usize = 1024;
    let mut written = Vec::with_capacity(bytes + FRAME_BYTES);
    serde_json::to_writer(&mut written, &body).map_err(ApiError::internal)?;
    Ok(([(header::CONTENT_TYPE, "application/json")], written).into_response())
}

/// 201 when it was created, else 200.
pub(crate) fn written(created: bool, body: impl Serialize) -> Answer {
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, axum::Json(body)).into_response())
}

/// 200 when something is (being) deleted, 204 when there was nothing.
pub(crate) fn deleted(was_there: bool) -> Answer {
    Ok(if was_there { StatusCode::OK } else { StatusCode::NO_CONTENT }.into_response())
}
