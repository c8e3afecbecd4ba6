//! From a call to the store: what was said is safe before anybody is told that it is final.
//!
//! Invariant: audio never waits for any of this. What a client was told is final is in the journal ([`journal`]) and
//! reaches the store exactly once, whenever this process is killed and however long the database is away. The journal is
//! bounded: at the bound, calls are refused with a reason and entries loudly, and what was refused is not told as final.

mod backoff;
mod bucket;
mod dead_letters;
mod folder;
mod folders;
mod identity;
mod journal;
mod limits;
mod lost;
mod objects;
mod outgoing;
mod overdue;
mod private;
#[cfg(feature = "opus")]
mod recording;
#[cfg(not(feature = "opus"))]
#[path = "recording_left_out.rs"]
mod recording;
mod retention;
mod stats;
#[cfg(test)]
pub(crate) mod testing;
mod turn_logs;
mod upload;
mod writer;

pub use bucket::BucketAccess;
pub use journal::SpoolError;
pub use limits::PersistLimits;
pub use objects::{RecordingError, RecordingSettings, open_recordings};

#[cfg(test)]
pub(crate) use bucket::VARIABLES;
pub(crate) use journal::{Journal, JournalError};
#[cfg(test)]
pub(crate) use stats::get;
pub(crate) use stats::{Stats, describe as describe_stats};
pub(crate) use turn_logs::{MEDIA_TYPE as TURN_LOG_MEDIA_TYPE, key as turn_log_key};

use crate::store::SystemStore;
use journal::Opened;
use lost::Lost;
use object_store::ObjectStore;
use overdue::Overdue;
use recording::{RecordingTasks, Recordings};
use retention::Retention;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{info, warn};
use turn_logs::{TurnLogTasks, TurnLogs};
use uuid::Uuid;
use writer::{Writer, WriterOf};

/// Where a server keeps what is said in its calls until the store has it.
#[derive(Clone, Debug)]
pub struct PersistConfig {
    /// The data directory. One server at a time uses it.
    pub data: PathBuf,
    /// How much is kept.
    pub limits: PersistLimits,
}

/// Why a server cannot keep anything.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PersistError {
    /// The journal is of no use.
    #[error(transparent)]
    Journal(#[from] SpoolError),
    /// Calls cannot be recorded, or their turn-taking not be logged.
    #[error("recordings and turn logs cannot be made: {0}; the data directory must be writable")]
    Recordings(#[from] io::Error),
}

/// What calls need to be kept.
pub(crate) struct Persistence {
    journal: Journal,
    overdue: Arc<Overdue>,
    recordings: Recordings,
    turn_logs: TurnLogs,
    stats: Arc<Stats>,
    server: Uuid,
    started_at: OffsetDateTime,
}

/// What keeps them.
pub(crate) struct PersistenceTasks {
    journal: Journal,
    overdue: Arc<Overdue>,
    recording: RecordingTasks,
    logging: TurnLogTasks,
    stats: Arc<Stats>,
    tasks: JoinSet<()>,
    /// What nobody waits for the end of: the deleting of what is past its time, the giving of what is overdue.
    endless: JoinSet<()>,
    held: mpsc::Receiver<()>,
    flush_within: Duration,
}

impl Persistence {
    /// Opens the journal in the data directory and starts to write what it holds to `store`: first what an earlier run
    /// left, then, once the calls are ended that died with that run, what this one adds. A call of whatever server that runs
    /// for longer than `lost_after` is taken for lost.
    ///
    /// # Errors
    /// [`PersistError`] if the directory is of no use. A database that is away is no error.
    pub(crate) fn start(
        config: &PersistConfig,
        store: Arc<dyn SystemStore>,
        objects: Arc<dyn ObjectStore>,
        lost_after: Duration,
    ) -> Result<(Self, PersistenceTasks), PersistError> {
        let PersistConfig { data, limits } = config;
        let (spool, stats) = (data.join("spool"), Arc::new(Stats::default()));
        let Opened { journal, work, held } = Journal::open(&spool, limits, Arc::clone(&stats))?;
        let server = identity::of(&spool)?;
        let left = stats::get(&stats.unstored_bytes);
        if left > 0 {
            info!(bytes = left, "an earlier run left entries that the store does not have: writing them now");
        }
        let (recordings, recording) = recording::start(data, Arc::clone(&objects), journal.clone())?;
        let (turn_logs, logging) =
            turn_logs::start(data, Arc::clone(&objects), journal.clone(), limits, Arc::clone(&stats))?;
        let mut tasks = JoinSet::new();
        let started_at = lost::whole_micros(OffsetDateTime::now_utc());
        let of =
            WriterOf { store: Arc::clone(&store), objects: Arc::clone(&objects), server, started_at, spool: &spool };
        tasks.spawn(Writer::new(of, limits, Arc::clone(&stats)).run(work));
        let overdue = Arc::new(Overdue::new(journal.clone(), Arc::clone(&stats)));
        let mut endless = JoinSet::new();
        endless.spawn(Lost { store: Arc::clone(&store), this: server, started_at, lost_after }.run());
        endless.spawn(Retention { store, objects }.run());
        endless.spawn(folder::sweep(objects::folder_in(data), started_at.into()));
        endless.spawn(Arc::clone(&overdue).run());
        let keeping = PersistenceTasks {
            journal: journal.clone(),
            overdue: Arc::clone(&overdue),
            recording,
            logging,
            stats: Arc::clone(&stats),
            tasks,
            endless,
            held,
            flush_within: limits.flush_within,
        };
        Ok((Self { journal, overdue, recordings, turn_logs, stats, server, started_at }, keeping))
    }

    /// Where calls write.
    pub(crate) fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Where goes what the journal refused of a call that is over.
    pub(crate) fn overdue(&self) -> &Overdue {
        &self.overdue
    }

    /// What records calls.
    pub(crate) fn recordings(&self) -> &Recordings {
        &self.recordings
    }

    /// What logs their turn-taking.
    pub(crate) fn turn_logs(&self) -> &TurnLogs {
        &self.turn_logs
    }

    /// Which server this is, as long as it has its data directory: calls that it left when it died are ended at its next start.
    pub(crate) fn server(&self) -> Uuid {
        self.server
    }

    /// When a call begins that is answered at `now`, by a clock that may have been set back since this run was started.
    pub(crate) fn begins(&self, now: OffsetDateTime) -> OffsetDateTime {
        lost::begins(now, self.started_at)
    }

    /// What was counted.
    pub(crate) fn stats(&self) -> &Stats {
        &self.stats
    }
}

impl PersistenceTasks {
    /// Ends it: recordings and the store each get what they take within [`PersistLimits::flush_within`], the rest stays on
    /// disk for the next start. Comes after the last call.
    pub(crate) async fn stop(mut self) {
        // What is overdue is given by one at a time.
        self.endless.shutdown().await;
        tokio::join!(self.recording.stop(self.flush_within), self.logging.stop(self.flush_within));
        self.overdue.flush(self.flush_within).await;
        self.journal.close().await;
        let flushed = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(self.flush_within, flushed).await.is_err() {
            let bytes = stats::get(&self.stats.unstored_bytes);
            warn!(bytes, "the store did not take everything in time: the rest is written at the next start");
            self.tasks.shutdown().await;
        }
        // Nothing is ever sent: this is ready when the threads have let go of the directory. A disk that hangs may hold one.
        let _ = timeout(self.flush_within, self.held.recv()).await;
    }
}
