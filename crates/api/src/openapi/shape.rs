//! What a version makes of an operation: whether it knows it, and the shape of its requests and
//! answers. Compiled once; the newest version costs nothing.

use super::compile::{Node, compile};
use super::differences::{Difference, What, all};
use super::{document, source};
use crate::arm::version::VERSIONS;
use crate::error::ApiError;
use crate::path::NAMESPACE;
use axum::http::Method;
use meetme_model::Violations;
use serde_json::{Value, json};
use std::sync::LazyLock;

/// What an api-version makes of an operation.
#[derive(Debug)]
pub(crate) enum Lookup {
    /// It doesn't know it; these do, oldest first.
    Unknown(&'static [&'static str]),
    /// Nothing differs from the newest shape.
    Newest,
    /// Something differs.
    Older(&'static Shape),
}

/// How an operation's requests and answers look in a version.
#[derive(Debug)]
pub(crate) struct Shape {
    version: &'static str,
    request: Option<Node>,
    response: Option<Node>,
    /// Query parameters that the version doesn't know.
    dropped: Vec<&'static str>,
    /// Values of query parameters that it doesn't know.
    values: Vec<(&'static str, &'static str, &'static Difference)>,
}

/// An operation in a version.
enum Known {
    No(Vec<&'static str>),
    Same,
    Older(Box<Shape>),
}

/// An operation with its shape in each of [`VERSIONS`].
struct Operation {
    method: Method,
    /// The path's words; `None` for a parameter.
    path: Vec<Option<String>>,
    versions: Vec<Known>,
}

static OPERATIONS: LazyLock<Vec<Operation>> = LazyLock::new(|| operations(&source::arm()));

/// Looks up what `version` makes of the route with this template. Routes that aren't in the document
/// are the same in all versions.
pub(crate) fn operation(version: &str, method: &Method, route_path: &str) -> Lookup {
    let newest = VERSIONS.len() - 1;
    let Some(index) = VERSIONS.iter().position(|v| v.eq_ignore_ascii_case(version)).filter(|i| *i < newest)
    else {
        return Lookup::Newest;
    };
    let found = OPERATIONS.iter().find(|o| o.method == *method && fits(&o.path, route_path));
    match found.map(|o| &o.versions[index]) {
        None | Some(Known::Same) => Lookup::Newest,
        Some(Known::No(versions)) => Lookup::Unknown(versions),
        Some(Known::Older(shape)) => Lookup::Older(shape),
    }
}

/// True when `version` knows a property of a schema: what it doesn't know its callers can't have left
/// out on purpose.
pub(crate) fn knows(version: &str, schema: &str, property: &str) -> bool {
    let version = version.to_ascii_lowercase();
    all().all(|d| match d.what {
        What::Property { schema: s, name } if s == schema && name == property => d.known_to(&version),
        // Such a row is about the older form.
        What::Reshaped(r) if r.schema == schema && r.newer == property => !d.known_to(&version),
        _ => true,
    })
}

/// True when `version` knows a value of a schema's property.
pub(crate) fn knows_value(version: &str, schema: &str, property: &str, value: &str) -> bool {
    let version = version.to_ascii_lowercase();
    all().all(|d| match d.what {
        What::EnumValue { schema: s, property: p, value: v, .. }
            if s == schema && p == property && v == value =>
        {
            d.known_to(&version)
        }
        _ => true,
    })
}

/// The api-versions that have a resource type (`peerings/registeredPrefixes`), newest first: those that
/// know an operation on it.
pub(crate) fn versions_of(resource_type: &str) -> Vec<&'static str> {
    let is_of_type = |operation: &&Operation| {
        let namespace = |word: &Option<String>| word.as_deref() == Some(NAMESPACE);
        let Some(at) = operation.path.iter().rposition(namespace) else { return false };
        let words: Vec<&str> = operation.path[at + 1..].iter().flatten().map(String::as_str).collect();
        words.join("/").eq_ignore_ascii_case(resource_type)
    };
    let on_it: Vec<&Operation> = OPERATIONS.iter().filter(is_of_type).collect();
    let known = |index: &usize| on_it.iter().any(|o| !matches!(o.versions[*index], Known::No(_)));
    (0..VERSIONS.len()).rev().filter(known).map(|index| VERSIONS[index]).collect()
}

/// A refusal's body as `version` knows it: the previews have code and message outside of `error`, too.
pub(crate) fn error(version: &str, mut body: Value) -> Value {
    let in_version = |what: What, name: &str| matches!(what, What::Property { schema: "ErrorResponse", name: n } if n == name);
    for name in ["code", "message"] {
        let known = all().any(|d| in_version(d.what, name) && d.known_to(&version.to_ascii_lowercase()));
        if let Some(value) = body["error"].get(name).filter(|_| known).cloned() {
            body[name] = value;
        }
    }
    body
}

impl Shape {
    /// A request's body in the newest shape. Values that the version doesn't know are refused, all
    /// at once, with their JSON path and the versions that know them.
    pub fn request(&self, mut body: Value) -> Result<Value, ApiError> {
        let mut v = Violations::default();
        if let Some(node) = &self.request {
            node.request(&mut body, "", self.version, &mut v);
        }
        Ok(v.into_result(body)?)
    }

