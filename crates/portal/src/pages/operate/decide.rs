//! A yes or no, sent by the form of a request. The API decides whether it is one.

use super::queue;
use super::request::{self, ALLOWABLE, asn_page, connection_page};
use crate::error::PageError;
use crate::parts::faults::sentence;
use crate::parts::typed::Typed;
use crate::query::encode;
use crate::session::Context;
use axum::extract::Path;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::{Value, json};

/// Decides about a connection.
pub(super) async fn connection(
    context: Context,
    Path(connection): Path<String>,
    headers: HeaderMap,
    typed: Typed,
) -> Result<Response, PageError> {
    let path = format!("/api/v1/connections/{}", encode(&connection));
    let page = format!("/operate/queue/connections/{}", encode(&connection));
    match send(&context, &headers, &typed, &path).await? {
        None => Ok(Redirect::to(&page).into_response()),
        Some(refused) => connection_page(&context, &connection, &refused, None).await,
    }
}

/// Decides about a claim to an ASN.
pub(super) async fn asn(
    context: Context,
    Path((subscription, name)): Path<(String, String)>,
    headers: HeaderMap,
    typed: Typed,
) -> Result<Response, PageError> {
    let path = format!("/api/v1/subscriptions/{}/peerAsns/{}", encode(&subscription), encode(&name));
    match send(&context, &headers, &typed, &path).await? {
        None => {
            let page = queue::page_of(&json!({ "subscription": subscription, "name": name }));
            Ok(Redirect::to(&page).into_response())
        }
        Some(refused) => asn_page(&context, &subscription, &name, &refused, None).await,
    }
}

/// Sends the decision about what was seen; what was typed comes back with what is wrong with it.
async fn send(
    context: &Context,
    headers: &HeaderMap,
    typed: &Typed,
    path: &str,
) -> Result<Option<request::Typed>, PageError> {
    context.check_form(headers, typed.csrf())?;
    if !context.viewer.is_operator() {
        return Err(PageError::NotAllowed);
    }
    let mut back = request::Typed { reason: typed.get("reason").to_owned(), ..request::Typed::default() };
    let mut body = json!({ "reason": back.reason });
    let verb = match typed.get("do") {
        verb @ ("approve" | "refuse") => verb,
        _ => {
            back.error = Some("Choose whether to approve or to refuse.".into());
            return Ok(Some(back));
        }
    };
    for (_, allows, field, _) in ALLOWABLE.iter().filter(|(_, _, field, _)| typed.get(field) == "yes") {
        back.allowed.push(field);
        if verb == "approve" {
            body[*allows] = Value::Bool(true);
        }
    }
    let seen = format!("\"{}\"", typed.get("seen").replace(|c: char| !c.is_ascii_graphic(), ""));
    let condition = Some(("if-match", seen.as_str()));
    let answer = context.api.send_if(Method::POST, &format!("{path}/{verb}"), Some(&body), condition).await?;
    let is_other = answer.status == StatusCode::PRECONDITION_FAILED;
    let Err(refusal) = answer.into_result() else { return Ok(None) };
    if is_other {
        // What was allowed was allowed of something else.
        back.allowed.clear();
    }
    if refusal.target.as_deref() == Some("reason") {
        back.reason_error = Some(sentence(&refusal.message));
    } else {
        let told: Vec<String> = refusal.violations().iter().map(|v| sentence(&v.message)).collect();
        back.error = Some(told.join(" "));
    }
    Ok(Some(back))
}
