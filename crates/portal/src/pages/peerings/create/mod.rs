//! The wizard that creates a peering: Basics, Configuration with a pane for each connection, Review +
//! create. What was chosen travels in the address, so that each step can be reloaded, gone back to
//! and kept; only the keys of sessions don't, which are asked for in the last step.

pub(super) mod basics;
pub(super) mod configuration;
pub(super) mod connection;
mod draft;
pub(super) mod review;

use super::offering::Catalogue;
use crate::error::PageError;
use crate::layout::Page;
use crate::session::Context;
use axum::response::{IntoResponse, Redirect, Response};
use draft::Draft;
use maud::{Markup, html};

/// Where the wizard begins.
pub(super) const CREATE: &str = "/peerings/create";
const CONFIGURATION: &str = "/peerings/create/configuration";
const CONNECTION: &str = "/peerings/create/connection";
const REVIEW: &str = "/peerings/create/review";

const STEPS: [(&str, &str); 3] =
    [("Basics", CREATE), ("Configuration", CONFIGURATION), ("Review + create", REVIEW)];

/// A step's page.
fn step(context: &Context, draft: &Draft, here: &str, content: Markup) -> Response {
    let content = html! {
        div #wizard {
            nav.steps aria-label="Steps" {
                ol { @for (name, path) in STEPS {
                    li aria-current=[(path == here).then_some("step")] { a href=(draft.at(path)) { (name) } }
                } }
            }
            (content)
        }
    };
    let trail = [("Peerings", "/peerings")];
    Page { trail: &trail, ..Page::new(&context.viewer, CREATE, "Create a peering", content) }.into_response()
}

/// How a later step begins.
enum Begun {
    /// With what was chosen so far, and what there is to choose from.
    Draft(Draft, Catalogue),
    /// Not at all: the viewer may not create anything, or has yet to choose a subscription.
    Elsewhere(Response),
}

async fn begun(context: &Context, sent: &[(String, String)]) -> Result<Begun, PageError> {
    if !context.viewer.writes() {
        return Ok(Begun::Elsewhere(refused(context)));
    }
    let mut draft = Draft::of(sent);
    if draft.subscription.is_empty() || !context.viewer.reaches(&draft.subscription) {
        return Ok(Begun::Elsewhere(Redirect::to(CREATE).into_response()));
    }
    let catalogue = Catalogue::of(context, &draft.subscription, &draft.r#type).await?;
    draft.settle(&catalogue);
    Ok(Begun::Draft(draft, catalogue))
}

/// What somebody sees who may not create anything.
fn refused(context: &Context) -> Response {
    let why = html! { (crate::parts::message("info", html! { "Your account may look, but not create anything. Ask an operator for the role of a peer." })) };
    Page::new(&context.viewer, CREATE, "Create a peering", why).into_response()
}
