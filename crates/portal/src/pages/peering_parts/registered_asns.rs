//! ASNs registered on a peering with a route server: the networks behind it, each with its key.

use crate::error::PageError;
use crate::layout::Page;
use crate::pages::peerings::at::{At, Within};
use crate::pages::peerings::frame::{command, may_write, tab};
use crate::parts::faults::Faults;
use crate::parts::form::{Field, form};
use crate::parts::table::{Cell, Column, Table};
use crate::parts::typed::Typed;
use crate::parts::{copyable, empty, message, time};
use crate::query::encode;
use crate::session::Context;
use axum::extract::Path;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde_json::{Value, json};

const TAB: (&str, &str) = ("Registered ASNs", "/registered-asns");
const ADD: &str = "/registered-asns/add";

const COLUMNS: &[Column] = &[
    Column { key: "name", title: "Name" },
    Column { key: "asn", title: "ASN" },
    Column { key: "key", title: "Prefix key" },
    Column { key: "made", title: "Registered" },
];

/// True where ASNs are registered.
async fn has_route_server(context: &Context, at: &At) -> Result<bool, PageError> {
    let peering = context.api.get(&at.resource()).await?;
    Ok(peering["properties"]["direct"]["directPeeringType"] == "IxRs")
}

/// Shows the tab.
pub(super) async fn show(context: Context, Path(at): Path<At>) -> Result<Response, PageError> {
    if !has_route_server(&context, &at).await? {
        let content = empty(
            "ASNs are registered at exchanges with a route server",
            "On this peering prefixes are registered instead.",
            html! { a.button href=(at.page("/registered-prefixes")) { "Registered prefixes" } },
        );
        return Ok(tab(&context, &at, TAB.1, html! {}, content));
    }
    let rows = context.api.list(&format!("{}/registeredAsns", at.resource()), usize::MAX).await?;
    let page = at.page(TAB.1);
    let table = Table {
        of: "registered ASNs",
        path: &page,
        columns: COLUMNS,
        choices: &[],
        rows: rows.iter().map(|row| cells(row, &context, &at)).collect(),
        empty: empty(
            "No ASN is registered yet",
            "Register the networks behind your route server. Each gets a key, with which its prefixes are activated in a peering service.",
            html! {},
        ),
    };
    if context.asked.is_csv() {
        return Ok(table.csv(&context.asked));
    }
    let commands = command(may_write(&context), &at.page(ADD), "primary", "Register an ASN");
    Ok(tab(&context, &at, TAB.1, commands, table.render(&context.asked)))
}

fn cells(row: &Value, context: &Context, at: &At) -> Vec<Cell> {
    let text = |pointer: &str| row.pointer(pointer).and_then(Value::as_str).unwrap_or("").to_owned();
    let (name, key, made) =
        (text("/name"), text("/properties/peeringServicePrefixKey"), text("/systemData/createdAt"));
    let asn = row["properties"]["asn"].as_u64().map(|n| n.to_string()).unwrap_or_default();
    let delete = at.page(&format!("{}/{}/delete", TAB.1, encode(&name)));
    vec![
        Cell::text(name.clone()),
        Cell::text(asn),
        Cell::shown(key.clone(), copyable(&key)),
        Cell::shown(
            made.clone(),
            html! {
                (time(&made))
                @if context.viewer.writes() { div { a href=(delete) { "Delete" span.hidden { " " (name) } } } }
            },
        ),
    ]
}

/// Shows the form.
pub(super) async fn form_page(context: Context, Path(at): Path<At>) -> Result<Response, PageError> {
    may_write(&context).map_err(|_| PageError::NotAllowed)?;
    if !has_route_server(&context, &at).await? {
        return Ok(Redirect::to(&at.page(TAB.1)).into_response());
    }
    Ok(add_page(&context, &at, &Typed::default(), &Faults::default()))
}

