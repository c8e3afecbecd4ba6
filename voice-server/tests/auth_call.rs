//! The ways into a call: header, ticket, subprotocol and first message; which pages may use them, and how many calls a
//! tenant's plan allows.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod auth_support;
mod serve_support;

use auth_support::pass;
use futures::{SinkExt, StreamExt};
use secrecy::ExposeSecret;
use serve_support::access_support::{Access, TENANT, USER};
use serve_support::{Client, Received, TestServer, agent, no_hang};
use std::time::Duration;
use time::OffsetDateTime;
use tokio_tungstenite::tungstenite::{self, Message};
use uuid::Uuid;
use voice_core::transport::native::{ErrorCode, ServerMessage};
use voice_server::store::{CallEnd, CallStart, Entry, Header, TenantChange};
use voice_server::{CallUuid, Principal, Role, ServerLimits, TenantId, UserId};

const PAGE: &str = "Origin: https://app.example\r\n";

async fn start(limits: ServerLimits) -> TestServer {
    TestServer::start(agent(None), limits).await
}

/// Pages of `https://app.example` may call, by the tenant's own list.
async fn let_page_call(server: &TestServer) {
    let change = TenantChange { allowed_origins: Some(vec!["https://app.example".into()]), ..TenantChange::default() };
    change_tenant(server, change).await;
}

async fn change_tenant(server: &TestServer, change: TenantChange) {
    let store = &server.access.store;
    store.change_tenant(&admin(server).await, TENANT, &change).await.unwrap();
    // What a user is here is believed for a second.
    pass(Duration::from_secs(1)).await;
}

async fn admin(server: &TestServer) -> Principal {
    let (tenant, admin) = (TenantId(Uuid::from_u128(90)), UserId(Uuid::from_u128(91)));
    let store = &server.access.store;
    store.ensure_development(tenant, admin, Role::PlatformAdmin).await.unwrap();
    store.standing(admin).await.unwrap().unwrap().principal
}

async fn ticket(server: &TestServer, headers: &str) -> String {
    let answer = server.post("/v1/tickets", &format!("Authorization: {}\r\n{headers}", server.access.bearer())).await;
    assert!(answer.status == 201 && answer.head.contains("no-store"), "{answer:?}");
    let ticket: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(ticket["expires_in_ms"], 30_000);
    ticket["ticket"].as_str().unwrap().to_owned()
}

async fn spend(server: &TestServer, ticket: &str, headers: &str) -> u16 {
    server.open_call(&format!("/v1/call?ticket={ticket}"), headers).await.status
}

#[tokio::test]
async fn a_ticket_opens_one_call_on_its_own_page_within_half_a_minute() {
    let server = start(ServerLimits::default()).await;
    let_page_call(&server).await;
    let good = ticket(&server, PAGE).await;
    assert_eq!(spend(&server, &good, PAGE).await, 101);
    assert_eq!(spend(&server, &good, PAGE).await, 401, "a second time");
    let stolen = ticket(&server, PAGE).await;
    assert_eq!(spend(&server, &stolen, "Origin: https://evil.example\r\n").await, 401);
    assert_eq!(spend(&server, &stolen, PAGE).await, 401, "it is spent");
    assert_eq!(spend(&server, &ticket(&server, "").await, PAGE).await, 401, "it was made for no page");
    let old = ticket(&server, PAGE).await;
    pass(Duration::from_secs(30)).await;
    assert_eq!(spend(&server, &old, PAGE).await, 401);
    for guess in ["", "x", "AAAAAAAAAAAAAAAAAAAAAA", &good[1..]] {
        assert_eq!(spend(&server, guess, PAGE).await, 401, "{guess}");
    }
    server.until_metric("voice_auth_refused_total{reason=\"ticket\"} 9").await;
}

