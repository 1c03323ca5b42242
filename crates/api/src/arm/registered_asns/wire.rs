//! The registered ASN as it is on the wire.

use crate::arm::resource::Resource;
use meetme_model::Asn;
use meetme_model::peering::Peering;
use meetme_model::registered_asn::RegisteredAsn;
use serde::{Deserialize, Serialize};

/// As sent in.
#[derive(Default, Deserialize)]
pub(super) struct Sent {
    pub properties: Option<SentProperties>,
}

#[derive(Default, Deserialize)]
pub(super) struct SentProperties {
    pub asn: Option<i64>,
}

/// As shown.
pub(super) type Shown = Resource<ShownProperties>;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShownProperties {
    asn: Asn,
    peering_service_prefix_key: String,
    provisioning_state: &'static str,
}

/// The resource id.
pub(super) fn id(peering: &Peering, name: &str) -> String {
    format!("{}/registeredAsns/{name}", crate::arm::peerings::id(peering))
}

impl Shown {
    pub fn new(peering: &Peering, r: RegisteredAsn) -> Self {
        Self {
            id: id(peering, &r.name),
            name: r.name,
            r#type: "Microsoft.Peering/peerings/registeredAsns",
            system_data: (&r.stamp).into(),
            properties: ShownProperties {
                asn: r.asn,
                peering_service_prefix_key: r.key,
                provisioning_state: "Succeeded",
            },
        }
    }
}
