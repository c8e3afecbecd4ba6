//! Connections to Postgres, and the only door to them.
//!
//! Invariant: a connection leaves a pool only inside a transaction that acts for somebody, and comes back outside of any.

use super::config::PgConfig;
use super::refusal::refused;
use super::transaction::{Access, Acting};
use crate::db::DatabaseUrl;
use crate::principal::UserId;
use crate::store::Stored;
use futures::FutureExt;
use serde_json::json;
use sqlx::postgres::PgPoolOptions;
use sqlx::{PgConnection, PgPool};
use std::io;
use std::time::Duration;
use tokio::time::timeout;

/// How long an operation waits for a connection.
pub(super) const ACQUIRE_LIMIT: Duration = Duration::from_secs(2);
/// A connection that is given back and does not answer within this is closed, so that its place is free for one that does.
const RELEASE_LIMIT: Duration = Duration::from_secs(1);
const API_STATEMENT_LIMIT: &str = "10s";
const WORKER_STATEMENT_LIMIT: &str = "5s";
const IDLE_TRANSACTION_LIMIT: &str = "10s";

/// A plan of its own for each execution, because what is optional in a filter decides which index serves; and warnings are
/// left out, because a rollback outside of a transaction is one.
const SETTINGS: &str = "select set_config('statement_timeout', $1, false), \
    set_config('idle_in_transaction_session_timeout', $2, false), set_config('plan_cache_mode', 'force_custom_plan', false), \
    set_config('client_min_messages', 'error', false), set_config('timezone', 'UTC', false)";

/// The connections of `voice_api`.
#[derive(Clone, Debug)]
pub(super) struct ApiPool(PgPool);

/// The connections of `voice_worker`.
#[derive(Clone, Debug)]
pub(super) struct WorkerPool(PgPool);

impl ApiPool {
    pub(super) async fn connect(config: &PgConfig) -> Result<Self, sqlx::Error> {
        let options = options(config.api_connections, API_STATEMENT_LIMIT);
        Ok(Self(connect(options, &config.api).await?))
    }

    /// The connections for looking up who somebody is.
    pub(super) async fn connect_look_up(config: &PgConfig) -> Result<Self, sqlx::Error> {
        let options = options(config.look_up_connections, API_STATEMENT_LIMIT);
        Ok(Self(connect(options, &config.api).await?))
    }

    /// A transaction in which the database takes whoever asks for `user`.
    pub(super) async fn begin(&self, user: UserId, access: Access) -> Stored<Acting> {
        // Built here from what was verified: the token itself never gets this far.
        let claims = json!({ "sub": user, "role": "authenticated" }).to_string();
        Acting::begin(&self.0, "authenticated", &claims, access).await
    }

    pub(super) async fn close(&self) {
        self.0.close().await;
    }
}

impl WorkerPool {
    pub(super) async fn connect(config: &PgConfig) -> Result<Self, sqlx::Error> {
        Self::connect_as_many(config, config.worker_connections).await
    }

    /// The connections for adding up how long tenants talked.
    pub(super) async fn connect_adding_up(config: &PgConfig) -> Result<Self, sqlx::Error> {
        Self::connect_as_many(config, config.adding_up_connections).await
    }

    async fn connect_as_many(config: &PgConfig, connections: u32) -> Result<Self, sqlx::Error> {
        // What is written here is tried again if it fails: a connection need not be tried before.
        let options = options(connections, WORKER_STATEMENT_LIMIT).test_before_acquire(false);
        Ok(Self(connect(options, &config.worker).await?))
    }

    /// A transaction of the server itself.
    pub(super) async fn begin(&self, access: Access) -> Stored<Acting> {
        let claims = json!({ "role": "service_role" }).to_string();
        Acting::begin(&self.0, "service_role", &claims, access).await
    }

    /// Whether the database answers, and lets this login do its work.
    pub(super) async fn ping(&self) -> Stored<()> {
        let mut acting = self.begin(Access::Read).await?;
        sqlx::query("select from calls limit 0").execute(&mut *acting).await.map_err(refused)?;
        Ok(())
    }

    pub(super) async fn close(&self) {
        self.0.close().await;
    }
}

fn options(max_connections: u32, statement_limit: &'static str) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(ACQUIRE_LIMIT)
        .after_connect(move |connection, _| prepare(connection, statement_limit).boxed())
        .after_release(|connection, _| end_transaction(connection).boxed())
}

async fn connect(options: PgPoolOptions, url: &DatabaseUrl) -> Result<PgPool, sqlx::Error> {
    options.connect_with(url.options().clone()).await
}

async fn prepare(connection: &mut PgConnection, statement_limit: &str) -> Result<(), sqlx::Error> {
    sqlx::query(SETTINGS).bind(statement_limit).bind(IDLE_TRANSACTION_LIMIT).execute(connection).await?;
    Ok(())
}

/// A transaction that was given up while it began is open without sqlx knowing; the next borrower's writes would be lost in
/// it.
///
/// An error has the connection closed without a word to the database, which would be waited for as well: where the network
/// swallows what is sent, for as long as the system tries to send it, a quarter of an hour.
async fn end_transaction(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let rollback = sqlx::query("rollback").execute(connection);
    timeout(RELEASE_LIMIT, rollback).await.map_err(|_| sqlx::Error::Io(io::ErrorKind::TimedOut.into()))??;
    Ok(true)
}
