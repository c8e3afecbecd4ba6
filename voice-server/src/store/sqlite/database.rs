//! The file and the connections to it: one that writes, a few that read.
//!
//! Invariant: whoever writes has taken SQLite's one write lock when its transaction begins, so that it never finds out
//! half-way that another was first; what was committed is on the disk.

use super::refusal::refused;
use crate::store::Stored;
use crate::store::open::OpenError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite, SqlitePool, Transaction};
use std::path::Path;
use std::time::Duration;

/// Idempotent: applied whenever a file is opened.
const SCHEMA: &str = include_str!("schema.sql");
/// The last line of the schema says it.
const VERSION: i64 = 1;

/// Readers at a time; more wait for [`PATIENCE`].
const READERS: u32 = 8;
/// How long an operation waits for a connection, and a connection for another process's lock.
const PATIENCE: Duration = Duration::from_secs(5);

/// A transaction: rolled back unless committed.
pub(super) type Tx = Transaction<'static, Sqlite>;

/// The pools. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Database {
    writer: SqlitePool,
    reader: SqlitePool,
}

impl Database {
    /// Opens the file, made if it is missing, and brings its tables up to date.
    pub(super) async fn open(path: &Path) -> Result<Self, OpenError> {
        make_private(path).await.map_err(|source| OpenError::File { path: path.to_owned(), source })?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .foreign_keys(true)
            .busy_timeout(PATIENCE)
            .synchronous(SqliteSynchronous::Full);
        let writer = pool(1).connect_with(options.clone().journal_mode(SqliteJournalMode::Wal)).await;
        let writer = writer.map_err(OpenError::Database)?;
        apply_schema(&writer, path).await?;
        let reader = pool(READERS).connect_with(options.read_only(true)).await.map_err(OpenError::Database)?;
        Ok(Self { writer, reader })
    }

    /// A database that lives as long as its only connection, which the pool therefore never closes by itself.
    pub(super) async fn in_memory() -> Result<Self, OpenError> {
        let options = SqliteConnectOptions::new().in_memory(true).foreign_keys(true);
        let only = pool(1).idle_timeout(None).max_lifetime(None).connect_with(options).await;
        let only = only.map_err(OpenError::Database)?;
        apply_schema(&only, Path::new(":memory:")).await?;
        Ok(Self { writer: only.clone(), reader: only })
    }

    /// A transaction that reads: all its statements see the same state.
    pub(super) async fn read(&self) -> Stored<Tx> {
        self.reader.begin().await.map_err(refused)
    }

    /// A transaction that writes, alone.
    pub(super) async fn write(&self) -> Stored<Tx> {
        self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(refused)
    }

    pub(super) async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new().max_connections(connections).acquire_timeout(PATIENCE)
}

async fn apply_schema(writer: &SqlitePool, path: &Path) -> Result<(), OpenError> {
    let mut tx = writer.begin_with("BEGIN IMMEDIATE").await.map_err(OpenError::Database)?;
    let found: i64 =
        sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *tx).await.map_err(OpenError::Database)?;
    if found > VERSION {
        return Err(OpenError::Newer { path: path.to_owned() });
    }
    sqlx::raw_sql(SCHEMA).execute(&mut *tx).await.map_err(OpenError::Database)?;
    tx.commit().await.map_err(OpenError::Database)
}

/// The directory and the file, for their owner alone. SQLite gives the files beside it the same mode.
#[cfg(unix)]
async fn make_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        tokio::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).await?;
    }
    let file = tokio::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path).await?;
    file.set_permissions(std::fs::Permissions::from_mode(0o600)).await
}

#[cfg(not(unix))]
async fn make_private(path: &Path) -> std::io::Result<()> {
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        tokio::fs::create_dir_all(directory).await?;
    }
    Ok(())
}
