//! The steps as pages.

use super::super::choices::NO_BACKUP;
use super::super::prefixes::KEY_HINT;
use super::send::prefix_rows;
use super::{CHECK, CONFIGURATION, PATH, REVIEW, ROWS, address, again, choices, is_key};
use crate::error::PageError;
use crate::layout::Page;
use crate::parts::faults::Faults;
use crate::parts::form::{Field, form, subscription};
use crate::parts::message;
use crate::parts::typed::Typed;
use crate::query::encode;
use crate::session::Context;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

const STEPS: [(&str, &str); 3] =
    [("Basics", PATH), ("Configuration", CONFIGURATION), ("Review + create", REVIEW)];

/// Subscription, resource group and name.
pub(super) async fn basics(context: &Context, typed: &Typed, faults: &Faults) -> Result<Response, PageError> {
    let known = context.api.subscriptions().await?;
    let mut groups = Vec::new();
    for subscription in known.iter().take(20) {
        let path = format!("/subscriptions/{}/resourceGroups", encode(subscription));
        let listed = context.api.list(&path, 1000).await?;
        groups.extend(listed.iter().filter_map(|g| g["name"].as_str().map(str::to_owned)));
    }
    groups.sort();
    groups.dedup();
    let group = Field {
        name: "group",
        label: "Resource group",
        hint: "Choose one of yours, or write the name of a new one: it comes into being with the peering service.",
        error: faults.at("group"),
        required: true,
    };
    let name = Field {
        name: "name",
        label: "Name",
        hint: "Subscription, resource group and name can't be changed later.",
        error: faults.at("name"),
        required: true,
    };
    let own = ["subscription", "group", "name"];
    let content = html! {
        (faults_of_step(faults, &own))
        section.card { form action=(CONFIGURATION) {
            (carried(typed, |field| own.contains(&field)))
            (subscription(&context.viewer, &known, typed.get("subscription"), faults.at("subscription")))
            (group.suggested(&groups, typed.get("group")))
            (name.input("text", typed.get("name"), "on"))
            div.actions {
                button.primary type="submit" { "Next: Configuration" }
                a.button href="/peering-services" { "Cancel" }
            }
        } }
    };
    Ok(page(context, typed, PATH, content))
}

/// Location, provider, peering locations and prefixes.
pub(super) async fn configuration(
    context: &Context,
    typed: &Typed,
    faults: &Faults,
) -> Result<Response, PageError> {
    let choices = choices(context, typed).await?;
    let field = |name: &'static str, label: &'static str, hint: &'static str, required: bool| Field {
        name,
        label,
        hint,
        error: faults.at(name),
        required,
    };
    let own = ["location", "provider", "primary", "backup"];
    let is_own = |field: &str| own.contains(&field) || field.starts_with("prefix-");
    let content = html! {
        (faults.top())
        section.card { form action=(REVIEW) {
            // The button of the Enter key.
            button.hidden type="submit" tabindex="-1" aria-hidden="true" { "Next" }
            (carried(typed, is_own))
            (choices.place(field("location", "Location", "Where the users of the service are. It can't be changed later.", true), typed.get("location")))
            (choices.provider(field("provider", "Provider", "The network that brings the traffic to this one. It can't be changed later.", true), typed.get("provider")))
            (choices.presence(""))
            (choices.metro(field("primary", "Primary peering location", "Where the provider hands over the traffic of your prefixes. Needed to activate prefixes.", false), typed.get("primary"), "None"))
            (choices.metro(field("backup", "Backup peering location", NO_BACKUP, false), typed.get("backup"), "None: fall back to the Internet"))
            (prefix_fields(typed, faults))
            div.actions {
                button.primary type="submit" { "Next: Review + create" }
                button type="submit" formaction=(PATH) formnovalidate { "Previous" }
                a.button href="/peering-services" { "Cancel" }
            }
        } }
    };
    Ok(page(context, typed, CONFIGURATION, content))
}

fn prefix_fields(typed: &Typed, faults: &Faults) -> Markup {
    let rows = typed.rows(ROWS);
    let button = |action: &str, words: Markup| {
        html! {
            button type="submit" name="do" value=(action) formaction=(CONFIGURATION) formnovalidate { (words) }
        }
    };
    html! {
        fieldset {
            legend { "Prefixes" }
            p.hint { "Prefixes can also be added later. Their keys are asked for in Review + create." }
            @for (place, row) in rows.iter().enumerate() {
                @let name = |column: &str| format!("{ROWS}-{row}-{column}");
                @let (own, prefix) = (name("name"), name("prefix"));
                div.row role="group" aria-label=(format!("Prefix {}", place + 1)) {
                    (Field { name: &own, label: "Name", error: faults.at(&own), ..Field::default() }.input("text", typed.get(&own), "on"))
                    (Field { name: &prefix, label: "Prefix", error: faults.at(&prefix), ..Field::default() }.input("text", typed.get(&prefix), "on"))
                    div.end { (button(&format!("remove-{ROWS}-{row}"), html! { "Remove" span.hidden { " prefix " (place + 1) } })) }
                }
            }
            (button(&format!("add-{ROWS}"), html! { "Add a prefix" }))
        }
    }
}

