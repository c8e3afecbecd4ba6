//! What passes over the socket, and the embedding program's way into it.

use crate::transport::native::{AuthToken, ServerMessage};
use bytes::Bytes;
use std::task::{Context, Poll};
use tokio::sync::mpsc;

/// A message of a WebSocket. Whoever adapts a WebSocket library keeps its pings and pongs to itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WireMessage {
    /// Audio.
    Binary(Bytes),
    /// Control.
    Text(String),
    /// The end, in good order.
    Close,
}

/// How much of a client is borne.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WebSocketLimits {
    /// Frames of agent audio waiting to be written; at the bound the sink says [`Full`](crate::transport::LineError::Full).
    pub queued_frames: usize,
    /// Messages waiting to be written, of the session and of the embedding program each.
    pub queued_messages: usize,
    /// The longest audio in one message.
    pub max_message_ms: u64,
    /// The longest jump in the caller's positions.
    pub max_gap_s: u64,
    /// All jumps of a call together: so far positions may run ahead of the audio that came.
    pub max_gaps_s: u64,
    /// Messages that may be wrong in a call before it is ended.
    pub max_errors: u32,
}

impl Default for WebSocketLimits {
    fn default() -> Self {
        Self {
            queued_frames: 50,
            queued_messages: 64,
            max_message_ms: 1_000,
            max_gap_s: 3_600,
            max_gaps_s: 24 * 3_600,
            max_errors: 32,
        }
    }
}

/// Puts the embedding program's messages into the socket of a [`WebSocketLine`](super::WebSocketLine), in the order they
/// are sent. Clones send to the same socket; it is closed only once all are dropped.
///
/// What the session itself has queued at the time (audio, `pause`, `clear`) is written first.
#[derive(Clone, Debug)]
pub struct WireSender {
    messages: mpsc::Sender<ServerMessage>,
}

/// Why a message was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireSendError {
    /// The socket is closed.
    #[error("the socket is closed")]
    Closed,
    /// The client does not read and the queue is full.
    #[error("the client does not read: its queue of messages is full")]
    Full,
}

impl WireSender {
    /// Queues a message.
    ///
    /// # Errors
    /// [`WireSendError`]; the message is dropped.
    pub fn try_send(&self, message: ServerMessage) -> Result<(), WireSendError> {
        self.messages.try_send(message).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => WireSendError::Full,
            mpsc::error::TrySendError::Closed(_) => WireSendError::Closed,
        })
    }

    /// Queues a message once there is room. Cancellation safe: the message was either queued or not.
    ///
    /// # Errors
    /// [`WireSendError::Closed`].
    pub async fn send(&self, message: ServerMessage) -> Result<(), WireSendError> {
        self.messages.send(message).await.map_err(|_| WireSendError::Closed)
    }
}

/// The other end of every [`WireSender`] of a line.
pub(super) struct WireReceiver {
    messages: mpsc::Receiver<ServerMessage>,
    answers: Answers,
}

/// The tokens that a client sends during the call, for the embedding program to judge.
#[derive(Debug)]
pub struct WireTokens(mpsc::Receiver<AuthToken>);

impl WireTokens {
    /// The next one; `None` once the client's half of the line is gone. Cancellation safe.
    pub async fn next(&mut self) -> Option<AuthToken> {
        self.0.recv().await
    }
}

/// One token at a time waits to be judged.
pub(super) fn tokens() -> (mpsc::Sender<AuthToken>, WireTokens) {
    let (sender, tokens) = mpsc::channel(1);
    (sender, WireTokens(tokens))
}

/// Answers of the source to wrong messages; does not keep the socket open.
#[derive(Clone)]
pub(super) struct Answers {
    messages: mpsc::WeakSender<ServerMessage>,
}

pub(super) fn channel(capacity: usize) -> (WireSender, WireReceiver) {
    let (sender, messages) = mpsc::channel(capacity.max(1));
    let answers = Answers { messages: sender.downgrade() };
    (WireSender { messages: sender }, WireReceiver { messages, answers })
}

impl WireReceiver {
    pub(super) fn answers(&self) -> Answers {
        self.answers.clone()
    }

    /// The next message; `None` once every sender is gone.
    pub(super) fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<ServerMessage>> {
        self.messages.poll_recv(cx)
    }
}

impl Answers {
    /// Queues an answer if there is room: who does not read does not get to know what it does wrong.
    pub(super) fn send(&self, message: ServerMessage) {
        if let Some(sender) = self.messages.upgrade() {
            let _ = sender.try_send(message);
        }
    }
}
