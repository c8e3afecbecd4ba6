//! The clock of the vendors' contexts: a vendor forgets a context that was silent for too long.
//!
//! Tokio's clock is read, so that paused time in a test is this module's time too.
#![expect(clippy::disallowed_methods, reason = "only how long a context was silent is asked")]

use std::time::Instant;

/// The instant now.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
