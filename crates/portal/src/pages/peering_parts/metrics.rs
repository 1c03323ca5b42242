//! What was measured on a peering over a time: a chart for each metric, compared by connection.
//! Nothing is drawn that wasn't measured; which metrics there are, the API says.

use super::chart::{Chart, Line, moment};
use super::window::{RANGES, Window, typed};
use super::{file, views};
use crate::error::PageError;
use crate::pages::peerings::at::At;
use crate::pages::peerings::frame::tab;
use crate::parts::form::Field;
use crate::parts::table::csv_field;
use crate::parts::{empty, live};
use crate::query::encode;
use crate::session::{Context, now};
use axum::extract::{Path, Query};
use axum::response::Response;
use jiff::Timestamp;
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

/// How the page is asked for.
struct Asked {
    window: Window,
    /// What is wrong with the typed times, by field.
    faults: Vec<(&'static str, String)>,
    /// From and until as they stand in their fields.
    typed: [String; 2],
    /// Connections that are compared, by identifier in lower case; empty: all.
    only: Vec<String>,
    is_csv: bool,
}

impl Asked {
    fn of(query: &[(String, String)], now: Timestamp) -> Self {
        let of = |name: &str| query.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value.as_str());
        let (from, until) = (of("from"), of("until"));
        let usual = Window::of_range(of("range"), now);
        let (window, faults, typed) = if from.is_empty() && until.is_empty() {
            let typed = [typed(usual.from), typed(usual.until)];
            (usual, Vec::new(), typed)
        } else {
            let (own, faults) = match Window::of_times(from, until, now) {
                Ok(window) => (window, Vec::new()),
                Err(faults) => (usual, faults),
            };
            (own, faults, [from.to_owned(), until.to_owned()])
        };
        let only = query.iter().filter(|(n, _)| n == "connection").map(|(_, id)| id.to_lowercase()).collect();
        Self { window, faults, typed, only, is_csv: of("format") == "csv" }
    }

    fn fault(&self, field: &str) -> Option<&str> {
        self.faults.iter().find(|(of, _)| *of == field).map(|(_, words)| words.as_str())
    }

    /// The page's address for another window, with the same connections.
    fn link(&self, page: &str, window: &Window) -> String {
        let mut link = format!("{page}?{}", window.query());
        for id in &self.only {
            link.push_str(&format!("&connection={}", encode(id)));
        }
        link
    }

    fn compares(&self, line: &Line) -> bool {
        self.only.is_empty() || line.id.is_empty() || self.only.contains(&line.id)
    }
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
    Query(query): Query<Vec<(String, String)>>,
) -> Result<Response, PageError> {
    let now = now();
    let asked = Asked::of(&query, now);
    let names = connection_names(&context, &at).await?;
    let insights = format!("{}/providers/microsoft.insights", at.resource());
    let definitions =
        context.api.list(&format!("{insights}/metricDefinitions?{VERSION}"), usize::MAX).await?;
    let mut measured = Vec::new();
    for definition in definitions {
        let definition: Definition = serde_json::from_value(definition).map_err(PageError::internal)?;
        let path = values_path(&insights, &definition, &asked.window, now);
        let lines = lines(&context.api.get(&path).await?, &definition, &names);
        measured.push(Measured { definition, lines });
    }
    let known = looks(&mut measured);
    for m in &mut measured {
        m.lines.retain(|line| asked.compares(line));
    }
    if asked.is_csv {
        let name = format!("{}-metrics-{}.csv", at.name, asked.window.query());
        return Ok(file(&name, "text/csv; charset=utf-8", csv(&measured)));
    }
    let page = at.page(PATH);
    let here = asked.link(&page, &asked.window);
    let content = html! {
        (views("Time", &ranges(&asked, &page, now), &here))
        (choice(&asked, &page, &known, now))
        (live("metrics", &here, charts(&measured, &asked, &format!("{here}&format=csv"))))
    };
    Ok(tab(&context, &at, PATH, html! {}, content))
}

