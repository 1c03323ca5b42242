//! Connection monitor tests of a service: a destination tried from the sites at its peering
//! locations, with the newest try and its path.

use super::{Service, property, refused};
use crate::error::PageError;
use crate::parts::faults::Faults;
use crate::parts::form::{Field, form};
use crate::parts::state::{Mood, shown};
use crate::parts::typed::Typed;
use crate::parts::{empty, live};
use crate::query::encode;
use crate::session::Context;
use axum::extract::Path;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use meetme_model::peering::is_resource_name;
use serde::Deserialize;
use serde_json::{Value, json};

/// Tests of a service, at most (`docs/rules.md` §6).
const TESTS: usize = 20;

/// Which test.
#[derive(Deserialize)]
pub(super) struct Which {
    subscription: String,
    group: String,
    name: String,
    test: String,
}

/// Shows the tests.
pub(super) async fn show(context: Context, Path(service): Path<Service>) -> Result<Response, PageError> {
    page(&context, &service, &Typed::default(), &Faults::default()).await
}

/// Initializes the subscription's connection monitor.
pub(super) async fn initialize(
    context: Context,
    Path(service): Path<Service>,
    headers: HeaderMap,
    typed: Typed,
) -> Result<Response, PageError> {
    context.check_form(&headers, typed.csrf())?;
    let subscription = encode(&service.subscription);
    let path =
        format!("/subscriptions/{subscription}/providers/Microsoft.Peering/initializeConnectionMonitor");
    match context.api.send(Method::POST, &path, None).await?.into_result() {
        Ok(_) => Ok(Redirect::to(&own_page(&service)).into_response()),
        Err(refusal) => page(&context, &service, &typed, &Faults::of(&refusal, |_| None)).await,
    }
}

/// Adds a test.
pub(super) async fn add(
    context: Context,
    Path(service): Path<Service>,
    headers: HeaderMap,
    typed: Typed,
) -> Result<Response, PageError> {
    context.check_form(&headers, typed.csrf())?;
    let mut faults = Faults::default();
    for field in ["port", "interval"] {
        if !typed.get(field).is_empty() && typed.get(field).parse::<i64>().is_err() {
            faults.add(field, "this isn't a whole number");
        }
    }
    let named = is_resource_name(typed.get("name"));
    if !named {
        faults.add("name", "give it a name of 1 to 63 letters, digits, dots, dashes and underscores");
    }
    let path = |name: &str| format!("{}/connectionMonitorTests/{}", service.api(), encode(name));
    if !faults.none() {
        // All else is looked at, too: with a port that is none, nothing is made of it.
        let mut body = body(&typed);
        body["properties"]["destinationPort"] = json!(-1);
        let answer = context.api.send(Method::PUT, &path("unnamed"), Some(&body)).await?;
        let told = answer.into_result().err().map(|refusal| Faults::of(&refusal, field)).unwrap_or_default();
        for field in ["agent", "destination", "interval"] {
            if let (Some(message), None) = (told.at(field), faults.at(field)) {
                faults.add(field, message);
            }
        }
        return page(&context, &service, &typed, &faults).await;
    }
    let (path, body) = (path(typed.get("name")), body(&typed));
    let answer = context.api.create(&path, &body).await?;
    let there = answer.status == StatusCode::PRECONDITION_FAILED;
    match answer.into_result() {
        Ok(_) => return Ok(Redirect::to(&own_page(&service)).into_response()),
        Err(_) if there => {
            // Sent twice, or another one of this name.
            let there = context.api.ask(&path).await?.into_result().unwrap_or_default();
            let same = |name: &str| there["properties"][name] == body["properties"][name];
            if same("sourceAgent") && same("destination") {
                return Ok(Redirect::to(&own_page(&service)).into_response());
            }
            faults.add("name", "there is a test of this name already; choose another");
        }
        Err(refusal) => faults = Faults::of(&refusal, field),
    }
    page(&context, &service, &typed, &faults).await
}

fn body(typed: &Typed) -> Value {
    let number = |field: &str| typed.get(field).parse::<i64>().ok();
    json!({ "properties": {
        "sourceAgent": typed.get("agent"),
        "destination": typed.get("destination"),
        "destinationPort": number("port"),
        "testFrequencyInSec": number("interval"),
    } })
}

/// Deletes a test.
pub(super) async fn delete(
    context: Context,
    Path(which): Path<Which>,
    headers: HeaderMap,
    typed: Typed,
) -> Result<Response, PageError> {
    context.check_form(&headers, typed.csrf())?;
    let service = Service { subscription: which.subscription, group: which.group, name: which.name };
    let path = format!("{}/connectionMonitorTests/{}", service.api(), encode(&which.test));
    match context.api.send(Method::DELETE, &path, None).await?.into_result() {
        Ok(_) => Ok(Redirect::to(&own_page(&service)).into_response()),
        Err(refusal) => page(&context, &service, &Typed::default(), &Faults::of(&refusal, |_| None)).await,
    }
}

fn own_page(service: &Service) -> String {
    format!("{}/monitor", service.page())
}

fn field(target: &str) -> Option<String> {
    let field = match target {
        "name" | "connection_monitor_test" => "name",
        "properties.sourceAgent" => "agent",
        "properties.destination" => "destination",
        "properties.destinationPort" => "port",
        "properties.testFrequencyInSec" => "interval",
        _ => return None,
    };
    Some(field.to_owned())
}

