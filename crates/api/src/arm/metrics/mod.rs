//! Metrics of peerings and peering services in Azure Monitor's shape (`docs/rules.md` §8), under
//! `…/providers/microsoft.insights`: which there are (`definitions`, `namespaces`), and their values (`values`),
//! as asked for (`ask`, with `time` and `filter`).
//!
//! Nothing is filled in: a time without measurement has a point without a value.

mod ask;
mod definitions;
mod filter;
mod namespaces;
mod specification;
mod time;
mod values;

pub(crate) use specification::{ServiceSpecification, specification};

use crate::arm::peering_services::{self, service_of};
use crate::arm::peerings::{self, peering_of};
use crate::auth::Access;
use crate::call::Call;
use crate::error::ApiError;
use crate::routes::Routes;
use axum::http::Method;
use meetme_model::metric::{Definition, MeteredResource, Owner};
use meetme_store::Db;
use serde::Serialize;

const OF_PEERING: &str = "/subscriptions/{subscription}/resourceGroups/{resource_group}/providers/Microsoft.Peering/peerings/{peering}/providers/microsoft.insights/metrics";
const DEFINITIONS_OF_PEERING: &str = "/subscriptions/{subscription}/resourceGroups/{resource_group}/providers/Microsoft.Peering/peerings/{peering}/providers/microsoft.insights/metricDefinitions";
const OF_SERVICE: &str = "/subscriptions/{subscription}/resourceGroups/{resource_group}/providers/Microsoft.Peering/peeringServices/{peering_service}/providers/microsoft.insights/metrics";
const DEFINITIONS_OF_SERVICE: &str = "/subscriptions/{subscription}/resourceGroups/{resource_group}/providers/Microsoft.Peering/peeringServices/{peering_service}/providers/microsoft.insights/metricDefinitions";
const NAMESPACES_OF_PEERING: &str = "/subscriptions/{subscription}/resourceGroups/{resource_group}/providers/Microsoft.Peering/peerings/{peering}/providers/microsoft.insights/metricNamespaces";
const NAMESPACES_OF_SERVICE: &str = "/subscriptions/{subscription}/resourceGroups/{resource_group}/providers/Microsoft.Peering/peeringServices/{peering_service}/providers/microsoft.insights/metricNamespaces";

/// Adds the routes.
pub(crate) fn routes(routes: Routes) -> Routes {
    routes
        .add(Method::GET, OF_PEERING, Access::Subscription, values::list)
        .add(Method::GET, OF_SERVICE, Access::Subscription, values::list)
        .add(Method::GET, DEFINITIONS_OF_PEERING, Access::Subscription, definitions::list)
        .add(Method::GET, DEFINITIONS_OF_SERVICE, Access::Subscription, definitions::list)
        .add(Method::GET, NAMESPACES_OF_PEERING, Access::Subscription, namespaces::list)
        .add(Method::GET, NAMESPACES_OF_SERVICE, Access::Subscription, namespaces::list)
}

/// The resource that the path names.
struct Metered {
    kind: MeteredResource,
    owner: Owner,
    id: String,
    region: String,
}

/// The resource that the path names, or 404.
async fn metered(call: &Call, db: &mut impl Db) -> Result<Metered, ApiError> {
    if call.param("peering_service").is_empty() {
        let peering = peering_of(call, db).await?;
        return Ok(Metered {
            kind: MeteredResource::Peering,
            owner: Owner::Peering(peering.id),
            id: peerings::id(&peering),
            region: peering.spec.region,
        });
    }
    let service = service_of(call, db).await?;
    Ok(Metered {
        kind: MeteredResource::PeeringService,
        owner: Owner::Service(service.id),
        id: peering_services::id(&service),
        region: service.spec.region,
    })
}

/// A name as programs know it and as people read it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Localizable {
    value: String,
    localized_value: String,
}

impl Localizable {
    fn of(value: &str, localized: &str) -> Self {
        Self { value: value.to_owned(), localized_value: localized.to_owned() }
    }

    fn metric(definition: &Definition) -> Self {
        Self::of(definition.name, definition.display)
    }
}
