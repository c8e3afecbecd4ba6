//! Lists in pages: a place in the order instead of a number, so that a page stays right while rows come and go.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// A place in a list that is ordered newest first: just after the row with this time and id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The row's time.
    pub at: OffsetDateTime,
    /// The row's id, which orders rows of one instant.
    pub id: Uuid,
}

/// Which part of a list is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// After which row; from the newest if `None`.
    pub after: Option<Cursor>,
    /// The most rows: 1 to [`PageRequest::MAX_ROWS`]; a store clamps it.
    pub max_rows: u32,
}

impl PageRequest {
    /// The most rows a page has.
    pub const MAX_ROWS: u32 = 200;
    /// How many rows it has unless asked otherwise.
    pub const DEFAULT_ROWS: u32 = 50;

    /// The rows to ask the database for: one more than wanted, to know whether there are more.
    pub(crate) fn fetch_rows(self) -> i64 {
        i64::from(self.rows()) + 1
    }

    pub(crate) fn rows(self) -> u32 {
        self.max_rows.clamp(1, Self::MAX_ROWS)
    }
}

impl Default for PageRequest {
    fn default() -> Self {
        Self { after: None, max_rows: Self::DEFAULT_ROWS }
    }
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Page<T> {
    /// The rows, newest first.
    pub items: Vec<T>,
    /// Where the next page begins; absent where there is none.
    #[serde(skip)]
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// Makes a page of `rows` that were fetched with [`PageRequest::fetch_rows`].
    pub(crate) fn of(mut rows: Vec<T>, request: PageRequest, place: impl Fn(&T) -> Cursor) -> Self {
        let wanted = request.rows() as usize;
        let more = rows.len() > wanted;
        rows.truncate(wanted);
        let next = rows.last().filter(|_| more).map(place);
        Self { items: rows, next }
    }
}
