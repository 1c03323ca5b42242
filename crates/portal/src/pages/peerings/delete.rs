//! Taking a peering away, confirmed by typing its name.

use super::at::At;
use super::frame::{below, check_writes};
use super::seen::Seen;
use crate::error::PageError;
use crate::parts::faults::{Faults, told};
use crate::parts::form::{Field, form};
use crate::parts::message;
use crate::session::Context;
use axum::extract::{Form, Path};
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Redirect, Response};
use maud::html;
use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Sent {
    #[serde(rename = "_csrf")]
    csrf: Option<String>,
    #[serde(default)]
    name: String,
}

/// Asks for the name.
pub(super) async fn show(context: Context, Path(at): Path<At>) -> Result<Response, PageError> {
    check_writes(&context)?;
    Seen::of(&context, &at).await?;
    Ok(page(&context, &at, None, &Faults::default()))
}

/// Begins the deletion.
pub(super) async fn delete(
    context: Context,
    Path(at): Path<At>,
    headers: HeaderMap,
    Form(sent): Form<Sent>,
) -> Result<Response, PageError> {
    context.check_form(&headers, sent.csrf.as_deref())?;
    if sent.name.trim() != at.name {
        let wrong = "This isn't the peering's name.";
        return Ok(page(&context, &at, Some(wrong), &Faults::default()));
    }
    let answer = context.api.send(Method::DELETE, &at.resource(), None).await?;
    Ok(match answer.into_result() {
        Ok(_) => Redirect::to("/peerings").into_response(),
        Err(refusal) => {
            let mut faults = Faults::default();
            faults.add("", &crate::parts::faults::sentence(&refusal.message));
            for one in &refusal.details {
                faults.add("", &crate::parts::faults::sentence(&one.message));
            }
            page(&context, &at, None, &faults)
        }
    })
}

fn page(context: &Context, at: &At, wrong: Option<&str>, faults: &Faults) -> Response {
    let content = html! {
        @let others = faults.others(&[], &[]);
        @if !others.is_empty() { (message("error", told(&others))) }
        section.card {
            p { "All connections are taken away: traffic is drained, sessions are closed, ports and addresses are freed. Registered prefixes lose their keys. This can't be undone." }
            (form(&context.viewer, &at.page("/delete"), html! {
                (Field { name: "name", label: &format!("Type {} to confirm", at.name), hint: "", error: wrong, required: true }.input("text", "", "off"))
                div.actions {
                    button.danger type="submit" { "Delete peering" }
                    a.button href=(at.page("")) { "Cancel" }
                }
            }))
        }
    };
    below(context, at, ("", ""), "Peering", &format!("Delete {}", at.name), html! {}, content)
}
