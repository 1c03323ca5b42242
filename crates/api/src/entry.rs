//! What every request passes before any route: its ids, what is open to all, its token, how much its
//! caller may ask, its path in canonical words, and its api-version.

use crate::ApiState;
use crate::arm::version;
use crate::error::{ApiError, echoed};
use crate::limit::{Asks, Limits, Remaining};
use crate::oauth;
use crate::openapi;
use crate::path::canonical;
use crate::request_ids::RequestIds;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Query, Request};
use axum::http::uri::PathAndQuery;
use axum::http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use meetme_store::Principal;
use serde_json::Value;
use std::sync::Arc;
use tower::ServiceExt;

/// The api-version of a request for something of `Microsoft.Peering`, as it is written in
/// [`version::VERSIONS`].
#[derive(Clone, Copy)]
pub(crate) struct ApiVersion(pub &'static str);

/// The way in.
pub(crate) struct Entry {
    pub state: Arc<ApiState>,
    pub limits: Limits,
    /// The routes behind it.
    pub inner: Router,
    /// Their paths, with parameters in braces.
    pub paths: Vec<&'static str>,
}

/// What becomes of a request.
enum Next {
    /// It is answered already.
    Answered(Response),
    /// It goes to the routes.
    Routed(Request, Remaining),
}

impl Entry {
    /// Answers a request.
    pub async fn answer(&self, mut request: Request) -> Response {
        let ids = RequestIds::new(request.headers());
        let method = request.method().clone();
        let path = canonical(request.uri().path());
        let api_version = self.api_version(&path, request.uri());
        if let Ok(Some(known)) = api_version {
            request.extensions_mut().insert(known);
        }
        let mut response = match self.pass(&path, api_version.as_ref().err(), request).await {
            Ok(Next::Answered(response)) => response,
            Ok(Next::Routed(request, remaining)) => {
                let routed = self.inner.clone().oneshot(request).await;
                let mut response = routed.unwrap_or_else(|never| match never {});
                remaining.stamp(response.headers_mut());
                if method == Method::HEAD && is_managed(&path) && response.status() == StatusCode::OK {
                    response = exists(response);
                }
                response
            }
            Err(e) => e.into_response(),
        };
        if let Ok(Some(ApiVersion(version))) = api_version
            && (response.status().is_client_error() || response.status().is_server_error())
        {
            response = reshaped(response, |body| openapi::error(version, body)).await;
        }
        ids.write(response.headers_mut());
        let (request_id, correlation_id, status) =
            (&ids.request, &ids.correlation, response.status().as_u16());
        tracing::debug!(request_id, correlation_id, %method, path, status, "request");
        response
    }

    /// The api-version, where the path needs one of ours; what is wrong with it is told only to
    /// those who may ask at all.
    fn api_version(&self, path: &str, uri: &Uri) -> Result<Option<ApiVersion>, ApiError> {
        if !is_managed(path) {
            return Ok(None);
        }
        let query = query_of(uri)?;
        if is_of_namespace(path) {
            return version::check(&query).map(|known| Some(ApiVersion(known)));
        }
        version::check_foreign(&query)?;
        Ok(None)
    }

    async fn pass(
        &self,
        path: &str,
        version_error: Option<&ApiError>,
        mut request: Request,
    ) -> Result<Next, ApiError> {
        if request.method() == Method::GET {
            let open = match path {
                "/healthz" => Some("ok\n".into_response()),
                "/readyz" => Some(crate::health::ready(&self.state).await),
                _ => openapi::open(path),
            };
            if let Some(open) = open {
                return Ok(Next::Answered(open));
            }
        }
        if let Some(address) = oauth::address(path) {
            return oauth::answer(&self.state, &self.limits, address, request).await.map(Next::Answered);
        }
        let principal = match self.principal(request.extensions(), request.headers()).await? {
            Ok(principal) => principal,
            Err(too_many) => return Ok(Next::Answered(too_many)),
        };
        let remaining = match self.limits.admit(principal.id, request.method(), asks(path)) {
            Ok(remaining) => remaining,
            Err(retry) => return Ok(Next::Answered(retry.into_response())),
        };
        if path.split('/').any(|s| s == "." || s == "..") {
            return Err(ApiError::bad_request(
                "InvalidResourceName",
                "path",
                "the path has '.' or '..' in the place of a name",
            ));
        }
        if let Some(error) = version_error {
            // What isn't there has no version either.
            let is_there = self.paths.iter().any(|template| fits(path, template));
            return Err(if is_there { error.clone() } else { route_not_found(path) });
        }
        let with_query = match request.uri().query() {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        };
        let rewritten = PathAndQuery::try_from(with_query).map_err(|_| ApiError::nothing_here())?;
        *request.uri_mut() = Uri::from(rewritten);
        request.extensions_mut().insert(principal);
        Ok(Next::Routed(request, remaining))
    }

    /// Who asks: a caller in this process says it itself, all others by a token. The inner error is
    /// the answer to too many wrong tokens.
    async fn principal(
        &self,
        extensions: &Extensions,
        headers: &HeaderMap,
    ) -> Result<Result<Principal, Response>, ApiError> {
        if let Some(known) = extensions.get::<Principal>() {
            return Ok(Ok(known.clone()));
        }
        let guess = match self.limits.guess(headers) {
            Ok(guess) => guess,
            Err(retry) => return Ok(Err(retry.into_response())),
        };
        let found = crate::auth::principal(&self.state, headers, now()).await;
        guess.settle(found.is_ok());
        found.map(Ok)
    }
}

/// True for paths of the resource manager, which have api-versions.
fn is_managed(path: &str) -> bool {
    let first = path.trim_start_matches('/').split('/').next();
    matches!(first, Some("subscriptions" | "providers" | "tenants"))
}

/// True when a path is of this template. What is between slashes isn't looked at further.
fn fits(path: &str, template: &str) -> bool {
    let mut given = path.split('/');
    template.split('/').all(|word| given.next().is_some_and(|g| word.starts_with('{') || word == g))
        && given.next().is_none()
}

/// 404 of a path that no route has.
pub(crate) fn route_not_found(path: &str) -> ApiError {
    let Some((_, below)) = path.rsplit_once("/providers/Microsoft.Peering/") else {
        return ApiError::nothing_here();
    };
    if below.contains("/providers/") {
        return ApiError::nothing_here();
    }
    let words: Vec<&str> = below.split('/').step_by(2).collect();
    let shown = echoed(&words.join("/"));
    ApiError::new(
        StatusCode::NOT_FOUND,
        "InvalidResourceType",
        format!(
            "there is no '{shown}' in Microsoft.Peering at this path; GET /providers/Microsoft.Peering lists \
             its resource types"
        ),
    )
}

/// The answer to HEAD of something that is there: to ARM's clients that is 204, and nothing else.
fn exists(mut response: Response) -> Response {
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().remove(header::CONTENT_TYPE);
    *response.body_mut() = Body::empty();
    response
}

/// Who is put to work by a question.
fn asks(path: &str) -> Asks {
    let (above, last) = path.rsplit_once('/').unwrap_or(("", path));
    match last {
        "lookingGlass" => Asks::Router,
        "preview" if above.starts_with("/api/v1/connections/") => Asks::Router,
        "diff" if above.starts_with("/api/v1/routers/") => Asks::Router,
        "receivedRoutes" | "rpUnbilledPrefixes" if above.contains("/peerings/") => Asks::Edge,
        _ => Asks::Nobody,
    }
}

/// True when the path leads into `Microsoft.Peering`, whose api-versions are known here; what the
/// resource manager and its metrics have around it is versioned elsewhere.
fn is_of_namespace(path: &str) -> bool {
    let Some((_, rest)) = path.split_once("/providers/Microsoft.Peering/") else {
        return false;
    };
    !matches!(rest, "register" | "unregister") && !rest.contains("/providers/")
}

/// The only place of this crate that reads the clock. Times have milliseconds, as in the store.
pub(crate) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

/// The query's names with their values.
pub(crate) fn query_of(uri: &Uri) -> Result<Vec<(String, String)>, ApiError> {
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri).map_err(|_| {
        ApiError::new(
            StatusCode::BAD_REQUEST,
            "InvalidQuery",
            "the query can't be read; write it as name=value, percent-encoded",
        )
    })?;
    // Not every database takes it.
    if pairs.iter().any(|(name, value)| name.contains('\0') || value.contains('\0')) {
        return Err(ApiError::bad_request(
            "InvalidText",
            "query",
            "the character U+0000 isn't taken in a query",
        ));
    }
    Ok(pairs)
}

