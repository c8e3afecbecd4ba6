//! A server that says what it is told, and a caller that feeds and reads a stream at once.

use futures::{SinkExt, StreamExt};
use serde_json::Value;
use std::future::Future;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use voice_core::provider::ApiKey;
use voice_core::provider::deepgram::{FluxConfig, FluxStt, NovaConfig, NovaStt};
use voice_core::stage::{StageError, Stt, SttEvent, SttFeed, SttSession};
use voice_core::units::Position;

/// The key of all tests: no error may show it.
pub(crate) const KEY: &str = "dg-secret-4711";

/// A wait that never ends fails the test.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), future).await.expect("nothing happened for ten seconds")
}

pub(crate) struct Server {
    listener: TcpListener,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    pub(crate) fn flux(&self) -> FluxConfig {
        let url = format!("http://{}", self.listener.local_addr().unwrap());
        FluxConfig { url, key: Some(ApiKey::new(KEY, "DEEPGRAM_API_KEY")), ..FluxConfig::default() }
    }

    pub(crate) fn nova(&self) -> NovaConfig {
        let url = format!("ws://{}/", self.listener.local_addr().unwrap());
        NovaConfig { url, key: Some(ApiKey::new(KEY, "DEEPGRAM_API_KEY")), ..NovaConfig::default() }
    }

    /// The next connection, open.
    #[expect(clippy::result_large_err, reason = "the handshake's own callback")]
    pub(crate) async fn accept(&self) -> Peer {
        let (stream, _) = soon(self.listener.accept()).await.unwrap();
        let mut asked = (String::new(), String::new());
        let note = |request: &Request, response: Response| {
            let key = request.headers().get("authorization").map(|value| value.to_str().unwrap().to_owned());
            asked = (request.uri().to_string(), key.unwrap_or_default());
            Ok(response)
        };
        let socket = soon(tokio_tungstenite::accept_hdr_async(stream, note)).await.unwrap();
        Peer { socket, uri: asked.0, authorization: asked.1, audio: Vec::new(), texts: Vec::new() }
    }

    /// Refuses the next connection.
    pub(crate) async fn refuse(&self, status: &str, headers: &str, body: &str) {
        let (mut stream, _) = soon(self.listener.accept()).await.unwrap();
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") {
            assert_ne!(soon(stream.read_buf(&mut asked)).await.unwrap(), 0, "closed before it asked");
        }
        let answer = format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(answer.as_bytes()).await.unwrap();
    }

    /// Opens a stream of Flux, greeted, and the server's end of it.
    pub(crate) async fn open_flux(&self, stt: &FluxStt) -> (Ears, Peer) {
        let greeting = async {
            let mut peer = self.accept().await;
            peer.say(r#"{"type":"Connected","request_id":"01a2","sequence_id":0}"#).await;
            peer
        };
        let (session, peer) = soon(async { tokio::join!(Ears::open(stt), greeting) }).await;
        (session.unwrap(), peer)
    }

    /// Opens a stream of Nova, and the server's end of it.
    pub(crate) async fn open_nova(&self, stt: &NovaStt) -> (Ears, Peer) {
        let (session, peer) = soon(async { tokio::join!(Ears::open(stt), self.accept()) }).await;
        (session.unwrap(), peer)
    }
}

/// The server's end of a connection.
pub(crate) struct Peer {
    socket: WebSocketStream<TcpStream>,
    pub(crate) uri: String,
    pub(crate) authorization: String,
    /// All samples so far.
    pub(crate) audio: Vec<i16>,
    /// The texts so far, each with how many samples came before it.
    pub(crate) texts: Vec<(usize, Value)>,
}

impl Peer {
    pub(crate) async fn say(&mut self, text: &str) {
        soon(self.socket.send(Message::text(text))).await.unwrap();
    }

    pub(crate) async fn close(&mut self, code: Option<u16>, reason: &'static str) {
        let frame = code.map(|code| CloseFrame { code: code.into(), reason: Utf8Bytes::from_static(reason) });
        let _ = soon(self.socket.close(frame)).await;
    }

    /// Breaks the connection without a word.
    pub(crate) fn reset(self) {
        let stream = self.socket.into_inner();
        stream.set_zero_linger().unwrap();
    }

