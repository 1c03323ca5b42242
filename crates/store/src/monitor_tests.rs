//! Connection monitors of subscriptions, and the connection monitor tests of peering services
//! (`docs/rules.md` §6). What the tests' tries come to is in `probes.rs`.

use crate::db::{Db, Page, Tx};
use crate::error::{Result, StoreError};
use crate::probes::{probe_outcome_forget, probes_changed};
use crate::statement::{Columns, Entity, fold, sql};
use jiff::Timestamp;
use meetme_model::monitor_test::MonitorTest;
use meetme_model::probe_id::ProbeId;

impl Entity for MonitorTest {
    const WHAT: &'static str = "connection monitor test";
    fn set_id(&mut self, id: i64) {
        self.id = id;
    }
}

statements! {
    MONITOR_GET = "SELECT workspace FROM connection_monitors WHERE subscription = $1";
    MONITOR_PUT = "INSERT INTO connection_monitors (subscription, workspace, at_ms)
                   VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    GET = "SELECT id, doc FROM monitor_tests WHERE service_id = $1 AND name = $2";
    BY_ID = "SELECT id, doc FROM monitor_tests WHERE id = $1";
    LIST = "SELECT id, doc FROM monitor_tests WHERE service_id = $1 AND name > $2
            ORDER BY name LIMIT $3";
    COUNT = "SELECT COUNT(*) FROM monitor_tests WHERE service_id = $1";
    AT_SITE = "SELECT id, doc FROM monitor_tests WHERE site = $1 ORDER BY id";
    INSERT = "INSERT INTO monitor_tests (service_id, name, site, doc)
              VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING id";
    UPDATE = "UPDATE monitor_tests SET site = $1, doc = $2 WHERE id = $3";
    DELETE = "DELETE FROM monitor_tests WHERE id = $1";
    DELETE_OF = "DELETE FROM monitor_tests WHERE service_id = $1";
}

/// The workspace of a subscription's connection monitor; `None` before it was initialized.
pub async fn connection_monitor_get(db: &mut impl Db, subscription: &str) -> Result<Option<String>> {
    let row = sql(MONITOR_GET).bind(fold(subscription)).optional(db).await?;
    row.map(|row| row.text(0)).transpose()
}

/// Initializes a subscription's connection monitor; one that is keeps its workspace. True when it
/// wasn't.
pub async fn connection_monitor_put(
    tx: &mut Tx,
    subscription: &str,
    workspace: &str,
    at: Timestamp,
) -> Result<bool> {
    Ok(sql(MONITOR_PUT).bind(fold(subscription)).bind(workspace).bind_time(at).run(tx).await? == 1)
}

/// The one of a name, any case.
pub async fn monitor_test_get(db: &mut impl Db, service_id: i64, name: &str) -> Result<Option<MonitorTest>> {
    sql(GET).bind(service_id).bind(fold(name)).entity(db).await
}

/// The one of an id.
pub async fn monitor_test_by_id(db: &mut impl Db, id: i64) -> Result<Option<MonitorTest>> {
    sql(BY_ID).bind(id).entity(db).await
}

/// Those of a service, by name.
pub async fn monitor_tests_list(db: &mut impl Db, service_id: i64, page: &Page) -> Result<Vec<MonitorTest>> {
    sql(LIST).bind(service_id).bind_page(page).entities(db).await
}

/// How many a service has.
pub async fn monitor_tests_count(db: &mut impl Db, service_id: i64) -> Result<usize> {
    let count = match sql(COUNT).bind(service_id).optional(db).await? {
        Some(row) => row.int(0)?,
        None => 0,
    };
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

/// Everybody's that are sent from a site, oldest first.
pub async fn monitor_tests_at_site(db: &mut impl Db, site: &str) -> Result<Vec<MonitorTest>> {
    sql(AT_SITE).bind(site).entities(db).await
}

/// Adds one; its `id` is ignored and given. Whoever adds one locks its service first.
pub async fn monitor_test_insert(tx: &mut Tx, new: &MonitorTest) -> Result<MonitorTest> {
    let inserted = sql(INSERT)
        .bind(new.service_id)
        .bind(fold(&new.name))
        .bind(new.spec.site.as_str())
        .bind_doc(new)?
        .insert(tx, new)
        .await?
        .ok_or(StoreError::Busy)?;
    probes_changed(tx).await?;
    Ok(inserted)
}

/// Writes what changed. What was found before is forgotten: it was found of something else.
pub async fn monitor_test_update(tx: &mut Tx, test: &MonitorTest) -> Result<()> {
    sql(UPDATE)
        .bind(test.spec.site.as_str())
        .bind_doc(test)?
        .bind(test.id)
        .run_one(tx, MonitorTest::WHAT, &test.name)
        .await?;
    probe_outcome_forget(tx, ProbeId::Test(test.id)).await?;
    probes_changed(tx).await
}

/// Deletes one, with what was found.
pub async fn monitor_test_delete(tx: &mut Tx, id: i64) -> Result<()> {
    sql(DELETE).bind(id).run_one(tx, MonitorTest::WHAT, id).await?;
    probes_changed(tx).await
}

/// Deletes those of a service.
pub(crate) async fn monitor_tests_delete_of(tx: &mut Tx, service_id: i64) -> Result<()> {
    if sql(DELETE_OF).bind(service_id).run(tx).await? > 0 {
        probes_changed(tx).await?;
    }
    Ok(())
}
