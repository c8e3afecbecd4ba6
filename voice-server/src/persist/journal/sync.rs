//! The thread that makes the journal survive a power cut, so that the one that writes it never waits for the disk.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::Duration;
use tracing::error;

/// At most so much is lost when the power goes; a process that dies loses nothing.
const SYNC_EVERY: Duration = Duration::from_millis(100);

/// Asks the thread to work; it ends when this is dropped.
pub(super) struct Syncer {
    dirty: SyncSender<Arc<File>>,
    /// Dropped to end a pause early.
    _going: mpsc::Sender<()>,
}

impl Syncer {
    /// Starts the thread.
    ///
    /// # Errors
    /// What the system says if it has no thread to give.
    pub(super) fn start() -> io::Result<Self> {
        let (dirty, received) = mpsc::sync_channel(1);
        let (going, pause) = mpsc::channel();
        thread::Builder::new().name("journal-sync".into()).spawn(move || sync_all(&received, &pause))?;
        Ok(Self { dirty, _going: going })
    }

    /// Has `file` written to the disk within [`SYNC_EVERY`] or as soon as the disk can.
    pub(super) fn sync_soon(&self, file: Arc<File>) {
        // A file that waits already is synced after this write; a full segment is synced before the next begins.
        let _ = self.dirty.try_send(file);
    }
}

fn sync_all(dirty: &Receiver<Arc<File>>, pause: &Receiver<()>) {
    while let Ok(file) = dirty.recv() {
        if let Err(error) = file.sync_data() {
            error!(%error, "the disk does not confirm the journal: a power cut may lose what was said last");
        }
        drop(file);
        if pause.recv_timeout(SYNC_EVERY) == Err(RecvTimeoutError::Disconnected) {
            return;
        }
    }
}
