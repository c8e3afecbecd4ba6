//! What time it is for tokens: the wall clock once, when a token is verified; from then on the clock that does not jump.

#![expect(clippy::disallowed_methods, reason = "tokens' lives are counted here and nowhere else")]

use std::time::Duration;
use time::OffsetDateTime;
use tokio::time::Instant;

/// A token that says it lives longer is looked at again after this.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3_600);

/// On tokio's clock, so that simulated time works.
pub(super) fn now() -> Instant {
    Instant::now()
}

/// When a token is over that expires at `expires_s`, in seconds since 1970.
pub(super) fn expiry(expires_s: u64) -> Instant {
    let left = Duration::from_secs(expires_s.saturating_sub(wall_s()));
    now() + left.min(LONGEST)
}

/// The date, for what is counted by the calendar.
pub(super) fn wall() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// Seconds since 1970.
pub(super) fn wall_s() -> u64 {
    jsonwebtoken::get_current_timestamp()
}
