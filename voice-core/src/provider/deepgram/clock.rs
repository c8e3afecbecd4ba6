//! The one place where Deepgram's engines read the clock: for the pace of a replay and the wait for an answer.
#![expect(clippy::disallowed_methods, reason = "the clock is read here and given to what decides")]

use tokio::time::Instant;

pub(super) fn now() -> Instant {
    Instant::now()
}
