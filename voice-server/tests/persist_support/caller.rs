//! Callers who press keys as soon as the agent speaks, hang up now and then, and write down what they are told.

use super::told::{Calls, Told};
use super::{Dice, no_hang};
use futures::{SinkExt, StreamExt};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::StatusCode;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use voice_core::transport::native::{ServerMessage, Speaker, decode_server};

/// Somebody who calls.
pub(crate) struct Caller {
    tenant: usize,
    token: String,
    dice: Dice,
}

impl Caller {
    pub(crate) fn new(tenant: usize, token: &str, dice: Dice) -> Self {
        Self { tenant, token: token.to_owned(), dice }
    }
}

/// What callers know of the database behind the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Database {
    /// Calls can begin.
    There,
    /// They cannot: whoever is sent away waits, and most go on talking.
    Away,
    /// Nobody calls any more.
    Over,
}

/// Callers who are all at it at once.
pub(crate) struct Crowd {
    callers: JoinSet<tungstenite::Error>,
    shared: Arc<Shared>,
}

struct Shared {
    calls: Mutex<Calls>,
    finals: AtomicU64,
    wanted: AtomicU64,
    reached: Notify,
    database: watch::Sender<Database>,
    callers: u64,
    /// Callers who are in a call and do not hang up.
    talking: AtomicU64,
}

impl Crowd {
    /// Each has one call after the other until the server is gone.
    pub(crate) fn start(address: SocketAddr, callers: Vec<Caller>) -> Self {
        let shared = Arc::new(Shared {
            calls: Mutex::default(),
            finals: AtomicU64::new(0),
            wanted: AtomicU64::new(u64::MAX),
            reached: Notify::new(),
            database: watch::Sender::new(Database::There),
            callers: callers.len() as u64,
            talking: AtomicU64::new(0),
        });
        let mut crowd = Self { callers: JoinSet::new(), shared };
        for caller in callers {
            let shared = Arc::clone(&crowd.shared);
            crowd.callers.spawn(async move { call_again_and_again(address, caller, &shared).await });
        }
        crowd
    }

    /// Waits until they were told so many more finals than now. The server must be there until then.
    pub(crate) async fn until_told_more(&mut self, more: u64) {
        let wanted = self.shared.finals.load(Ordering::SeqCst) + more;
        self.shared.wanted.store(wanted, Ordering::SeqCst);
        no_hang(async {
            while self.shared.finals.load(Ordering::SeqCst) < wanted {
                tokio::select! {
                    () = self.shared.reached.notified() => {}
                    gone = self.callers.join_next() => panic!("a caller was sent away: {gone:?}"),
                }
            }
        })
        .await;
    }

    /// Calls cannot begin from now on: half of the callers go on talking.
    pub(crate) fn database_is_away(&self) {
        self.shared.database.send_replace(Database::Away);
    }

    /// They can again.
    pub(crate) fn database_is_back(&self) {
        self.shared.database.send_replace(Database::There);
    }

    /// Waits until all of them have noticed that the server is gone, and gives what they were told.
    pub(crate) async fn told(mut self) -> Calls {
        self.shared.database.send_replace(Database::Over);
        no_hang(async {
            while let Some(caller) = self.callers.join_next().await {
                caller.unwrap();
            }
        })
        .await;
        std::mem::take(&mut self.shared.calls.lock().unwrap())
    }
}

impl Shared {
    fn note(&self, tenant: usize, call: &str, message: &ServerMessage) {
        let mut calls = self.calls.lock().unwrap();
        let told = calls.entry(call.to_owned()).or_insert_with(|| Told { tenant, ..Told::default() });
        if told.note(message) {
            let finals = self.finals.fetch_add(1, Ordering::SeqCst) + 1;
            if finals >= self.wanted.load(Ordering::SeqCst) {
                self.reached.notify_one();
            }
        }
    }

    /// Whether a caller may hang up without too few being left to go on while calls cannot begin.
    fn can_spare_one(&self) -> bool {
        *self.database.borrow() == Database::There || self.talking.load(Ordering::SeqCst) > self.callers.div_ceil(2)
    }

    /// Waits until nobody calls any more.
    async fn until_over(&self) {
        // The sender lives as long as this.
        let _ = self.database.subscribe().wait_for(|database| *database == Database::Over).await;
    }

