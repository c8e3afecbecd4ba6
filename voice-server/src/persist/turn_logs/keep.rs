//! Moves finished logs to the object store.
//!
//! Invariant: a file leaves this machine's disk only when the object store has it. Doing it again gives the same object.

use crate::persist::folders::Folders;
use crate::persist::outgoing::Keeper;
use crate::store::Header;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// An object store takes a log within this.
const PUT_WITHIN: Duration = Duration::from_secs(60);

/// What ends the name of a log.
pub(super) const SUFFIX: &str = ".turns.jsonl";

/// What a log is.
pub(crate) const MEDIA_TYPE: &str = "application/jsonl";

/// Moves logs.
pub(super) struct Keeping {
    pub(super) folders: Folders,
    pub(super) objects: Arc<dyn ObjectStore>,
}

/// Why a log is not kept yet.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeepError {
    #[error("its file cannot be read or removed: {0}")]
    File(#[from] std::io::Error),
    #[error("the object store does not take it: {0}")]
    Objects(#[from] object_store::Error),
    #[error("the object store took longer than {} s", PUT_WITHIN.as_secs())]
    Slow,
}

impl Keeper for Keeping {
    const WHAT: &'static str = "turn log";
    type Error = KeepError;

    fn folders(&self) -> &Folders {
        &self.folders
    }

    async fn keep(&self, header: Header, file: &Path) -> Result<(), KeepError> {
        let bytes = tokio::fs::read(file).await?;
        let key = key(&header);
        let put = self.objects.put(&key, PutPayload::from(bytes));
        timeout(PUT_WITHIN, put).await.map_err(|_| KeepError::Slow)??;
        Ok(tokio::fs::remove_file(file).await?)
    }
}

/// Where the log of a call is kept: beside its recording.
pub(crate) fn key(header: &Header) -> object_store::path::Path {
    let (tenant, call) = (header.tenant, header.call);
    let (year, month) = (header.started_at.year(), u8::from(header.started_at.month()));
    format!("{tenant}/{year:04}/{month:02}/{call}{SUFFIX}").into()
}
