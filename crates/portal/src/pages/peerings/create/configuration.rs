//! Second step: what kind of peering, where, and its connections.

use super::basics::check;
use super::{CONFIGURATION, CONNECTION, CREATE, Draft, REVIEW, refused, step};
use crate::error::PageError;
use crate::pages::peerings::link::{Link, forced};
use crate::pages::peerings::offering::{Catalogue, Offering, provider_words, sku_words};
use crate::parts::form::Field;
use crate::parts::message;
use crate::session::Context;
use axum::extract::Query;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};

const COLUMNS: [&str; 6] = ["No.", "Facility", "Bandwidth", "Addresses", "Peering Service", "Max prefixes"];
const FIELDS: [&str; 2] = ["type", "metro"];

/// Shows the step; from Basics only when nothing is wrong there.
pub(in crate::pages::peerings) async fn show(
    context: Context,
    Query(sent): Query<Vec<(String, String)>>,
) -> Result<Response, PageError> {
    if !context.viewer.writes() {
        return Ok(refused(&context));
    }
    let mut draft = Draft::of(&sent);
    let of = |name: &str| sent.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
    let unknown = draft.subscription.is_empty() || !context.viewer.reaches(&draft.subscription);
    if unknown || (of("from") == Some("basics") && !check(&context, &draft).await?.none()) {
        return Ok(Redirect::to(&format!("{}&check=1", draft.at(CREATE))).into_response());
    }
    if let Some(i) =
        of("remove").and_then(|i| i.parse::<usize>().ok()).filter(|i| *i < draft.connections.len())
    {
        draft.connections.remove(i);
        return Ok(Redirect::to(&draft.at(CONFIGURATION)).into_response());
    }
    let catalogue = Catalogue::of(&context, &draft.subscription, &draft.r#type).await?;
    draft.settle(&catalogue);
    let offering = catalogue.offering(&draft.r#type);
    let content = html! {
        @if catalogue.offerings.is_empty() {
            (message("warning", html! { "This network offers no peerings yet. Its operators declare them in the inventory." }))
        }
        form #configuration action=(REVIEW) {
            (draft.hidden(&FIELDS))
            // Enter goes on, whatever other buttons the form has.
            button.hidden type="submit" tabindex="-1" aria-hidden="true" { "Next" }
            div hx-get=(CONFIGURATION) hx-trigger="change from:#type" hx-include="closest form" hx-select="#wizard" hx-target="#wizard" hx-swap="outerHTML" hx-push-url="true" {
                (network(&draft, &catalogue))
            }
            button.scriptless type="submit" formaction=(CONFIGURATION) { "Show what this network takes" }
            (sku(&draft, offering))
            (metro(&draft, &catalogue))
            (grid(&draft, &catalogue, offering))
            div.actions {
                button.primary type="submit" { "Next: Review + create" }
                button type="submit" formaction=(CREATE) { "Previous" }
                a.button href="/peerings" { "Cancel" }
            }
        }
    };
    Ok(step(&context, &draft, CONFIGURATION, content))
}

fn network(draft: &Draft, catalogue: &Catalogue) -> Markup {
    let kind = |direct: bool| catalogue.offerings.iter().any(|o| (o.kind == "Direct") == direct);
    let types = match (kind(true), kind(false)) {
        (true, true) => {
            "Direct over a private interconnect, or Exchange at an exchange: the network below says which."
        }
        (_, false) => "This network peers over private interconnects only, not at exchanges.",
        (false, true) => "This network peers at exchanges only.",
    };
    let own = catalogue.offering(&draft.r#type).map_or("Direct", |o| &o.kind);
    let options: Vec<(String, String)> =
        catalogue.offerings.iter().map(|o| (o.direct_peering_type.clone(), o.name.clone())).collect();
    html! {
        (forced("Peering type", own, types))
        (Field { name: "type", label: "Network", hint: "With Voice is for communications services such as direct routing.", error: None, required: true }
            .select(&options, &draft.r#type))
    }
}

fn sku(draft: &Draft, offering: Option<&Offering>) -> Markup {
    let follows = "It follows from the connections: Premium where one is used for Peering Service.";
    let why = offering.map_or("", |o| if o.skus.len() > 1 { follows } else { o.why() });
    forced("SKU", &sku_words(&draft.sku), why)
}

fn metro(draft: &Draft, catalogue: &Catalogue) -> Markup {
    let options: Vec<(String, String)> =
        catalogue.places.iter().map(|p| (p.name.clone(), format!("{}, {}", p.name, p.country))).collect();
    let hint = "One peering for an ASN, a network and a metro; more capacity is more connections.";
    Field { name: "metro", label: "Peering location", hint, error: None, required: true }
        .select(&options, &draft.location)
}

fn grid(draft: &Draft, catalogue: &Catalogue, offering: Option<&Offering>) -> Markup {
    let place = catalogue.place(&draft.location);
    let serves = draft.connections.iter().any(|c| c.service);
    let least = offering.and_then(|o| o.sku(o.serves(serves))).map_or(1, |sku| sku.least_connections);
    let whose = if offering.is_some_and(|o| o.serves(false)) { "This network" } else { "Peering Service" };
    let add = html! { button type="submit" formaction=(CONNECTION) { "Add connection" } };
    html! {
        section {
            h2 #connections { "Connections" }
            p.hint {
                @if least > 1 { (whose) " needs " (least) " or more, each on another edge router of ours, and on a router of its own on your side." }
                @else { "One or more; two are advised." }
            }
            @if draft.connections.is_empty() {
                p.nothing { "No connection yet." }
            } @else {
                div.scroll tabindex="0" role="region" aria-label="Connections" {
                    table {
                        thead { tr {
                            @for title in COLUMNS { th scope="col" { (title) } }
                            th scope="col" { span.hidden { "Actions" } }
                        } }
                        tbody { @for (i, c) in draft.connections.iter().enumerate() {
                            (row(i, c, place.map_or_else(|| c.facility.clone(), |p| p.facility(&c.facility)), offering))
                        } }
                    }
                }
            }
            div.actions { (add) }
        }
    }
}

fn row(i: usize, c: &Link, facility: String, offering: Option<&Offering>) -> Markup {
    let service = offering.map_or(c.service, |o| o.serves(c.service));
    let addresses = match (c.provider.as_str(), c.prefix_v4.is_empty()) {
        ("Peer", false) => [c.prefix_v4.as_str(), &c.prefix_v6].join(" "),
        _ => provider_words(&c.provider).to_owned(),
    };
    let limits = [("IPv4", &c.max_v4), ("IPv6", &c.max_v6)];
    html! {
        tr {
            td data-title="No." { (i + 1) }
            td data-title="Facility" { (facility) }
            td data-title="Bandwidth" { (bandwidth(c)) }
            td data-title="Addresses" { (addresses) }
            td data-title="Peering Service" { @if service { "Yes" } @else { "No" } }
            td data-title="Max prefixes" { @for (family, n) in limits { @if !n.is_empty() { (family) " " (n) " " } } }
            td.buttons data-title="" {
                button type="submit" name="edit" value=(i) formaction=(CONNECTION) aria-label=(format!("Edit connection {}", i + 1)) { "Edit" }
                " "
                button type="submit" name="remove" value=(i) formaction=(CONFIGURATION) aria-label=(format!("Remove connection {}", i + 1)) { "Remove" }
            }
        }
    }
}

/// A typed bandwidth in words.
pub(super) fn bandwidth(c: &Link) -> String {
    c.bandwidth_mbps.parse().map_or_else(|_| c.bandwidth_mbps.clone(), crate::pages::peerings::seen::gbps)
}
