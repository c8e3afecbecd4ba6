//! Lists in pages, and the opaque cursors between them.
//!
//! Invariant: a cursor is only a place in an order. It grants nothing: whoever sends one sees their own rows after it.

use crate::problem::Problem;
use crate::store::{Cursor, Page, PageRequest};
use axum::http::StatusCode;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// How many bytes a cursor holds: a time in nanoseconds and an id.
const CURSOR_BYTES: usize = 8 + 16;

/// The query of a list without filters.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageParams {
    /// The most items: 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A part of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct List<T> {
    /// The items, newest first.
    items: Vec<T>,
    /// Where the next page begins; `null` where there is none.
    next_cursor: Option<String>,
}

impl PageParams {
    pub(crate) fn request(&self) -> Result<PageRequest, Problem> {
        page_request(self.limit, self.cursor.as_deref())
    }
}

/// The page that a query asks for.
pub(crate) fn page_request(limit: Option<u32>, cursor: Option<&str>) -> Result<PageRequest, Problem> {
    let max_rows = limit.unwrap_or(PageRequest::DEFAULT_ROWS);
    if !(1..=PageRequest::MAX_ROWS).contains(&max_rows) {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "limit must be 1 to 200"));
    }
    let after = cursor.map(|cursor| decode(cursor).ok_or_else(foreign_cursor)).transpose()?;
    Ok(PageRequest { after, max_rows })
}

impl<T> From<Page<T>> for List<T> {
    fn from(page: Page<T>) -> Self {
        Self { items: page.items, next_cursor: page.next.as_ref().and_then(encode) }
    }
}

fn foreign_cursor() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "cursor must be the next_cursor of a page, unchanged")
}

/// `None` for a time that no row has.
fn encode(cursor: &Cursor) -> Option<String> {
    let nanos = i64::try_from(cursor.at.unix_timestamp_nanos()).ok()?;
    let bytes = [nanos.to_be_bytes().as_slice(), cursor.id.as_bytes()].concat();
    Some(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

fn decode(text: &str) -> Option<Cursor> {
    let bytes: [u8; CURSOR_BYTES] = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
    let (nanos, id) = bytes.split_first_chunk::<8>()?;
    let at = OffsetDateTime::from_unix_timestamp_nanos(i64::from_be_bytes(*nanos).into()).ok()?;
    (at >= OffsetDateTime::UNIX_EPOCH).then_some(Cursor { at, id: Uuid::from_slice(id).ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    proptest! {
        // The same in every run; what fails is printed.
        #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_cursor_comes_back_as_it_was(nanos in 0..i64::MAX, id in any::<u128>()) {
            let at = OffsetDateTime::from_unix_timestamp_nanos(nanos.into()).unwrap();
            let cursor = Cursor { at, id: Uuid::from_u128(id) };
            prop_assert_eq!(decode(&encode(&cursor).unwrap()), Some(cursor));
        }

        #[test]
        fn any_text_is_a_cursor_or_none(text in ".{0,40}|[A-Za-z0-9_-]{32}") {
            if let Some(cursor) = decode(&text) {
                prop_assert!(cursor.at >= OffsetDateTime::UNIX_EPOCH);
            }
        }
    }

    #[test]
    fn a_limit_out_of_range_and_a_cursor_of_somebody_elses_making_are_refused() {
        assert!(page_request(Some(200), None).is_ok());
        assert!(page_request(Some(0), None).is_err());
        assert!(page_request(Some(201), None).is_err());
        assert!(page_request(None, Some("")).is_err());
        assert!(page_request(None, Some("AAAA")).is_err());
    }
}
