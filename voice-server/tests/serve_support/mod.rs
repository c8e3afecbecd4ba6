//! A server on a port of its own with scripted stages, and a client that is as right or wrong as a test wants.
#![allow(dead_code, reason = "each test binary uses a part")]

#[path = "../access_support/mod.rs"]
pub(crate) mod access_support;

use access_support::Access;
use bytes::{Bytes, BytesMut};
use futures::{SinkExt, StreamExt};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{self, Message};
use voice_core::audio::EarshotVad;
use voice_core::provider::scripted::{
    LlmConfig, LlmReply, ScriptedLlm, ScriptedStt, ScriptedTts, SttConfig, TtsConfig,
};
use voice_core::session::{Agent, AgentConfig};
use voice_core::transport::native::{AudioHeader, ServerMessage, decode_server};
use voice_core::units::Position;
use voice_server::{ServerConfig, ServerError, ServerLimits};

/// Only a hang gets here: no test depends on how long anything takes.
const HANG: Duration = Duration::from_secs(60);

pub(crate) async fn no_hang<F: Future>(what: F) -> F::Output {
    tokio::time::timeout(HANG, what).await.expect("hangs")
}

/// An agent that greets with `greeting`.
pub(crate) fn agent(greeting: Option<&str>) -> Agent {
    let config = AgentConfig { greeting: greeting.map(Into::into), ..AgentConfig::default() };
    Agent {
        stt: Arc::new(ScriptedStt::new(SttConfig::default())),
        llm: Arc::new(ScriptedLlm::new(LlmConfig::default(), vec![LlmReply::text("Fine.")])),
        tts: Arc::new(ScriptedTts::new(TtsConfig::default())),
        vad: Arc::new(EarshotVad),
        tools: Vec::new(),
        config,
    }
}

pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    pub(crate) access: Access,
    stop: Option<oneshot::Sender<()>>,
    running: JoinSet<Result<(), ServerError>>,
}

impl TestServer {
    pub(crate) async fn start(agent: Agent, limits: ServerLimits) -> Self {
        let access = Access::new().await;
        let config = access.config(agent, limits);
        Self::with(access, config).await
    }

    pub(crate) async fn with(access: Access, config: ServerConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let mut running = JoinSet::new();
        running.spawn(voice_server::run(listener, config, async {
            let _ = stopped.await;
        }));
        Self { address, access, stop: Some(stop), running }
    }

    /// Tells it to shut down.
    pub(crate) fn stop(&mut self) {
        drop(self.stop.take());
    }

    /// Waits until it has.
    pub(crate) async fn stopped(mut self) {
        self.stop();
        no_hang(self.running.join_next()).await.unwrap().unwrap().unwrap();
    }

    /// The whole answer to a GET.
    pub(crate) async fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        no_hang(stream.read_to_string(&mut answer)).await.unwrap();
        answer
    }

    /// The whole answer to a GET of somebody.
    pub(crate) async fn get_as(&self, path: &str, bearer: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        no_hang(stream.read_to_end(&mut answer)).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// The answer to a request for a call with these headers; a call that is opened is left.
    pub(crate) async fn open_call(&self, path: &str, headers: &str) -> Answered {
        let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: x\r\n{upgrade}{headers}\r\n")).await
    }

    /// The answer to a POST with these headers and no body.
    pub(crate) async fn post(&self, path: &str, headers: &str) -> Answered {
        self.send(&format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n{headers}\r\n")).await
    }

    /// The answer to a browser that asks what a page may do.
    pub(crate) async fn preflight(&self, path: &str, headers: &str) -> Answered {
        self.send(&format!("OPTIONS {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n")).await
    }

    async fn send(&self, request: &str) -> Answered {
        let mut stream = BufReader::new(TcpStream::connect(self.address).await.unwrap());
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(no_hang(stream.read_line(&mut head)).await.unwrap(), 0, "{head}");
        }
        let status = head[9..12].parse().unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        no_hang(stream.read_exact(&mut body)).await.unwrap();
        Answered { status, head, body: String::from_utf8(body).unwrap() }
    }

    /// Asks for the metrics until a line of them is `line`.
    pub(crate) async fn until_metric(&self, line: &str) {
        no_hang(async { while !self.get("/metrics").await.lines().any(|found| found == line) {} }).await;
    }
}

