//! A tenant that asks for more than the database does, and the others meanwhile.

use super::postgres_support::TestDatabase;
use futures::FutureExt;
use sqlx::{Connection, PgConnection};
use std::time::Duration;
use time::OffsetDateTime;
use tokio::time::timeout;
use uuid::Uuid;
use voice_server::store::{PageRequest, PgConfig, PgStore, Store, StoreError, SystemStore};
use voice_server::{Principal, Role, TenantId, UserId};

/// Only a hang gets here.
const HANG: Duration = Duration::from_secs(60);

/// More than there are connections for users.
const GIVEN_UP: usize = 8;

async fn somebody(store: &PgStore) -> Principal {
    let user = UserId(Uuid::now_v7());
    store.ensure_development(TenantId(Uuid::now_v7()), user, Role::Member).await.unwrap();
    store.standing(user).await.unwrap().unwrap().principal
}

/// How many of a login's connections wait for a lock.
async fn waiting(admin: &mut PgConnection, login: &str) -> i64 {
    let waiting = "select count(*) from pg_stat_activity where datname = current_database() and usename = $1 \
        and wait_event_type = 'Lock'";
    sqlx::query_scalar(waiting).bind(login).fetch_one(admin).await.unwrap()
}

#[tokio::test]
async fn a_tenant_whose_requests_hang_and_went_away_keeps_no_other_from_the_database() {
    let database = TestDatabase::new().await;
    let store = PgStore::connect(&database.config()).await.unwrap();
    let (one, other) = (somebody(&store).await, somebody(&store).await);
    let (mut locking, mut admin) = (database.admin().await, database.admin().await);
    let mut lock = locking.begin().await.unwrap();
    sqlx::query("lock table clients in access exclusive mode").execute(&mut *lock).await.unwrap();
    for _ in 0..GIVEN_UP {
        assert!(store.clients(&one, PageRequest::default()).now_or_never().is_none());
    }
    timeout(HANG, async { while waiting(&mut admin, "voice_api").await == 0 {} }).await.unwrap();
    for _ in 0..GIVEN_UP {
        store.campaigns(&other, PageRequest::default()).await.unwrap();
        assert!(store.standing(one.user()).await.unwrap().is_some());
    }
    assert_eq!(waiting(&mut admin, "voice_api").await, 1, "a third of four connections");
    let further = async {
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(2)).await;
        tokio::time::resume();
    };
    let (refused, ()) = tokio::join!(store.campaigns(&one, PageRequest::default()), further);
    assert!(matches!(refused, Err(StoreError::Busy)), "{refused:?}");
    lock.rollback().await.unwrap();
    store.campaigns(&one, PageRequest::default()).await.unwrap();
}

#[tokio::test]
async fn calls_that_begin_keep_the_server_from_writing_nothing() {
    let database = TestDatabase::new().await;
    let config = PgConfig { worker_connections: 1, ..database.config() };
    let store = PgStore::connect(&config).await.unwrap();
    let (mut locking, mut admin) = (database.admin().await, database.admin().await);
    let mut lock = locking.begin().await.unwrap();
    sqlx::query("lock table calls in access exclusive mode").execute(&mut *lock).await.unwrap();
    let (since, now) = (OffsetDateTime::UNIX_EPOCH, OffsetDateTime::now_utc());
    for _ in 0..GIVEN_UP {
        let talked = store.talk_time(TenantId(Uuid::now_v7()), since, now, HANG);
        assert!(talked.now_or_never().is_none());
    }
    timeout(HANG, async { while waiting(&mut admin, "voice_worker").await == 0 {} }).await.unwrap();
    somebody(&store).await;
    lock.rollback().await.unwrap();
}
