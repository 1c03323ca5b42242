//! Creating a peering service: Basics, Configuration, Review + create. What was typed travels in the
//! form itself, from step to step; each step has its address.

mod send;
mod steps;

use super::choices::Choices;
use crate::error::PageError;
use crate::parts::faults::Faults;
use crate::parts::typed::Typed;
use crate::session::Context;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use meetme_model::peering::is_resource_name;
use send::Outcome;

/// Where it starts.
const PATH: &str = "/peering-services/create";
/// What rows of prefixes are called in the form.
const ROWS: &str = "prefix";

/// The first step, empty.
pub(super) async fn start(context: Context) -> Result<Response, PageError> {
    if !context.viewer.writes() {
        return Err(PageError::NotAllowed);
    }
    steps::basics(&context, &Typed::default(), &Faults::default()).await
}

/// A later step's address by itself: without what was typed it begins anew.
pub(super) async fn again(_: Context) -> Redirect {
    Redirect::to(PATH)
}

/// Back to the first step.
pub(super) async fn basics(
    context: Context,
    headers: HeaderMap,
    typed: Typed,
) -> Result<Response, PageError> {
    context.check_form(&headers, typed.csrf())?;
    let faults = if typed.get("from") == "review" {
        send::validate(&context, &typed).await?
    } else {
        Faults::default()
    };
    steps::basics(&context, &typed, &faults).await
}

/// The second step, or the same again with another row.
pub(super) async fn configuration(
    context: Context,
    headers: HeaderMap,
    mut typed: Typed,
) -> Result<Response, PageError> {
    context.check_form(&headers, typed.csrf())?;
    let wrong = basics_faults(&context, &typed).await?;
    if !wrong.none() {
        return steps::basics(&context, &typed, &wrong).await;
    }
    let faults = match typed.rows_changed(ROWS, "name") {
        false if typed.get("from") == "review" => send::validate(&context, &typed).await?,
        _ => Faults::default(),
    };
    steps::configuration(&context, &typed, &faults).await
}

/// The last step: everything is checked and shown.
pub(super) async fn review(
    context: Context,
    headers: HeaderMap,
    typed: Typed,
) -> Result<Response, PageError> {
    context.check_form(&headers, typed.csrf())?;
    let wrong = basics_faults(&context, &typed).await?;
    if !wrong.none() {
        return steps::basics(&context, &typed, &wrong).await;
    }
    let faults = send::validate(&context, &typed).await?;
    Ok(steps::review(&context, &typed, &faults))
}

/// Creates it.
pub(super) async fn submit(
    context: Context,
    headers: HeaderMap,
    typed: Typed,
) -> Result<Response, PageError> {
    context.check_form(&headers, typed.csrf())?;
    let wrong = basics_faults(&context, &typed).await?;
    if !wrong.none() {
        return steps::basics(&context, &typed, &wrong).await;
    }
    match send::create(&context, &typed).await? {
        Outcome::Created(page) => Ok(Redirect::to(&page).into_response()),
        Outcome::Refused(faults) => Ok(steps::review(&context, &typed, &faults)),
    }
}

/// What is wrong with what the resource's path is made from.
async fn basics_faults(context: &Context, typed: &Typed) -> Result<Faults, PageError> {
    let mut faults = Faults::default();
    let known = context.api.subscriptions().await?;
    let subscription = typed.get("subscription");
    let reached = known.iter().any(|s| s == subscription);
    if !(reached || context.viewer.is_operator() && is_resource_name(subscription)) {
        faults.add("subscription", "choose the subscription that it belongs to");
    }
    if !is_group_name(typed.get("group")) {
        faults.add("group", "give it a resource group of 1 to 90 letters, digits, dots, dashes, underscores and parentheses, not ending with a dot");
    }
    if !is_resource_name(typed.get("name")) {
        faults.add("name", "give it a name of 1 to 63 letters, digits, dots, dashes and underscores");
    }
    Ok(faults)
}

/// Resource groups have names of their own kind.
fn is_group_name(name: &str) -> bool {
    (1..=90).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-()".contains(c))
        && !name.ends_with('.')
}

/// The choices for what was typed.
async fn choices(context: &Context, typed: &Typed) -> Result<Choices, PageError> {
    Choices::of(context, typed.get("subscription")).await
}