/// Registers an ASN.
pub(super) async fn add(
    context: Context,
    Path(at): Path<At>,
    headers: HeaderMap,
    typed: Typed,
) -> Result<Response, PageError> {
    context.check_form(&headers, typed.csrf())?;
    let (name, asn) = (typed.get("name"), typed.get("asn"));
    let number = asn.trim_start_matches(['A', 'S', 'a', 's']).parse::<i64>();
    let mut faults = Faults::default();
    if name.is_empty() {
        faults.add("name", "give it a name");
    }
    let Ok(number) = number else {
        faults.add("asn", "write the number of the ASN, such as 64511");
        return Ok(add_page(&context, &at, &typed, &faults));
    };
    if !faults.none() {
        return Ok(add_page(&context, &at, &typed, &faults));
    }
    let body = json!({ "properties": { "asn": number } });
    let path = format!("{}/registeredAsns/{}", at.resource(), encode(name));
    let answer = context.api.send_if(Method::PUT, &path, Some(&body), Some(("if-none-match", "*"))).await?;
    let status = answer.status;
    Ok(match answer.into_result() {
        Ok(_) => Redirect::to(&at.page(TAB.1)).into_response(),
        Err(_) if status == StatusCode::PRECONDITION_FAILED && is_same(&context, &path, number).await? => {
            Redirect::to(&at.page(TAB.1)).into_response()
        }
        Err(_) if status == StatusCode::PRECONDITION_FAILED => {
            faults.add("name", "there is a registration of this name already");
            add_page(&context, &at, &typed, &faults)
        }
        Err(refusal) => add_page(&context, &at, &typed, &Faults::of(&refusal, field)),
    })
}

/// True when there is just what is asked for: the form was sent twice.
async fn is_same(context: &Context, path: &str, asn: i64) -> Result<bool, PageError> {
    Ok(context.api.get(path).await?["properties"]["asn"] == asn)
}

fn field(target: &str) -> Option<String> {
    match target {
        "properties.asn" => Some("asn".to_owned()),
        "name" | "registered_asn" | "registeredAsn" => Some("name".to_owned()),
        _ => None,
    }
}

fn add_page(context: &Context, at: &At, typed: &Typed, faults: &Faults) -> Response {
    let content = html! {
        (faults.top())
        (form(&context.viewer, &at.page(ADD), html! {
            (Field { name: "name", label: "Name", hint: "1 to 63 of A-Z a-z 0-9 _ . -", error: faults.at("name"), required: true }.input("text", typed.get("name"), "off"))
            (Field { name: "asn", label: "ASN", hint: "The public ASN of a network behind your route server.", error: faults.at("asn"), required: true }.input("text", typed.get("asn"), "off"))
            div.actions {
                button.primary type="submit" { "Register" }
                a.button href=(at.page(TAB.1)) { "Cancel" }
            }
        }))
    };
    page(context, at, "Register an ASN", content)
}

/// Asks whether to delete one.
pub(super) async fn confirm(context: Context, Path(within): Path<Within>) -> Result<Response, PageError> {
    may_write(&context).map_err(|_| PageError::NotAllowed)?;
    let at = within.at();
    context.api.get(&format!("{}/registeredAsns/{}", at.resource(), encode(&within.child))).await?;
    Ok(confirm_page(&context, &at, &within.child, None))
}

/// Deletes one.
pub(super) async fn delete(
    context: Context,
    Path(within): Path<Within>,
    headers: HeaderMap,
    typed: Typed,
) -> Result<Response, PageError> {
    context.check_form(&headers, typed.csrf())?;
    let at = within.at();
    let path = format!("{}/registeredAsns/{}", at.resource(), encode(&within.child));
    let answer = context.api.send(Method::DELETE, &path, None).await?;
    Ok(match answer.into_result() {
        Ok(_) => Redirect::to(&at.page(TAB.1)).into_response(),
        Err(refusal) => confirm_page(&context, &at, &within.child, Some(&refusal.message)),
    })
}

fn confirm_page(context: &Context, at: &At, name: &str, refused: Option<&str>) -> Response {
    let action = at.page(&format!("{}/{}/delete", TAB.1, encode(name)));
    let why: Markup = html! { @if let Some(why) = refused { (message("error", html! { (crate::parts::faults::sentence(why)) })) } };
    let content = html! {
        (why)
        section.card {
            p { "The registration and its key are gone then. Who registers the ASN again gets another key." }
            (form(&context.viewer, &action, html! {
                div.actions {
                    button.danger type="submit" { "Delete" }
                    a.button href=(at.page(TAB.1)) { "Cancel" }
                }
            }))
        }
    };
    page(context, at, &format!("Delete {name}?"), content)
}

/// A page below the tab.
fn page(context: &Context, at: &At, title: &str, content: Markup) -> Response {
    let (own, above) = (at.page(""), at.page(TAB.1));
    let trail = [("Peerings", "/peerings"), (at.name.as_str(), own.as_str()), (TAB.0, above.as_str())];
    Page { kind: "Registered ASN", trail: &trail, ..Page::new(&context.viewer, &own, title, content) }
        .into_response()
}
