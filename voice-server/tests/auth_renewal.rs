//! A call whose token runs out: the warning, the renewal, the grace and the end. Hours pass at once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod auth_support;
mod serve_support;

use auth_support::pass;
use futures::StreamExt;
use secrecy::ExposeSecret;
use serve_support::access_support::{Access, TENANT, USER};
use serve_support::{Client, TestServer, agent, no_hang};
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;
use voice_core::session::Agent;
use voice_core::transport::native::{ErrorCode, ServerMessage};
use voice_core::turn::TurnConfig;
use voice_server::store::{TenantChange, TenantStatus};
use voice_server::{Role, ServerLimits, TenantId, UserId};

/// Of the user that [`Access::bearer_of_another_tenant`] signs for.
const ANOTHER_TENANT: TenantId = TenantId(Uuid::from_u128(101));
const FOREVER_MS: u64 = 30 * 24 * 3_600_000;
const MINUTE: Duration = Duration::from_secs(60);

/// A server whose calls end for no other reason, however long they last.
async fn start() -> TestServer {
    let mut agent: Agent = agent(None);
    agent.config.turn = TurnConfig { caller_idle_ms: FOREVER_MS, max_call_ms: FOREVER_MS, ..TurnConfig::default() };
    TestServer::start(agent, ServerLimits { idle_ms: FOREVER_MS, ..ServerLimits::default() }).await
}

fn token_for(access: &Access, user: UserId, life: Duration) -> String {
    access.issuer.sign(user, life).unwrap().expose_secret().to_owned()
}

