//! `PUT connectionMonitorTests/{name}`: asks a site to try a destination, or another one.

use super::wire::{Sent, id, show};
use crate::arm::inventory;
use crate::arm::peer_asns::folded;
use crate::arm::peering_services::service_of;
use crate::call::{Answer, Call, written};
use crate::error::ApiError;
use meetme_model::Asn;
use meetme_model::connection::Connection;
use meetme_model::monitor_test::{MAX_TESTS, MonitorTest, MonitorTestDraft, MonitorTestSpec, validate};
use meetme_model::peer_asn::{AsnState, PeerAsn};
use meetme_model::peering_service::PeeringService;
use meetme_store::{
    Db, IdPage, Tx, connection_monitor_get, connections_of, monitor_test_get, monitor_test_insert,
    monitor_test_update, monitor_tests_count, peer_asns_all, peering_service_lock, peerings_of_asn,
};
use serde_json::json;
use std::collections::BTreeSet;

/// Claims read at a time.
const BATCH: u32 = 500;

/// Creates (201) or changes (200) a test.
pub(super) async fn put(call: Call) -> Answer {
    let draft = MonitorTestDraft::from(call.json::<Sent>()?);
    let inventory = inventory(&call).await?;
    let connections = {
        let mut db = call.state.store.read().await?;
        let service = service_of(&call, &mut db).await?;
        connections(&mut db, &service).await?
    };
    let mut tx = call.state.store.begin().await?;
    let found = service_of(&call, &mut tx).await?;
    let service = peering_service_lock(&mut tx, found.id).await?;
    let name = call.param("connection_monitor_test");
    let existing = monitor_test_get(&mut tx, service.id, name).await?;
    call.check_conditions(existing.as_ref().map(|e| &e.stamp))?;
    check_initialized(&call, &mut tx).await?;
    let spec = validate(&draft, &inventory, &service.spec, &connections)?;
    let created = existing.is_none();
    let kept = match existing {
        Some(old) if old.spec == spec => old,
        Some(old) => change(&call, &mut tx, old, spec).await?,
        None => create(&call, &mut tx, &service, spec).await?,
    };
    call.audit(
        &mut tx,
        "connectionMonitorTests/write",
        &id(&service, &kept.name),
        json!({ "created": created, "site": kept.spec.site, "destination": kept.spec.destination,
                "port": kept.spec.port, "intervalSeconds": kept.spec.interval_s }),
    )
    .await?;
    let stamp = kept.stamp.clone();
    let shown = show(&mut tx, &service, kept).await?;
    tx.commit().await?;
    call.tagged(&stamp, written(created, shown))
}

async fn create(
    call: &Call,
    tx: &mut Tx,
    service: &PeeringService,
    spec: MonitorTestSpec,
) -> Result<MonitorTest, ApiError> {
    if monitor_tests_count(tx, service.id).await? >= MAX_TESTS {
        return Err(ApiError::conflict(
            "TooManyConnectionMonitorTests",
            format!("a peering service has at most {MAX_TESTS} connection monitor tests; delete one first"),
        ));
    }
    let new = MonitorTest {
        id: 0,
        service_id: service.id,
        name: call.param("connection_monitor_test").to_owned(),
        spec,
        stamp: call.stamp(),
    };
    Ok(monitor_test_insert(tx, &new).await?)
}

async fn change(
    call: &Call,
    tx: &mut Tx,
    mut test: MonitorTest,
    spec: MonitorTestSpec,
) -> Result<MonitorTest, ApiError> {
    test.spec = spec;
    test.stamp.change(&call.principal.name, call.now);
    monitor_test_update(tx, &test).await?;
    Ok(test)
}

async fn check_initialized(call: &Call, tx: &mut Tx) -> Result<(), ApiError> {
    if connection_monitor_get(tx, call.subscription()).await?.is_some() {
        return Ok(());
    }
    Err(ApiError::conflict(
        "ConnectionMonitorNotInitialized",
        "this subscription's connection monitor isn't initialized; POST initializeConnectionMonitor of the subscription first",
    ))
}

/// The connections of the service's provider, on all of its peerings. They only say which of the
/// site's routers sends, so they may be a moment old.
async fn connections(db: &mut impl Db, service: &PeeringService) -> Result<Vec<Connection>, ApiError> {
    let mut found = Vec::new();
    for asn in asns_of(db, &service.spec.provider).await? {
        for peering in peerings_of_asn(db, asn).await? {
            let all = connections_of(db, peering.id).await?;
            found.extend(all.into_iter().filter(|c| c.removal.is_none()));
        }
    }
    Ok(found)
}

/// The approved ASNs of a peer's name.
async fn asns_of(db: &mut impl Db, provider: &str) -> Result<BTreeSet<Asn>, ApiError> {
    let wanted = folded(provider);
    let mut asns = BTreeSet::new();
    let mut page = IdPage::first(BATCH);
    loop {
        let claims = peer_asns_all(db, page).await?;
        let Some(last) = claims.last() else { return Ok(asns) };
        page.after = Some(last.id);
        let named = |c: &&PeerAsn| c.state == AsnState::Approved && folded(&c.spec.peer_name) == wanted;
        asns.extend(claims.iter().filter(named).map(|c| c.spec.asn));
    }
}
