//! The socket of a call that may break and be replaced.
//!
//! Invariant: to the line it is one socket. While it is away nothing is read and nothing taken; a new socket first gets
//! what the client has not got, then what follows. Whether it is there is told beside it.

use super::super::socket::{CallSocket, CloseCode, SocketError};
use super::outbox::Outbox;
use super::{Arrival, Held, Registration};
use futures::{Sink, Stream};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, Sleep, sleep};
use tracing::{info, warn};
use voice_core::transport::WireMessage;
use voice_core::transport::native::ServerMessage;

/// Whether a call has a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    Here,
    Away,
}

/// Why a call ended for want of a socket.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LastingError {
    /// The client did not come back.
    #[error("the client did not come back within {} ms after: {why}", within.as_millis())]
    Gone {
        /// How long was waited.
        within: Duration,
        /// What broke.
        why: String,
    },
}

/// A socket that may be replaced.
pub(crate) struct LastingSocket {
    state: State,
    code: CloseCode,
    within: Duration,
    arrivals: mpsc::Receiver<Arrival>,
    presence: watch::Sender<Presence>,
    outbox: Outbox,
    /// Goes before anything else to a new socket.
    greeting: Option<WireMessage>,
    received_texts: u64,
}

#[expect(clippy::large_enum_variant, reason = "one a call, and it is almost always the large one")]
enum State {
    Here(CallSocket),
    Away {
        why: String,
        since: Instant,
        until: Pin<Box<Sleep>>,
    },
    /// The client is not waited for any more: what is still sent is nobody's.
    Gone,
}

impl LastingSocket {
    /// `socket`, for a start, and whether there is one. The call can be taken up as long as the third is kept.
    pub(in crate::call) fn new(
        socket: CallSocket,
        registration: Registration,
    ) -> (Self, watch::Receiver<Presence>, Held) {
        let Registration { held, within, kept, arrivals } = registration;
        let (presence, present) = watch::channel(Presence::Here);
        let code = socket.close_code();
        let outbox = Outbox::new(kept);
        let state = State::Here(socket);
        let socket = Self { state, code, within, arrivals, presence, outbox, greeting: None, received_texts: 0 };
        (socket, present, held)
    }

    fn lose(&mut self, why: String) {
        info!(why, within_ms = self.within.as_millis() as u64, "the socket broke: waiting for the client");
        self.state = State::Away { why, since: now(), until: Box::pin(sleep(self.within)) };
        self.presence.send_replace(Presence::Away);
    }

    fn take_up(&mut self, arrival: Arrival) {
        let Arrival { mut socket, received } = arrival;
        if !self.outbox.rewind(received) {
            // It asked before what it lacks was dropped.
            return warn!(received, "a client came back too late for what it has not got");
        }
        let away = match &self.state {
            // The client gave its socket up before this end noticed.
            State::Here(_) => Duration::ZERO,
            State::Away { since, .. } => now().saturating_duration_since(*since),
            State::Gone => return,
        };
        socket.set_close_code(&self.code);
        let resumed = ServerMessage::Resumed { received: self.received_texts, away_ms: away.as_secs_f64() * 1e3 };
        self.greeting = serde_json::to_string(&resumed).ok().map(WireMessage::Text);
        self.state = State::Here(socket);
        info!(away_ms = away.as_millis() as u64, "the client took the call up again");
        self.presence.send_replace(Presence::Here);
    }

    /// Nobody takes the call up any more.
    fn give_up(&mut self) {
        self.state = State::Gone;
        self.arrivals.close();
    }

    /// Ready once the present socket has got all there is and would take one more.
    fn poll_caught_up(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let State::Here(socket) = &mut self.state {
            match ready!(Pin::new(&mut *socket).poll_ready(cx)) {
                Ok(()) => {}
                Err(error) => {
                    self.lose(error.to_string());
                    break;
                }
            }
            let greets = self.greeting.is_some();
            let Some(next) = self.greeting.as_ref().or_else(|| self.outbox.next()) else { return Poll::Ready(()) };
            match Pin::new(socket).start_send(next.clone()) {
                Ok(()) if greets => self.greeting = None,
                Ok(()) => self.outbox.mark_written(),
                Err(error) => self.lose(error.to_string()),
            }
        }
        // Whoever comes wakes the other half, which reads; what tells of the presence wakes both.
        if matches!(self.state, State::Gone) { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Stream for LastingSocket {
    type Item = Result<WireMessage, LastingError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if let Poll::Ready(Some(arrival)) = this.arrivals.poll_recv(cx) {
                this.take_up(arrival);
            }
            match &mut this.state {
                State::Here(socket) => match ready!(Pin::new(socket).poll_next(cx)) {
                    Some(Ok(message)) => {
                        this.received_texts += u64::from(matches!(message, WireMessage::Text(_)));
                        return Poll::Ready(Some(Ok(message)));
                    }
                    Some(Err(error)) => this.lose(error.to_string()),
                    None => this.lose("the connection ended without a close".into()),
                },
                State::Away { why, until, .. } => {
                    ready!(until.as_mut().poll(cx));
                    let gone = LastingError::Gone { within: this.within, why: std::mem::take(why) };
                    this.give_up();
                    return Poll::Ready(Some(Err(gone)));
                }
                State::Gone => return Poll::Ready(None),
            }
        }
    }
}

impl Sink<WireMessage> for LastingSocket {
    type Error = LastingError;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), LastingError>> {
        self.get_mut().poll_caught_up(cx).map(Ok)
    }

    fn start_send(self: Pin<&mut Self>, message: WireMessage) -> Result<(), LastingError> {
        let this = self.get_mut();
        if !matches!(this.state, State::Gone) {
            this.outbox.push(message);
        }
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), LastingError>> {
        let this = self.get_mut();
        ready!(this.poll_caught_up(cx));
        match &mut this.state {
            State::Here(socket) => match ready!(Pin::new(socket).poll_flush(cx)) {
                Ok(()) => Poll::Ready(Ok(())),
                Err(error) => {
                    this.lose(error.to_string());
                    Poll::Pending
                }
            },
            State::Away { .. } => Poll::Pending,
            State::Gone => Poll::Ready(Ok(())),
        }
    }

    /// A client that is away is not waited for.
    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), LastingError>> {
        let this = self.get_mut();
        if let State::Here(_) = this.state
            && this.poll_caught_up(cx).is_pending()
            && matches!(this.state, State::Here(_))
        {
            return Poll::Pending;
        }
        match &mut this.state {
            State::Here(socket) => Pin::new(socket).poll_close(cx).map(|_: Result<(), SocketError>| Ok(())),
            State::Away { .. } | State::Gone => Poll::Ready(Ok(())),
        }
    }
}

/// Tokio's clock, so that simulated time works.
#[expect(clippy::disallowed_methods, reason = "the client is told how long it was away")]
fn now() -> Instant {
    Instant::now()
}
