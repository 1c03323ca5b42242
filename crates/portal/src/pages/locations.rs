//! Locations: the metros with their facilities, what is offered there, and where users of peering
//! services are.

use crate::error::PageError;
use crate::layout::Page;
use crate::parts::faults::sentence;
use crate::parts::map::{self, Mark};
use crate::parts::state::{Mood, shown as badge, spaced};
use crate::parts::{command, empty, live, message};
use crate::query::encode;
use crate::session::Context;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use serde_json::Value;
use std::collections::BTreeMap;

/// Rows read, at most.
const ROWS: usize = 10_000;
/// Any subscription does: places are the same for all.
const ANY: &str = "any";

/// A metro, put together from both kinds of peering.
#[derive(Default)]
struct Metro {
    country: String,
    region: String,
    /// Postal address and exchange by facility, as far as they are known.
    facilities: BTreeMap<i64, String>,
    offerings: Vec<String>,
    speeds: Vec<String>,
    /// Degrees north and east, where they are known.
    coordinates: Option<(f64, f64)>,
    /// Connections that the viewer sees, by state.
    connections: BTreeMap<String, i64>,
}

impl Metro {
    /// How the viewer's connections are here.
    fn mood(&self) -> Mood {
        let all: i64 = self.connections.values().sum();
        match self.connections.get("Active") {
            _ if all == 0 => Mood::Quiet,
            Some(active) if *active == all => Mood::Good,
            _ => Mood::Waiting,
        }
    }

    fn words(&self) -> String {
        if self.connections.is_empty() {
            return "no connection here".to_owned();
        }
        let told = self.connections.iter().map(|(state, n)| format!("{n} {}", spaced(state).to_lowercase()));
        format!("connections: {}", told.collect::<Vec<_>>().join(", "))
    }
}

/// Shows the page.
pub(super) async fn show(context: Context) -> Result<Response, PageError> {
    let base = base(&context).await?;
    let direct = context.api.ask(&format!("{base}/peeringLocations?kind=Direct")).await?;
    let content = match direct.into_result() {
        Err(refusal) => message("warning", html! { p { (sentence(&refusal.message)) } }),
        Ok(direct) => {
            let exchange = context.api.get(&format!("{base}/peeringLocations?kind=Exchange")).await?;
            let places = context.api.list(&format!("{base}/peeringServiceLocations"), ROWS).await?;
            let mut metros = gathered(&direct, &exchange);
            place(&context, &mut metros).await;
            html! { (live("locations", "/locations", shown(&metros))) (service_places(&places)) }
        }
    };
    let mut page = Page::new(&context.viewer, "/locations", "Locations", content);
    page.commands = command("/looking-glass", "Looking glass", None);
    Ok(page.into_response())
}

/// Where the API answers about places.
pub(super) async fn base(context: &Context) -> Result<String, PageError> {
    let own = context.api.subscriptions().await?.into_iter().next();
    let subscription = own.as_deref().unwrap_or(ANY);
    Ok(format!("/subscriptions/{}/providers/Microsoft.Peering", encode(subscription)))
}

fn gathered(direct: &Value, exchange: &Value) -> BTreeMap<String, Metro> {
    let mut metros: BTreeMap<String, Metro> = BTreeMap::new();
    let rows = |answer: &Value| answer["value"].as_array().cloned().unwrap_or_default();
    for row in rows(direct).into_iter().chain(rows(exchange)) {
        let properties = &row["properties"];
        let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
        let metro = metros.entry(text(&row["name"])).or_default();
        metro.country = text(&properties["country"]);
        metro.region = text(&properties["azureRegion"]);
        for facility in properties["direct"]["peeringFacilities"].as_array().into_iter().flatten() {
            let number = facility["peeringDBFacilityId"].as_i64().unwrap_or(0);
            metro.facilities.insert(number, text(&facility["address"]));
            add(&mut metro.offerings, offering(facility["directPeeringType"].as_str().unwrap_or("")));
        }
        for facility in properties["exchange"]["peeringFacilities"].as_array().into_iter().flatten() {
            let number = facility["peeringDBFacilityId"].as_i64().unwrap_or(0);
            metro.facilities.entry(number).or_insert_with(|| text(&facility["exchangeName"]));
            add(&mut metro.offerings, "Exchange");
        }
        for offer in properties["direct"]["bandwidthOffers"].as_array().into_iter().flatten() {
            add(&mut metro.speeds, &text(&offer["offerName"]).replace("Gbps", " Gbps"));
        }
    }
    metros
}

