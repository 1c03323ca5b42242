//! The connection monitor test as it is on the wire.

use crate::arm::resource::Resource;
use crate::error::ApiError;
use meetme_model::monitor_test::{MonitorTest, MonitorTestDraft};
use meetme_model::peering_service::PeeringService;
use meetme_model::probe::ProbeOutcome;
use meetme_model::probe_id::ProbeId;
use meetme_store::{Db, probe_outcome_get};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// As sent in.
#[derive(Default, Deserialize)]
pub(super) struct Sent {
    properties: Option<SentProperties>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SentProperties {
    source_agent: Option<String>,
    destination: Option<String>,
    destination_port: Option<i64>,
    test_frequency_in_sec: Option<i64>,
}

impl From<Sent> for MonitorTestDraft {
    fn from(sent: Sent) -> Self {
        let p = sent.properties.unwrap_or_default();
        Self {
            agent: p.source_agent,
            destination: p.destination,
            port: p.destination_port,
            interval_s: p.test_frequency_in_sec,
        }
    }
}

/// As shown.
pub(super) type Shown = Resource<ShownProperties>;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShownProperties {
    source_agent: String,
    destination: IpAddr,
    destination_port: u16,
    test_frequency_in_sec: u32,
    /// Absent until the first try, and when the newest one couldn't be sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    is_test_successful: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    path: Vec<String>,
    provisioning_state: &'static str,
}

/// The resource id.
pub(super) fn id(service: &PeeringService, name: &str) -> String {
    format!("{}/connectionMonitorTests/{name}", crate::arm::peering_services::id(service))
}

/// A test with what its newest try came to.
pub(super) async fn show(
    db: &mut impl Db,
    service: &PeeringService,
    test: MonitorTest,
) -> Result<Shown, ApiError> {
    let outcome = probe_outcome_get(db, ProbeId::Test(test.id)).await?.filter(|o| !o.untried);
    Ok(shown(service, test, outcome))
}

fn shown(service: &PeeringService, test: MonitorTest, outcome: Option<ProbeOutcome>) -> Shown {
    Shown {
        id: id(service, &test.name),
        name: test.name,
        r#type: "Microsoft.Peering/peeringServices/connectionMonitorTests",
        system_data: (&test.stamp).into(),
        properties: ShownProperties {
            source_agent: test.spec.site,
            destination: test.spec.destination,
            destination_port: test.spec.port.unwrap_or(0),
            test_frequency_in_sec: test.spec.interval_s,
            is_test_successful: outcome.as_ref().map(|o| o.rtt_ms.is_some()),
            path: outcome.map(|o| o.path).unwrap_or_default(),
            provisioning_state: "Succeeded",
        },
    }
}
