//! The file and the connections to it: one that writes, a few that read, and some for looking up who somebody is, so that no
//! user's reading keeps another from being known.
//!
//! Invariant: no statement runs for longer than the limit; whoever writes has taken SQLite's one write lock when its transaction begins, so that it never finds out
//! half-way that another was first; what was committed is on the disk. A connection that may still be in a transaction is not used again.

use super::refusal::refused;
use super::wal::{LONG_BYTES, Wal};
use crate::store::Stored;
use crate::store::open::OpenError;
use futures::FutureExt;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, Sqlite, SqliteConnection, SqlitePool, Transaction};
use std::path::Path;
use std::time::Duration;

/// Idempotent: applied whenever a file is opened.
const SCHEMA: &str = include_str!("schema.sql");
/// The last line of the schema says it.
const VERSION: i64 = 2;
/// Around the schema, for a file of version 1, whose transcripts know no lines.
const FROM_1: [&str; 2] = [
    "ALTER TABLE transcripts RENAME TO transcripts_1",
    "INSERT INTO transcripts SELECT * FROM transcripts_1; DROP TABLE transcripts_1",
];

/// The file is opened within this.
const OPEN_WITHIN: Duration = Duration::from_secs(30);
/// Readers at a time; more wait for [`PATIENCE`].
pub(super) const READERS: u32 = 8;
/// Look-ups of who somebody is at a time; likewise. Each is of a few rows by their keys.
const LOOK_UPS: u32 = 2;
/// How long an operation waits for a connection, and a connection for another process's lock.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// The longest that a transaction computes: a statement that is not done by then is interrupted. What the disk takes to write
/// is not counted: nothing can interrupt that.
const OPERATION_LIMIT: Duration = Duration::from_secs(10);
/// Likewise of what users write: there is one connection that writes, for all tenants and for the calls.
const USER_WRITE_LIMIT: Duration = Duration::from_secs(2);
/// Steps of SQLite's machine from one look at the time to the next: some tens of microseconds.
const STEPS_A_LOOK: i32 = 10_000;

/// A transaction: rolled back unless committed.
pub(super) type Tx = Transaction<'static, Sqlite>;

/// The pools. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Database {
    writer: SqlitePool,
    reader: SqlitePool,
    look_up: SqlitePool,
    /// None in memory.
    wal: Option<Wal>,
    limit: Duration,
    user_write_limit: Duration,
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
        let to_write = options.clone().journal_mode(SqliteJournalMode::Wal);
        let writer = open(pool_of_file(1), to_write.pragma("journal_size_limit", LONG_BYTES.to_string())).await?;
        apply_schema(&writer, path).await?;
        let options = options.read_only(true);
        let reader = open(pool_of_file(READERS), options.clone()).await?;
        let look_up = open(pool_of_file(LOOK_UPS), options).await?;
        let wal = Some(Wal::of(path, LONG_BYTES));
        Ok(Self { writer, reader, look_up, wal, limit: OPERATION_LIMIT, user_write_limit: USER_WRITE_LIMIT })
    }

    /// A database that lives as long as its only connection, which the pool therefore never closes by itself.
    pub(super) async fn in_memory() -> Result<Self, OpenError> {
        let options = SqliteConnectOptions::new().in_memory(true).foreign_keys(true);
        let only = pool(1).idle_timeout(None).max_lifetime(None).connect_with(options).await;
        let only = only.map_err(OpenError::Database)?;
        apply_schema(&only, Path::new(":memory:")).await?;
        Ok(Self {
            writer: only.clone(),
            reader: only.clone(),
            look_up: only,
            wal: None,
            limit: OPERATION_LIMIT,
            user_write_limit: USER_WRITE_LIMIT,
        })
    }

    /// A transaction that reads: all its statements see the same state.
    pub(super) async fn read(&self) -> Stored<Tx> {
        limited(self.reader.begin().await.map_err(refused)?, self.limit).await
    }

    /// A transaction that reads who somebody is.
    pub(super) async fn look_up(&self) -> Stored<Tx> {
        limited(self.look_up.begin().await.map_err(refused)?, self.limit).await
    }

    /// A transaction that writes, alone.
    pub(super) async fn write(&self) -> Stored<Tx> {
        self.write_within(self.limit).await
    }

    /// Likewise, for what a user wants.
    pub(super) async fn write_for_user(&self) -> Stored<Tx> {
        self.write_within(self.user_write_limit).await
    }

    async fn write_within(&self, limit: Duration) -> Stored<Tx> {
        if let Some(wal) = &self.wal {
            wal.shorten(&self.writer).await;
        }
        limited(self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(refused)?, limit).await
    }

    pub(super) async fn close(&self) {
        self.look_up.close().await;
        self.reader.close().await;
        self.writer.close().await;
    }
}

