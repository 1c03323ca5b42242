//! What the API is, for programs and for people: OpenAPI documents, one for each api-version, a
//! reference page made from them, and the shape that each version gives to requests and answers.
//!
//! `arm/` and `operator/` have the newest shape in parts, written by hand; `differences` says what
//! older versions don't know, and is the only place that does. Nothing here reads the store: the
//! documents say nothing about anybody and need no token.

mod compile;
mod differences;
mod document;
mod page;
mod shape;
mod source;

pub(crate) use shape::{Lookup, Shape, error, knows, knows_value, operation, versions_of};

use axum::body::Bytes;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// Nothing is loaded but the page's own style and script.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Answers GET on what is open to all: `/openapi`, `/openapi/<api>/<version>.json`, `/reference` and
/// below. `None`: the path is none of these.
pub(crate) fn open(path: &str) -> Option<Response> {
    let path = path.trim_end_matches('/');
    if path == "/openapi" {
        return Some(answer("application/json", document::all().index.clone()));
    }
    if let Some(name) = path.strip_prefix("/openapi/") {
        let name = name.strip_suffix(".json")?;
        return Some(answer("application/json", document::all().find(name)?.json.clone()));
    }
    let html = "text/html; charset=utf-8";
    match path {
        "/reference" => Some(answer(html, page::of(document::newest())?)),
        "/reference/style.css" => Some(answer("text/css; charset=utf-8", page::STYLE.into())),
        "/reference/filter.js" => Some(answer("text/javascript; charset=utf-8", page::SCRIPT.into())),
        _ => Some(answer(html, page::of(path.strip_prefix("/reference/")?)?)),
    }
}

fn answer(content_type: &'static str, body: Bytes) -> Response {
    let mut response = (StatusCode::OK, body).into_response();
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-cache"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
pub(crate) mod check;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_examples;
