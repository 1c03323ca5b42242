//! The prefixes of a service: where their traffic goes now, and activating another one by its key.

use super::{READER, Service, property};
use crate::api::Refusal;
use crate::error::PageError;
use crate::parts::faults::{Faults, sentence};
use crate::parts::form::Field;
use crate::parts::state::{Mood, badge, shown};
use crate::parts::typed::Typed;
use crate::parts::{command, copyable, empty, message};
use crate::query::encode;
use crate::session::Context;
use axum::extract::Path;
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde_json::{Value, json};

/// What a key is.
pub(super) const KEY_HINT: &str = "A prefix is activated by its key, which its provider has from the registered prefix once that is Verified.";

/// Prefixes shown of a service, at most.
const SHOWN: usize = 500;

/// All prefixes of a service as a table.
pub(super) async fn table(context: &Context, service: &Service) -> Result<Markup, PageError> {
    let prefixes = context.api.list(&format!("{}/prefixes", service.api()), SHOWN).await?;
    if prefixes.is_empty() {
        let refused = (!context.viewer.writes()).then_some(READER);
        let action = command(&format!("{}/activate", service.page()), "Add a prefix", refused);
        return Ok(empty("No prefix is activated yet", KEY_HINT, action));
    }
    let mut rows = Vec::with_capacity(prefixes.len());
    for prefix in &prefixes {
        let name = prefix["name"].as_str().unwrap_or("");
        let status = status(context, service, name).await?;
        rows.push(row(service, name, prefix, &status));
    }
    Ok(html! {
        div.scroll tabindex="0" role="region" aria-label="Prefixes" { table {
            thead { tr { @for title in ["Name", "Prefix", "State", "Traffic goes", "Why"] { th scope="col" { (title) } } } }
            tbody { @for row in rows { (row) } }
        } }
    })
}

/// What the API knows of a prefix besides the resource.
pub(super) async fn status(context: &Context, service: &Service, name: &str) -> Result<Value, PageError> {
    // It may have been deleted since the list was read.
    let answer =
        context.api.ask(&format!("{}/prefixes/{}/status", service.extension(), encode(name))).await?;
    Ok(answer.into_result().unwrap_or(Value::Null))
}

fn row(service: &Service, name: &str, prefix: &Value, status: &Value) -> Markup {
    html! { tr {
        td data-title="Name" { a href=(format!("{}/prefixes/{}", service.page(), encode(name))) { (name) } }
        td data-title="Prefix" { (copyable(property(prefix, "prefix"))) }
        td data-title="State" { (badge(property(prefix, "prefixValidationState"))) }
        td data-title="Traffic goes" { (path(status)) }
        td data-title="Why" { (why(prefix, status)) }
    } }
}

/// Where a prefix's traffic leaves now.
pub(super) fn path(status: &Value) -> Markup {
    let location = |name: &str| status[name].as_str().unwrap_or("");
    let is_blind = status["prefixValidationState"] == "Unknown";
    match status["activePath"].as_str() {
        Some("ordinary" | "internet") if is_blind => shown(Mood::Quiet, "Unknown: the edge can't be read"),
        Some("primary") => shown(Mood::Good, &format!("Primary: {}", location("primaryPeeringLocation"))),
        Some("backup") => shown(Mood::Waiting, &format!("Backup: {}", location("backupPeeringLocation"))),
        Some("ordinary") => shown(Mood::Waiting, "Nearest peering, not optimized"),
        Some("internet") => shown(Mood::Waiting, "Internet"),
        _ => html! { span.none { "–" } },
    }
}

/// Why a prefix has its state.
pub(super) fn why(prefix: &Value, status: &Value) -> Markup {
    let told = property(prefix, "errorMessage");
    let failing = status["checks"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|check| !matches!(check["outcome"].as_str(), Some("passed" | "notChecked")));
    html! {
        @if !told.is_empty() { (sentence(told)) }
        @else if let Some(check) = failing { (sentence(check["message"].as_str().unwrap_or(""))) }
        @else if property(prefix, "prefixValidationState") == "Verified" { "Every check passes." }
        @else { "It is being looked at." }
    }
}

