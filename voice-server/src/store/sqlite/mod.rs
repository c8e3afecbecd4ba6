//! The embedded store: one SQLite file in the data directory, no set-up.
//!
//! Invariant: isolation between tenants is in the statements alone, as SQLite knows no roles: every statement about a
//! tenant's rows names the tenant, and none is built at run time. Every operation runs in a task of its own to its end, so
//! that a request that goes away never leaves a connection inside a transaction; and until then it counts as its tenant's, of
//! which there are never more than a share of the connections. There is one connection that writes: what a tenant's users write
//! comes one at a time and has less time than what the server writes.

mod admin_side;
mod analytics;
mod appoint;
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
mod wal;
mod write;

use super::open::OpenError;
use super::{StoreError, Stored};
use crate::db::appoint::{AppointError, Appointed, Wanted};
use crate::principal::{Principal, TenantId};
use crate::shares::Shares;
use database::{Database, PATIENCE, READERS};
use std::path::Path;
use std::sync::Arc;
use tokio::time::timeout;

/// Of the connections that read, those of one tenant at a time: a third.
const OF_TENANT: usize = READERS as usize / 3;

/// What users of one tenant write at a time.
const WRITING_OF_TENANT: usize = 1;

/// A store in one SQLite file, or in memory.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    database: Database,
    shares: Arc<Shares>,
    writing: Arc<Shares>,
}

impl SqliteStore {
    /// The store in the file at `path`. The file is made if it is missing, for its owner alone, and so is its directory.
    ///
    /// # Errors
    /// [`OpenError`] if the file cannot be used, or a newer server wrote it.
    pub async fn open(path: &Path) -> Result<Self, OpenError> {
        Ok(Self::of(Database::open(path).await?))
    }

    /// An empty store that is gone with its last clone: for tests.
    ///
    /// # Errors
    /// [`OpenError`] if there is no memory for it.
    pub async fn in_memory() -> Result<Self, OpenError> {
        Ok(Self::of(Database::in_memory().await?))
    }

    fn of(database: Database) -> Self {
        Self { database, shares: Arc::new(Shares::new(OF_TENANT)), writing: Arc::new(Shares::new(WRITING_OF_TENANT)) }
    }

    /// Makes somebody a platform administrator, for whoever may write the file.
    ///
    /// # Errors
    /// [`AppointError`]; nothing is changed then.
    pub(crate) async fn appoint(&self, wanted: &Wanted) -> Result<Appointed, AppointError> {
        Ok(self.to_the_end(appoint::appoint(self.database(), wanted.clone())).await??)
    }

    /// Ends every connection, those in use once their operation is over. Operations after it are refused as unavailable.
    pub async fn close(&self) {
        self.database.close().await;
    }

    fn database(&self) -> Database {
        self.database.clone()
    }

    /// Runs what a user asks to its end, as one of their tenant's share.
    async fn for_user<T: Send + 'static>(
        &self,
        who: &Principal,
        operation: impl Future<Output = Stored<T>> + Send + 'static,
    ) -> Stored<T> {
        self.for_tenant(who.tenant(), operation).await
    }

    /// Likewise, what a user changes.
    async fn for_user_writing<T: Send + 'static>(
        &self,
        who: &Principal,
        operation: impl Future<Output = Stored<T>> + Send + 'static,
    ) -> Stored<T> {
        self.in_share(&self.writing, who.tenant(), operation).await
    }

    /// Likewise, what is asked about a tenant.
    async fn for_tenant<T: Send + 'static>(
        &self,
        tenant: TenantId,
        operation: impl Future<Output = Stored<T>> + Send + 'static,
    ) -> Stored<T> {
        self.in_share(&self.shares, tenant, operation).await
    }

    /// Beyond the tenant's share it waits as long as for a connection.
    async fn in_share<T: Send + 'static>(
        &self,
        shares: &Shares,
        tenant: TenantId,
        operation: impl Future<Output = Stored<T>> + Send + 'static,
    ) -> Stored<T> {
        let share = timeout(PATIENCE, shares.take(tenant)).await.map_err(|_| StoreError::Busy)?;
        self.to_the_end(async move {
            let _share = share;
            operation.await
        })
        .await
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::principal::{Role, UserId};
    use crate::store::{CampaignFields, CampaignStatus, Store, SystemStore};
    use futures::{FutureExt, future};
    use uuid::Uuid;

    const ONE: TenantId = TenantId(Uuid::from_u128(1));
    const OTHER: TenantId = TenantId(Uuid::from_u128(2));

    #[tokio::test]
    async fn what_a_tenant_gave_up_still_counts_until_it_ends_and_keeps_no_other_waiting() {
        let store = SqliteStore::in_memory().await.unwrap();
        tokio::time::pause();
        for _ in 0..OF_TENANT {
            let given_up = store.for_tenant(ONE, future::pending::<Stored<()>>());
            assert!(given_up.now_or_never().is_none());
        }
        let further = store.for_tenant(ONE, future::ready(Ok(()))).await;
        assert!(matches!(further, Err(StoreError::Busy)), "{further:?}");
        assert!(store.for_tenant(OTHER, future::ready(Ok(()))).await.is_ok());
    }

    async fn member(store: &SqliteStore, tenant: TenantId) -> Principal {
        let user = UserId(tenant.0);
        store.ensure_development(tenant, user, Role::Member).await.unwrap();
        store.standing(user).await.unwrap().unwrap().principal
    }

    #[tokio::test]
    async fn a_tenants_users_write_one_at_a_time_and_others_meanwhile() {
        let store = SqliteStore::in_memory().await.unwrap();
        let (one, other) = (member(&store, ONE).await, member(&store, OTHER).await);
        tokio::time::pause();
        assert!(store.for_user_writing(&one, future::pending::<Stored<()>>()).now_or_never().is_none());
        let further = store.rename_me(&one, "Ann").await;
        assert!(matches!(further, Err(StoreError::Busy)), "{further:?}");
        tokio::time::resume();
        assert!(store.rename_me(&other, "Bob").await.is_ok() && store.me(&one).await.is_ok());
    }

    /// Many leads of the campaign ?2.
    const LEADS: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) \
        INSERT INTO leads (tenant_id, id, campaign_id, name, phone) \
        SELECT ?1, randomblob(16), ?2, 'L', printf('+49%d', 1000000 + i) FROM n";

    #[tokio::test]
    async fn what_a_user_deletes_has_less_time_than_what_the_server_writes() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("voice.db")).await.unwrap().without_time_for_users();
        let store = SqliteStore::of(database.clone());
        let who = member(&store, ONE).await;
        let fields = CampaignFields { name: "C".into(), status: CampaignStatus::Draft, instructions: String::new() };
        let campaign = store.create_campaign(&who, &fields).await.unwrap().id;
        let mut tx = database.write().await.unwrap();
        sqlx::query(LEADS).bind(ONE.0).bind(campaign).execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
        let deleted = store.delete_campaign(&who, campaign).await;
        assert!(matches!(deleted, Err(StoreError::Unavailable(_))), "{deleted:?}");
        assert!(store.campaign(&who, campaign).await.is_ok(), "nothing is half done");
        store.rename_me(&who, "Ann").await.expect("the connection that writes serves on");
    }
}
