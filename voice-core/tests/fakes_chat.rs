//! The chat and speech fakes over real sockets, spoken to in bytes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]

use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use voice_core::provider::fakes::{ChatFake, ChatStyle, Fakes, FakesConfig, Fault, FaultRule, RetryAfter, Service};
use voice_core::provider::scripted::{LlmConfig, LlmFault, LlmReply, ScriptedLlm};

/// How long anything may take.
const DEADLINE: Duration = Duration::from_secs(10);

async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, what).await.expect("within the deadline")
}

fn brain(reply: LlmReply) -> ChatFake {
    let brain = Arc::new(ScriptedLlm::new(LlmConfig::default(), vec![reply]));
    ChatFake { brain, ..ChatFake::default() }
}

async fn start(chat: ChatFake, rules: impl IntoIterator<Item = FaultRule>) -> Fakes {
    let faults = voice_core::provider::fakes::FaultScript::new(rules);
    Fakes::start(FakesConfig { chat, faults, key: Some("sk-right".into()), ..FakesConfig::default() }).await.unwrap()
}

/// A connection on which this was asked; the server closes it after the answer.
async fn ask(fakes: &Fakes, method: &str, path: &str, key: &str, body: &str) -> TcpStream {
    let mut stream = within(TcpStream::connect(fakes.address())).await.unwrap();
    let head =
        format!("{method} {path} HTTP/1.1\r\nhost: fake\r\nauthorization: Bearer {key}\r\nconnection: close\r\n");
    let request = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
    within(stream.write_all(request.as_bytes())).await.unwrap();
    stream
}

fn question() -> String {
    json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": "Hi."}]}).to_string()
}

/// The head of an answer and its body with the chunked coding undone.
async fn answer(mut stream: TcpStream) -> (String, Vec<u8>) {
    let mut bytes = Vec::new();
    within(stream.read_to_end(&mut bytes)).await.unwrap();
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a head") + 4;
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let body = &bytes[end..];
    let is_chunked = head.contains("transfer-encoding: chunked");
    (head, if is_chunked { unchunked(body) } else { body.to_vec() })
}

fn unchunked(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(line) = body.windows(2).position(|window| window == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&body[..line]).unwrap(), 16).expect("a size");
        whole.extend(&body[line + 2..line + 2 + size]);
        body = &body[line + 2 + size + 2..];
    }
    whole
}

async fn chat(fakes: &Fakes) -> (String, String) {
    let (head, body) = answer(ask(fakes, "POST", "/v1/chat/completions", "sk-right", &question()).await).await;
    (head, String::from_utf8(body).unwrap())
}

#[tokio::test]
async fn an_answer_is_streamed_with_its_limits_in_the_head() {
    let fakes = start(brain(LlmReply::text("Good day to you.")), []).await;
    let (head, body) = chat(&fakes).await;
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("x-ratelimit-reset-requests: 6m30s"), "{head}");
    assert!(head.contains("content-type: text/event-stream") && body.ends_with("data: [DONE]\n\n"), "{body}");
    let counts = fakes.log().counts().chat;
    assert_eq!((counts.requests, counts.tokens, counts.finished, counts.cancelled), (1, 4, 1, 0));
}

#[tokio::test]
async fn what_the_fake_takes_for_itself_is_noted() {
    let fakes = start(ChatFake { ttft_ms: 40, ..brain(LlmReply::text("Good day to you.")) }, []).await;
    for _ in 0..2 {
        chat(&fakes).await;
    }
    let answers = fakes.log().answers();
    let noted: Vec<_> = answers.iter().map(|answer| (answer.service, answer.number)).collect();
    assert_eq!(noted, [(Service::Chat, 1), (Service::Chat, 2)]);
    assert!(answers.iter().all(|answer| answer.answered - answer.asked >= Duration::from_millis(40)), "{answers:?}");
    assert!(answers[1].asked >= answers[0].answered);
}

#[tokio::test]
async fn one_byte_writes_change_nothing_but_the_writes() {
    let rules = [FaultRule::new(Service::Chat, Fault::SplitWrites { bytes: 1 }).on(2)];
    let fakes = start(brain(LlmReply::text("Grüße, 🙂.")), rules).await;
    let (whole, cut) = (chat(&fakes).await.1, chat(&fakes).await.1);
    assert_eq!(whole.replace("chatcmpl-1", ""), cut.replace("chatcmpl-2", ""));
}

#[tokio::test]
async fn a_client_that_leaves_stops_the_brain() {
    let fakes = start(brain(LlmReply::text("and on ").fault(LlmFault::Endless)), []).await;
    let mut stream = ask(&fakes, "POST", "/v1/chat/completions", "sk-right", &question()).await;
    within(fakes.log().until(|counts| counts.chat.tokens > 3)).await;
    within(stream.read_u8()).await.unwrap();
    drop(stream);
    let counts = within(fakes.log().until(|counts| counts.chat.cancelled == 1)).await.chat;
    assert_eq!((counts.finished, counts.late_tokens), (0, 0));
}

