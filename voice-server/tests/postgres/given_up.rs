//! Requests that go away in the middle of a transaction.

use super::postgres_support::TestDatabase;
use std::pin::pin;
use std::task::Poll;
use uuid::Uuid;
use voice_server::store::{ClientFields, PageRequest, PgConfig, PgStore, Store, SystemStore};
use voice_server::{Role, TenantId, UserId};

const SEED: u64 = 20_261_128;
const GIVEN_UP: usize = 500;
/// Enough for an operation to get anywhere, also to its end.
const POLLS: u32 = 2_000;

/// Polls `what` at most `polls` times, letting the rest of the world run in between, and drops it.
async fn give_up<F: Future>(what: F, polls: u32) {
    let mut what = pin!(what);
    for _ in 0..polls {
        let done = std::future::poll_fn(|context| Poll::Ready(what.as_mut().poll(context).is_ready())).await;
        if done {
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// With one connection, whatever a request leaves behind on it is the next one's: an open transaction would take every
/// write that follows with it when it ends.
#[tokio::test]
async fn a_write_that_was_acknowledged_is_not_lost_in_a_transaction_that_somebody_gave_up() {
    let database = TestDatabase::new().await;
    let config = PgConfig { api_connections: 1, worker_connections: 1, ..database.config() };
    let store = PgStore::connect(&config).await.unwrap();
    let user = UserId(Uuid::now_v7());
    store.ensure_development(TenantId(Uuid::now_v7()), user, Role::Member).await.unwrap();
    let who = store.standing(user).await.unwrap().unwrap().principal;
    let mut random = fastrand::Rng::with_seed(SEED);
    let fields = ClientFields { name: "Ada".into(), ..ClientFields::default() };
    let mut written = vec![];
    for _ in 0..GIVEN_UP {
        give_up(store.clients(&who, PageRequest::default()), random.u32(0..POLLS)).await;
        written.push(store.create_client(&who, &fields).await.unwrap().id);
    }
    store.close().await;
    let mut kept: Vec<Uuid> =
        sqlx::query_scalar("select id from clients").fetch_all(&mut database.admin().await).await.unwrap();
    kept.sort();
    assert_eq!(kept, written, "seed {SEED}");
}

#[tokio::test]
async fn whatever_is_given_up_leaves_no_transaction_open() {
    let database = TestDatabase::new().await;
    let store = PgStore::connect(&database.config()).await.unwrap();
    let user = UserId(Uuid::now_v7());
    let mut random = fastrand::Rng::with_seed(SEED);
    for _ in 0..GIVEN_UP {
        give_up(store.standing(user), random.u32(0..POLLS)).await;
    }
    // Every connection answers again, in a transaction of its own, and closing waits for all of them.
    store.standing(user).await.unwrap();
    store.close().await;
    let mut admin = database.admin().await;
    let open = "select count(*) from pg_stat_activity where datname = current_database() and usename = 'voice_api'
        and state like 'idle in transaction%'";
    assert_eq!(sqlx::query_scalar::<_, i64>(open).fetch_one(&mut admin).await.unwrap(), 0);
}
