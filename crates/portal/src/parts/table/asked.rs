//! How a table is asked for: what an address says, and which columns this browser remembers.

use super::{Choice, Column, slug};
use crate::query::encode;
use axum::extract::Query;
use axum::http::header::COOKIE;
use axum::http::request::Parts;

/// Begins the name of the cookie that holds a table's columns; portal.js writes it.
const COOKIE_START: &str = "columns_";
/// Stands for all columns.
pub(super) const ALL: &str = "*";

/// How a table is asked for, in the page's query.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(from = "Vec<(String, String)>")]
pub(crate) struct Asked {
    /// Words that a row must hold, in any column.
    pub filter: String,
    /// Column to sort by, with `-` before it for descending.
    pub sort: String,
    /// Page, from 1; 0 when none is asked for.
    pub page: usize,
    /// `csv`: as a file.
    format: String,
    /// Columns asked for.
    columns: Vec<String>,
    /// Columns that the browser remembers, by table.
    remembered: Vec<(String, String)>,
    /// Everything else: choices among them.
    others: Vec<(String, String)>,
}

impl From<Vec<(String, String)>> for Asked {
    fn from(pairs: Vec<(String, String)>) -> Self {
        let mut asked = Self::default();
        for (name, value) in pairs {
            match name.as_str() {
                "filter" => asked.filter = value,
                "sort" => asked.sort = value,
                "page" => asked.page = value.parse().unwrap_or(0),
                "format" => asked.format = value,
                "column" => asked.columns.push(value),
                _ => asked.others.push((name, value)),
            }
        }
        asked
    }
}

impl Asked {
    /// As a request asks for it.
    pub fn of(parts: &Parts) -> Self {
        let mut asked = Query::<Self>::try_from_uri(&parts.uri).map_or_else(|_| Self::default(), |q| q.0);
        let cookies = parts.headers.get_all(COOKIE).iter().filter_map(|v| v.to_str().ok());
        for (name, value) in
            cookies.flat_map(|all| all.split(';')).filter_map(|one| one.trim().split_once('='))
        {
            if let Some(table) = name.strip_prefix(COOKIE_START) {
                asked.remembered.push((table.to_owned(), value.to_owned()));
            }
        }
        asked
    }

    /// True when a file is asked for.
    pub fn is_csv(&self) -> bool {
        self.format == "csv"
    }

    /// The column to sort by, and whether descending.
    pub fn sort_by(&self) -> Option<(&str, bool)> {
        let (key, descending) = match self.sort.strip_prefix('-') {
            Some(key) => (key, true),
            None => (self.sort.as_str(), false),
        };
        (!key.is_empty()).then_some((key, descending))
    }

    /// The value chosen of a column; empty for any.
    pub fn choice(&self, key: &str) -> &str {
        self.others.iter().find(|(name, _)| name == key).map_or("", |(_, value)| value.as_str())
    }

    /// The keys of the columns that the address asks for.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(String::as_str)
    }

    /// True when rows may be left out.
    pub(super) fn is_filtered(&self, choices: &[Choice]) -> bool {
        !self.filter.trim().is_empty() || choices.iter().any(|c| !self.choice(c.key).is_empty())
    }

    /// The places of the columns that are shown; all where none was chosen.
    pub fn shown(&self, of: &str, columns: &[Column]) -> Vec<usize> {
        let all = || (0..columns.len()).collect();
        if self.columns.iter().any(|key| key == ALL) {
            return all();
        }
        let table = slug(of);
        let remembered = self.remembered.iter().find(|(name, _)| *name == table);
        let keys: Vec<&str> = match remembered {
            Some((_, keys)) if self.columns.is_empty() => keys.split('.').collect(),
            _ => self.columns.iter().map(String::as_str).collect(),
        };
        let chosen: Vec<usize> = (0..columns.len()).filter(|i| keys.contains(&columns[*i].key)).collect();
        if chosen.is_empty() { all() } else { chosen }
    }

    /// Fields that carry what else is asked for along in a form of the table: columns, or filters.
    pub(super) fn carried(&self, choices: &[Choice], filters: bool) -> Vec<(&str, &str)> {
        let mut pairs = vec![("sort", self.sort.as_str())];
        if filters {
            pairs.push(("filter", &self.filter));
            pairs.extend(choices.iter().map(|c| (c.key, self.choice(c.key))));
        } else {
            pairs.extend(self.columns.iter().map(|key| ("column", key.as_str())));
        }
        pairs.retain(|(_, value)| !value.is_empty());
        pairs
    }

    /// The address of the table, asked for so but with these differences.
    pub(super) fn address(&self, path: &str, choices: &[Choice], other: &[(&str, &str)]) -> String {
        let page = if self.page > 1 { self.page.to_string() } else { String::new() };
        let mut pairs = vec![("filter", self.filter.as_str())];
        pairs.extend(choices.iter().map(|c| (c.key, self.choice(c.key))));
        pairs.extend([("sort", self.sort.as_str()), ("page", &page)]);
        pairs.extend(self.columns.iter().map(|key| ("column", key.as_str())));
        pairs.retain(|(name, _)| other.iter().all(|(changed, _)| changed != name));
        pairs.extend(other);
        let query: Vec<String> = pairs
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!("{name}={}", encode(value)))
            .collect();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
    }
}

#[cfg(test)]
impl Asked {
    /// As an address's query asks for it.
    pub fn by(query: &str) -> Self {
        let uri = format!("/?{query}").parse().unwrap();
        Query::<Self>::try_from_uri(&uri).unwrap().0
    }

    /// With columns that the browser remembers.
    pub fn remembering(mut self, table: &str, keys: &str) -> Self {
        self.remembered.push((table.to_owned(), keys.to_owned()));
        self
    }
}
