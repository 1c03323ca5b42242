//! How a table looks: its filters, the choice of columns, rows, and the way to other pages.

use super::asked::{ALL, Asked};
use super::{Cell, Choice, Column, Turn, slug};
use maud::{Markup, html};

/// More rows than this, and the heading stays in sight while they are scrolled.
const TALL: usize = 15;

/// Rows that are about to be shown.
pub(super) struct View<'a> {
    pub of: &'a str,
    pub path: &'a str,
    pub columns: &'a [Column],
    /// Keys of columns that can be sorted by; `None` for all.
    pub sortable: Option<&'a [&'a str]>,
    pub choices: Vec<Choice>,
    pub rows: Vec<Vec<Cell>>,
    pub count: String,
    pub turn: Turn,
    pub empty: Markup,
    pub asked: &'a Asked,
}

impl View<'_> {
    fn address(&self, other: &[(&str, &str)]) -> String {
        self.asked.address(self.path, &self.choices, other)
    }

    /// The whole table. Its rows are asked for again whenever something changed; while there are
    /// none, all of it is, as it has no filter then.
    pub fn render(self) -> Markup {
        let is_filtered = self.asked.is_filtered(&self.choices);
        let nothing = self.rows.is_empty() && !is_filtered;
        let part = if nothing { "#table" } else { "#rows" };
        html! {
            div #table {
                @if !nothing { (self.toolbar(is_filtered)) }
                div #rows hx-get=(self.address(&[])) hx-trigger="changed from:body" hx-select=(part) hx-target=(part)
                    hx-swap="outerHTML" hx-sync="this:drop" {
                    @if nothing { (self.empty) }
                    @else if self.rows.is_empty() {
                        p.nothing { "No " (self.of) " match. " a href=(self.reset()) { "Show all" } }
                    } @else {
                        p.count { (self.count) }
                        (grid(self.of, self.columns, self.asked, &self.rows, |c| self.heading(c)))
                        (self.turns())
                    }
                }
            }
        }
    }

    /// The table without any filter.
    fn reset(&self) -> String {
        let mut other = vec![("filter", ""), ("page", "")];
        other.extend(self.choices.iter().map(|c| (c.key, "")));
        self.address(&other)
    }

    fn toolbar(&self, is_filtered: bool) -> Markup {
        let carried = |filters| self.asked.carried(&self.choices, filters);
        html! {
            div.toolbar {
                form role="search" aria-label=(format!("Filter {}", self.of)) action=(self.path) {
                    input #filter type="search" name="filter" value=(self.asked.filter) autocomplete="off"
                        aria-label=(format!("Filter {}", self.of)) placeholder=(format!("Filter {}", self.of));
                    @for choice in &self.choices { (self.choice(choice)) }
                    @for (name, value) in carried(false) { input type="hidden" name=(name) value=(value); }
                    button type="submit" { "Filter" }
                    @if is_filtered { a.subtle href=(self.reset()) { "Reset" } }
                }
                div.tools {
                    (columns_menu(self.of, self.path, self.columns, self.asked, &carried(true)))
                    a.subtle href=(self.address(&[("page", ""), ("format", "csv")])) download { "Export CSV" }
                }
            }
        }
    }

    fn choice(&self, choice: &Choice) -> Markup {
        let chosen = self.asked.choice(choice.key);
        let is_unknown = !chosen.is_empty() && choice.options.iter().all(|(value, _)| value != chosen);
        html! {
            select name=(choice.key) aria-label=(choice.label) {
                option value="" { (choice.label) ": any" }
                @if is_unknown { option value=(chosen) selected { (chosen) } }
                @for (value, words) in &choice.options { option value=(value) selected[value == chosen] { (words) } }
            }
        }
    }

    fn heading(&self, column: &Column) -> Markup {
        let sorted = self.asked.sort_by().filter(|(key, _)| *key == column.key);
        let direction = sorted.map(|(_, descending)| if descending { "descending" } else { "ascending" });
        let next = match sorted {
            Some((_, false)) => format!("-{}", column.key),
            _ => column.key.to_owned(),
        };
        let sortable = self.sortable.is_none_or(|keys| keys.contains(&column.key));
        html! {
            th scope="col" aria-sort=[direction] {
                @if sortable { a href=(self.address(&[("sort", &next), ("page", "")])) { (column.title) } }
                @else { (column.title) }
            }
        }
    }

    fn turns(&self) -> Markup {
        let Turn { page, pages } = self.turn;
        let at = |page: usize| self.address(&[("page", &page.to_string())]);
        html! {
            @if pages > 1 {
                nav.pages aria-label="Pages" {
                    @if page > 2 { a href=(at(1)) { "First page" } }
                    @if page > 1 { a href=(at(page - 1)) rel="prev" { "Previous" } }
                    span { "Page " (page) " of " (pages) }
                    @if page < pages { a href=(at(page + 1)) rel="next" { "Next" } }
                }
            }
        }
    }
}

/// Rows with the columns that are chosen; `heading` makes a column's heading, a `th`.
pub(crate) fn grid(
    of: &str,
    columns: &[Column],
    asked: &Asked,
    rows: &[Vec<Cell>],
    heading: impl Fn(&Column) -> Markup,
) -> Markup {
    let shown = asked.shown(of, columns);
    let chosen = || shown.iter().filter_map(|i| columns.get(*i));
    html! {
        div.scroll.tall[rows.len() > TALL] tabindex="0" role="region" aria-label=(of) {
            table {
                thead { tr { @for column in chosen() { (heading(column)) } } }
                tbody { @for row in rows { tr {
                    @for (i, column) in shown.iter().zip(chosen()) {
                        @if let Some(cell) = row.get(*i) { td data-title=(column.title) { (cell.shown) } }
                    }
                } } }
            }
        }
    }
}

/// The menu that columns are chosen by; `carried` is what else the page is asked for by.
pub(crate) fn columns_menu(
    of: &str,
    path: &str,
    columns: &[Column],
    asked: &Asked,
    carried: &[(&str, &str)],
) -> Markup {
    let shown = asked.shown(of, columns);
    html! {
        details.dropdown {
            summary { "Columns" }
            form action=(path) data-columns=(slug(of)) {
                @for (name, value) in carried { input type="hidden" name=(name) value=(value); }
                fieldset {
                    legend.hidden { "Columns shown" }
                    @for (i, c) in columns.iter().enumerate() {
                        label.check { input type="checkbox" name="column" value=(c.key) checked[shown.contains(&i)]; (c.title) }
                    }
                }
                div.actions {
                    button.primary type="submit" { "Show these" }
                    button type="submit" name="column" value=(ALL) { "All" }
                }
            }
        }
    }
}
