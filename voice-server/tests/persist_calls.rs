//! Whole calls through a server that keeps them: what the store has is what the caller was told.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod persist_support;
mod serve_support;

use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt};
use persist_support::told::Told;
use serve_support::access_support::{Access, TENANT, USER};
use serve_support::{Client, Received, TestServer, agent, no_hang};
use std::sync::Arc;
use tempfile::TempDir;
use tokio_tungstenite::tungstenite;
use uuid::Uuid;
use voice_core::provider::scripted::{LlmConfig, ScriptedLlm};
use voice_core::session::Agent;
use voice_core::transport::native::{ErrorCode, ServerMessage};
use voice_core::turn_log::{ReplayOutcome, replay};
use voice_server::store::{AnyStore, CallDetail, CallStatus, Recording, TenantChange, Who};
use voice_server::{CallUuid, PersistConfig, PersistLimits, Principal, Role, ServerConfig, ServerLimits, UserId};

struct World {
    server: TestServer,
    store: Arc<dyn AnyStore>,
    recordings: Arc<dyn ObjectStore>,
    data: TempDir,
}

impl World {
    async fn start(agent: Agent, limits: PersistLimits) -> Self {
        let (access, data) = (Access::new().await, TempDir::new().unwrap());
        let recordings: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let config = ServerConfig {
            persist: Some(PersistConfig { data: data.path().to_owned(), limits }),
            recordings: Arc::clone(&recordings),
            ..access.config(agent, ServerLimits::default())
        };
        let store = Arc::clone(&access.store);
        Self { server: TestServer::with(access, config).await, store, recordings, data }
    }

    async fn who(&self, user: UserId) -> Principal {
        self.store.standing(user).await.unwrap().unwrap().principal
    }

    /// The call as the store has it, once it has everything.
    async fn stored(&self, id: &str) -> CallDetail {
        self.server.until_metric("voice_journal_unstored_bytes 0").await;
        self.store.call(&self.who(USER).await, CallUuid(id.parse().unwrap())).await.unwrap()
    }

    async fn record_calls(&self) {
        let admin = UserId(Uuid::from_u128(3));
        self.store.ensure_development(TENANT, admin, Role::PlatformAdmin).await.unwrap();
        let change = TenantChange { records_calls: Some(true), ..TenantChange::default() };
        self.store.change_tenant(&self.who(admin).await, TENANT, &change).await.unwrap();
    }
}