/// A call on a token of ten minutes.
async fn call(server: &TestServer) -> Client {
    let mut client = Client::stranger(server).await.unwrap();
    client.auth(&token_for(&server.access, USER, 10 * MINUTE)).await;
    client.hello(r#"{"type":"hello","protocol":1}"#).await;
    client
}

async fn warning_ms(client: &mut Client) -> u64 {
    match client.until(|message| matches!(message, ServerMessage::AuthExpiring { .. })).await {
        ServerMessage::AuthExpiring { in_ms } => in_ms,
        other => panic!("{other:?}"),
    }
}

async fn renew(client: &mut Client, token: &str) -> ServerMessage {
    client.auth(token).await;
    let is_answer =
        |message: &ServerMessage| matches!(message, ServerMessage::AuthRenewed { .. } | ServerMessage::Error { .. });
    client.until(is_answer).await
}

/// The reason of `bye` and the code of the close.
async fn end(client: &mut Client) -> (String, u16) {
    let bye = client.until(|message| matches!(message, ServerMessage::Bye { .. })).await;
    let ServerMessage::Bye { reason } = bye else { panic!("{bye:?}") };
    match no_hang(client.socket.next()).await {
        Some(Ok(Message::Close(Some(frame)))) => (reason, frame.code.into()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_call_whose_token_ran_out_is_warned_and_ends_after_the_grace() {
    let server = start().await;
    let mut client = call(&server).await;
    pass(9 * MINUTE).await;
    let left = warning_ms(&mut client).await;
    assert!((30_000..=60_000).contains(&left), "{left}");
    pass(MINUTE + 4 * MINUTE).await;
    client.send(r#"{"type":"say","text":"Still here."}"#).await;
    client.until(|message| matches!(message, ServerMessage::AgentText { outcome: Some(_), .. })).await;
    pass(MINUTE).await;
    assert_eq!(end(&mut client).await, ("unauthorized".to_owned(), 4401));
    server.until_metric("voice_calls_ended_total{reason=\"unauthorized\"} 1").await;
}

#[tokio::test]
async fn a_renewed_call_goes_on_by_its_new_token() {
    let server = start().await;
    let mut client = call(&server).await;
    pass(9 * MINUTE).await;
    warning_ms(&mut client).await;
    let answer = renew(&mut client, &token_for(&server.access, USER, 60 * MINUTE)).await;
    let ServerMessage::AuthRenewed { in_ms } = answer else { panic!("{answer:?}") };
    assert!((3_570_000..=3_600_000).contains(&in_ms), "{in_ms}");
    pass(58 * MINUTE).await;
    client.send(r#"{"type":"say","text":"Still here."}"#).await;
    client.until(|message| matches!(message, ServerMessage::AgentText { outcome: Some(_), .. })).await;
    pass(MINUTE).await;
    warning_ms(&mut client).await;
    client.send(r#"{"type":"bye"}"#).await;
    assert_eq!(client.bye().await, "caller_hung_up");
}

#[tokio::test]
async fn a_wrong_token_during_a_call_changes_nothing() {
    let server = start().await;
    let mut client = call(&server).await;
    let removed = token_for(&server.access, UserId(Uuid::from_u128(77)), MINUTE);
    for token in ["a.b.c", &removed] {
        let answer = renew(&mut client, token).await;
        assert!(matches!(answer, ServerMessage::Error { code: ErrorCode::Unauthorized, .. }), "{answer:?}");
        pass(Duration::from_secs(1)).await;
    }
    pass(9 * MINUTE).await;
    warning_ms(&mut client).await;
    pass(6 * MINUTE).await;
    assert_eq!(end(&mut client).await, ("unauthorized".to_owned(), 4401));
}

async fn suspend(server: &TestServer) {
    suspend_tenant(server, TENANT).await;
}

/// Until a second after it counts.
async fn suspend_tenant(server: &TestServer, tenant: TenantId) {
    let (store, admin) = (&server.access.store, UserId(Uuid::from_u128(91)));
    store.ensure_development(TenantId(Uuid::from_u128(90)), admin, Role::PlatformAdmin).await.unwrap();
    let admin = store.standing(admin).await.unwrap().unwrap().principal;
    let change = TenantChange { status: Some(TenantStatus::Suspended), ..TenantChange::default() };
    store.change_tenant(&admin, tenant, &change).await.unwrap();
    pass(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn the_call_of_a_suspended_tenant_ends_at_its_renewal() {
    let server = start().await;
    let mut client = call(&server).await;
    suspend(&server).await;
    client.auth(&token_for(&server.access, USER, 60 * MINUTE)).await;
    assert_eq!(end(&mut client).await, ("unauthorized".to_owned(), 4401));
}

#[tokio::test]
async fn the_call_of_a_suspended_tenant_ends_when_it_is_to_be_taken_up_again() {
    let server = start().await;
    let mut client = Client::connect(&server).await.unwrap();
    client.send(r#"{"type":"hello","protocol":1,"played_reports":true,"resumable":true}"#).await;
    let ready = client.until(|message| matches!(message, ServerMessage::Ready { .. })).await;
    let ServerMessage::Ready { resume: Some(offer), .. } = ready else { panic!("{ready:?}") };
    let (path, own) = (format!("/v1/call?resume={}", offer.token.expose()), server.access.bearer());
    // A suspended tenant ends no call of another's, whatever it knows of it.
    let other = server.access.bearer_of_another_tenant().await;
    suspend_tenant(&server, ANOTHER_TENANT).await;
    assert_eq!(server.open_call(&path, &format!("Authorization: {other}\r\n")).await.status, 403);
    client.send(r#"{"type":"ping","n":1}"#).await;
    client.until(|message| *message == ServerMessage::Pong { n: 1 }).await;
    client.socket.close(None).await.unwrap();
    suspend(&server).await;
    assert_eq!(server.open_call(&path, &format!("Authorization: {own}\r\n")).await.status, 403);
    server.until_metric("voice_calls_ended_total{reason=\"unauthorized\"} 1").await;
}

#[tokio::test]
async fn renewals_count_as_what_their_user_asks_and_one_too_many_changes_nothing() {
    let limits = ServerLimits { idle_ms: FOREVER_MS, user_requests_per_s: 1, ..ServerLimits::default() };
    let server = TestServer::start(agent(None), limits).await;
    let mut client = call(&server).await;
    let bearer = format!("Authorization: {}\r\n", server.access.bearer());
    // Where a second passes between two requests there is one more.
    let refused = loop {
        no_hang(async { while server.post("/v1/tickets", &bearer).await.status != 429 {} }).await;
        let answer = renew(&mut client, &token_for(&server.access, USER, MINUTE)).await;
        match answer {
            ServerMessage::Error { code, .. } => break code,
            _ => pass(Duration::from_secs(1)).await,
        }
    };
    assert_eq!(refused, ErrorCode::OverLimit);
    client.send(r#"{"type":"bye"}"#).await;
    assert_eq!(client.bye().await, "caller_hung_up");
}

#[tokio::test]
async fn a_call_does_not_change_hands() {
    let server = start().await;
    let (colleague, stranger) = (UserId(Uuid::from_u128(20)), UserId(Uuid::from_u128(21)));
    let store = &server.access.store;
    store.ensure_development(TENANT, colleague, Role::Member).await.unwrap();
    store.ensure_development(TenantId(Uuid::from_u128(22)), stranger, Role::Member).await.unwrap();
    for other in [colleague, stranger] {
        let mut client = call(&server).await;
        client.auth(&token_for(&server.access, other, MINUTE)).await;
        assert_eq!(end(&mut client).await, ("unauthorized".to_owned(), 4401));
    }
}
