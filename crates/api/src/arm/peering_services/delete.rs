//! `DELETE peeringServices/{name}`: with its prefixes, as ARM deletes children with their parent.

use super::wire::id;
use crate::call::{Answer, Call, deleted};
use meetme_model::Asn;
use meetme_store::{
    Page, Tx, peering_by_id, peering_service_delete, peering_service_get, peering_service_lock,
    registered_prefix_by_id, service_prefixes_list, work_enqueue_routers_of,
};
use serde_json::json;
use std::collections::BTreeSet;

/// Deletes a peering service: 204 when there is none. Traffic for its prefixes is routed hot potato
/// from then on.
pub(super) async fn delete(call: Call) -> Answer {
    let mut tx = call.state.store.begin().await?;
    let name = call.param("peering_service");
    let found = peering_service_get(&mut tx, call.subscription(), call.resource_group(), name).await?;
    let found = match found {
        Some(found) => Some(peering_service_lock(&mut tx, found.id).await?),
        None => None,
    };
    call.check_conditions(found.as_ref().map(|f| &f.stamp))?;
    let Some(found) = found else {
        return deleted(false);
    };
    let asns = asns(&mut tx, found.id).await?;
    peering_service_delete(&mut tx, found.id).await.map_err(|e| call.refuse(e))?;
    call.audit(&mut tx, "peeringServices/delete", &id(&found), json!({})).await?;
    for asn in asns {
        work_enqueue_routers_of(&mut tx, asn, call.now).await?;
    }
    tx.commit().await?;
    deleted(true)
}

/// The peers whose prefixes the service has activated.
async fn asns(tx: &mut Tx, service: i64) -> Result<BTreeSet<Asn>, crate::error::ApiError> {
    let mut asns = BTreeSet::new();
    for prefix in service_prefixes_list(tx, service, &Page::first(u32::MAX)).await? {
        if let Some(r) = registered_prefix_by_id(tx, prefix.registered_prefix_id).await?
            && let Some(p) = peering_by_id(tx, r.peering_id).await?
        {
            asns.insert(p.spec.asn);
        }
    }
    Ok(asns)
}
