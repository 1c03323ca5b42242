//! What was measured on a peering over a time: a chart for each metric, compared by connection.
//! Nothing is drawn that wasn't measured; which metrics there are, the API says.

use super::chart::{Chart, Line, moment};
use super::{file, views};
use crate::error::PageError;
use crate::pages::peerings::at::At;
use crate::pages::peerings::frame::tab;
use crate::parts::table::csv_field;
use crate::parts::{empty, live};
use crate::query::encode;
use crate::session::{Context, now};
use axum::extract::{Path, Query};
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;

const PATH: &str = "/metrics";
/// The version that Azure Monitor's clients speak.
const VERSION: &str = "api-version=2023-10-01";
/// The dimension by which metrics are compared.
const CONNECTION: &str = "ConnectionId";
/// Connections compared in one chart: as many as the API gives points for in every range.
const LINES: usize = 30;

/// A length of time to look at, and that of a point in it.
struct Range {
    key: &'static str,
    words: &'static str,
    hours: i64,
    interval: &'static str,
}

const RANGES: [Range; 4] = [
    Range { key: "1h", words: "1 hour", hours: 1, interval: "PT1M" },
    Range { key: "1d", words: "1 day", hours: 24, interval: "PT5M" },
    Range { key: "7d", words: "7 days", hours: 7 * 24, interval: "PT1H" },
    Range { key: "30d", words: "30 days", hours: 30 * 24, interval: "PT6H" },
];

#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    range: String,
    #[serde(default)]
    format: String,
}

/// A metric that exists.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Definition {
    name: Name,
    #[serde(default)]
    display_description: String,
    unit: String,
    primary_aggregation_type: String,
    #[serde(default)]
    dimensions: Vec<Name>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Name {
    value: String,
    #[serde(default)]
    localized_value: String,
}

impl Definition {
    fn title(&self) -> &str {
        if self.name.localized_value.is_empty() { &self.name.value } else { &self.name.localized_value }
    }

    fn is_by_connection(&self) -> bool {
        self.dimensions.iter().any(|d| d.value == CONNECTION)
    }
}

/// A metric with what was measured of it.
struct Measured {
    definition: Definition,
    lines: Vec<Line>,
}

/// Shows the page, or gives what was measured as a file.
pub(super) async fn show(
    context: Context,
    Path(at): Path<At>,
    Query(asked): Query<Asked>,
) -> Result<Response, PageError> {
    let range = RANGES.iter().find(|r| r.key == asked.range).unwrap_or(&RANGES[0]);
    let now = now();
    let span = (now - SignedDuration::from_hours(range.hours), now);
    let names = connection_names(&context, &at).await?;
    let insights = format!("{}/providers/microsoft.insights", at.resource());
    let definitions =
        context.api.list(&format!("{insights}/metricDefinitions?{VERSION}"), usize::MAX).await?;
    let mut measured = Vec::new();
    for definition in definitions {
        let definition: Definition = serde_json::from_value(definition).map_err(PageError::internal)?;
        let body = context.api.get(&values_path(&insights, &definition, range, span)).await?;
        let lines = lines(&body, &definition, &names);
        measured.push(Measured { definition, lines });
    }
    if asked.format == "csv" {
        let name = format!("{}-metrics-{}.csv", at.name, range.key);
        return Ok(file(&name, "text/csv; charset=utf-8", csv(&measured)));
    }
    let link = |key: &str| format!("{}?range={key}", at.page(PATH));
    let all: Vec<(&str, String)> = RANGES.iter().map(|r| (r.words, link(r.key))).collect();
    let here = link(range.key);
    let content = html! {
        (views("Time", &all, &here))
        (live("metrics", &here, charts(&measured, span, &format!("{here}&format=csv"))))
    };
    Ok(tab(&context, &at, PATH, html! {}, content))
}

/// What connections are called, by their identifier.
async fn connection_names(context: &Context, at: &At) -> Result<HashMap<String, String>, PageError> {
    let rows = context.api.list(&format!("{}/connections", at.extension()), usize::MAX).await?;
    let text = |row: &Value, name: &str| row[name].as_str().unwrap_or("").to_owned();
    let name = |row: &Value| {
        let router = row["router"]["name"].as_str().map_or(String::new(), |r| format!(" on {r}"));
        format!("{}{router}", text(row, "trackingId"))
    };
    Ok(rows.iter().map(|row| (text(row, "connectionIdentifier").to_lowercase(), name(row))).collect())
}

