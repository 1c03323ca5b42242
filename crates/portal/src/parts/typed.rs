//! A form as it was typed: names with values, in order. Rows of a form that grows have names such
//! as `contact-0-email`.

use super::version::Version;
use crate::query::encode;
use axum::extract::{Form, FromRequest, Request};
use axum::response::Response;
use maud::{Markup, html};

/// Rows of one kind in a form, at most.
const ROWS: usize = 100;

/// What was typed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Typed(Vec<(String, String)>);

impl<S: Send + Sync> FromRequest<S> for Typed {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        use axum::response::IntoResponse;
        let sent = Form::<Vec<(String, String)>>::from_request(request, state).await;
        sent.map(|Form(pairs)| Self(pairs)).map_err(IntoResponse::into_response)
    }
}

impl Typed {
    /// A field, without white space around it; empty when it is missing.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value.trim())
    }

    /// Sets a field.
    pub fn set(&mut self, name: &str, value: &str) {
        self.0.retain(|(n, _)| n != name);
        self.0.push((name.to_owned(), value.to_owned()));
    }

    /// The session's token.
    pub fn csrf(&self) -> Option<&str> {
        Some(self.get("_csrf")).filter(|token| !token.is_empty())
    }

    /// The version that the form was made from.
    pub fn version(&self) -> Version {
        Version::sent(self.0.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }

    /// Which rows of a kind there are.
    pub fn rows(&self, kind: &str) -> Vec<usize> {
        let row = |name: &str| name.strip_prefix(kind)?.strip_prefix('-')?.split('-').next()?.parse().ok();
        let mut rows: Vec<usize> = self.0.iter().filter_map(|(name, _)| row(name)).collect();
        rows.sort_unstable();
        rows.dedup();
        rows.truncate(ROWS);
        rows
    }

    /// Adds an empty row.
    pub fn add_row(&mut self, kind: &str, column: &str) {
        let rows = self.rows(kind);
        if rows.len() < ROWS {
            let next = rows.last().map_or(0, |last| last.saturating_add(1));
            self.set(&format!("{kind}-{next}-{column}"), "");
        }
    }

    /// Takes a row away.
    pub fn remove_row(&mut self, kind: &str, row: usize) {
        let start = format!("{kind}-{row}-");
        self.0.retain(|(name, _)| !name.starts_with(&start));
    }

    /// Adds or removes a row if a button asked for it: `do` is `add-KIND` or `remove-KIND-ROW`.
    /// True when one did.
    pub fn rows_changed(&mut self, kind: &str, column: &str) -> bool {
        let action = self.get("do").to_owned();
        if action == format!("add-{kind}") {
            self.add_row(kind, column);
            return true;
        }
        let row = action.strip_prefix(&format!("remove-{kind}-")).and_then(|row| row.parse().ok());
        if let Some(row) = row {
            self.remove_row(kind, row);
        }
        row.is_some()
    }

    /// The address of a page with all that was typed, but what `skip` takes.
    pub fn address(&self, path: &str, skip: impl Fn(&str) -> bool) -> String {
        let pair = |(name, value): &(String, String)| format!("{}={}", encode(name), encode(value.trim()));
        let pairs: Vec<String> = self.0.iter().filter(|(name, _)| !skip(name)).map(pair).collect();
        format!("{path}?{}", pairs.join("&"))
    }

    /// All that was typed as hidden fields, but what `skip` takes and what belongs to one sending.
    pub fn hidden(&self, skip: impl Fn(&str) -> bool) -> Markup {
        html! {
            @for (name, value) in self.0.iter().filter(|(n, _)| n != "_csrf" && n != "do" && !skip(n)) {
                input type="hidden" name=(name) value=(value);
            }
        }
    }
}

#[cfg(test)]
impl From<&[(&str, &str)]> for Typed {
    fn from(pairs: &[(&str, &str)]) -> Self {
        Self(pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_and_go_by_buttons_and_nothing_typed_is_lost() {
        let pairs = [("c-0-email", "a"), ("c-3-email", " b "), ("do", "remove-c-0"), ("name", "<x>")];
        let mut typed = Typed::from(pairs.as_slice());
        assert_eq!(typed.rows("c"), [0, 3]);
        assert!(typed.rows_changed("c", "email"));
        assert_eq!((typed.rows("c"), typed.get("c-3-email")), (vec![3], "b"));
        typed.set("do", "add-c");
        assert!(typed.rows_changed("c", "email"));
        assert_eq!(typed.rows("c"), [3, 4]);
        let hidden = typed.hidden(|name| name.starts_with("c-")).into_string();
        assert!(hidden.contains("&lt;x&gt;") && !hidden.contains("c-3") && !hidden.contains("\"do\""));
        let address = typed.address("/at", |name| name == "do");
        assert_eq!(address, "/at?c-3-email=b&name=%3Cx%3E&c-4-email=");
        typed.set("do", "save");
        assert!(!typed.rows_changed("c", "email"));
    }
}
