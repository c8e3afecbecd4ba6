//! How far the journal has been written: what the reading side may read.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How far a segment has been written, or read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    /// The number of the segment.
    pub(super) segment: u64,
    /// Bytes from its start.
    pub(super) offset: u64,
}

/// What was written and may be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Written {
    /// Up to here.
    pub(super) end: Position,
    /// Whether more may come.
    pub(super) state: WriterState,
}

/// Whether the journal still takes records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WriterState {
    /// It does.
    Open,
    /// It never will again.
    Closed,
}

/// [`Written`], shared between the thread that writes and the one that reads.
pub(super) struct Progress {
    written: Mutex<Written>,
    changed: Condvar,
}

impl Progress {
    pub(super) fn new(end: Position) -> Self {
        Self { written: Mutex::new(Written { end, state: WriterState::Open }), changed: Condvar::new() }
    }

    pub(super) fn advance(&self, end: Position) {
        self.lock().end = end;
        self.changed.notify_all();
    }

    pub(super) fn close(&self) {
        self.lock().state = WriterState::Closed;
        self.changed.notify_all();
    }

    /// Waits until more than `read` was written, or nothing more will be.
    pub(super) fn wait_beyond(&self, read: Position) -> Written {
        let waiting = |written: &mut Written| written.end <= read && written.state == WriterState::Open;
        *self.changed.wait_while(self.lock(), waiting).unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits `at_most` so long for more to read than there is: until so many bytes of the segment after `read` are
    /// written, it is full, or nothing more will be.
    pub(super) fn linger(&self, read: Position, bytes: u64, at_most: Duration) -> Written {
        let waiting = |written: &mut Written| {
            let here = written.end.segment == read.segment && written.end.offset < read.offset.saturating_add(bytes);
            here && written.state == WriterState::Open
        };
        let waited = self.changed.wait_timeout_while(self.lock(), at_most, waiting);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// The value is whole at every instant, so a thread that panicked holding it left nothing half done.
    fn lock(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
