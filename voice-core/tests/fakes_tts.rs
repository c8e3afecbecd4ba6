//! The TTS fakes over real sockets, spoken to by a plain client.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use voice_core::provider::fakes::{CancelManner, CartesiaFake, Fakes, FakesConfig, Fault, FaultRule, Service};

/// How long anything may take.
const DEADLINE: Duration = Duration::from_secs(10);

type Client = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Opens a socket at `path`, with one header.
async fn connect(fakes: &Fakes, path: &str, header: (&'static str, &str)) -> Result<Client, Error> {
    let mut request = format!("ws://{}{path}", fakes.address()).into_client_request()?;
    request.headers_mut().insert(header.0, header.1.parse().expect("a header"));
    Ok(within(connect_async(request)).await?.0)
}

async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, what).await.expect("within the deadline")
}

async fn send(client: &mut Client, message: Value) {
    within(client.send(Message::text(message.to_string()))).await.expect("the socket takes it");
}

/// The server's messages up to the first that `is_last` says, and it.
async fn said_until(client: &mut Client, is_last: impl Fn(&Value) -> bool) -> Vec<Value> {
    let mut said = Vec::new();
    loop {
        let message = within(client.next()).await.expect("the socket is open").expect("a message");
        if let Message::Text(text) = message {
            said.push(serde_json::from_str(&text).expect("JSON"));
            if said.last().is_some_and(&is_last) {
                return said;
            }
        }
    }
}

fn status_of(opened: Result<Client, Error>) -> (u16, Value) {
    match opened {
        Err(Error::Http(response)) => {
            let body = response.body().as_deref().unwrap_or_default();
            (response.status().as_u16(), serde_json::from_slice(body).expect("a JSON body"))
        }
        other => panic!("not refused: {other:?}"),
    }
}

mod cartesia {
    use super::*;

    const PATH: &str = "/tts/websocket?cartesia_version=2026-08-14";

    fn request(context: &str, transcript: &str, goes_on: bool) -> Value {
        json!({
            "context_id": context, "model_id": "sonic-3.5", "transcript": transcript, "voice": "a-voice",
            "output_format": {"container": "raw", "encoding": "pcm_s16le", "sample_rate": 24000},
            "max_buffer_delay_ms": 0, "continue": goes_on,
        })
    }

    fn is_done(message: &Value) -> bool {
        message["type"] == "done"
    }

    #[tokio::test]
    async fn a_key_may_come_in_three_forms_and_must_be_right() {
        let fakes = Fakes::start(FakesConfig { key: Some("sk-1".into()), ..FakesConfig::default() }).await.unwrap();
        let query = format!("{PATH}&api_key=sk-1");
        for (path, header) in [
            (PATH, ("authorization", "Bearer sk-1")),
            (PATH, ("x-api-key", "sk-1")),
            (query.as_str(), ("accept", "*/*")),
        ] {
            connect(&fakes, path, header).await.expect("let in");
        }
        let (status, body) = status_of(connect(&fakes, PATH, ("x-api-key", "sk-2")).await);
        assert_eq!((status, &body["error_code"]), (401, &json!("unauthorized")));
    }

    #[tokio::test]
    async fn a_reply_is_spoken_and_a_cancel_is_followed_by_late_chunks() {
        let cartesia = CartesiaFake { pace_percent: 100, cancel: CancelManner::Late(2), ..CartesiaFake::default() };
        let fakes = Fakes::start(FakesConfig { cartesia, ..FakesConfig::default() }).await.unwrap();
        let mut client = connect(&fakes, PATH, ("x-api-key", "any")).await.expect("let in");
        send(&mut client, request("a", "Hello.", false)).await;
        said_until(&mut client, is_done).await;
        send(&mut client, request("b", &"word ".repeat(50), true)).await;
        said_until(&mut client, |message| message["type"] == "chunk").await;
        send(&mut client, json!({"context_id": "b", "cancel": true})).await;
        said_until(&mut client, is_done).await;
        let counts = fakes.log().counts().cartesia;
        assert_eq!((counts.contexts, counts.finished, counts.cancelled, counts.late_chunks), (2, 1, 1, 2));
        assert_eq!(counts.characters, 256);
        drop(client);
        within(fakes.log().until(|counts| counts.cartesia.ended == 1)).await;
    }

    #[tokio::test]
    async fn what_the_fake_takes_for_itself_is_noted_once_a_context() {
        let cartesia = CartesiaFake { first_audio_ms: 40, ..CartesiaFake::default() };
        let fakes = Fakes::start(FakesConfig { cartesia, ..FakesConfig::default() }).await.unwrap();
        let mut client = connect(&fakes, PATH, ("x-api-key", "any")).await.expect("let in");
        for context in ["a", "b"] {
            send(&mut client, request(context, "Hello ", true)).await;
            send(&mut client, request(context, "there.", false)).await;
            said_until(&mut client, is_done).await;
        }
        let answers = fakes.log().answers();
        assert_eq!(answers.len(), 2);
        for answer in answers {
            assert_eq!((answer.service, answer.number), (Service::Cartesia, 1));
            assert!(answer.answered - answer.asked >= Duration::from_millis(40), "{answer:?}");
        }
    }

    #[tokio::test]
    async fn sockets_are_limited_to_ten_a_context() {
        let cartesia = CartesiaFake { concurrency: 1, ..CartesiaFake::default() };
        let fakes = Fakes::start(FakesConfig { cartesia, ..FakesConfig::default() }).await.unwrap();
        let mut clients = Vec::new();
        for _ in 0..10 {
            clients.push(connect(&fakes, PATH, ("x-api-key", "any")).await.expect("let in"));
        }
        assert_eq!(status_of(connect(&fakes, PATH, ("x-api-key", "any")).await).0, 429);
    }

    #[tokio::test]
    async fn an_unused_socket_is_closed_like_any_other() {
        let cartesia = CartesiaFake { idle_ms: 20, ..CartesiaFake::default() };
        let fakes = Fakes::start(FakesConfig { cartesia, ..FakesConfig::default() }).await.unwrap();
        let mut client = connect(&fakes, PATH, ("x-api-key", "any")).await.expect("let in");
        let Some(Ok(Message::Close(Some(frame)))) = within(client.next()).await else { panic!("no close") };
        assert_eq!((u16::from(frame.code), frame.reason.as_str()), (1000, "connection idle timeout"));
    }

    #[tokio::test]
    async fn an_error_in_mid_stream_names_its_context_and_the_socket_stays() {
        let faults = FaultRule::new(Service::Cartesia, Fault::ErrorMessage).after_messages(3).into();
        let fakes = Fakes::start(FakesConfig { faults, ..FakesConfig::default() }).await.unwrap();
        let mut client = connect(&fakes, PATH, ("x-api-key", "any")).await.expect("let in");
        send(&mut client, request("a", &"word ".repeat(50), true)).await;
        let said = said_until(&mut client, |message| message["type"] == "error").await;
        let error = said.last().expect("an error");
        assert_eq!((&error["context_id"], &error["status_code"]), (&json!("a"), &json!(500)));
        send(&mut client, request("b", "Hello.", false)).await;
        let said = said_until(&mut client, is_done).await;
        assert!(said.iter().all(|message| message["context_id"] == "b"), "the broken context is silent: {said:?}");
    }
}
