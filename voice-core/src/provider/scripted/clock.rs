//! Time for the scripted engines: tokio's clock, which a test can pause, and the audio's.
#![expect(
    clippy::disallowed_methods,
    reason = "a scripted engine paces itself; its clock is tokio's, simulated in tests"
)]

use crate::stage::LISTEN_RATE;
use crate::units::Position;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// The longest delay: `u64::MAX` in a script means never, and a year is that.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3_600);

/// A schedule of absolute instants: a late wake-up does not push the later ones back.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    due: Option<Instant>,
}

impl Schedule {
    /// Waits until `delay` after the last instant of the schedule, or after now if that is later than it and the
    /// schedule had come to rest. A zero delay uses no timer.
    pub(super) async fn wait(&mut self, delay: Duration) {
        if delay.is_zero() {
            return;
        }
        let from = self.due.unwrap_or_else(Instant::now);
        let due = *self.due.insert(from + delay.min(NEVER));
        tokio::time::sleep_until(due).await;
    }

    /// The schedule starts anew at the next wait: what came before was idle time.
    pub(super) fn rest(&mut self) {
        self.due = None;
    }
}

/// The instant `delay_ms` from now; `None` for no delay.
pub(super) fn due_in_ms(delay_ms: u64) -> Option<Instant> {
    (delay_ms > 0).then(|| Instant::now() + Duration::from_millis(delay_ms).min(NEVER))
}

/// Whole milliseconds of 16 kHz audio from `earlier` to `later`.
pub(super) fn audio_ms(earlier: Position, later: Position) -> u64 {
    later.since(earlier) / LISTEN_RATE.samples_in_ms(1)
}

/// Locks a log; a panic of another holder leaves it readable.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
