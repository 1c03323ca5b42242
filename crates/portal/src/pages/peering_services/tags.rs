//! Tags of a service.

use super::{Service, refused};
use crate::error::PageError;
use crate::parts::faults::Faults;
use crate::parts::form::{Field, default_button, form as post_form, row_button};
use crate::parts::typed::Typed;
use crate::parts::version::{Version, changed_by};
use crate::session::Context;
use axum::extract::Path;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde_json::{Map, Value, json};

const ROWS: &str = "tag";

/// Shows the tags.
pub(super) async fn form(context: Context, Path(service): Path<Service>) -> Result<Response, PageError> {
    let (there, version) = service.read_version(&context).await?;
    let mut typed = Typed::default();
    for (row, (name, value)) in there["tags"].as_object().into_iter().flatten().enumerate() {
        typed.set(&format!("{ROWS}-{row}-name"), name);
        typed.set(&format!("{ROWS}-{row}-value"), value.as_str().unwrap_or(""));
    }
    Ok(page(&context, &service, &typed, &version, &Faults::default()))
}

/// Saves them.
pub(super) async fn save(
    context: Context,
    Path(service): Path<Service>,
    headers: HeaderMap,
    mut typed: Typed,
) -> Result<Response, PageError> {
    context.check_form(&headers, typed.csrf())?;
    let version = typed.version();
    if typed.rows_changed(ROWS, "name") {
        return Ok(page(&context, &service, &typed, &version, &Faults::default()));
    }
    let (mut tags, mut faults) = (Map::new(), Faults::default());
    for row in typed.rows(ROWS) {
        let (field, value) = (format!("{ROWS}-{row}-name"), typed.get(&format!("{ROWS}-{row}-value")));
        let name = typed.get(&field);
        if name.is_empty() && value.is_empty() {
            continue;
        }
        if name.is_empty() {
            faults.add(&field, "a tag needs a name");
        } else if tags.insert(name.to_owned(), Value::from(value)).is_some() {
            faults.add(&field, "there are two tags of this name");
        }
    }
    if !faults.none() {
        return Ok(page(&context, &service, &typed, &version, &faults));
    }
    let body = json!({ "tags": tags });
    let answer = context.api.send_if(Method::PATCH, &service.api(), Some(&body), version.condition()).await?;
    if answer.status == StatusCode::PRECONDITION_FAILED {
        let (there, now) = service.read_version(&context).await?;
        let faults = version.changed(&now, changed_by(&there));
        return Ok(page(&context, &service, &typed, &now, &faults));
    }
    match answer.into_result() {
        Ok(_) => Ok(Redirect::to(&format!("{}/tags", service.page())).into_response()),
        Err(refusal) => Ok(page(&context, &service, &typed, &version, &Faults::of(&refusal, |_| None))),
    }
}

fn page(context: &Context, service: &Service, typed: &Typed, version: &Version, faults: &Faults) -> Response {
    let path = format!("{}/tags", service.page());
    let refused = refused(&context.viewer);
    let content = html! {
        (faults.top())
        section.card {
            p.hint { "Names with values of your own, to find and sort resources by." }
            @if refused.is_some() { (shown(typed)) } @else {
                (post_form(&context.viewer, &path, html! {
                    (default_button("save"))
                    (version.hidden())
                    fieldset {
                        legend.hidden { "Tags" }
                        @for (place, row) in typed.rows(ROWS).iter().enumerate() { (one(typed, faults, place, *row)) }
                        (row_button("add-tag", html! { "Add a tag" }))
                    }
                    div.actions { button.primary type="submit" name="do" value="save" { "Save" } }
                }))
            }
        }
    };
    service.shown(context, &path, content)
}

fn shown(typed: &Typed) -> Markup {
    let rows = typed.rows(ROWS);
    html! {
        @if rows.is_empty() { p.nothing { "No tags." } }
        dl.facts { @for row in rows { div {
            dt { (typed.get(&format!("{ROWS}-{row}-name"))) }
            dd { (typed.get(&format!("{ROWS}-{row}-value"))) }
        } } }
    }
}

fn one(typed: &Typed, faults: &Faults, place: usize, row: usize) -> Markup {
    let (name, value) = (format!("{ROWS}-{row}-name"), format!("{ROWS}-{row}-value"));
    html! {
        div.row role="group" aria-label=(format!("Tag {}", place + 1)) {
            (Field { name: &name, label: "Name", error: faults.at(&name), ..Field::default() }.input("text", typed.get(&name), "off"))
            (Field { name: &value, label: "Value", error: faults.at(&value), ..Field::default() }.input("text", typed.get(&value), "off"))
            div.end { (row_button(&format!("remove-tag-{row}"), html! { "Remove" span.hidden { " tag " (place + 1) } })) }
        }
    }
}
