//! The socket of a call that may break and be replaced.
//!
//! Invariant: to the line it is one socket. While it is away nothing is read and nothing taken; a new socket first gets
//! what the client has not got, then what follows. Whether it is there is told beside it.

use super::super::socket::{CallSocket, CloseCode, SocketError};
use super::outbox::Outbox;
use super::pulse::{Finding, Pulse};
use super::{Arrival, Held, Registration, Renewed};
use futures::{Sink, Stream};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{Sleep, sleep};
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
    /// The client sent what no socket may carry: it would do so again.
    #[error(transparent)]
    Client(SocketError),
}

/// What comes with a socket that may be replaced.
pub(crate) struct Lasting {
    pub(in crate::call) socket: LastingSocket,
    /// Whether there is one now.
    pub(in crate::call) presence: watch::Receiver<Presence>,
    /// What the user showed last.
    pub(in crate::call) renewals: watch::Receiver<Renewed>,
    /// The call can be taken up as long as this is kept.
    pub(in crate::call) place: Held,
}

/// A socket that may be replaced.
pub(crate) struct LastingSocket {
    state: State,
    code: CloseCode,
    within: Duration,
    arrivals: mpsc::Receiver<Arrival>,
    presence: watch::Sender<Presence>,
    pulse: Pulse,
    outbox: Outbox,
    /// Goes before anything else to a new socket.
    greeting: Option<WireMessage>,
    /// A new socket has something to get that nobody else will see to.
    owes: bool,
    received_texts: u64,
}

#[expect(clippy::large_enum_variant, reason = "one a call, and it is almost always the large one")]
enum State {
    Here(CallSocket),
    Away {
        why: String,
        until: Pin<Box<Sleep>>,
    },
    /// The client is not waited for any more: what is still sent is nobody's.
    Gone,
}

impl LastingSocket {
    /// With `socket` for a start.
    pub(in crate::call) fn over(socket: CallSocket, registration: Registration) -> Lasting {
        let Registration { held: place, within, kept, arrivals, renewals } = registration;
        let (presence, present) = watch::channel(Presence::Here);
        let socket = Self {
            code: socket.close_code(),
            state: State::Here(socket),
            within,
            arrivals,
            presence,
            pulse: Pulse::new(),
            outbox: Outbox::new(kept),
            greeting: None,
            owes: false,
            received_texts: 0,
        };
        Lasting { socket, presence: present, renewals, place }
    }

    fn lose(&mut self, why: String) {
        info!(why, within_ms = self.within.as_millis() as u64, "the socket broke: waiting for the client");
        self.state = State::Away { why, until: Box::pin(sleep(self.within)) };
        self.tell(Presence::Away);
    }

    fn tell(&mut self, presence: Presence) {
        if *self.presence.borrow() != presence {
            self.pulse.turned(presence);
            self.presence.send_replace(presence);
        }
    }

    fn take_up(&mut self, arrival: Arrival) {
        let Arrival { mut socket, received } = arrival;
        if matches!(self.state, State::Gone) {
            return;
        }
        if !self.outbox.rewind(received) {
            // It asked before what it lacks was dropped.
            return warn!(received, "a client came back too late for what it has not got");
        }
        let away_ms = self.pulse.away().as_secs_f64() * 1e3;
        socket.set_close_code(&self.code);
        let resumed = ServerMessage::Resumed { received: self.received_texts, away_ms };
        self.greeting = serde_json::to_string(&resumed).ok().map(WireMessage::Text);
        self.owes = true;
        self.state = State::Here(socket);
        self.pulse.restart();
        info!(away_ms, "the client took the call up again");
        self.tell(Presence::Here);
    }

    /// Nobody takes the call up any more.
    fn give_up(&mut self) {
        self.state = State::Gone;
        self.arrivals.close();
    }

    /// Looks after the client from time to time: one that gives no sign of life is away though its socket is there; one
    /// that takes nothing has lost it.
    fn poll_pulse(&mut self, cx: &mut Context<'_>) {
        while let (State::Here(socket), Poll::Ready(finding)) = (&mut self.state, self.pulse.poll_look(cx)) {
            match finding.of(socket.heard()) {
                Finding::Well => {}
                Finding::Quiet => socket.ping(cx),
                Finding::Silent => self.tell(Presence::Away),
                Finding::Stalled => self.lose("the client takes nothing".into()),
            }
        }
    }

    /// Ready once the present socket has got all there is and would take one more.
    fn poll_caught_up(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let State::Here(socket) = &mut self.state {
            match self.pulse.writing(Pin::new(&mut *socket).poll_ready(cx)) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => {
                    self.lose(error.to_string());
                    break;
                }
                Poll::Pending => return Poll::Pending,
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

    /// Ready once all there is has left this process.
    fn poll_written(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        ready!(self.poll_caught_up(cx));
        let State::Here(socket) = &mut self.state else { return Poll::Ready(()) };
        match ready!(self.pulse.writing(Pin::new(socket).poll_flush(cx))) {
            Ok(()) => Poll::Ready(()),
            Err(error) => {
                self.lose(error.to_string());
                Poll::Pending
            }
        }
    }

    /// What one message of the present socket is to the line.
    fn received(&mut self, message: Option<Result<WireMessage, SocketError>>) -> Option<<Self as Stream>::Item> {
        match message {
            // What ends a call is `bye`: sockets are closed by proxies, and by clients that open another one.
            Some(Ok(WireMessage::Close)) => self.lose("the client closed it without a bye".into()),
            Some(Ok(message)) => {
                self.received_texts += u64::from(matches!(message, WireMessage::Text(_)));
                return Some(Ok(message));
            }
            Some(Err(error)) if error.is_the_clients() => return Some(Err(LastingError::Client(error))),
            Some(Err(error)) => self.lose(error.to_string()),
            None => self.lose("the connection ended without a close".into()),
        }
        None
    }
}

impl Stream for LastingSocket {
    type Item = Result<WireMessage, LastingError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            while let Poll::Ready(Some(arrival)) = this.arrivals.poll_recv(cx) {
                this.take_up(arrival);
            }
            if this.owes && this.poll_written(cx).is_ready() {
                this.owes = false;
            }
            this.poll_pulse(cx);
            match &mut this.state {
                State::Here(socket) => {
                    let polled = Pin::new(&mut *socket).poll_next(cx);
                    if this.pulse.beats(socket.heard()) {
                        this.tell(Presence::Here);
                    }
                    let message = ready!(polled);
                    if let Some(item) = this.received(message) {
                        return Poll::Ready(Some(item));
                    }
                }
                State::Away { why, until } => {
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
        self.get_mut().poll_written(cx).map(Ok)
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
