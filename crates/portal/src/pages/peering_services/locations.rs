//! Moving a service to other peering locations: what is chosen is checked, then shown with what it moves,
//! then done. The choice stands in the address until it is done.

use super::choices::{Choices, NO_BACKUP};
use super::{Service, or_none, prefixes, property};
use crate::error::PageError;
use crate::parts::faults::Faults;
use crate::parts::form::{Field, form as post_form};
use crate::parts::typed::Typed;
use crate::parts::version::{Version, changed_by};
use crate::parts::{facts, message};
use crate::query::encode;
use crate::session::Context;
use axum::extract::{Path, Query};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::{Value, json};

const PRIMARY: &str = "providerPrimaryPeeringLocation";
const BACKUP: &str = "providerBackupPeeringLocation";
/// Prefixes that are named, at most.
const NAMED: usize = 100;

/// The address of the form, or of a choice.
#[derive(Deserialize)]
pub(super) struct Asked {
    primary: Option<String>,
    backup: Option<String>,
    /// Present where a choice is only shown in the form, to be changed.
    change: Option<String>,
}

/// The locations as chosen; empty for none.
struct Chosen {
    primary: String,
    backup: String,
}

impl Chosen {
    /// Those of a service as it is.
    fn of(there: &Value) -> Self {
        Self { primary: property(there, PRIMARY).to_owned(), backup: property(there, BACKUP).to_owned() }
    }

    fn is(&self, there: &Value) -> bool {
        self.primary == property(there, PRIMARY) && self.backup == property(there, BACKUP)
    }

    /// The service at these locations, all else as it is.
    fn body(&self, there: &Value) -> Value {
        let given = |location: &str| Some(location.to_owned()).filter(|l| !l.is_empty());
        json!({
            "location": there["location"],
            "sku": there["sku"],
            "tags": there["tags"],
            "properties": {
                "peeringServiceLocation": property(there, "peeringServiceLocation"),
                "peeringServiceProvider": property(there, "peeringServiceProvider"),
                (PRIMARY): given(&self.primary),
                (BACKUP): given(&self.backup),
            },
        })
    }
}

/// Shows the form, or what a choice would move.
pub(super) async fn form(
    context: Context,
    Path(service): Path<Service>,
    Query(asked): Query<Asked>,
) -> Result<Response, PageError> {
    if !context.viewer.writes() {
        return Err(PageError::NotAllowed);
    }
    let (there, version) = service.read_version(&context).await?;
    let Some(primary) = asked.primary else {
        return choice(&context, &service, &there, &Chosen::of(&there), &Faults::default()).await;
    };
    let chosen = Chosen { primary, backup: asked.backup.unwrap_or_default() };
    let mut faults = Faults::default();
    if asked.change.is_none() {
        if chosen.is(&there) {
            faults.add_other("the service is at these locations already; choose others");
        } else {
            let path = format!("{}/validate", service.extension());
            let answer = context.api.send(Method::POST, &path, Some(&chosen.body(&there))).await?;
            if let Err(refusal) = answer.into_result() {
                faults = Faults::of(&refusal, field);
            }
        }
        if faults.none() {
            return review(&context, &service, &there, &chosen, &version, &faults).await;
        }
    }
    choice(&context, &service, &there, &chosen, &faults).await
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
    let of = |name: &str| typed.get(name).to_owned();
    let chosen = Chosen { primary: of("primary"), backup: of("backup") };
    let (body, version) = (chosen.body(&there), typed.version());
    let answer = context.api.send_if(Method::PUT, &service.api(), Some(&body), version.condition()).await?;
    if answer.status == StatusCode::PRECONDITION_FAILED {
        let (there, now) = service.read_version(&context).await?;
        let faults = version.changed(&now, changed_by(&there));
        return review(&context, &service, &there, &chosen, &now, &faults).await;
    }
    match answer.into_result() {
        Ok(_) => Ok(Redirect::to(&service.page()).into_response()),
        Err(refusal) => {
            let faults = Faults::of(&refusal, field);
            if faults.none() {
                return review(&context, &service, &there, &chosen, &version, &faults).await;
            }
            choice(&context, &service, &there, &chosen, &faults).await
        }
    }
}

