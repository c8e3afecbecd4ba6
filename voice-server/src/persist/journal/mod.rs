//! The journal: what was said, on this machine's disk, before anybody is told that it is safe.
//!
//! Invariant: entries lie in the order in which they were given. Once [`Journal::append`] has answered, they survive the
//! death of this process at any moment, and a power cut a tenth of a second later. Its size is bounded: at the bound an
//! entry is refused, never dropped in silence. Nothing of a database is known here.
//!
//! One thread writes (whatever has come meanwhile goes as one write), one tells the disk, one reads for the store.

mod append;
mod frame;
mod progress;
mod read;
mod spool;
mod sync;
#[cfg(test)]
mod tests;

pub use spool::SpoolError;

pub(super) use read::{Batch, Work};

use super::limits::PersistLimits;
use super::stats::{Stats, add, get};
use crate::store::Entry;
use append::{Append, Appender, Request};
pub(super) use frame::MAX_PAYLOAD_BYTES;
use progress::{Position, Progress};
use read::Reader;
use spool::Spool;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use sync::Syncer;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// Requests that wait for the writing thread; further ones wait to be taken.
const QUEUED_REQUESTS: usize = 1_024;

/// A disk that takes nothing for this long has refused.
const WRITE_WITHIN: Duration = Duration::from_secs(5);

/// Why the journal takes nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum JournalError {
    /// Its size is at the bound.
    #[error("the journal is full, because the database has taken nothing for long: bring the database back")]
    Full,
    /// The disk takes nothing.
    #[error("the journal cannot be written ({0}): make room on its disk, or repair it")]
    Disk(String),
    /// The disk takes too long.
    #[error("the journal's disk took nothing for {} s", WRITE_WITHIN.as_secs())]
    Slow,
    /// An entry is longer than any can be.
    #[error("an entry of {0} bytes is too long for the journal, which takes {MAX_PAYLOAD_BYTES}")]
    TooLong(usize),
    /// The server is about to end.
    #[error("the journal is closed: the server is shutting down")]
    Closed,
}

impl JournalError {
    /// Whether the journal may have, or may yet get, what was refused so.
    pub(crate) fn may_be_written(&self) -> bool {
        match self {
            Self::Full | Self::TooLong(_) => false,
            Self::Disk(_) | Self::Slow | Self::Closed => true,
        }
    }
}

/// The writing side of the journal. Clones write to the same one.
#[derive(Clone)]
pub(crate) struct Journal {
    requests: mpsc::Sender<Request>,
    stats: Arc<Stats>,
    failing: Arc<AtomicBool>,
    max_bytes: u64,
}

/// A journal that was opened.
pub(crate) struct Opened {
    /// Where entries are given.
    pub(crate) journal: Journal,
    /// Where they come out again, those of earlier runs first.
    pub(crate) work: mpsc::Receiver<Work>,
    /// Ends once both threads have let go of the directory.
    pub(crate) held: mpsc::Receiver<()>,
}

impl Journal {
    /// Opens the journal at `path`, which is made where it is missing, and starts its threads.
    ///
    /// # Errors
    /// [`SpoolError`].
    pub(crate) fn open(path: &Path, limits: &PersistLimits, stats: Arc<Stats>) -> Result<Opened, SpoolError> {
        // What is read is deleted by whole segments: a journal of one could never be taken up again when it is full.
        let segment_bytes = limits.segment_bytes.min(limits.journal_bytes / 8);
        let limits = &PersistLimits { segment_bytes, ..limits.clone() };
        let spool = Arc::new(Spool::open(path)?);
        let unusable = |reason| SpoolError::Unusable { path: path.to_owned(), reason };
        let read = spool.checkpoint().map_err(unusable)?;
        let end = end_of_leftovers(&spool, read, &stats).map_err(unusable)?;
        let (requests, received) = mpsc::channel(QUEUED_REQUESTS);
        let (sender, work) = mpsc::channel(1);
        let (held, holding) = mpsc::channel(1);
        let progress = Arc::new(Progress::new(end));
        let failing = Arc::new(AtomicBool::new(false));
        let appender = Appender {
            spool: Arc::clone(&spool),
            limits: limits.clone(),
            progress: Arc::clone(&progress),
            stats: Arc::clone(&stats),
            failing: Arc::clone(&failing),
            disk: Syncer::start().map_err(unusable)?,
            end,
            active: None,
        };
        let reader = Reader {
            spool,
            limits: limits.clone(),
            progress,
            stats: Arc::clone(&stats),
            at: read,
            leftovers: Some(end),
        };
        start("journal-write", held.clone(), move || appender.run(received)).map_err(unusable)?;
        start("journal-read", held, move || reader.run(sender)).map_err(unusable)?;
        let journal = Self { requests, stats, failing, max_bytes: limits.journal_bytes };
        Ok(Opened { journal, work, held: holding })
    }

