//! For tests: a vendor's end of a real socket, which does what the test says.

use crate::stage::{StageError, TtsEvent, TtsReply};
use base64::Engine;
use futures::{SinkExt, StreamExt};
use serde_json::Value;
use std::collections::HashMap;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

/// A test that waits longer for anything has failed.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) async fn within<T>(wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, wait).await.expect("it came in time")
}

/// The next event of a reply.
pub(crate) async fn next(reply: &mut TtsReply) -> Option<Result<TtsEvent, StageError>> {
    within(reply.events.next()).await
}

/// All events of a reply up to its end.
pub(crate) async fn rest(reply: &mut TtsReply) -> Vec<Result<TtsEvent, StageError>> {
    let mut events = Vec::new();
    while let Some(event) = next(reply).await {
        events.push(event);
    }
    events
}

/// What was heard among `events`.
pub(crate) fn heard(events: &[Result<TtsEvent, StageError>]) -> Vec<u8> {
    let audio = events.iter().filter_map(|event| match event {
        Ok(TtsEvent::Audio(pcm)) => Some(pcm.to_vec()),
        _ => None,
    });
    audio.flatten().collect()
}

/// The words among `events`, with their times.
pub(crate) fn words(events: &[Result<TtsEvent, StageError>]) -> Vec<(String, u64, u64)> {
    let words = events.iter().filter_map(|event| match event {
        Ok(TtsEvent::Word { text, start_samples, end_samples }) => Some((text.clone(), *start_samples, *end_samples)),
        _ => None,
    });
    words.collect()
}

pub(crate) fn base64(data: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(data)
}

pub(crate) struct ScriptedServer {
    listener: TcpListener,
}

impl ScriptedServer {
    pub(crate) async fn start() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.expect("a port") }
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}", self.listener.local_addr().expect("an address"))
    }

    #[expect(clippy::result_large_err, reason = "the handshake's callback is typed so")]
    pub(crate) async fn accept(&self) -> Peer {
        let accepted = async {
            let (stream, _) = self.listener.accept().await.expect("a connection");
            let (mut target, mut headers) = (String::new(), HashMap::new());
            let keep = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
                target = request.uri().to_string();
                for (name, value) in request.headers() {
                    headers.insert(name.to_string(), value.to_str().expect("text").to_owned());
                }
                Ok(response)
            };
            let socket = accept_hdr_async(stream, keep).await.expect("an upgrade");
            Peer { socket, target, headers }
        };
        within(accepted).await
    }
}

/// The vendor's end of one connection.
pub(crate) struct Peer {
    socket: WebSocketStream<TcpStream>,
    pub(crate) target: String,
    pub(crate) headers: HashMap<String, String>,
}

impl Peer {
    pub(crate) async fn say(&mut self, message: Value) {
        self.say_text(message.to_string()).await;
    }

    pub(crate) async fn say_text(&mut self, text: String) {
        within(self.socket.send(Message::text(text))).await.expect("sent");
    }

    /// The next message that is not of the socket's own kind; none once it is closed.
    pub(crate) async fn heard(&mut self) -> Option<Value> {
        loop {
            match within(self.socket.next()).await {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).expect("JSON")),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_)) | Err(Error::ConnectionClosed | Error::Protocol(_) | Error::Io(_)))
                | None => {
                    return None;
                }
                other => panic!("unexpected: {other:?}"),
            }
        }
    }

    pub(crate) async fn hear(&mut self) -> Value {
        self.heard().await.expect("a message")
    }

    /// Waits for a ping.
    pub(crate) async fn hear_ping(&mut self) {
        while !matches!(within(self.socket.next()).await, Some(Ok(Message::Ping(_)))) {}
    }

    pub(crate) async fn close(mut self, code: u16, reason: &str) {
        let frame = CloseFrame { code: code.into(), reason: reason.to_owned().into() };
        within(self.socket.close(Some(frame))).await.expect("closed");
        while self.heard().await.is_some() {}
    }

    /// Breaks the connection off.
    pub(crate) fn reset(self) {
        let stream = self.socket.get_ref();
        stream.set_zero_linger().expect("a TCP socket");
    }
}
