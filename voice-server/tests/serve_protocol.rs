//! The protocol over real sockets: a right client, wrong ones, and two at once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod serve_support;

use futures::SinkExt;
use futures::stream::StreamExt;
use serve_support::{Client, Received, TestServer, agent};
use std::sync::Arc;
use tokio_tungstenite::tungstenite::Message;
use voice_core::stage::{Llm, LlmRequest, LlmStream};
use voice_core::transport::native::{AudioFormat, Encoding, ErrorCode, ServerMessage};
use voice_server::ServerLimits;

#[tokio::test]
async fn a_call_from_hello_to_bye() {
    let server = TestServer::start(agent(Some("Hello.")), ServerLimits::default()).await;
    let mut client = Client::connect(&server).await.unwrap();
    client.send(r#"{"type":"hello","protocol":1,"audio":{"encoding":"pcm16","rate":24000}}"#).await;
    let Received::Message(ServerMessage::Ready { protocol: 1, audio, call_id, resume: None }) = client.receive().await
    else {
        panic!("no ready");
    };
    assert_eq!(audio, AudioFormat { encoding: Encoding::Pcm16, rate: 24_000 });
    assert!(!call_id.is_empty());
    let mut next = 0;
    let total = loop {
        match client.receive().await {
            Received::Audio { reply, position, payload } => {
                assert_eq!((reply, position), (1, next), "audio has no gap");
                next += payload.len() as u64 / 2;
            }
            Received::Message(ServerMessage::AudioEnd { reply: 1, total_samples }) => break total_samples,
            Received::Message(_) => {}
            Received::Closed => panic!("closed"),
        }
    };
    assert_eq!(next, total);
    let turn = client.until(|message| matches!(message, ServerMessage::Turn(_))).await;
    let ServerMessage::Turn(turn) = turn else { panic!("{turn:?}") };
    assert_eq!((turn.reply_text.as_str(), turn.heard_text.as_str()), ("Hello.", "Hello."));
    assert_eq!(turn.outcome, "completed");
    client.send(r#"{"type":"bye"}"#).await;
    assert_eq!(client.bye().await, "caller_hung_up");
    server.until_metric("voice_calls_active 0").await;
    server.until_metric("voice_calls_ended_total{reason=\"caller_hung_up\"} 1").await;
    server.stopped().await;
}

#[tokio::test]
async fn what_a_client_asks_to_say_is_said() {
    let server = TestServer::start(agent(None), ServerLimits::default()).await;
    let mut client = Client::call(&server).await;
    client.send(r#"{"type":"say","text":"Yes."}"#).await;
    let said = |message: &ServerMessage| matches!(message, ServerMessage::AgentText { text, outcome: Some(_), .. } if text.trim() == "Yes.");
    client.until(said).await;
}

#[tokio::test]
async fn an_interrupted_reply_is_cleared_and_not_one_sample_of_it_follows() {
    let greeting = "This is a long greeting that nobody wants to hear to its end. ".repeat(5);
    let server = TestServer::start(agent(Some(&greeting)), ServerLimits::default()).await;
    let mut client = Client::call(&server).await;
    while !matches!(client.receive().await, Received::Audio { reply: 1, .. }) {}
    client.send(r#"{"type":"interrupt"}"#).await;
    client.until(|message| matches!(message, ServerMessage::Clear { reply: 1 })).await;
    client.send(r#"{"type":"say","text":"Sorry."}"#).await;
    let mut barge_in = None;
    loop {
        match client.receive().await {
            Received::Audio { reply, .. } => assert!(reply > 1, "audio of reply {reply} after its clear"),
            Received::Message(ServerMessage::BargeIn(report)) => barge_in = Some(report),
            Received::Message(ServerMessage::AudioEnd { reply, .. }) => break assert!(reply > 1),
            Received::Message(_) => {}
            Received::Closed => panic!("closed"),
        }
    }
    let barge_in = barge_in.expect("a barge-in is told");
    assert_eq!((barge_in.decision.as_str(), barge_in.cause.as_str(), barge_in.reply), ("committed", "command", 1));
    assert!(greeting.starts_with(&barge_in.heard_text) && barge_in.heard_text.len() < greeting.len());
}

#[tokio::test]
async fn mulaw_and_opus_are_spoken() {
    let server = TestServer::start(agent(Some("Hi.")), ServerLimits::default()).await;
    for (audio, largest) in
        [(r#"{"encoding":"mulaw","rate":8000}"#, 160), (r#"{"encoding":"opus","rate":48000}"#, 1_275)]
    {
        let mut client = Client::connect(&server).await.unwrap();
        client.hello(&format!(r#"{{"type":"hello","protocol":1,"audio":{audio}}}"#)).await;
        loop {
            match client.receive().await {
                Received::Audio { payload, .. } => break assert!((1..=largest).contains(&payload.len())),
                Received::Message(_) => {}
                Received::Closed => panic!("closed"),
            }
        }
    }
}

#[tokio::test]
async fn a_wrong_hello_is_refused_with_the_reason() {
    let server = TestServer::start(agent(None), ServerLimits::default()).await;
    for (first, part) in [
        (Message::text(r#"{"type":"hello","protocol":9}"#), "protocol 9"),
        (Message::text(r#"{"type":"bye"}"#), "hello"),
        (Message::text("hello"), "cannot be read"),
        (Message::binary(vec![0; 700]), "hello"),
    ] {
        let mut client = Client::connect(&server).await.unwrap();
        client.socket.send(first).await.unwrap();
        is_refused(&mut client, part).await;
    }
    server.until_metric("voice_handshakes_failed_total 4").await;
    server.until_metric("voice_calls_started_total 0").await;
}

#[tokio::test]
async fn a_hello_that_does_not_come_is_not_waited_for() {
    let limits = ServerLimits { handshake_ms: 100, ..ServerLimits::default() };
    let server = TestServer::start(agent(None), limits).await;
    is_refused(&mut Client::connect(&server).await.unwrap(), "no hello came within 100 ms").await;
    server.until_metric("voice_handshakes_failed_total 1").await;
}

async fn is_refused(client: &mut Client, part: &str) {
    let error = client.receive().await;
    let Received::Message(ServerMessage::Error { code: ErrorCode::Handshake, message }) = error else {
        panic!("{error:?}");
    };
    assert!(message.contains(part), "{message}");
    assert_eq!(client.bye().await, "handshake_failed");
}

#[tokio::test]
async fn wrong_messages_are_answered_and_the_call_goes_on() {
    let server = TestServer::start(agent(None), ServerLimits::default()).await;
    let mut client = Client::call(&server).await;
    let is_error = |message: &ServerMessage| matches!(message, ServerMessage::Error { .. });
    for (text, expected) in [
        ("{", ErrorCode::MalformedMessage),
        (r#"{"type":"dance"}"#, ErrorCode::UnknownType),
        (r#"{"type":"dtmf","digit":"x"}"#, ErrorCode::InvalidValue),
        (r#"{"type":"played","reply":1,"samples":1}"#, ErrorCode::InvalidValue),
    ] {
        client.send(text).await;
        let error = client.until(is_error).await;
        assert!(matches!(error, ServerMessage::Error { code, .. } if code == expected), "{error:?}");
    }
    client.send_audio(0, &[0; 641]).await;
    let error = client.until(is_error).await;
    assert!(matches!(error, ServerMessage::Error { code: ErrorCode::MalformedAudio, .. }), "{error:?}");
    client.send_audio(0, &[0; 640]).await;
    client.send(r#"{"type":"bye"}"#).await;
    assert_eq!(client.bye().await, "caller_hung_up");
}

#[tokio::test]
async fn a_call_that_is_all_wrong_ends_and_its_neighbour_does_not_notice() {
    let server =
        TestServer::start(agent(Some("Good morning.")), ServerLimits { max_errors: 5, ..ServerLimits::default() })
            .await;
    let (mut wrong, mut right) = (Client::call(&server).await, Client::call(&server).await);
    for _ in 0..6 {
        wrong.send("nonsense").await;
    }
    assert_eq!(wrong.bye().await, "line_lost");
    let ended = right.until(|message| matches!(message, ServerMessage::Turn(_))).await;
    assert!(matches!(ended, ServerMessage::Turn(turn) if turn.outcome == "completed"));
    right.send(r#"{"type":"bye"}"#).await;
    assert_eq!(right.bye().await, "caller_hung_up");
}

/// A model with a fault in it.
struct Panicking;

impl Llm for Panicking {
    fn generate(&self, _request: LlmRequest) -> LlmStream {
        futures::stream::poll_fn(|_| panic!("a fault on purpose")).boxed()
    }
}

#[tokio::test]
async fn a_panic_ends_its_call_only() {
    let mut agent = agent(Some("Hi."));
    agent.llm = Arc::new(Panicking);
    let server = TestServer::start(agent, ServerLimits::default()).await;
    let (mut doomed, mut other) = (Client::call(&server).await, Client::call(&server).await);
    // Keys are a turn: the model is asked.
    doomed.send(r#"{"type":"dtmf","digit":"1"}"#).await;
    while !matches!(doomed.receive().await, Received::Closed) {}
    server.until_metric("voice_call_panics_total 1").await;
    server.until_metric("voice_calls_active 1").await;
    other.send(r#"{"type":"bye"}"#).await;
    assert_eq!(other.bye().await, "caller_hung_up");
}
