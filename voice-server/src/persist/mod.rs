//! From a call to the store: what was said is safe before anybody is told that it is final.
//!
//! Invariant: audio never waits for any of this. What a client was told is final is in the journal ([`journal`]) and
//! reaches the store exactly once, whenever this process is killed and however long the database is away. The journal is
//! bounded: at the bound, calls are refused with a reason and entries loudly, and what was refused is not told as final.

mod backoff;
mod dead_letters;
mod journal;
mod limits;
mod objects;
#[cfg(feature = "opus")]
mod recording;
#[cfg(not(feature = "opus"))]
#[path = "recording_left_out.rs"]
mod recording;
mod retention;
mod stats;
#[cfg(test)]
mod testing;
mod writer;

pub use journal::SpoolError;
pub use limits::PersistLimits;

pub(crate) use journal::{Journal, JournalError};
pub(crate) use stats::Stats;

use crate::store::SystemStore;
use journal::Opened;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};
use uuid::Uuid;
use writer::Writer;

/// Everything between the calls of a server and its store.
pub(crate) struct Persistence {
    journal: Journal,
    stats: Arc<Stats>,
    run: Uuid,
    writing: JoinHandle<()>,
    held: mpsc::Receiver<()>,
    flush_within: Duration,
}

impl Persistence {
    /// Opens the journal under `data` and starts to write what it holds to `store`: first what an earlier run left, then,
    /// once the calls are ended that died with that run, what this one adds.
    ///
    /// # Errors
    /// [`SpoolError`] if the directory is of no use. A database that is away is no error.
    pub(crate) fn start(
        data: &Path,
        store: Arc<dyn SystemStore>,
        limits: &PersistLimits,
        tasks: &TaskTracker,
    ) -> Result<Self, SpoolError> {
        let (spool, stats, run) = (data.join("spool"), Arc::new(Stats::default()), Uuid::now_v7());
        let Opened { journal, work, held } = Journal::open(&spool, limits, Arc::clone(&stats))?;
        let writer = Writer::new(store, run, &spool, limits, Arc::clone(&stats));
        let left = stats::get(&stats.unstored_bytes);
        if left > 0 {
            info!(bytes = left, "an earlier run left entries that the store does not have: writing them now");
        }
        let writing = tasks.spawn(writer.run(work));
        Ok(Self { journal, stats, run, writing, held, flush_within: limits.flush_within })
    }

    /// Where calls write.
    pub(crate) fn journal(&self) -> &Journal {
        &self.journal
    }

    /// This run of the server: calls that name another one and never ended died with it.
    pub(crate) fn run(&self) -> Uuid {
        self.run
    }

    /// What was counted.
    pub(crate) fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Ends it: the store gets what it takes within [`PersistLimits::flush_within`], the rest stays on disk for the next
    /// start. Comes after the last call.
    pub(crate) async fn stop(mut self) {
        self.journal.close().await;
        if timeout(self.flush_within, &mut self.writing).await.is_err() {
            let bytes = stats::get(&self.stats.unstored_bytes);
            warn!(bytes, "the store did not take everything in time: the rest is written at the next start");
            self.writing.abort();
        }
        // Nothing is ever sent: this is ready when the threads have let go of the directory. A disk that hangs may hold one.
        let _ = timeout(self.flush_within, self.held.recv()).await;
    }
}
