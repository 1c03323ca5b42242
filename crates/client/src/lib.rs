//! A small HTTP client of the product's API: the ARM resources and the operator API.
//!
//! Speaks JSON with a bearer token, follows `nextLink`, and turns an ARM error body into a Rust
//! error with all its details. It knows paths and conventions, not the domain: bodies are
//! [`serde_json::Value`]s or whatever the caller deserialises into. It never retries by itself.

mod error;
mod paths;

pub use error::{ApiFailure, ClientError, ErrorDetail};
pub use paths::{Operator, Resources};

pub use reqwest::Method;

use reqwest::{Certificate, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;

/// The api-version sent unless another is chosen.
pub const DEFAULT_API_VERSION: &str = "2022-10-01";

/// How long a whole request may take. Live questions to an edge are answered well within it.
const REQUEST_TIMEOUT_S: u64 = 30;

/// A client of one server with one token. Cloning it is cheap and shares connections.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    token: String,
    api_version: String,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("base", &self.base).finish_non_exhaustive()
    }
}

/// A successful answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status: 200, 201 (created) or 204 (nothing was there).
    pub status: u16,
    /// The body; `Null` when there was none.
    pub body: Value,
    /// The entity tag, quotes included, of what has one.
    pub etag: Option<String>,
}

impl Client {
    /// A client of the server at `base` (`http://127.0.0.1:8971`), without proxy. Over `https` the
    /// certificate is one of the machine's authorities.
    ///
    /// # Errors
    /// [`ClientError::Setup`] when the machine has no authorities.
    pub fn new(base: impl Into<String>, token: impl Into<String>) -> Result<Self, ClientError> {
        Self::with(base.into(), token.into(), None)
    }

    /// The same, trusting these authorities (certificates in PEM) instead of the machine's.
    ///
    /// # Errors
    /// [`ClientError::Authorities`] when there is no certificate in `pem`.
    pub fn trusting(
        base: impl Into<String>,
        token: impl Into<String>,
        pem: &[u8],
    ) -> Result<Self, ClientError> {
        let authorities = Certificate::from_pem_bundle(pem).map_err(|_| ClientError::Authorities)?;
        if authorities.is_empty() {
            return Err(ClientError::Authorities);
        }
        Self::with(base.into(), token.into(), Some(authorities))
    }

    fn with(base: String, token: String, authorities: Option<Vec<Certificate>>) -> Result<Self, ClientError> {
        // Another part of the process may have chosen one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = reqwest::Client::builder().timeout(Duration::from_secs(REQUEST_TIMEOUT_S)).no_proxy();
        let encrypted = base.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"));
        let builder = match authorities {
            Some(authorities) => builder.tls_certs_only(authorities),
            None if encrypted => builder,
            // The machine needs no authorities for what isn't encrypted.
            None => builder.tls_certs_only([]),
        };
        Ok(Self {
            http: builder.build().map_err(ClientError::Setup)?,
            base: base.trim_end_matches('/').to_owned(),
            token,
            api_version: DEFAULT_API_VERSION.to_owned(),
        })
    }

    /// The same client with another api-version.
    pub fn with_api_version(mut self, api_version: impl Into<String>) -> Self {
        self.api_version = api_version.into();
        self
    }

    /// The server's address, without a slash at its end.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// GET of one resource.
    pub async fn get(&self, path: &str) -> Result<Value, ClientError> {
        Ok(self.send(Method::GET, path, None).await?.body)
    }

