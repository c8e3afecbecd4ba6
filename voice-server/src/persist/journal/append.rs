//! The thread that writes the journal.
//!
//! Invariant: whoever is told that a record is written can rely on it even if this process is killed at once: the
//! system has the bytes. What was refused may be there all the same; entries are idempotent, so giving it again is safe.

use super::progress::{Position, Progress};
use super::spool::Spool;
use super::{JournalError, sync};
use crate::persist::limits::PersistLimits;
use crate::persist::stats::{Stats, add, get};
use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{mpsc, oneshot};
use tracing::{error, info};

/// Requests written as one.
const MAX_GROUP: usize = 256;

/// Bytes written as one, unless a single request is longer.
const MAX_GROUP_BYTES: usize = 1 << 20;

/// What the thread is asked.
pub(super) enum Request {
    /// Write these.
    Append(Append),
    /// Take nothing more, write what waits, and end.
    Close,
}

/// Records to be written together.
pub(super) struct Append {
    /// The records, framed.
    pub(super) bytes: Vec<u8>,
    /// How many.
    pub(super) records: u64,
    /// Told what became of it. Nobody may wait any more.
    pub(super) done: oneshot::Sender<Result<(), JournalError>>,
}

/// What the thread works with.
pub(super) struct Appender {
    pub(super) spool: Arc<Spool>,
    pub(super) limits: PersistLimits,
    pub(super) progress: Arc<Progress>,
    pub(super) stats: Arc<Stats>,
    /// Set while the disk takes nothing.
    pub(super) failing: Arc<AtomicBool>,
    pub(super) disk: sync::Syncer,
    /// Where the next segment begins; the active one ends here.
    pub(super) end: Position,
    pub(super) active: Option<Arc<File>>,
}

impl Appender {
    /// Writes until nobody can ask any more.
    pub(super) fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        while let Some(first) = requests.blocking_recv() {
            let (group, bytes) = group(first, &mut requests);
            if group.is_empty() {
                continue;
            }
            let records = group.iter().map(|request| request.records).sum();
            let result = self.append(&bytes, records);
            for request in group {
                // Whoever does not wait any more took it for refused.
                let _ = request.done.send(result.clone());
            }
        }
        if let Some(active) = self.active.take() {
            let _ = active.sync_data();
        }
        self.progress.close();
    }

    fn append(&mut self, bytes: &[u8], records: u64) -> Result<(), JournalError> {
        if get(&self.stats.journal_bytes).saturating_add(bytes.len() as u64) > self.limits.journal_bytes {
            return Err(self.refuse(JournalError::Full, records));
        }
        match self.write(bytes) {
            Ok(()) => {
                if self.failing.swap(false, Ordering::Relaxed) {
                    info!("the journal can be written again");
                }
                add(&self.stats.journaled, records);
                Ok(())
            }
            Err(error) => {
                self.failing.store(true, Ordering::Relaxed);
                Err(self.refuse(JournalError::Disk(error.to_string()), records))
            }
        }
    }

    fn refuse(&self, why: JournalError, records: u64) -> JournalError {
        error!(error = %why, records, "the journal takes nothing: this is not stored for now");
        why
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let active = self.segment()?;
        if let Err(error) = (&*active).write_all(bytes) {
            self.give_up(&active);
            return Err(error);
        }
        self.end.offset += bytes.len() as u64;
        // Before anybody can read them: what is read is taken off again.
        add(&self.stats.journal_bytes, bytes.len() as u64);
        add(&self.stats.unstored_bytes, bytes.len() as u64);
        self.progress.advance(self.end);
        self.disk.sync_soon(active);
        Ok(())
    }

    /// The segment to write to: the next one when this one is full.
    fn segment(&mut self) -> io::Result<Arc<File>> {
        if self.end.offset >= self.limits.segment_bytes
            && let Some(full) = self.active.take()
        {
            full.sync_data()?;
        }
        if let Some(active) = &self.active {
            return Ok(Arc::clone(active));
        }
        let number = self.end.segment + 1;
        let file = Arc::new(self.spool.create_segment(number)?);
        self.end = Position { segment: number, offset: 0 };
        self.progress.advance(self.end);
        self.active = Some(Arc::clone(&file));
        Ok(file)
    }

    /// Takes back what a failed write left behind; a segment of which that cannot be said is not written to again.
    fn give_up(&mut self, active: &File) {
        if active.set_len(self.end.offset).is_err() {
            self.active = None;
        }
    }
}

/// What has come meanwhile is written with it.
fn group(first: Request, requests: &mut mpsc::Receiver<Request>) -> (Vec<Append>, Vec<u8>) {
    let (mut group, mut bytes, mut next) = (Vec::new(), Vec::new(), Some(first));
    while let Some(request) = next {
        match request {
            Request::Append(append) => {
                bytes.extend_from_slice(&append.bytes);
                group.push(append);
            }
            Request::Close => requests.close(),
        }
        let has_room = group.len() < MAX_GROUP && bytes.len() < MAX_GROUP_BYTES;
        next = if has_room { requests.try_recv().ok() } else { None };
    }
    (group, bytes)
}
