//! The pane of a connection: what is chosen there is checked by the API before it joins the others.

use super::review::validate;
use super::{Begun, CONFIGURATION, CONNECTION, begun, step};
use crate::error::PageError;
use crate::pages::peerings::link::{Link, TARGETS};
use crate::parts::faults::{Faults, told};
use crate::parts::message;
use crate::session::Context;
use axum::extract::Query;
use axum::response::{IntoResponse, Redirect, Response};
use maud::html;

/// Shows the pane of connection `edit`, or of a new one; with `save` takes what it holds.
pub(in crate::pages::peerings) async fn show(
    context: Context,
    Query(sent): Query<Vec<(String, String)>>,
) -> Result<Response, PageError> {
    let (draft, catalogue) = match begun(&context, &sent).await? {
        Begun::Draft(draft, catalogue) => (draft, catalogue),
        Begun::Elsewhere(response) => return Ok(response),
    };
    let of = |name: &str| sent.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
    let edited = of("edit").and_then(|i| i.parse::<usize>().ok()).filter(|i| *i < draft.connections.len());
    let (offering, place) = (catalogue.offering(&draft.r#type), catalogue.place(&draft.location));
    let mut faults = Faults::default();
    let link = if of("save").is_some() {
        let link = Link::of_form(&sent);
        let mut whole = draft.clone();
        let i = edited.unwrap_or(whole.connections.len());
        match whole.connections.get_mut(i) {
            Some(old) => *old = link.clone(),
            None => whole.connections.push(link.clone()),
        }
        let all = validate(&context, &whole, &catalogue).await?;
        faults = all.below(&format!("properties.direct.connections[{i}]"));
        if faults.none() {
            return Ok(Redirect::to(&format!("{}#connections", whole.at(CONFIGURATION))).into_response());
        }
        link
    } else {
        match edited {
            Some(i) => draft.connections[i].clone(),
            // The next one is most often like the one before.
            None => {
                let like = draft.connections.last().map(|c| Link {
                    prefix_v4: String::new(),
                    prefix_v6: String::new(),
                    ..c.clone()
                });
                like.unwrap_or_else(|| Link::usual(offering, place))
            }
        }
    };
    let title = match edited {
        Some(i) => format!("Connection {}", i + 1),
        None => "Add a connection".to_owned(),
    };
    let content = html! {
        section.card {
            h2 { (title) }
            p.more { (catalogue.network(&draft.r#type)) ", " (draft.location) }
            @let others = faults.others(&TARGETS, &[]);
            @if !others.is_empty() { (message("error", told(&others))) }
            form action=(CONNECTION) {
                (draft.hidden(&[]))
                @if let Some(i) = edited { input type="hidden" name="edit" value=(i); }
                input type="hidden" name="save" value="1";
                (link.fields(offering, place, &faults, false))
                (crate::pages::peerings::link::forced("MD5 key", "Asked for in Review + create", "Optional. A key never stands in an address."))
                div.actions {
                    button.primary type="submit" { "Save" }
                    a.button href=(draft.at(CONFIGURATION)) { "Cancel" }
                }
            }
        }
    };
    Ok(step(&context, &draft, CONFIGURATION, content))
}
