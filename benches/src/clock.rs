//! The clock of the benchmarks.
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::time::Instant;

/// The instant now.
pub fn now() -> Instant {
    Instant::now()
}

/// The instant now on tokio's clock, which may be simulated.
pub fn simulated_now() -> tokio::time::Instant {
    tokio::time::Instant::now()
}
