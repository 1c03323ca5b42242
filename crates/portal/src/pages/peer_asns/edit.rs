//! Changing a claim's contacts, and its name while it isn't approved. A refused claim is asked
//! again by that.

use super::{asn, claim, contacts, page, property};
use crate::error::PageError;
use crate::layout::Page;
use crate::parts::facts;
use crate::parts::faults::Faults;
use crate::parts::form::{Field, default_button, form};
use crate::parts::typed::Typed;
use crate::parts::version::{Version, changed_by};
use crate::session::Context;
use axum::extract::Path;
use axum::http::{HeaderMap, Method, StatusCode};
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
    let (there, version) = read(&context, &subscription, &name).await?;
    let mut typed = Typed::default();
    typed.set("peer-name", property(&there, "peerName"));
    contacts::typed(&mut typed, &there);
    Ok(form_page(&context, &subscription, &there, &typed, &version, &Faults::default()))
}

/// The claim as it is.
async fn read(context: &Context, subscription: &str, name: &str) -> Result<(Value, Version), PageError> {
    let (there, etag) = context.api.get_tagged(&claim(subscription, name)).await?;
    let mut lines = vec![format!("peer name {}", property(&there, "peerName"))];
    lines.extend(contacts::lines(&there));
    let version = Version::new(etag.as_deref(), lines);
    Ok((there, version))
}

/// Saves it.
pub(in crate::pages) async fn save(
    context: Context,
    Path((subscription, name)): Path<(String, String)>,
    headers: HeaderMap,
    mut typed: Typed,
) -> Result<Response, PageError> {
    context.check_form(&headers, typed.csrf())?;
    let (there, _) = read(&context, &subscription, &name).await?;
    let version = typed.version();
    if typed.rows_changed(contacts::ROWS, contacts::COLUMN) {
        return Ok(form_page(&context, &subscription, &there, &typed, &version, &Faults::default()));
    }
    let body = json!({ "properties": {
        "peerAsn": there["properties"]["peerAsn"],
        "peerName": if is_approved(&there) { property(&there, "peerName") } else { typed.get("peer-name") },
        "peerContactDetail": contacts::body(&typed),
    } });
    let path = claim(&subscription, &name);
    let answer = context.api.send_if(Method::PUT, &path, Some(&body), version.condition()).await?;
    if answer.status == StatusCode::PRECONDITION_FAILED {
        let (there, now) = read(&context, &subscription, &name).await?;
        let faults = version.changed(&now, changed_by(&there));
        return Ok(form_page(&context, &subscription, &there, &typed, &now, &faults));
    }
    match answer.into_result() {
        Ok(_) => Ok(Redirect::to(&page(&subscription, &name)).into_response()),
        Err(refusal) => {
            let field = |target: &str| match target {
                "properties.peerName" => Some("peer-name".to_owned()),
                other => contacts::field(&typed, other),
            };
            let faults = Faults::of(&refusal, field);
            Ok(form_page(&context, &subscription, &there, &typed, &version, &faults))
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
    version: &Version,
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
                (version.hidden())
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
