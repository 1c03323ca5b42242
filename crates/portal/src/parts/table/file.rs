//! Tables as CSV files (RFC 4180), with the columns that are chosen.

use super::{Asked, Cell, Column, slug};
use crate::error::PageError;
use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use futures::{Stream, StreamExt};

/// A CSV field. What a spreadsheet would take for a formula is kept from being one.
pub(crate) fn csv_field(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

/// A file of rows that is written while they are read, some at a time. When some can't be had, the
/// download breaks off, so that half a file isn't taken for a whole one.
pub(crate) fn file<S>(of: &str, columns: &'static [Column], asked: &Asked, pages: S) -> Response
where
    S: Stream<Item = Result<Vec<Vec<Cell>>, PageError>> + Send + 'static,
{
    let shown = asked.shown(of, columns);
    let heading = heading(columns, &shown);
    let chunks = pages.map(move |rows| {
        rows.map(|rows| lines(&rows, &shown)).map_err(|e| std::io::Error::other(e.to_string()))
    });
    let first = futures::stream::once(async move { Ok(heading) });
    download(of, Body::from_stream(first.chain(chunks)))
}

/// The heading's line.
pub(super) fn heading(columns: &[Column], shown: &[usize]) -> String {
    let titles = shown.iter().filter_map(|i| columns.get(*i)).map(|c| csv_field(c.title));
    titles.collect::<Vec<_>>().join(",") + "\r\n"
}

/// Rows as lines.
pub(super) fn lines(rows: &[Vec<Cell>], shown: &[usize]) -> String {
    let mut text = String::new();
    for row in rows {
        let fields = shown.iter().filter_map(|i| row.get(*i)).map(|cell| csv_field(&cell.text));
        text.push_str(&fields.collect::<Vec<_>>().join(","));
        text.push_str("\r\n");
    }
    text
}

/// A file that the browser keeps.
pub(super) fn download(of: &str, body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let disposition = format!("attachment; filename=\"{}.csv\"", slug(of));
    if let Ok(value) = HeaderValue::from_str(&disposition) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    response
}
