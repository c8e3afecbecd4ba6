//! The thread that makes the journal survive a power cut, so that the one that writes it never waits for the disk.
//!
//! Invariant: a file that was marked is synced after it was marked, however many others are marked meanwhile.

use std::fs::File;
use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;
use tracing::error;

/// At most so much is lost when the power goes; a process that dies loses nothing.
const SYNC_EVERY: Duration = Duration::from_millis(100);

/// Asks the thread to work; it ends when this is dropped.
pub(super) struct Syncer {
    dirty: Arc<Dirty>,
    /// Wakes the thread; one wake that waits is enough.
    wake: SyncSender<()>,
    /// Dropped to end a pause early.
    _going: mpsc::Sender<()>,
}

/// The files that were written since they were last synced: the active segment, and for a moment the one before it.
#[derive(Default)]
struct Dirty(Mutex<Vec<Arc<File>>>);

impl Syncer {
    /// Starts the thread.
    ///
    /// # Errors
    /// What the system says if it has no thread to give.
    pub(super) fn start() -> io::Result<Self> {
        let dirty = Arc::new(Dirty::default());
        let (wake, woken) = mpsc::sync_channel(1);
        let (going, pause) = mpsc::channel();
        let marked = Arc::clone(&dirty);
        thread::Builder::new().name("journal-sync".into()).spawn(move || sync_all(&marked, &woken, &pause))?;
        Ok(Self { dirty, wake, _going: going })
    }

    /// Has `file` written to the disk within [`SYNC_EVERY`] or as soon as the disk can.
    pub(super) fn sync_soon(&self, file: Arc<File>) {
        self.dirty.mark(file);
        // A wake that waits already finds it marked.
        let _ = self.wake.try_send(());
    }
}

impl Dirty {
    fn mark(&self, file: Arc<File>) {
        let mut files = self.lock();
        if !files.iter().any(|marked| Arc::ptr_eq(marked, &file)) {
            files.push(file);
        }
    }

    fn take(&self) -> Vec<Arc<File>> {
        std::mem::take(&mut self.lock())
    }

    /// The value is whole at every instant, so a thread that panicked holding it left nothing half done.
    fn lock(&self) -> MutexGuard<'_, Vec<Arc<File>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn sync_all(dirty: &Dirty, woken: &Receiver<()>, pause: &Receiver<()>) {
    while woken.recv().is_ok() {
        for file in dirty.take() {
            if let Err(error) = file.sync_data() {
                error!(%error, "the disk does not confirm the journal: a power cut may lose what was said last");
            }
        }
        if pause.recv_timeout(SYNC_EVERY) == Err(RecvTimeoutError::Disconnected) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> Arc<File> {
        Arc::new(tempfile::tempfile().unwrap())
    }

    #[test]
    fn a_new_segment_is_marked_while_the_one_before_it_still_waits() {
        let (dirty, old, new) = (Dirty::default(), file(), file());
        for written in [&old, &old, &new, &new] {
            dirty.mark(Arc::clone(written));
        }
        let taken = dirty.take();
        assert_eq!(taken.len(), 2);
        assert!(Arc::ptr_eq(&taken[0], &old) && Arc::ptr_eq(&taken[1], &new));
        assert!(dirty.take().is_empty());
    }
}
