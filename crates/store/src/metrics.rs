//! Metrics over time (`docs/rules.md` §8): series, and their points in three grains.
//!
//! A router's minute is written once, in few statements whatever its size, and sums up in all
//! grains at once. Points that nobody keeps any longer are pruned in small steps.

use crate::db::{Db, Tx};
use crate::error::{Result, StoreError};
use crate::statement::{Columns, sql, to_doc};
use jiff::{SignedDuration, Timestamp};
use meetme_model::metric::{Dimensions, Grain, Metric, Owner, Series};
use meetme_model::samples::Stat;
use serde::Serialize;
use sqlx::Row;
use sqlx::any::AnyRow;
use std::collections::{BTreeMap, HashMap};

/// Points of a deleted resource that one step of pruning takes away at most, in each grain.
const POINTS_PER_STEP: i64 = 5_000;

statements! {
    MINUTE_TAKE = "INSERT INTO metric_minutes (minute_ms, router, part) VALUES ($1, $2, $3)
                   ON CONFLICT DO NOTHING";
    MINUTES_PRUNE = "DELETE FROM metric_minutes WHERE minute_ms < $1";
    SERIES_FIND = "SELECT s.key, s.id FROM {rows} JOIN metric_series s ON s.key = value ->> 0";
    SERIES_ADD = "INSERT INTO metric_series (key, peering_id, service_id, metric, dimensions)
                  SELECT value ->> 0, CAST(value ->> 1 AS BIGINT), CAST(value ->> 2 AS BIGINT),
                         value ->> 3, value ->> 4 FROM {rows}
                  WHERE EXISTS (SELECT 1 FROM peerings WHERE id = CAST(value ->> 1 AS BIGINT))
                     OR EXISTS (SELECT 1 FROM peering_services WHERE id = CAST(value ->> 2 AS BIGINT))
                  ON CONFLICT DO NOTHING";
    POINTS_ADD = "INSERT INTO metric_points AS kept
                  (series_id, grain_s, at_ms, n, total, low, high)
                  SELECT CAST(value ->> 0 AS BIGINT), CAST($2 AS BIGINT), CAST($3 AS BIGINT),
                         CAST(value ->> 1 AS BIGINT), CAST(value ->> 2 AS DOUBLE PRECISION),
                         CAST(value ->> 3 AS DOUBLE PRECISION), CAST(value ->> 4 AS DOUBLE PRECISION)
                  FROM {rows} WHERE 1 = 1
                  ON CONFLICT (series_id, grain_s, at_ms) DO UPDATE SET
                  n = kept.n + excluded.n, total = kept.total + excluded.total,
                  low = CASE WHEN excluded.low < kept.low THEN excluded.low ELSE kept.low END,
                  high = CASE WHEN excluded.high > kept.high THEN excluded.high ELSE kept.high END";
    OF_PEERING = "SELECT id, dimensions FROM metric_series WHERE peering_id = $1 AND metric = $2
                  ORDER BY key";
    OF_SERVICE = "SELECT id, dimensions FROM metric_series WHERE service_id = $1 AND metric = $2
                  ORDER BY key";
    POINTS = "SELECT CAST(value ->> 1 AS BIGINT), (p.at_ms - $3) / $5, CAST(SUM(p.n) AS BIGINT),
                     SUM(p.total), MIN(p.low), MAX(p.high)
              FROM {rows} JOIN metric_points p ON p.series_id = CAST(value ->> 0 AS BIGINT)
              WHERE p.grain_s = $2 AND p.at_ms >= $3 AND p.at_ms < $4
              GROUP BY 1, 2 ORDER BY 1, 2";
    NEWEST = "SELECT s.metric, s.dimensions, COALESCE(p.subscription, v.subscription),
                     COALESCE(p.path, v.path), (
                         SELECT m.total / m.n FROM metric_points m
                         WHERE m.series_id = s.id AND m.grain_s = 60 AND m.at_ms >= $1 AND m.at_ms < $2
                         ORDER BY m.at_ms DESC LIMIT 1)
              FROM metric_series s
              LEFT JOIN peerings p ON p.id = s.peering_id
              LEFT JOIN peering_services v ON v.id = s.service_id
              WHERE s.peering_id IS NOT NULL OR s.service_id IS NOT NULL
              ORDER BY s.metric, s.id";
    SERIES_PAGE = "SELECT id, peering_id, service_id FROM metric_series WHERE id > $1
                   ORDER BY id LIMIT $2";
    EXPIRE = "DELETE FROM metric_points WHERE grain_s = $1 AND at_ms < $2 AND series_id IN (
              SELECT id FROM metric_series WHERE id > $3 AND id <= $4)";
    TRIM = "DELETE FROM metric_points WHERE series_id = $1 AND grain_s = $2 AND at_ms <= (
            SELECT MAX(at_ms) FROM (SELECT at_ms FROM metric_points
            WHERE series_id = $1 AND grain_s = $2 ORDER BY at_ms LIMIT $3) AS oldest)";
    SERIES_FORGET = "DELETE FROM metric_series WHERE id > $1 AND id <= $2 AND NOT EXISTS (
                     SELECT 1 FROM metric_points WHERE series_id = metric_series.id)";
}

