//! A yes or no, sent by the form of a request. The API decides whether it is one.

use super::queue;
use super::request::{self, asn_page, connection_page};
use crate::error::PageError;
use crate::parts::faults::sentence;
use crate::parts::typed::Typed;
use crate::query::encode;
use crate::session::Context;
use axum::extract::Path;
use axum::http::{HeaderMap, Method};
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
        Some(_) if is_made(&context, &path, &typed).await? => Ok(Redirect::to(&page).into_response()),
        Some(refused) => connection_page(&context, &connection, &refused).await,
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
        Some(refused) => asn_page(&context, &subscription, &name, &refused).await,
    }
}

/// True when a connection has this very decision: the form was sent twice.
async fn is_made(context: &Context, path: &str, typed: &Typed) -> Result<bool, PageError> {
    let found = context.api.get(path).await?;
    let (decision, verb) = (&found["decision"], typed.get("do"));
    let same = decision["approved"] == (verb == "approve") && decision["reason"] == typed.get("reason");
    Ok(same && matches!(verb, "approve" | "refuse"))
}

/// Sends the decision; what was typed comes back with what is wrong with it.
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
    let mut back = request::Typed {
        reason: typed.get("reason").to_owned(),
        allow_name: typed.get("allow-name") == "yes",
        ..request::Typed::default()
    };
    let mut body = json!({ "reason": back.reason });
    let verb = match typed.get("do") {
        "approve" => {
            if back.allow_name {
                body["allowDuplicateName"] = Value::Bool(true);
            }
            "approve"
        }
        "refuse" => "refuse",
        _ => {
            back.error = Some("Choose whether to approve or to refuse.".into());
            return Ok(Some(back));
        }
    };
    let answer = context.api.send(Method::POST, &format!("{path}/{verb}"), Some(&body)).await?;
    let Err(refusal) = answer.into_result() else { return Ok(None) };
    if refusal.target.as_deref() == Some("reason") {
        back.reason_error = Some(sentence(&refusal.message));
    } else {
        back.error = Some(sentence(&refusal.message));
    }
    Ok(Some(back))
}
