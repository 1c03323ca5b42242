//! Lists that the API filters, sorts and pages: one page of them as a table, or all that matches as a file.

use crate::api::{Api, Refusal};
use crate::error::PageError;
use crate::parts::faults::sentence;
use crate::parts::message;
use crate::parts::table::{Asked, Cell, Choice, Column, Paged, Turn, file};
use crate::query::encode;
use crate::session::Context;
use axum::http::StatusCode;
use axum::response::Response;
use futures::Stream;
use maud::{Markup, html};
use serde_json::Value;

/// Rows on a page.
const PAGE: usize = 100;
/// Rows read at a time for a file: a page of the API.
const READ: usize = 1000;

/// A list.
pub(super) struct List<'a> {
    /// What its rows are, in words: `peerings`.
    pub of: &'static str,
    /// The page's path.
    pub path: &'a str,
    /// Columns.
    pub columns: &'static [Column],
    /// Keys of the columns that the API sorts by, by the same names.
    pub sortable: &'static [&'static str],
    /// What can be chosen; keys are the API's parameters.
    pub choices: Vec<Choice>,
    /// Where the API has the rows: one path for a list, or one for each subscription.
    pub sources: Vec<String>,
    /// A row's cells, in the order of columns.
    pub row: fn(&Value) -> Vec<Cell>,
    /// Text and number that rows of several sources are merged by, for a column's key; empty for the
    /// order that the API has by itself.
    pub key: fn(&Value, &str) -> (String, u64),
    /// Shown when there are no rows at all.
    pub empty: Markup,
}

/// A list's rows that were asked for, and how many match.
struct Part {
    rows: Vec<Value>,
    matching: usize,
}

impl List<'_> {
    /// The table, or the file that is asked for.
    pub async fn shown(self, context: &Context) -> Result<Result<Markup, Response>, PageError> {
        let asked = &context.asked;
        let query = self.query(asked);
        if asked.is_csv() {
            let pages = pages(context.api.clone(), self.sources, query, self.row);
            return Ok(Err(file(self.of, self.columns, asked, pages)));
        }
        let (part, page, refusal) = match self.part(context, &query).await {
            Ok((part, page)) => (part, page, None),
            Err(PageError::Refused { status: StatusCode::BAD_REQUEST, refusal }) => {
                (Part { rows: Vec::new(), matching: 0 }, 1, Some(refusal))
            }
            Err(e) => return Err(e),
        };
        let total = if query.is_empty() { part.matching } else { self.total(context).await? };
        let table = Paged {
            of: self.of,
            path: self.path,
            columns: self.columns,
            sortable: self.sortable,
            choices: self.choices,
            rows: part.rows.iter().map(self.row).collect(),
            matching: part.matching,
            total,
            turn: Turn { page, pages: part.matching.div_ceil(PAGE).max(1) },
            empty: self.empty,
        };
        Ok(Ok(html! { (wrong(refusal.as_ref())) (table.render(asked)) }))
    }

    /// What is asked for, as the API's query; empty where everything is.
    fn query(&self, asked: &Asked) -> String {
        let mut query = String::new();
        let chosen = self.choices.iter().map(|c| (c.key, asked.choice(c.key)));
        for (name, value) in [("filter", asked.filter.as_str())].into_iter().chain(chosen) {
            if !value.trim().is_empty() {
                query.push_str(&format!("{name}={}&", encode(value.trim())));
            }
        }
        query
    }

    fn sort<'s>(&self, asked: &'s Asked) -> Option<(&'s str, bool)> {
        asked.sort_by().filter(|(key, _)| self.sortable.contains(key))
    }

    /// The rows of the page that is asked for, and its number: the last one's where there are fewer.
    async fn part(&self, context: &Context, query: &str) -> Result<(Part, usize), PageError> {
        let page = context.asked.page.max(1);
        let part = self.rows(context, query, page).await?;
        let pages = part.matching.div_ceil(PAGE).max(1);
        if page <= pages {
            return Ok((part, page));
        }
        Ok((self.rows(context, query, pages).await?, pages))
    }

    async fn rows(&self, context: &Context, query: &str, page: usize) -> Result<Part, PageError> {
        let sort = self.sort(&context.asked);
        let order = sort.map_or_else(String::new, |(key, down)| {
            format!("sort={}{}&", if down { "-" } else { "" }, encode(key))
        });
        let skip = (page - 1).saturating_mul(PAGE);
        if let [source] = self.sources.as_slice() {
            let path = format!("{source}?{query}{order}$skip={skip}&$top={PAGE}");
            let answer = context.api.get(&path).await?;
            return Ok(Part { rows: rows_of(&answer), matching: count(&answer) });
        }
        // The first rows of all of them are among the first rows of each.
        let (mut rows, mut matching) = (Vec::new(), 0);
        for source in &self.sources {
            let (own, count) = first(&context.api, &format!("{source}?{query}{order}"), skip + PAGE).await?;
            rows.extend(own);
            matching += count;
        }
        let (key, down) = sort.unwrap_or(("", false));
        rows.sort_by_cached_key(|row| (self.key)(row, key));
        if down {
            rows.reverse();
        }
        Ok(Part { rows: rows.into_iter().skip(skip).take(PAGE).collect(), matching })
    }

    /// How many rows there are without any filter.
    async fn total(&self, context: &Context) -> Result<usize, PageError> {
        let mut total = 0;
        for source in &self.sources {
            total += count(&context.api.get(&format!("{source}?$top=0")).await?);
        }
        Ok(total)
    }
}