/// The form's field of a target of the API.
fn field(target: &str) -> Option<String> {
    let name = match target.strip_prefix("properties.")? {
        PRIMARY => "primary",
        BACKUP => "backup",
        _ => return None,
    };
    Some(name.to_owned())
}

async fn choice(
    context: &Context,
    service: &Service,
    there: &Value,
    chosen: &Chosen,
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
        "Where the provider hands over the traffic of your prefixes. What moves is shown before it does.";
    let content = html! {
        (faults.top())
        section.card { (facts(&[
            ("Location", html! { (property(there, "peeringServiceLocation")) }),
            ("Provider", html! { (provider) }),
        ])) (choices.presence(provider)) }
        section.card { form action=(path(service)) {
            (choices.metro(field("primary", "Primary peering location", primary_hint), &chosen.primary, "None"))
            (choices.metro(field("backup", "Backup peering location", NO_BACKUP), &chosen.backup, "None: fall back to the Internet"))
            div.actions {
                button.primary type="submit" { "Next: what moves" }
                a.button href=(service.page()) { "Cancel" }
            }
        } }
    };
    Ok(service.form_page(context, "Change locations", content))
}

async fn review(
    context: &Context,
    service: &Service,
    there: &Value,
    chosen: &Chosen,
    version: &Version,
    faults: &Faults,
) -> Result<Response, PageError> {
    let from = Chosen::of(there);
    let moved = |from: &str, to: &str| {
        html! { (or_none(from)) @if from != to { " → " strong { (or_none(to)) } } }
    };
    let again = format!(
        "{}?primary={}&backup={}&change=1",
        path(service),
        encode(&chosen.primary),
        encode(&chosen.backup)
    );
    let content = html! {
        (faults.top())
        section.card { (facts(&[
            ("Primary peering location", moved(&from.primary, &chosen.primary)),
            ("Backup peering location", moved(&from.backup, &chosen.backup)),
        ])) }
        section.card { h2 { "What moves" } (moving(context, service).await?) }
        (post_form(&context.viewer, &path(service), html! {
            (version.hidden())
            input type="hidden" name="primary" value=(chosen.primary);
            input type="hidden" name="backup" value=(chosen.backup);
            div.actions {
                button.primary type="submit" { "Move" }
                a.button href=(again) { "Previous" }
                a.button href=(service.page()) { "Cancel" }
            }
        }))
    };
    Ok(service.form_page(context, "Change locations", content))
}

/// The prefixes with where their traffic leaves now.
async fn moving(context: &Context, service: &Service) -> Result<Markup, PageError> {
    let all = context.api.list(&format!("{}/prefixes", service.api()), NAMED + 1).await?;
    let mut rows = Vec::new();
    for prefix in all.iter().take(NAMED) {
        let status = prefixes::status(context, service, prefix["name"].as_str().unwrap_or("")).await?;
        rows.push((property(prefix, "prefix"), prefixes::path(&status)));
    }
    Ok(html! {
        @if rows.is_empty() { p { "Nothing yet: no prefix is activated in this service." } } @else {
            (message("warning", html! { "Traffic of these prefixes moves at once: to the new primary location where the prefix is received there, else to the backup." }))
            div.scroll tabindex="0" role="region" aria-label="What moves" { table {
                thead { tr { th scope="col" { "Prefix" } th scope="col" { "Traffic goes now" } } }
                tbody { @for (prefix, now) in rows { tr {
                    td data-title="Prefix" { code { (prefix) } }
                    td data-title="Traffic goes now" { (now) }
                } } }
            } }
            @if all.len() > NAMED { p.hint { "And further ones." } }
        }
    })
}

fn path(service: &Service) -> String {
    format!("{}/locations", service.page())
}