/// An answer whose JSON body, if it has one, is made into another.
pub(crate) async fn reshaped(response: Response, reshape: impl FnOnce(Value) -> Value) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = axum::body::to_bytes(body, usize::MAX).await else {
        return ApiError::internal("an answer's body can't be read").into_response();
    };
    let body = match serde_json::from_slice::<Value>(&bytes) {
        Ok(value) => Bytes::from(reshape(value).to_string()),
        Err(_) => bytes,
    };
    if parts.headers.contains_key(header::CONTENT_LENGTH) {
        parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    }
    Response::from_parts(parts, Body::from(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_of_a_template_word_by_word() {
        let template = "/subscriptions/{subscription}/providers/Microsoft.Peering/peerAsns/{peer_asn}";
        assert!(fits("/subscriptions/s/providers/Microsoft.Peering/peerAsns/a", template));
        for other in [
            "/subscriptions/s/providers/Microsoft.Peering/peerAsns",
            "/subscriptions/s/providers/Microsoft.Peering/peerAsns/a/b",
            "/subscriptions/s/providers/Microsoft.Peering/peerings/a",
        ] {
            assert!(!fits(other, template), "{other}");
        }
    }

    #[test]
    fn what_is_not_there_is_told_as_what_it_is() {
        let told = |path: &str| route_not_found(&canonical(path)).code;
        assert_eq!(told("/subscriptions/s/providers/Microsoft.Peering/resourceTypes"), "InvalidResourceType");
        assert_eq!(told("/subscriptions/s/providers/Microsoft.Features/features"), "NotFound");
        let tags = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Peering/peerings/p/providers/Microsoft.Resources/tags/default";
        assert_eq!(told(tags), "NotFound");
        let features = "/subscriptions/s/providers/Microsoft.Features/providers/Microsoft.Peering/features";
        assert_eq!(told(features), "InvalidResourceType");
    }
}
