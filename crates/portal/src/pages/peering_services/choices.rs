//! What a peering service is chosen from: places, providers and peering locations.

use crate::error::PageError;
use crate::parts::form::Field;
use crate::query::encode;
use crate::session::Context;
use maud::{Markup, html};
use serde_json::Value;

/// Explains what it means to have no backup.
pub(super) const NO_BACKUP: &str =
    "With None, traffic falls back to the Internet while the primary location can't be used.";

/// All that can be chosen.
pub(super) struct Choices {
    places: Vec<Value>,
    providers: Vec<Value>,
    metros: Vec<String>,
}

impl Choices {
    /// Asks for them on behalf of a subscription.
    pub async fn of(context: &Context, subscription: &str) -> Result<Self, PageError> {
        let base = format!("/subscriptions/{}/providers/Microsoft.Peering", encode(subscription));
        let list = async |what: &str| context.api.list(&format!("{base}/{what}"), 10_000).await;
        let metros = list("peeringLocations?kind=Direct").await?;
        Ok(Self {
            places: list("peeringServiceLocations").await?,
            providers: list("peeringServiceProviders").await?,
            metros: metros.iter().filter_map(|m| m["name"].as_str().map(str::to_owned)).collect(),
        })
    }

    /// The region of a place.
    pub fn region(&self, place: &str) -> &str {
        let found = self.places.iter().find(|p| p["name"].as_str() == Some(place));
        found.and_then(|p| p["properties"]["azureRegion"].as_str()).unwrap_or("")
    }

    /// The field for the place where users are.
    pub fn place(&self, field: Field<'_>, value: &str) -> Markup {
        let mut options = vec![(String::new(), "Choose a location".to_owned())];
        for place in &self.places {
            let name = place["name"].as_str().unwrap_or("");
            let country = place["properties"]["country"].as_str().unwrap_or("");
            options.push((name.to_owned(), format!("{name}, {country}")));
        }
        field.select(&options, value)
    }

    /// The field for the provider.
    pub fn provider(&self, field: Field<'_>, value: &str) -> Markup {
        let mut options = vec![(String::new(), "Choose a provider".to_owned())];
        options.extend(
            self.providers.iter().filter_map(|p| p["name"].as_str()).map(|n| (n.to_owned(), n.to_owned())),
        );
        field.select(&options, value)
    }

    /// The field for a peering location; `none` says what stands for none.
    pub fn metro(&self, field: Field<'_>, value: &str, none: &str) -> Markup {
        let mut options = vec![(String::new(), none.to_owned())];
        options.extend(self.metros.iter().map(|m| (m.clone(), m.clone())));
        field.select(&options, value)
    }

    /// Where each provider is; of one provider only when it is named.
    pub fn presence(&self, provider: &str) -> Markup {
        let of = |p: &&Value| provider.is_empty() || p["name"].as_str() == Some(provider);
        html! {
            @if self.providers.is_empty() {
                p.hint { "No provider offers Peering Service here yet: a provider appears once it has a peering with Peering Service." }
            } @else {
                ul.notes-list { @for p in self.providers.iter().filter(of) {
                    @let at: Vec<&str> = p["properties"]["peeringLocations"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                    li { strong { (p["name"].as_str().unwrap_or("")) } " is present "
                        @if at.is_empty() { "nowhere yet" } @else { "in " (at.join(", ")) } }
                } }
            }
        }
    }
}
