//! Creating a peering service: Basics, Configuration, Review + create. What was chosen travels in the
//! address, so that each step can be reloaded, gone back to and kept; only the keys of prefixes don't,
//! which are asked for in the last step.

mod send;
mod steps;

use super::choices::Choices;
use crate::error::PageError;
use crate::layout::kept_for_back;
use crate::parts::faults::Faults;
use crate::parts::typed::Typed;
use crate::session::Context;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use meetme_model::peering::is_resource_name;
use send::{Outcome, prefix_rows};

/// Where it starts, and where it is sent in the end.
const PATH: &str = "/peering-services/create";
const CONFIGURATION: &str = "/peering-services/create/configuration";
const REVIEW: &str = "/peering-services/create/review";
/// What rows of prefixes are called in the form.
const ROWS: &str = "prefix";
/// A field that has a step say what is wrong with it.
const CHECK: &str = "check";

/// The first step; with `check` it says what is wrong.
pub(super) async fn basics(context: Context, typed: Typed) -> Result<Response, PageError> {
    writes(&context)?;
    let faults = match typed.get(CHECK) {
        "" => Faults::default(),
        _ => checked(&context, &typed).await?,
    };
    steps::basics(&context, &typed, &faults).await
}

/// The second step, or the same again with another row; only when nothing is wrong with the first.
pub(super) async fn configuration(context: Context, mut typed: Typed) -> Result<Response, PageError> {
    writes(&context)?;
    if !basics_faults(&context, &typed).await?.none() {
        return Ok(Redirect::to(&again(&typed, PATH)).into_response());
    }
    if typed.rows_changed(ROWS, "name") {
        return Ok(Redirect::to(&address(&typed, CONFIGURATION)).into_response());
    }
    let faults = match typed.get(CHECK) {
        "" => Faults::default(),
        _ => send::validate(&context, &typed).await?,
    };
    steps::configuration(&context, &typed, &faults).await
}

/// The last step: everything but the keys is checked and shown.
pub(super) async fn review(context: Context, typed: Typed) -> Result<Response, PageError> {
    writes(&context)?;
    if !basics_faults(&context, &typed).await?.none() {
        return Ok(Redirect::to(&again(&typed, PATH)).into_response());
    }
    let mut faults = send::validate(&context, &typed).await?;
    faults.retain(|field| !is_key(field));
    let passed = if prefix_rows(&typed).is_empty() {
        "Validation passed."
    } else {
        "Validation passed. The keys are checked by Create."
    };
    Ok(steps::review(&context, &typed, &faults, passed))
}

/// Creates it.
pub(super) async fn submit(
    context: Context,
    headers: HeaderMap,
    typed: Typed,
) -> Result<Response, PageError> {
    context.check_form(&headers, typed.csrf())?;
    if !basics_faults(&context, &typed).await?.none() {
        return Ok(Redirect::to(&again(&typed, PATH)).into_response());
    }
    match send::create(&context, &typed).await? {
        Outcome::Created(page) => Ok(Redirect::to(&page).into_response()),
        Outcome::Refused(faults) => {
            Ok(kept_for_back(steps::review(&context, &typed, &faults, "Validation passed.")))
        }
    }
}

fn writes(context: &Context) -> Result<(), PageError> {
    if context.viewer.writes() { Ok(()) } else { Err(PageError::NotAllowed) }
}

/// A step's address with everything that was chosen.
fn address(typed: &Typed, path: &str) -> String {
    typed.address(path, |field| matches!(field, "_csrf" | "do" | CHECK) || is_key(field))
}

/// A step's address, where it says what is wrong.
fn again(typed: &Typed, path: &str) -> String {
    format!("{}&{CHECK}=1", address(typed, path))
}

fn is_key(field: &str) -> bool {
    field.starts_with(ROWS) && field.ends_with("-key")
}

/// What is wrong with the first step: of a path that can't be made, or what the API says of it.
async fn checked(context: &Context, typed: &Typed) -> Result<Faults, PageError> {
    let faults = basics_faults(context, typed).await?;
    if faults.none() { send::validate(context, typed).await } else { Ok(faults) }
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
