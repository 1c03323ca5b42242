//! Looking glass: traceroute, ping and routes as an edge router of a location sees them.

use super::locations::base;
use crate::error::PageError;
use crate::layout::Page;
use crate::parts::faults::{Faults, sentence};
use crate::parts::form::{Field, form};
use crate::parts::typed::Typed;
use crate::parts::{empty, message};
use crate::query::encode;
use crate::session::Context;
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use serde_json::Value;

const PATH: &str = "/looking-glass";

/// Commands of the API with their words.
const COMMANDS: [(&str, &str); 3] = [
    ("Traceroute", "Traceroute: the path to an address"),
    ("Ping", "Ping: does an address answer"),
    ("BgpRoute", "BGP route: the routes to an address or a prefix"),
];

/// Shows the form.
pub(super) async fn show(context: Context) -> Result<Response, PageError> {
    page(&context, &Typed::default(), &Faults::default(), html! {}).await
}

/// Looks.
pub(super) async fn look(context: Context, headers: HeaderMap, typed: Typed) -> Result<Response, PageError> {
    context.check_form(&headers, typed.csrf())?;
    let path = format!(
        "{}/lookingGlass?command={}&sourceType=EdgeSite&sourceLocation={}&destinationIP={}",
        base(&context).await?,
        encode(typed.get("command")),
        encode(typed.get("source")),
        encode(typed.get("destination")),
    );
    let answer = context.api.send(Method::POST, &path, None).await?;
    let status = answer.status;
    match answer.into_result() {
        Ok(body) => page(&context, &typed, &Faults::default(), output(&typed, &body)).await,
        Err(refusal) if refusal.code == "TooManyRequests" => {
            let kindly = message(
                "warning",
                html! {
                    p { "Those were many looks in a short time. Each of them is work for a router that carries traffic: please wait some seconds, then look again. What you typed is still here." }
                },
            );
            page(&context, &typed, &Faults::default(), kindly).await
        }
        Err(refusal) if status.is_server_error() => {
            let told = message("warning", html! { p { (sentence(&refusal.message)) } });
            page(&context, &typed, &Faults::default(), told).await
        }
        Err(refusal) => {
            let field = |target: &str| match target {
                "command" => Some("command".to_owned()),
                "sourceType" | "sourceLocation" => Some("source".to_owned()),
                "destinationIP" => Some("destination".to_owned()),
                _ => None,
            };
            page(&context, &typed, &Faults::of(&refusal, field), html! {}).await
        }
    }
}

fn output(typed: &Typed, body: &Value) -> Markup {
    let text = body["output"].as_str().unwrap_or("");
    html! {
        section.card {
            h2 { (typed.get("command")) " " (typed.get("destination")) " from " (typed.get("source")) }
            @if text.trim().is_empty() { p.nothing { "The router showed nothing." } }
            @else {
                pre tabindex="0" aria-label="Output" { (text) }
                p.more { (copyable_output(text)) }
            }
        }
    }
}

/// A button that copies all of it.
fn copyable_output(text: &str) -> Markup {
    html! { button type="button" data-copy=(text) { "Copy the output" } }
}

async fn page(
    context: &Context,
    typed: &Typed,
    faults: &Faults,
    result: Markup,
) -> Result<Response, PageError> {
    let locations =
        context.api.ask(&format!("{}/peeringLocations?kind=Direct", base(context).await?)).await?;
    let names: Vec<(String, String)> = locations.body["value"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|row| row["name"].as_str())
        .map(|name| (name.to_owned(), name.to_owned()))
        .collect();
    let content = html! {
        (faults.top())
        @if names.is_empty() { (empty("There is nowhere to look from", "The operators of this network have no locations in its inventory yet.", html! {})) }
        @else {
            section.card { (fields(context, typed, faults, &names)) }
            (result)
        }
    };
    Ok(Page::new(&context.viewer, PATH, "Looking glass", content).into_response())
}

fn fields(context: &Context, typed: &Typed, faults: &Faults, names: &[(String, String)]) -> Markup {
    let field = |name: &'static str, label: &'static str, hint: &'static str| Field {
        name,
        label,
        hint,
        error: faults.at(name),
        required: true,
    };
    let commands: Vec<(String, String)> =
        COMMANDS.iter().map(|(c, w)| ((*c).to_owned(), (*w).to_owned())).collect();
    let may = context.viewer.writes();
    form(
        &context.viewer,
        PATH,
        html! {
            (field("command", "Command", "").select(&commands, typed.get("command")))
            (field("source", "From", "An edge router of this location looks.").select(names, typed.get("source")))
            (field("destination", "Destination", "A public IP address, or for routes also a prefix, such as 198.51.100.1.").input("text", typed.get("destination"), "on"))
            div.actions { button.primary type="submit" disabled[!may] { "Look" } }
            @if !may { p.hint { "Your account may read only; a look makes a router work. Ask an operator for the role of a peer." } }
        },
    )
}
