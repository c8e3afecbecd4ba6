//! The log that SQLite writes before the file: how long it may get.
//!
//! Invariant: SQLite begins the log anew only at an instant at which nobody reads it, which may never come by itself. Beyond a
//! length readers are waited for, for a moment, before the next write; a log that is as long all the same is let grow to twice
//! that before the next try.

use sqlx::SqlitePool;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tracing::warn;

/// A log that is begun anew is cut to this, and a longer one is to be. 16 times what SQLite itself aims at.
pub(super) const LONG_BYTES: u64 = 64 << 20;

/// The log of one file. Clones are of the same.
#[derive(Clone, Debug)]
pub(super) struct Wal(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    /// Longer is too long.
    bound_bytes: AtomicU64,
}

impl Wal {
    /// The log of the database in `file`.
    pub(super) fn of(file: &Path, bound_bytes: u64) -> Self {
        let mut path = file.as_os_str().to_owned();
        path.push("-wal");
        Self(Arc::new(Inner { path: path.into(), bound_bytes: AtomicU64::new(bound_bytes) }))
    }

    /// Writes all of it to the file and cuts it, if it is too long. What goes wrong is told and tried again.
    pub(super) async fn shorten(&self, writer: &SqlitePool) {
        if self.bytes().await <= self.0.bound_bytes.load(Ordering::Relaxed) {
            return;
        }
        if let Err(error) = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(writer).await {
            warn!(%error, "SQLite's log cannot be written to its file");
        }
        let left = self.bytes().await;
        if left > LONG_BYTES {
            warn!(bytes = left, "SQLite's log grows: somebody reads at every instant");
        }
        self.0.bound_bytes.store(LONG_BYTES.max(left.saturating_mul(2)), Ordering::Relaxed);
    }

    async fn bytes(&self) -> u64 {
        tokio::fs::metadata(&self.0.path).await.map_or(0, |found| found.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::database::Database;

    #[tokio::test]
    async fn a_log_that_is_too_long_is_cut_before_the_next_write() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("voice.db");
        let database = Database::open(&file).await.unwrap().with_wal(Wal::of(&file, 0));
        let wal = Wal::of(&file, 0);
        assert!(wal.bytes().await > 0, "the schema is in it");
        let tx = database.write().await.unwrap();
        assert_eq!(wal.bytes().await, 0);
        tx.commit().await.unwrap();
    }
}
