//! The driver against a server of tungstenite's, and against raw TCP where a server misbehaves.

mod ending;
mod opening;
mod running;

use super::super::ApiKey;
use super::*;
use crate::stage::Fault;
use futures::future::{Future, join};
use futures::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};

const SECRET: &str = "sk-very-secret";
/// No test waits this long unless it fails.
const PATIENCE: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(50);

type Server = WebSocketStream<TcpStream>;

fn vendor() -> Vendor {
    Vendor { name: "Vendor", key: Some(ApiKey::new(SECRET, "A_KEY")), url_setting: "A_URL" }
}

fn plan() -> SocketPlan {
    SocketPlan { queue: 1024, keep_alive: None, stall_after: None, farewell: vec![], close_deadline: PATIENCE }
}

fn request(listener: &TcpListener) -> SocketRequest {
    SocketRequest {
        url: format!("ws://{}/v2/listen?model=x", listener.local_addr().unwrap()),
        headers: vec![("authorization", format!("Token {SECRET}"))],
        connect_deadline: PATIENCE,
        max_message_bytes: 64 * 1024,
    }
}

async fn listen() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

/// Both sides at once, and not for ever.
async fn both<S, C>(server: impl Future<Output = S>, client: impl Future<Output = C>) -> (S, C) {
    tokio::time::timeout(PATIENCE, join(server, client)).await.expect("a side hangs")
}

/// A connected pair.
async fn pair() -> (Server, Socket) {
    let listener = listen().await;
    let accept = async { accept_async(listener.accept().await.unwrap().0).await.unwrap() };
    let vendor = vendor();
    let (server, socket) = both(accept, connect(&vendor, request(&listener))).await;
    (server, socket.unwrap())
}

#[derive(Debug, PartialEq)]
enum Came {
    Text(String),
    Binary(Bytes),
    Ended(SocketEnd),
}

/// Passes on what comes; refuses `bad`, panics at `panic`.
struct Probe(mpsc::UnboundedSender<Came>);

impl SocketHandler for Probe {
    fn text(&mut self, text: &str) -> Result<(), StageError> {
        assert_ne!(text, "panic");
        let _ = self.0.send(Came::Text(text.to_owned()));
        if text == "bad" { Err(vendor().failed(Fault::Overload, "bad")) } else { Ok(()) }
    }

    fn binary(&mut self, bytes: Bytes) -> Result<(), StageError> {
        let _ = self.0.send(Came::Binary(bytes));
        Ok(())
    }

    fn ended(&mut self, end: SocketEnd) {
        let _ = self.0.send(Came::Ended(end));
    }
}

/// What the handler was told.
struct Told(mpsc::UnboundedReceiver<Came>);

impl Told {
    async fn next(&mut self) -> Option<Came> {
        tokio::time::timeout(PATIENCE, self.0.recv()).await.expect("nothing comes")
    }

    /// The end, which must be the last thing told.
    async fn end(&mut self) -> SocketEnd {
        loop {
            if let Came::Ended(end) = self.next().await.expect("dropped without an end") {
                assert_eq!(self.next().await, None);
                return end;
            }
        }
    }

    async fn failure(&mut self) -> StageError {
        match self.end().await {
            SocketEnd::Failed(error) => error,
            end => panic!("{end:?}"),
        }
    }
}

async fn running(plan: SocketPlan) -> (Server, SocketWriter, Told) {
    let (server, socket) = pair().await;
    let (sender, came) = mpsc::unbounded_channel();
    (server, socket.run(vendor(), plan, Probe(sender)), Told(came))
}

/// Everything up to the close, and the close.
async fn all_of(server: &mut Server) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(Ok(message)) = tokio::time::timeout(PATIENCE, server.next()).await.expect("the client hangs") {
        all.push(match message {
            Message::Text(text) => text.to_string(),
            Message::Binary(bytes) => format!("{} bytes", bytes.len()),
            Message::Close(_) => "close".to_owned(),
            other => format!("{other:?}"),
        });
    }
    all
}

/// Fills the queue of a client whose server does not read; how many messages it took.
async fn fill(writer: &SocketWriter, message: &Bytes) -> usize {
    let mut taken = 0;
    let mut refused_in_a_row = 0;
    while refused_in_a_row < 100 {
        match writer.binary(message.clone()) {
            Ok(()) => (taken, refused_in_a_row) = (taken + 1, 0),
            Err(error) => {
                assert_eq!(error, vendor().full());
                refused_in_a_row += 1;
                tokio::task::yield_now().await;
            }
        }
        assert!(taken < 100_000, "nothing bounds the queue");
    }
    taken
}
