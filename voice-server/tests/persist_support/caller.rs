//! Callers who press keys as soon as the agent speaks, hang up now and then, and write down what they are told.

use super::Dice;
use super::told::Calls;
use futures::{SinkExt, StreamExt};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use voice_core::transport::native::{ServerMessage, Speaker, decode_server};

/// Callers who are all at it at once.
pub(crate) struct Crowd {
    callers: JoinSet<()>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    calls: Mutex<Calls>,
    finals: AtomicU64,
    wanted: AtomicU64,
    reached: Notify,
}

impl Crowd {
    /// One caller a token and a seed, each with one call after the other until the server is gone.
    pub(crate) fn start(address: SocketAddr, callers: impl Iterator<Item = (String, u64)>, wanted: u64) -> Self {
        let shared = Arc::new(Shared { wanted: AtomicU64::new(wanted), ..Shared::default() });
        let mut crowd = Self { callers: JoinSet::new(), shared };
        for (token, seed) in callers {
            let shared = Arc::clone(&crowd.shared);
            crowd.callers.spawn(async move {
                let mut dice = Dice::new(seed);
                // Whatever goes wrong is the server being gone, which is the point.
                while call(address, &token, &mut dice, &shared).await.is_ok() {}
            });
        }
        crowd
    }

    /// Waits until they were told as many finals as wanted.
    pub(crate) async fn until_told(&self) {
        self.shared.reached.notified().await;
    }

    /// Waits until they were told so many more.
    pub(crate) async fn until_told_more(&self, more: u64) {
        let wanted = self.shared.finals.load(Ordering::SeqCst) + more;
        self.shared.wanted.store(wanted, Ordering::SeqCst);
        while self.shared.finals.load(Ordering::SeqCst) < wanted {
            self.until_told().await;
        }
    }

    /// Waits until all of them have noticed that the server is gone, and gives what they were told.
    pub(crate) async fn told(mut self) -> Calls {
        while let Some(caller) = self.callers.join_next().await {
            caller.unwrap();
        }
        std::mem::take(&mut self.shared.calls.lock().unwrap())
    }
}

impl Shared {
    fn note(&self, call: &str, message: &ServerMessage) {
        let is_final = self.calls.lock().unwrap().entry(call.to_owned()).or_default().note(message);
        if is_final && self.finals.fetch_add(1, Ordering::SeqCst) + 1 == self.wanted.load(Ordering::SeqCst) {
            self.reached.notify_one();
        }
    }
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn open(address: SocketAddr, token: &str) -> Result<Socket, tungstenite::Error> {
    let mut request = format!("ws://{address}/v1/call").into_client_request()?;
    request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    Ok(connect_async(request).await?.0)
}

/// A call until it or the server is over.
async fn call(address: SocketAddr, token: &str, dice: &mut Dice, shared: &Shared) -> Result<(), tungstenite::Error> {
    let mut socket = open(address, token).await?;
    let hello = r#"{"type":"hello","protocol":1,"audio":{"encoding":"mulaw","rate":8000}}"#;
    socket.send(Message::text(hello)).await?;
    let mut id = String::new();
    while let Some(message) = socket.next().await {
        let Message::Text(text) = message? else { continue };
        let message = decode_server(&text).unwrap();
        if let ServerMessage::Ready { call_id, .. } = &message {
            id.clone_from(call_id);
        }
        shared.note(&id, &message);
        if let Some(answer) = answer(&message, dice) {
            socket.send(Message::text(answer)).await?;
        }
    }
    Ok(())
}

/// What a caller does about a message.
fn answer(message: &ServerMessage, dice: &mut Dice) -> Option<String> {
    let keys = |key: u64| format!(r##"{{"type":"dtmf","digit":"{key}"}}"##);
    match message {
        ServerMessage::Ready { .. } => Some(keys(dice.roll(10))),
        ServerMessage::Speaking { who: Speaker::Agent, on: true, .. } => match dice.roll(8) {
            0 => Some(r#"{"type":"bye"}"#.into()),
            1 => Some(r#"{"type":"say","text":"One moment, please."}"#.into()),
            _ => Some(r##"{"type":"dtmf","digit":"#"}"##.into()),
        },
        ServerMessage::AgentText { outcome: Some(_), .. } => Some(keys(dice.roll(10))),
        _ => None,
    }
}
