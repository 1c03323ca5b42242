//! Signing in as clients of a resource manager do it: where to (`/metadata/endpoints`, and OpenID
//! discovery), and OAuth 2.0 client credentials (RFC 6749 §4.4), where the client's secret is a token
//! of ours. What is given out is that token itself: no other one is made, and nothing is stored.
//!
//! Names of tenants and clients, scopes and resources mean nothing here: a token knows what it reaches.

use crate::ApiState;
use crate::auth::principal_of;
use crate::error::{ApiError, CHALLENGE};
use crate::limit::{Asks, Limits, Remaining, Retry};
use crate::routes::base;
use crate::{body, entry};
use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::net::IpAddr;

/// How long clients may keep a token before they ask again, in seconds; less where it ends earlier.
const EXPIRES_IN_S: i64 = 3600;
/// Longest name of a tenant: a domain's.
const TENANT_BYTES: usize = 253;
/// Longest secret: longer ones aren't looked up.
const SECRET_BYTES: usize = 256;

/// What is asked for at one of these addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Address<'p> {
    /// Where things are.
    Endpoints,
    /// How a tenant signs in.
    Discovery { tenant: &'p str },
    /// The keys that tokens are signed with.
    Keys { tenant: &'p str },
    /// A token for a tenant.
    Token { tenant: &'p str },
}

/// The address that a path is, whatever the case of its fixed words.
pub(crate) fn address(path: &str) -> Option<Address<'_>> {
    let segments: Vec<&str> = path.split('/').filter(|s| !s.is_empty()).collect();
    let is = |at: usize, word: &str| segments[at].eq_ignore_ascii_case(word);
    match segments.len() {
        2 if is(0, "metadata") && is(1, "endpoints") => Some(Address::Endpoints),
        3 if is(1, ".well-known") && is(2, "openid-configuration") => {
            Some(Address::Discovery { tenant: segments[0] })
        }
        4 if is(1, "v2.0") && is(2, ".well-known") && is(3, "openid-configuration") => {
            Some(Address::Discovery { tenant: segments[0] })
        }
        4 if is(1, "discovery") && is(2, "v2.0") && is(3, "keys") => {
            Some(Address::Keys { tenant: segments[0] })
        }
        4 if is(1, "oauth2") && is(2, "v2.0") && is(3, "token") => {
            Some(Address::Token { tenant: segments[0] })
        }
        _ => None,
    }
}

/// Answers a request to one of these addresses.
pub(crate) async fn answer(
    state: &ApiState,
    limits: &Limits,
    address: Address<'_>,
    request: Request,
) -> Result<Response, ApiError> {
    if let Address::Discovery { tenant } | Address::Keys { tenant } | Address::Token { tenant } = address
        && !is_tenant(tenant)
    {
        return Err(ApiError::nothing_here());
    }
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let found = match address {
        Address::Endpoints if reads => endpoints(&secure_base(state, &request)?),
        Address::Discovery { tenant } if reads => discovery(&secure_base(state, &request)?, tenant),
        // Tokens are looked up, not signed (RFC 7517 §5).
        Address::Keys { .. } if reads => json!({ "keys": [] }),
        Address::Token { .. } if request.method() == Method::POST => {
            return match token(state, limits, request).await {
                Ok((granted, remaining)) => {
                    let mut response = unkept(StatusCode::OK, granted);
                    remaining.stamp(response.headers_mut());
                    Ok(response)
                }
                Err(Refused::Later(retry)) => Ok(retry.into_response()),
                Err(Refused::Broken(error)) => Err(error),
                Err(Refused::As(status, error, description)) => {
                    let told = json!({ "error": error, "error_description": description });
                    let mut response = unkept(status, told);
                    if status == StatusCode::UNAUTHORIZED {
                        response.headers_mut().insert(header::WWW_AUTHENTICATE, CHALLENGE);
                    }
                    Ok(response)
                }
            };
        }
        _ => return Err(ApiError::method_not_allowed()),
    };
    Ok(unkept(StatusCode::OK, found))
}

/// The address that clients are told to send their secret to: as the operator sets it, or as the caller
/// used it, where nobody on the way to it can read along.
fn secure_base(state: &ApiState, request: &Request) -> Result<String, ApiError> {
    let base = base(state, request.extensions(), request.headers());
    let in_plain_text = base.strip_prefix("http://").is_some_and(|host| !is_loopback(host));
    if state.settings.external_url.is_none() && in_plain_text {
        return Err(ApiError::bad_request(
            "TlsRequired",
            "Host",
            "over plain HTTP nobody is told where to sign in, as secrets would be sent there: the operator \
             sets tls, or behind a TLS proxy external_url",
        ));
    }
    Ok(base)
}

fn is_loopback(authority: &str) -> bool {
    let Ok(authority) = authority.parse::<Authority>() else { return false };
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

fn is_tenant(text: &str) -> bool {
    text.len() <= TENANT_BYTES && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

/// What `az cloud register` and others ask of a resource manager before anything else.
fn endpoints(base: &str) -> Value {
    json!({
        "name": "Meetme",
        "resourceManager": base,
        "portal": base,
        "authentication": {
            "loginEndpoint": base,
            "audiences": [base],
            "tenant": "common",
            "identityProvider": "AAD",
        },
        "suffixes": {},
    })
}

/// OpenID Connect Discovery 1.0 §3, as far as there is something. Clients fail without an authorization
/// endpoint and an address of keys, though they ask neither for client credentials: nobody answers at the
/// first, and there are none at the other.
fn discovery(base: &str, tenant: &str) -> Value {
    json!({
        "issuer": format!("{base}/{tenant}/v2.0"),
        "authorization_endpoint": format!("{base}/{tenant}/oauth2/v2.0/authorize"),
        "token_endpoint": format!("{base}/{tenant}/oauth2/v2.0/token"),
        "jwks_uri": format!("{base}/{tenant}/discovery/v2.0/keys"),
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": ["token"],
    })
}

/// Why there is no token.
enum Refused {
    /// RFC 6749 §5.2.
    As(StatusCode, &'static str, &'static str),
    /// Too many wrong ones came.
    Later(Retry),
    Broken(ApiError),
}

async fn token(state: &ApiState, limits: &Limits, request: Request) -> Result<(Value, Remaining), Refused> {
    let bad = |error, description| Refused::As(StatusCode::BAD_REQUEST, error, description);
    let (parts, body) = request.into_parts();
    let form =
        body::form(&parts.headers, body, state.settings.body_timeout).await.map_err(Refused::Broken)?;
    let form = form.and_then(|bytes| fields(&bytes)).ok_or_else(|| {
        bad("invalid_request", "send a short form, application/x-www-form-urlencoded, each field once")
    })?;
    let field = |name: &str| form.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
    match field("grant_type") {
        Some("client_credentials") => {}
        Some(_) => {
            return Err(bad(
                "unsupported_grant_type",
                "only grant_type=client_credentials is understood here",
            ));
        }
        None => return Err(bad("invalid_request", "grant_type is missing; use client_credentials")),
    }
    let wrong = || {
        Refused::As(
            StatusCode::UNAUTHORIZED,
            "invalid_client",
            "the client_secret isn't a valid token of this server; the operators give tokens out",
        )
    };
    let secret = field("client_secret").map(str::trim).unwrap_or_default();
    if secret.is_empty() || secret.len() > SECRET_BYTES {
        return Err(wrong());
    }
    let Ok(bearer) = HeaderValue::from_str(&format!("Bearer {secret}")) else { return Err(wrong()) };
    let now = entry::now();
    let mut headers = HeaderMap::new();
    headers.insert(header::AUTHORIZATION, bearer);
    // As if it came with a request: one limit for both ways to guess.
    let guess = limits.guess(&headers).map_err(Refused::Later)?;
    let found = principal_of(state, secret, now).await;
    guess.settle(found.is_ok());
    let principal = found.map_err(|e| match e.status {
        StatusCode::UNAUTHORIZED => wrong(),
        _ => Refused::Broken(e),
    })?;
    let remaining = limits.admit(principal.id, &parts.method, Asks::Nobody).map_err(Refused::Later)?;
    let left_s = principal.expires_at.map_or(EXPIRES_IN_S, |at| at.duration_since(now).as_secs());
    let expires_in_s = left_s.clamp(1, EXPIRES_IN_S);
    let granted = json!({
        "token_type": "Bearer",
        "expires_in": expires_in_s,
        "ext_expires_in": expires_in_s,
        "access_token": secret,
    });
    Ok((granted, remaining))
}

/// A form's fields; `None` when it isn't one, or has a field twice (RFC 6749 §3.2).
fn fields(body: &[u8]) -> Option<Vec<(String, String)>> {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_bytes(body).ok()?;
    let once = |(i, (name, _)): (usize, &(String, String))| pairs[..i].iter().all(|(other, _)| other != name);
    pairs.iter().enumerate().all(once).then_some(pairs)
}

/// An answer in JSON that nobody keeps (RFC 6749 §5.1): where to sign in depends on who was asked, and how.
fn unkept(status: StatusCode, body: Value) -> Response {
    let mut response = (status, axum::Json(body)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_other_paths() {
        let tenant = "contoso.example";
        assert_eq!(address("//metadata/Endpoints/"), Some(Address::Endpoints));
        let discovery = Some(Address::Discovery { tenant });
        assert_eq!(address("/contoso.example/v2.0/.well-known/openid-configuration"), discovery);
        assert_eq!(address("/contoso.example/.well-known/openid-configuration"), discovery);
        assert_eq!(address("/contoso.example/oauth2/v2.0/token"), Some(Address::Token { tenant }));
        for other in ["/", "/metadata", "/a/oauth2/token", "/a/b/oauth2/v2.0/token", "/oauth2/v2.0/token"] {
            assert_eq!(address(other), None, "{other}");
        }
    }

    #[test]
    fn a_field_stands_once_and_is_decoded() {
        assert_eq!(fields(b"a=b+c%2Fd").unwrap(), [("a".to_owned(), "b c/d".to_owned())]);
        assert_eq!(fields(b"a=b#c").unwrap(), [("a".to_owned(), "b#c".to_owned())]);
        assert_eq!(fields(b"a=1&a=2"), None);
        assert_eq!(fields(b"a=1&%61=2"), None);
    }

    #[test]
    fn only_the_machine_itself_is_loopback() {
        for host in ["localhost", "LOCALHOST:8971", "127.0.0.1:8971", "127.9.9.9", "[::1]:8971"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in
            ["", "localhost.example", "peering.cloud.example", "128.0.0.1", "[::2]:1", "127.0.0.1.example"]
        {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
