//! One request: all checks, what an approval would change on the router, and the decision.

use super::diff::diff;
use super::queue::{checks, network, title};
use super::{capacity, host, resource, text};
use crate::error::PageError;
use crate::layout::Page;
use crate::parts::faults::sentence;
use crate::parts::form::{Field, default_button, form};
use crate::parts::state::{Mood, badge, shown};
use crate::parts::{facts, live, message, time};
use crate::query::encode;
use crate::session::Context;
use axum::extract::{Path, Query};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::Value;

const TRAIL: &[(&str, &str)] = &[("Queue", "/operate/queue")];

/// A decision as it was typed, with what is wrong with it.
#[derive(Default)]
pub(super) struct Typed {
    /// The reason.
    pub reason: String,
    /// Which of [`ALLOWABLE`] are allowed, by their fields of the form.
    pub allowed: Vec<&'static str>,
    /// What is wrong with the reason.
    pub reason_error: Option<String>,
    /// What else is wrong.
    pub error: Option<String>,
}

/// What a page that is open shows, when a part of it asks for itself again.
#[derive(Deserialize)]
pub(super) struct Shown {
    /// The revision that its form decides about.
    seen: Option<String>,
}

/// Checks that may fail on purpose, with the field of the API and of the form, and what is allowed so.
pub(super) const ALLOWABLE: [(&str, &str, &str, &str); 2] = [
    ("AsnFree", "allowDuplicateAsn", "allow-asn", "Allow the ASN although somebody else has it"),
    ("PeerNameFree", "allowDuplicateName", "allow-name", "Allow the name although another network has it"),
];

/// Shows a connection.
pub(super) async fn connection(
    context: Context,
    Path(connection): Path<String>,
    Query(of): Query<Shown>,
) -> Result<Response, PageError> {
    connection_page(&context, &connection, &Typed::default(), of.seen.as_deref()).await
}