/// Writes a part of a router's minute down; false: it was written before, and nothing changed. What is of a
/// peering or service that is gone is left out.
pub async fn metric_minute_put(
    tx: &mut Tx,
    router: &str,
    minute: Timestamp,
    part: u32,
    measured: &BTreeMap<Series, Stat>,
) -> Result<bool> {
    let take = sql(MINUTE_TAKE).bind_time(minute).bind(router).bind(i64::from(part));
    if take.run(tx).await? == 0 {
        return Ok(false);
    }
    let rows = measured
        .iter()
        .filter(|(_, stat)| stat.count > 0)
        .map(|(series, stat)| SeriesRow::of(series).map(|row| (row, *stat)))
        .collect::<Result<Vec<_>>>()?;
    let mut ids = series_ids(tx, rows.iter().map(|(row, _)| row)).await?;
    let new: Vec<&SeriesRow> = rows.iter().map(|(r, _)| r).filter(|r| !ids.contains_key(&r.0)).collect();
    if !new.is_empty() {
        sql(SERIES_ADD).bind(to_doc(&new, "series")?).run(tx).await?;
        ids.extend(series_ids(tx, new.into_iter()).await?);
    }
    let mut points: Vec<(i64, u32, f64, f64, f64)> =
        rows.iter().filter_map(|(row, s)| Some((*ids.get(&row.0)?, s.count, s.sum, s.min, s.max))).collect();
    // Two writers that meet take their rows in one order.
    points.sort_by_key(|p| p.0);
    if points.is_empty() {
        return Ok(true);
    }
    let points = to_doc(&points, "points")?;
    for grain in Grain::ALL {
        sql(POINTS_ADD)
            .bind(points.as_str())
            .bind(i64::from(grain.seconds()))
            .bind(start_ms(minute, grain))
            .run(tx)
            .await?;
    }
    Ok(true)
}

/// Key, peering, service, metric and dimensions.
#[derive(Serialize)]
struct SeriesRow(String, Option<i64>, Option<i64>, &'static str, String);

impl SeriesRow {
    fn of(series: &Series) -> Result<Self> {
        let metric = series.metric.definition().name;
        let dimensions = to_doc(&series.dimensions, "dimensions")?;
        let (owner, peering, service) = match series.owner {
            Owner::Peering(id) => (format!("peering {id}"), Some(id), None),
            Owner::Service(id) => (format!("service {id}"), None, Some(id)),
        };
        Ok(Self(format!("{owner} {metric} {dimensions}"), peering, service, metric, dimensions))
    }
}

async fn series_ids(tx: &mut Tx, rows: impl Iterator<Item = &SeriesRow>) -> Result<HashMap<String, i64>> {
    let keys: Vec<[&str; 1]> = rows.map(|row| [row.0.as_str()]).collect();
    let found = sql(SERIES_FIND).bind(to_doc(&keys, "series")?).all(tx).await?;
    found.iter().map(|row| Ok((row.text(0)?, row.int(1)?))).collect()
}

/// Where the point that `at` falls in begins.
fn start_ms(at: Timestamp, grain: Grain) -> i64 {
    let length = i64::from(grain.seconds()) * 1000;
    at.as_millisecond().div_euclid(length) * length
}

/// The series of a metric that a resource has, with their dimensions, in the order of these.
pub async fn metric_series_of(
    db: &mut impl Db,
    owner: Owner,
    metric: Metric,
) -> Result<Vec<(i64, Dimensions)>> {
    let (statement, id) = match owner {
        Owner::Peering(id) => (OF_PEERING, id),
        Owner::Service(id) => (OF_SERVICE, id),
    };
    let rows = sql(statement).bind(id).bind(metric.definition().name).all(db).await?;
    rows.iter().map(|row| Ok((row.int(0)?, row.doc(1, "dimensions")?))).collect()
}

/// Which points to read, and how long those are that they are summed up into.
#[derive(Clone, Copy, Debug)]
pub struct PointsAsked {
    /// The grain that is read.
    pub grain: Grain,
    /// Where the first summed point begins: a start of a point of that grain.
    pub from: Timestamp,
    /// Where the last one ends.
    pub until: Timestamp,
    /// Length of a summed point, a multiple of the grain.
    pub length_ms: i64,
}

/// Measurements of a group of series, summed up over a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MetricPoint {
    /// Of which group.
    pub group: usize,
    /// Which of the summed points: 0 begins at [`PointsAsked::from`].
    pub index: i64,
    /// What was measured.
    pub stat: Stat,
}

