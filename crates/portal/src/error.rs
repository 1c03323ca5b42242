//! What a page can't be shown for, and the page that says so, with the way back. Nothing is ever blank.

use crate::PortalState;
use crate::api::Refusal;
use crate::layout::{self, Page};
use crate::session::viewer;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use meetme_store::StoreError;
use std::sync::Arc;

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PageError {
    /// Nobody is signed in (any more).
    #[error("nobody is signed in")]
    SignInNeeded {
        /// Where to go afterwards.
        next: String,
    },
    /// There is nothing at this address, or nothing for this person.
    #[error("there is nothing here")]
    NotFound,
    /// The person may look, but not do this.
    #[error("not allowed")]
    NotAllowed,
    /// A form that isn't of this session.
    #[error("the form isn't of this session")]
    ForeignForm,
    /// The API refused what a page needs.
    #[error("{}", .refusal.message)]
    Refused {
        /// With this status.
        status: StatusCode,
        /// Saying this.
        refusal: Refusal,
    },
    /// Something failed on our side.
    #[error("{0}")]
    Internal(String),
}

impl PageError {
    /// A failure on our side, for the log.
    pub fn internal(reason: impl std::fmt::Display) -> Self {
        Self::Internal(reason.to_string())
    }
}

impl From<StoreError> for PageError {
    fn from(error: StoreError) -> Self {
        Self::Internal(error.to_string())
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let (status, title, text) = match self {
            Self::SignInNeeded { next } => {
                return Redirect::to(&format!("/sign-in?next={}", crate::query::encode(&next))).into_response();
            }
            Self::NotFound => (
                StatusCode::NOT_FOUND,
                "Nothing here",
                "There is nothing at this address, or nothing that you may see.".to_owned(),
            ),
            Self::NotAllowed => (
                StatusCode::FORBIDDEN,
                "Not allowed",
                "Your account may look at this, but not change it. Ask an operator.".to_owned(),
            ),
            Self::ForeignForm => (
                StatusCode::FORBIDDEN,
                "Please send the form again",
                "It was made before you signed in, or by another page, and nothing was done. Go back and send it again from the page that it is on."
                    .to_owned(),
            ),
            Self::Refused { status, .. } if status == StatusCode::NOT_FOUND => {
                return Self::NotFound.into_response();
            }
            Self::Refused { status, refusal } => (status, "That didn't work", refusal.message),
            Self::Internal(reason) => {
                tracing::error!(reason, "a page failed");
                (
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "Something failed on our side",
                    "Nothing was changed. Try again in a moment; if it stays, tell the operators.".to_owned(),
                )
            }
        };
        let told = Told { title: title.to_owned(), text };
        let mut response = (status, layout::plain(title, told.content())).into_response();
        response.extensions_mut().insert(told);
        response
    }
}

/// What an error's page says.
#[derive(Clone)]
struct Told {
    title: String,
    text: String,
}

impl Told {
    /// What is said of a request that no page has answered.
    fn of(status: StatusCode) -> Self {
        let (title, text) = match status {
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
                ("Nothing here", "There is nothing at this address that can be asked for so.")
            }
            StatusCode::PAYLOAD_TOO_LARGE => (
                "That was too much",
                "The form is longer than this portal takes. Go back and send less at once.",
            ),
            s if s.is_client_error() => (
                "That address or form isn't right",
                "Something in the address or in the form can't be read. Go back and try again from the page before.",
            ),
            _ => ("Something failed on our side", "Try again in a moment; if it stays, tell the operators."),
        };
        Self { title: title.to_owned(), text: text.to_owned() }
    }

    fn content(&self) -> Markup {
        html! {
            p { (self.text) }
            p { a.button href="/" { "Home" } }
        }
    }
}

/// Puts errors into the shell of all pages for those who are signed in, and makes a page of what was
/// refused before any page was asked: an address or a form that can't be read.
pub(crate) async fn framed(State(state): State<Arc<PortalState>>, request: Request, next: Next) -> Response {
    let (path, headers) = (request.uri().path().to_owned(), request.headers().clone());
    let response = next.run(request).await;
    let status = response.status();
    let is_page =
        response.headers().get(CONTENT_TYPE).is_some_and(|t| t.as_bytes().starts_with(b"text/html"));
    let told = response.extensions().get::<Told>().cloned();
    let is_error = status.is_client_error() || status.is_server_error();
    if !is_error || (is_page && told.is_none()) || path.starts_with("/assets/") || path == "/live" {
        return response;
    }
    let told = told.unwrap_or_else(|| Told::of(status));
    // Who looks may be what can't be found out just now.
    let mut page = match viewer(&state, &headers).await {
        Ok(Some(viewer)) => {
            let content = html! { section.card.failure { (told.content()) } };
            Page::new(&viewer, &path, &told.title, content).into_response()
        }
        _ => layout::plain(&told.title, told.content()),
    };
    *page.status_mut() = status;
    for name in [ALLOW, RETRY_AFTER] {
        if let Some(value) = response.headers().get(&name) {
            page.headers_mut().insert(name, value.clone());
        }
    }
    page
}
