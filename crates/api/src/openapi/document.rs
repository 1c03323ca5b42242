//! The document of each version: the whole, without what the version doesn't know. Made once, at
//! the first question.

use super::differences::{What, all as differences};
use super::shape::shape;
use super::source;
use crate::arm::version::VERSIONS;
use axum::body::Bytes;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// A document.
pub(super) struct Document {
    /// `arm/2025-05-01` or `operator/v1`.
    pub name: String,
    /// As it is sent. Only this is kept: taken apart it is ten times as large.
    pub json: Bytes,
}

impl Document {
    /// The document, taken apart.
    pub fn value(&self) -> Value {
        serde_json::from_slice(&self.json).unwrap_or_default()
    }
}

/// All documents.
pub(super) struct Documents {
    pub list: Vec<Document>,
    /// Which there are, as it is sent.
    pub index: Bytes,
}

static ALL: LazyLock<Documents> = LazyLock::new(Documents::make);

/// All documents.
pub(super) fn all() -> &'static Documents {
    &ALL
}

/// Name of the newest ARM document.
pub(super) fn newest() -> &'static str {
    static NAME: LazyLock<String> = LazyLock::new(|| format!("arm/{}", VERSIONS[VERSIONS.len() - 1]));
    &NAME
}

impl Documents {
    fn make() -> Self {
        let whole = source::arm();
        let arm = VERSIONS.iter().rev().map(|version| (format!("arm/{version}"), of(&whole, version)));
        let operator = [("operator/v1".to_owned(), source::operator())];
        let (mut list, mut index) = (Vec::new(), Vec::new());
        for (name, value) in arm.chain(operator) {
            index.push(json!({
                "title": value["info"]["title"],
                "version": value["info"]["version"],
                "document": format!("/openapi/{name}.json"),
                "reference": format!("/reference/{name}"),
            }));
            list.push(Document { name, json: value.to_string().into() });
        }
        let index = json!({ "documents": index }).to_string().into();
        Self { list, index }
    }

    /// The document of that name, in any case.
    pub fn find(&self, name: &str) -> Option<&Document> {
        self.list.iter().find(|d| d.name.eq_ignore_ascii_case(name))
    }
}

/// Every operation of a document as path, method and operation.
pub(super) fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths.flat_map(|(path, item)| {
        let methods = item.as_object().into_iter().flatten();
        methods.map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    })
}

/// The document of an api-version.
fn of(whole: &Value, version: &'static str) -> Value {
    let mut document = whole.clone();
    document["info"]["version"] = version.into();
    for (name, parameter) in source::objects(&mut document["components"]["parameters"]) {
        if name.ends_with("api-version") {
            parameter["example"] = version.into();
        }
        if name == "api-version" {
            parameter["schema"]["enum"] = json!([version]);
        }
    }
    show_examples(whole, &mut document, version);
    for difference in differences().filter(|d| !d.known_to(version)) {
        remove(&mut document, difference.what);
    }
    for difference in differences().filter(|d| d.known_to(version)) {
        if let What::Reshaped(reshape) = difference.what {
            forget(&mut document["components"]["schemas"][reshape.schema]["properties"], reshape.newer);
        }
    }
    remove_unused(&mut document);
    document
}

/// Takes out what a version doesn't know.
fn remove(document: &mut Value, what: What) {
    match what {
        What::Operation(id) => {
            for (_, item) in source::objects(&mut document["paths"]) {
                if let Some(methods) = item.as_object_mut() {
                    methods.retain(|_, operation| operation["operationId"] != id);
                }
            }
            if let Some(paths) = document["paths"].as_object_mut() {
                paths.retain(|_, item| item.as_object().is_some_and(|methods| !methods.is_empty()));
            }
        }
        What::Query { operation, name } => {
            if let Some(all) = parameters(document, operation) {
                all.retain(|p| p["name"] != name);
            }
        }
        What::QueryValue { operation, name, value } => {
            let all = parameters(document, operation).into_iter().flatten();
            for parameter in all.filter(|p| p["name"] == name) {
                without(&mut parameter["schema"]["enum"], value);
            }
        }
        What::Property { schema, name } => {
            forget(&mut document["components"]["schemas"][schema]["properties"], name);
        }
        What::EnumValue { schema, property, value, .. } => {
            let schema = &mut document["components"]["schemas"][schema];
            let holder = if property.is_empty() { schema } else { &mut schema["properties"][property] };
            without(&mut holder["enum"], value);
        }
        What::ReadOnly { schema, property } => {
            forget(&mut document["components"]["schemas"][schema]["properties"][property], "readOnly");
        }
        What::Reshaped(reshape) => {
            forget(&mut document["components"]["schemas"][reshape.schema]["properties"], reshape.older);
        }
    }
}

fn parameters<'a>(document: &'a mut Value, operation: &str) -> Option<&'a mut Vec<Value>> {
    let all = source::objects(&mut document["paths"]).flat_map(|(_, item)| source::objects(item));
    let mut all = all.map(|(_, o)| o).filter(|o| o["operationId"] == operation);
    all.next()?["parameters"].as_array_mut()
}

fn forget(object: &mut Value, name: &str) {
    if let Some(members) = object.as_object_mut() {
        members.remove(name);
    }
}

fn without(list: &mut Value, value: &str) {
    if let Some(all) = list.as_array_mut() {
        all.retain(|v| v != value);
    }
}

/// Gives examples the version's shape. A request that the version would refuse is no example.
fn show_examples(whole: &Value, document: &mut Value, version: &'static str) {
    for (path, item) in source::objects(&mut document["paths"]) {
        for (method, operation) in source::objects(item) {
            let shape = shape(whole, &whole["paths"][path][method], version);
            for (_, response) in source::objects(&mut operation["responses"]) {
                if let Some(example) = response.pointer_mut("/content/application~1json/example") {
                    *example = shape.response(example.take());
                }
            }
            let Some(media) = operation.pointer_mut("/requestBody/content/application~1json") else {
                continue;
            };
            match shape.sent(media["example"].clone()) {
                Some(example) => media["example"] = example,
                None => forget(media, "example"),
            }
        }
    }
}

/// Removes schemas that nothing refers to any more, and tags without operations.
fn remove_unused(document: &mut Value) {
    let mut used = BTreeSet::new();
    let mut open = Vec::new();
    references(&document["paths"], &mut open);
    references(&document["components"]["responses"], &mut open);
    while let Some(name) = open.pop() {
        references(&document["components"]["schemas"][&name], &mut open);
        used.insert(name.clone());
        open.retain(|n| !used.contains(n));
    }
    if let Some(schemas) = document["components"]["schemas"].as_object_mut() {
        schemas.retain(|name, _| used.contains(name));
    }
    let tags: BTreeSet<String> = operations(document)
        .filter_map(|(_, _, operation)| operation["tags"][0].as_str().map(str::to_owned))
        .collect();
    if let Some(all) = document["tags"].as_array_mut() {
        all.retain(|tag| tag["name"].as_str().is_some_and(|name| tags.contains(name)));
    }
}

fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Array(all) => all.iter().for_each(|v| references(v, found)),
        Value::Object(all) => {
            found.extend(super::compile::reference(value).map(str::to_owned));
            all.values().for_each(|v| references(v, found));
        }
        _ => {}
    }
}