/// The points of series, given by id with the group that each is summed up in; in the order of
/// group and time. A time without measurement has none.
pub async fn metric_points(
    db: &mut impl Db,
    series: &[(i64, usize)],
    asked: PointsAsked,
) -> Result<Vec<MetricPoint>> {
    let rows = sql(POINTS)
        .bind(to_doc(&series, "series")?)
        .bind(i64::from(asked.grain.seconds()))
        .bind_time(asked.from)
        .bind_time(asked.until)
        .bind(asked.length_ms.max(1))
        .all(db)
        .await?;
    rows.iter()
        .map(|row| {
            let group = usize::try_from(row.int(0)?).map_err(|e| StoreError::corrupt("group", e))?;
            Ok(MetricPoint { group, index: row.int(1)?, stat: stat(row, 2)? })
        })
        .collect()
}

/// The four columns of a stat, from `first` on.
fn stat(row: &AnyRow, first: usize) -> Result<Stat> {
    Ok(Stat {
        count: u32::try_from(row.int(first)?).unwrap_or(u32::MAX),
        sum: row.try_get(first + 1)?,
        min: row.try_get(first + 2)?,
        max: row.try_get(first + 3)?,
    })
}

/// The newest minute of a series.
#[derive(Clone, Debug, PartialEq)]
pub struct NewestPoint {
    /// What is measured.
    pub metric: Metric,
    /// On what.
    pub dimensions: Dimensions,
    /// Its owner as `subscription/group/name`, in lower case.
    pub path: String,
    /// The mean of what was measured.
    pub mean: f64,
}

/// The newest minute of everybody's series that began at `since` or later and before `until`; in
/// the order of metrics' names. Series without one are left out.
pub async fn metrics_newest(
    db: &mut impl Db,
    since: Timestamp,
    until: Timestamp,
) -> Result<Vec<NewestPoint>> {
    let rows = sql(NEWEST).bind_time(since).bind_time(until).all(db).await?;
    let mut newest = Vec::with_capacity(rows.len());
    for row in &rows {
        // One that a newer version collects isn't known here.
        let (Some(metric), Some(mean)) = (Metric::named(&row.text(0)?), row.try_get(4)?) else { continue };
        newest.push(NewestPoint {
            metric,
            dimensions: row.doc(1, "dimensions")?,
            path: format!("{}/{}", row.text(2)?, row.text(3)?),
            mean,
        });
    }
    Ok(newest)
}

/// One step of pruning: of the `limit` series after `after`, what is older than its grain is kept,
/// some of what belonged to a deleted resource, and series that are left without points. Gives
/// where to go on; `None`: all were looked at.
pub async fn metrics_prune(tx: &mut Tx, now: Timestamp, after: i64, limit: u32) -> Result<Option<i64>> {
    let rows = sql(SERIES_PAGE).bind(after).bind(i64::from(limit)).all(tx).await?;
    let Some(last) = rows.last() else {
        sql(MINUTES_PRUNE).bind_time(kept_since(now, Grain::Minute)).run(tx).await?;
        return Ok(None);
    };
    let mut last = last.int(0)?;
    for row in &rows {
        if row.int_or_null(1)?.is_none() && row.int_or_null(2)?.is_none() {
            // The rest of the page, and of this series, is another step's.
            last = row.int(0)?;
            trim(tx, last).await?;
            break;
        }
    }
    for grain in Grain::ALL {
        sql(EXPIRE)
            .bind(i64::from(grain.seconds()))
            .bind_time(kept_since(now, grain))
            .bind(after)
            .bind(last)
            .run(tx)
            .await?;
    }
    sql(SERIES_FORGET).bind(after).bind(last).run(tx).await?;
    Ok(Some(last))
}

/// Takes the oldest points of a series away.
async fn trim(tx: &mut Tx, series_id: i64) -> Result<()> {
    for grain in Grain::ALL {
        let grain_s = i64::from(grain.seconds());
        sql(TRIM).bind(series_id).bind(grain_s).bind(POINTS_PER_STEP).run(tx).await?;
    }
    Ok(())
}

/// Since when points of a grain are kept.
pub fn kept_since(now: Timestamp, grain: Grain) -> Timestamp {
    now - SignedDuration::from_hours(grain.kept_hours())
}