#[tokio::test]
async fn a_page_of_another_host_may_ask_for_a_ticket_and_for_nothing_else() {
    let server = start(ServerLimits::default()).await;
    let ask = |method: &str| format!("{PAGE}Access-Control-Request-Method: {method}\r\n");
    let allowed = |head: &str| head.contains("access-control-allow-origin: https://app.example\r\n");
    assert!(allowed(&server.preflight("/v1/tickets", &ask("POST")).await.head));
    assert!(!allowed(&server.preflight("/v1/me", &ask("GET")).await.head));
    let answer = server.post("/v1/tickets", &format!("{PAGE}Authorization: {}\r\n", server.access.bearer())).await;
    assert!(answer.status == 201 && allowed(&answer.head), "{answer:?}");
}

#[tokio::test]
async fn a_ticket_is_of_no_use_once_its_tenant_is_suspended() {
    let server = start(ServerLimits::default()).await;
    let ticket = ticket(&server, "").await;
    let status = Some(voice_server::store::TenantStatus::Suspended);
    change_tenant(&server, TenantChange { status, ..TenantChange::default() }).await;
    assert_eq!(spend(&server, &ticket, "").await, 403);
}

#[tokio::test]
async fn a_token_among_the_subprotocols_is_taken_and_not_sent_back() {
    let server = start(ServerLimits::default()).await;
    let token = server.access.token();
    let offer = |names: &str| format!("Sec-WebSocket-Protocol: {names}\r\n");
    let both = offer(&format!("voice.v1, bearer.{}", token.expose_secret()));
    let answer = server.open_call("/v1/call", &both).await;
    assert_eq!(answer.status, 101);
    assert!(answer.head.contains("sec-websocket-protocol: voice.v1\r\n"), "{answer:?}");
    assert!(!answer.head.contains(token.expose_secret()), "{answer:?}");
    assert_eq!(server.open_call("/v1/call", &offer("voice.v1, bearer.a.b.c")).await.status, 401);
}

#[tokio::test]
async fn a_token_in_the_address_is_refused_with_a_hint_even_if_it_is_good() {
    let server = start(ServerLimits::default()).await;
    let (token, bearer) = (server.access.token(), server.access.bearer());
    for name in ["token", "access_token", "TOKEN", "%74oken"] {
        let path = format!("/v1/call?x=1&{name}={}", token.expose_secret());
        let answer = server.open_call(&path, &format!("Authorization: {bearer}\r\n")).await;
        assert!(answer.status == 400 && answer.body.contains("/v1/tickets"), "{answer:?}");
        assert!(!answer.body.contains(token.expose_secret()));
    }
}

#[tokio::test]
async fn only_pages_of_this_host_and_of_the_two_lists_may_call() {
    let limits = ServerLimits { allowed_origins: vec!["https://ours.example".into()], ..ServerLimits::default() };
    let server = start(limits).await;
    let_page_call(&server).await;
    let bearer = format!("Authorization: {}\r\n", server.access.bearer());
    for (origin, status) in [
        ("https://app.example", 101),
        ("https://ours.example", 101),
        ("http://x", 101),
        ("https://evil.example", 403),
        ("http://app.example", 403),
        ("https://app.example.evil.example", 403),
        ("null", 403),
    ] {
        let answer = server.open_call("/v1/call", &format!("{bearer}Origin: {origin}\r\n")).await;
        assert_eq!(answer.status, status, "{origin}");
    }
}