fn ranges<'a>(asked: &Asked, page: &str, now: Timestamp) -> Vec<(&'a str, String)> {
    RANGES.iter().map(|r| (r.words, asked.link(page, &Window::of_range(r.key, now)))).collect()
}

/// Gives each connection one look in all charts. Gives the connections, in order.
fn looks(measured: &mut [Measured]) -> Vec<(String, String)> {
    let mut known: Vec<(String, String)> = Vec::new();
    for line in measured.iter().flat_map(|m| &m.lines).filter(|line| !line.id.is_empty()) {
        let one = (line.name.clone(), line.id.clone());
        if !known.contains(&one) {
            known.push(one);
        }
    }
    known.sort();
    for line in measured.iter_mut().flat_map(|m| &mut m.lines) {
        line.look = known.iter().position(|(_, id)| *id == line.id).unwrap_or(0);
    }
    known
}

/// The time of one's own, and the connections to compare.
fn choice(asked: &Asked, page: &str, known: &[(String, String)], now: Timestamp) -> Markup {
    let field = |name: &'static str, label: &'static str, value: &str| {
        Field { name, label, error: asked.fault(name), ..Field::default() }.input(
            "datetime-local",
            value,
            "off",
        )
    };
    let moved = |words: &str, by: f64, times: f64| {
        let link = asked.window.moved(by, times, now).map(|window| asked.link(page, &window));
        html! { @if let Some(link) = link { a.button href=(link) { (words) } } }
    };
    html! {
        form.filters.window role="search" aria-label="Time and connections" action=(page) {
            (field("from", "From (UTC)", &asked.typed[0]))
            (field("until", "Until (UTC)", &asked.typed[1]))
            @if known.len() > 1 {
                fieldset.compared {
                    legend { "Compare" }
                    @for (name, id) in known {
                        label { input type="checkbox" name="connection" value=(id) checked[asked.only.is_empty() || asked.only.contains(id)]; " " (name) }
                    }
                }
            }
            div.end { button type="submit" { "Show" } }
        }
        div.toolbar.zoom role="group" aria-label="Zoom" {
            (moved("Earlier", -0.5, 1.0)) (moved("Later", 0.5, 1.0)) (moved("Zoom in", 0.0, 0.5)) (moved("Zoom out", 0.0, 2.0))
            span.count { "Or drag over a chart." }
        }
    }
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

fn values_path(insights: &str, definition: &Definition, window: &Window, now: Timestamp) -> String {
    let mut path = format!(
        "{insights}/metrics?{VERSION}&metricnames={}&aggregation={}&interval={}&AutoAdjustTimegrain=true&timespan={}",
        encode(&definition.name.value),
        encode(&definition.primary_aggregation_type),
        window.interval(now),
        encode(&format!("{}/{}", window.from, window.until)),
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
        let line = Line { id: of.to_lowercase(), look: 0, name, points: points.collect() };
        if line.is_measured() {
            lines.push(line);
        }
    }
    lines.sort_by(|a, b| a.name.cmp(&b.name));
    lines
}

fn charts(measured: &[Measured], asked: &Asked, csv: &str) -> Markup {
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
                        (chart(m, &asked.window))
                    }
                }
            }
            @if !missing.is_empty() { p.nothing { "Not measured in this time: " (missing.join(", ")) "." } }
        }
    }
}

fn chart(measured: &Measured, window: &Window) -> Markup {
    // A point begins at a whole multiple of its length: the first one may begin before the time does.
    let first = measured.lines.iter().filter_map(|l| l.points.first()).map(|(at, _)| *at);
    let from = first.chain([window.from.as_millisecond()]).min().unwrap_or(0);
    let (title, unit) = (measured.definition.title(), measured.definition.unit.as_str());
    Chart { title, unit, lines: &measured.lines, span_ms: (from, window.until.as_millisecond()) }.render()
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
