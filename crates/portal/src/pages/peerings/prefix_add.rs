//! Registering a prefix, and saying what its subnet houses.

use super::at::At;
use super::frame::below;
use super::prefixes::{CLASSES, ENDPOINTS, KIND, TAB, may_register};
use super::seen::Seen;
use crate::error::PageError;
use crate::parts::faults::{Faults, told};
use crate::parts::form::{Field, form};
use crate::parts::message;
use crate::query::encode;
use crate::session::Context;
use axum::extract::{Form, Path};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde_json::{Value, json};

type Sent = Vec<(String, String)>;

/// Shows the form.
pub(super) async fn show(context: Context, Path(at): Path<At>) -> Result<Response, PageError> {
    let seen = Seen::of(&context, &at).await?;
    match may_register(&context, &at, &seen).await? {
        Ok(()) => Ok(page(&context, &at, &Sent::default(), &Faults::default())),
        Err(why) => Ok(below(
            &context,
            &at,
            TAB,
            KIND,
            "Add a registered prefix",
            html! {},
            message("info", html! { (why) }),
        )),
    }
}

/// Registers the prefix.
pub(super) async fn add(
    context: Context,
    Path(at): Path<At>,
    headers: HeaderMap,
    Form(sent): Form<Sent>,
) -> Result<Response, PageError> {
    let of = |name: &str| sent.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value.trim());
    let all = |name: &str| -> Vec<&str> {
        sent.iter().filter(|(n, _)| n == name).map(|(_, value)| value.as_str()).collect()
    };
    context.check_form(&headers, Some(of("_csrf")))?;
    let name = of("name");
    if name.is_empty() {
        let mut faults = Faults::default();
        faults.add("name", "Give the registration a name.");
        return Ok(page(&context, &at, &sent, &faults));
    }
    let body = json!({ "properties": {
        "prefix": of("prefix"), "trafficClasses": all("class"), "endpoints": all("endpoint") } });
    let condition = Some(("if-none-match", "*"));
    let answer = context.api.send_if(Method::PUT, &at.prefix(name), Some(&body), condition).await?;
    let status = answer.status;
    Ok(match answer.into_result() {
        Ok(_) => Redirect::to(&at.page(&format!("{}/{}", TAB.1, encode(name)))).into_response(),
        // The same form sent twice makes one.
        Err(_)
            if status == StatusCode::PRECONDITION_FAILED && is_same(&context, &at, name, &body).await? =>
        {
            Redirect::to(&at.page(&format!("{}/{}", TAB.1, encode(name)))).into_response()
        }
        Err(_) if status == StatusCode::PRECONDITION_FAILED => {
            let mut faults = Faults::default();
            faults.add("name", "There is a registration of this name already.");
            page(&context, &at, &sent, &faults)
        }
        Err(refusal) => page(&context, &at, &sent, &Faults::from(&refusal)),
    })
}

/// True when there is just what is asked for.
async fn is_same(context: &Context, at: &At, name: &str, asked: &Value) -> Result<bool, PageError> {
    let there = context.api.get(&at.prefix(name)).await?;
    let same = |property: &str| {
        let (there, asked) = (&there["properties"][property], &asked["properties"][property]);
        there == asked || (there.is_null() && *asked == json!([]))
    };
    Ok(["prefix", "trafficClasses", "endpoints"].into_iter().all(same))
}

fn page(context: &Context, at: &At, sent: &Sent, faults: &Faults) -> Response {
    let of = |name: &str| sent.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value);
    let name = faults.at("name").or(faults.at("registered_prefix"));
    let prefix = faults.at("properties.prefix");
    let others = faults.others(&["name", "registered_prefix", "properties.prefix"], &[]);
    let field = |name, label, hint, error| Field { name, label, hint, error, required: true };
    let name = field("name", "Name", "1 to 63 of A-Z a-z 0-9 _ . -", name);
    let hint = "Public address space of yours, exactly as you announce it, such as 203.0.113.0/24.";
    let prefix = field("prefix", "Prefix", hint, prefix);
    let content = html! {
        @if !others.is_empty() { (message("error", told(&others))) }
        (form(&context.viewer, &at.page("/registered-prefixes/add"), html! {
            (name.input("text", of("name"), "off"))
            (prefix.input("text", of("prefix"), "off"))
            (choices("class", "Class of traffic", &CLASSES, sent))
            (choices("endpoint", "Endpoints in it", &ENDPOINTS, sent))
            div.actions {
                button.primary type="submit" { "Add" }
                a.button href=(at.page(TAB.1)) { "Cancel" }
            }
        }))
    };
    below(context, at, TAB, KIND, "Add a registered prefix", html! {}, content)
}

fn choices(name: &str, title: &str, all: &[(&str, &str)], sent: &Sent) -> Markup {
    html! {
        fieldset.field {
            legend { (title) }
            @for (value, words) in all {
                @let id = format!("{name}-{value}");
                @let chosen = sent.iter().any(|(n, v)| n == name && v == value);
                div.check { input type="checkbox" id=(id) name=(name) value=(value) checked[chosen]; label for=(id) { (words) } }
            }
        }
    }
}
