//! Holds a value against a schema of a document, and an answer against what the document says of its
//! operation. For tests: what the document doesn't know of an answer is a fault as well.

use super::document;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Which way a value goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Sent to the API: read-only properties aren't asked for.
    Request,
    /// Answered: write-only properties stay away.
    Response,
}

/// A document by its name, which tests ask for again and again.
pub(crate) fn taken_apart(name: &str) -> Option<&'static Value> {
    static ALL: LazyLock<Vec<(&str, Value)>> =
        LazyLock::new(|| document::all().list.iter().map(|d| (d.name.as_str(), d.value())).collect());
    ALL.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// What is wrong with `value`, each with its JSON path; empty when it fits.
pub(crate) fn check(document: &Value, schema: &Value, value: &Value, way: Way) -> Vec<String> {
    let mut found = Vec::new();
    Check { document, way, found: &mut found }.any(schema, value, "$");
    found
}

/// What is wrong with an answer, by the document of its api-version or of `/api/v1`: a status or a body
/// that it doesn't know, and anything but a refusal of what isn't in it.
pub(crate) fn check_answer(method: &str, path: &str, status: u16, body: &Value) -> Vec<String> {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let path = &crate::path::canonical(path);
    let own =
        ["/subscriptions", "/providers", "/tenants", "/api/"].iter().any(|start| starts_with(path, start));
    if !own {
        return Vec::new();
    }
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let asked = pairs.find(|(name, _)| name.eq_ignore_ascii_case("api-version")).map(|(_, value)| value);
    let of_version = asked.and_then(|version| taken_apart(&format!("arm/{version}")));
    let newest = || taken_apart(document::newest());
    let operator = taken_apart("operator/v1").filter(|_| starts_with(path, "/api/"));
    let document = operator.or(of_version).or_else(newest).unwrap();
    // HEAD goes wherever GET does, and its answers have no body.
    if method == "HEAD" && find(document, "GET", path).is_some() {
        return Vec::new();
    }
    match find(document, method, path) {
        Some(operation) => check_operation_answer(document, operation, status, body),
        None if status >= 400 => {
            check(document, &document["components"]["schemas"]["ErrorResponse"], body, Way::Response)
        }
        None => vec![format!("{method} {path} isn't in the document, and was answered {status}")],
    }
}

fn starts_with(path: &str, start: &str) -> bool {
    path.get(..start.len()).is_some_and(|p| p.eq_ignore_ascii_case(start))
}

/// What is wrong with an answer of an operation.
pub(crate) fn check_operation_answer(
    document: &Value,
    operation: &Value,
    status: u16,
    body: &Value,
) -> Vec<String> {
    let id = operation["operationId"].as_str().unwrap_or("?");
    let Some(response) = operation["responses"].get(status.to_string()) else {
        return vec![format!("{id} doesn't know status {status}: {body}")];
    };
    let response = resolved(document, response);
    let told = match response.pointer("/content/application~1json/schema") {
        Some(schema) => check(document, schema, body, Way::Response),
        None if body.is_null() => Vec::new(),
        None => vec![format!("has a body: {body}")],
    };
    told.into_iter().map(|fault| format!("{id} {status}: {fault}")).collect()
}

/// The operation of a path, the words of which may have any case.
fn find<'a>(document: &'a Value, method: &str, path: &str) -> Option<&'a Value> {
    let fits = |template: &str| {
        let (words, given) = (template.split('/'), path.split('/'));
        template.split('/').count() == path.split('/').count()
            && words.zip(given).all(|(w, g)| w.starts_with('{') || w.eq_ignore_ascii_case(g))
    };
    let mut all = document::operations(document);
    all.find(|(p, m, _)| m.eq_ignore_ascii_case(method) && fits(p)).map(|(_, _, operation)| operation)
}

/// What a `$ref` stands for.
pub(crate) fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(target) => document.pointer(target.strip_prefix('#').unwrap()).unwrap_or(&Value::Null),
        None => value,
    }
}

struct Check<'a> {
    document: &'a Value,
    way: Way,
    found: &'a mut Vec<String>,
}