/// The first `wanted` rows of a list, and how many match.
async fn first(api: &Api, path: &str, wanted: usize) -> Result<(Vec<Value>, usize), PageError> {
    let mut rows = Vec::new();
    loop {
        let top = (wanted - rows.len()).min(READ);
        let answer = api.get(&format!("{path}$skip={}&$top={top}", rows.len())).await?;
        let (own, matching) = (rows_of(&answer), count(&answer));
        let last = own.is_empty();
        rows.extend(own);
        if last || rows.len() >= wanted || rows.len() >= matching {
            return Ok((rows, matching));
        }
    }
}

/// All rows that match, some at a time, one source after the other.
fn pages(
    api: Api,
    sources: Vec<String>,
    query: String,
    row: fn(&Value) -> Vec<Cell>,
) -> impl Stream<Item = Result<Vec<Vec<Cell>>, PageError>> + Send + 'static {
    let state = (api, sources.into_iter(), None::<(String, usize)>);
    futures::stream::try_unfold(state, move |(api, mut sources, at)| {
        let query = query.clone();
        async move {
            let Some((source, skip)) = at.or_else(|| sources.next().map(|source| (source, 0))) else {
                return Ok(None);
            };
            let answer = api.get(&format!("{source}?{query}$skip={skip}&$top={READ}")).await?;
            let rows = rows_of(&answer);
            let behind = skip + rows.len();
            let more = !rows.is_empty() && behind < count(&answer);
            let cells: Vec<Vec<Cell>> = rows.iter().map(row).collect();
            Ok(Some((cells, (api, sources, more.then_some((source, behind))))))
        }
    })
}

fn rows_of(answer: &Value) -> Vec<Value> {
    answer["value"].as_array().cloned().unwrap_or_default()
}

fn count(answer: &Value) -> usize {
    answer["count"].as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or_else(|| rows_of(answer).len())
}

/// Why what is asked for can't be found.
fn wrong(refusal: Option<&Refusal>) -> Markup {
    html! {
        @if let Some(refusal) = refusal {
            (message("error", html! { @for one in refusal.violations() { p { (sentence(&one.message)) } } }))
        }
    }
}

/// Peering locations to choose from.
pub(super) async fn locations(context: &Context) -> Result<Choice, PageError> {
    let path = if context.viewer.sees_host() {
        "/api/v1/locations".to_owned()
    } else {
        match context.viewer.person.subscriptions.first() {
            Some(own) => format!("/api/v1/subscriptions/{}/locations", encode(own)),
            None => return Ok(Choice { key: "location", label: "Location", options: Vec::new() }),
        }
    };
    // The list is worth showing without it.
    let known = context.api.ask(&path).await?.into_result().unwrap_or_default();
    let names = rows_of(&known).into_iter().filter_map(|l| l["name"].as_str().map(str::to_owned));
    let mut options: Vec<(String, String)> = names.map(|name| (name.clone(), name)).collect();
    options.sort();
    Ok(Choice { key: "location", label: "Location", options })
}

/// States to choose from.
pub(super) fn states(label: &'static str, states: &[&str]) -> Choice {
    let words = |state: &&str| ((*state).to_owned(), crate::parts::state::spaced(state));
    Choice { key: "state", label, options: states.iter().map(words).collect() }
}

/// Kinds of peering to choose from.
pub(super) fn offerings() -> Choice {
    let kinds = [
        ("Voice", "With Voice"),
        ("Edge", "Direct"),
        ("IxRs", "With a route server"),
        ("Exchange", "At an exchange"),
    ];
    let options = kinds.map(|(kind, words)| (kind.to_owned(), words.to_owned()));
    Choice { key: "offering", label: "Kind", options: options.into() }
}

/// States of connections, in the order in which they come.
pub(super) const CONNECTION_STATES: [&str; 10] = [
    "PendingApproval",
    "Approved",
    "ProvisioningStarted",
    "ProvisioningCompleted",
    "Validating",
    "Active",
    "ProvisioningFailed",
    "ExternalBlocker",
    "TypeChangeRequested",
    "TypeChangeInProgress",
];

/// States of prefixes.
pub(super) const PREFIX_STATES: [&str; 7] =
    ["Failed", "Invalid", "Warning", "Pending", "Unknown", "Verified", "None"];
