//! What a page can't be shown for, and the page that says so. Nothing is ever blank.

use crate::api::Refusal;
use crate::layout;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::html;
use meetme_store::StoreError;

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
                "It was made before you signed in, or by another page. Go back, reload the page, and send it again: what you typed is still there."
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
        let content = html! {
            p { (text) }
            p { a.button href="/" { "Home" } }
        };
        (status, layout::plain(title, content)).into_response()
    }
}
