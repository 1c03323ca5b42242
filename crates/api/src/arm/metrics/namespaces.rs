//! `GET …/metricNamespaces`: the namespace of a resource's metrics, which is its type.

use super::metered;
use crate::call::{Answer, Call, ok};
use crate::page::Page;
use serde::Serialize;

#[derive(Serialize)]
struct Shown {
    id: String,
    name: String,
    r#type: &'static str,
    classification: &'static str,
    properties: Properties,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Properties {
    metric_namespace_name: &'static str,
}

/// Answers the only namespace there is.
pub(super) async fn list(call: Call) -> Answer {
    let mut db = call.state.store.read().await?;
    let resource = metered(&call, &mut db).await?;
    let namespace = resource.kind.namespace();
    let name = namespace.replace('/', "-");
    ok(Page::whole(vec![Shown {
        id: format!("{}/providers/microsoft.insights/metricNamespaces/{name}", resource.id),
        name,
        r#type: "Microsoft.Insights/metricNamespaces",
        classification: "Platform",
        properties: Properties { metric_namespace_name: namespace },
    }]))
}
