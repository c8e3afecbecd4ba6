//! The one place where time enters the library.
//!
//! Tokio's clock is read, so that a test with paused time runs a ten-minute call in milliseconds.
#![expect(clippy::disallowed_methods, reason = "everything else is given its instants")]

use std::time::Instant;

/// The instant now.
pub(super) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