/// Notes where the metros are, and the connections that the viewer has there. Where that can't be
/// told, they are listed without it.
async fn place(context: &Context, metros: &mut BTreeMap<String, Metro>) {
    let paths = match context.api.subscriptions().await {
        _ if context.viewer.sees_host() => vec!["/api/v1/locations".to_owned()],
        Ok(own) => own.iter().map(|s| format!("/api/v1/subscriptions/{}/locations", encode(s))).collect(),
        Err(_) => Vec::new(),
    };
    for path in paths {
        for row in context.api.list(&path, ROWS).await.unwrap_or_default() {
            let Some(metro) = row["name"].as_str().and_then(|name| metros.get_mut(name)) else { continue };
            metro.coordinates = row["latitude"].as_f64().zip(row["longitude"].as_f64());
            for (state, count) in row["connections"].as_object().into_iter().flatten() {
                *metro.connections.entry(state.clone()).or_default() += count.as_i64().unwrap_or(0);
            }
        }
    }
}

fn add(all: &mut Vec<String>, one: &str) {
    if !all.iter().any(|known| known == one) {
        all.push(one.to_owned());
    }
}

/// An offering, written for people.
fn offering(kind: &str) -> &str {
    match kind {
        "Voice" => "Voice",
        "Edge" => "Direct",
        "IxRs" => "Route server",
        other => other,
    }
}

fn shown(metros: &BTreeMap<String, Metro>) -> Markup {
    if metros.is_empty() {
        return empty(
            "No locations yet",
            "The operators of this network add them to its inventory.",
            html! {},
        );
    }
    let marks = metros.iter().enumerate().filter_map(|(i, (name, metro))| {
        let (latitude, longitude) = metro.coordinates?;
        let (words, mood, href) = (metro.words(), metro.mood(), Some(format!("#location-{i}")));
        Some(Mark { name, words, latitude, longitude, mood, is_ringed: false, href })
    });
    html! {
        section {
            h2 { "Peering locations" }
            (map::map("Map of peering locations", marks.collect()))
            p.key { (badge(Mood::Good, "all connections Active")) (badge(Mood::Waiting, "some aren't")) (badge(Mood::Quiet, "no connection")) }
            div.cards { @for (i, (name, metro)) in metros.iter().enumerate() { div id=(format!("location-{i}")) tabindex="-1" {
                h3 { (name) ", " (metro.country) }
                p.none { "Region " (metro.region) }
                p { (badge(metro.mood(), &metro.words())) }
                dl.stacked {
                    div { dt { "Offered" } dd { @if metro.offerings.is_empty() { span.none { "Nothing yet" } } @else { (metro.offerings.join(", ")) } } }
                    div { dt { "Link speeds" } dd { @if metro.speeds.is_empty() { span.none { "–" } } @else { (metro.speeds.join(", ")) } } }
                    div { dt { "Facilities" } dd {
                        @if metro.facilities.is_empty() { span.none { "None yet" } }
                        @for (number, address) in &metro.facilities { p { (address) " " span.none { "PeeringDB facility " (number) } } }
                    } }
                }
            } } }
        }
    }
}

fn service_places(places: &[Value]) -> Markup {
    html! {
        section {
            h2 { "Locations of peering services" }
            @if places.is_empty() { p.nothing { "None yet: peering services can't be created before the operators add some." } }
            @else { div.scroll tabindex="0" role="region" aria-label="Locations of peering services" { table {
                thead { tr { @for title in ["Location", "Country", "Region"] { th scope="col" { (title) } } } }
                tbody { @for place in places { tr {
                    td data-title="Location" { (place["name"].as_str().unwrap_or("")) }
                    td data-title="Country" { (place["properties"]["country"].as_str().unwrap_or("")) }
                    td data-title="Region" { (place["properties"]["azureRegion"].as_str().unwrap_or("")) }
                } } }
            } } }
        }
    }
}
