//! Tables: sorted and filtered by links and a form, so that an address says what is shown, with the
//! columns that somebody chose, and as CSV. [`Table`] has all its rows and does that itself;
//! [`Paged`] shows one page of rows that were filtered, sorted and paged where they come from.

mod asked;
mod file;
mod paged;
mod view;

pub(crate) use asked::Asked;
pub(crate) use file::{csv_field, file};
pub(crate) use paged::{Paged, Turn};
pub(crate) use view::{columns_menu, grid};

use axum::body::Body;
use axum::response::Response;
use maud::{Markup, html};
use std::collections::BTreeSet;
use view::View;

/// Rows on a page.
const PAGE: usize = 100;
/// Values of a column that are offered to choose from, at most.
const OPTIONS: usize = 200;

/// A column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    /// Its name in addresses.
    pub key: &'static str,
    /// Its heading.
    pub title: &'static str,
}

/// A cell: how it looks, and what it sorts, filters and exports by.
pub(crate) struct Cell {
    /// As shown.
    pub shown: Markup,
    /// As text.
    pub text: String,
}

impl Cell {
    /// Text that is shown as it is.
    pub fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { shown: html! { (text) }, text }
    }

    /// Something shown in its own way.
    pub fn shown(text: impl Into<String>, shown: Markup) -> Self {
        Self { shown, text: text.into() }
    }
}

/// Values of a column that one of may be chosen.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    /// The column's key.
    pub key: &'static str,
    /// What is chosen, in words.
    pub label: &'static str,
    /// Values with their words.
    pub options: Vec<(String, String)>,
}

/// A table with all its rows. A page has one at most.
pub(crate) struct Table<'a> {
    /// What its rows are, in words: `peerings`.
    pub of: &'a str,
    /// The page's path.
    pub path: &'a str,
    /// Columns.
    pub columns: &'a [Column],
    /// Keys of the columns whose values are offered to choose from.
    pub choices: &'a [&'a str],
    /// Rows, in the order of columns.
    pub rows: Vec<Vec<Cell>>,
    /// Shown when there are no rows at all.
    pub empty: Markup,
}

impl Table<'_> {
    /// The values that are there to choose from, where there are several.
    fn options(&self, asked: &Asked) -> Vec<Choice> {
        let choice = |(i, column): (usize, &Column)| {
            let values: BTreeSet<&str> = self.rows.iter().map(|row| row[i].text.as_str()).collect();
            let values = values.into_iter().filter(|v| !v.is_empty()).take(OPTIONS);
            Choice {
                key: column.key,
                label: column.title,
                options: values.map(|v| (v.to_owned(), v.to_owned())).collect(),
            }
        };
        let columns = self.columns.iter().enumerate();
        let offered = columns.filter(|(_, c)| self.choices.contains(&c.key)).map(choice);
        offered.filter(|c| c.options.len() > 1 || !asked.choice(c.key).is_empty()).collect()
    }

    /// The rows that are asked for, in order.
    fn chosen(&mut self, asked: &Asked) -> Vec<Vec<Cell>> {
        let mut rows = std::mem::take(&mut self.rows);
        let words: Vec<String> = asked.filter.split_whitespace().map(str::to_lowercase).collect();
        let place = |key: &str| self.columns.iter().position(|c| c.key == key);
        let chosen: Vec<(usize, &str)> = self
            .choices
            .iter()
            .filter_map(|key| Some((place(key)?, asked.choice(key))))
            .filter(|(_, value)| !value.is_empty())
            .collect();
        rows.retain(|row| {
            chosen.iter().all(|(i, value)| row[*i].text == *value)
                && words.iter().all(|word| row.iter().any(|cell| cell.text.to_lowercase().contains(word)))
        });
        if let Some((key, descending)) = asked.sort_by()
            && let Some(i) = place(key)
        {
            rows.sort_by_cached_key(|row| natural(&row[i].text));
            if descending {
                rows.reverse();
            }
        }
        rows
    }

    /// The table as HTML with its filter; live.
    pub fn render(mut self, asked: &Asked) -> Markup {
        let (choices, total) = (self.options(asked), self.rows.len());
        let rows = self.chosen(asked);
        let (matching, pages) = (rows.len(), rows.len().div_ceil(PAGE).max(1));
        let page = asked.page.clamp(1, pages);
        let rows = rows.into_iter().skip((page - 1) * PAGE).take(PAGE).collect();
        View {
            of: self.of,
            path: self.path,
            columns: self.columns,
            sortable: None,
            choices,
            rows,
            count: paged::count(matching, total, self.of),
            turn: Turn { page, pages },
            empty: self.empty,
            asked,
        }
        .render()
    }

    /// All chosen rows as a CSV file.
    pub fn csv(mut self, asked: &Asked) -> Response {
        let shown = asked.shown(self.of, self.columns);
        let rows = self.chosen(asked);
        let text = file::heading(self.columns, &shown) + &file::lines(&rows, &shown);
        file::download(self.of, Body::from(text))
    }
}

/// A table's name in files and cookies.
fn slug(of: &str) -> String {
    of.to_lowercase().replace(' ', "-")
}

/// Text in the order that people expect: numbers within it by their value.
fn natural(text: &str) -> Vec<(String, u64)> {
    let mut parts = Vec::new();
    let (mut word, mut number) = (String::new(), String::new());
    for c in text.to_lowercase().chars() {
        if c.is_ascii_digit() {
            number.push(c);
        } else {
            if !number.is_empty() {
                parts.push((std::mem::take(&mut word), number.parse().unwrap_or(u64::MAX)));
                number.clear();
            }
            word.push(c);
        }
    }
    parts.push((word, number.parse().unwrap_or(0)));
    parts
}

#[cfg(test)]
mod tests;