fn values_path(
    insights: &str,
    definition: &Definition,
    range: &Range,
    span: (Timestamp, Timestamp),
) -> String {
    let mut path = format!(
        "{insights}/metrics?{VERSION}&metricnames={}&aggregation={}&interval={}&AutoAdjustTimegrain=true&timespan={}",
        encode(&definition.name.value),
        encode(&definition.primary_aggregation_type),
        range.interval,
        encode(&format!("{}/{}", span.0, span.1)),
    );
    if definition.is_by_connection() {
        path.push_str(&format!("&top={LINES}&$filter={}", encode(&format!("{CONNECTION} eq '*'"))));
    }
    path
}

/// The lines that have anything measured.
fn lines(body: &Value, definition: &Definition, names: &HashMap<String, String>) -> Vec<Line> {
    let aggregation = definition.primary_aggregation_type.to_lowercase();
    let mut lines = Vec::new();
    for series in body["value"][0]["timeseries"].as_array().into_iter().flatten() {
        let of = series["metadatavalues"][0]["value"].as_str().unwrap_or("");
        let name = match names.get(&of.to_lowercase()) {
            Some(name) => name.clone(),
            None if of.is_empty() => "All".to_owned(),
            None => format!("{of} (removed)"),
        };
        let data = series["data"].as_array().into_iter().flatten();
        let points = data.filter_map(|point| {
            let at: Timestamp = point["timeStamp"].as_str()?.parse().ok()?;
            Some((at.as_millisecond(), point[aggregation.as_str()].as_f64()))
        });
        let line = Line { name, points: points.collect() };
        if line.is_measured() {
            lines.push(line);
        }
    }
    lines.sort_by(|a, b| a.name.cmp(&b.name));
    lines
}

fn charts(measured: &[Measured], span: (Timestamp, Timestamp), csv: &str) -> Markup {
    let (drawn, missing): (Vec<&Measured>, Vec<&Measured>) =
        measured.iter().partition(|m| !m.lines.is_empty());
    let missing: Vec<&str> = missing.iter().map(|m| m.definition.title()).collect();
    html! {
        @if drawn.is_empty() {
            (empty("Nothing was measured in this time", "Sessions and links are measured as soon as they are configured on our routers. What isn't measured isn't drawn.", html! {}))
        } @else {
            div.toolbar {
                span.count { "Times in UTC. A gap is a time in which nothing was measured." }
                a.subtle href=(csv) download { "Export CSV" }
            }
            div.charts {
                @for m in &drawn {
                    section.card {
                        h2 { (m.definition.title()) }
                        p.hint { (m.definition.display_description) }
                        (chart(m, span))
                    }
                }
            }
            @if !missing.is_empty() { p.nothing { "Not measured in this time: " (missing.join(", ")) "." } }
        }
    }
}

fn chart(measured: &Measured, span: (Timestamp, Timestamp)) -> Markup {
    let lines = measured.lines.iter();
    let lines = lines.map(|l| Line { name: l.name.clone(), points: l.points.clone() }).collect();
    // A point begins at a whole multiple of its length: the first one may begin before the time does.
    let first = measured.lines.iter().filter_map(|l| l.points.first()).map(|(at, _)| *at);
    let span_ms = (first.chain([span.0.as_millisecond()]).min().unwrap_or(0), span.1.as_millisecond());
    let (title, unit) = (measured.definition.title(), measured.definition.unit.as_str());
    Chart { title, unit, lines, span_ms }.render()
}

fn csv(measured: &[Measured]) -> String {
    let mut text = "Metric,Unit,Connection,Time,Value\r\n".to_owned();
    for m in measured {
        for line in &m.lines {
            for (at, value) in line.points.iter().filter_map(|(at, v)| Some((*at, (*v)?))) {
                let head = [m.definition.name.value.as_str(), &m.definition.unit, &line.name, &moment(at)];
                text.push_str(&format!("{},{value}\r\n", head.map(csv_field).join(",")));
            }
        }
    }
    text
}
