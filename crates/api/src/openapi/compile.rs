//! From the document and the differences to what a version's shape takes out of a value.
//!
//! A [`Node`] has only what differs; a part of a schema that is the same in a version has none, so
//! that most of a value isn't looked at.

use super::differences::{Difference, What, all};
use meetme_model::Violations;
use serde_json::Value;

/// A property that had another name and form in older versions.
#[derive(Debug)]
pub(super) struct Reshape {
    pub schema: &'static str,
    /// Its name then, and now.
    pub older: &'static str,
    pub newer: &'static str,
    /// From the form then to that of now, and back.
    pub to_newer: fn(Value) -> Value,
    pub to_older: fn(Value) -> Value,
}

/// A value that a version doesn't know.
#[derive(Debug)]
struct Unknown {
    property: &'static str,
    value: &'static str,
    instead: Option<&'static str>,
    /// It can be sent, where a version knows it.
    sent: bool,
    difference: &'static Difference,
}

/// What to take out of a value.
#[derive(Debug, Default)]
pub(super) struct Node {
    dropped: Vec<&'static str>,
    values: Vec<Unknown>,
    reshaped: Vec<&'static Reshape>,
    properties: Vec<(String, Node)>,
    items: Option<Box<Node>>,
}

/// The node of a schema in a version; `None` where nothing differs.
pub(super) fn compile(document: &Value, schema: &Value, version: &str) -> Option<Node> {
    nested(document, schema, version, &mut Vec::new())
}

/// `within` has the names of the schemas that are being looked at, as some contain themselves.
fn collect<'a>(
    document: &'a Value,
    schema: &'a Value,
    version: &str,
    within: &mut Vec<&'a str>,
    node: &mut Node,
) {
    if let Some(name) = reference(schema) {
        if within.contains(&name) {
            return;
        }
        let target = &document["components"]["schemas"][name];
        own(target, name, version, node);
        within.push(name);
        collect(document, target, version, within, node);
        within.pop();
        return;
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        collect(document, part, version, within, node);
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(below) = nested(document, property, version, within) {
            node.properties.push((name.clone(), below));
        }
    }
    if let Some(below) = schema.get("items").and_then(|items| nested(document, items, version, within)) {
        node.items = Some(Box::new(below));
    }
}

fn nested<'a>(
    document: &'a Value,
    schema: &'a Value,
    version: &str,
    within: &mut Vec<&'a str>,
) -> Option<Node> {
    let mut below = Node::default();
    collect(document, schema, version, within, &mut below);
    let same = below.dropped.is_empty()
        && below.values.is_empty()
        && below.reshaped.is_empty()
        && below.properties.is_empty()
        && below.items.is_none();
    (!same).then_some(below)
}

/// What differs in the schema named `name` itself.
fn own(target: &Value, name: &str, version: &str, node: &mut Node) {
    for difference in all() {
        let known = difference.known_to(version);
        match difference.what {
            What::Property { schema, name: property } if schema == name && !known => {
                node.dropped.push(property);
            }
            What::EnumValue { schema, property, value, instead } if schema == name && !known => {
                let sent = target["properties"][property]["readOnly"] != true;
                node.values.push(Unknown { property, value, instead, sent, difference });
            }
            What::Reshaped(reshape) if reshape.schema == name && known => node.reshaped.push(reshape),
            _ => {}
        }
    }
}

/// The name of the component that a schema refers to.
pub(super) fn reference(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.strip_prefix("#/components/schemas/")
}

impl Node {
    /// An answer as the version knows it.
    pub fn answer(&self, value: &mut Value) {
        match value {
            Value::Object(members) => {
                for name in &self.dropped {
                    members.remove(*name);
                }
                for Unknown { property, value, instead, .. } in &self.values {
                    if members.get(*property).is_some_and(|v| v == value) {
                        match instead {
                            Some(instead) => members.insert((*property).to_owned(), (*instead).into()),
                            None => members.remove(*property),
                        };
                    }
                }
                for reshape in &self.reshaped {
                    if let Some(newer) = members.remove(reshape.newer) {
                        members.insert(reshape.older.to_owned(), (reshape.to_older)(newer));
                    }
                }
                for (name, below) in &self.properties {
                    if let Some(member) = members.get_mut(name) {
                        below.answer(member);
                    }
                }
            }
            Value::Array(all) => {
                if let Some(below) = &self.items {
                    all.iter_mut().for_each(|v| below.answer(v));
                }
            }
            Value::String(text) => {
                // The schema is itself an enumeration.
                let unknown = self.values.iter().find(|u| u.property.is_empty() && u.value == text);
                if let Some(instead) = unknown.and_then(|u| u.instead) {
                    instead.clone_into(text);
                }
            }
            _ => {}
        }
    }

    /// A request in the newest shape: what the version doesn't know is taken out, and values that
    /// it doesn't know are violations.
    pub fn request(&self, value: &mut Value, path: &str, version: &str, v: &mut Violations) {
        match value {
            Value::Object(members) => {
                for name in &self.dropped {
                    members.remove(*name);
                }
                for unknown in self.values.iter().filter(|u| u.sent) {
                    if members.get(unknown.property).is_some_and(|v| v == unknown.value) {
                        let target = join(path, unknown.property);
                        v.add("InvalidEnumValue", target, unknown_value(unknown, version));
                    }
                }
                for reshape in &self.reshaped {
                    members.remove(reshape.newer);
                    if let Some(older) = members.remove(reshape.older) {
                        members.insert(reshape.newer.to_owned(), (reshape.to_newer)(older));
                    }
                }
                for (name, below) in &self.properties {
                    if let Some(member) = members.get_mut(name) {
                        below.request(member, &join(path, name), version, v);
                    }
                }
            }
            Value::Array(all) => {
                if let Some(below) = &self.items {
                    for (i, member) in all.iter_mut().enumerate() {
                        below.request(member, &format!("{path}[{i}]"), version, v);
                    }
                }
            }
            _ => {}
        }
    }
}

fn unknown_value(unknown: &Unknown, version: &str) -> String {
    let (value, versions) = (unknown.value, unknown.difference.versions());
    format!("'{value}' isn't known to api-version {version}; {versions}")
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
