//! The caller's clock: the one place of the caller that reads the time.
//!
//! Invariant: deadlines are absolute, counted from the start; one that was missed delays no later one.

#![expect(clippy::disallowed_methods, reason = "the caller's only clock")]

use tokio::time::Instant;
use voice_core::units::SampleRate;

/// Counts samples since the call began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    start: Instant,
    rate: SampleRate,
}

impl Clock {
    /// A clock that starts now.
    pub(super) fn start(rate: SampleRate) -> Self {
        Self { start: Instant::now(), rate }
    }

    /// The sample that is due now.
    pub(super) fn position(&self) -> u64 {
        self.rate.samples_in(self.start.elapsed())
    }

    /// When this position is reached.
    pub(super) fn instant_of(&self, position: u64) -> Instant {
        self.start + self.rate.duration_of(position)
    }
}