/// With an end to all its statements together. To begin and to end a transaction takes fewer steps than are looked at.
async fn limited(mut tx: Tx, limit: Duration) -> Stored<Tx> {
    let until = clock::now() + limit;
    tx.lock_handle().await.map_err(refused)?.set_progress_handler(STEPS_A_LOOK, move || clock::now() < until);
    Ok(tx)
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new().max_connections(connections).acquire_timeout(PATIENCE)
}

/// With connections that are closed rather than lent again where their transaction did not end.
fn pool_of_file(connections: u32) -> SqlitePoolOptions {
    pool(connections).after_release(|connection, _| is_outside_of_transactions(connection).boxed())
}

/// SQLite takes a transaction back by itself where it interrupts a statement that writes, or cannot write what is committed. The
/// rollback that follows fails then, and to sqlx the transaction is open for good.
async fn is_outside_of_transactions(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    // What was given up before is done once this is answered.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

/// What a process that was killed left has to be read first, which may take longer than any operation.
async fn open(pool: SqlitePoolOptions, options: SqliteConnectOptions) -> Result<SqlitePool, OpenError> {
    pool.clone()
        .acquire_timeout(OPEN_WITHIN)
        .connect_with(options.clone())
        .await
        .map_err(OpenError::Database)?
        .close()
        .await;
    pool.connect_with(options).await.map_err(OpenError::Database)
}

async fn apply_schema(writer: &SqlitePool, path: &Path) -> Result<(), OpenError> {
    let mut tx = writer.begin_with("BEGIN IMMEDIATE").await.map_err(OpenError::Database)?;
    let found: i64 =
        sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *tx).await.map_err(OpenError::Database)?;
    if found > VERSION {
        return Err(OpenError::Newer { path: path.to_owned() });
    }
    let steps: &[&'static str] = if found == 1 { &[FROM_1[0], SCHEMA, FROM_1[1]] } else { &[SCHEMA] };
    for step in steps.iter().copied() {
        sqlx::raw_sql(step).execute(&mut *tx).await.map_err(OpenError::Database)?;
    }
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

/// On a thread of SQLite's, where there is no other clock.
mod clock {
    #![expect(
        clippy::disallowed_methods,
        reason = "how long a statement runs is known while it does, and nowhere else"
    )]

    use std::time::Instant;

    pub(super) fn now() -> Instant {
        Instant::now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreError;
    use futures::future::BoxFuture;

    /// It counts for ever.
    const ENDLESS: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";

    impl Database {
        /// Whose users' writing is interrupted at the first look.
        pub(in crate::store::sqlite) fn without_time_for_users(self) -> Self {
            Self { user_write_limit: Duration::ZERO, ..self }
        }

        pub(in crate::store::sqlite) fn with_wal(self, wal: Wal) -> Self {
            Self { wal: Some(wal), ..self }
        }
    }

    #[tokio::test]
    async fn a_statement_without_an_end_is_interrupted_and_its_connection_serves_on() {
        let database = Database::in_memory().await.unwrap().without_time_for_users();
        let database = Database { limit: Duration::ZERO, ..database };
        // One after the other: in memory there is one connection.
        let begun: [BoxFuture<'_, Stored<Tx>>; 4] = [
            database.read().boxed(),
            database.write().boxed(),
            database.write_for_user().boxed(),
            database.look_up().boxed(),
        ];
        for tx in begun {
            let mut tx = tx.await.unwrap();
            let ended = sqlx::query_scalar::<_, i64>(ENDLESS).fetch_one(&mut *tx).await.map_err(refused);
            assert!(matches!(ended, Err(StoreError::Unavailable(_))), "{ended:?}");
        }
        let patient = Database { limit: OPERATION_LIMIT, ..database.clone() };
        let mut tx = patient.read().await.unwrap();
        assert_eq!(sqlx::query_scalar::<_, i64>("SELECT 7").fetch_one(&mut *tx).await.unwrap(), 7);
    }
}
