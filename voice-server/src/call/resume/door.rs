//! How often a call may be taken up: a client that comes back again and again costs a row of the transcript each time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Sockets that may be saying `hello` to one call at a time: the one that broke again, and the one after it.
const MAX_PENDING: usize = 2;

/// A call is taken up so often in the long run,
const PERIOD: Duration = Duration::from_secs(1);
/// and so often at once.
const BURST: u32 = 8;

/// The way in to one call.
#[derive(Default)]
pub(super) struct Door {
    pending: AtomicUsize,
    /// When all that came so far would have come at the long run's pace.
    paced: Mutex<Option<Instant>>,
}

/// A socket that is on its way in.
pub(super) struct Pending(Arc<Door>);

impl Door {
    /// Lets one in at `now`, unless too many come.
    pub(super) fn enter(self: &Arc<Self>, now: Instant) -> Option<Pending> {
        if self.pending.fetch_add(1, Ordering::AcqRel) >= MAX_PENDING || !self.keeps_pace(now) {
            self.pending.fetch_sub(1, Ordering::AcqRel);
            return None;
        }
        Some(Pending(Arc::clone(self)))
    }

    fn keeps_pace(&self, now: Instant) -> bool {
        let mut paced = self.paced.lock().unwrap_or_else(PoisonError::into_inner);
        let so_far = paced.unwrap_or(now).max(now);
        let has_room = so_far.saturating_duration_since(now) < PERIOD * BURST;
        if has_room {
            *paced = Some(so_far + PERIOD);
        }
        has_room
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.pending.fetch_sub(1, Ordering::AcqRel);
    }
}