    /// GET, deserialised.
    pub async fn get_as<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let body = self.get(path).await?;
        serde_json::from_value(body).map_err(|source| ClientError::Unexpected { url: self.url(path), source })
    }

    /// GET that tells a missing resource (404) as `None`.
    pub async fn find(&self, path: &str) -> Result<Option<Value>, ClientError> {
        match self.get(path).await {
            Ok(body) => Ok(Some(body)),
            Err(e) if e.status() == Some(StatusCode::NOT_FOUND.as_u16()) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// GET of a list, all pages: the elements of `value` of each, following `nextLink`.
    pub async fn list(&self, path: &str) -> Result<Vec<Value>, ClientError> {
        let mut all = Vec::new();
        let mut next = Some(path.to_owned());
        while let Some(path) = next.take() {
            let mut page = self.get(&path).await?;
            if let Some(Value::Array(rows)) = page.get_mut("value").map(Value::take) {
                all.extend(rows);
            }
            next = page
                .get("nextLink")
                .and_then(Value::as_str)
                .filter(|link| !link.is_empty())
                .map(str::to_owned);
        }
        Ok(all)
    }

    /// PUT: creates (201) or changes (200) a resource.
    pub async fn put<B: Serialize + ?Sized>(&self, path: &str, body: &B) -> Result<Answer, ClientError> {
        let body = serde_json::to_value(body).map_err(ClientError::Body)?;
        self.send(Method::PUT, path, Some(body)).await
    }

    /// PATCH.
    pub async fn patch<B: Serialize + ?Sized>(&self, path: &str, body: &B) -> Result<Answer, ClientError> {
        let body = serde_json::to_value(body).map_err(ClientError::Body)?;
        self.send(Method::PATCH, path, Some(body)).await
    }

    /// POST of an action.
    pub async fn post<B: Serialize + ?Sized>(&self, path: &str, body: &B) -> Result<Answer, ClientError> {
        let body = serde_json::to_value(body).map_err(ClientError::Body)?;
        self.send(Method::POST, path, Some(body)).await
    }

    /// POST of an action that is about what had this entity tag (RFC 9110 §13.1.1): 412 when it is
    /// something else by now.
    pub async fn post_if<B: Serialize + ?Sized>(
        &self,
        path: &str,
        etag: &str,
        body: &B,
    ) -> Result<Answer, ClientError> {
        let body = serde_json::to_value(body).map_err(ClientError::Body)?;
        self.request(Method::POST, path, Some(body), Some(etag)).await
    }

    /// POST of a decision about what is at `at` now, for programs that look and decide at once.
    pub async fn decide<B: Serialize + ?Sized>(
        &self,
        at: &str,
        path: &str,
        body: &B,
    ) -> Result<Answer, ClientError> {
        let seen = self.send(Method::GET, at, None).await?.etag;
        self.post_if(path, seen.as_deref().unwrap_or_default(), body).await
    }

    /// DELETE: 200 when it is (being) removed, 204 when it wasn't there.
    pub async fn delete(&self, path: &str) -> Result<Answer, ClientError> {
        self.send(Method::DELETE, path, None).await
    }

    /// One request. `path` begins with a slash, or is a whole `nextLink` of this server. The
    /// api-version is added where the path is an ARM path and has none.
    pub async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Result<Answer, ClientError> {
        self.request(method, path, body, None).await
    }

    async fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        if_match: Option<&str>,
    ) -> Result<Answer, ClientError> {
        let url = self.url(path);
        // A token never goes to another server, wherever a link points.
        if !(url.starts_with(&self.base) && url[self.base.len()..].starts_with('/')) {
            return Err(ClientError::OtherServer { url });
        }
        let mut request =
            self.http.request(method, &url).bearer_auth(&self.token).header("accept", "application/json");
        if let Some(body) = &body {
            request = request.json(body);
        }
        if let Some(etag) = if_match {
            request = request.header("if-match", etag);
        }
        let transport = |source| ClientError::Transport { url: url.clone(), source };
        let response = request.send().await.map_err(transport)?;
        let status = response.status();
        let header = |name| response.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let (request_id, etag) = (header("x-ms-request-id"), header("etag"));
        let bytes = response.bytes().await.map_err(transport)?;
        if !status.is_success() {
            let failure = ApiFailure::parse(status.as_u16(), request_id, &bytes);
            return Err(ClientError::Api(Box::new(failure)));
        }
        let body = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes).map_err(|source| ClientError::Unexpected { url, source })?
        };
        Ok(Answer { status: status.as_u16(), body, etag })
    }

    fn url(&self, path: &str) -> String {
        let mut url = if path.starts_with('/') { format!("{}{path}", self.base) } else { path.to_owned() };
        let lower = url[self.base.len().min(url.len())..].to_ascii_lowercase();
        let arm = lower.starts_with("/subscriptions") || lower.starts_with("/providers");
        if arm && !lower.contains("api-version=") {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str("api-version=");
            url.push_str(&self.api_version);
        }
        url
    }
}

#[cfg(test)]
mod tests;
