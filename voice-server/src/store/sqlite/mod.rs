//! The embedded store: one SQLite file in the data directory, no set-up.
//!
//! Invariant: isolation between tenants is in the statements alone, as SQLite knows no roles: every statement about a
//! tenant's rows names the tenant, and none is built at run time. Every operation runs in a task of its own to its end, so
//! that a request that goes away never leaves a connection inside a transaction.

mod admin_side;
mod analytics;
mod audit;
mod calls;
mod campaigns;
mod clients;
mod columns;
mod database;
mod leads;
mod profile;
mod recordings;
mod refusal;
mod retention;
mod standing;
mod system_side;
mod tenants;
mod user_side;
mod users;
mod write;

use super::open::OpenError;
use super::{StoreError, Stored};
use database::Database;
use std::path::Path;

/// A store in one SQLite file, or in memory.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    database: Database,
}

impl SqliteStore {
    /// The store in the file at `path`. The file is made if it is missing, for its owner alone, and so is its directory.
    ///
    /// # Errors
    /// [`OpenError`] if the file cannot be used, or a newer server wrote it.
    pub async fn open(path: &Path) -> Result<Self, OpenError> {
        Ok(Self { database: Database::open(path).await? })
    }

    /// An empty store that is gone with its last clone: for tests.
    ///
    /// # Errors
    /// [`OpenError`] if there is no memory for it.
    pub async fn in_memory() -> Result<Self, OpenError> {
        Ok(Self { database: Database::in_memory().await? })
    }

    /// Ends every connection, those in use once their operation is over. Operations after it are refused as unavailable.
    pub async fn close(&self) {
        self.database.close().await;
    }

    fn database(&self) -> Database {
        self.database.clone()
    }

    /// Runs an operation to its end, whether or not anybody still waits for it. The one place where the store starts tasks:
    /// the operation's own time-outs bound how long one lasts.
    #[expect(
        clippy::disallowed_methods,
        reason = "a transaction must end even when the request that wants it goes away"
    )]
    async fn to_the_end<T: Send + 'static>(
        &self,
        operation: impl Future<Output = Stored<T>> + Send + 'static,
    ) -> Stored<T> {
        let done = tokio::spawn(operation).await;
        done.unwrap_or_else(|_| Err(StoreError::Unavailable(sqlx::Error::WorkerCrashed)))
    }
}