    /// Takes one message. False once the connection is gone.
    pub(crate) async fn take(&mut self) -> bool {
        match self.socket.next().await {
            Some(Ok(Message::Binary(bytes))) => {
                assert!(!bytes.is_empty() && bytes.len() % 2 == 0, "a message of {} bytes", bytes.len());
                self.audio.extend(bytes.chunks(2).map(|sample| i16::from_le_bytes([sample[0], sample[1]])));
                true
            }
            Some(Ok(Message::Text(text))) => {
                self.texts.push((self.audio.len(), serde_json::from_str(&text).unwrap()));
                true
            }
            Some(Err(_)) | None => false,
            Some(Ok(_)) => true,
        }
    }

    /// Takes messages until there are so many samples.
    pub(crate) async fn take_audio(&mut self, samples: usize) {
        let taking = async {
            while self.audio.len() < samples {
                assert!(self.take().await, "closed after {} samples", self.audio.len());
            }
        };
        soon(taking).await;
    }

    /// Takes messages up to the next text: how many samples came before it, and its type.
    pub(crate) async fn take_text(&mut self) -> (usize, Value) {
        let taking = async {
            let had = self.texts.len();
            while self.texts.len() == had {
                assert!(self.take().await, "closed before a text");
            }
        };
        soon(taking).await;
        self.texts.last().unwrap().clone()
    }
}

/// A stream whose events are read all the time.
pub(crate) struct Ears {
    pub(crate) feed: Box<dyn SttFeed>,
    events: UnboundedReceiver<Result<SttEvent, StageError>>,
    reader: JoinSet<()>,
}

impl Ears {
    pub(crate) async fn open(stt: &impl Stt) -> Result<Self, StageError> {
        Ok(Self::read(stt.open().await?))
    }

    pub(crate) fn read(session: SttSession) -> Self {
        let (heard, events) = unbounded_channel();
        let mut reader = JoinSet::new();
        let mut said = session.events;
        reader.spawn(async move {
            while let Some(event) = said.next().await {
                let _ = heard.send(event);
            }
        });
        Self { feed: session.feed, events, reader }
    }

    /// Pushes a ramp from `position` on in frames of 20 ms.
    pub(crate) fn push(&mut self, position: u64, samples: usize) {
        let ramp = ramp(position, samples);
        for (frame, at) in ramp.chunks(320).zip((position..).step_by(320)) {
            self.feed.push(frame, Position(at)).unwrap();
        }
    }

    /// The next event.
    pub(crate) async fn event(&mut self) -> SttEvent {
        soon(self.events.recv()).await.expect("the stream ended").unwrap()
    }

    /// The error that ends the stream; events before it fail the test.
    pub(crate) async fn error(&mut self) -> StageError {
        let error = soon(self.events.recv()).await.expect("the stream ended").unwrap_err();
        assert!(soon(self.events.recv()).await.is_none(), "an error is the last item");
        assert!(!error.to_string().contains(KEY), "{error}");
        error
    }

    /// What comes next, whatever it is.
    pub(crate) async fn item(&mut self) -> Option<Result<SttEvent, StageError>> {
        soon(self.events.recv()).await
    }

    /// Drops the half that is fed: no audio follows.
    pub(crate) fn drop_feed(&mut self) {
        self.feed = Box::new(NoFeed);
    }

    /// Waits for the end of the stream.
    pub(crate) async fn end(&mut self) {
        let item = soon(self.events.recv()).await;
        assert!(item.is_none(), "{item:?}");
    }

    /// Drops the half that is read.
    pub(crate) async fn stop_reading(&mut self) {
        self.reader.shutdown().await;
    }
}

/// Stands where a feed was.
struct NoFeed;

impl SttFeed for NoFeed {
    fn push(&mut self, _: &[i16], _: Position) -> Result<(), StageError> {
        Ok(())
    }

    fn finalize(&mut self, _: Position) {}
}

/// What is pushed for the positions from `position` on.
pub(crate) fn ramp(position: u64, samples: usize) -> Vec<i16> {
    (position..).take(samples).map(|at| at as i16).collect()
}

pub(crate) fn interim(text: &str) -> SttEvent {
    SttEvent::Interim { text: text.to_owned() }
}

pub(crate) fn final_at(text: &str, end: u64) -> SttEvent {
    SttEvent::Final { text: text.to_owned(), end: Position(end) }
}
