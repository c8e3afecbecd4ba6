//! The log that SQLite writes before the file: how long it may get.
//!
//! Invariant: SQLite begins the log anew only at an instant at which nobody reads it, which may never come by itself. Beyond a
//! length readers are waited for, for a moment, before the next write, by one of those who want to write; a log that is as long
//! all the same is let grow to twice that before the next try.

use super::database::PATIENCE;
use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, Sqlite, SqliteConnection, SqlitePool};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;
use tracing::warn;

/// How long readers are waited for: meanwhile nobody writes.
const READERS_END_WITHIN: Duration = Duration::from_millis(250);

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
    /// Held by whoever cuts it.
    cutting: Mutex<()>,
}

impl Wal {
    /// The log of the database in `file`.
    pub(super) fn of(file: &Path, bound_bytes: u64) -> Self {
        let mut path = file.as_os_str().to_owned();
        path.push("-wal");
        Self(Arc::new(Inner { path: path.into(), bound_bytes: AtomicU64::new(bound_bytes), cutting: Mutex::default() }))
    }

    /// Writes all of it to the file and cuts it, if it is too long and nobody is at it. What goes wrong is told and tried again.
    pub(super) async fn shorten(&self, writer: &SqlitePool) {
        if !self.is_too_long().await {
            return;
        }
        let Ok(_alone) = self.0.cutting.try_lock() else { return };
        match writer.acquire().await {
            // Whoever had the connection may have cut it.
            Ok(connection) if self.is_too_long().await => self.cut(connection).await,
            Ok(_) => {}
            Err(error) => warn!(%error, "SQLite's log is not cut: nothing can be written now"),
        }
    }

    async fn cut(&self, mut connection: PoolConnection<Sqlite>) {
        if let Err(error) = cut(&mut connection).await {
            warn!(%error, "SQLite's log cannot be written to its file");
            // It may wait for other processes no longer than for readers.
            connection.close_on_drop();
        }
        let left = self.bytes().await;
        if left > LONG_BYTES {
            warn!(bytes = left, "SQLite's log grows: somebody reads at every instant");
        }
        self.0.bound_bytes.store(LONG_BYTES.max(left.saturating_mul(2)), Ordering::Relaxed);
    }

    async fn is_too_long(&self) -> bool {
        self.bytes().await > self.0.bound_bytes.load(Ordering::Relaxed)
    }

    async fn bytes(&self) -> u64 {
        tokio::fs::metadata(&self.0.path).await.map_or(0, |found| found.len())
    }
}

async fn cut(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    wait_at_most(connection, READERS_END_WITHIN).await?;
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut *connection).await?;
    wait_at_most(connection, PATIENCE).await
}

/// For what others do with the file.
async fn wait_at_most(connection: &mut SqliteConnection, at_most: Duration) -> Result<(), sqlx::Error> {
    let pragma = AssertSqlSafe(format!("PRAGMA busy_timeout = {}", at_most.as_millis()));
    sqlx::query(pragma).execute(connection).await.map(drop)
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
        let mut tx = database.write().await.unwrap();
        assert_eq!(wal.bytes().await, 0);
        let waits_ms: i64 = sqlx::query_scalar("PRAGMA busy_timeout").fetch_one(&mut *tx).await.unwrap();
        assert_eq!(u128::try_from(waits_ms), Ok(PATIENCE.as_millis()), "for another process as before");
        tx.commit().await.unwrap();
    }

    #[tokio::test]
    async fn one_at_a_time_cuts_it_and_nobody_waits_for_that() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("voice.db");
        let wal = Wal::of(&file, 0);
        let database = Database::open(&file).await.unwrap().with_wal(wal.clone());
        let cutting = wal.0.cutting.lock().await;
        database.write().await.unwrap().commit().await.unwrap();
        assert!(wal.bytes().await > 0, "somebody else is at it");
        drop(cutting);
        database.write().await.unwrap().commit().await.unwrap();
        assert_eq!(wal.bytes().await, 0);
    }
}
