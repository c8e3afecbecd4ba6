//! The task that moves finished logs to the object store.
//!
//! Invariant: a file leaves this machine's disk only when the object store has it. Doing it again gives the same object.

use crate::persist::folders::Folders;
use crate::store::Header;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

/// After a failure: when to try again.
const RETRY: Duration = Duration::from_secs(30);

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
    /// Told when a log is done.
    pub(super) ready: Arc<Notify>,
    /// No log is made any more.
    pub(super) closing: CancellationToken,
}

/// Why a log is not kept yet.
#[derive(Debug, thiserror::Error)]
enum KeepError {
    #[error("its file cannot be read or removed: {0}")]
    File(#[from] std::io::Error),
    #[error("the object store does not take it: {0}")]
    Objects(#[from] object_store::Error),
    #[error("the object store took longer than {} s", PUT_WITHIN.as_secs())]
    Slow,
}

impl Keeping {
    /// Keeps logs until no more will come and the last was tried. Cancellation safe: what was not kept is kept at the next
    /// start.
    pub(super) async fn run(self) {
        loop {
            let is_last = self.closing.is_cancelled();
            let is_done = self.keep_all().await;
            if is_last {
                return;
            }
            tokio::select! {
                () = self.ready.notified(), if is_done => {}
                () = sleep(RETRY) => {}
                () = self.closing.cancelled() => {}
            }
        }
    }

    /// Whether nothing is left.
    async fn keep_all(&self) -> bool {
        let ready = match self.folders.ready().await {
            Ok(ready) => ready,
            Err(error) => {
                error!(%error, "finished turn logs cannot be listed");
                return false;
            }
        };
        let mut is_done = true;
        for (header, file) in ready {
            if let Err(error) = self.keep(&header, &file).await {
                warn!(call = %header.call, %error, "a turn log waits on this machine's disk");
                is_done = false;
            }
        }
        is_done
    }

    async fn keep(&self, header: &Header, file: &Path) -> Result<(), KeepError> {
        let bytes = tokio::fs::read(file).await?;
        let key = key(header);
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