/// An answer of HTTP.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

pub(crate) struct Client {
    pub(crate) socket: WebSocketStream<TcpStream>,
}

#[derive(Debug)]
pub(crate) enum Received {
    Message(ServerMessage),
    Audio { reply: u32, position: u64, payload: Bytes },
    Closed,
}

impl Client {
    pub(crate) async fn connect(server: &TestServer) -> Result<Self, tungstenite::Error> {
        Self::over(server, TcpStream::connect(server.address).await.unwrap()).await
    }

    async fn over(server: &TestServer, stream: TcpStream) -> Result<Self, tungstenite::Error> {
        let mut request = "ws://localhost/v1/call".into_client_request()?;
        request.headers_mut().insert("authorization", server.access.bearer().parse().unwrap());
        let (socket, _) = tokio_tungstenite::client_async(request, stream).await?;
        Ok(Self { socket })
    }

    /// A client that shows nothing with its request.
    pub(crate) async fn stranger(server: &TestServer) -> Result<Self, tungstenite::Error> {
        let stream = TcpStream::connect(server.address).await.unwrap();
        Ok(Self { socket: tokio_tungstenite::client_async("ws://localhost/v1/call", stream).await?.0 })
    }

    /// Likewise, from a page.
    pub(crate) async fn stranger_of_page(server: &TestServer, origin: &str) -> Result<Self, tungstenite::Error> {
        let stream = TcpStream::connect(server.address).await.unwrap();
        let mut request = "ws://localhost/v1/call".into_client_request()?;
        request.headers_mut().insert("origin", origin.parse().unwrap());
        Ok(Self { socket: tokio_tungstenite::client_async(request, stream).await?.0 })
    }

    /// Says who it is, before the call or during it.
    pub(crate) async fn auth(&mut self, token: &str) {
        self.send(&format!(r#"{{"type":"auth","token":"{token}"}}"#)).await;
    }

    /// A client whose kernel takes hardly anything in advance.
    pub(crate) async fn with_small_buffer(server: &TestServer) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4_096).unwrap();
        Self::over(server, socket.connect(server.address).await.unwrap()).await.unwrap()
    }

    /// A client whose call is up.
    pub(crate) async fn call(server: &TestServer) -> Self {
        let mut client = Self::connect(server).await.unwrap();
        client.hello(r#"{"type":"hello","protocol":1}"#).await;
        client
    }

    pub(crate) async fn hello(&mut self, hello: &str) {
        self.send(hello).await;
        self.until(|message| matches!(message, ServerMessage::Ready { .. })).await;
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// Audio as the protocol wants it, whatever the payload.
    pub(crate) async fn send_audio(&mut self, position: u64, payload: &[u8]) {
        let mut out = BytesMut::new();
        AudioHeader::Caller { position: Position(position) }.write(&mut out);
        out.extend_from_slice(payload);
        self.socket.send(Message::binary(out.freeze())).await.unwrap();
    }

    pub(crate) async fn receive(&mut self) -> Received {
        loop {
            return match no_hang(self.socket.next()).await {
                Some(Ok(Message::Text(text))) => Received::Message(decode_server(&text).unwrap()),
                Some(Ok(Message::Binary(bytes))) => {
                    let (header, payload) = AudioHeader::read(&bytes).unwrap();
                    let AudioHeader::Agent { reply, position } = header else { panic!("{header:?}") };
                    Received::Audio { reply: reply.0, position: position.0, payload: bytes.slice_ref(payload) }
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                Some(Ok(Message::Close(_)) | Err(_)) | None => Received::Closed,
            };
        }
    }

    /// The first message that `is` right.
    pub(crate) async fn until(&mut self, is: impl Fn(&ServerMessage) -> bool) -> ServerMessage {
        loop {
            match self.receive().await {
                Received::Message(message) if is(&message) => return message,
                Received::Closed => panic!("closed before the message came"),
                _ => {}
            }
        }
    }

    /// The reason of `bye`, and then the socket closes.
    pub(crate) async fn bye(&mut self) -> String {
        let bye = self.until(|message| matches!(message, ServerMessage::Bye { .. })).await;
        let ServerMessage::Bye { reason } = bye else { panic!("{bye:?}") };
        assert!(matches!(self.receive().await, Received::Closed));
        reason
    }
}