    /// Waits while calls cannot begin; says whether they can.
    async fn until_there(&self) -> bool {
        let mut database = self.database.subscribe();
        let known = database.wait_for(|database| *database != Database::Away).await;
        known.is_ok_and(|database| *database == Database::There)
    }
}

/// A caller who counts as talking, until dropped.
struct Talking<'s>(&'s Shared);

impl<'s> Talking<'s> {
    fn new(shared: &'s Shared) -> Self {
        shared.talking.fetch_add(1, Ordering::SeqCst);
        Self(shared)
    }
}

impl Drop for Talking<'_> {
    fn drop(&mut self) {
        self.0.talking.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Calls until no call can begin any more: the server is gone, which is the point. How a call ends is nothing to it.
async fn call_again_and_again(address: SocketAddr, mut caller: Caller, shared: &Shared) -> tungstenite::Error {
    loop {
        let opened = tokio::select! {
            opened = open(address, &caller.token) => opened,
            () = shared.until_over() => return tungstenite::Error::ConnectionClosed,
        };
        match opened {
            Ok(socket) => drop(call(socket, &mut caller, shared).await),
            Err(tungstenite::Error::Http(answer)) if answer.status() == StatusCode::SERVICE_UNAVAILABLE => {
                if !shared.until_there().await {
                    return tungstenite::Error::Http(answer);
                }
            }
            Err(error) => return error,
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
async fn call(mut socket: Socket, caller: &mut Caller, shared: &Shared) -> Result<(), tungstenite::Error> {
    let hello = r#"{"type":"hello","protocol":1,"audio":{"encoding":"mulaw","rate":8000}}"#;
    socket.send(Message::text(hello)).await?;
    let (mut id, mut talking) = (String::new(), None);
    while let Some(message) = socket.next().await {
        let Message::Text(text) = message? else { continue };
        let message = decode_server(&text).unwrap();
        if let ServerMessage::Ready { call_id, .. } = &message {
            id.clone_from(call_id);
            talking = Some(Talking::new(shared));
        }
        // What is refused before it is a call is none.
        if id.is_empty() {
            continue;
        }
        shared.note(caller.tenant, &id, &message);
        let answer = answer(&message, &mut caller.dice, shared);
        if answer == Some(Answer::HangUp) {
            talking = None;
        }
        for message in answer.into_iter().flat_map(Answer::messages) {
            socket.send(message).await?;
        }
    }
    drop(talking);
    Ok(())
}

/// What a caller does about a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// A key, after which the server waits for more.
    Digit(u64),
    /// A key, and that it was the last.
    LastDigit(u64),
    Pound,
    Say,
    HangUp,
}

impl Answer {
    fn messages(self) -> Vec<Message> {
        let key = |key: &str| format!(r#"{{"type":"dtmf","digit":"{key}"}}"#);
        let texts = match self {
            Self::Digit(digit) => vec![key(&digit.to_string())],
            Self::LastDigit(digit) => vec![key(&digit.to_string()), key("#")],
            Self::Pound => vec![key("#")],
            Self::Say => vec![r#"{"type":"say","text":"One moment, please."}"#.into()],
            Self::HangUp => vec![r#"{"type":"bye"}"#.into()],
        };
        texts.into_iter().map(Message::text).collect()
    }
}

fn answer(message: &ServerMessage, dice: &mut Dice, shared: &Shared) -> Option<Answer> {
    match message {
        // What its own keys led to: to press more would be an echo without end.
        ServerMessage::AgentText { outcome: Some(outcome), .. } if outcome == "superseded" => None,
        ServerMessage::Ready { .. } | ServerMessage::AgentText { outcome: Some(_), .. } => match dice.roll(40) {
            digit @ 0..10 => Some(Answer::Digit(digit)),
            digit => Some(Answer::LastDigit(digit % 10)),
        },
        ServerMessage::Speaking { who: Speaker::Agent, on: true, .. } => match dice.roll(8) {
            0 if shared.can_spare_one() => Some(Answer::HangUp),
            1 => Some(Answer::Say),
            _ => Some(Answer::Pound),
        },
        _ => None,
    }
}
