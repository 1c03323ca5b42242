//! One page of rows that were filtered, sorted and paged where they come from.

use super::view::View;
use super::{Asked, Cell, Choice, Column};
use maud::Markup;

/// Which page it is, and of how many.
#[derive(Clone, Copy)]
pub(crate) struct Turn {
    /// This page's number, from 1.
    pub page: usize,
    /// The last one's.
    pub pages: usize,
}

/// One page of a table. A page of the portal has one table at most.
pub(crate) struct Paged<'a> {
    /// What its rows are, in words: `peerings`.
    pub of: &'a str,
    /// The page's path.
    pub path: &'a str,
    /// Columns.
    pub columns: &'a [Column],
    /// Keys of the columns that rows can be sorted by.
    pub sortable: &'a [&'a str],
    /// What can be chosen besides the words of the filter.
    pub choices: Vec<Choice>,
    /// The page's rows, in the order of columns.
    pub rows: Vec<Vec<Cell>>,
    /// How many rows match.
    pub matching: usize,
    /// How many there are without any filter.
    pub total: usize,
    /// Other pages.
    pub turn: Turn,
    /// Shown when there are no rows at all.
    pub empty: Markup,
}

impl Paged<'_> {
    /// The table as HTML with its filter; live.
    pub fn render(self, asked: &Asked) -> Markup {
        let count = count(self.matching, self.total, self.of);
        View {
            of: self.of,
            path: self.path,
            columns: self.columns,
            sortable: Some(self.sortable),
            choices: self.choices,
            rows: self.rows,
            count,
            turn: self.turn,
            empty: self.empty,
            asked,
        }
        .render()
    }
}

/// `37 of 1,240 peerings`; without a filter only how many there are.
pub(super) fn count(matching: usize, total: usize, of: &str) -> String {
    if matching == total {
        return format!("{} {of}", grouped(total));
    }
    format!("{} of {} {of}", grouped(matching), grouped(total))
}

/// A number with its thousands apart.
fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
