//! Moves finished recordings to the object store and has the store know of them.
//!
//! Invariant: a file leaves this machine's disk only when the object store has it and the journal has its entry. Doing it
//! again gives the same object and the same entry.

use super::pages::duration_ms;
use crate::persist::folders::Folders;
use crate::persist::journal::Journal;
use crate::persist::outgoing::Keeper;
use crate::store::{Entry, Header, RecordingEntry};
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use tracing::info;

/// An object store takes a recording within this.
const PUT_WITHIN: Duration = Duration::from_secs(120);

/// What players are told.
const MEDIA_TYPE: &str = "audio/ogg; codecs=opus";

/// Moves recordings.
pub(super) struct Keeping {
    pub(super) folders: Folders,
    pub(super) objects: Arc<dyn ObjectStore>,
    pub(super) journal: Journal,
}

/// Why a recording is not kept yet.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeepError {
    #[error("its file cannot be read or removed: {0}")]
    File(#[from] std::io::Error),
    #[error("the object store does not take it: {0}")]
    Objects(#[from] object_store::Error),
    #[error("the object store took longer than {} s", PUT_WITHIN.as_secs())]
    Slow,
    #[error(transparent)]
    Journal(#[from] crate::persist::JournalError),
}

impl Keeper for Keeping {
    const WHAT: &'static str = "recording";
    type Error = KeepError;

    fn folders(&self) -> &Folders {
        &self.folders
    }

    async fn keep(&self, header: Header, file: &Path) -> Result<(), KeepError> {
        // The object store is not given again and again what the journal has no room for.
        self.journal.check()?;
        let bytes = tokio::fs::read(file).await?;
        match duration_ms(&bytes) {
            Some(duration_ms) => self.put(header, bytes, duration_ms).await?,
            None => info!(call = %header.call, "a recording without a sound of it is dropped"),
        }
        Ok(tokio::fs::remove_file(file).await?)
    }
}

impl Keeping {
    async fn put(&self, header: Header, bytes: Vec<u8>, duration_ms: i64) -> Result<(), KeepError> {
        let size_bytes = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
        let key = key(&header);
        let put = self.objects.put(&key, PutPayload::from(bytes));
        timeout(PUT_WITHIN, put).await.map_err(|_| KeepError::Slow)??;
        let entry = RecordingEntry {
            header,
            // A call has one recording.
            id: header.call.0,
            object_key: key.to_string(),
            media_type: MEDIA_TYPE.into(),
            size_bytes,
            duration_ms,
        };
        Ok(self.journal.append(&[Entry::Recording(entry)]).await?)
    }
}

/// Where the recording of a call is kept.
fn key(header: &Header) -> object_store::path::Path {
    let (tenant, call) = (header.tenant, header.call);
    let (year, month) = (header.started_at.year(), u8::from(header.started_at.month()));
    format!("{tenant}/{year:04}/{month:02}/{call}.ogg").into()
}
