//! The newest shape, joined from its parts.
//!
//! A part is written in OpenAPI's words. What all operations have in common isn't repeated in it and
//! is added here: tags, the parameters in the path, the api-version, names of requests, the refusals
//! that anything can meet, and headers of answers. A `$ref` in an example stands for that example.

use serde_json::{Map, Value, json};

const COMMON: &str = include_str!("common.json");

const ARM: &[&str] = &[
    include_str!("arm/base.json"),
    include_str!("arm/peer_asns.json"),
    include_str!("arm/peerings.json"),
    include_str!("arm/connections.json"),
    include_str!("arm/registered_prefixes.json"),
    include_str!("arm/registered_asns.json"),
    include_str!("arm/received_routes.json"),
    include_str!("arm/peering_services.json"),
    include_str!("arm/prefixes.json"),
    include_str!("arm/connection_monitor_tests.json"),
    include_str!("arm/locations.json"),
    include_str!("arm/tools.json"),
    include_str!("arm/metrics.json"),
    include_str!("arm/resource_groups.json"),
    include_str!("arm/resource_manager.json"),
];

const OPERATOR: &[&str] = &[
    include_str!("operator/base.json"),
    include_str!("operator/decisions.json"),
    include_str!("operator/connections.json"),
    include_str!("operator/peering_parts.json"),
    include_str!("operator/requests.json"),
    include_str!("operator/checks.json"),
    include_str!("operator/overview.json"),
    include_str!("operator/network.json"),
    include_str!("operator/own.json"),
    include_str!("operator/places.json"),
];

/// Refusals that every operation can answer.
const REFUSALS: &[(&str, &str)] = &[
    ("400", "BadRequest"),
    ("401", "Unauthorized"),
    ("404", "NotFound"),
    ("414", "UriTooLong"),
    ("429", "TooManyRequests"),
    ("431", "HeadersTooLarge"),
    ("500", "InternalServerError"),
    ("503", "Unavailable"),
];

/// Those of operations that aren't there for reading only.
const REFUSALS_OF_WRITES: &[(&str, &str)] =
    &[("403", "Forbidden"), ("408", "TooSlow"), ("413", "TooLarge"), ("415", "UnsupportedMediaType")];

/// Those of operations that make, change or delete something: another change may get there first.
const REFUSALS_OF_CHANGES: &[(&str, &str)] = &[("409", "Conflict")];

/// Headers with which a caller names its requests.
const NAMES: &[&str] =
    &["x-ms-correlation-request-id", "x-ms-client-request-id", "x-ms-return-client-request-id"];

/// The whole ARM document, with everything that any version knows.
pub(super) fn arm() -> Value {
    joined(ARM, true)
}

/// The document of the operator and extension API.
pub(super) fn operator() -> Value {
    joined(OPERATOR, false)
}

fn joined(parts: &[&str], versioned: bool) -> Value {
    let mut whole = Map::new();
    for text in [COMMON].iter().chain(parts) {
        let mut part: Map<String, Value> =
            serde_json::from_str(text).expect("the parts are of the program, and tests read them all");
        complete(&mut part, versioned);
        merge(&mut whole, part);
    }
    let examples = whole.get_mut("components").and_then(|c| c.as_object_mut()?.remove("examples"));
    let mut whole = Value::Object(whole);
    fill_examples(&mut whole, &examples.unwrap_or_default());
    for (_, response) in objects(&mut whole["components"]["responses"]) {
        add_headers(response, &["x-ms-request-id", "x-ms-correlation-request-id"]);
    }
    whole
}

/// Joins objects and appends arrays; of anything else there is only one.
fn merge(whole: &mut Map<String, Value>, part: Map<String, Value>) {
    for (name, value) in part {
        match (whole.get_mut(&name), value) {
            (Some(Value::Object(old)), Value::Object(new)) => merge(old, new),
            (Some(Value::Array(old)), Value::Array(new)) => old.extend(new),
            (_, value) => {
                whole.insert(name, value);
            }
        }
    }
}

/// Adds to a part's operations what all have in common.
fn complete(part: &mut Map<String, Value>, versioned: bool) {
    let tag = part.get("tags").and_then(|tags| tags[0]["name"].as_str()).map(str::to_owned);
    let Some(paths) = part.get_mut("paths") else { return };
    for (path, item) in objects(paths) {
        let path = path.clone();
        for (method, operation) in objects(item) {
            let reads = matches!(method.as_str(), "get" | "head");
            operation["tags"] = json!([tag]);
            add_parameters(operation, &path, versioned);
            let changes = matches!(method.as_str(), "put" | "patch" | "delete");
            let refusals = REFUSALS.iter().chain(if reads { &[] } else { REFUSALS_OF_WRITES });
            let refusals = refusals.chain(if changes { REFUSALS_OF_CHANGES } else { &[] });
            let left = if reads { "reads" } else { "writes" };
            let left = format!("x-ms-ratelimit-remaining-subscription-{left}");
            for (_, response) in objects(&mut operation["responses"]) {
                if response.get("$ref").is_none() {
                    add_headers(response, &["x-ms-request-id", "x-ms-correlation-request-id", &left]);
                }
            }
            for (status, name) in refusals {
                let response = &mut operation["responses"][*status];
                if response.is_null() {
                    *response = json!({ "$ref": format!("#/components/responses/{name}") });
                }
            }
        }
    }
}

fn add_parameters(operation: &mut Value, path: &str, versioned: bool) {
    let reference = |name: &str| json!({ "$ref": format!("#/components/parameters/{name}") });
    let own = operation["parameters"].take();
    let own = own.as_array().map(Vec::as_slice).unwrap_or_default();
    let in_path = path.split('/').filter_map(|s| s.strip_prefix('{')?.strip_suffix('}'));
    let in_path = in_path.filter(|name| !own.iter().any(|p| p["in"] == "path" && p["name"] == *name));
    let mut all: Vec<Value> = in_path.map(reference).collect();
    let has_version =
        own.iter().any(|p| p["$ref"].as_str().is_some_and(|target| target.ends_with("api-version")));
    if versioned && !has_version {
        all.push(reference("api-version"));
    }
    all.extend(own.iter().cloned());
    all.extend(NAMES.iter().map(|name| reference(name)));
    operation["parameters"] = Value::Array(all);
}

fn add_headers(response: &mut Value, names: &[&str]) {
    for name in names {
        response["headers"][*name] = json!({ "$ref": format!("#/components/headers/{name}") });
    }
}

/// Puts in examples that are named by a `$ref`.
fn fill_examples(value: &mut Value, examples: &Value) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(|v| fill_examples(v, examples)),
        Value::Object(all) => {
            let named = all.get("$ref").and_then(Value::as_str);
            let named = named.and_then(|target| target.strip_prefix("#/components/examples/"));
            if let Some(name) = named {
                *value = examples[name]["value"].clone();
            } else {
                all.values_mut().for_each(|v| fill_examples(v, examples));
            }
        }
        _ => {}
    }
}

/// The members of an object; none of anything else.
pub(super) fn objects(value: &mut Value) -> impl Iterator<Item = (&String, &mut Value)> {
    value.as_object_mut().into_iter().flatten()
}
