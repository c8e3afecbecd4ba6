//! The database takes nothing while callers talk: they are told what is final all the same, and when it is back it gets
//! all of it, once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod persist_support;
mod postgres_support;

use persist_support::Dice;
use persist_support::caller::Crowd;
use persist_support::process::{Home, ServerProcess};
use persist_support::tenants::Tenants;
use persist_support::told::{Calls, Compared};
use postgres_support::TestDatabase;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};

const CALLERS: u64 = 12;

/// Finals told while the database is away, and again when it is back.
const FINALS: u64 = 40;

/// Calls that begin before the outage, a server, and what its callers are told.
struct Running {
    home: Home,
    tenants: Tenants,
    server: ServerProcess,
    crowd: Crowd,
}

impl Running {
    async fn start(home: Home) -> Self {
        let tenants = Tenants::for_callers(&home, CALLERS);
        let (server, mut dice) = (home.start(), Dice::new(1));
        let callers: Vec<_> = tenants.callers(CALLERS, &mut dice).collect();
        let mut crowd = Crowd::start(server.address, callers);
        crowd.until_told_more(FINALS).await;
        Self { home, tenants, server, crowd }
    }

    /// Callers are told further finals, of which the store takes none.
    async fn go_on_without_the_store(&mut self) {
        self.crowd.database_is_away();
        self.crowd.until_told_more(FINALS).await;
        assert_ne!(self.server.metric("voice_journal_unstored_bytes"), Some(0.0));
    }

    /// Ends every call in order, and compares.
    async fn end(self) {
        self.server.stop().await;
        let told = self.crowd.told().await;
        assert!(told.len() as u64 >= CALLERS);
        compare(&self.home, &self.tenants, told).await;
    }
}

async fn compare(home: &Home, tenants: &Tenants, mut told: Calls) {
    let mut compared = Compared::default();
    tenants.check(home, &mut told, &mut compared).await;
    compared.assert_equal();
}

#[tokio::test]
async fn an_embedded_database_that_another_process_holds_delays_nobody() {
    let mut running = Running::start(Home::new()).await;
    let file = SqliteConnectOptions::new().filename(running.home.data().join("voice.db"));
    let mut other = SqliteConnection::connect_with(&file).await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    running.go_on_without_the_store().await;
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    running.end().await;
}

#[tokio::test]
async fn a_postgres_that_freezes_and_breaks_every_connection_loses_nothing() {
    let database = TestDatabase::new().await;
    let home = Home::new();
    let home = home.with("DATABASE_URL", &database.api_url()).with("DATABASE_WORKER_URL", &database.worker_url());
    let mut running = Running::start(home).await;
    let mut admin = database.admin().await;
    sqlx::raw_sql("begin; lock table calls in access exclusive mode").execute(&mut admin).await.unwrap();
    running.go_on_without_the_store().await;
    let mut other = database.admin().await;
    let broken = "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'voice_worker' \
        and datname = current_database()";
    sqlx::raw_sql(AssertSqlSafe(broken)).execute(&mut other).await.unwrap();
    running.crowd.until_told_more(FINALS).await;
    sqlx::raw_sql("rollback").execute(&mut admin).await.unwrap();
    running.end().await;
}

#[tokio::test]
async fn a_server_that_is_killed_while_the_database_is_away_writes_what_it_kept_at_its_next_start() {
    let Running { home, tenants, server, mut crowd } = Running::start(Home::new()).await;
    let file = SqliteConnectOptions::new().filename(home.data().join("voice.db"));
    let mut other = SqliteConnection::connect_with(&file).await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    crowd.until_told_more(FINALS).await;
    server.kill();
    let told = crowd.told().await;
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    let server = home.start();
    server.until_stored().await;
    server.stop().await;
    compare(&home, &tenants, told).await;
}
