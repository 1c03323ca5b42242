//! The peering service as it is on the wire.

use super::monitor::{Monitor, Workspace};
use crate::arm::system_data::SystemData;
use meetme_model::peering_service::PeeringService;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// As sent in.
#[derive(Deserialize)]
pub(super) struct Sent {
    pub location: Option<String>,
    pub sku: Option<Sku>,
    pub tags: Option<BTreeMap<String, String>>,
    pub properties: Option<SentProperties>,
}

/// PATCH: tags only.
#[derive(Deserialize)]
pub(super) struct SentTags {
    pub tags: Option<BTreeMap<String, String>>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Sku {
    pub name: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SentProperties {
    pub peering_service_location: Option<String>,
    pub peering_service_provider: Option<String>,
    pub provider_primary_peering_location: Option<String>,
    pub provider_backup_peering_location: Option<String>,
}

/// As shown.
#[derive(Serialize)]
pub(super) struct Shown {
    id: String,
    name: String,
    r#type: &'static str,
    location: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sku: Option<Sku>,
    properties: ShownProperties,
    #[serde(rename = "systemData")]
    system_data: SystemData,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownProperties {
    peering_service_location: String,
    peering_service_provider: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_primary_peering_location: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_backup_peering_location: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_analytics_workspace_properties: Option<Workspace>,
    provisioning_state: &'static str,
}

/// The resource id.
pub(crate) fn id(s: &PeeringService) -> String {
    format!(
        "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Peering/peeringServices/{}",
        s.subscription, s.resource_group, s.name
    )
}

impl Shown {
    /// A service, with its subscription's connection monitor once there is one.
    pub fn new(s: PeeringService, monitor: Option<&Monitor>) -> Self {
        let workspace = monitor.map(|m| m.of(&s));
        Self {
            id: id(&s),
            name: s.name,
            r#type: "Microsoft.Peering/peeringServices",
            system_data: (&s.stamp).into(),
            location: s.spec.region,
            tags: s.spec.tags,
            sku: s.spec.sku.map(|name| Sku { name: Some(name) }),
            properties: ShownProperties {
                peering_service_location: s.spec.location,
                peering_service_provider: s.spec.provider,
                provider_primary_peering_location: s.spec.primary,
                provider_backup_peering_location: s.spec.backup,
                log_analytics_workspace_properties: workspace,
                provisioning_state: "Succeeded",
            },
        }
    }
}