/// A connection's page, with a decision that was refused.
pub(super) async fn connection_page(
    context: &Context,
    connection: &str,
    typed: &Typed,
    seen: Option<&str>,
) -> Result<Response, PageError> {
    host(context)?;
    let found = context.api.get(&format!("/api/v1/connections/{}", encode(connection))).await?;
    let path = super::queue::page_of(&found);
    let content = html! {
        (too_late(typed, &found))
        (request_part(&path, &found, seen, html! {
            section.card { h2 { "Request" } (connection_facts(&found)) }
            (checks_card(&found, html! {}))
        }))
        @if !offered(&found).is_empty() {
            (preview_section(&path, html! {
                p { a href=(format!("{path}/preview")) { "Ask the router what an approval would change" } }
            }, true))
        }
        (decision_card(context, &path, typed, &found))
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
    Query(of): Query<Shown>,
) -> Result<Response, PageError> {
    asn_page(&context, &subscription, &name, &Typed::default(), of.seen.as_deref()).await
}

/// A claim's page, with a decision that was refused.
pub(super) async fn asn_page(
    context: &Context,
    subscription: &str,
    name: &str,
    typed: &Typed,
    seen: Option<&str>,
) -> Result<Response, PageError> {
    host(context)?;
    let (subscription, name) = (encode(subscription), encode(name));
    let claim =
        context.api.get(&format!("/api/v1/subscriptions/{subscription}/peerAsns/{name}/checks")).await?;
    let id = format!("/subscriptions/{subscription}/providers/Microsoft.Peering/peerAsns/{name}");
    let found = context.api.get(&id).await?;
    let state = text(&found["properties"], "validationState");
    let path = super::queue::page_of(&claim);
    let content = html! {
        (too_late(typed, &claim))
        (request_part(&path, &claim, seen, html! {
            section.card {
                h2 { "Request" }
                (facts(&[
                    ("State", badge(state)),
                    ("Network", html! { (network(&claim)) }),
                    ("Claim", resource(text(&claim, "resourceId"), text(&claim, "name"))),
                    ("Subscription", html! { (text(&claim, "subscription")) }),
                    ("Waits since", time(text(&claim, "since"))),
                ]))
            }
            section.card { h2 { "Contacts" } (contacts(&found["properties"])) }
            (checks_card(&claim, html! {
                @if !claim["decision"].is_object() {
                    p.remark { "That the number is theirs, nobody has checked yet: ask the contacts that a registry has for AS" (claim["asn"]) ", and say in the reason how you know." }
                }
            }))
        }))
        (decision_card(context, &path, typed, &claim))
    };
    Ok(page(context, &title(&claim), "Claim to an ASN", content))
}

fn page(context: &Context, title: &str, kind: &str, content: Markup) -> Response {
    let mut page = Page::new(&context.viewer, "/operate/queue", title, content);
    page.trail = TRAIL;
    page.kind = kind;
    page.into_response()
}

/// What is asked, live. While it is shown, something else may come to be asked, or somebody else
/// decide: the form below is still about what was `seen`.
fn request_part(path: &str, found: &Value, seen: Option<&str>, content: Markup) -> Markup {
    let now = text(found, "revision");
    let seen = seen.unwrap_or(now);
    live(
        "request",
        &format!("{path}?seen={}", encode(seen)),
        html! {
            @if seen != now {
                (message("warning", html! {
                    p { "This isn't what the page showed when you opened it. " a href=(path) { "Look at it anew" } " before you decide." }
                }))
            }
            (content)
            @if found["decision"].is_object() {
                section.card { h2 { "Decision" } (decided(found)) }
            }
        },
    )
}

/// Why a decision wasn't made, where there is no form any more to say it in.
fn too_late(typed: &Typed, found: &Value) -> Markup {
    let error = typed.error.as_deref().filter(|_| offered(found).is_empty());
    html! { @if let Some(error) = error { (message("error", html! { (error) })) } }
}

fn checks_card(found: &Value, more: Markup) -> Markup {
    let is_decided = found["decision"].is_object();
    let none = found["checks"].as_array().is_none_or(Vec::is_empty);
    html! {
        section.card {
            h2 { "Checks" @if is_decided { " when it was decided" } }
            @if is_decided && none { p { "Nobody wrote them down." } }
            (checks(found))
            (more)
        }
    }
}

/// What may be done about it: the verb of the API and the words of its button. What is decided is
/// decided; only a letter that has ended is issued anew.
fn offered(found: &Value) -> Vec<(&'static str, &'static str)> {
    let (yes, no) = (found["approvable"] == true, found["refusable"] == true);
    match found["decision"]["approved"].as_bool() {
        None => [yes.then_some(("approve", "Approve")), no.then_some(("refuse", "Refuse"))]
            .into_iter()
            .flatten()
            .collect(),
        Some(true) if yes => vec![("approve", "Issue a new letter")],
        Some(_) => Vec::new(),
    }
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

fn decided(found: &Value) -> Markup {
    let decision = &found["decision"];
    html! {
        p {
            (shown_decision(decision))
            " by " (text(decision, "by")) ", " (time(text(decision, "at"))) ": " (text(decision, "reason"))
        }
        @if decision["approved"] == false && found["approvable"] == true {
            p.remark { "It is asked for again when the peer sends it again; operators approve it after all with " code { "meetme approve" } "." }
        }
    }
}

fn shown_decision(decision: &Value) -> Markup {
    if decision["approved"] == true { shown(Mood::Good, "Approved") } else { shown(Mood::Bad, "Refused") }
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

/// What may be decided now, by operators.
fn decision_card(context: &Context, path: &str, typed: &Typed, found: &Value) -> Markup {
    let is_decided = found["decision"].is_object();
    let offered = offered(found);
    html! {
        @if !offered.is_empty() {
            section.card {
                h2 { @if is_decided { "Letter of authorization" } @else { "Decision" } }
                @if context.viewer.is_operator() { (decision_form(context, path, typed, found, &offered)) }
                @else { p { "Your account may look at this; operators decide." } }
            }
        } @else if !is_decided {
            section.card { h2 { "Decision" } p { "Nothing is to be decided about it now." } }
        }
    }
}

/// The form of a decision about what is found.
fn decision_form(
    context: &Context,
    path: &str,
    typed: &Typed,
    found: &Value,
    offered: &[(&str, &str)],
) -> Markup {
    let hint = "Needed. Kept in the audit trail; that of a refusal is told to the peer.";
    let error = typed.reason_error.as_deref();
    let reason = Field { name: "reason", label: "Reason", hint, error, required: false };
    let failing = |name: &str| {
        let mut checks = found["checks"].as_array().into_iter().flatten();
        checks.any(|check| check["name"] == name && check["ok"] != true)
    };
    form(
        &context.viewer,
        path,
        html! {
            @if let Some(error) = &typed.error { (message("error", html! { (error) })) }
            @if found["kind"] == "peerAsn" {
                p.remark { "Approving an ASN changes no router by itself. Connections that were approved before go on at once." }
            }
            (default_button("ask"))
            input type="hidden" name="seen" value=(text(found, "revision"));
            (reason.input("text", &typed.reason, "off"))
            @for (_, _, field, words) in ALLOWABLE.iter().filter(|(check, ..)| failing(check)) {
                div.field.check {
                    input id=(field) type="checkbox" name=(field) value="yes" checked[typed.allowed.contains(field)];
                    label for=(field) { (words) }
                }
            }
            div.actions {
                @for (verb, words) in offered {
                    button class=(if *verb == "refuse" { "danger" } else { "primary" }) type="submit" name="do" value=(verb) { (words) }
                }
            }
        },
    )
}