async fn page(
    context: &Context,
    service: &Service,
    typed: &Typed,
    faults: &Faults,
) -> Result<Response, PageError> {
    let there = service.read(context).await?;
    let path = own_page(service);
    let agents = there["properties"]["logAnalyticsWorkspaceProperties"]["connectedAgents"].as_array();
    let content = match agents {
        None => html! { (faults.top()) section.card { (uninitialized(context, &path)) } },
        Some(agents) => {
            let agents: Vec<&str> = agents.iter().filter_map(Value::as_str).collect();
            let tests = context.api.list(&format!("{}/connectionMonitorTests", service.api()), TESTS).await?;
            html! {
                (faults.top())
                (live("tests", &path, html! { section.card { h2 { "Tests" } (results(&tests)) } }))
                @if context.viewer.writes() {
                    (addition(context, &path, &agents, typed, faults))
                    @if !tests.is_empty() { (removal(context, &path, &tests)) }
                }
            }
        }
    };
    Ok(service.shown(context, &path, content))
}

fn uninitialized(context: &Context, path: &str) -> Markup {
    let action = match refused(&context.viewer) {
        Some(why) => {
            html! { button type="button" disabled title=(why) { "Initialize the connection monitor" } }
        }
        None => form(
            &context.viewer,
            &format!("{path}/initialize"),
            html! {
                button.primary type="submit" { "Initialize the connection monitor" }
            },
        ),
    };
    empty(
        "The connection monitor isn't initialized",
        "It tries destinations from the sites at the service's peering locations, by ICMP echo or a TCP connection, and keeps round trips and paths. It is initialized once for the subscription.",
        action,
    )
}

fn results(tests: &[Value]) -> Markup {
    html! {
        @if tests.is_empty() { p.nothing { "No tests yet. Add one below." } }
        @else { div.scroll tabindex="0" role="region" aria-label="Tests" { table {
            thead { tr { @for title in ["Name", "From", "Destination", "Every", "Newest try", "Path"] { th scope="col" { (title) } } } }
            tbody { @for test in tests { tr {
                td data-title="Name" { (test["name"].as_str().unwrap_or("")) }
                td data-title="From" { (property(test, "sourceAgent")) }
                td data-title="Destination" { code { (property(test, "destination")) } " " span.none { (how(test)) } }
                td data-title="Every" { (test["properties"]["testFrequencyInSec"].as_u64().unwrap_or(0)) " s" }
                td data-title="Newest try" { (outcome(test)) }
                td data-title="Path" { (hops(test)) }
            } } }
        } } }
    }
}

fn how(test: &Value) -> String {
    match test["properties"]["destinationPort"].as_u64() {
        None | Some(0) => "ICMP echo".to_owned(),
        Some(port) => format!("TCP port {port}"),
    }
}

fn outcome(test: &Value) -> Markup {
    match test["properties"]["isTestSuccessful"].as_bool() {
        Some(true) => shown(Mood::Good, "Answered"),
        Some(false) => shown(Mood::Bad, "No answer"),
        None => shown(Mood::Moving, "Not tried yet"),
    }
}

fn hops(test: &Value) -> Markup {
    let all: Vec<&str> =
        test["properties"]["path"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    html! {
        @if all.is_empty() { span.none { "–" } }
        @else { details { summary { (all.len()) " hops" } ol.hops { @for hop in all { li { code { (hop) } } } } } }
    }
}

fn addition(context: &Context, path: &str, agents: &[&str], typed: &Typed, faults: &Faults) -> Markup {
    let field = |name: &'static str, label: &'static str, hint: &'static str, required: bool| Field {
        name,
        label,
        hint,
        error: faults.at(name),
        required,
    };
    let options: Vec<(String, String)> = agents.iter().map(|a| ((*a).to_owned(), (*a).to_owned())).collect();
    html! {
        section.card {
            h2 { "Add a test" }
            @if agents.is_empty() {
                p { "There is no site to test from: the service has neither a primary nor a backup peering location." }
            } @else {
                (form(&context.viewer, path, html! {
                    (field("name", "Name", "", true).input("text", typed.get("name"), "off"))
                    (field("agent", "From", "A site at one of the service's peering locations.", true).select(&options, typed.get("agent")))
                    (field("destination", "Destination", "A public IP address outside of this network.", true).input("text", typed.get("destination"), "off"))
                    (field("port", "TCP port", "Leave it empty for ICMP echo.", false).input("text", typed.get("port"), "off"))
                    (field("interval", "Seconds between tries", "10 to 86400; 60 when empty.", false).input("text", typed.get("interval"), "off"))
                    div.actions { button.primary type="submit" { "Add" } }
                }))
            }
        }
    }
}

fn removal(context: &Context, path: &str, tests: &[Value]) -> Markup {
    html! {
        section.card {
            h2 { "Remove a test" }
            ul.links { @for test in tests {
                @let name = test["name"].as_str().unwrap_or("");
                li.spread {
                    span { (name) }
                    (form(&context.viewer, &format!("{path}/{}/delete", encode(name)), html! {
                        button.danger type="submit" { "Remove" span.hidden { " " (name) } }
                    }))
                }
            } }
        }
    }
}