/// A call in which the caller presses keys once the agent was heard, and hangs up when answered.
async fn call(world: &World) -> (String, Told) {
    let (mut client, mut told, mut id) =
        (Client::connect(&world.server).await.unwrap(), Told::default(), String::new());
    client.send(r#"{"type":"hello","protocol":1}"#).await;
    let mut answers =
        [r#"{"type":"dtmf","digit":"1"}"#, r##"{"type":"dtmf","digit":"#"}"##, r#"{"type":"bye"}"#].iter();
    loop {
        let message = match client.receive().await {
            Received::Message(message) => message,
            Received::Audio { .. } => continue,
            Received::Closed => return (id, told),
        };
        told.note(&message);
        match message {
            ServerMessage::Ready { call_id, .. } => id = call_id,
            ServerMessage::Turn(turn) if turn.outcome == "completed" => {
                // Both keys at the first time, then the end.
                let sent = if answers.len() == 3 { 2 } else { 1 };
                for answer in answers.by_ref().take(sent) {
                    client.send(answer).await;
                }
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn what_is_stored_is_what_the_caller_was_told() {
    let world = World::start(agent(Some("Good evening.")), PersistLimits::default()).await;
    let (id, told) = call(&world).await;
    let stored = world.stored(&id).await;
    told.assert_stored(&id, &stored);
    let rows: Vec<_> = stored.utterances.iter().map(|row| (row.who, row.text.as_str(), row.outcome.as_str())).collect();
    let expected = [
        (Who::Agent, "Good evening.", "completed"),
        (Who::Caller, "keys 1 #", "dtmf"),
        (Who::Agent, "Fine.", "completed"),
    ];
    assert_eq!(rows, expected);
    assert_eq!((stored.call.status, stored.call.end_reason.as_deref()), (CallStatus::Ended, Some("caller_hung_up")));
    assert_eq!((stored.call.user_id, stored.call.turns, stored.recorded), (USER, 2, false));
    assert!(stored.cost.unwrap()["engines"].as_array().is_some_and(|engines| !engines.is_empty()));
    let last = &stored.utterances[2];
    assert!(last.end_ms >= last.start_ms && last.start_ms > 0 && stored.call.duration_ms.unwrap() >= last.end_ms);
    let conversation = world.store.conversation(&world.who(USER).await, stored.call.id).await.unwrap();
    let said = serde_json::json!([
        {"role": "agent", "text": "Good evening.", "interrupted": false},
        {"role": "caller", "text": "keys 1 #"},
        {"role": "agent", "text": "Fine.", "interrupted": false},
    ]);
    assert_eq!(conversation, said);
}

#[tokio::test]
async fn what_the_turn_machine_was_told_and_said_can_be_read_and_run_again() {
    let world = World::start(agent(Some("Good evening.")), PersistLimits::default()).await;
    let (id, _) = call(&world).await;
    let started_at = world.stored(&id).await.call.started_at;
    let path = format!("/v1/calls/{id}/turn-log");
    let answer = no_hang(async {
        loop {
            let answer = world.server.get_as(&path, &world.server.access.bearer()).await;
            if !answer.starts_with("HTTP/1.1 404") {
                return answer;
            }
        }
    });
    let answer = answer.await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("content-type: application/jsonl"), "{answer}");
    let stranger = world.server.access.bearer_of_another_tenant().await;
    assert!(world.server.get_as(&path, &stranger).await.starts_with("HTTP/1.1 404"));
    let (year, month) = (started_at.year(), u8::from(started_at.month()));
    let key = format!("{TENANT}/{year:04}/{month:02}/{id}.turns.jsonl");
    let log = world.recordings.get(&key.into()).await.unwrap().bytes().await.unwrap();
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    let base = std::time::Instant::now();
    let replayed = replay(&*log, base).unwrap();
    assert_eq!(replayed.outcome, ReplayOutcome::Identical, "{}", String::from_utf8_lossy(&log));
    assert!(replayed.outputs > 5 && log.ends_with(b"{\"out\":{\"end_call\":\"caller_hung_up\"}}\n"));
}

#[tokio::test]
async fn a_call_whose_session_panics_ends_as_a_fault_of_the_server() {
    let llm = ScriptedLlm::with(LlmConfig::default(), |_, _| panic!("a fault on purpose"));
    let world = World::start(Agent { llm: Arc::new(llm), ..agent(None) }, PersistLimits::default()).await;
    let mut client = Client::connect(&world.server).await.unwrap();
    client.send(r#"{"type":"hello","protocol":1}"#).await;
    let ready = client.until(|message| matches!(message, ServerMessage::Ready { .. })).await;
    let ServerMessage::Ready { call_id, .. } = ready else { panic!("{ready:?}") };
    client.send(r##"{"type":"dtmf","digit":"#"}"##).await;
    while !matches!(client.receive().await, Received::Closed) {}
    world.server.until_metric("voice_call_panics_total 1").await;
    let stored = world.stored(&call_id).await;
    assert_eq!((stored.call.status, stored.call.end_reason.as_deref()), (CallStatus::Ended, Some("server_fault")));
}

#[tokio::test]
async fn a_server_that_can_keep_nothing_takes_no_call_and_says_so() {
    let world = World::start(agent(None), PersistLimits { journal_bytes: 0, ..PersistLimits::default() }).await;
    let refused = Client::connect(&world.server).await.err();
    let Some(tungstenite::Error::Http(answer)) = refused else { panic!("{refused:?}") };
    assert_eq!(answer.status(), 503);
    assert!(world.server.get("/readyz").await.starts_with("HTTP/1.1 503"));
    world.server.until_metric("voice_calls_refused_total{reason=\"not_kept\"} 1").await;
}

#[tokio::test]
async fn a_call_that_cannot_be_kept_is_never_answered() {
    let world = World::start(agent(None), PersistLimits { journal_bytes: 100, ..PersistLimits::default() }).await;
    let mut client = Client::connect(&world.server).await.unwrap();
    client.send(r#"{"type":"hello","protocol":1}"#).await;
    let first = client.receive().await;
    let Received::Message(ServerMessage::Error { code: ErrorCode::Unavailable, .. }) = first else {
        panic!("{first:?}")
    };
    assert_eq!(client.bye().await, "unavailable");
}

#[tokio::test]
async fn a_second_server_on_the_same_directory_does_not_start() {
    let world = World::start(agent(None), PersistLimits::default()).await;
    let access = Access::new().await;
    let persist = Some(PersistConfig { data: world.data.path().to_owned(), limits: PersistLimits::default() });
    let config = ServerConfig { persist, ..access.config(agent(None), ServerLimits::default()) };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let refused = voice_server::run(listener, config, std::future::pending()).await.unwrap_err().to_string();
    assert!(refused.contains("in use by another server"), "{refused}");
}

#[cfg(feature = "opus")]
#[tokio::test]
async fn a_call_of_a_tenant_that_records_is_recorded() {
    let world = World::start(agent(Some("Good evening.")), PersistLimits::default()).await;
    world.record_calls().await;
    let (id, _) = call(&world).await;
    let World { server, store, recordings, .. } = world;
    // At its end a server keeps every recording.
    let who = store.standing(USER).await.unwrap().unwrap().principal;
    server.stopped().await;
    let call = CallUuid(id.parse().unwrap());
    let recording: Recording = store.recording(&who, call).await.unwrap();
    assert!(store.call(&who, call).await.unwrap().recorded);
    assert_eq!((recording.call_id, recording.media_type.as_str()), (call, "audio/ogg; codecs=opus"));
    assert!(
        recording.object_key.starts_with(&format!("{TENANT}/"))
            && recording.object_key.ends_with(&format!("/{id}.ogg"))
    );
    let object = recordings.get(&recording.object_key.as_str().into()).await.unwrap().bytes().await.unwrap();
    assert_eq!(object.len() as i64, recording.size_bytes);
    assert!(recording.duration_ms > 500, "{recording:?}");
}
