//! Rust's values as SQLite's, and back.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Row, Sqlite, Type};
use time::{Date, OffsetDateTime, UtcOffset};
use uuid::Uuid;

use crate::store::{Cursor, PageRequest};

/// A time as it is stored: microseconds since 1970, the rest cut off.
pub(super) fn micros(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos().div_euclid(1_000)).unwrap_or(i64::MAX)
}

/// The day of a time (UTC).
pub(super) fn day(at: OffsetDateTime) -> Date {
    at.to_offset(UtcOffset::UTC).date()
}

/// A value of an enum without fields as it is stored: the same word as in JSON.
pub(super) fn word(value: impl Serialize) -> Option<String> {
    serde_json::to_value(value).ok()?.as_str().map(str::to_owned)
}

/// Where a page begins: what comes before every row of it, also if that is the first.
pub(super) fn begin(page: PageRequest) -> (i64, Uuid) {
    page.after.map_or((i64::MAX, Uuid::max()), |Cursor { at, id }| (micros(at), id))
}

/// What a row holds, by the names of its columns.
pub(super) trait Columns {
    /// Whatever SQLite has a type for.
    fn get_as<T>(&self, column: &'static str) -> sqlx::Result<T>
    where
        T: for<'r> Decode<'r, Sqlite> + Type<Sqlite>;

    /// A time.
    fn time(&self, column: &'static str) -> sqlx::Result<OffsetDateTime> {
        time_of(self.get_as(column)?, column)
    }

    /// A time, if there is one.
    fn time_if_any(&self, column: &'static str) -> sqlx::Result<Option<OffsetDateTime>> {
        self.get_as::<Option<i64>>(column)?.map(|micros| time_of(micros, column)).transpose()
    }

    /// A value of an enum without fields.
    fn word<T: DeserializeOwned>(&self, column: &'static str) -> sqlx::Result<T> {
        serde_json::from_value(Value::String(self.get_as(column)?)).map_err(|error| unreadable(column, error))
    }

    /// What a column of JSON holds.
    fn json<T: DeserializeOwned>(&self, column: &'static str) -> sqlx::Result<T> {
        let text: String = self.get_as(column)?;
        serde_json::from_str(&text).map_err(|error| unreadable(column, error))
    }

    /// What a column of JSON holds, if anything.
    fn json_if_any(&self, column: &'static str) -> sqlx::Result<Option<Value>> {
        let text: Option<String> = self.get_as(column)?;
        text.map(|text| serde_json::from_str(&text)).transpose().map_err(|error| unreadable(column, error))
    }
}

impl Columns for SqliteRow {
    fn get_as<T>(&self, column: &'static str) -> sqlx::Result<T>
    where
        T: for<'r> Decode<'r, Sqlite> + Type<Sqlite>,
    {
        self.try_get(column)
    }
}

fn time_of(micros: i64, column: &'static str) -> sqlx::Result<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000).map_err(|error| unreadable(column, error))
}

fn unreadable(column: &'static str, source: impl std::error::Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: Box::new(source) }
}
