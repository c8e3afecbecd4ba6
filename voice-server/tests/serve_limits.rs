//! What a server bears of its clients, and how it ends.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod serve_support;

use secrecy::ExposeSecret;
use serve_support::{Client, Received, TestServer, agent, no_hang};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite;
use uuid::Uuid;
use voice_core::transport::native::{ErrorCode, ServerMessage};
use voice_server::{Role, ServerLimits, TenantId, UserId};

/// Longer than it takes to be refused by a server that shuts down.
const DRAIN_MS: u64 = 10_000;

/// Calls end by themselves or the test hangs: shutdown ends none.
const NO_DRAIN_LIMIT: u64 = 3_600_000;

async fn error_of(client: &mut Client) -> (ErrorCode, String) {
    match client.until(|message| matches!(message, ServerMessage::Error { .. })).await {
        ServerMessage::Error { code, message } => (code, message),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_message_over_the_limit_ends_the_call_with_the_reason() {
    let server = TestServer::start(agent(None), ServerLimits::default()).await;
    let mut client = Client::call(&server).await;
    client.send_audio(0, &vec![0; 64 * 1024]).await;
    let (code, message) = error_of(&mut client).await;
    assert_eq!(code, ErrorCode::Connection, "{message}");
    client.until(|message| matches!(message, ServerMessage::Bye { reason } if reason == "line_lost")).await;
    server.until_metric("voice_calls_active 0").await;
}

#[tokio::test]
async fn a_client_that_stops_reading_is_given_up() {
    let long = "And so on. ".repeat(300);
    let limits = ServerLimits { send_buffer_bytes: 4_096, drain_ms: NO_DRAIN_LIMIT, ..ServerLimits::default() };
    let server = TestServer::start(agent(Some(&long)), limits).await;
    let mut client = Client::with_small_buffer(&server).await;
    client.hello(r#"{"type":"hello","protocol":1,"audio":{"encoding":"pcm16","rate":48000}}"#).await;
    server.until_metric("voice_calls_active 1").await;
    server.stopped().await;
    drop(client);
}

#[tokio::test]
async fn a_client_that_vanishes_ends_its_call() {
    let limits = ServerLimits { drain_ms: NO_DRAIN_LIMIT, ..ServerLimits::default() };
    let server = TestServer::start(agent(Some("Hello there.")), limits).await;
    let client = Client::call(&server).await;
    server.until_metric("voice_calls_active 1").await;
    drop(client);
    server.until_metric("voice_calls_active 0").await;
    server.until_metric("voice_calls_ended_total{reason=\"line_lost\"} 1").await;
    server.stopped().await;
}

#[tokio::test]
async fn a_client_that_sends_nothing_is_given_up() {
    let server = TestServer::start(agent(None), ServerLimits { idle_ms: 200, ..ServerLimits::default() }).await;
    let mut client = Client::call(&server).await;
    let (code, message) = error_of(&mut client).await;
    assert_eq!((code, message.as_str()), (ErrorCode::Connection, "nothing was received for 200 ms"));
    assert_eq!(client.bye().await, "line_lost");
}

#[tokio::test]
async fn audio_faster_than_real_time_is_dropped_and_the_call_goes_on() {
    let server = TestServer::start(agent(None), ServerLimits::default()).await;
    let mut client = Client::call(&server).await;
    for second in 0..20 {
        client.send_audio(second * 16_000, &[0; 32_000]).await;
    }
    let (code, message) = error_of(&mut client).await;
    assert_eq!(code, ErrorCode::TooFast, "{message}");
    client.send(r#"{"type":"bye"}"#).await;
    assert_eq!(client.bye().await, "caller_hung_up");
}

#[tokio::test]
async fn a_call_over_the_limit_gets_503_until_there_is_room() {
    let server = TestServer::start(agent(None), ServerLimits { max_calls: 1, ..ServerLimits::default() }).await;
    assert!(server.get("/readyz").await.starts_with("HTTP/1.1 200"));
    let mut first = Client::call(&server).await;
    let refused = Client::connect(&server).await.err();
    let Some(tungstenite::Error::Http(answer)) = refused else { panic!("{refused:?}") };
    assert_eq!(answer.status().as_u16(), 503);
    assert!(answer.headers().contains_key("retry-after"));
    assert!(server.get("/readyz").await.starts_with("HTTP/1.1 503"));
    assert!(server.get("/healthz").await.starts_with("HTTP/1.1 200"), "full is not ill");
    server.until_metric("voice_calls_refused_total{reason=\"full\"} 1").await;
    first.send(r#"{"type":"bye"}"#).await;
    first.bye().await;
    no_hang(async { while !server.get("/readyz").await.starts_with("HTTP/1.1 200") {} }).await;
    Client::call(&server).await;
}

#[tokio::test]
async fn a_tenant_at_its_share_of_the_calls_gets_429_and_another_tenant_a_call() {
    let limits = ServerLimits { max_calls: 2, tenant_calls_percent: 50, ..ServerLimits::default() };
    let server = TestServer::start(agent(None), limits).await;
    let _first = Client::call(&server).await;
    let refused = Client::connect(&server).await.err();
    let Some(tungstenite::Error::Http(answer)) = refused else { panic!("{refused:?}") };
    assert_eq!(answer.status().as_u16(), 429);
    assert!(answer.headers().contains_key("retry-after"));
    server.until_metric("voice_calls_refused_total{reason=\"tenant_call_share\"} 1").await;
    let other = UserId(Uuid::from_u128(8));
    server.access.store.ensure_development(TenantId(Uuid::from_u128(9)), other, Role::Member).await.unwrap();
    let token = server.access.issuer.sign(other, Duration::from_secs(60)).unwrap();
    let bearer = format!("Authorization: Bearer {}\r\n", token.expose_secret());
    assert_eq!(server.open_call("/v1/call", &bearer).await.status, 101);
}

#[tokio::test]
async fn a_user_who_calls_too_often_gets_429() {
    let server =
        TestServer::start(agent(None), ServerLimits { user_requests_per_s: 1, ..ServerLimits::default() }).await;
    let bearer = format!("Authorization: {}\r\n", server.access.bearer());
    let answer = no_hang(async {
        loop {
            let answer = server.open_call("/v1/call", &bearer).await;
            if answer.status != 101 {
                return answer;
            }
        }
    })
    .await;
    assert!(answer.status == 429 && answer.head.contains("retry-after: "), "{answer:?}");
    server.until_metric("voice_calls_refused_total{reason=\"too_often\"} 1").await;
}

#[tokio::test]
async fn an_address_has_its_share_of_the_connections_and_calls_are_not_of_them() {
    let server =
        TestServer::start(agent(None), ServerLimits { connections_of_address: 2, ..ServerLimits::default() }).await;
    let mut first = TcpStream::connect(server.address).await.unwrap();
    let second = TcpStream::connect(server.address).await.unwrap();
    let mut third = TcpStream::connect(server.address).await.unwrap();
    let mut told = String::new();
    no_hang(third.read_to_string(&mut told)).await.unwrap();
    assert!(told.starts_with("HTTP/1.1 429 ") && told.contains("retry-after: 1"), "{told}");
    first.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut metrics = String::new();
    no_hang(first.read_to_string(&mut metrics)).await.unwrap();
    assert!(metrics.contains("voice_connections_refused_total 1\n"), "{metrics}");
    let mut calls = Vec::new();
    // A connection that has become a call gives its place back a moment after the client knows.
    no_hang(async {
        while calls.len() < 3 {
            calls.extend(Client::connect(&server).await.ok());
        }
    })
    .await;
    drop(second);
}

#[tokio::test]
async fn shutdown_takes_no_calls_and_ends_what_runs_at_the_drain_limit() {
    let mut server =
        TestServer::start(agent(None), ServerLimits { drain_ms: DRAIN_MS, ..ServerLimits::default() }).await;
    let mut client = Client::call(&server).await;
    server.stop();
    no_hang(async { while !server.get("/readyz").await.starts_with("HTTP/1.1 503") {} }).await;
    let refused = Client::connect(&server).await.err();
    assert!(matches!(refused, Some(tungstenite::Error::Http(answer)) if answer.status().as_u16() == 503));
    tokio::time::pause();
    tokio::time::advance(Duration::from_millis(DRAIN_MS)).await;
    tokio::time::resume();
    assert_eq!(client.bye().await, "shutdown");
    server.stopped().await;
}

#[tokio::test]
async fn shutdown_waits_for_a_call_that_ends_by_itself() {
    let limits = ServerLimits { drain_ms: NO_DRAIN_LIMIT, ..ServerLimits::default() };
    let mut server = TestServer::start(agent(None), limits).await;
    let mut client = Client::call(&server).await;
    server.stop();
    no_hang(async { while !server.get("/readyz").await.starts_with("HTTP/1.1 503") {} }).await;
    client.send(r#"{"type":"bye"}"#).await;
    assert_eq!(client.bye().await, "caller_hung_up");
    server.stopped().await;
}

#[tokio::test]
async fn the_metrics_of_two_servers_do_not_mix() {
    let one = TestServer::start(agent(None), ServerLimits::default()).await;
    let other = TestServer::start(agent(None), ServerLimits::default()).await;
    let _client = Client::call(&one).await;
    one.until_metric("voice_calls_active 1").await;
    let metrics = other.get("/metrics").await;
    assert!(metrics.contains("text/plain") && metrics.contains("voice_calls_active 0"), "{metrics}");
    assert!(metrics.contains("voice_to_voice_seconds"), "{metrics}");
}

#[tokio::test]
async fn a_request_that_is_no_websocket_is_told_so() {
    let server = TestServer::start(agent(None), ServerLimits::default()).await;
    let refused = server.get("/v1/call").await;
    assert!(refused.starts_with("HTTP/1.1 400") && refused.contains("application/problem+json"), "{refused}");
    let wrong_method = server.post("/v1/call", "").await;
    assert!(wrong_method.status == 405 && wrong_method.head.contains("application/problem+json"), "{wrong_method:?}");
    assert!(server.get("/nowhere").await.starts_with("HTTP/1.1 404"));
    let mut client = Client::call(&server).await;
    client.send(r#"{"type":"bye"}"#).await;
    assert!(matches!(client.receive().await, Received::Message(ServerMessage::Cost(_))));
    assert!(matches!(client.receive().await, Received::Message(ServerMessage::Bye { .. })));
}
