//! A server that keeps its calls in a file and records them, and what it has kept.

use super::serve_support::access_support::{Access, TENANT, USER};
use super::serve_support::{TestServer, no_hang};
use object_store::memory::InMemory;
use std::path::Path;
use std::sync::Arc;
use uuid::Uuid;
use voice_core::session::Agent;
use voice_server::auth::LocalIssuer;
use voice_server::store::{AnyStore, CallDetail, SqliteStore, TenantChange, Utterance, Who};
use voice_server::{CallUuid, PersistConfig, PersistLimits, Role, ServerConfig, ServerLimits, UserId};

/// A server whose store, journal and recordings are in `data`. It signs nobody in.
pub(crate) async fn keep(agent: Agent, data: &Path) -> TestServer {
    let store: Arc<dyn AnyStore> = Arc::new(SqliteStore::open(&data.join("calls.sqlite")).await.unwrap());
    store.ensure_development(TENANT, USER, Role::Member).await.unwrap();
    record_calls(&*store).await;
    let access = Access { issuer: LocalIssuer::ephemeral().unwrap(), store };
    let config = ServerConfig {
        persist: Some(PersistConfig { data: data.to_owned(), limits: PersistLimits::default() }),
        recordings: Arc::new(InMemory::new()),
        ..access.config(agent, ServerLimits::default())
    };
    TestServer::with(access, config).await
}

async fn record_calls(store: &dyn AnyStore) {
    let admin = UserId(Uuid::from_u128(3));
    store.ensure_development(TENANT, admin, Role::PlatformAdmin).await.unwrap();
    let administrator = store.standing(admin).await.unwrap().unwrap().principal;
    let change = TenantChange { records_calls: Some(true), ..TenantChange::default() };
    store.change_tenant(&administrator, TENANT, &change).await.unwrap();
}

/// The call as the store has it, once it has everything.
pub(crate) async fn stored(server: &TestServer, id: &str) -> CallDetail {
    server.until_metric("voice_journal_unstored_bytes 0").await;
    let who = server.access.store.standing(USER).await.unwrap().unwrap().principal;
    server.access.store.call(&who, CallUuid(id.parse().unwrap())).await.unwrap()
}

/// Likewise, once there is its recording too, which is kept a little after the call.
pub(crate) async fn recorded(server: &TestServer, id: &str) -> CallDetail {
    no_hang(async {
        loop {
            let call = stored(server, id).await;
            if call.recorded {
                return call;
            }
        }
    })
    .await
}

/// The rows of one side; of a turn that was told more than once, the last.
pub(crate) fn rows(call: &CallDetail, who: Who) -> Vec<&Utterance> {
    let rows = call.utterances.iter().filter(|row| row.who == who);
    let mut last: Vec<&Utterance> = Vec::new();
    for row in rows {
        last.retain(|other| (other.turn, other.reply) != (row.turn, row.reply));
        last.push(row);
    }
    last
}
