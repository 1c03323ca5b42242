//! Moving a service to other peering locations.

use super::choices::{Choices, NO_BACKUP};
use super::{Service, property};
use crate::error::PageError;
use crate::parts::facts;
use crate::parts::faults::Faults;
use crate::parts::form::{Field, form as post_form};
use crate::parts::typed::Typed;
use crate::session::Context;
use axum::extract::Path;
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Redirect, Response};
use maud::html;
use serde_json::{Value, json};

const PRIMARY: &str = "providerPrimaryPeeringLocation";
const BACKUP: &str = "providerBackupPeeringLocation";

/// Shows the form.
pub(super) async fn form(context: Context, Path(service): Path<Service>) -> Result<Response, PageError> {
    if !context.viewer.writes() {
        return Err(PageError::NotAllowed);
    }
    let there = service.read(&context).await?;
    let mut typed = Typed::default();
    typed.set("primary", property(&there, PRIMARY));
    typed.set("backup", property(&there, BACKUP));
    page(&context, &service, &there, &typed, &Faults::default()).await
}

/// Moves it.
pub(super) async fn save(
    context: Context,
    Path(service): Path<Service>,
    headers: HeaderMap,
    typed: Typed,
) -> Result<Response, PageError> {
    context.check_form(&headers, typed.csrf())?;
    let there = service.read(&context).await?;
    let given = |name: &str| Some(typed.get(name)).filter(|v| !v.is_empty()).map(str::to_owned);
    let body = json!({
        "location": there["location"],
        "sku": there["sku"],
        "tags": there["tags"],
        "properties": {
            "peeringServiceLocation": property(&there, "peeringServiceLocation"),
            "peeringServiceProvider": property(&there, "peeringServiceProvider"),
            (PRIMARY): given("primary"),
            (BACKUP): given("backup"),
        },
    });
    match context.api.send(Method::PUT, &service.api(), Some(&body)).await?.into_result() {
        Ok(_) => Ok(Redirect::to(&service.page()).into_response()),
        Err(refusal) => {
            let field = |target: &str| {
                let name = target.strip_prefix("properties.")?;
                [(PRIMARY, "primary"), (BACKUP, "backup")]
                    .iter()
                    .find(|(p, _)| *p == name)
                    .map(|(_, f)| (*f).to_owned())
            };
            page(&context, &service, &there, &typed, &Faults::of(&refusal, field)).await
        }
    }
}

async fn page(
    context: &Context,
    service: &Service,
    there: &Value,
    typed: &Typed,
    faults: &Faults,
) -> Result<Response, PageError> {
    let choices = Choices::of(context, &service.subscription).await?;
    let provider = property(there, "peeringServiceProvider");
    let field = |name: &'static str, label: &'static str, hint: &'static str| Field {
        name,
        label,
        hint,
        error: faults.at(name),
        required: false,
    };
    let primary_hint =
        "Where the provider hands over the traffic of your prefixes. Active prefixes move at once.";
    let content = html! {
        (faults.top())
        section.card { (facts(&[
            ("Location", html! { (property(there, "peeringServiceLocation")) }),
            ("Provider", html! { (provider) }),
        ])) (choices.presence(provider)) }
        section.card { (post_form(&context.viewer, &context.path, html! {
            (choices.metro(field("primary", "Primary peering location", primary_hint), typed.get("primary"), "None"))
            (choices.metro(field("backup", "Backup peering location", NO_BACKUP), typed.get("backup"), "None: fall back to the Internet"))
            div.actions {
                button.primary type="submit" { "Save" }
                a.button href=(service.page()) { "Cancel" }
            }
        })) }
    };
    Ok(service.form_page(context, "Change locations", content))
}
