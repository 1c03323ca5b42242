//! What happens after Create: each connection's progress, live.

use super::at::At;
use super::frame::below;
use super::seen::{Seen, connections};
use super::timeline::{awaited, heading, timeline};
use crate::error::PageError;
use crate::parts::{live, message, time};
use crate::session::Context;
use axum::extract::Path;
use axum::response::Response;
use maud::html;

/// Shows the page.
pub(super) async fn show(context: Context, Path(at): Path<At>) -> Result<Response, PageError> {
    let seen = Seen::of(&context, &at).await?;
    let all = connections(&context, &at).await?;
    let open = all.iter().filter(|c| c.is_open()).count();
    let content = html! {
        @if open == all.len() && open > 0 {
            (message("success", html! { "Your peering is complete: all connections are Active. Register your prefixes next." }))
        } @else {
            (message("info", html! {
                "The peering was asked for " (time(seen.text("/systemData/createdAt"))) ". "
                (open) " of " (all.len()) " connections are Active. You can leave this page: mails tell you about each step."
            }))
        }
        @for c in &all {
            section.card { (heading(c)) (awaited(c)) (timeline(c)) }
        }
    };
    let commands = html! { a.button.primary href=(at.page("")) { "Go to the peering" } };
    let title = format!("Deployment of {}", at.name);
    Ok(below(
        &context,
        &at,
        ("", ""),
        "Peering",
        &title,
        commands,
        live("deployment", &at.page("/deployment"), content),
    ))
}
