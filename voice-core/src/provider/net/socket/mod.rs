//! The one WebSocket driver.
//!
//! Invariant: reading never waits for writing nor writing for reading; a full queue says so to who writes; the socket's
//! task ends by itself, at most `close_deadline` after nobody writes any more, and says once how. It reconnects nothing.
//!
//! `connect` opens a socket or classes its refusal, `task` runs it, `wire` moves its messages, `timer` is its sense of time.

mod connect;
mod task;
mod timer;
mod wire;

pub(crate) use connect::connect;

use super::Vendor;
use crate::stage::StageError;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use wire::Wire;

/// What to open.
pub(crate) struct SocketRequest {
    /// `ws`, `wss`, `http` or `https`, with its query.
    pub url: String,
    /// Headers such as the key's; none of them is ever shown.
    pub headers: Vec<(&'static str, String)>,
    /// For name, TCP, TLS and the vendor's answer together.
    pub connect_deadline: Duration,
    /// The largest message taken; a larger one ends the socket.
    pub max_message_bytes: usize,
}

/// An open socket that nobody reads yet. Dropping it closes the connection.
pub(crate) struct Socket {
    stream: WebSocketStream<reqwest::Upgraded>,
    request_id: Option<String>,
}

/// How a socket is run.
pub(crate) struct SocketPlan {
    /// Messages that may wait to be written; at least 1.
    pub queue: usize,
    /// What is sent when nothing else is.
    pub keep_alive: Option<KeepAlive>,
    /// The socket has failed when the vendor sends no message for this long although something was written since its
    /// last one. Pings, pongs and keep-alives count as neither.
    pub stall_after: Option<Duration>,
    /// The last messages, sent when the last writer is gone.
    pub farewell: Vec<String>,
    /// How long the queue's rest, the farewell and the vendor's own close may take together.
    pub close_deadline: Duration,
}

/// What is sent when nothing was sent for a while.
#[derive(Clone, Debug)]
pub(crate) struct KeepAlive {
    /// Nothing was sent for this long.
    pub after_idle: Duration,
    /// What to send then.
    pub message: KeepAliveMessage,
}

/// A sign of life.
#[derive(Clone, Debug)]
pub(crate) enum KeepAliveMessage {
    /// A WebSocket ping. If the next one is due and nothing at all has come since, the connection is dead: the socket
    /// has stalled.
    Ping,
    /// A message of the vendor's own.
    Text(String),
}

/// Takes what comes. Called in the socket's task: it must not block.
pub(crate) trait SocketHandler: Send + 'static {
    /// A text message. An error ends the socket and comes back in [`ended`](Self::ended).
    fn text(&mut self, text: &str) -> Result<(), StageError>;

    /// A binary message; likewise.
    fn binary(&mut self, _bytes: Bytes) -> Result<(), StageError> {
        Ok(())
    }

    /// The socket has ended. Called once and last, unless the handler panicked: then it is only dropped.
    fn ended(&mut self, end: SocketEnd);
}

/// How a socket ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SocketEnd {
    /// As we wished: the last writer is gone.
    Farewell,
    /// The vendor closed it.
    Closed {
        /// Its close code.
        code: Option<u16>,
        /// Its words, without the key; often empty.
        reason: String,
    },
    /// It broke: a reset, a stall, what is not the protocol, or the handler's own error.
    Failed(StageError),
}

impl Socket {
    /// The vendor's name of the connection, for its support.
    pub(crate) fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// Starts the socket's one task, which needs a tokio runtime, and gives the half that writes. The task ends by
    /// itself: after the last writer was dropped it writes what is queued and the farewell, closes, and waits for the
    /// vendor no longer than the close deadline.
    pub(crate) fn run(self, vendor: Vendor, plan: SocketPlan, handler: impl SocketHandler) -> SocketWriter {
        let (queue, queued) = mpsc::channel(plan.queue.max(1));
        let (alive, gone) = oneshot::channel();
        let vendor = Arc::new(vendor);
        task::start(Wire::new(self.stream, queued), gone, Arc::clone(&vendor), plan, handler);
        SocketWriter { shared: Arc::new(Shared { queue, vendor, _alive: alive }) }
    }
}

/// Writes to a socket; clones write to the same queue, in the order of their calls. Dropping the last says farewell.
#[derive(Clone)]
pub(crate) struct SocketWriter {
    shared: Arc<Shared>,
}

struct Shared {
    queue: mpsc::Sender<Message>,
    vendor: Arc<Vendor>,
    /// Dropped with the last writer, which the task learns even while its queue is stuck.
    _alive: oneshot::Sender<()>,
}

impl SocketWriter {
    /// Queues a text message.
    ///
    /// # Errors
    /// [`StageError::Full`] if the vendor reads too slowly, the message is dropped; [`StageError::Ended`] once the
    /// socket has ended.
    pub(crate) fn text(&self, text: String) -> Result<(), StageError> {
        self.send(Message::text(text))
    }

    /// Queues a binary message.
    ///
    /// # Errors
    /// As of [`text`](Self::text).
    pub(crate) fn binary(&self, bytes: Bytes) -> Result<(), StageError> {
        self.send(Message::binary(bytes))
    }

    /// Whether the socket has not ended yet.
    pub(crate) fn is_open(&self) -> bool {
        !self.shared.queue.is_closed()
    }

    fn send(&self, message: Message) -> Result<(), StageError> {
        self.shared.queue.try_send(message).map_err(|error| match error {
            TrySendError::Full(_) => self.shared.vendor.full(),
            TrySendError::Closed(_) => self.shared.vendor.ended(),
        })
    }
}

#[cfg(test)]
impl SocketWriter {
    /// One whose messages go nowhere but into `queue`.
    pub(crate) fn into_queue(queue: mpsc::Sender<Message>, vendor: Vendor) -> Self {
        let (alive, _) = oneshot::channel();
        Self { shared: Arc::new(Shared { queue, vendor: Arc::new(vendor), _alive: alive }) }
    }
}

#[cfg(test)]
mod tests;