/// What all parts of an object's schema ask together.
#[derive(Default)]
struct Object<'a> {
    properties: BTreeMap<&'a str, &'a Value>,
    required: Vec<&'a str>,
    additional: Option<&'a Value>,
}

impl<'a> Check<'a> {
    fn fault(&mut self, path: &str, what: impl std::fmt::Display) {
        self.found.push(format!("{path}: {what}"));
    }

    fn any(&mut self, schema: &'a Value, value: &Value, path: &str) {
        let schema = resolved(self.document, schema);
        if value.is_null() && schema["nullable"] == true {
            return;
        }
        let Some(kind) = self.kind(schema) else { return };
        let fits = match kind {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "boolean" => value.is_boolean(),
            other => panic!("{path}: {other} is no type"),
        };
        if !fits {
            return self.fault(path, format_args!("{value} is no {kind}"));
        }
        self.limits(schema, value, path);
        match value {
            Value::Object(_) => self.object(schema, value, path),
            Value::Array(all) => {
                for (i, member) in all.iter().enumerate() {
                    self.any(&schema["items"], member, &format!("{path}[{i}]"));
                }
            }
            _ => {}
        }
    }

    /// The type of a schema, or of its parts.
    fn kind(&self, schema: &'a Value) -> Option<&'a str> {
        let of_part = |part| self.kind(resolved(self.document, part));
        schema["type"].as_str().or_else(|| schema["allOf"].as_array()?.iter().find_map(of_part))
    }

    fn limits(&mut self, schema: &'a Value, value: &Value, path: &str) {
        for part in schema["allOf"].as_array().into_iter().flatten() {
            self.limits(resolved(self.document, part), value, path);
        }
        if let Some(values) = schema["enum"].as_array()
            && !values.contains(value)
        {
            self.fault(path, format_args!("{value} isn't one of {values:?}"));
        }
        let number = value.as_f64();
        for (limit, broken) in [
            ("minimum", number.zip(schema["minimum"].as_f64()).is_some_and(|(n, l)| n < l)),
            ("maximum", number.zip(schema["maximum"].as_f64()).is_some_and(|(n, l)| n > l)),
            ("maxLength", longer(value.as_str().map(str::len), &schema["maxLength"])),
            ("maxProperties", longer(value.as_object().map(serde_json::Map::len), &schema["maxProperties"])),
        ] {
            if broken {
                self.fault(path, format_args!("{value} breaks {limit} {}", schema[limit]));
            }
        }
    }

    fn object(&mut self, schema: &'a Value, value: &Value, path: &str) {
        let mut whole = Object::default();
        self.flatten(schema, &mut whole);
        let members = value.as_object().unwrap();
        for name in &whole.required {
            let asked = self.way == Way::Response || whole.properties[name]["readOnly"] != true;
            if asked && !members.contains_key(*name) {
                self.fault(path, format_args!("{name} is missing"));
            }
        }
        let open = whole.properties.is_empty();
        for (name, member) in members {
            let below = format!("{path}.{name}");
            match (whole.properties.get(name.as_str()), whole.additional) {
                (Some(property), _) => {
                    if self.way == Way::Response && property["writeOnly"] == true {
                        self.fault(&below, "is write-only");
                    }
                    self.any(property, member, &below);
                }
                (None, Some(schema)) => self.any(schema, member, &below),
                (None, None) if open => {}
                (None, None) => self.fault(&below, "isn't in the document"),
            }
        }
    }

    fn flatten(&self, schema: &'a Value, whole: &mut Object<'a>) {
        let schema = resolved(self.document, schema);
        for part in schema["allOf"].as_array().into_iter().flatten() {
            self.flatten(part, whole);
        }
        let properties = schema["properties"].as_object().into_iter().flatten();
        whole.properties.extend(properties.map(|(name, property)| (name.as_str(), property)));
        whole.required.extend(schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str));
        whole.additional = whole.additional.or(schema.get("additionalProperties").filter(|a| a.is_object()));
    }
}

fn longer(length: Option<usize>, limit: &Value) -> bool {
    length.zip(limit.as_u64()).is_some_and(|(length, limit)| length as u64 > limit)
}
