//! What a list of many rows is asked for: which of them, in which order, and the part that is shown.
//!
//! The lists themselves are in `peering_lists.rs` and `prefix_lists.rs`. Their statements take the same parameters,
//! and give ids with how many rows match: only what is shown is read.

use crate::db::{Db, Scope};
use crate::error::{Result, StoreError};
use crate::statement::{Columns, fold, sql};

/// Which rows of a list, and in which order. What isn't asked for is empty or `None`.
#[derive(Clone, Copy, Debug)]
pub struct Listing<'a> {
    /// Whose rows.
    pub scope: Scope<'a>,
    /// Words that must all occur in a row, any case.
    pub words: &'a str,
    /// Rows in this state, by its wire name (of peerings: with a connection in it).
    pub state: Option<&'a str>,
    /// Rows of this metro, any case.
    pub location: Option<&'a str>,
    /// Rows of this kind, by the name that each list says.
    pub kind: Option<&'a str>,
    /// What they are sorted by: a name that the list knows. Another one is the order that it has by itself.
    pub sort: &'a str,
    /// The other way round.
    pub descending: bool,
    /// Rows left out at the beginning.
    pub skip: u32,
    /// At most so many rows.
    pub limit: u32,
}

impl<'a> Listing<'a> {
    /// The first rows of everything in a scope.
    pub fn all(scope: Scope<'a>, limit: u32) -> Self {
        Self {
            scope,
            words: "",
            state: None,
            location: None,
            kind: None,
            sort: "",
            descending: false,
            skip: 0,
            limit,
        }
    }
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<T> {
    /// The rows that were asked for.
    pub rows: Vec<T>,
    /// How many rows match altogether.
    pub matching: i64,
}

/// Runs a list's statement: ids in their order, and how many rows match altogether.
pub(crate) async fn ids(
    db: &mut impl Db,
    statement: &'static str,
    asked: &Listing<'_>,
) -> Result<(Vec<i64>, i64)> {
    let rows = part(db, statement, asked).await?;
    let found: Vec<i64> = rows.iter().map(|(id, _)| *id).collect();
    if let Some((_, matching)) = rows.first() {
        return Ok((found, *matching));
    }
    // Where no row is shown there is none to tell how many there are.
    let first = Listing { skip: 0, limit: 1, ..*asked };
    let none_wanted = asked.skip > 0 || asked.limit == 0;
    let rows = if none_wanted { part(db, statement, &first).await? } else { Vec::new() };
    Ok((found, rows.first().map_or(0, |(_, matching)| *matching)))
}

async fn part(db: &mut impl Db, statement: &'static str, asked: &Listing<'_>) -> Result<Vec<(i64, i64)>> {
    let rows = sql(statement)
        .bind(patterns(asked.words)?)
        .bind(asked.scope.parameter())
        .bind(asked.state.map(str::to_owned))
        .bind(asked.location.map(fold))
        .bind(asked.kind.map(str::to_owned))
        .bind(asked.sort.to_owned())
        .bind(i64::from(asked.descending))
        .bind(i64::from(asked.limit))
        .bind(i64::from(asked.skip))
        .all(db)
        .await?;
    rows.iter().map(|row| Ok((row.int(0)?, row.int(1)?))).collect()
}

/// Words as rows of one LIKE pattern each.
fn patterns(words: &str) -> Result<String> {
    let patterns: Vec<[String; 1]> =
        words.split_whitespace().map(|word| [format!("%{}%", literal(&fold(word)))]).collect();
    serde_json::to_string(&patterns).map_err(|e| StoreError::corrupt("words", e))
}

/// Ids as rows for a statement with `{rows}`.
pub(crate) fn id_rows(ids: &[i64]) -> Result<String> {
    let rows: Vec<[i64; 1]> = ids.iter().map(|id| [*id]).collect();
    serde_json::to_string(&rows).map_err(|e| StoreError::corrupt("ids", e))
}

/// Puts rows that were read in any order into that of `ids`.
pub(crate) fn in_order<T>(ids: &[i64], rows: Vec<T>, id: impl Fn(&T) -> i64) -> Vec<T> {
    let mut rows = rows;
    rows.sort_by_key(|row| ids.iter().position(|known| *known == id(row)));
    rows
}

/// A word that stands for itself in LIKE.
pub(crate) fn literal(word: &str) -> String {
    word.chars().flat_map(|c| ['!'].into_iter().filter(move |_| "%_!".contains(c)).chain([c])).collect()
}
