//! One request: all checks, what an approval would change on the router, and the decision.

use super::diff::diff;
use super::queue::{checks, network, title};
use super::{capacity, host, resource, text};
use crate::error::PageError;
use crate::layout::Page;
use crate::parts::faults::sentence;
use crate::parts::form::{Field, default_button, form};
use crate::parts::state::badge;
use crate::parts::{facts, live, message, time};
use crate::query::encode;
use crate::session::Context;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use serde_json::Value;

const TRAIL: &[(&str, &str)] = &[("Queue", "/operate/queue")];

/// A decision as it was typed, with what is wrong with it.
#[derive(Default)]
pub(super) struct Typed {
    /// The reason.
    pub reason: String,
    /// Whether another network's name is allowed.
    pub allow_name: bool,
    /// What is wrong with the reason.
    pub reason_error: Option<String>,
    /// What else is wrong.
    pub error: Option<String>,
}

/// Shows a connection.
pub(super) async fn connection(
    context: Context,
    Path(connection): Path<String>,
) -> Result<Response, PageError> {
    connection_page(&context, &connection, &Typed::default()).await
}

/// A connection's page, with a decision that was refused.
pub(super) async fn connection_page(
    context: &Context,
    connection: &str,
    typed: &Typed,
) -> Result<Response, PageError> {
    host(context)?;
    let found = context.api.get(&format!("/api/v1/connections/{}", encode(connection))).await?;
    let path = super::queue::page_of(&found);
    let approvable = found["approvable"] == true;
    let content = html! {
        (live("request", &path, html! {
            section.card { h2 { "Request" } (connection_facts(&found)) (decided(&found["decision"])) }
            section.card { h2 { "Checks" } (checks(&found)) }
        }))
        @if approvable {
            (preview_section(&path, html! {
                p { a href=(format!("{path}/preview")) { "Ask the router what an approval would change" } }
            }, true))
        }
        section.card {
            h2 { "Decision" }
            (decision_form(context, &path, typed, approvable, found["refusable"] == true, None))
        }
    };
    Ok(page(context, &title(&found), "Connection", content))
}

/// Shows what an approval would change, asked of the router now.
pub(super) async fn preview(context: Context, Path(connection): Path<String>) -> Result<Response, PageError> {
    host(&context)?;
    let path = format!("/operate/queue/connections/{}", encode(&connection));
    let answer = context.api.ask(&format!("/api/v1/connections/{}/preview", encode(&connection))).await?;
    let section = match answer.into_result() {
        Ok(preview) => steps(&preview),
        Err(refusal) => message("info", html! { (sentence(&refusal.message)) }),
    };
    let content = preview_section(&path, section, false);
    let mut page = Page::new(&context.viewer, "/operate/queue", "Preview", content);
    let back = (connection.as_str(), path.as_str());
    let trail = [TRAIL[0], back];
    page.trail = &trail;
    Ok(page.into_response())
}

/// Shows a claim to an ASN.
pub(super) async fn asn(
    context: Context,
    Path((subscription, name)): Path<(String, String)>,
) -> Result<Response, PageError> {
    asn_page(&context, &subscription, &name, &Typed::default()).await
}

/// A claim's page, with a decision that was refused.
pub(super) async fn asn_page(
    context: &Context,
    subscription: &str,
    name: &str,
    typed: &Typed,
) -> Result<Response, PageError> {
    host(context)?;
    let (subscription, name) = (encode(subscription), encode(name));
    let claim =
        context.api.get(&format!("/api/v1/subscriptions/{subscription}/peerAsns/{name}/checks")).await?;
    let id = format!("/subscriptions/{subscription}/providers/Microsoft.Peering/peerAsns/{name}");
    let found = context.api.get(&id).await?;
    let state = text(&found["properties"], "validationState");
    // A decision is executed a moment after it was made.
    let open = state != "Approved" && (state == "Failed" || !claim["decision"].is_object());
    let path = super::queue::page_of(&claim);
    let taken = claim["checks"].as_array().into_iter().flatten();
    let taken = taken.filter(|c| c["name"] == "PeerNameFree").any(|c| c["ok"] != true);
    let content = html! {
        (live("request", &path, html! {
            section.card {
                h2 { "Request" }
                (facts(&[
                    ("State", badge(state)),
                    ("Network", html! { (network(&claim)) }),
                    ("Claim", resource(text(&claim, "resourceId"), text(&claim, "name"))),
                    ("Subscription", html! { (text(&claim, "subscription")) }),
                    ("Waits since", time(text(&claim, "since"))),
                ]))
                (decided(&claim["decision"]))
            }
            section.card { h2 { "Contacts" } (contacts(&found["properties"])) }
            section.card {
                h2 { "Checks" }
                (checks(&claim))
                p.remark { "That the number is theirs, nobody has checked yet: ask the contacts that a registry has for AS" (claim["asn"]) ", and say in the reason how you know." }
            }
        }))
        section.card {
            h2 { "Decision" }
            p.remark { "Approving an ASN changes no router by itself. Connections that were approved before go on at once." }
            (decision_form(context, &path, typed, open, open && state != "Failed", taken.then_some(typed.allow_name)))
        }
    };
    Ok(page(context, &title(&claim), "Claim to an ASN", content))
}

fn page(context: &Context, title: &str, kind: &str, content: Markup) -> Response {
    let mut page = Page::new(&context.viewer, "/operate/queue", title, content);
    page.trail = TRAIL;
    page.kind = kind;
    page.into_response()
}

