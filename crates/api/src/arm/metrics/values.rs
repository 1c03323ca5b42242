//! `GET …/metrics`: what was measured over a time.
//!
//! Series are summed up together, save along the dimensions that the filter names.

use super::ask::{Asked, Order};
use super::time::{self, Length};
use super::{Localizable, Metered, metered};
use crate::call::{Answer, Call, ok};
use crate::error::ApiError;
use jiff::Timestamp;
use meetme_model::metric::{Aggregation, Definition};
use meetme_model::samples::Stat;
use meetme_store::{Db, MetricPoint, PointsAsked, metric_points, metric_series_of};
use serde::Serialize;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Points that one answer has at most.
const MAX_POINTS: u64 = 10_000;

#[derive(Serialize)]
struct Shown {
    cost: u64,
    timespan: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    interval: Option<&'static str>,
    namespace: &'static str,
    resourceregion: String,
    value: Vec<Metric>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metric {
    id: String,
    r#type: &'static str,
    name: Localizable,
    display_description: &'static str,
    unit: &'static str,
    error_code: &'static str,
    timeseries: Vec<Line>,
}

/// One line over time.
#[derive(Serialize)]
struct Line {
    metadatavalues: Vec<Metadata>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Vec<Point>>,
}

/// What a line is about: a dimension, in lower case as Azure Monitor has it, and its value.
#[derive(Serialize)]
struct Metadata {
    name: Localizable,
    value: String,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Point {
    time_stamp: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    average: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    minimum: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<f64>,
}

/// Answers values.
pub(super) async fn list(call: Call) -> Answer {
    let mut db = call.state.store.read().await?;
    let resource = metered(&call, &mut db).await?;
    let asked = Asked::of(&call, resource.kind)?;
    let mut reading = Reading { points: asked.span.points(asked.length, call.now), asked: &asked, cost: 0 };
    let mut value = Vec::with_capacity(asked.metrics.len());
    for metric in &asked.metrics {
        value.push(reading.metric(&mut db, &resource, metric).await?);
    }
    ok(Shown {
        cost: reading.cost,
        timespan: asked.span.show(),
        interval: (!asked.metadata_only).then(|| asked.length.show()),
        namespace: resource.kind.namespace(),
        resourceregion: resource.region,
        value,
    })
}

/// Series that are summed up together, by the values of the dimensions that they are split by.
type Groups = BTreeMap<Vec<String>, Vec<i64>>;

struct Reading<'a> {
    asked: &'a Asked,
    points: PointsAsked,
    /// Points so far.
    cost: u64,
}

impl Reading<'_> {
    async fn metric(
        &mut self,
        db: &mut impl Db,
        resource: &Metered,
        metric: &'static Definition,
    ) -> Result<Metric, ApiError> {
        let bound = self.asked.bound(metric);
        let dimensions = bound.dimensions();
        let mut groups = Groups::new();
        for (id, of) in metric_series_of(db, resource.owner, metric.metric).await? {
            if bound.holds(&of) {
                let key = dimensions.iter().map(|d| of.get(*d).cloned().unwrap_or_default()).collect();
                groups.entry(key).or_default().push(id);
            }
        }
        let lines = match self.asked.metadata_only {
            true => groups.into_keys().take(self.asked.top).map(|key| line(&dimensions, key, None)).collect(),
            false => self.lines(db, metric, &dimensions, groups).await?,
        };
        Ok(Metric {
            id: format!("{}/providers/Microsoft.Insights/metrics/{}", resource.id, metric.name),
            r#type: "Microsoft.Insights/metrics",
            name: Localizable::metric(metric),
            display_description: metric.description,
            unit: metric.unit,
            error_code: "Success",
            timeseries: lines,
        })
    }

