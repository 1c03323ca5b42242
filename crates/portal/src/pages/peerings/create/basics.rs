//! First step: where the peering belongs, its name and its ASN. None of it changes later.

use super::{CONFIGURATION, CREATE, Draft, refused, step};
use crate::error::PageError;
use crate::parts::faults::{Faults, sentence, told};
use crate::parts::form::Field;
use crate::parts::message;
use crate::query::encode;
use crate::session::Context;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};

const FIELDS: [&str; 4] = ["subscription", "group", "name", "asn"];
/// Groups and ASNs that somebody chooses from.
const CHOICES: usize = 5_000;

/// An ASN that may be chosen.
pub(super) struct PeerAsn {
    pub name: String,
    pub words: String,
    is_approved: bool,
}

/// Shows the step; `check` tells what is wrong with what was typed.
pub(in crate::pages::peerings) async fn show(
    context: Context,
    Query(sent): Query<Vec<(String, String)>>,
) -> Result<Response, PageError> {
    if !context.viewer.writes() {
        return Ok(refused(&context));
    }
    let mut draft = Draft::of(&sent);
    let subscriptions = context.api.subscriptions().await?;
    if !subscriptions.iter().any(|s| s.eq_ignore_ascii_case(&draft.subscription)) {
        draft.subscription = subscriptions.first().cloned().unwrap_or_default();
    }
    let (groups, asns) = match draft.subscription.is_empty() {
        true => (Vec::new(), Vec::new()),
        false => (groups(&context, &draft.subscription).await?, asns(&context, &draft.subscription).await?),
    };
    let approved: Vec<&PeerAsn> = asns.iter().filter(|a| a.is_approved).collect();
    if !approved.iter().any(|a| a.name == draft.asn) {
        draft.asn = match approved[..] {
            [only] => only.name.clone(),
            _ => String::new(),
        };
    }
    let asked = sent.iter().any(|(n, _)| n == "check");
    let faults = if asked { check(&context, &draft).await? } else { Faults::default() };
    let content = html! {
        (message("info", html! { "Subscription, resource group, name and ASN can't be changed later." }))
        @let others = faults.others(&FIELDS, &[]);
        @if !others.is_empty() { (message("error", told(&others))) }
        form action=(CONFIGURATION) {
            (draft.hidden(&FIELDS))
            input type="hidden" name="from" value="basics";
            // Enter goes on, whatever other buttons the form has.
            button.hidden type="submit" tabindex="-1" aria-hidden="true" { "Next" }
            (subscription(&draft, &subscriptions))
            (group(&draft, &groups, faults.at("group")))
            @let wrong = faults.at("name");
            (Field { name: "name", label: "Name", hint: "1 to 63 of A-Z a-z 0-9 _ . -", error: wrong, required: true }
                .input("text", &draft.name, "off"))
            (asn(&draft, &approved, asns.len() > approved.len(), faults.at("asn")))
            div.actions {
                button.primary type="submit" { "Next: Configuration" }
                a.button href="/peerings" { "Cancel" }
            }
        }
    };
    Ok(step(&context, &draft, CREATE, content))
}

/// What is wrong with the first step.
pub(super) async fn check(context: &Context, draft: &Draft) -> Result<Faults, PageError> {
    let mut faults = Faults::default();
    for (value, target, message) in [
        (&draft.subscription, "subscription", "Choose a subscription."),
        (&draft.resource_group, "group", "Choose a resource group, or type the name of a new one."),
        (&draft.name, "name", "Give the peering a name."),
        (&draft.asn, "asn", "Choose one of your approved ASNs."),
    ] {
        if value.is_empty() {
            faults.add(target, message);
        }
    }
    if !context.viewer.reaches(&draft.subscription) {
        faults.add("subscription", "Choose one of your subscriptions.");
        return Ok(faults);
    }
    if draft.resource_group.is_empty() || draft.name.is_empty() {
        return Ok(faults);
    }
    let there = context.api.ask(&draft.place().resource()).await?;
    match there.status {
        StatusCode::NOT_FOUND => {}
        StatusCode::OK => faults.add("name", "There is a peering of this name in the group already."),
        _ => {
            if let Err(refusal) = there.into_result() {
                let target =
                    if refusal.target.as_deref() == Some("resource_group") { "group" } else { "name" };
                faults.add(target, &sentence(&refusal.message));
            }
        }
    }
    Ok(faults)
}

