//! Moves finished recordings to the object store and has the store know of them.
//!
//! Invariant: a file leaves this machine's disk only when the object store has it and the journal has its entry, or when it has
//! no more than its headers. One with sound of which not a page is whole stays beside the others, for a person to look into.
//! Doing it again gives the same object and the same entry.

use super::pages::{HEADERS_BYTES, TAIL_BYTES, duration_ms};
use crate::persist::folders::Folders;
use crate::persist::journal::Journal;
use crate::persist::outgoing::Keeper;
use crate::persist::upload::{UploadError, upload};
use crate::store::{Entry, Header, RecordingEntry};
use object_store::ObjectStore;
use std::io::{self, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use tokio::fs::{self, File};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tracing::{error, info};

/// What players are told.
const MEDIA_TYPE: &str = "audio/ogg; codecs=opus";

/// What ends the name of a file that no player reads.
const DAMAGED: &str = "ogg.damaged";

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
    File(#[from] io::Error),
    #[error(transparent)]
    Upload(#[from] UploadError),
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
        let (bytes, tail) = tail(file).await?;
        match duration_ms(&tail) {
            Some(duration_ms) => self.put(header, file, duration_ms).await?,
            None if bytes > HEADERS_BYTES => {
                let aside = file.with_extension(DAMAGED);
                error!(call = %header.call, kept = %aside.display(), "a recording is damaged: not a second of it is whole");
                return Ok(fs::rename(file, aside).await?);
            }
            None => info!(call = %header.call, "a recording without a sound of it is dropped"),
        }
        Ok(fs::remove_file(file).await?)
    }
}

impl Keeping {
    async fn put(&self, header: Header, file: &Path, duration_ms: i64) -> Result<(), KeepError> {
        let key = key(&header);
        let bytes = upload(&*self.objects, &key, file).await?;
        let entry = RecordingEntry {
            header,
            // A call has one recording.
            id: header.call.0,
            object_key: key.to_string(),
            media_type: MEDIA_TYPE.into(),
            size_bytes: i64::try_from(bytes).unwrap_or(i64::MAX),
            duration_ms,
        };
        Ok(self.journal.append(&[Entry::Recording(entry)]).await?)
    }
}

/// How long the file is, and its end.
async fn tail(file: &Path) -> io::Result<(u64, Vec<u8>)> {
    let mut file = File::open(file).await?;
    let bytes = file.metadata().await?.len();
    file.seek(SeekFrom::Start(bytes.saturating_sub(TAIL_BYTES))).await?;
    let mut tail = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut tail).await?;
    Ok((bytes, tail))
}

/// Where the recording of a call is kept.
fn key(header: &Header) -> object_store::path::Path {
    let (tenant, call) = (header.tenant, header.call);
    let (year, month) = (header.started_at.year(), u8::from(header.started_at.month()));
    format!("{tenant}/{year:04}/{month:02}/{call}.ogg").into()
}
