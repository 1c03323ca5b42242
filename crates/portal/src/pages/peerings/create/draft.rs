//! A peering that is being put together, as it travels through the steps' addresses.

use crate::pages::peerings::at::At;
use crate::pages::peerings::link::Link;
use crate::pages::peerings::offering::Catalogue;
use crate::query::encode;
use maud::{Markup, html};
use serde_json::{Value, json};

/// What was chosen so far; empty where nothing was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Draft {
    pub subscription: String,
    pub resource_group: String,
    pub name: String,
    /// Name of the peer ASN's resource.
    pub asn: String,
    /// `directPeeringType`.
    pub r#type: String,
    /// It follows from the connections.
    pub sku: String,
    /// The peering location.
    pub location: String,
    pub connections: Vec<Link>,
}

impl Draft {
    /// From a query or a form; what isn't of the draft is left alone.
    pub fn of(sent: &[(String, String)]) -> Self {
        let mut draft = Self::default();
        for (name, value) in sent {
            let value = value.trim();
            match name.as_str() {
                "subscription" => draft.subscription = value.to_owned(),
                "group" => draft.resource_group = value.to_owned(),
                "name" => draft.name = value.to_owned(),
                "asn" => draft.asn = value.to_owned(),
                "type" => draft.r#type = value.to_owned(),
                "metro" => draft.location = value.to_owned(),
                "c" => draft.connections.push(Link::unpack(value)),
                _ => {}
            }
        }
        draft
    }

    fn fields(&self) -> Vec<(&'static str, String)> {
        let single = [
            ("subscription", &self.subscription),
            ("group", &self.resource_group),
            ("name", &self.name),
            ("asn", &self.asn),
            ("type", &self.r#type),
            ("metro", &self.location),
        ];
        let single = single.into_iter().filter(|(_, v)| !v.is_empty()).map(|(n, v)| (n, v.clone()));
        single.chain(self.connections.iter().map(|c| ("c", c.pack()))).collect()
    }

    /// The address of a step with the whole draft.
    pub fn at(&self, path: &str) -> String {
        let query: Vec<String> = self.fields().iter().map(|(n, v)| format!("{n}={}", encode(v))).collect();
        format!("{path}?{}", query.join("&"))
    }

    /// The draft in a form, but for the fields that the form shows itself.
    pub fn hidden(&self, shown: &[&str]) -> Markup {
        html! {
            @for (name, value) in self.fields().iter().filter(|(n, _)| !shown.contains(n)) {
                input type="hidden" name=(name) value=(value);
            }
        }
    }

    /// Fills in what there is no choice about, or what most take.
    pub fn settle(&mut self, catalogue: &Catalogue) {
        if catalogue.offering(&self.r#type).is_none()
            && let Some(first) = catalogue.offerings.first()
        {
            self.r#type = first.direct_peering_type.clone();
        }
        if let Some(offering) = catalogue.offering(&self.r#type) {
            let serves = offering.serves(self.connections.iter().any(|c| c.service));
            self.sku = offering.sku(serves).map(|sku| sku.name.clone()).unwrap_or_default();
            for c in &mut self.connections {
                if !offering.session_address_providers.contains(&c.provider) {
                    c.provider = offering.session_address_providers.first().cloned().unwrap_or_default();
                }
            }
        }
        if catalogue.place(&self.location).is_none() {
            self.location = catalogue.places.first().map(|p| p.name.clone()).unwrap_or_default();
        }
        if let Some([only]) = catalogue.place(&self.location).map(|place| place.facilities.as_slice()) {
            for c in &mut self.connections {
                c.facility.clone_from(&only.id);
            }
        }
    }

    /// Where the peering will be.
    pub fn place(&self) -> At {
        At {
            subscription: self.subscription.clone(),
            resource_group: self.resource_group.clone(),
            name: self.name.clone(),
        }
    }

    /// The peering as it is asked for. `identifiers` and `keys` are of the connections, in order.
    pub fn body(&self, catalogue: &Catalogue, identifiers: &[String], keys: &[String]) -> Value {
        let offering = catalogue.offering(&self.r#type);
        let connections: Vec<Value> = self
            .connections
            .iter()
            .enumerate()
            .map(|(i, link)| {
                let mut c = json!({});
                link.write(&mut c, offering);
                if let Some(identifier) = identifiers.get(i).filter(|id| !id.is_empty()) {
                    c["connectionIdentifier"] = identifier.as_str().into();
                }
                if let Some(key) = keys.get(i).filter(|key| !key.is_empty()) {
                    c["bgpSession"]["md5AuthenticationKey"] = key.as_str().into();
                }
                c
            })
            .collect();
        let asn =
            format!("/subscriptions/{}/providers/Microsoft.Peering/peerAsns/{}", self.subscription, self.asn);
        json!({
            "kind": offering.map_or("Direct", |o| &o.kind),
            "location": catalogue.place(&self.location).map(|p| p.region.clone()),
            "sku": { "name": self.sku },
            "properties": {
                "peeringLocation": self.location,
                "direct": {
                    "directPeeringType": self.r#type,
                    "peerAsn": { "id": asn },
                    "connections": connections,
                },
            },
        })
    }
}