async fn groups(context: &Context, subscription: &str) -> Result<Vec<String>, PageError> {
    let path = format!("/subscriptions/{}/resourceGroups", encode(subscription));
    let rows = context.api.list(&path, CHOICES).await?;
    Ok(rows.iter().filter_map(|row| row["name"].as_str().map(str::to_owned)).collect())
}

/// The subscription's ASNs.
pub(super) async fn asns(context: &Context, subscription: &str) -> Result<Vec<PeerAsn>, PageError> {
    let path = format!("/subscriptions/{}/providers/Microsoft.Peering/peerAsns", encode(subscription));
    let rows = context.api.list(&path, CHOICES).await?;
    let one = |row: &serde_json::Value| {
        let properties = &row["properties"];
        let name = row["name"].as_str().unwrap_or("").to_owned();
        let peer = properties["peerName"].as_str().unwrap_or("");
        PeerAsn {
            words: format!("AS{} – {peer} ({name})", properties["peerAsn"]),
            is_approved: properties["validationState"] == "Approved",
            name,
        }
    };
    Ok(rows.iter().map(one).collect())
}

fn subscription(draft: &Draft, all: &[String]) -> Markup {
    let options: Vec<(String, String)> = all.iter().map(|s| (s.clone(), s.clone())).collect();
    let field = Field { name: "subscription", label: "Subscription", required: true, ..Field::default() };
    html! {
        @if all.is_empty() {
            (message("warning", html! { "You reach no subscription yet. Ask an operator of this network for one." }))
        } @else if all.len() == 1 {
            (field.select(&options, &draft.subscription))
        } @else {
            // Groups and ASNs are the subscription's.
            div hx-get=(CREATE) hx-trigger="change from:#subscription" hx-include="closest form" hx-select="#wizard" hx-target="#wizard" hx-swap="outerHTML" hx-push-url="true" {
                (field.select(&options, &draft.subscription))
            }
            button.scriptless type="submit" formaction=(CREATE) formnovalidate { "Show its groups and ASNs" }
        }
    }
}

fn group(draft: &Draft, groups: &[String], error: Option<&str>) -> Markup {
    html! {
        div.field.wrong[error.is_some()] {
            label for="group" { "Resource group" span.required title="Required" { " *" } }
            p.hint #group-hint { "Choose one, or type the name of a new one." }
            input type="text" #group name="group" value=(draft.resource_group) list="groups" autocomplete="off" required
                aria-describedby="group-hint group-error" aria-invalid=[error.map(|_| "true")];
            datalist #groups { @for group in groups { option value=(group) {} } }
            p.error #group-error { @if let Some(error) = error { (error) } }
        }
    }
}

fn asn(draft: &Draft, approved: &[&PeerAsn], more: bool, error: Option<&str>) -> Markup {
    let choose = (approved.len() > 1).then(|| (String::new(), "Choose".to_owned()));
    let options: Vec<(String, String)> =
        choose.into_iter().chain(approved.iter().map(|a| (a.name.clone(), a.words.clone()))).collect();
    html! {
        @if approved.is_empty() {
            (message("warning", html! {
                @if more { "None of this subscription's ASNs is approved yet. " a href="/peer-asns" { "See what is missing" } "." }
                @else { "This subscription has no ASN yet. " a href="/peer-asns" { "Associate your ASN first" } "." }
            }))
        } @else {
            (Field { name: "asn", label: "Peer ASN", hint: "Your ASNs that are approved.", error, required: true }.select(&options, &draft.asn))
        }
    }
}