/// Shows the form.
pub(super) async fn form(context: Context, Path(service): Path<Service>) -> Result<Response, PageError> {
    if !context.viewer.writes() {
        return Err(PageError::NotAllowed);
    }
    let there = service.read(&context).await?;
    Ok(form_page(&context, &service, &there, &Typed::default(), &Faults::default()))
}

/// Activates a prefix.
pub(super) async fn activate(
    context: Context,
    Path(service): Path<Service>,
    headers: HeaderMap,
    typed: Typed,
) -> Result<Response, PageError> {
    context.check_form(&headers, typed.csrf())?;
    let there = service.read(&context).await?;
    let (name, prefix, key) = (typed.get("name"), typed.get("prefix"), typed.get("key"));
    let mut faults = validated(&context, &service, &there, &typed).await?;
    if faults.none() {
        match activation(&context, &service, name, prefix, key).await? {
            Ok(()) => return Ok(Redirect::to(&service.page()).into_response()),
            Err(refusal) => faults = Faults::of(&refusal, field),
        }
    }
    Ok(form_page(&context, &service, &there, &typed, &faults))
}

/// Everything that speaks against the prefix at once, its name among it.
async fn validated(
    context: &Context,
    service: &Service,
    there: &Value,
    typed: &Typed,
) -> Result<Faults, PageError> {
    let mut body = there.clone();
    body["prefixes"] = json!([{
        "name": typed.get("name"),
        "prefix": typed.get("prefix"),
        "peeringServicePrefixKey": typed.get("key"),
    }]);
    let answer =
        context.api.send(Method::POST, &format!("{}/validate", service.extension()), Some(&body)).await?;
    let refusal = answer.into_result().err();
    Ok(refusal.map_or_else(Faults::default, |refusal| Faults::of(&refusal, field)))
}

/// The field of a target, of PUT or of the validation.
fn field(target: &str) -> Option<String> {
    let field = match target.trim_start_matches("prefixes[0].").trim_start_matches("properties.") {
        "name" => "name",
        "prefix" => "prefix",
        "peeringServicePrefixKey" => "key",
        _ => return None,
    };
    Some(field.to_owned())
}

/// Has a prefix activated; the same again changes nothing.
pub(super) async fn activation(
    context: &Context,
    service: &Service,
    name: &str,
    prefix: &str,
    key: &str,
) -> Result<Result<(), Refusal>, PageError> {
    let path = format!("{}/prefixes/{}", service.api(), encode(name));
    let body = json!({ "properties": { "prefix": prefix, "peeringServicePrefixKey": key } });
    let answer = context.api.send(Method::PUT, &path, Some(&body)).await?;
    Ok(answer.into_result().map(|_| ()))
}

fn form_page(
    context: &Context,
    service: &Service,
    there: &Value,
    typed: &Typed,
    faults: &Faults,
) -> Response {
    let field = |name: &'static str, label: &'static str, hint: &'static str| Field {
        name,
        label,
        hint,
        error: faults.at(name),
        required: true,
    };
    let content = html! {
        (faults.top())
        @if property(there, "providerPrimaryPeeringLocation").is_empty() {
            (message("warning", html! {
                p { "This peering service has no primary peering location yet. Prefixes can't be activated before it has one. "
                    a href=(format!("{}/locations", service.page())) { "Choose it" } }
            }))
        }
        section.card { (crate::parts::form::form(&context.viewer, &context.path, html! {
            (field("name", "Name", "What the prefix is called in this service, such as sbc-1.").input("text", typed.get("name"), "off"))
            (field("prefix", "Prefix", "Exactly as it is registered, such as 198.51.100.0/24.").input("text", typed.get("prefix"), "off"))
            (field("key", "Prefix key", KEY_HINT).input("text", typed.get("key"), "off"))
            div.actions {
                button.primary type="submit" { "Activate" }
                a.button href=(service.page()) { "Cancel" }
            }
        })) }
    };
    service.form_page(context, "Add a prefix", content)
}
