//! What the list of operations tells of metrics.

use meetme_model::metric::{Definition, MeteredResource};
use serde::Serialize;

/// `properties.serviceSpecification` of an operation.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ServiceSpecification {
    metric_specifications: Vec<MetricSpecification>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MetricSpecification {
    name: &'static str,
    display_name: &'static str,
    display_description: &'static str,
    unit: &'static str,
    aggregation_type: &'static str,
    supported_time_grain_types: Vec<&'static str>,
    dimensions: Vec<Dimension>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Dimension {
    name: &'static str,
    display_name: &'static str,
}

/// The metrics of a kind of resources.
pub(crate) fn specification(kind: MeteredResource) -> ServiceSpecification {
    ServiceSpecification { metric_specifications: kind.definitions().map(specify).collect() }
}

fn specify(definition: &Definition) -> MetricSpecification {
    MetricSpecification {
        name: definition.name,
        display_name: definition.display,
        display_description: definition.description,
        unit: definition.unit,
        aggregation_type: definition.primary.wire_name(),
        supported_time_grain_types: definition.grains.iter().map(|g| g.iso).collect(),
        dimensions: definition.dimensions.iter().map(|name| Dimension { name, display_name: name }).collect(),
    }
}