    /// A request's query, without the parameters that the version doesn't know.
    pub fn query(&self, mut query: Vec<(String, String)>) -> Result<Vec<(String, String)>, ApiError> {
        query.retain(|(name, _)| !self.dropped.iter().any(|d| d.eq_ignore_ascii_case(name)));
        let mut v = Violations::default();
        for (name, value, difference) in &self.values {
            let given = |(n, given): &&(String, String)| {
                n.eq_ignore_ascii_case(name) && given.trim().eq_ignore_ascii_case(value)
            };
            if query.iter().any(|pair| given(&pair)) {
                let (version, versions) = (self.version, difference.versions());
                let message = format!("'{value}' isn't known to api-version {version}; {versions}");
                v.add("InvalidEnumValue", *name, message);
            }
        }
        Ok(v.into_result(query)?)
    }

    /// A request's body in the newest shape as the version's clients send it; `None` where the version
    /// has no words for it.
    pub(super) fn sent(&self, mut body: Value) -> Option<Value> {
        self.request(body.clone()).ok()?;
        if let Some(node) = &self.request {
            node.answer(&mut body);
        }
        Some(body)
    }

    /// A successful answer's body as the version knows it.
    pub fn response(&self, mut body: Value) -> Value {
        if let Some(node) = &self.response {
            node.answer(&mut body);
        }
        body
    }
}

/// The names of parameters don't matter, nor the case of words.
fn fits(path: &[Option<String>], template: &str) -> bool {
    let mut words = template.split('/').skip(1);
    path.iter().all(|word| match (word, words.next()) {
        (None, Some(given)) => given.starts_with('{'),
        (Some(word), Some(given)) => word.eq_ignore_ascii_case(given),
        (_, None) => false,
    }) && words.next().is_none()
}

fn operations(document: &Value) -> Vec<Operation> {
    let mut all = Vec::new();
    for (path, method, operation) in document::operations(document) {
        let Ok(method) = method.to_ascii_uppercase().parse() else { continue };
        let words = path.split('/').skip(1);
        all.push(Operation {
            method,
            path: words.map(|w| (!w.starts_with('{')).then(|| w.to_owned())).collect(),
            versions: VERSIONS.iter().map(|version| known(document, operation, version)).collect(),
        });
    }
    all
}

fn known(document: &Value, operation: &Value, version: &'static str) -> Known {
    let id = operation["operationId"].as_str().unwrap_or("");
    let own = all().find(|d| matches!(d.what, What::Operation(o) if o == id));
    if let Some(difference) = own.filter(|d| !d.known_to(version)) {
        return Known::No(VERSIONS.iter().copied().filter(|v| difference.known_to(v)).collect());
    }
    let shape = shape(document, operation, version);
    let same = shape.request.is_none()
        && shape.response.is_none()
        && shape.dropped.is_empty()
        && shape.values.is_empty();
    if same { Known::Same } else { Known::Older(Box::new(shape)) }
}

/// The shape of an operation of the whole document in a version.
pub(super) fn shape(document: &Value, operation: &Value, version: &'static str) -> Shape {
    let id = operation["operationId"].as_str().unwrap_or("");
    let schema = |body: &Value| body["content"]["application/json"]["schema"].clone();
    let sent = schema(&operation["requestBody"]);
    let answered = ["200", "201"].iter().map(|status| schema(&operation["responses"][*status]));
    let answered = answered.into_iter().find(|s| !s.is_null()).unwrap_or(json!({}));
    let mut shape = Shape {
        version,
        request: compile(document, &sent, version),
        response: compile(document, &answered, version),
        dropped: Vec::new(),
        values: Vec::new(),
    };
    for difference in all().filter(|d| !d.known_to(version)) {
        match difference.what {
            What::Query { operation, name } if operation == id => shape.dropped.push(name),
            What::QueryValue { operation, name, value } if operation == id => {
                shape.values.push((name, value, difference));
            }
            _ => {}
        }
    }
    shape
}
