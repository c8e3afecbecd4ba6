//! The one place where the engines over the network and those who join them read the clock.
//!
//! Tokio's clock is read, so that paused time in a test is their time too.
#![expect(clippy::disallowed_methods, reason = "the clock is read here and given to what decides")]

use tokio::time::Instant;

/// The instant now.
pub(crate) fn now() -> Instant {
    Instant::now()
}
