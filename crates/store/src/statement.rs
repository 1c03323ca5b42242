//! Statements: constant SQL texts, their parameters, and how rows are read.
//!
//! Every text is declared with `statements!`, so that a test can prepare all of them on both
//! engines. No SQL is put together at run time.

use crate::db::{Db, IdPage, Page};
use crate::error::{Result, StoreError};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::{Any, Arguments, Encode, Row, Type};

/// Declares SQL texts as constants and lists them for the test that prepares them all.
macro_rules! statements {
    ($($name:ident = $sql:literal;)*) => {
        $(const $name: &str = $sql;)*
        #[cfg(test)]
        pub(crate) const STATEMENTS: &[(&str, &str)] = &[$((stringify!($name), $name)),*];
    };
}

/// A statement with its parameters.
pub(crate) struct Statement {
    sql: &'static str,
    arguments: AnyArguments,
}

/// Starts a statement.
pub(crate) fn sql(sql: &'static str) -> Statement {
    Statement { sql, arguments: AnyArguments::default() }
}

impl Statement {
    /// Binds the next parameter.
    pub fn bind<'t, T: Encode<'t, Any> + Type<Any>>(mut self, value: T) -> Self {
        self.arguments.add(value).expect("integers, texts and bytes always encode");
        self
    }

    /// Binds a time in milliseconds.
    pub fn bind_time(self, at: Timestamp) -> Self {
        self.bind(at.as_millisecond())
    }

    /// Binds where a page in the order of names continues, and its size.
    pub fn bind_page(self, page: &Page) -> Self {
        self.bind(page.after_key()).bind(i64::from(page.limit))
    }

    /// Binds where a page in the order of ids continues (with greater ones), and its size.
    pub fn bind_id_page(self, page: IdPage) -> Self {
        self.bind(page.after.unwrap_or(0)).bind(i64::from(page.limit))
    }

    /// Binds an entity as its document.
    ///
    /// # Errors
    /// When it can't be written as JSON.
    pub fn bind_doc<T: Entity>(self, value: &T) -> Result<Self> {
        Ok(self.bind(to_doc(value, T::WHAT)?))
    }

    /// The entity that it finds, if any; it gives `id, doc`.
    pub async fn entity<T: Entity>(self, db: &mut impl Db) -> Result<Option<T>> {
        entity_or_none(self.optional(db).await?)
    }

    /// The entities that it finds; it gives `id, doc`.
    pub async fn entities<T: Entity>(self, db: &mut impl Db) -> Result<Vec<T>> {
        entities(&self.all(db).await?)
    }

    /// Runs an insertion that gives the new id: `new` with it, or `None` where a constraint was in the way.
    pub async fn insert<T: Entity + Clone>(self, db: &mut impl Db, new: &T) -> Result<Option<T>> {
        let Some(row) = self.optional(db).await? else { return Ok(None) };
        let mut inserted = new.clone();
        inserted.set_id(row.int(0)?);
        Ok(Some(inserted))
    }

    /// All rows.
    pub async fn all(self, db: &mut impl Db) -> Result<Vec<AnyRow>> {
        let text = db.engine().render(self.sql);
        Ok(sqlx::query_with::<Any, _>(text, self.arguments).fetch_all(db.connection()).await?)
    }

    /// The first row, if any.
    pub async fn optional(self, db: &mut impl Db) -> Result<Option<AnyRow>> {
        let text = db.engine().render(self.sql);
        Ok(sqlx::query_with::<Any, _>(text, self.arguments).fetch_optional(db.connection()).await?)
    }

    /// The number of changed rows.
    pub async fn run(self, db: &mut impl Db) -> Result<u64> {
        let text = db.engine().render(self.sql);
        Ok(sqlx::query_with::<Any, _>(text, self.arguments).execute(db.connection()).await?.rows_affected())
    }

    /// Runs it and insists that it changed exactly one row.
    pub async fn run_one(self, db: &mut impl Db, what: &'static str, key: impl ToString) -> Result<()> {
        match self.run(db).await? {
            1 => Ok(()),
            _ => Err(StoreError::NotFound { what, key: key.to_string() }),
        }
    }
}

