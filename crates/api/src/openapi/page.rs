//! The reference page: a document as HTML, made on the server, readable without a script.
//!
//! Only what the document says is on it, every text escaped. The script shows a filter and nothing
//! else; style and script have addresses of their own, as the page's policy asks.

mod schema;
mod text;

use super::document::{self, operations};
use axum::body::Bytes;
use serde_json::Value;
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::{LazyLock, Mutex, PoisonError};
use text::{escape, paragraph};

/// The page's style.
pub(super) const STYLE: &str = include_str!("page/style.css");
/// The page's script.
pub(super) const SCRIPT: &str = include_str!("page/filter.js");

/// The page of a document, by its name; made at the first question and kept.
pub(super) fn of(name: &str) -> Option<Bytes> {
    static MADE: LazyLock<Mutex<HashMap<&'static str, Bytes>>> = LazyLock::new(Mutex::default);
    let document = document::all().find(name)?;
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    Some(
        made.entry(&document.name)
            .or_insert_with(|| render(&document.name, &document.value()).into())
            .clone(),
    )
}

/// The whole page.
fn render(name: &str, value: &Value) -> String {
    let title = escape(value["info"]["title"].as_str().unwrap_or(""));
    let version = escape(value["info"]["version"].as_str().unwrap_or(""));
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title} {version}</title><link rel=\"icon\" href=\"data:,\">\
         <link rel=\"stylesheet\" href=\"/reference/style.css\">\
         <script src=\"/reference/filter.js\" defer></script></head><body>\
         <a class=\"skip\" href=\"#content\">To the operations</a><header><h1>{title} <span>{version}</span></h1>"
    );
    versions(&mut out, name);
    out.push_str("</header><div class=\"frame\">");
    navigation(&mut out, value);
    out.push_str("<main id=\"content\">");
    introduction(&mut out, name, value);
    for tag in value["tags"].as_array().into_iter().flatten() {
        group(&mut out, value, tag);
    }
    out.push_str("</main></div></body></html>\n");
    out
}

/// The other documents, to choose from.
fn versions(out: &mut String, shown: &str) {
    out.push_str("<nav class=\"versions\" aria-label=\"Versions\">");
    for document in &document::all().list {
        let current = if document.name == shown { " aria-current=\"page\"" } else { "" };
        let (api, version) = document.name.split_once('/').unwrap_or((&document.name, ""));
        let label = if api == "arm" { version.to_owned() } else { format!("{api} {version}") };
        let _ =
            write!(out, "<a href=\"/reference/{}\"{current}>{}</a>", escape(&document.name), escape(&label));
    }
    out.push_str("</nav>");
}

/// A tag's operations, reading before writing and that before deleting.
fn of_tag<'a>(value: &'a Value, tag: &str) -> Vec<(&'a str, &'a str, &'a Value)> {
    let mut all: Vec<_> = operations(value).filter(|(_, _, o)| o["tags"][0] == tag).collect();
    let order = ["get", "head", "put", "patch", "post", "delete"];
    all.sort_by_key(|(path, method, _)| (*path, order.iter().position(|m| m == method)));
    all
}

fn navigation(out: &mut String, value: &Value) {
    out.push_str(
        "<nav class=\"operations\" aria-label=\"Operations\"><details open><summary>Operations</summary>",
    );
    for tag in value["tags"].as_array().into_iter().flatten() {
        let name = tag["name"].as_str().unwrap_or("");
        let _ = write!(out, "<h2><a href=\"#{}\">{}</a></h2><ul>", anchor(name), escape(name));
        for (_, method, operation) in of_tag(value, name) {
            let _ = write!(
                out,
                "<li><a href=\"#{}\">{} {}</a></li>",
                anchor(operation["operationId"].as_str().unwrap_or("")),
                badge(method),
                escape(operation["summary"].as_str().unwrap_or(""))
            );
        }
        out.push_str("</ul>");
    }
    out.push_str("</details></nav>");
}

fn introduction(out: &mut String, name: &str, value: &Value) {
    paragraph(out, &value["info"]["description"]);
    let _ = write!(out, "<p><a href=\"/openapi/{}.json\">This document as OpenAPI</a></p>", escape(name));
    paragraph(out, &value["components"]["securitySchemes"]["token"]["description"]);
    out.push_str("<details><summary>Headers that every request may have</summary>");
    let all = value["components"]["parameters"].as_object().into_iter().flatten().map(|(_, p)| p);
    parameter_table(out, all.filter(|p| names_request(p)));
    out.push_str("</details><details><summary>What every refusal looks like</summary>");
    schema::table(out, value, &value["components"]["schemas"]["ErrorResponse"]);
    out.push_str("</details>");
}

fn group(out: &mut String, value: &Value, tag: &Value) {
    let name = tag["name"].as_str().unwrap_or("");
    let _ = write!(out, "<section id=\"{}\"><h2>{}</h2>", anchor(name), escape(name));
    paragraph(out, &tag["description"]);
    for (path, method, operation) in of_tag(value, name) {
        show(out, value, path, method, operation);
    }
    out.push_str("</section>");
}

