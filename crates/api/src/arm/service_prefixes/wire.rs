//! The activated prefix as it is on the wire, with its events when they are asked for.

use crate::arm::resource::Resource;
use meetme_model::Prefix;
use meetme_model::peering_service::{LearnedType, PeeringService, PrefixEvent, ServicePrefix};
use serde::{Deserialize, Serialize};

/// As sent in.
#[derive(Deserialize)]
pub(super) struct Sent {
    pub properties: Option<SentProperties>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SentProperties {
    pub prefix: Option<String>,
    pub peering_service_prefix_key: Option<String>,
}

/// As shown.
pub(crate) type Shown = Resource<ShownProperties>;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ShownProperties {
    prefix: Prefix,
    prefix_validation_state: &'static str,
    learned_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<String>,
    peering_service_prefix_key: String,
    provisioning_state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<Vec<ShownEvent>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownEvent {
    event_timestamp: String,
    event_type: &'static str,
    event_summary: &'static str,
    event_level: &'static str,
    event_description: String,
}

impl From<PrefixEvent> for ShownEvent {
    fn from(e: PrefixEvent) -> Self {
        let (event_type, event_level, event_summary) = e.kind.facts();
        Self {
            event_timestamp: e.at.to_string(),
            event_type,
            event_summary,
            event_level,
            event_description: e.description,
        }
    }
}

fn learned_name(learned: LearnedType) -> &'static str {
    match learned {
        LearnedType::None => "None",
        LearnedType::ViaServiceProvider => "ViaServiceProvider",
        LearnedType::ViaSession => "ViaSession",
    }
}

impl Shown {
    pub fn new(service: &PeeringService, p: ServicePrefix, events: Option<Vec<PrefixEvent>>) -> Self {
        Self {
            id: format!("{}/prefixes/{}", crate::arm::peering_services::id(service), p.name),
            name: p.name,
            r#type: "Microsoft.Peering/peeringServices/prefixes",
            system_data: (&p.stamp).into(),
            properties: ShownProperties {
                prefix: p.prefix,
                prefix_validation_state: p.verdict.state.wire_name(),
                learned_type: learned_name(p.learned),
                error_message: p.verdict.error_message,
                peering_service_prefix_key: p.key,
                provisioning_state: "Succeeded",
                events: events.map(|all| all.into_iter().map(Into::into).collect()),
            },
        }
    }
}