/// Columns by position.
pub(crate) trait Columns {
    /// An integer.
    fn int(&self, column: usize) -> Result<i64>;
    /// An integer or null.
    fn int_or_null(&self, column: usize) -> Result<Option<i64>>;
    /// A text.
    fn text(&self, column: usize) -> Result<String>;
    /// A text or null.
    fn text_or_null(&self, column: usize) -> Result<Option<String>>;
    /// Bytes.
    fn bytes(&self, column: usize) -> Result<Vec<u8>>;
    /// A time.
    fn time(&self, column: usize) -> Result<Timestamp>;
    /// A time or null.
    fn time_or_null(&self, column: usize) -> Result<Option<Timestamp>>;
    /// A JSON document.
    fn doc<T: DeserializeOwned>(&self, column: usize, what: &'static str) -> Result<T>;
}

impl Columns for AnyRow {
    fn int(&self, column: usize) -> Result<i64> {
        Ok(self.try_get(column)?)
    }

    fn int_or_null(&self, column: usize) -> Result<Option<i64>> {
        Ok(self.try_get(column)?)
    }

    fn text(&self, column: usize) -> Result<String> {
        Ok(self.try_get(column)?)
    }

    fn text_or_null(&self, column: usize) -> Result<Option<String>> {
        Ok(self.try_get(column)?)
    }

    fn bytes(&self, column: usize) -> Result<Vec<u8>> {
        Ok(self.try_get(column)?)
    }

    fn time(&self, column: usize) -> Result<Timestamp> {
        timestamp(self.int(column)?)
    }

    fn time_or_null(&self, column: usize) -> Result<Option<Timestamp>> {
        self.int_or_null(column)?.map(timestamp).transpose()
    }

    fn doc<T: DeserializeOwned>(&self, column: usize, what: &'static str) -> Result<T> {
        serde_json::from_str(&self.text(column)?).map_err(|e| StoreError::corrupt(what, e))
    }
}

fn timestamp(ms: i64) -> Result<Timestamp> {
    Timestamp::from_millisecond(ms).map_err(|e| StoreError::corrupt("time", e))
}

/// A value as a JSON document.
pub(crate) fn to_doc(value: &impl Serialize, what: &'static str) -> Result<String> {
    serde_json::to_string(value).map_err(|e| StoreError::corrupt(what, e))
}

/// A domain type kept as `id` and `doc`; the column is the one that counts for the id.
pub(crate) trait Entity: DeserializeOwned + Serialize {
    /// For messages.
    const WHAT: &'static str;
    /// Sets the id.
    fn set_id(&mut self, id: i64);
}

/// Reads a row of `id, doc`.
pub(crate) fn entity<T: Entity>(row: &AnyRow) -> Result<T> {
    entity_at(row, 0)
}

/// Reads `id, doc` from `column` on.
pub(crate) fn entity_at<T: Entity>(row: &AnyRow, column: usize) -> Result<T> {
    let mut value: T = row.doc(column + 1, T::WHAT)?;
    value.set_id(row.int(column)?);
    Ok(value)
}

/// Reads rows of `id, doc`.
pub(crate) fn entities<T: Entity>(rows: &[AnyRow]) -> Result<Vec<T>> {
    rows.iter().map(entity).collect()
}

/// Reads a row of `id, doc`, if there is one.
pub(crate) fn entity_or_none<T: Entity>(row: Option<AnyRow>) -> Result<Option<T>> {
    row.as_ref().map(entity).transpose()
}

/// Reads a row of `id, doc` that must be there.
pub(crate) fn entity_or_missing<T: Entity>(row: Option<AnyRow>, key: impl ToString) -> Result<T> {
    entity_or_none(row)?.ok_or_else(|| StoreError::NotFound { what: T::WHAT, key: key.to_string() })
}

/// A name as it is compared: letter by letter in lower case, the same whatever the engine.
pub(crate) fn fold(name: &str) -> String {
    name.chars().flat_map(char::to_lowercase).collect()
}