fn show(out: &mut String, value: &Value, path: &str, method: &str, operation: &Value) {
    let id = operation["operationId"].as_str().unwrap_or("");
    let _ = write!(
        out,
        "<article id=\"{0}\"><h3><a href=\"#{0}\">{1}</a></h3><p class=\"path\">{2} <code>{3}</code></p>",
        anchor(id),
        escape(operation["summary"].as_str().unwrap_or(id)),
        badge(method),
        text::breakable(path)
    );
    paragraph(out, &operation["description"]);
    let _ = write!(out, "<p class=\"id\">Operation <code>{}</code></p>", escape(id));
    parameters(out, value, operation);
    if let Some(media) = operation.pointer("/requestBody/content/application~1json") {
        out.push_str("<h4>Body</h4>");
        body(out, value, media);
    }
    responses(out, value, operation);
    out.push_str("</article>");
}

fn parameters(out: &mut String, value: &Value, operation: &Value) {
    let all = operation["parameters"].as_array().into_iter().flatten();
    let mut all = all.map(|p| resolved(value, p)).filter(|p| !names_request(p)).peekable();
    if all.peek().is_some() {
        out.push_str("<h4>Parameters</h4>");
        parameter_table(out, all);
    }
}

/// The headers with which a caller names its requests: told once, in the introduction.
fn names_request(parameter: &Value) -> bool {
    parameter["in"] == "header" && parameter["name"].as_str().is_some_and(|n| n.starts_with("x-ms-"))
}

fn parameter_table<'a>(out: &mut String, all: impl Iterator<Item = &'a Value>) {
    out.push_str("<div class=\"wide\"><table><thead><tr><th>Name</th><th>In</th><th>Type</th><th>Meaning</th></tr></thead><tbody>");
    for parameter in all {
        let required = if parameter["required"] == true { " <b>required</b>" } else { "" };
        let _ = write!(
            out,
            "<tr><td><code>{}</code>{required}</td><td>{}</td><td>{}</td><td>",
            escape(parameter["name"].as_str().unwrap_or("")),
            escape(parameter["in"].as_str().unwrap_or("")),
            schema::kind(&parameter["schema"])
        );
        paragraph(out, &parameter["description"]);
        schema::limits(out, &parameter["schema"]);
        out.push_str("</td></tr>");
    }
    out.push_str("</tbody></table></div>");
}

fn body(out: &mut String, value: &Value, media: &Value) {
    let schema = &media["schema"];
    let name = super::compile::reference(schema).unwrap_or("Properties");
    let _ = write!(out, "<details><summary><code>{}</code></summary>", escape(name));
    schema::table(out, value, schema);
    out.push_str("</details>");
    if let Some(example) = media.get("example") {
        let pretty = serde_json::to_string_pretty(example).unwrap_or_default();
        let _ = write!(
            out,
            "<details><summary>Example</summary><pre tabindex=\"0\">{}</pre></details>",
            escape(&pretty)
        );
    }
}

fn responses(out: &mut String, value: &Value, operation: &Value) {
    out.push_str("<h4>Answers</h4><dl>");
    let mut refusals = Vec::new();
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        let response = resolved(value, response);
        let description = response["description"].as_str().unwrap_or("");
        if status.as_str() >= "400" {
            refusals.push((status, response));
            continue;
        }
        let _ = write!(
            out,
            "<dt><span class=\"status\">{}</span> {}</dt><dd>",
            escape(status),
            escape(description)
        );
        if let Some(media) = response.pointer("/content/application~1json") {
            body(out, value, media);
        }
        out.push_str("</dd>");
    }
    out.push_str("</dl>");
    if refusals.is_empty() {
        return;
    }
    out.push_str("<details><summary>Refusals: ");
    let list: Vec<String> = refusals.iter().map(|(status, _)| escape(status)).collect();
    let _ = write!(out, "{}</summary><dl>", list.join(", "));
    for (status, response) in refusals {
        let _ = write!(
            out,
            "<dt><span class=\"status refusal\">{}</span> {}</dt>",
            escape(status),
            escape(response["description"].as_str().unwrap_or(""))
        );
        let example =
            response.pointer("/content/application~1json/example/error/code").and_then(Value::as_str);
        if let Some(code) = example {
            let _ = write!(out, "<dd>For example <code>{}</code></dd>", escape(code));
        }
    }
    out.push_str("</dl></details>");
}

/// What a `$ref` stands for.
fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let target = value["$ref"].as_str().and_then(|target| document.pointer(target.strip_prefix('#')?));
    target.unwrap_or(value)
}

fn badge(method: &str) -> String {
    let method = escape(method);
    format!("<span class=\"method {method}\">{}</span>", method.to_ascii_uppercase())
}

/// A name as it may stand in an anchor.
fn anchor(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Adds what isn't a tag, an attribute or an entity to every text.
    fn spoil(value: &mut Value) {
        match value {
            Value::String(text) if !text.starts_with('#') => text.push_str("<i id=\"x\">&'"),
            Value::Array(all) => all.iter_mut().for_each(spoil),
            Value::Object(all) => all
                .iter_mut()
                .filter(|(name, _)| !["type", "in", "operationId", "tags"].contains(&name.as_str()))
                .for_each(|(_, v)| spoil(v)),
            _ => {}
        }
    }

    #[test]
    fn all_text_is_escaped() {
        let found = document::all().find(document::newest()).unwrap();
        let mut value = found.value();
        let tags = value["tags"].clone();
        spoil(&mut value);
        value["tags"] = tags;
        let page = render(&found.name, &value);
        assert!(!page.contains("<i") && !page.contains("&'"), "a text became markup");
        assert!(page.matches("&lt;i id=&quot;x&quot;&gt;&amp;&#39;").count() > 1000);
    }
}
