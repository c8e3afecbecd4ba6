//! The store in Postgres, with row-level security.
//!
//! Invariant: no statement runs but in a transaction that has said who asks: a user through the API's login, which can be
//! nobody but a user, or the server itself through the worker's. Every statement about a tenant's rows names the tenant
//! besides, and none is built at run time. Every operation runs in a task of its own to its end, and until then counts as its
//! tenant's, of which there are never more than a share of the connections.

mod admin_side;
mod analytics;
mod audit;
mod calls;
mod campaigns;
mod clients;
mod columns;
mod config;
mod doctor;
mod leads;
mod pools;
mod profile;
mod recordings;
mod refusal;
mod retention;
mod standing;
mod system_side;
mod tenants;
mod transaction;
mod user_side;
mod users;
mod write;

pub use config::PgConfig;
pub use doctor::{DoctorError, Finding, doctor};

use super::open::OpenError;
use super::{StoreError, Stored};
use crate::principal::{Principal, TenantId};
use crate::shares::Shares;
use pools::{ACQUIRE_LIMIT, ApiPool, WorkerPool};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// One of so many connections is what one tenant may use at a time.
const TENANTS_PART: u32 = 3;

/// A store in Postgres.
#[derive(Clone, Debug)]
pub struct PgStore {
    api: ApiPool,
    look_up: ApiPool,
    worker: WorkerPool,
    adding_up: WorkerPool,
    api_shares: Arc<Shares>,
    adding_up_shares: Arc<Shares>,
    operation_limit: Duration,
}

impl PgStore {
    /// A store in the database of `config`, which has the schema.
    ///
    /// # Errors
    /// [`OpenError::Database`] if a login does not get in.
    pub async fn connect(config: &PgConfig) -> Result<Self, OpenError> {
        let api = ApiPool::connect(config).await.map_err(OpenError::Database)?;
        let look_up = ApiPool::connect_look_up(config).await.map_err(OpenError::Database)?;
        let worker = WorkerPool::connect(config).await.map_err(OpenError::Database)?;
        let adding_up = WorkerPool::connect_adding_up(config).await.map_err(OpenError::Database)?;
        let shares = |connections: u32| Arc::new(Shares::new((connections / TENANTS_PART) as usize));
        let (api_shares, adding_up_shares) = (shares(config.api_connections), shares(config.adding_up_connections));
        let operation_limit = config.operation_limit;
        Ok(Self { api, look_up, worker, adding_up, api_shares, adding_up_shares, operation_limit })
    }

    /// Ends every connection, those in use once their operation is over. Operations after it are refused as unavailable.
    pub async fn close(&self) {
        self.api.close().await;
        self.look_up.close().await;
        self.adding_up.close().await;
        self.worker.close().await;
    }

    fn api(&self) -> ApiPool {
        self.api.clone()
    }

    fn look_up(&self) -> ApiPool {
        self.look_up.clone()
    }

    fn worker(&self) -> WorkerPool {
        self.worker.clone()
    }

    fn adding_up(&self) -> WorkerPool {
        self.adding_up.clone()
    }

    /// Runs what a user asks to its end, as one of their tenant's share.
    async fn for_user<T: Send + 'static>(
        &self,
        who: &Principal,
        operation: impl Future<Output = Stored<T>> + Send + 'static,
    ) -> Stored<T> {
        self.in_share(&self.api_shares, who.tenant(), operation).await
    }

    /// Likewise, what the server's own login does for a tenant.
    async fn for_tenant<T: Send + 'static>(
        &self,
        tenant: TenantId,
        operation: impl Future<Output = Stored<T>> + Send + 'static,
    ) -> Stored<T> {
        self.in_share(&self.adding_up_shares, tenant, operation).await
    }

    /// Beyond the tenant's share it waits as long as for a connection.
    async fn in_share<T: Send + 'static>(
        &self,
        shares: &Shares,
        tenant: TenantId,
        operation: impl Future<Output = Stored<T>> + Send + 'static,
    ) -> Stored<T> {
        let share = timeout(ACQUIRE_LIMIT, shares.take(tenant)).await.map_err(|_| StoreError::Busy)?;
        self.to_the_end(async move {
            let _share = share;
            operation.await
        })
        .await
    }

    /// Runs an operation to its end, whether or not anybody still waits for it: a transaction that is given up while it
    /// begins would stay open on its connection. The one place where the store starts tasks.
    #[expect(clippy::disallowed_methods, reason = "a transaction ends also when the request that wants it goes away")]
    async fn to_the_end<T: Send + 'static>(
        &self,
        operation: impl Future<Output = Stored<T>> + Send + 'static,
    ) -> Stored<T> {
        match tokio::spawn(timeout(self.operation_limit, operation)).await {
            Ok(Ok(done)) => done,
            Ok(Err(_)) => Err(StoreError::Unavailable(sqlx::Error::Io(io::ErrorKind::TimedOut.into()))),
            Err(_) => Err(StoreError::Unavailable(sqlx::Error::WorkerCrashed)),
        }
    }
}
