//! `POST /api/v1/…/peeringServices/{name}/validate`: what would be refused of a peering service with
//! prefixes to be activated in it. Everything is done as PUT does it, in a transaction that is given up.

use super::put::{check, check_move, new, provider_of};
use super::wire::{Sent, SentProperties, Sku};
use crate::arm::{inventory, service_prefixes};
use crate::call::{Answer, Call, ok};
use crate::error::ApiError;
use meetme_model::peering::is_resource_name;
use meetme_model::peering_service::PeeringService;
use meetme_model::{Violation, Violations};
use meetme_store::{peering_service_get, peering_service_insert};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;

/// A peering service as PUT takes it, with the prefixes to be activated in it.
#[derive(Deserialize)]
struct Asked {
    location: Option<String>,
    sku: Option<Sku>,
    tags: Option<BTreeMap<String, String>>,
    properties: Option<SentProperties>,
    prefixes: Option<Vec<AskedPrefix>>,
}

#[derive(Deserialize)]
struct AskedPrefix {
    name: Option<String>,
    #[serde(flatten)]
    properties: service_prefixes::SentProperties,
}

/// Answers 200 when all of it would be done, else every rule that is broken; changes nothing.
pub(crate) async fn validate(call: Call) -> Answer {
    let asked: Asked = call.json()?;
    let prefixes = asked.prefixes.unwrap_or_default();
    let sent =
        Sent { location: asked.location, sku: asked.sku, tags: asked.tags, properties: asked.properties };
    let inventory = inventory(&call).await?;
    let mut tx = call.state.store.begin().await?;
    let provider = provider_of(&mut tx, &sent).await?;
    let mut v = Violations::default();
    let name = call.param("peering_service");
    let existing = peering_service_get(&mut tx, call.subscription(), call.resource_group(), name).await?;
    let created = existing.is_none();
    let service = match check(sent, &inventory, provider.as_ref(), existing.as_ref()) {
        Ok(spec) => match existing {
            Some(old) => {
                let moved = check_move(&mut tx, &old, &spec, provider.as_ref()).await;
                moved.map(|()| PeeringService { spec, ..old })
            }
            None => peering_service_insert(&mut tx, &new(&call, spec)).await.map_err(|e| call.refuse(e)),
        },
        Err(e) => Err(e),
    };
    let service = service.map_err(|e| take(&mut v, e, None)).ok();
    for (i, prefix) in prefixes.into_iter().enumerate() {
        let name = prefix.name.unwrap_or_default();
        if !is_resource_name(&name) {
            v.add("InvalidResourceName", format!("prefixes[{i}].name"), "use 1 to 63 of A-Z a-z 0-9 _ . -");
        }
        let outcome = match &service {
            Some(service) => {
                service_prefixes::try_put(&call, &mut tx, service, &name, prefix.properties).await
            }
            None => service_prefixes::check_syntax(&prefix.properties),
        };
        if let Err(e) = outcome {
            if e.status.is_server_error() {
                return Err(e);
            }
            take(&mut v, e, Some(i));
        }
    }
    drop(tx);
    v.into_result(())?;
    ok(json!({ "created": created }))
}

/// Takes over a refusal's violations; those of a prefix with its place among the prefixes.
fn take(v: &mut Violations, error: ApiError, prefix: Option<usize>) {
    let mut all = error.details;
    if all.is_empty() {
        all.push(Violation {
            code: error.code,
            message: error.message,
            target: error.target.unwrap_or_default(),
        });
    }
    for mut violation in all {
        if let Some(i) = prefix
            && let Some(field) = service_prefixes::field_of(&violation.target)
        {
            violation.target = format!("prefixes[{i}].{field}");
        }
        // What is wrong with the service is the same for each prefix.
        if !v.0.contains(&violation) {
            v.0.push(violation);
        }
    }
}
