//! What a request for values asks for. Everything that is wrong with it is told at once, with the
//! query parameter as target.

use super::filter::{Bound, Filter};
use super::time::{Length, TimeSpan};
use crate::call::Call;
use crate::error::{ApiError, echoed};
use meetme_model::Violations;
use meetme_model::metric::{Aggregation, Definition, MeteredResource};

/// Lines that a filter's answer has at most where nothing is said.
const DEFAULT_TOP: usize = 10;

/// What is asked for.
pub(super) struct Asked {
    pub metrics: Vec<&'static Definition>,
    pub span: TimeSpan,
    pub length: Length,
    /// Empty: each metric's own.
    pub aggregations: Vec<Aggregation>,
    pub filter: Option<Filter>,
    pub top: usize,
    pub order: Option<Order>,
    /// Which lines there are, without their values.
    pub metadata_only: bool,
}

/// In which order lines come.
#[derive(Clone, Copy)]
pub(super) struct Order {
    pub by: Aggregation,
    pub descending: bool,
}

impl Asked {
    /// Reads the query.
    pub fn of(call: &Call, kind: MeteredResource) -> Result<Self, ApiError> {
        let mut query = Query { call, violations: Violations::default() };
        query.namespace(kind);
        let metrics = query.metrics(kind);
        let adjust = query.switch("AutoAdjustTimegrain", false);
        let span = query
            .read("timespan", "InvalidTimespan", |text| TimeSpan::parse(&decoded_once_more(text), call.now));
        let span = span.unwrap_or_else(|| TimeSpan::default_at(call.now));
        let length = query.read("interval", "InvalidInterval", |text| Length::parse(text, &metrics, adjust));
        let asked = Self {
            length: length.unwrap_or_else(|| Length::default_of(span, &metrics)),
            aggregations: query.read("aggregation", "InvalidAggregation", aggregations).unwrap_or_default(),
            filter: query.filter(&metrics),
            top: query.read("top", "InvalidTop", top).unwrap_or(DEFAULT_TOP),
            order: query.read("orderby", "InvalidOrder", order),
            metadata_only: query.read("resultType", "InvalidResultType", metadata_only).unwrap_or(false),
            metrics,
            span,
        };
        Ok(query.violations.into_result(asked)?)
    }

    /// The filter's conditions on a metric.
    pub fn bound(&self, metric: &Definition) -> Bound<'_> {
        self.filter.as_ref().map_or_else(Bound::none, |f| f.bind(metric).0)
    }
}

/// Refuses a metric namespace that isn't the resource's only one.
pub(super) fn check_namespace(call: &Call, kind: MeteredResource) -> Result<(), ApiError> {
    let mut query = Query { call, violations: Violations::default() };
    query.namespace(kind);
    Ok(query.violations.into_result(())?)
}

struct Query<'a> {
    call: &'a Call,
    violations: Violations,
}

impl<'a> Query<'a> {
    fn given(&self, name: &str) -> Option<&'a str> {
        self.call.query(name).map(str::trim).filter(|text| !text.is_empty())
    }

    fn read<T>(&mut self, name: &str, code: &str, read: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        match read(self.given(name)?) {
            Ok(value) => Some(value),
            Err(why) => {
                self.violations.add(code, name, why);
                None
            }
        }
    }

    fn switch(&mut self, name: &str, default: bool) -> bool {
        self.read(name, "InvalidSwitch", switch).unwrap_or(default)
    }

    fn namespace(&mut self, kind: MeteredResource) {
        let own = kind.namespace();
        self.read("metricnamespace", "InvalidMetricNamespace", |text| {
            if text.eq_ignore_ascii_case(own) { Ok(()) } else { Err(format!("the namespace here is {own}")) }
        });
    }

    /// The metrics asked for, each once; the first where none is named.
    fn metrics(&mut self, kind: MeteredResource) -> Vec<&'static Definition> {
        let mut metrics: Vec<&'static Definition> = Vec::new();
        for name in self.given("metricnames").unwrap_or("").split(',').map(str::trim) {
            if name.is_empty() {
                continue;
            }
            match kind.definitions().find(|d| d.name.eq_ignore_ascii_case(name)) {
                Some(metric) if metrics.iter().any(|m| m.metric == metric.metric) => {}
                Some(metric) => metrics.push(metric),
                None => {
                    let there: Vec<&str> = kind.definitions().map(|d| d.name).collect();
                    self.violations.add(
                        "InvalidMetricName",
                        "metricnames",
                        format!("'{}' isn't measured here; there are {}", echoed(name), there.join(", ")),
                    );
                }
            }
        }
        if metrics.is_empty() {
            metrics.extend(kind.definitions().next());
        }
        metrics
    }

    fn filter(&mut self, metrics: &[&'static Definition]) -> Option<Filter> {
        let checked = self.switch("ValidateDimensions", true);
        let filter = self.read("$filter", "InvalidFilter", Filter::parse)?;
        for metric in metrics.iter().filter(|_| checked) {
            for name in filter.bind(metric).1 {
                self.violations.add(
                    "InvalidDimension",
                    "$filter",
                    format!(
                        "{} isn't split by {name}, only by {}",
                        metric.name,
                        metric.dimensions.join(", ")
                    ),
                );
            }
        }
        Some(filter)
    }
}

fn switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("write true or false".to_owned()),
    }
}

fn aggregations(text: &str) -> Result<Vec<Aggregation>, String> {
    let mut all = Vec::new();
    for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let found = aggregation(name)?;
        if !all.contains(&found) {
            all.push(found);
        }
    }
    Ok(all)
}

fn aggregation(name: &str) -> Result<Aggregation, String> {
    Aggregation::ALL.into_iter().find(|a| a.wire_name().eq_ignore_ascii_case(name)).ok_or_else(|| {
        let there = Aggregation::ALL.map(Aggregation::wire_name).join(", ");
        format!("'{}' isn't an aggregation; there are {there}", echoed(name))
    })
}

fn top(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|top| *top > 0)
        .ok_or_else(|| "say how many lines at most: a whole number above 0".to_owned())
}

/// `average desc`; `sum` is the total, as Azure Monitor's documents have it.
fn order(text: &str) -> Result<Order, String> {
    let mut words = text.split_whitespace();
    let by = words.next().unwrap_or("");
    let by = if by.eq_ignore_ascii_case("sum") { Aggregation::Total } else { aggregation(by)? };
    let descending = match words.next().map(str::to_ascii_lowercase).as_deref() {
        None | Some("asc") => false,
        Some("desc") => true,
        Some(_) => return Err("the direction is asc or desc".to_owned()),
    };
    match words.next() {
        None => Ok(Order { by, descending }),
        Some(_) => Err("there is one order only, such as: average desc".to_owned()),
    }
}

fn metadata_only(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "data" => Ok(false),
        "metadata" => Ok(true),
        _ => Err("write Data or metadata".to_owned()),
    }
}

/// A timespan has no `%`: one that still has is encoded twice, as `az monitor metrics list` sends it.
fn decoded_once_more(text: &str) -> String {
    let of = [("%3A", ":"), ("%2F", "/"), ("%2B", "+")];
    of.iter().fold(text.to_owned(), |text, (code, sign)| {
        text.replace(code, sign).replace(&code.to_ascii_lowercase(), sign)
    })
}