#[tokio::test]
async fn who_says_first_who_they_are_has_a_call_like_any_other() {
    let server = start(ServerLimits::default()).await;
    let mut client = Client::stranger(&server).await.unwrap();
    client.auth(server.access.token().expose_secret()).await;
    client.hello(r#"{"type":"hello","protocol":1}"#).await;
    client.send(r#"{"type":"bye"}"#).await;
    assert_eq!(client.bye().await, "caller_hung_up");
}

/// What a client is told that sends `first` and nothing else: the error's code, and the code of the close.
async fn refusal(server: &TestServer, first: Option<Message>) -> (ErrorCode, String, u16) {
    let mut client = Client::stranger(server).await.unwrap();
    if let Some(first) = first {
        client.socket.send(first).await.unwrap();
    }
    let Received::Message(ServerMessage::Error { code, .. }) = client.receive().await else { panic!("no error") };
    let Received::Message(ServerMessage::Bye { reason }) = client.receive().await else { panic!("no bye") };
    match no_hang(client.socket.next()).await {
        Some(Ok(Message::Close(Some(frame)))) => (code, reason, frame.code.into()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn who_does_not_say_first_who_they_are_is_sent_away() {
    let server = start(ServerLimits { handshake_ms: 200, ..ServerLimits::default() }).await;
    let unauthorized = (ErrorCode::Unauthorized, "unauthorized".to_owned(), 4401);
    for first in [
        None,
        Some(Message::text(r#"{"type":"hello","protocol":1}"#)),
        Some(Message::text(r#"{"type":"auth","token":"a.b.c"}"#)),
        Some(Message::text(format!(r#"{{"type":"auth","token":"{}"}}"#, "x".repeat(8 * 1024 + 1)))),
        Some(Message::text("x".repeat(60_000))),
        Some(Message::binary(vec![1; 656])),
        Some(Message::text("")),
    ] {
        assert_eq!(refusal(&server, first).await, unauthorized);
    }
    server.until_metric("voice_calls_started_total 0").await;
}

#[tokio::test]
async fn a_foreign_page_is_found_out_when_it_has_said_who_it_is() {
    let server = start(ServerLimits::default()).await;
    let mut client = Client::stranger_of_page(&server, "https://evil.example").await.unwrap();
    client.auth(server.access.token().expose_secret()).await;
    let error = client.until(|message| matches!(message, ServerMessage::Error { .. })).await;
    assert!(matches!(error, ServerMessage::Error { code: ErrorCode::Unauthorized, .. }), "{error:?}");
    assert_eq!(client.bye().await, "unauthorized");
}

#[tokio::test]
async fn those_who_say_nothing_are_few_and_take_no_place_from_those_who_are_known() {
    let server = start(ServerLimits { strangers_of_address: 2, max_calls: 3, ..ServerLimits::default() }).await;
    let strangers = [Client::stranger(&server).await.unwrap(), Client::stranger(&server).await.unwrap()];
    let refused = Client::stranger(&server).await.err();
    let Some(tungstenite::Error::Http(answer)) = refused else { panic!("{refused:?}") };
    assert!(answer.status().as_u16() == 429 && answer.headers().contains_key("retry-after"));
    let calls = [Client::call(&server).await, Client::call(&server).await];
    drop(strangers);
    no_hang(async { while Client::stranger(&server).await.is_err() {} }).await;
    drop(calls);
}

/// The plan that comes with every store: five calls at a time, 1,000 minutes a month.
async fn on_the_starter_plan(server: &TestServer) {
    let store = &server.access.store;
    let plans = store.plans(&admin(server).await).await.unwrap();
    let starter = plans.iter().find(|plan| (plan.max_concurrent_calls, plan.max_call_minutes) == (5, 1_000)).unwrap();
    change_tenant(server, TenantChange { plan_id: Some(starter.id), ..TenantChange::default() }).await;
}

#[tokio::test]
async fn a_tenant_has_as_many_calls_as_its_plan_allows_and_others_have_theirs() {
    let server = start(ServerLimits::default()).await;
    on_the_starter_plan(&server).await;
    let mut calls = Vec::new();
    for _ in 0..5 {
        calls.push(Client::call(&server).await);
    }
    let bearer = format!("Authorization: {}\r\n", server.access.bearer());
    let refused = server.open_call("/v1/call", &bearer).await;
    assert!(refused.status == 429 && refused.head.contains("retry-after: 1\r\n"), "{refused:?}");
    assert!(refused.body.contains("5 calls at a time"), "{refused:?}");
    server.until_metric("voice_calls_refused_total{reason=\"tenant_calls\"} 1").await;
    let told = refusal_of_known(&server).await;
    assert_eq!(told, (ErrorCode::OverLimit, "over_limit".to_owned(), 4429));

    let other = admin(&server).await;
    let token = server.access.issuer.sign(other.user(), Duration::from_secs(60)).unwrap();
    let bearer_of_other = format!("Authorization: Bearer {}\r\n", token.expose_secret());
    assert_eq!(server.open_call("/v1/call", &bearer_of_other).await.status, 101, "another tenant");

    drop(calls.pop());
    no_hang(async { while server.open_call("/v1/call", &bearer).await.status != 101 {} }).await;
}

async fn refusal_of_known(server: &TestServer) -> (ErrorCode, String, u16) {
    let token = server.access.token();
    refusal(server, Some(Message::text(format!(r#"{{"type":"auth","token":"{}"}}"#, token.expose_secret())))).await
}

async fn talk(access: &Access, ended_at: OffsetDateTime, minutes: i64) {
    let duration_ms = minutes * 60_000;
    let header = Header { tenant: TENANT, call: CallUuid(Uuid::now_v7()), started_at: ended_at };
    let start = CallStart { header, user: USER, lead: None, server: Uuid::now_v7() };
    let end = CallEnd {
        header,
        ended_at,
        duration_ms,
        reason: "caller_hung_up".into(),
        turns: 0,
        barge_ins: 0,
        resumes: 0,
        voice_to_voice_p50_ms: None,
        utterances: 0,
        cost_micros: None,
        currency: None,
        cost: None,
    };
    access.store.write(&[Entry::CallStart(start), Entry::CallEnd(Box::new(end))]).await.unwrap();
}

#[tokio::test]
async fn a_tenant_that_has_talked_its_minutes_waits_for_the_next_month() {
    let server = start(ServerLimits::default()).await;
    on_the_starter_plan(&server).await;
    let bearer = format!("Authorization: {}\r\n", server.access.bearer());
    talk(&server.access, OffsetDateTime::now_utc(), 999).await;
    talk(&server.access, OffsetDateTime::now_utc() - time::Duration::days(40), 1_000).await;
    assert_eq!(server.open_call("/v1/call", &bearer).await.status, 101, "a minute is left, and last month is over");
    talk(&server.access, OffsetDateTime::now_utc(), 1).await;
    pass(Duration::from_secs(15)).await;
    let refused = server.open_call("/v1/call", &bearer).await;
    assert!(refused.status == 429 && refused.body.contains("1000 minutes of calls a month"), "{refused:?}");
    let wait = refused.head.lines().find_map(|line| line.strip_prefix("retry-after: ")).unwrap();
    assert!((1..=31 * 86_400).contains(&wait.parse::<u64>().unwrap()), "{wait}");
    server.until_metric("voice_calls_refused_total{reason=\"tenant_minutes\"} 1").await;
}

#[tokio::test]
async fn a_tenant_that_asks_too_often_is_told_to_wait_and_others_are_not() {
    let server = start(ServerLimits { tenant_requests_per_s: 1, ..ServerLimits::default() }).await;
    let bearer = format!("Authorization: {}\r\n", server.access.bearer());
    let mut last = server.post("/v1/tickets", &bearer).await;
    while last.status == 201 {
        last = server.post("/v1/tickets", &bearer).await;
    }
    assert!(last.status == 429 && last.head.contains("retry-after: 1\r\n"), "{last:?}");
    let token = server.access.issuer.sign(admin(&server).await.user(), Duration::from_secs(60)).unwrap();
    let other = format!("Authorization: Bearer {}\r\n", token.expose_secret());
    assert_eq!(server.post("/v1/tickets", &other).await.status, 201);
}
