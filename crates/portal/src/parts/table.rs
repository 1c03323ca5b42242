//! Tables: sorted and filtered by links, so that an address says what is shown, and as CSV.

use crate::query::encode;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

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

/// How a table is asked for, in the page's query.
#[derive(Clone, Debug, Default, serde::Deserialize)]
pub(crate) struct Asked {
    /// Words that a row must hold, in any column.
    #[serde(default)]
    pub filter: String,
    /// Column to sort by, with `-` before it for descending.
    #[serde(default)]
    pub sort: String,
    /// Page, from 1.
    #[serde(default)]
    pub page: usize,
    /// `csv`: as a file.
    #[serde(default)]
    pub format: String,
}

/// Rows on a page.
const PAGE: usize = 100;

/// A table with its rows.
pub(crate) struct Table<'a> {
    /// What its rows are, in words: `peerings`.
    pub of: &'a str,
    /// The page's path.
    pub path: &'a str,
    /// Columns.
    pub columns: &'a [Column],
    /// Rows, in the order of columns.
    pub rows: Vec<Vec<Cell>>,
    /// Shown when there are no rows at all.
    pub empty: Markup,
}

impl Table<'_> {
    /// The rows that are asked for, in order.
    fn chosen(&mut self, asked: &Asked) -> Vec<Vec<Cell>> {
        let mut rows = std::mem::take(&mut self.rows);
        let words: Vec<String> = asked.filter.split_whitespace().map(str::to_lowercase).collect();
        rows.retain(|row| {
            words.iter().all(|word| row.iter().any(|cell| cell.text.to_lowercase().contains(word)))
        });
        let (descending, key) = match asked.sort.strip_prefix('-') {
            Some(key) => (true, key),
            None => (false, asked.sort.as_str()),
        };
        if let Some(i) = self.columns.iter().position(|c| c.key == key) {
            rows.sort_by_cached_key(|row| natural(&row[i].text));
            if descending {
                rows.reverse();
            }
        }
        rows
    }

    /// The table as HTML with its filter.
    pub fn render(self, asked: &Asked) -> Markup {
        self.markup(asked, false)
    }

    /// The same; its rows are asked for again whenever something changed.
    pub fn render_live(self, asked: &Asked) -> Markup {
        self.markup(asked, true)
    }

    fn markup(mut self, asked: &Asked, live: bool) -> Markup {
        if self.rows.is_empty() {
            return self.empty;
        }
        let rows = self.chosen(asked);
        let pages = rows.len().div_ceil(PAGE).max(1);
        let page = asked.page.clamp(1, pages);
        let link = |sort: &str, page: usize, format: &str| {
            let mut link = format!("{}?filter={}&sort={}", self.path, encode(&asked.filter), encode(sort));
            if page > 1 {
                link.push_str(&format!("&page={page}"));
            }
            if !format.is_empty() {
                link.push_str(&format!("&format={format}"));
            }
            link
        };
        html! {
            div.toolbar {
                form role="search" aria-label=(format!("Filter {}", self.of)) action=(self.path) {
                    label.hidden for="filter" { "Filter " (self.of) }
                    input #filter type="search" name="filter" value=(asked.filter) placeholder=(format!("Filter {}", self.of));
                    input type="hidden" name="sort" value=(asked.sort);
                    button type="submit" { "Filter" }
                }
                span.count { (rows.len()) " " (self.of) }
                a.subtle href=(link(&asked.sort, 1, "csv")) download { "Export CSV" }
            }
            @if rows.is_empty() {
                p.nothing { "No " (self.of) " match. " a href=(self.path) { "Show all" } }
            } @else {
                div #rows.scroll tabindex="0" role="region" aria-label=(self.of)
                    hx-get=[live.then(|| link(&asked.sort, page, ""))] hx-trigger=[live.then_some("changed from:body")]
                    hx-select=[live.then_some("#rows")] hx-swap=[live.then_some("outerHTML")] hx-sync=[live.then_some("this:drop")] {
                    table {
                        thead { tr { @for c in self.columns {
                            @let up = asked.sort == c.key;
                            @let down = asked.sort.strip_prefix('-') == Some(c.key);
                            th scope="col" aria-sort=[up.then_some("ascending").or(down.then_some("descending"))] {
                                @let next = if up { format!("-{}", c.key) } else { c.key.to_owned() };
                                a href=(link(&next, 1, "")) { (c.title) }
                            }
                        } } }
                        tbody { @for row in rows.iter().skip((page - 1) * PAGE).take(PAGE) {
                            tr { @for (cell, c) in row.iter().zip(self.columns) { td data-title=(c.title) { (cell.shown) } } }
                        } }
                    }
                }
                @if pages > 1 {
                    nav.pages aria-label="Pages" {
                        @if page > 1 { a href=(link(&asked.sort, page - 1, "")) { "Previous" } }
                        span { "Page " (page) " of " (pages) }
                        @if page < pages { a href=(link(&asked.sort, page + 1, "")) { "Next" } }
                    }
                }
            }
        }
    }

    /// All chosen rows as a CSV file (RFC 4180).
    pub fn csv(mut self, asked: &Asked) -> Response {
        let heading = self.columns.iter().map(|c| csv_field(c.title)).collect::<Vec<_>>().join(",");
        let mut text = heading + "\r\n";
        let name = self.of.replace(' ', "-");
        for row in self.chosen(asked) {
            text.push_str(&row.iter().map(|cell| csv_field(&cell.text)).collect::<Vec<_>>().join(","));
            text.push_str("\r\n");
        }
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
        let disposition = format!("attachment; filename=\"{name}.csv\"");
        if let Ok(value) = HeaderValue::from_str(&disposition) {
            headers.insert(header::CONTENT_DISPOSITION, value);
        }
        (headers, text).into_response()
    }
}

/// A CSV field. What a spreadsheet would take for a formula is kept from being one.
pub(crate) fn csv_field(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
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
mod tests {
    use super::*;

    const COLUMNS: &[Column] = &[Column { key: "name", title: "Name" }, Column { key: "n", title: "N" }];

    fn table() -> Table<'static> {
        let row = |name: &str, n: &str| vec![Cell::text(name), Cell::text(n)];
        Table {
            of: "things",
            path: "/things",
            columns: COLUMNS,
            rows: vec![row("er10", "=1+1"), row("er9", "b"), row("<b>", "c\"d")],
            empty: html! { "none" },
        }
    }

    fn asked(filter: &str, sort: &str) -> Asked {
        Asked { filter: filter.into(), sort: sort.into(), ..Asked::default() }
    }

    #[test]
    fn rows_are_sorted_as_people_count_and_filtered_by_all_words() {
        let names = |asked: &Asked| -> Vec<String> {
            table().chosen(asked).iter().map(|row| row[0].text.clone()).collect()
        };
        assert_eq!(names(&asked("er", "name")), ["er9", "er10"]);
        assert_eq!(names(&asked("er", "-name")), ["er10", "er9"]);
        assert_eq!(names(&asked("ER b", "")), ["er9"]);
    }

    #[test]
    fn what_is_in_a_cell_is_text_on_the_page_and_in_a_file() {
        let page = table().render(&asked("", "")).into_string();
        assert!(page.contains("&lt;b&gt;") && !page.contains("<b>"));
        assert_eq!(csv_field("=1+1"), "\"'=1+1\"");
        assert_eq!(csv_field("c\"d"), "\"c\"\"d\"");
    }
}
