//! The registered prefix as it is on the wire, with what the subnet houses as an extension.

use crate::arm::resource::Resource;
use meetme_model::Prefix;
use meetme_model::Violations;
use meetme_model::peering::Peering;
use meetme_model::registered_prefix::{EndpointKind, RegisteredPrefix, TrafficClass, Usage};
use serde::{Deserialize, Serialize};

/// As sent in.
#[derive(Default, Deserialize)]
pub(super) struct Sent {
    pub properties: Option<SentProperties>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SentProperties {
    pub prefix: Option<String>,
    traffic_classes: Option<Vec<String>>,
    endpoints: Option<Vec<String>>,
}

impl SentProperties {
    /// What the subnet houses; `None` when nothing is said of it.
    pub fn usage(&self, v: &mut Violations) -> Option<Usage> {
        if self.traffic_classes.is_none() && self.endpoints.is_none() {
            return None;
        }
        Some(Usage {
            traffic_classes: words(
                &self.traffic_classes,
                "trafficClasses",
                "media, signalling, messaging or other",
                v,
            ),
            endpoints: words(&self.endpoints, "endpoints", "sbc, sipGateway, mediaRelay or other", v),
        })
    }
}

/// Words of a list as values of an enumeration; one that isn't known is a violation, one that
/// stands twice counts once.
fn words<T>(sent: &Option<Vec<String>>, field: &str, known: &str, v: &mut Violations) -> Vec<T>
where
    T: serde::de::DeserializeOwned + PartialEq,
{
    let mut found: Vec<T> = Vec::new();
    for (i, word) in sent.iter().flatten().enumerate() {
        match serde_json::from_value(serde_json::Value::from(word.as_str())) {
            Ok(value) if !found.contains(&value) => found.push(value),
            Ok(_) => {}
            Err(_) => v.add(
                "UsageInvalid",
                format!("properties.{field}[{i}]"),
                format!("'{word}' isn't known here; use {known}"),
            ),
        }
    }
    found
}

/// As shown.
pub(crate) type Shown = Resource<ShownProperties>;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ShownProperties {
    prefix: Prefix,
    prefix_validation_state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    peering_service_prefix_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<String>,
    provisioning_state: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    traffic_classes: Vec<TrafficClass>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    endpoints: Vec<EndpointKind>,
}

/// The resource id.
pub(crate) fn id(peering: &Peering, name: &str) -> String {
    format!("{}/registeredPrefixes/{name}", crate::arm::peerings::id(peering))
}

impl Shown {
    pub fn new(peering: &Peering, r: RegisteredPrefix) -> Self {
        Self {
            id: id(peering, &r.name),
            name: r.name,
            r#type: "Microsoft.Peering/peerings/registeredPrefixes",
            system_data: (&r.stamp).into(),
            properties: ShownProperties {
                prefix: r.prefix,
                prefix_validation_state: r.verdict.state.wire_name(),
                peering_service_prefix_key: r.key,
                error_message: r.verdict.error_message,
                provisioning_state: "Succeeded",
                traffic_classes: r.usage.traffic_classes,
                endpoints: r.usage.endpoints,
            },
        }
    }
}