    async fn lines(
        &mut self,
        db: &mut impl Db,
        metric: &Definition,
        dimensions: &[&'static str],
        mut groups: Groups,
    ) -> Result<Vec<Line>, ApiError> {
        if self.asked.order.is_none() {
            groups = groups.into_iter().take(self.asked.top).collect();
        }
        self.cost += groups.len() as u64 * time::count(self.points);
        if self.cost > MAX_POINTS {
            return Err(self.too_many());
        }
        let series: Vec<(i64, usize)> = groups
            .values()
            .enumerate()
            .flat_map(|(group, ids)| ids.iter().map(move |id| (*id, group)))
            .collect();
        let points = metric_points(db, &series, self.points).await?;
        let mut lines: Vec<(Vec<String>, Vec<MetricPoint>)> =
            groups.into_keys().map(|key| (key, Vec::new())).collect();
        for point in points {
            if let Some((_, of_line)) = lines.get_mut(point.group) {
                of_line.push(point);
            }
        }
        if let Some(order) = self.asked.order {
            lines.sort_by(|(_, a), (_, b)| compare(order, a, b));
            lines.truncate(self.asked.top);
        }
        let aggregations = match self.asked.aggregations.as_slice() {
            [] => &[metric.primary][..],
            asked => asked,
        };
        Ok(lines
            .into_iter()
            .map(|(key, points)| line(dimensions, key, Some(self.data(aggregations, &points))))
            .collect())
    }

    /// A point for each time there is, with values where something was measured.
    fn data(&self, aggregations: &[Aggregation], points: &[MetricPoint]) -> Vec<Point> {
        let mut points = points.iter().peekable();
        let from_ms = self.points.from.as_millisecond();
        let starts = (from_ms..self.points.until.as_millisecond()).step_by(self.step());
        let mut data = Vec::new();
        for (index, at_ms) in (0..).zip(starts) {
            let measured = points.next_if(|p| p.index == index);
            let mut point = measured.map_or_else(Point::default, |p| Point::of(p.stat, aggregations));
            // Lies between two times that there are.
            point.time_stamp = Timestamp::from_millisecond(at_ms).unwrap_or_default();
            data.push(point);
        }
        data
    }

    fn step(&self) -> usize {
        usize::try_from(self.points.length_ms).unwrap_or(usize::MAX).max(1)
    }

    fn too_many(&self) -> ApiError {
        let length = match self.asked.length {
            Length::Each(interval) => interval.iso,
            Length::Whole => "FULL",
        };
        ApiError::bad_request(
            "TooManyDataPoints",
            "timespan",
            format!(
                "these are more than {MAX_POINTS} points of {length}; ask for a shorter time, a longer interval, fewer metrics, or fewer lines by a $filter"
            ),
        )
    }
}

impl Point {
    fn of(stat: Stat, aggregations: &[Aggregation]) -> Self {
        let mut point = Self::default();
        for aggregation in aggregations {
            let value = Some(value(*aggregation, stat));
            match aggregation {
                Aggregation::Average => point.average = value,
                Aggregation::Minimum => point.minimum = value,
                Aggregation::Maximum => point.maximum = value,
                Aggregation::Total => point.total = value,
                Aggregation::Count => point.count = value,
            }
        }
        point
    }
}

fn value(aggregation: Aggregation, stat: Stat) -> f64 {
    match aggregation {
        Aggregation::Average => stat.average(),
        Aggregation::Minimum => stat.min,
        Aggregation::Maximum => stat.max,
        Aggregation::Total => stat.sum,
        Aggregation::Count => f64::from(stat.count),
    }
}

/// Lines by a value over their whole time; those without one come last.
fn compare(order: Order, a: &[MetricPoint], b: &[MetricPoint]) -> Ordering {
    let whole = |points: &[MetricPoint]| {
        points.iter().map(|p| p.stat).reduce(Stat::and).map(|stat| value(order.by, stat))
    };
    match (whole(a), whole(b)) {
        (Some(a), Some(b)) if order.descending => b.total_cmp(&a),
        (Some(a), Some(b)) => a.total_cmp(&b),
        (a, b) => b.is_some().cmp(&a.is_some()),
    }
}

fn line(dimensions: &[&'static str], key: Vec<String>, data: Option<Vec<Point>>) -> Line {
    let metadatavalues = dimensions
        .iter()
        .zip(key)
        .map(|(d, value)| Metadata { name: Localizable::of(&d.to_ascii_lowercase(), d), value })
        .collect();
    Line { metadatavalues, data }
}
