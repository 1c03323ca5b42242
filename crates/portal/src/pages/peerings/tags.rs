//! A peering's tags.

use super::at::At;
use super::frame::{may_write, tab};
use super::seen::Seen;
use crate::error::PageError;
use crate::parts::faults::{Faults, told};
use crate::parts::form::form;
use crate::parts::message;
use crate::parts::version::{Version, changed_by};
use crate::session::Context;
use axum::extract::{Form, Path, Query};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use maud::html;
use serde_json::{Map, Value, json};

const PATH: &str = "/tags";
/// Empty rows for new tags.
const SPARE: usize = 3;

type Tags = Vec<(String, String)>;

/// Shows the tags.
pub(super) async fn show(
    context: Context,
    Path(at): Path<At>,
    Query(asked): Query<Vec<(String, String)>>,
) -> Result<Response, PageError> {
    let seen = Seen::of(&context, &at).await?;
    let tags = seen.whole["tags"].as_object().into_iter().flatten();
    let tags: Tags = tags.map(|(k, v)| (k.clone(), v.as_str().unwrap_or("").to_owned())).collect();
    let saved = asked.iter().any(|(name, _)| name == "saved");
    Ok(page(&context, &at, tags, &seen.version(), saved, &Faults::default()))
}

/// Replaces the tags by those that were typed; a row without a name is none.
pub(super) async fn save(
    context: Context,
    Path(at): Path<At>,
    headers: HeaderMap,
    Form(sent): Form<Tags>,
) -> Result<Response, PageError> {
    let all =
        |name: &'static str| sent.iter().filter(move |(n, _)| n == name).map(|(_, v)| v.trim().to_owned());
    context.check_form(&headers, all("_csrf").next().as_deref())?;
    let version = Version::sent(sent.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let typed: Tags = all("tag").zip(all("value")).filter(|(tag, _)| !tag.is_empty()).collect();
    let mut faults = Faults::default();
    for (i, (tag, _)) in typed.iter().enumerate() {
        if typed[..i].iter().any(|(other, _)| other.eq_ignore_ascii_case(tag)) {
            faults.add("", &format!("{tag} stands here twice."));
        }
    }
    if !faults.none() {
        return Ok(page(&context, &at, typed, &version, false, &faults));
    }
    let tags: Map<String, Value> = typed.iter().map(|(k, v)| (k.clone(), Value::from(v.as_str()))).collect();
    let body = json!({ "tags": tags });
    let answer = context.api.send_if(Method::PATCH, &at.resource(), Some(&body), version.condition()).await?;
    if answer.status == StatusCode::PRECONDITION_FAILED {
        let seen = Seen::of(&context, &at).await?;
        let faults = version.changed(&seen.version(), changed_by(&seen.whole));
        return Ok(page(&context, &at, typed, &seen.version(), false, &faults));
    }
    Ok(match answer.into_result() {
        Ok(_) => Redirect::to(&format!("{}?saved=1", at.page(PATH))).into_response(),
        Err(refusal) => page(&context, &at, typed, &version, false, &Faults::from(&refusal)),
    })
}

fn page(context: &Context, at: &At, tags: Tags, version: &Version, saved: bool, faults: &Faults) -> Response {
    let writes = may_write(context).is_ok();
    let spare = if writes { SPARE } else { 0 };
    let rows: Tags = tags.into_iter().chain(vec![Default::default(); spare]).collect();
    let content = html! {
        @if saved { (message("success", html! { "The tags are saved." })) }
        @let others = faults.others(&[], &[]);
        @if !others.is_empty() { (message("error", told(&others))) }
        p.more { "Words of your own on the peering, such as a cost centre. They change nothing on the network." }
        (form(&context.viewer, &at.page(PATH), html! {
            (version.hidden())
            div.tags {
                @for (i, (tag, value)) in rows.iter().enumerate() {
                    div.tag {
                        input type="text" name="tag" value=(tag) maxlength="512" readonly[!writes]
                            aria-label=(format!("Name of tag {}", i + 1)) placeholder="Name" autocomplete="off";
                        input type="text" name="value" value=(value) maxlength="256" readonly[!writes]
                            aria-label=(format!("Value of tag {}", i + 1)) placeholder="Value" autocomplete="off";
                    }
                }
            }
            @if rows.is_empty() { p.nothing { "No tags." } }
            @if writes {
                p.hint { "A tag without a name is taken away. Save to get more rows." }
                div.actions { button.primary type="submit" { "Save" } }
            }
        }))
    };
    tab(context, at, PATH, html! {}, content)
}
