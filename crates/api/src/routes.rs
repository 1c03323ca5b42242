//! From a request to a handler: every route is registered here with who may use it.
//!
//! There is no way to add a route without an [`Access`], and none for a handler to be reached
//! without a [`Call`], which only `admit` makes. So an endpoint without authorization can't be
//! written by forgetting something.

use crate::auth::{Access, permit};
use crate::call::{Answer, Call};
use crate::conditions::Conditions;
use crate::entry::{ApiVersion, Entry, now, query_of, reshaped, route_not_found};
use crate::error::ApiError;
use crate::limit::Limits;
use crate::openapi::{self, Lookup, Shape};
use crate::path::check_name;
use crate::{ApiState, Scheme};
use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request, State};
use axum::http::{Extensions, HeaderMap, Method, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{MethodFilter, on};
use meetme_store::Principal;
use std::future::Future;
use std::sync::Arc;

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
                let known = request.extensions().get::<ApiVersion>().copied();
                let shape = match known.map(|v| openapi::operation(v.0, request.method(), path)) {
                    Some(Lookup::Unknown(versions)) => return unknown(versions).into_response(),
                    Some(Lookup::Older(shape)) => Some(shape),
                    Some(Lookup::Newest) | None => None,
                };
                let answer = match admit(state, access, params, shape, request).await {
                    Ok(call) => handler(call).await,
                    Err(e) => Err(e),
                };
                match (answer, shape) {
                    (Ok(answer), Some(shape)) => reshaped(answer, |body| shape.response(body)).await,
                    (answer, _) => answer.unwrap_or_else(IntoResponse::into_response),
                }
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
            .fallback(|request: Request| async move { route_not_found(request.uri().path()) })
            .method_not_allowed_fallback(|| async { ApiError::method_not_allowed() })
            .with_state(state.clone());
        let limits = Limits::new(&state.settings.rates);
        let paths = self.list.iter().map(|route| route.path).collect();
        let entry = Arc::new(Entry { state, limits, inner, paths });
        Router::new().fallback(move |request: Request| {
            let entry = entry.clone();
            async move { entry.answer(request).await }
        })
    }
}

/// Makes the [`Call`] of an authorized request, or refuses it.
async fn admit(
    state: Arc<ApiState>,
    access: Access,
    params: Result<RawPathParams, RawPathParamsRejection>,
    shape: Option<&Shape>,
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
    let mut query = query_of(&parts.uri)?;
    let mut body = crate::body::read(&parts, body, principal.id, state.settings.body_timeout).await?;
    if let Some(shape) = shape {
        query = shape.query(query)?;
        if !crate::json::is_absent(&body) {
            body = Bytes::from(shape.request(crate::json::read(&body)?)?.to_string());
        }
    }
    let base = base(&state, &parts.extensions, &parts.headers);
    let conditions = Conditions::of(&parts.headers)?;
    let version = parts.extensions.get::<ApiVersion>().map(|v| v.0);
    let path = parts.uri.path().to_owned();
    Ok(Call {
        state,
        principal,
        now: now(),
        params,
        query,
        body,
        base,
        path,
        method: parts.method,
        conditions,
        version,
    })
}

/// The refusal of an operation that the api-version doesn't know.
fn unknown(versions: &[&str]) -> ApiError {
    let known = versions.join(", ");
    ApiError::new(
        StatusCode::NOT_FOUND,
        "InvalidResourceType",
        format!("this api-version doesn't know this operation; use one of {known}"),
    )
    .target("api-version")
}

/// The address that the caller used, for links back.
pub(crate) fn base(state: &ApiState, extensions: &Extensions, headers: &HeaderMap) -> String {
    if let Some(url) = &state.settings.external_url {
        return url.trim_end_matches('/').to_owned();
    }
    let scheme = extensions.get::<Scheme>().map_or("http", |scheme| scheme.name());
    let host = headers
        .get(header::HOST)
        .and_then(|v| v.to_str().ok())
        .filter(|h| h.chars().all(|c| c.is_ascii_alphanumeric() || ".-:[]_".contains(c)))
        .unwrap_or("localhost");
    format!("{scheme}://{host}")
}
