//! A server of raw TCP for the tests: it answers as badly as a test wants.

use futures::future::{Future, join};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// No test waits this long unless it fails.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) struct TestServer(TcpListener);

/// One connection, as the server sees it.
pub(super) struct Peer {
    stream: TcpStream,
    read: Vec<u8>,
}

/// Both sides at once, and not for ever.
pub(super) async fn both<S, C>(server: impl Future<Output = S>, client: impl Future<Output = C>) -> (S, C) {
    tokio::time::timeout(PATIENCE, join(server, client)).await.expect("a side hangs")
}

impl TestServer {
    pub(super) async fn listen() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/v1", self.0.local_addr().unwrap())
    }

    pub(super) async fn accept(&self) -> Peer {
        let (stream, _) = self.0.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        Peer { stream, read: Vec::new() }
    }

    /// Accepts a connection and reads its first request.
    pub(super) async fn asked(&self) -> Peer {
        let mut peer = self.accept().await;
        peer.request().await;
        peer
    }

    /// Whether nobody else is connecting, after everything else in the task had its turns.
    pub(super) async fn is_quiet(&self) -> bool {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        let mut accept = std::pin::pin!(self.0.accept());
        futures::poll!(&mut accept).is_pending()
    }
}

impl Peer {
    /// Reads a whole request.
    pub(super) async fn request(&mut self) -> String {
        loop {
            let text = String::from_utf8_lossy(&self.read).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.to_lowercase();
                let length = length.lines().find_map(|line| line.strip_prefix("content-length: "));
                if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                    self.read.clear();
                    return text;
                }
            }
            assert_ne!(self.stream.read_buf(&mut self.read).await.unwrap(), 0, "the request broke off");
        }
    }

    /// A whole answer.
    pub(super) async fn answer(&mut self, status: &str, headers: &str, body: &str) {
        let length = body.len();
        self.raw(format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n{headers}\r\n{body}").as_bytes()).await;
    }

    /// The head of a success whose body comes in chunks.
    pub(super) async fn begin(&mut self, content_type: &str) {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ntransfer-encoding: chunked\r\n\r\n");
        self.raw(head.as_bytes()).await;
    }

    pub(super) async fn chunk(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        let framed = [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
        self.raw(&framed).await;
    }

    pub(super) async fn end(&mut self) {
        self.raw(b"0\r\n\r\n").await;
    }

    pub(super) async fn raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Like `chunk`, but whether the client still listens.
    pub(super) async fn try_chunk(&mut self, bytes: &str) -> bool {
        let framed = format!("{:x}\r\n{bytes}\r\n", bytes.len());
        self.stream.write_all(framed.as_bytes()).await.is_ok()
    }

    /// Breaks the connection in the middle of whatever goes on.
    pub(super) fn reset(self) {
        self.stream.set_zero_linger().unwrap();
    }

    /// Reads until the client hangs up.
    pub(super) async fn hung_up(mut self) {
        let _reset_or_end = self.stream.read_to_end(&mut self.read).await;
    }
}
