//! A peering service as typed, as the API takes it: checked whole, then created with its prefixes.

use super::super::Service;
use super::super::prefixes::activation;
use super::{ROWS, choices};
use crate::error::PageError;
use crate::parts::faults::Faults;
use crate::parts::typed::Typed;
use crate::session::Context;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

/// Told of a name that another service has.
const TAKEN: &str = "this resource group has a peering service of this name already; choose another";

/// What became of it.
pub(super) enum Outcome {
    /// It is there, at this page.
    Created(String),
    /// Something is wrong.
    Refused(Faults),
}

fn service(typed: &Typed) -> Service {
    let of = |name: &str| typed.get(name).to_owned();
    Service { subscription: of("subscription"), group: of("group"), name: of("name") }
}

/// Rows of prefixes in which something was typed.
pub(super) fn prefix_rows(typed: &Typed) -> Vec<usize> {
    let typed_in =
        |row: &usize| ["name", "prefix"].iter().any(|c| !typed.get(&format!("{ROWS}-{row}-{c}")).is_empty());
    typed.rows(ROWS).into_iter().filter(typed_in).collect()
}

async fn body(context: &Context, typed: &Typed) -> Result<Value, PageError> {
    let choices = choices(context, typed).await?;
    let given = |name: &str| Some(typed.get(name)).filter(|v| !v.is_empty()).map(str::to_owned);
    Ok(json!({
        "location": choices.region(typed.get("location")),
        "properties": {
            "peeringServiceLocation": typed.get("location"),
            "peeringServiceProvider": typed.get("provider"),
            "providerPrimaryPeeringLocation": given("primary"),
            "providerBackupPeeringLocation": given("backup"),
        },
    }))
}

/// Everything that the API would refuse.
pub(super) async fn validate(context: &Context, typed: &Typed) -> Result<Faults, PageError> {
    let mut body = body(context, typed).await?;
    let rows = prefix_rows(typed);
    let prefix = |row: &usize| {
        let of = |column: &str| typed.get(&format!("{ROWS}-{row}-{column}"));
        json!({ "name": of("name"), "prefix": of("prefix"), "peeringServicePrefixKey": of("key") })
    };
    body["prefixes"] = rows.iter().map(prefix).collect();
    let path = format!("{}/validate", service(typed).extension());
    let answer = context.api.send(Method::POST, &path, Some(&body)).await?;
    let mut faults = match answer.into_result() {
        Ok(answer) if answer["created"] == true => return Ok(Faults::default()),
        Ok(_) => Faults::default(),
        Err(refusal) => Faults::of(&refusal, |target| field(&rows, target)),
    };
    // Sent twice, or again after a prefix was refused, it is there just so.
    if let Some(false) = same(context, &service(typed), &body).await? {
        faults.add("name", TAKEN);
    }
    // The region comes from the location: what is wrong with it was told there.
    for (field, what) in [("location", "choose the location of the users"), ("provider", "choose a provider")]
    {
        if typed.get(field).is_empty() {
            faults.replace(field, what);
        }
    }
    Ok(faults)
}

/// The form's field of a target of the API.
fn field(rows: &[usize], target: &str) -> Option<String> {
    let of_service = match target {
        "name" => "name",
        "location" | "properties.peeringServiceLocation" => "location",
        "properties.peeringServiceProvider" => "provider",
        "properties.providerPrimaryPeeringLocation" => "primary",
        "properties.providerBackupPeeringLocation" => "backup",
        _ => "",
    };
    if !of_service.is_empty() {
        return Some(of_service.to_owned());
    }
    let (place, column) = target.strip_prefix("prefixes[")?.split_once("].")?;
    let row = rows.get(place.parse::<usize>().ok()?)?;
    let column = if column == "peeringServicePrefixKey" { "key" } else { column };
    Some(format!("{ROWS}-{row}-{column}"))
}

/// Creates it with its prefixes. Sent twice it is created once.
pub(super) async fn create(context: &Context, typed: &Typed) -> Result<Outcome, PageError> {
    let faults = validate(context, typed).await?;
    if !faults.none() {
        return Ok(Outcome::Refused(faults));
    }
    let (service, body) = (service(typed), body(context, typed).await?);
    let answer = context.api.create(&service.api(), &body).await?;
    let there = answer.status == StatusCode::PRECONDITION_FAILED;
    if let Err(refusal) = answer.into_result()
        && !(there && same(context, &service, &body).await? == Some(true))
    {
        return Ok(Outcome::Refused(Faults::of(&refusal, |target| field(&[], target))));
    }
    let rows = prefix_rows(typed);
    let mut faults = Faults::default();
    for (place, row) in rows.iter().enumerate() {
        let of = |column: &str| typed.get(&format!("{ROWS}-{row}-{column}"));
        if let Err(refusal) = activation(context, &service, of("name"), of("prefix"), of("key")).await? {
            let at_row = |target: &str| {
                let column = target.strip_prefix("properties.").unwrap_or(target);
                field(&rows, &format!("prefixes[{place}].{column}"))
            };
            faults.merge(Faults::of(&refusal, at_row));
        }
    }
    if faults.none() { Ok(Outcome::Created(service.page())) } else { Ok(Outcome::Refused(faults)) }
}

/// Whether what is there is what is asked for; `None` when nothing is there.
async fn same(context: &Context, service: &Service, asked: &Value) -> Result<Option<bool>, PageError> {
    let Ok(there) = context.api.ask(&service.api()).await?.into_result() else {
        return Ok(None);
    };
    let properties = asked["properties"].as_object();
    Ok(Some(properties.into_iter().flatten().all(|(name, value)| there["properties"][name] == *value)))
}
