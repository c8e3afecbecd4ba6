//! Time for the fakes: delays of faults, and what a vendor does after so long without input.
#![expect(clippy::disallowed_methods, reason = "a fake server paces itself; its clock is tokio's")]

use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// The instant `delay` from now.
pub(super) fn after(delay: Duration) -> Instant {
    Instant::now() + delay
}

/// The instant now, for the log.
pub(super) fn now() -> std::time::Instant {
    Instant::now().into_std()
}

/// The wall clock, for a header that is a date.
pub(super) fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Counts from the opening of a connection, so that what is decided by time can be given any.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stopwatch(Instant);

impl Stopwatch {
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    /// Since the start.
    pub(super) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }

    /// The instant so long after the start.
    pub(super) fn at(self, elapsed: Duration) -> std::time::Instant {
        (self.0 + elapsed).into_std()
    }

    /// Waits until so long after the start; a time beyond counting never comes.
    pub(super) async fn reach(self, elapsed: Duration) {
        match self.0.checked_add(elapsed) {
            Some(instant) => tokio::time::sleep_until(instant).await,
            None => std::future::pending().await,
        }
    }
}
