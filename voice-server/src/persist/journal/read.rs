//! The thread that reads the journal for the store, in order.
//!
//! Invariant: a record is passed over only when the store has it, or has refused it for good, or its bytes are damaged
//! and kept aside. Killed at any moment, it begins again at or before the first record that the store does not have.

use super::frame::{self, Found, MAX_RECORD_BYTES};
use super::progress::{Position, Progress, WriterState, Written};
use super::spool::Spool;
use crate::persist::limits::PersistLimits;
use crate::persist::stats::{Stats, add, subtract};
use crate::store::Entry;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tracing::{error, info};

/// After a failure to read: when to try again.
const RETRY: Duration = Duration::from_secs(1);

/// What there is to do for the store, in order.
pub(crate) enum Work {
    /// Write these.
    Batch(Batch, Done),
    /// All that an earlier run left behind was written.
    LeftoversRead(Done),
}

/// Told when a piece of work is done. Dropped, the work is done again at the next start.
pub(crate) type Done = oneshot::Sender<()>;

/// Entries in their order.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// The entries.
    pub(crate) entries: Vec<Entry>,
    /// Records that are no entries: of another version, say.
    pub(crate) unreadable: Vec<String>,
}

/// What the thread works with.
pub(super) struct Reader {
    pub(super) spool: Arc<Spool>,
    pub(super) limits: PersistLimits,
    pub(super) progress: Arc<Progress>,
    pub(super) stats: Arc<Stats>,
    /// Up to here the store has everything.
    pub(super) at: Position,
    /// What earlier runs left ends here; none once it was told.
    pub(super) leftovers: Option<Position>,
}

/// The writer to the store has stopped: there is nobody to read for.
struct NobodyWrites;

impl Reader {
    /// Reads until the journal is closed and read to its end, or nobody takes the work any more.
    pub(super) fn run(mut self, work: mpsc::Sender<Work>) {
        while self.serve(&work).is_ok() && self.tell_of_leftovers(&work).is_ok() {
            let written = self.progress.wait_beyond(self.at);
            if written.state == WriterState::Closed && self.at >= written.end {
                self.retire(written.end.segment + 1);
                return;
            }
        }
    }

    /// Hands on what there is.
    fn serve(&mut self, work: &mpsc::Sender<Work>) -> Result<(), NobodyWrites> {
        let written = self.progress.linger(self.at, self.limits.batch_bytes as u64, self.limits.batch_wait);
        match self.next_batch(written) {
            Ok(Some((batch, end))) => {
                self.hand_on(work, |done| Work::Batch(batch, done))?;
                subtract(&self.stats.unstored_bytes, end.offset.saturating_sub(self.at.offset));
                self.at = end;
                self.retire(end.segment);
            }
            Ok(None) => {}
            Err(error) => {
                error!(%error, "the journal cannot be read: nothing is written to the store; trying again");
                thread::park_timeout(RETRY);
            }
        }
        Ok(())
    }

    fn tell_of_leftovers(&mut self, work: &mpsc::Sender<Work>) -> Result<(), NobodyWrites> {
        match self.leftovers.take_if(|end| self.at >= *end) {
            Some(_) => self.hand_on(work, Work::LeftoversRead),
            None => Ok(()),
        }
    }

    fn hand_on(&self, work: &mpsc::Sender<Work>, of: impl FnOnce(Done) -> Work) -> Result<(), NobodyWrites> {
        let (done, is_done) = oneshot::channel();
        work.blocking_send(of(done)).map_err(|_| NobodyWrites)?;
        is_done.blocking_recv().map_err(|_| NobodyWrites)
    }

    /// Notes that everything up to here is done with and deletes the segments before `first_kept`.
    fn retire(&self, first_kept: u64) {
        if let Err(error) = self.try_to_retire(first_kept) {
            error!(%error, "the journal's checkpoint cannot be written: at the next start some of it is written again");
        }
    }

