//! Who asks, and what they may reach: bearer tokens, roles and scopes.
//!
//! What lies outside a caller's scope answers 404, as if it weren't there. Tokens are found by
//! their hash, in the store.

use crate::ApiState;
use crate::error::ApiError;
use axum::http::{HeaderMap, Method, header};
use jiff::Timestamp;
use meetme_store::{Principal, Role, token_principal};

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody with a token: says nothing about anybody.
    Anyone,
    /// The subscription in the path: its own peers and readers, and operators.
    Subscription,
    /// An operator's decision about something in the subscription in the path.
    Decision,
    /// The host's operators, and readers without a subscription.
    Host,
    /// An operator's decision about something that isn't named by a subscription.
    HostDecision,
}

/// Who the request's token stands for.
pub(crate) async fn principal(
    state: &ApiState,
    headers: &HeaderMap,
    now: Timestamp,
) -> Result<Principal, ApiError> {
    let token = headers
        .get(header::AUTHORIZATION)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Bearer"))
        .map(|(_, token)| token.trim())
        .filter(|token| !token.is_empty() && token.len() <= 256)
        .ok_or_else(ApiError::unauthorized)?;
    principal_of(state, token, now).await
}

/// Who a token stands for.
pub(crate) async fn principal_of(
    state: &ApiState,
    token: &str,
    now: Timestamp,
) -> Result<Principal, ApiError> {
    token_principal(&state.store, token, now).await?.ok_or_else(ApiError::unauthorized)
}

/// True for a request with a bearer token, whatever the token is worth.
pub fn sends_token(headers: &HeaderMap) -> bool {
    let scheme = headers.get(header::AUTHORIZATION).map(|v| v.as_bytes().split(|b| *b == b' ').next());
    scheme.flatten().is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"Bearer"))
}

/// True when `principal` reaches `subscription`.
pub(crate) fn reaches(principal: &Principal, subscription: &str) -> bool {
    match (&principal.subscription, principal.role) {
        (Some(own), _) => own.eq_ignore_ascii_case(subscription),
        (None, Role::Operator | Role::Reader) => true,
        // The store makes no such token.
        (None, Role::Peer) => false,
    }
}

/// Lets a request pass or says why not.
pub(crate) fn permit(
    principal: &Principal,
    access: Access,
    method: &Method,
    subscription: Option<&str>,
) -> Result<(), ApiError> {
    if let Some(subscription) = subscription
        && !reaches(principal, subscription)
    {
        return Err(ApiError::nothing_here());
    }
    let host_wide = principal.subscription.is_none() && principal.role != Role::Peer;
    let (in_scope, decides) = match access {
        Access::Anyone => (true, false),
        Access::Subscription => (subscription.is_some(), false),
        Access::Decision => (subscription.is_some(), true),
        Access::Host => (host_wide, false),
        Access::HostDecision => (host_wide, true),
    };
    if !in_scope {
        return Err(ApiError::nothing_here());
    }
    match principal.role {
        Role::Operator => Ok(()),
        Role::Peer if decides => Err(ApiError::forbidden("only an operator of this network decides this")),
        Role::Peer => Ok(()),
        Role::Reader if decides || !matches!(*method, Method::GET | Method::HEAD) => Err(
            ApiError::forbidden("a token with role reader may look only; use one with role peer or operator"),
        ),
        Role::Reader => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(role: Role, subscription: Option<&str>) -> Principal {
        Principal {
            id: 1,
            name: "t".into(),
            role,
            subscription: subscription.map(Into::into),
            expires_at: None,
        }
    }

    fn status(p: &Principal, access: Access, method: Method, subscription: Option<&str>) -> u16 {
        permit(p, access, &method, subscription).map_or_else(|e| e.status.as_u16(), |()| 200)
    }

    #[test]
    fn a_peer_reaches_its_own_subscription_only() {
        let peer = token(Role::Peer, Some("Sub-A"));
        let of = |access, s| status(&peer, access, Method::PUT, s);
        assert_eq!(of(Access::Subscription, Some("sub-a")), 200);
        assert_eq!(of(Access::Subscription, Some("sub-b")), 404);
        assert_eq!(of(Access::Decision, Some("sub-a")), 403);
        assert_eq!(of(Access::Decision, Some("sub-b")), 404);
        assert_eq!(of(Access::Host, None), 404);
        assert_eq!(of(Access::HostDecision, None), 404);
        assert_eq!(of(Access::Anyone, None), 200);
    }

    #[test]
    fn a_reader_looks_and_writes_nothing() {
        let everywhere = token(Role::Reader, None);
        assert_eq!(status(&everywhere, Access::Host, Method::GET, None), 200);
        assert_eq!(status(&everywhere, Access::HostDecision, Method::POST, None), 403);
        let bound = token(Role::Reader, Some("a"));
        assert_eq!(status(&bound, Access::Host, Method::GET, None), 404);
        assert_eq!(status(&bound, Access::Subscription, Method::GET, Some("A")), 200);
        assert_eq!(status(&bound, Access::Subscription, Method::DELETE, Some("a")), 403);
    }

    #[test]
    fn an_operator_bound_to_a_subscription_reaches_no_other() {
        let bound = token(Role::Operator, Some("a"));
        assert_eq!(status(&bound, Access::Decision, Method::POST, Some("a")), 200);
        assert_eq!(status(&bound, Access::Decision, Method::POST, Some("b")), 404);
        assert_eq!(status(&bound, Access::HostDecision, Method::POST, None), 404);
    }
}
