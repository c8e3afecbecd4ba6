//! Times in queries.
//!
//! Invariant: a time that passes here is UTC and one that every database holds.

use crate::problem::Problem;
use axum::http::StatusCode;
use time::{OffsetDateTime, UtcOffset};

/// The years in which a call can have been.
const YEARS: std::ops::RangeInclusive<i32> = 1970..=9999;

/// `time` in UTC.
pub(crate) fn utc(field: &str, time: Option<OffsetDateTime>) -> Result<Option<OffsetDateTime>, Problem> {
    let Some(time) = time else { return Ok(None) };
    match time.checked_to_offset(UtcOffset::UTC) {
        Some(utc) if YEARS.contains(&utc.year()) => Ok(Some(utc)),
        _ => Err(Problem::new(StatusCode::BAD_REQUEST, format!("{field} must be in the years 1970 to 9999"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::format_description::well_known::Rfc3339;

    fn parsed(text: &str) -> Option<OffsetDateTime> {
        Some(OffsetDateTime::parse(text, &Rfc3339).unwrap())
    }

    #[test]
    fn a_time_is_turned_to_utc() {
        let utc = utc("from", parsed("2026-11-01T01:00:00+02:00")).unwrap();
        assert_eq!(utc, parsed("2026-10-31T23:00:00Z"));
    }

    #[test]
    fn a_time_that_no_database_holds_is_refused() {
        for wrong in ["9999-12-31T23:59:59-12:00", "1969-12-31T23:59:59Z", "0000-01-01T00:00:00+12:00"] {
            assert!(utc("to", parsed(wrong)).is_err(), "{wrong}");
        }
    }
}