#[tokio::test]
async fn a_wrong_key_is_refused_and_openai_shows_part_of_it() {
    let fakes = start(ChatFake { style: ChatStyle::OpenAi, ..ChatFake::default() }, []).await;
    let (head, body) = answer(ask(&fakes, "GET", "/v1/models", "sk-wrong-and-long", "").await).await;
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert!(head.starts_with("HTTP/1.1 401"), "{head}");
    assert!(body["error"]["message"].as_str().unwrap().contains("sk-wrong********long"), "{body}");
}

#[tokio::test]
async fn models_are_listed() {
    let chat = ChatFake { models: Some(vec!["llama".into()]), ..ChatFake::default() };
    let fakes = start(chat, []).await;
    let (_, body) = answer(ask(&fakes, "GET", "/v1/models", "sk-right", "").await).await;
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["data"][0]["id"], "llama");
    assert!(chat_head(&fakes).await.starts_with("HTTP/1.1 404"));
}

async fn chat_head(fakes: &Fakes) -> String {
    chat(fakes).await.0
}

#[tokio::test]
async fn refusals_have_their_status_their_retry_after_and_a_proxys_page() {
    let refuse = |status, retry_after_ms, body: Option<&str>| {
        let body = body.map(String::from);
        FaultRule::new(Service::Chat, Fault::Refuse { status, retry_after_ms, body })
    };
    let rules = [
        refuse(429, Some(1_500), None).on(1),
        refuse(429, None, None).on(2),
        refuse(498, None, None).on(3),
        refuse(503, None, Some("<html>Bad gateway</html>")).on(4),
    ];
    let fakes = start(ChatFake::default(), rules.clone()).await;
    let (head, body) = chat(&fakes).await;
    assert!(head.starts_with("HTTP/1.1 429") && head.contains("retry-after: 1.5\r\n"), "{head}");
    assert!(body.contains("rate_limit_exceeded"), "{body}");
    assert!(!chat_head(&fakes).await.contains("retry-after"));
    assert!(chat(&fakes).await.1.contains("capacity_exceeded"));
    let (head, body) = chat(&fakes).await;
    assert!(head.contains("text/html") && body.starts_with("<html>"), "{head}{body}");
    for (retry_after, expected) in [(RetryAfter::Seconds, "retry-after: 2\r\n"), (RetryAfter::Date, " GMT\r\n")] {
        let fakes = start(ChatFake { retry_after, ..ChatFake::default() }, rules.clone()).await;
        let head = chat_head(&fakes).await;
        assert!(head.contains("retry-after: ") && head.contains(expected), "{head}");
    }
}

#[tokio::test]
async fn an_error_in_mid_stream_comes_after_its_events_and_ends_it() {
    let rule = FaultRule::new(Service::Chat, Fault::ErrorMessage).after_messages(2);
    let fakes = start(brain(LlmReply::text("Good day to you.")), [rule]).await;
    let (_, body) = chat(&fakes).await;
    assert!(body.contains("\"Good \"") && !body.contains("\"day \""), "{body}");
    assert!(body.trim_end().lines().nth_back(1) == Some("event: error"), "{body}");
}

#[tokio::test]
async fn speech_is_pcm_or_wav_and_has_an_odd_byte_if_it_must() {
    let speech = voice_core::provider::fakes::SpeechFake {
        end: voice_core::provider::fakes::SpeechEnd::OddByte,
        ..Default::default()
    };
    let fakes = Fakes::start(FakesConfig { speech, ..FakesConfig::default() }).await.unwrap();
    let ask_for = async |format: &str| {
        let body = json!({"model": "m", "input": "0123456789", "voice": "v", "response_format": format}).to_string();
        answer(ask(&fakes, "POST", "/v1/audio/speech", "any", &body).await).await
    };
    let (head, pcm) = ask_for("pcm").await;
    assert!(head.contains("content-type: audio/pcm"), "{head}");
    assert!(pcm.len() % 2 == 1 && pcm.len().abs_diff(600 * 24 * 2) <= 5, "{} bytes", pcm.len());
    let (_, wav) = ask_for("wav").await;
    assert_eq!((&wav[..4], wav.len()), (&b"RIFF"[..], pcm.len() + 44));
    assert!(ask_for("mp3").await.0.starts_with("HTTP/1.1 400"));
    let counts = fakes.log().counts().speech;
    assert_eq!((counts.finished, counts.cancelled, counts.characters), (2, 0, 20));
}
