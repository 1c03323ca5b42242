//! Associating an ASN with a subscription.

use super::{claim, contacts, page};
use crate::error::PageError;
use crate::layout::Page;
use crate::parts::faults::Faults;
use crate::parts::form::{Field, default_button, form, subscription};
use crate::parts::message;
use crate::parts::typed::Typed;
use crate::session::Context;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use maud::html;
use meetme_model::peering::is_resource_name;
use serde_json::{Value, json};

const PATH: &str = "/peer-asns/create";

/// Shows the form.
pub(in crate::pages) async fn show(context: Context) -> Result<Response, PageError> {
    if !context.viewer.writes() {
        return Err(PageError::NotAllowed);
    }
    let mut typed = Typed::default();
    typed.add_row(contacts::ROWS, contacts::COLUMN);
    typed.set("contact-0-role", "Noc");
    form_page(&context, &typed, &Faults::default()).await
}

/// Sends the claim.
pub(in crate::pages) async fn create(
    context: Context,
    headers: HeaderMap,
    mut typed: Typed,
) -> Result<Response, PageError> {
    context.check_form(&headers, typed.csrf())?;
    if typed.rows_changed(contacts::ROWS, contacts::COLUMN) {
        return form_page(&context, &typed, &Faults::default()).await;
    }
    let known = context.api.subscriptions().await?;
    let (subscription, name) = (typed.get("subscription"), typed.get("name"));
    let body = body(&typed);
    let mut faults = own_faults(&context, &typed, &known);
    let field = |target: &str| field(&typed, target);
    if faults.none() {
        let answer = context.api.create(&claim(subscription, name), &body).await?;
        let there = answer.status == StatusCode::PRECONDITION_FAILED;
        match answer.into_result() {
            Ok(_) => return Ok(Redirect::to(&page(subscription, name)).into_response()),
            Err(_) if there && is_same(&context, subscription, name, &body).await? => {
                return Ok(Redirect::to(&page(subscription, name)).into_response());
            }
            Err(_) if there => {
                faults.add("name", "this subscription has an ASN of this name already; choose another")
            }
            Err(refusal) => faults.merge(Faults::of(&refusal, field)),
        }
    } else if let Some(subscription) = known.iter().find(|s| *s == subscription).or(known.first()) {
        // The name can't stand in a path: all else is looked at under another one.
        if let Some(refusal) = context.api.check(&claim(subscription, "unnamed"), &body).await? {
            faults.merge(Faults::of(&refusal, field));
        }
    }
    if faults.at("asn").is_some() && !typed.get("asn").is_empty() && number(typed.get("asn")).is_none() {
        faults.replace("asn", "this isn't an ASN; write a number, such as 64510 or AS64510");
    }
    form_page(&context, &typed, &faults).await
}

/// What is wrong with what the path is made from.
fn own_faults(context: &Context, typed: &Typed, known: &[String]) -> Faults {
    let mut faults = Faults::default();
    if !is_resource_name(typed.get("name")) {
        faults.add("name", "give it a name of 1 to 63 letters, digits, dots, dashes and underscores");
    }
    let subscription = typed.get("subscription");
    let reached = known.iter().any(|s| s == subscription);
    if !(reached || context.viewer.is_operator() && is_resource_name(subscription)) {
        faults.add("subscription", "choose the subscription that the ASN belongs to");
    }
    faults
}

/// True when there is just what is asked for: the form was sent twice.
async fn is_same(
    context: &Context,
    subscription: &str,
    name: &str,
    asked: &Value,
) -> Result<bool, PageError> {
    let there = context.api.get(&claim(subscription, name)).await?;
    let same = |property: &str| there["properties"][property] == asked["properties"][property];
    Ok(["peerAsn", "peerName", "peerContactDetail"].into_iter().all(same))
}

/// An ASN as people write it.
fn number(text: &str) -> Option<i64> {
    let digits = text.get(..2).filter(|start| start.eq_ignore_ascii_case("as")).map_or(text, |_| &text[2..]);
    digits.trim().parse().ok()
}

fn body(typed: &Typed) -> Value {
    json!({ "properties": {
        "peerAsn": number(typed.get("asn")),
        "peerName": typed.get("peer-name"),
        "peerContactDetail": contacts::body(typed),
    } })
}

fn field(typed: &Typed, target: &str) -> Option<String> {
    match target {
        "properties.peerAsn" => Some("asn".into()),
        "properties.peerName" => Some("peer-name".into()),
        "name" | "peer_asn" => Some("name".into()),
        other => contacts::field(typed, other),
    }
}

async fn form_page(context: &Context, typed: &Typed, faults: &Faults) -> Result<Response, PageError> {
    let known = context.api.subscriptions().await?;
    let field = |name: &'static str, label: &'static str, hint: &'static str| Field {
        name,
        label,
        hint,
        error: faults.at(name),
        required: true,
    };
    let content = html! {
        (faults.top())
        (message("info", html! {
            p { "An operator of this network decides whether the ASN is yours, within 12 hours, and may call your NOC. \
                 You get a mail, and this portal shows it. Then peerings can be created for the ASN." }
        }))
        section.card {
            (form(&context.viewer, PATH, html! {
                (default_button("save"))
                (subscription(&context.viewer, &known, typed.get("subscription"), faults.at("subscription")))
                (field("name", "Name", "What the ASN is called in your subscription, such as contoso. It can't be changed later.")
                    .input("text", typed.get("name"), "off"))
                (field("asn", "ASN", "Your public autonomous system number. It can't be changed later.")
                    .input("text", typed.get("asn"), "off"))
                (field("peer-name", "Peer name", "Your network's name, as users of Peering Service will see it.")
                    .input("text", typed.get("peer-name"), "organization"))
                (contacts::fields(typed, faults))
                div.actions {
                    button.primary type="submit" name="do" value="save" { "Associate" }
                    a.button href="/peer-asns" { "Cancel" }
                }
            }))
        }
    };
    let mut shown = Page::new(&context.viewer, PATH, "Associate an ASN", content);
    shown.trail = &[("Peer ASNs", "/peer-asns")];
    Ok(shown.into_response())
}

#[cfg(test)]
mod tests {
    #[test]
    fn asns_are_taken_as_people_write_them() {
        for (text, number) in
            [("AS64510", Some(64510)), ("as 7", Some(7)), ("12", Some(12)), ("ä", None), ("1.1", None)]
        {
            assert_eq!(super::number(text), number, "{text}");
        }
    }
}
