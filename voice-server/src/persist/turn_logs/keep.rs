//! Moves finished logs to the object store.
//!
//! Invariant: a file leaves this machine's disk only when the object store has it and the journal has its entry, or where more
//! wait than there is room for: then the oldest go, and are counted. Doing it again gives the same object and the same entry.

use crate::persist::folders::Folders;
use crate::persist::journal::Journal;
use crate::persist::outgoing::Keeper;
use crate::persist::stats::{Stats, add};
use crate::persist::upload::{UploadError, upload};
use crate::store::{Entry, Header, TurnLogEntry};
use object_store::ObjectStore;
use std::io;
use std::path::Path;
use std::sync::Arc;
use tracing::warn;

/// What ends the name of a log.
pub(super) const SUFFIX: &str = ".turns.jsonl";

/// What a log is.
pub(crate) const MEDIA_TYPE: &str = "application/jsonl";

/// Moves logs.
pub(super) struct Keeping {
    pub(super) folders: Folders,
    pub(super) objects: Arc<dyn ObjectStore>,
    pub(super) journal: Journal,
    /// How much may wait.
    pub(super) most_bytes: u64,
    pub(super) stats: Arc<Stats>,
}

/// Why a log is not kept yet.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeepError {
    #[error("its file cannot be removed: {0}")]
    File(#[from] std::io::Error),
    #[error(transparent)]
    Upload(#[from] UploadError),
    #[error(transparent)]
    Journal(#[from] crate::persist::JournalError),
}

impl Keeper for Keeping {
    const WHAT: &'static str = "turn log";
    type Error = KeepError;

    fn folders(&self) -> &Folders {
        &self.folders
    }

    async fn make_room(&self) -> io::Result<()> {
        let dropped = |header: Header| {
            warn!(call = %header.call, most_bytes = self.most_bytes, "a turn log was dropped: too many wait to be kept");
            add(&self.stats.turn_logs_dropped, 1);
        };
        self.folders.drop_oldest(self.most_bytes, dropped).await
    }

    async fn keep(&self, header: Header, file: &Path) -> Result<(), KeepError> {
        // The object store is not given again and again what the journal has no room for.
        self.journal.check()?;
        let key = key(&header);
        upload(&*self.objects, &key, file).await?;
        let entry = TurnLogEntry { header, object_key: key.to_string() };
        self.journal.append(&[Entry::TurnLog(entry)]).await?;
        Ok(tokio::fs::remove_file(file).await?)
    }
}

/// Where the log of a call is kept: beside its recording.
pub(crate) fn key(header: &Header) -> object_store::path::Path {
    let (tenant, call) = (header.tenant, header.call);
    let (year, month) = (header.started_at.year(), u8::from(header.started_at.month()));
    format!("{tenant}/{year:04}/{month:02}/{call}{SUFFIX}").into()
}
