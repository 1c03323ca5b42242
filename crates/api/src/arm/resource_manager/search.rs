//! Filling a list's page from rows of the store. What a filter leaves out is looked at, too, so each
//! request has a bound on that: a page may be short, or empty, and still lead on. Reads nothing itself.

use super::list_query::{ListQuery, Row};
use crate::call::Call;
use crate::page::Page;
use meetme_store as store;

/// So many times the rows of a page are looked at for one.
const PAGES_LOOKED_AT: usize = 5;

/// A page being filled, from one kind of rows after another.
pub(super) struct Search<'c, T> {
    call: &'c Call,
    query: &'c ListQuery,
    /// Rows that the page has at most.
    size: usize,
    /// Rows that the store is asked for at a time.
    limit: u32,
    looked_at: usize,
    /// What was found, each with the position that a page behind it starts after.
    rows: Vec<(String, T)>,
    /// Where to go on, when too many rows were looked at.
    left_off: Option<String>,
}

/// How a kind of rows is read and listed.
pub(super) struct Kind<R, T> {
    /// What its positions begin with.
    pub prefix: &'static str,
    /// Where a row stands in the store's order.
    pub key: fn(&R) -> String,
    /// What conditions are held against.
    pub row: fn(&R) -> Row<'_>,
    /// How it is shown.
    pub show: fn(R, &ListQuery) -> T,
}

impl<'c, T> Search<'c, T> {
    /// An empty page.
    pub fn new(call: &'c Call, query: &'c ListQuery) -> Self {
        Self {
            call,
            query,
            size: query.size(call),
            limit: crate::page::limit(call),
            looked_at: 0,
            rows: Vec::new(),
            left_off: None,
        }
    }

    /// Reads a kind of rows, from the one after `after` on.
    pub fn read<'s, R>(
        &'s mut self,
        kind: &'static Kind<R, T>,
        after: Option<String>,
    ) -> Reading<'s, 'c, R, T> {
        Reading { search: self, kind, after, is_over: false }
    }

    /// The page.
    pub fn page(mut self) -> Page<T> {
        let is_full = self.rows.len() > self.size;
        self.rows.truncate(self.size);
        let next = match self.rows.last() {
            Some((position, _)) if is_full => Some(position.clone()),
            _ => self.left_off,
        };
        self.query.page(self.call, self.rows.into_iter().map(|(_, shown)| shown).collect(), next)
    }
}

/// A kind of rows being read.
pub(super) struct Reading<'s, 'c, R: 'static, T: 'static> {
    search: &'s mut Search<'c, T>,
    kind: &'static Kind<R, T>,
    after: Option<String>,
    is_over: bool,
}

impl<R, T> Reading<'_, '_, R, T> {
    /// What to ask the store for next; nothing when there are no more rows, or enough of them.
    pub fn next(&mut self) -> Option<store::Page> {
        let search = &mut *self.search;
        if self.is_over || search.rows.len() > search.size || search.left_off.is_some() {
            return None;
        }
        if search.looked_at >= PAGES_LOOKED_AT * search.call.state.settings.page_size {
            let after = self.after.as_deref().unwrap_or_default();
            search.left_off = Some(format!("{}{after}", self.kind.prefix));
            return None;
        }
        Some(store::Page { after: self.after.clone(), limit: search.limit })
    }

    /// Takes what the store gave for that.
    pub fn take(&mut self, found: Vec<R>) {
        let (search, kind) = (&mut *self.search, self.kind);
        search.looked_at += found.len();
        self.is_over = found.len() < search.limit as usize;
        self.after = found.last().map(kind.key);
        for row in found {
            if search.query.holds(&(kind.row)(&row)) {
                let position = format!("{}{}", kind.prefix, (kind.key)(&row));
                search.rows.push((position, (kind.show)(row, search.query)));
            }
        }
    }
}