    /// Segments go even where the checkpoint cannot be written, as on a full disk: without them it soon can. Reading
    /// begins at the first segment that is left.
    fn try_to_retire(&self, first_kept: u64) -> io::Result<()> {
        let noted = self.spool.set_checkpoint(self.at);
        for number in self.spool.segments()?.into_iter().take_while(|number| *number < first_kept) {
            let bytes = self.spool.segment_bytes(number)?;
            self.spool.delete_segment(number)?;
            subtract(&self.stats.journal_bytes, bytes);
        }
        noted
    }

    /// The next entries, and where they end. Passes over what is damaged.
    fn next_batch(&mut self, written: Written) -> io::Result<Option<(Batch, Position)>> {
        while self.at < written.end {
            let end = self.end_of_segment(written)?;
            if self.at.offset >= end {
                self.go_to_next_segment(written)?;
                continue;
            }
            let most = (self.limits.batch_bytes + MAX_RECORD_BYTES) as u64;
            let bytes = self.read(end.min(self.at.offset + most))?;
            let (batch, taken) = self.parse(&bytes);
            if taken > 0 {
                let end = Position { offset: self.at.offset + taken as u64, ..self.at };
                return Ok(Some((batch, end)));
            }
            self.pass_over(end)?;
        }
        Ok(None)
    }

    fn end_of_segment(&self, written: Written) -> io::Result<u64> {
        if self.at.segment == written.end.segment {
            return Ok(written.end.offset);
        }
        match self.spool.segment_bytes(self.at.segment) {
            // It was read to its end and deleted.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            length => length,
        }
    }

    fn go_to_next_segment(&mut self, written: Written) -> io::Result<()> {
        let next = self.spool.segments()?.into_iter().find(|number| *number > self.at.segment);
        let past = Position { segment: self.at.segment + 1, offset: 0 };
        self.at = next.map_or(past.max(written.end), |segment| Position { segment, offset: 0 });
        self.retire(self.at.segment);
        Ok(())
    }

    fn read(&self, end: u64) -> io::Result<Vec<u8>> {
        let mut file = self.spool.open_segment(self.at.segment)?;
        file.seek(SeekFrom::Start(self.at.offset))?;
        let mut bytes = Vec::new();
        file.take(end.saturating_sub(self.at.offset)).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// The sound records at the start of `bytes` as far as a batch goes, and how many bytes they take.
    fn parse(&self, bytes: &[u8]) -> (Batch, usize) {
        let (mut batch, mut taken) = (Batch::default(), 0);
        while batch.entries.len() < self.limits.batch_entries && taken < self.limits.batch_bytes {
            let Some((payload, length)) = bytes.get(taken..).and_then(frame::sound) else { break };
            match serde_json::from_slice(payload) {
                Ok(entry) => batch.entries.push(entry),
                Err(_) if payload.is_empty() => {}
                Err(_) => batch.unreadable.push(String::from_utf8_lossy(payload).into_owned()),
            }
            taken += length;
        }
        (batch, taken)
    }

    /// Leaves out what is no record.
    fn pass_over(&mut self, end: u64) -> io::Result<()> {
        let rest = self.read(end)?;
        let bytes = match frame::find(&rest) {
            Found::Torn => {
                info!(segment = self.at.segment, bytes = rest.len(), "the last record was never written to its end");
                rest.len()
            }
            Found::Damaged { bytes } => {
                self.keep_aside(rest.get(..bytes).unwrap_or(&rest));
                bytes
            }
            // The file is shorter than it was a moment ago.
            Found::End => usize::try_from(end.saturating_sub(self.at.offset)).unwrap_or(usize::MAX),
            Found::Record { .. } => 0,
        };
        self.at.offset += bytes as u64;
        subtract(&self.stats.unstored_bytes, bytes as u64);
        Ok(())
    }

    fn keep_aside(&self, bytes: &[u8]) {
        add(&self.stats.damaged, 1);
        let (segment, offset, length) = (self.at.segment, self.at.offset, bytes.len());
        match self.spool.put_aside(self.at, bytes) {
            Ok(kept) => {
                error!(segment, offset, length, kept = %kept.display(), "the journal is damaged: entries are lost")
            }
            Err(error) => {
                error!(segment, offset, length, %error, "the journal is damaged: entries are lost and not kept")
            }
        }
    }
}
