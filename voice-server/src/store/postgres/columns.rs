//! Rust's values as Postgres's, and back.

use crate::store::{Cursor, PageRequest};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::Row;
use sqlx::postgres::PgRow;
use time::{Date, OffsetDateTime, UtcOffset};
use uuid::Uuid;

/// The day of a time (UTC).
pub(super) fn day(at: OffsetDateTime) -> Date {
    at.to_offset(UtcOffset::UTC).date()
}

/// A value of an enum without fields as it is stored: the same word as in JSON.
pub(super) fn word(value: impl Serialize) -> Option<String> {
    serde_json::to_value(value).ok()?.as_str().map(str::to_owned)
}

/// A count as a column holds it; what is too large for any is too large for the column's rule too.
pub(super) fn int(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// Where a page begins; `None` at the newest, which statements take for the end of time.
pub(super) fn begin(page: PageRequest) -> (Option<OffsetDateTime>, Uuid) {
    page.after.map_or((None, Uuid::max()), |Cursor { at, id }| (Some(at), id))
}

/// What a row holds, by the names of its columns.
pub(super) trait Columns {
    /// A value of an enum without fields.
    fn word<T: DeserializeOwned>(&self, column: &'static str) -> sqlx::Result<T>;

    /// A count, which the column's rule keeps from being negative.
    fn count(&self, column: &'static str) -> sqlx::Result<u32>;
}

impl Columns for PgRow {
    fn word<T: DeserializeOwned>(&self, column: &'static str) -> sqlx::Result<T> {
        serde_json::from_value(Value::String(self.try_get(column)?)).map_err(|error| unreadable(column, error))
    }

    fn count(&self, column: &'static str) -> sqlx::Result<u32> {
        u32::try_from(self.try_get::<i32, _>(column)?).map_err(|error| unreadable(column, error))
    }
}

fn unreadable(column: &'static str, source: impl std::error::Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: Box::new(source) }
}
