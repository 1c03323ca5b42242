//! Changing a claim's contacts, and its name while it isn't approved. A refused claim is asked
//! again by that.

use super::{asn, claim, contacts, page, property};
use crate::error::PageError;
use crate::layout::Page;
use crate::parts::facts;
use crate::parts::faults::Faults;
use crate::parts::form::{Field, default_button, form};
use crate::parts::typed::Typed;
use crate::session::Context;
use axum::extract::Path;
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Redirect, Response};
use maud::html;
use serde_json::{Value, json};

/// Shows the form.
pub(in crate::pages) async fn show(
    context: Context,
    Path((subscription, name)): Path<(String, String)>,
) -> Result<Response, PageError> {
    if !context.viewer.writes() {
        return Err(PageError::NotAllowed);
    }
    let there = context.api.get(&claim(&subscription, &name)).await?;
    let mut typed = Typed::default();
    typed.set("peer-name", property(&there, "peerName"));
    contacts::typed(&mut typed, &there);
    Ok(form_page(&context, &subscription, &there, &typed, &Faults::default()))
}

/// Saves it.
pub(in crate::pages) async fn save(
    context: Context,
    Path((subscription, name)): Path<(String, String)>,
    headers: HeaderMap,
    mut typed: Typed,
) -> Result<Response, PageError> {
    context.check_form(&headers, typed.csrf())?;
    let path = claim(&subscription, &name);
    let there = context.api.get(&path).await?;
    if typed.rows_changed(contacts::ROWS, contacts::COLUMN) {
        return Ok(form_page(&context, &subscription, &there, &typed, &Faults::default()));
    }
    let body = json!({ "properties": {
        "peerAsn": there["properties"]["peerAsn"],
        "peerName": if is_approved(&there) { property(&there, "peerName") } else { typed.get("peer-name") },
        "peerContactDetail": contacts::body(&typed),
    } });
    match context.api.send(Method::PUT, &path, Some(&body)).await?.into_result() {
        Ok(_) => Ok(Redirect::to(&page(&subscription, &name)).into_response()),
        Err(refusal) => {
            let field = |target: &str| match target {
                "properties.peerName" => Some("peer-name".to_owned()),
                other => contacts::field(&typed, other),
            };
            Ok(form_page(&context, &subscription, &there, &typed, &Faults::of(&refusal, field)))
        }
    }
}

fn is_approved(claim: &Value) -> bool {
    property(claim, "validationState") == "Approved"
}

fn form_page(
    context: &Context,
    subscription: &str,
    there: &Value,
    typed: &Typed,
    faults: &Faults,
) -> Response {
    let name = there["name"].as_str().unwrap_or("");
    let back = page(subscription, name);
    let refused = property(there, "validationState") == "Failed";
    let peer_name = Field {
        name: "peer-name",
        label: "Peer name",
        hint: "Your network's name, as users of Peering Service will see it. It can't be changed once it is approved.",
        error: faults.at("peer-name"),
        required: true,
    };
    let content = html! {
        (faults.top())
        section.card {
            (facts(&[("ASN", html! { (asn(there)) }), ("Subscription", html! { (subscription) })]))
        }
        section.card {
            (form(&context.viewer, &context.path, html! {
                (default_button("save"))
                @if !is_approved(there) { (peer_name.input("text", typed.get("peer-name"), "organization")) }
                (contacts::fields(typed, faults))
                div.actions {
                    button.primary type="submit" name="do" value="save" {
                        @if refused { "Save and ask again" } @else { "Save" }
                    }
                    a.button href=(back) { "Cancel" }
                }
            }))
        }
    };
    let title = format!("Edit {name}");
    let mut shown = Page::new(&context.viewer, &context.path, &title, content);
    let trail = [("Peer ASNs", "/peer-asns"), (name, back.as_str())];
    shown.trail = &trail;
    shown.into_response()
}
