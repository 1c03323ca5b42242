//! `GET …/metricDefinitions`: the metrics that a resource has.

use super::{Localizable, Metered, metered};
use crate::call::{Answer, Call, ok};
use crate::page::Page;
use meetme_model::metric::{Aggregation, Definition};
use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    id: String,
    resource_id: String,
    namespace: &'static str,
    name: Localizable,
    display_description: &'static str,
    category: &'static str,
    is_dimension_required: bool,
    unit: &'static str,
    primary_aggregation_type: &'static str,
    supported_aggregation_types: [&'static str; 5],
    metric_availabilities: Vec<Availability>,
    dimensions: Vec<Localizable>,
}

/// A grain, and how long its points are kept.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Availability {
    time_grain: &'static str,
    retention: &'static str,
}

/// Answers the definitions of a resource's metrics.
pub(super) async fn list(call: Call) -> Answer {
    let mut db = call.state.store.read().await?;
    let resource = metered(&call, &mut db).await?;
    super::ask::check_namespace(&call, resource.kind)?;
    ok(Page::whole(resource.kind.definitions().map(|d| show(&resource, d)).collect()))
}

fn show(resource: &Metered, definition: &Definition) -> Shown {
    Shown {
        id: format!("{}/providers/Microsoft.Insights/metricDefinitions/{}", resource.id, definition.name),
        resource_id: resource.id.clone(),
        namespace: resource.kind.namespace(),
        name: Localizable::metric(definition),
        display_description: definition.description,
        category: "Metrics",
        is_dimension_required: false,
        unit: definition.unit,
        primary_aggregation_type: definition.primary.wire_name(),
        supported_aggregation_types: Aggregation::ALL.map(Aggregation::wire_name),
        metric_availabilities: definition
            .grains
            .iter()
            .map(|g| Availability { time_grain: g.iso, retention: g.grain().kept_iso() })
            .collect(),
        dimensions: definition.dimensions.iter().map(|d| Localizable::of(d, d)).collect(),
    }
}
