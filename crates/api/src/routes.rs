//! From a request to a handler: every route is registered here with who may use it.
//!
//! There is no way to add a route without an [`Access`], and none for a handler to be reached
//! without a [`Call`], which only `admit` makes. So an endpoint without authorization can't be
//! written by forgetting something.

use crate::ApiState;
use crate::auth::{Access, permit};
use crate::call::{Answer, Call};
use crate::error::ApiError;
use crate::path::{canonical, check_name};
use axum::Router;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{Query, RawPathParams, Request, State};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use jiff::Timestamp;
use meetme_store::Principal;
use std::future::Future;
use std::sync::Arc;
use tower::ServiceExt;

/// Largest request body.
pub(crate) const BODY_LIMIT_BYTES: usize = 1024 * 1024;

/// A route of the API.
#[derive(Clone, Debug)]
pub struct Route {
    /// HTTP method.
    pub method: Method,
    /// Path with its parameters in braces.
    pub path: &'static str,
    /// Who may use it.
    pub access: Access,
}

/// Routes being collected.
#[derive(Default)]
pub(crate) struct Routes {
    router: Router<Arc<ApiState>>,
    list: Vec<Route>,
}

impl Routes {
    /// Adds a route.
    pub fn add<F, Fut>(mut self, method: Method, path: &'static str, access: Access, handler: F) -> Self
    where
        F: Fn(Call) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Answer> + Send + 'static,
    {
        let filter = MethodFilter::try_from(method.clone()).expect("a standard method");
        let guarded = move |State(state): State<Arc<ApiState>>,
                            params: Result<RawPathParams, RawPathParamsRejection>,
                            request: Request| {
            let handler = handler.clone();
            async move {
                let answer = match admit(state, access, params, request).await {
                    Ok(call) => handler(call).await,
                    Err(e) => Err(e),
                };
                answer.unwrap_or_else(IntoResponse::into_response)
            }
        };
        self.router = self.router.route(path, on(filter, guarded));
        self.list.push(Route { method, path, access });
        self
    }

    /// Adds routes of a part.
    pub fn with(self, part: fn(Routes) -> Routes) -> Self {
        part(self)
    }

    /// All routes, for documents and for the test that walks them.
    pub fn list(&self) -> &[Route] {
        &self.list
    }

    /// The router: request id, token, canonical path and api-version come before any route.
    pub fn into_router(self, state: Arc<ApiState>) -> Router {
        let inner: Router = self
            .router
            .fallback(|| async { ApiError::nothing_here() })
            .method_not_allowed_fallback(|| async { ApiError::method_not_allowed() })
            .with_state(state.clone());
        Router::new().fallback(move |request: Request| enter(state.clone(), inner.clone(), request))
    }
}

/// What every request passes first.
async fn enter(state: Arc<ApiState>, inner: Router, mut request: Request) -> Response {
    let request_id = uuid::Uuid::new_v4().to_string();
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let mut response = match prepare(&state, &mut request).await {
        Ok(Some(open)) => open,
        Ok(None) => inner.oneshot(request).await.unwrap_or_else(|never| match never {}),
        Err(e) => e.into_response(),
    };
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert("x-ms-request-id", value);
    }
    tracing::debug!(%request_id, %method, %path, status = response.status().as_u16(), "request");
    response
}

/// Answers what is open to all; else checks token, path and api-version, and rewrites the path.
async fn prepare(state: &Arc<ApiState>, request: &mut Request) -> Result<Option<Response>, ApiError> {
    let path = canonical(request.uri().path());
    if request.method() == Method::GET {
        match path.as_str() {
            "/healthz" => return Ok(Some("ok\n".into_response())),
            "/readyz" => return Ok(Some(crate::health::ready(state).await)),
            _ => {}
        }
    }
    let principal = crate::auth::principal(state, request.headers(), now()).await?;
    if path.split('/').any(|s| s == "." || s == "..") {
        return Err(ApiError::bad_request(
            "InvalidResourceName",
            "path",
            "the path has '.' or '..' in the place of a name",
        ));
    }
    if path.starts_with("/subscriptions/") || path.starts_with("/providers/") {
        crate::arm::version::check(&query_of(request.uri())?)?;
    }
    let with_query = match request.uri().query() {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    let rewritten = PathAndQuery::try_from(with_query).map_err(|_| ApiError::nothing_here())?;
    *request.uri_mut() = Uri::from(rewritten);
    request.extensions_mut().insert(principal);
    Ok(None)
}

/// Makes the [`Call`] of an authorized request, or refuses it.
async fn admit(
    state: Arc<ApiState>,
    access: Access,
    params: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
) -> Result<Call, ApiError> {
    let (parts, body) = request.into_parts();
    let principal = parts.extensions.get::<Principal>().cloned().ok_or_else(ApiError::unauthorized)?;
    let params: Vec<(String, String)> = params
        .map_err(|_| ApiError::bad_request("InvalidResourceName", "path", "the path isn't UTF-8"))?
        .iter()
        .map(|(n, v)| (n.to_owned(), v.to_owned()))
        .collect();
    let subscription = params.iter().find(|(n, _)| n == "subscription").map(|(_, v)| v.as_str());
    // Scope comes before the names are looked at: what lies outside tells nothing.
    permit(&principal, access, &parts.method, subscription)?;
    for (name, value) in &params {
        check_name(name, value)?;
    }
    let query = query_of(&parts.uri)?;
    let announced =
        parts.headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|n| n > BODY_LIMIT_BYTES as u64) {
        return Err(ApiError::too_large(BODY_LIMIT_BYTES));
    }
    let body = axum::body::to_bytes(body, BODY_LIMIT_BYTES)
        .await
        .map_err(|_| ApiError::too_large(BODY_LIMIT_BYTES))?;
    let base = base(&state, &parts.headers);
    Ok(Call { state, principal, now: now(), params, query, body, base, path: parts.uri.path().to_owned() })
}

/// The only place of this crate that reads the clock. Times have milliseconds, as in the store.
pub(crate) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

fn query_of(uri: &Uri) -> Result<Vec<(String, String)>, ApiError> {
    Query::<Vec<(String, String)>>::try_from_uri(uri).map(|q| q.0).map_err(|_| {
        ApiError::new(
            StatusCode::BAD_REQUEST,
            "InvalidQuery",
            "the query can't be read; write it as name=value, percent-encoded",
        )
    })
}

/// The address that the caller used, for links back.
fn base(state: &ApiState, headers: &axum::http::HeaderMap) -> String {
    if let Some(url) = &state.settings.external_url {
        return url.trim_end_matches('/').to_owned();
    }
    let host = headers
        .get(header::HOST)
        .and_then(|v| v.to_str().ok())
        .filter(|h| h.chars().all(|c| c.is_ascii_alphanumeric() || ".-:[]_".contains(c)))
        .unwrap_or("localhost");
    format!("http://{host}")
}
