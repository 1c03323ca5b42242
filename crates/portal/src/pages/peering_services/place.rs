//! A service on the map: its primary and its backup location, and where its traffic leaves now.

use super::strip::History;
use super::{Service, property};
use crate::error::PageError;
use crate::parts::map::{self, Mark};
use crate::parts::state::{Mood, shown};
use crate::query::encode;
use crate::session::Context;
use maud::{Markup, html};
use serde_json::Value;

/// A location that has to do with the service.
struct Place {
    name: String,
    /// What it is to the service.
    role: &'static str,
    /// Prefixes whose traffic leaves here now.
    leaving: Vec<String>,
}

impl Place {
    fn mood(&self) -> Mood {
        match (self.leaving.is_empty(), self.role) {
            (true, _) => Mood::Quiet,
            (false, PRIMARY) => Mood::Good,
            (false, _) => Mood::Waiting,
        }
    }

    fn words(&self) -> String {
        match self.leaving.as_slice() {
            [] => format!("{}, no traffic leaves here now", self.role),
            leaving => format!("{}, traffic of {} leaves here", self.role, leaving.join(", ")),
        }
    }
}

const PRIMARY: &str = "primary location";

/// The map with its words; nothing where the service has no location yet.
pub(super) async fn map(
    context: &Context,
    service: &Service,
    there: &Value,
    histories: &[(String, Option<History>)],
) -> Result<Markup, PageError> {
    let (places, elsewhere) = places(there, histories);
    if places.is_empty() {
        return Ok(html! {});
    }
    let path = format!("/api/v1/subscriptions/{}/locations", encode(&service.subscription));
    // Without it there is no map, and the words tell the same.
    let known = context.api.list(&path, usize::MAX).await.unwrap_or_default();
    let mark = |place: &'_ Place| {
        let found =
            known.iter().find(|l| l["name"].as_str().is_some_and(|n| n.eq_ignore_ascii_case(&place.name)))?;
        Some((found["latitude"].as_f64()?, found["longitude"].as_f64()?))
    };
    let marks: Vec<Mark> = places
        .iter()
        .filter_map(|place| {
            let (latitude, longitude) = mark(place)?;
            Some(Mark {
                name: &place.name,
                words: place.words(),
                latitude,
                longitude,
                mood: place.mood(),
                is_ringed: !place.leaving.is_empty(),
                href: None,
            })
        })
        .collect();
    Ok(html! {
        section.card {
            h2 { "Where traffic leaves now" }
            div.placed {
                (map::map("Map of the service's peering locations", marks))
                ul.places {
                    @for place in &places { li { (shown(place.mood(), &place.name)) span { (place.words()) } } }
                    @for (words, prefixes) in &elsewhere { li { (shown(Mood::Waiting, words)) span { "traffic of " (prefixes.join(", ")) } } }
                }
            }
        }
    })
}

/// The locations, and what leaves at none of them: by the Internet, or unknown.
fn places(
    there: &Value,
    histories: &[(String, Option<History>)],
) -> (Vec<Place>, Vec<(String, Vec<String>)>) {
    let named = |property_name, role| {
        let name = property(there, property_name).to_owned();
        Some(Place { name, role, leaving: Vec::new() }).filter(|place| !place.name.is_empty())
    };
    let mut places: Vec<Place> = [
        named("providerPrimaryPeeringLocation", PRIMARY),
        named("providerBackupPeeringLocation", "backup location"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let mut elsewhere: Vec<(String, Vec<String>)> = Vec::new();
    for (prefix, history) in histories {
        let Some(now) = history.as_ref().and_then(History::now) else { continue };
        if now.peering_locations.is_empty() {
            let words = now.words();
            match elsewhere.iter_mut().find(|(known, _)| *known == words) {
                Some((_, prefixes)) => prefixes.push(prefix.clone()),
                None => elsewhere.push((words, vec![prefix.clone()])),
            }
        }
        for location in &now.peering_locations {
            match places.iter_mut().find(|p| p.name.eq_ignore_ascii_case(location)) {
                Some(place) => place.leaving.push(prefix.clone()),
                None => {
                    let (name, leaving) = (location.clone(), vec![prefix.clone()]);
                    places.push(Place { name, role: "another peering", leaving });
                }
            }
        }
    }
    (places, elsewhere)
}