    /// Writes `entries`, in order and together. Once this is `Ok`, they survive this process.
    ///
    /// Not cancellation safe: dropped, they may be written or not. Giving entries again is always safe.
    ///
    /// # Errors
    /// [`JournalError`]: then they may not be relied on.
    pub(crate) async fn append(&self, entries: &[Entry]) -> Result<(), JournalError> {
        let result = self.try_append(entries).await;
        if result.is_err() {
            add(&self.stats.refused, entries.len() as u64);
        }
        result
    }

    async fn try_append(&self, entries: &[Entry]) -> Result<(), JournalError> {
        let mut bytes = Vec::new();
        for entry in entries {
            let payload = serde_json::to_vec(entry).map_err(|error| JournalError::Disk(error.to_string()))?;
            if payload.len() > MAX_PAYLOAD_BYTES {
                return Err(JournalError::TooLong(payload.len()));
            }
            frame::write(&payload, &mut bytes);
        }
        let (done, written) = oneshot::channel();
        let request = Request::Append(Append { bytes, records: entries.len() as u64, done });
        let writing = async {
            self.requests.send(request).await.map_err(|_| JournalError::Closed)?;
            written.await.map_err(|_| JournalError::Closed)?
        };
        timeout(WRITE_WITHIN, writing).await.unwrap_or(Err(JournalError::Slow))
    }

    /// Whether a call that begins now may count on the journal: it is not nearly full and its disk takes what it is
    /// given. A disk that failed is tried again by asking.
    ///
    /// # Errors
    /// [`JournalError`] says why not.
    pub(crate) fn check(&self) -> Result<(), JournalError> {
        if self.requests.is_closed() {
            return Err(JournalError::Closed);
        }
        if get(&self.stats.journal_bytes) >= self.max_bytes / 10 * 9 {
            return Err(JournalError::Full);
        }
        if self.failing.load(Ordering::Relaxed) {
            self.try_disk();
            return Err(JournalError::Disk("it failed a moment ago and is tried again".into()));
        }
        Ok(())
    }

    /// Writes an empty record, which nobody reads.
    fn try_disk(&self) {
        let mut bytes = Vec::new();
        frame::write(&[], &mut bytes);
        let (done, _) = oneshot::channel();
        // Where the queue is full, what is in it tries the disk.
        let _ = self.requests.try_send(Request::Append(Append { bytes, records: 0, done }));
    }

    /// Takes nothing more; what was given is written, and the reading side ends when it has read it all.
    pub(crate) async fn close(&self) {
        // Closed already is as good.
        let _ = self.requests.send(Request::Close).await;
    }
}

/// Counts what earlier runs left, and gives its end; segments of this run come after it.
fn end_of_leftovers(spool: &Spool, read: Position, stats: &Stats) -> io::Result<Position> {
    let mut end = read;
    for segment in spool.segments()? {
        let bytes = spool.segment_bytes(segment)?;
        add(&stats.journal_bytes, bytes);
        let position = Position { segment, offset: bytes };
        if position > read {
            let known = if segment == read.segment { read.offset } else { 0 };
            add(&stats.unstored_bytes, bytes.saturating_sub(known));
        }
        end = end.max(position);
    }
    Ok(end)
}

/// Starts a thread; `held` is dropped once its work, with everything it held, is over.
fn start(name: &str, held: mpsc::Sender<()>, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let whole = move || {
        work();
        drop(held);
    };
    thread::Builder::new().name(name.into()).spawn(whole).map(drop)
}