fn connection_facts(found: &Value) -> Markup {
    let bandwidth = found["bandwidthInMbps"].as_u64().map(capacity).unwrap_or_default();
    html! {
        (facts(&[
            ("State", badge(text(found, "connectionState"))),
            ("Network", html! { (network(found)) }),
            ("Peering", resource(text(found, "resourceId"), text(found, "name"))),
            ("Location", html! { (text(found, "peeringLocation")) }),
            ("Bandwidth", html! { (bandwidth) }),
            ("Session addresses", addresses(found)),
            ("Maximum of prefixes", html! { (most(found)) }),
            ("Subscription", html! { (text(found, "subscription")) }),
            ("Connection identifier", html! { (text(found, "connectionIdentifier")) }),
            ("In this state since", time(text(found, "since"))),
        ]))
        @if !text(found, "message").is_empty() { p.remark { (sentence(text(found, "message"))) } }
    }
}

/// Who gives the session addresses. What a peer gives ends up on a router of the host's, so it is
/// marked: whose space it is, no check can tell.
fn addresses(found: &Value) -> Markup {
    let given: Vec<&str> = found["sessionPrefixesGivenByPeer"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    html! {
        @if given.is_empty() { "given by the host" } @else {
            @for prefix in &given { code { (prefix) } " " }
            strong { "given by the peer" } ": see that it is the peer's own space"
        }
    }
}

fn most(found: &Value) -> String {
    let v4 = found["maxPrefixesAdvertisedV4"].as_u64().map(|n| format!("IPv4 {n}"));
    let v6 = found["maxPrefixesAdvertisedV6"].as_u64().map(|n| format!("IPv6 {n}"));
    v4.into_iter().chain(v6).collect::<Vec<_>>().join(", ")
}

fn decided(decision: &Value) -> Markup {
    html! {
        @if decision.is_object() {
            p.remark {
                @if decision["approved"] == true { "Approved" } @else { "Refused" }
                " by " (text(decision, "by")) ", " (time(text(decision, "at"))) ": " (text(decision, "reason"))
            }
        }
    }
}

fn contacts(properties: &Value) -> Markup {
    html! {
        ul.reachable {
            @for contact in properties["peerContactDetail"].as_array().into_iter().flatten() {
                li { strong { (text(contact, "role")) } " " (text(contact, "email")) " " (text(contact, "phone")) }
            }
        }
    }
}

/// The preview's section; `ask`: a browser with script fills it by itself.
fn preview_section(path: &str, content: Markup, ask: bool) -> Markup {
    html! {
        section #preview.card hx-get=[ask.then(|| format!("{path}/preview"))] hx-trigger=[ask.then_some("load")]
            hx-select=[ask.then_some("#preview")] hx-swap=[ask.then_some("outerHTML")] {
            h2 { "What an approval would change" }
            (content)
        }
    }
}

fn steps(preview: &Value) -> Markup {
    let steps: Vec<&Value> = preview["steps"].as_array().into_iter().flatten().collect();
    html! {
        @if steps.is_empty() { p { "No router, as things are." } }
        @for step in &steps {
            h3 {
                @if step["when"] == "approved" { "At once, on " } @else { "Once all links are up, on " }
                (text(step, "router")) ", ports " (joined(&step["ports"]))
            }
            @if step["sessionPrefixes"].as_array().is_some_and(|all| !all.is_empty()) {
                p.remark { "Session addresses from " (joined(&step["sessionPrefixes"])) ", unless something else takes them first. Routes pass once they are validated." }
            }
            @if let Some(reason) = step["refused"].as_str() {
                (message("error", html! { "The router won't be given this as it is: " (reason) "." }))
            }
            @match (step["diff"].as_str(), step["error"].as_str()) {
                (Some(""), _) => p { "Nothing: the router is like that already." },
                (Some(text), _) => (diff(text)),
                (None, error) => (message("warning", html! { "The router couldn't be asked: " (error.unwrap_or("no answer")) "." })),
            }
        }
        @if !text(preview, "message").is_empty() { p.remark { "Then: " (text(preview, "message")) } }
    }
}

fn joined(list: &Value) -> String {
    let words: Vec<&str> = list.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    words.join(", ")
}

/// The form of a decision. `name`: whether another network's name may be allowed, and is.
fn decision_form(
    context: &Context,
    path: &str,
    typed: &Typed,
    approvable: bool,
    refusable: bool,
    name: Option<bool>,
) -> Markup {
    if !context.viewer.is_operator() {
        return html! { p { "Your account may look at this; operators decide." } };
    }
    if !approvable && !refusable {
        return html! { p { "Nothing is to be decided about it now." } };
    }
    let hint = "Kept in the audit trail. That of a refusal is told to the peer.";
    let error = typed.reason_error.as_deref();
    let reason = Field { name: "reason", label: "Reason", hint, error, required: false };
    form(
        &context.viewer,
        path,
        html! {
            @if let Some(error) = &typed.error { (message("error", html! { (error) })) }
            (default_button("ask"))
            (reason.input("text", &typed.reason, "off"))
            @if let Some(allowed) = name {
                div.field.check {
                    input #allow-name type="checkbox" name="allow-name" value="yes" checked[allowed];
                    label for="allow-name" { "Allow the name although another network has it" }
                }
            }
            div.actions {
                @if approvable { button.primary type="submit" name="do" value="approve" { "Approve" } }
                @if refusable { button.danger type="submit" name="do" value="refuse" { "Refuse" } }
            }
        },
    )
}
