//! A WebSocket of the HTTP server as the line wants it: audio, text and close, and an end to endless silence.

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use bytes::Bytes;
use futures::{Sink, Stream};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use voice_core::transport::WireMessage;

/// The idle limit is looked at this often within its length.
const LOOKS: u32 = 4;

/// The socket of one call. Its own pings and pongs stay here, but count as a sign of life.
pub(crate) struct CallSocket {
    socket: WebSocket,
    idle: Duration,
    look: Interval,
    quiet_looks: u32,
    heard: u64,
    code: CloseCode,
}

/// What the socket will close with, to be set by whoever ends the call for a reason of its own.
#[derive(Clone, Default)]
pub(crate) struct CloseCode(Arc<AtomicU16>);

impl CloseCode {
    pub(crate) fn set(&self, code: u16) {
        self.0.store(code, Ordering::Relaxed);
    }

    /// The frame to close with, once.
    fn take(&self) -> Option<CloseFrame> {
        let code = self.0.swap(0, Ordering::Relaxed);
        (code != 0).then(|| CloseFrame { code, reason: "".into() })
    }
}

/// Why the socket broke.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SocketError {
    #[error("nothing was received for {} ms", .0.as_millis())]
    Idle(Duration),
    #[error("{0}")]
    WebSocket(#[from] axum::Error),
}

impl SocketError {
    /// Whether the client has sent what no WebSocket may carry, rather than that the connection broke.
    pub(super) fn is_the_clients(&self) -> bool {
        let Self::WebSocket(error) = self else { return false };
        match std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<tungstenite::Error>()) {
            Some(tungstenite::Error::Capacity(_) | tungstenite::Error::Utf8(_)) => true,
            Some(tungstenite::Error::Protocol(why)) => *why != ProtocolError::ResetWithoutClosingHandshake,
            _ => false,
        }
    }
}

impl CallSocket {
    pub(crate) fn new(socket: WebSocket, idle: Duration) -> Self {
        let mut look = interval((idle / LOOKS).max(Duration::from_millis(1)));
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        look.reset();
        Self { socket, idle, look, quiet_looks: 0, heard: 0, code: CloseCode::default() }
    }

    /// What it will close with.
    pub(crate) fn close_code(&self) -> CloseCode {
        self.code.clone()
    }

    /// It closes with what `code` says from now on.
    pub(super) fn set_close_code(&mut self, code: &CloseCode) {
        self.code = code.clone();
    }

    /// How often the client gave a sign of life, pongs among them.
    pub(super) fn heard(&self) -> u64 {
        self.heard
    }

    /// Asks for a sign of life, unless what was sent before is still on its way.
    pub(super) fn ping(&mut self, cx: &mut Context<'_>) {
        let mut socket = Pin::new(&mut self.socket);
        if socket.as_mut().poll_ready(cx).is_ready() && socket.as_mut().start_send(Message::Ping(Bytes::new())).is_ok()
        {
            // An error is found by whoever sends next.
            let _ = socket.poll_flush(cx);
        }
    }

    /// Ready once the client was quiet for too long. A client that was heard costs nothing but a counter: no timer is
    /// set for each message.
    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<SocketError> {
        loop {
            ready!(self.look.poll_tick(cx));
            self.quiet_looks += 1;
            if self.quiet_looks > LOOKS {
                return Poll::Ready(SocketError::Idle(self.idle));
            }
        }
    }
}

impl Stream for CallSocket {
    type Item = Result<WireMessage, SocketError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        while let Poll::Ready(received) = Pin::new(&mut this.socket).poll_next(cx) {
            this.quiet_looks = 0;
            this.heard += 1;
            let message = match received.transpose()? {
                Some(Message::Binary(bytes)) => WireMessage::Binary(bytes),
                Some(Message::Text(text)) => WireMessage::Text(text.to_string()),
                Some(Message::Close(_)) => WireMessage::Close,
                Some(Message::Ping(_) | Message::Pong(_)) => continue,
                None => return Poll::Ready(None),
            };
            return Poll::Ready(Some(Ok(message)));
        }
        this.poll_idle(cx).map(|error| Some(Err(error)))
    }
}

impl Sink<WireMessage> for CallSocket {
    type Error = SocketError;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SocketError>> {
        Pin::new(&mut self.get_mut().socket).poll_ready(cx).map_err(SocketError::from)
    }

    fn start_send(self: Pin<&mut Self>, message: WireMessage) -> Result<(), SocketError> {
        let message = match message {
            WireMessage::Binary(bytes) => Message::Binary(bytes),
            WireMessage::Text(text) => Message::Text(text.into()),
            WireMessage::Close => Message::Close(None),
        };
        Pin::new(&mut self.get_mut().socket).start_send(message).map_err(SocketError::from)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SocketError>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(cx).map_err(SocketError::from)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SocketError>> {
        let this = self.get_mut();
        ready!(Pin::new(&mut this.socket).poll_ready(cx))?;
        if let Some(frame) = this.code.take() {
            Pin::new(&mut this.socket).start_send(Message::Close(Some(frame)))?;
        }
        Pin::new(&mut this.socket).poll_close(cx).map_err(SocketError::from)
    }
}
