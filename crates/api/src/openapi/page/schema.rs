//! Schemas as tables: a row for each property, what is inside of one unfolds below it.

use super::resolved;
use super::text::{escape, paragraph};
use serde_json::Value;
use std::fmt::Write;

/// The table of a schema's properties.
pub(super) fn table(out: &mut String, document: &Value, schema: &Value) {
    nested(out, document, schema, &mut Vec::new());
}

/// `within` has the schemas that unfold around this one, as some contain themselves.
fn nested<'a>(out: &mut String, document: &'a Value, schema: &'a Value, within: &mut Vec<&'a Value>) {
    let schema = resolved(document, items(document, schema));
    let (mut rows, mut required) = (Vec::new(), Vec::new());
    flatten(document, schema, &mut rows, &mut required);
    if rows.is_empty() || within.iter().any(|outer| std::ptr::eq(*outer, schema)) {
        paragraph(out, &schema["description"]);
        limits(out, schema);
        return;
    }
    within.push(schema);
    out.push_str("<div class=\"wide\"><table><thead><tr><th>Property</th><th>Type</th><th>Meaning</th></tr></thead><tbody>");
    for (name, property) in rows {
        let (effective, marks) = (effective(document, property), marks(property, required.contains(&name)));
        let _ = write!(
            out,
            "<tr><td><code>{}</code>{marks}</td><td>{}</td><td>",
            escape(name),
            kind_of(document, effective)
        );
        let own = if property["description"].is_null() { effective } else { property };
        paragraph(out, &own["description"]);
        limits(out, items(document, effective));
        out.push_str("</td></tr>");
        if has_properties(document, effective) {
            let _ = write!(
                out,
                "<tr><td colspan=\"3\"><details><summary>Inside <code>{}</code></summary>",
                escape(name)
            );
            nested(out, document, effective, within);
            out.push_str("</details></td></tr>");
        }
    }
    out.push_str("</tbody></table></div>");
    within.pop();
}

/// The properties of a schema with those of its parts.
fn flatten<'a>(
    document: &'a Value,
    schema: &'a Value,
    rows: &mut Vec<(&'a str, &'a Value)>,
    required: &mut Vec<&'a str>,
) {
    let schema = resolved(document, schema);
    for part in schema["allOf"].as_array().into_iter().flatten() {
        flatten(document, part, rows, required);
    }
    required.extend(schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str));
    rows.extend(schema["properties"].as_object().into_iter().flatten().map(|(n, p)| (n.as_str(), p)));
}

/// The schema behind a reference, also one that has a description beside it.
fn effective<'a>(document: &'a Value, property: &'a Value) -> &'a Value {
    match property["allOf"].as_array().map(Vec::as_slice) {
        Some([only]) if property.get("properties").is_none() => resolved(document, only),
        _ => resolved(document, property),
    }
}

/// The schema of a list's members; of anything else itself.
fn items<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    schema.get("items").map_or(schema, |items| effective(document, items))
}

fn has_properties(document: &Value, schema: &Value) -> bool {
    let schema = items(document, schema);
    schema.get("properties").is_some() || schema.get("allOf").is_some()
}

fn marks(property: &Value, required: bool) -> String {
    let mut marks = String::new();
    for (is, mark) in [
        (required, "required"),
        (property["readOnly"] == true, "read-only"),
        (property["writeOnly"] == true, "write-only"),
        (property["x-extension"] == true, "extension"),
    ] {
        if is {
            let _ = write!(marks, " <b>{mark}</b>");
        }
    }
    marks
}

/// The type in a word, a list's with that of its members.
fn kind_of(document: &Value, schema: &Value) -> String {
    match schema["type"].as_str() {
        Some("array") => format!("array of {}", kind(items(document, schema))),
        _ => kind(schema),
    }
}

/// The type in a word.
pub(super) fn kind(schema: &Value) -> String {
    let kind =
        schema["type"].as_str().unwrap_or(if schema.get("allOf").is_some() { "object" } else { "any" });
    let format = schema["format"].as_str().map(|f| format!(" ({f})")).unwrap_or_default();
    escape(&format!("{kind}{format}"))
}

/// The values and the range of a schema.
pub(super) fn limits(out: &mut String, schema: &Value) {
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<String> =
            values.iter().map(|v| format!("<code>{}</code>", escape(v.as_str().unwrap_or("")))).collect();
        let _ = write!(out, "<p class=\"values\">{}</p>", values.join(" "));
    }
    let mut told = Vec::new();
    for (name, words) in [
        ("minimum", "at least"),
        ("maximum", "at most"),
        ("maxLength", "length at most"),
        ("maxProperties", "members at most"),
    ] {
        if let Some(limit) = schema.get(name) {
            told.push(format!("{words} {limit}"));
        }
    }
    if let Some(pattern) = schema["pattern"].as_str() {
        told.push(format!("pattern <code>{}</code>", escape(pattern)));
    }
    if !told.is_empty() {
        let _ = write!(out, "<p class=\"values\">{}</p>", told.join(", "));
    }
}