/// Everything, with what is wrong beside it, or `passed` where nothing is.
pub(super) fn review(context: &Context, typed: &Typed, faults: &Faults, passed: &str) -> Response {
    let line = |label: &str, field: &str, none: &str| {
        html! {
            div.wrong[faults.at(field).is_some()] {
                dt { (label) }
                dd {
                    @if typed.get(field).is_empty() { span.none { (none) } } @else { (typed.get(field)) }
                    @if let Some(error) = faults.at(field) { p.error { (error) } }
                }
            }
        }
    };
    let back = |step: &str| if faults.none() { address(typed, step) } else { again(typed, step) };
    let change = |step: &str, about: &str| {
        html! { a.button href=(back(step)) { "Change" span.hidden { " " (about) } } }
    };
    // A key can be corrected on this page; everything else on another.
    let blocked = faults.fields().any(|field| !is_key(field));
    let content = html! {
        @if faults.none() { (message("success", html! { (passed) })) }
        @else { (faults.top()) }
        (form(&context.viewer, PATH, html! {
            button.hidden type="submit" tabindex="-1" aria-hidden="true" disabled[blocked] { "Create" }
            (carried(typed, is_key))
            section.card {
                h2 { "Basics" }
                dl.facts {
                    (line("Subscription", "subscription", "–"))
                    (line("Resource group", "group", "–"))
                    (line("Name", "name", "–"))
                }
                div.actions { (change(PATH, "basics")) }
            }
            section.card {
                h2 { "Configuration" }
                dl.facts {
                    (line("Location", "location", "not chosen"))
                    (line("Provider", "provider", "not chosen"))
                    (line("Primary peering location", "primary", "None"))
                    (line("Backup peering location", "backup", "None: traffic falls back to the Internet"))
                }
                h3 { "Prefixes" }
                (review_prefixes(typed, faults))
                div.actions { (change(CONFIGURATION, "configuration")) }
            }
            div.actions {
                button.primary type="submit" disabled[blocked] { "Create" }
                a.button href=(back(CONFIGURATION)) { "Previous" }
                a.button href="/peering-services" { "Cancel" }
            }
        }))
    };
    page(context, typed, REVIEW, content)
}

fn review_prefixes(typed: &Typed, faults: &Faults) -> Markup {
    let rows = prefix_rows(typed);
    let name = |row: &usize, column: &str| format!("{ROWS}-{row}-{column}");
    html! {
        @if rows.is_empty() { p.none { "None yet. They can be added later." } }
        @else { p.hint { (KEY_HINT) } }
        @for row in rows {
            dl.facts {
                @for (column, title) in [("name", "Name"), ("prefix", "Prefix")] {
                    @let field = name(&row, column);
                    div.wrong[faults.at(&field).is_some()] {
                        dt { (title) }
                        dd {
                            @if typed.get(&field).is_empty() { span.none { "–" } } @else { (typed.get(&field)) }
                            @if let Some(error) = faults.at(&field) { p.error { (error) } }
                        }
                    }
                }
            }
            @let key = name(&row, "key");
            @let label = format!("Prefix key of {}", typed.get(&name(&row, "prefix")));
            (Field { name: &key, label: &label, error: faults.at(&key), required: true, ..Field::default() }
                .input("text", typed.get(&key), "off"))
        }
    }
}

/// What was chosen in other steps.
fn carried(typed: &Typed, own: impl Fn(&str) -> bool) -> Markup {
    typed.hidden(|field| field == CHECK || is_key(field) || own(field))
}

/// What belongs to no field of this step, with those of later steps.
fn faults_of_step(faults: &Faults, own: &[&str]) -> Markup {
    html! { @if !faults.none() && own.iter().any(|field| faults.at(field).is_some()) { (faults.top()) } }
}

fn page(context: &Context, typed: &Typed, here: &str, content: Markup) -> Response {
    let content = html! {
        nav.steps aria-label="Steps" { ol {
            @for (name, path) in STEPS {
                li aria-current=[(path == here).then_some("step")] { a href=(address(typed, path)) { (name) } }
            }
        } }
        (content)
    };
    let mut shown = Page::new(&context.viewer, PATH, "Create a peering service", content);
    shown.trail = &[("Peering Services", "/peering-services")];
    shown.into_response()
}
