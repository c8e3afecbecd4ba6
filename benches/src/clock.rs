//! The clock of the benchmarks.
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::time::Instant;

/// The instant now.
pub fn now() -> Instant {
    Instant::now()
}
