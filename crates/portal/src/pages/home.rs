//! Home: what needs attention, and the way to everything else.

use crate::error::PageError;
use crate::layout::Page;
use crate::parts::empty;
use crate::session::Context;
use axum::response::{IntoResponse, Response};
use maud::html;

/// Shows the page.
pub(super) async fn home(context: Context) -> Result<Response, PageError> {
    let content = empty("Nothing needs your attention", "What waits for you is shown here.", html! {});
    Ok(Page::new(&context.viewer, "/", "Home", content).into_response())
}
