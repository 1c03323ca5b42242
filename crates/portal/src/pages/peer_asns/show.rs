//! One claim: its state and what is missing, its contacts, the peerings that use it, and mails.

use super::{asn, claim, contacts, page, property};
use crate::error::PageError;
use crate::layout::Page;
use crate::pages::mails;
use crate::parts::faults::{Faults, sentence};
use crate::parts::form::form;
use crate::parts::state::badge;
use crate::parts::typed::Typed;
use crate::parts::{command, copyable, empty, facts, live, message, time};
use crate::query::encode;
use crate::resource::{page_of, part};
use crate::session::Context;
use axum::extract::Path;
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde_json::Value;

/// Peerings looked through for those that use the ASN, at most.
const PEERINGS: usize = 5000;

/// Shows the page.
pub(in crate::pages) async fn show(
    context: Context,
    Path((subscription, name)): Path<(String, String)>,
) -> Result<Response, PageError> {
    whole(&context, &subscription, &name, &Faults::default()).await
}

/// Deletes the claim.
pub(in crate::pages) async fn delete(
    context: Context,
    Path((subscription, name)): Path<(String, String)>,
    headers: HeaderMap,
    typed: Typed,
) -> Result<Response, PageError> {
    context.check_form(&headers, typed.csrf())?;
    if typed.get("confirm") != "yes" {
        let mut faults = Faults::default();
        faults.add_other("tick that the ASN is to be deleted");
        return whole(&context, &subscription, &name, &faults).await;
    }
    let answer = context.api.send(Method::DELETE, &claim(&subscription, &name), None).await?;
    match answer.into_result() {
        Ok(_) => Ok(Redirect::to("/peer-asns").into_response()),
        Err(refusal) => whole(&context, &subscription, &name, &Faults::of(&refusal, |_| None)).await,
    }
}

async fn whole(
    context: &Context,
    subscription: &str,
    name: &str,
    faults: &Faults,
) -> Result<Response, PageError> {
    let there = context.api.get(&claim(subscription, name)).await?;
    let name = there["name"].as_str().unwrap_or(name);
    let id = there["id"].as_str().unwrap_or("");
    let (users, mails) = (peerings(context, subscription, id).await?, mails::of(context, id).await?);
    let path = page(subscription, name);
    let content = html! {
        (faults.top())
        (live("claim", &path, html! {
            (state(&there))
            section.card { h2 { "Association" } (essentials(subscription, &there)) }
            section.card { h2 { "Contacts" } (contact_table(&there)) }
            section.card { h2 { "Peerings" } (peering_list(context, &there, &users)) }
            section.card { h2 { "Mails" } (mails) }
        }))
        @if context.viewer.writes() { (deletion(context, &path, &users)) }
    };
    let mut shown = Page::new(&context.viewer, &path, name, content);
    shown.kind = "Peer ASN";
    shown.trail = &[("Peer ASNs", "/peer-asns")];
    let refused = (!context.viewer.writes()).then_some("Your account may look only.");
    let waits = context.viewer.is_operator() && property(&there, "validationState") == "Pending";
    shown.commands = html! {
        @if waits { (command(&format!("/operate/queue/asns/{}/{}", encode(subscription), encode(name)), "Decide", None)) }
        (command(&format!("{path}/edit"), "Edit contacts", refused))
    };
    Ok(shown.into_response())
}

/// What the state means, and what to do.
fn state(claim: &Value) -> Markup {
    let asn = asn(claim);
    match property(claim, "validationState") {
        "Approved" => html! {},
        "Failed" => message(
            "error",
            html! {
                p { (asn) " was refused: " (sentence(property(claim, "errorMessage"))) }
                p { "Edit the contacts and save: then it is asked for again." }
            },
        ),
        _ => message(
            "warning",
            html! {
                p { "Missing: the decision of an operator of this network, within 12 hours. They check that " (asn)
                    " is yours, and may call your NOC contact. You get a mail." }
            },
        ),
    }
}

fn essentials(subscription: &str, claim: &Value) -> Markup {
    let stamp = |name: &str| claim["systemData"][name].as_str().unwrap_or("");
    facts(&[
        ("State", badge(property(claim, "validationState"))),
        ("ASN", html! { (asn(claim)) }),
        ("Peer name", html! { (property(claim, "peerName")) }),
        ("Subscription", copyable(subscription)),
        ("Asked for", time(stamp("createdAt"))),
        ("Changed", time(stamp("lastModifiedAt"))),
        ("Resource id", copyable(claim["id"].as_str().unwrap_or(""))),
    ])
}

fn contact_table(claim: &Value) -> Markup {
    let text = |contact: &Value, name: &str| contact[name].as_str().unwrap_or("").to_owned();
    html! {
        div.scroll tabindex="0" role="region" aria-label="Contacts" { table {
            thead { tr { th scope="col" { "Role" } th scope="col" { "E-mail address" } th scope="col" { "Phone" } } }
            tbody { @for contact in claim["properties"]["peerContactDetail"].as_array().into_iter().flatten() {
                tr {
                    td data-title="Role" { (contacts::words(&text(contact, "role"))) }
                    td data-title="E-mail address" { (text(contact, "email")) }
                    td data-title="Phone" { (text(contact, "phone")) }
                }
            } }
        } }
    }
}

/// The peerings that are of this claim.
async fn peerings(context: &Context, subscription: &str, id: &str) -> Result<Vec<Value>, PageError> {
    let path = format!("/subscriptions/{}/providers/Microsoft.Peering/peerings", encode(subscription));
    let mut all = context.api.list(&path, PEERINGS).await?;
    let of = |kind: &Value| kind["peerAsn"]["id"].as_str().is_some_and(|asn| asn.eq_ignore_ascii_case(id));
    all.retain(|peering| of(&peering["properties"]["direct"]) || of(&peering["properties"]["exchange"]));
    Ok(all)
}

fn peering_list(context: &Context, claim: &Value, users: &[Value]) -> Markup {
    if users.is_empty() {
        let approved = property(claim, "validationState") == "Approved";
        let text = if approved {
            "The ASN is approved: create a peering for it."
        } else {
            "Peerings can be created once the ASN is approved."
        };
        let why = match (approved, context.viewer.writes()) {
            (false, _) => Some("The ASN isn't approved yet."),
            (true, false) => Some("Your account may look only."),
            (true, true) => None,
        };
        return empty(
            "No peering uses this ASN yet",
            text,
            command("/peerings/create", "Create a peering", why),
        );
    }
    html! {
        ul.links { @for peering in users {
            @let id = peering["id"].as_str().unwrap_or("");
            li {
                a href=[page_of(id)] { (peering["name"].as_str().unwrap_or("")) }
                span.none { " in " (peering["properties"]["peeringLocation"].as_str().unwrap_or("")) ", resource group " (part(id, "resourceGroups")) }
            }
        } }
    }
}

fn deletion(context: &Context, path: &str, users: &[Value]) -> Markup {
    html! {
        section.card {
            h2 { "Delete" }
            @if users.is_empty() {
                (form(&context.viewer, &format!("{path}/delete"), html! {
                    label.check { input type="checkbox" name="confirm" value="yes" required; " Delete this association. Mails and history stay; the ASN can be associated again." }
                    div.actions { button.danger type="submit" { "Delete" } }
                }))
            } @else { p { "The association can't be deleted while peerings use it. Delete these first." } }
        }
    }
}
