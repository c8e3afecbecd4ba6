//! Runs a socket until it ends.
//!
//! Invariant: the handler is told the end once, and from then on the queue refuses; what is polite after that (the
//! answer to a close) is bounded by the close deadline.
#![expect(
    clippy::disallowed_methods,
    reason = "the task says farewell after its owner is gone, and ends by itself within the close deadline"
)]

use super::super::Vendor;
use super::timer::Timer;
use super::wire::{Step, Wire};
use super::{KeepAliveMessage, SocketEnd, SocketHandler, SocketPlan};
use crate::stage::{Fault, StageError};
use futures::FutureExt;
use std::ops::ControlFlow::{self, Break, Continue};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};

/// Longer than any socket lives.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// Starts the task. `gone` breaks when the last writer is dropped.
pub(super) fn start<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    wire: Wire<S>,
    gone: oneshot::Receiver<()>,
    vendor: Arc<Vendor>,
    plan: SocketPlan,
    handler: impl SocketHandler,
) {
    let keep_alive = plan.keep_alive.as_ref().map_or(NEVER, |keep| keep.after_idle);
    let task = Task {
        idle: Timer::new(keep_alive),
        unheard: Timer::new(plan.stall_after.unwrap_or(NEVER)),
        closing: Timer::new(plan.close_deadline),
        heard_since_ping: true,
        leaving: false,
        wire,
        vendor,
        plan,
        handler,
    };
    tokio::spawn(task.run(gone));
}

struct Task<S, H> {
    wire: Wire<S>,
    vendor: Arc<Vendor>,
    plan: SocketPlan,
    handler: H,
    /// Since the last write.
    idle: Timer,
    /// Since the first write that was not answered.
    unheard: Timer,
    /// Since the last writer was dropped.
    closing: Timer,
    heard_since_ping: bool,
    leaving: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin, H: SocketHandler> Task<S, H> {
    async fn run(mut self, gone: oneshot::Receiver<()>) {
        let end = self.until_end(gone).await;
        self.wire.refuse_more();
        self.handler.ended(if self.leaving { SocketEnd::Farewell } else { end });
        let Self { mut wire, handler, plan, .. } = self;
        drop(handler);
        if !self.leaving {
            let _told = timeout(plan.close_deadline, wire.close()).await;
        }
    }

    async fn until_end(&mut self, mut gone: oneshot::Receiver<()>) -> SocketEnd {
        if self.plan.keep_alive.is_some() {
            self.idle.arm();
        }
        loop {
            let flow = tokio::select! {
                step = self.wire.step() => self.stepped(step).await,
                _ = &mut gone, if !self.leaving => self.leave(),
                () = self.idle.fired() => self.keep_alive(),
                () = self.unheard.fired() => self.unheard(),
                () = self.closing.fired() => Break(SocketEnd::Farewell),
            };
            if let Break(end) = flow {
                return end;
            }
        }
    }

    async fn stepped(&mut self, step: Step) -> ControlFlow<SocketEnd> {
        match step {
            Step::Read(read) => self.came(read),
            Step::Wrote => self.wrote(),
            Step::Drained => self.farewell(),
            Step::Broken(error) => Break(self.last_words(error).await),
        }
    }

    fn came(&mut self, read: Option<Result<Message, Error>>) -> ControlFlow<SocketEnd> {
        self.heard_since_ping = true;
        let handled = match read {
            Some(Ok(Message::Text(text))) => self.message(|handler| handler.text(&text)),
            Some(Ok(Message::Binary(bytes))) => self.message(|handler| handler.binary(bytes)),
            Some(Ok(Message::Close(frame))) => return Break(self.closed(frame)),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(()),
            Some(Err(error)) => Err(self.broke(&error)),
            None => return Break(self.closed(None)),
        };
        match handled {
            Ok(()) => Continue(()),
            Err(error) => Break(SocketEnd::Failed(error)),
        }
    }

    fn message(&mut self, handle: impl FnOnce(&mut H) -> Result<(), StageError>) -> Result<(), StageError> {
        self.unheard.call_off();
        handle(&mut self.handler)
    }

    fn wrote(&mut self) -> ControlFlow<SocketEnd> {
        if self.leaving {
            return Continue(());
        }
        if self.plan.keep_alive.is_some() {
            self.idle.arm();
        }
        if self.plan.stall_after.is_some() {
            self.unheard.arm_once();
        }
        Continue(())
    }

    /// Nobody writes any more: only the close deadline counts.
    fn leave(&mut self) -> ControlFlow<SocketEnd> {
        self.leaving = true;
        self.idle.call_off();
        self.unheard.call_off();
        self.closing.arm_once();
        Continue(())
    }

    fn farewell(&mut self) -> ControlFlow<SocketEnd> {
        let left = self.leave();
        match self.wire.finish(std::mem::take(&mut self.plan.farewell)) {
            Ok(()) => left,
            Err(_) => Break(SocketEnd::Farewell),
        }
    }

    fn unheard(&mut self) -> ControlFlow<SocketEnd> {
        self.unheard.arm();
        self.read_what_came()?;
        if self.unheard.is_armed() {
            return Break(SocketEnd::Failed(self.vendor.stalled(self.unheard.after())));
        }
        Continue(())
    }

    /// A process that stood still finds a deadline and what came before it at the same time: what came counts.
    fn read_what_came(&mut self) -> ControlFlow<SocketEnd> {
        while let Some(read) = self.wire.read().now_or_never() {
            self.came(read)?;
        }
        Continue(())
    }

    fn keep_alive(&mut self) -> ControlFlow<SocketEnd> {
        if !self.heard_since_ping {
            self.read_what_came()?;
        }
        let Some(keep) = &self.plan.keep_alive else { return Continue(()) };
        let message = match &keep.message {
            KeepAliveMessage::Ping if !self.heard_since_ping => {
                return Break(SocketEnd::Failed(self.vendor.stalled(keep.after_idle)));
            }
            KeepAliveMessage::Ping => {
                self.heard_since_ping = false;
                Message::Ping(bytes::Bytes::new())
            }
            KeepAliveMessage::Text(text) => Message::text(text.as_str()),
        };
        self.idle.arm();
        if self.wire.is_stuck() {
            return Continue(());
        }
        match self.wire.put(message) {
            Ok(()) => Continue(()),
            Err(error) => Break(SocketEnd::Failed(self.broke(&error))),
        }
    }

    /// Writing failed, which a vendor's close does too: what came before the failure says why.
    async fn last_words(&mut self, error: Error) -> SocketEnd {
        let deadline = self.plan.close_deadline;
        let reading = async {
            loop {
                match self.wire.read().await {
                    Some(Err(_)) | None => return None,
                    read => {
                        if let Break(end) = self.came(read) {
                            return Some(end);
                        }
                    }
                }
            }
        };
        let end = timeout(deadline, reading).await.ok().flatten();
        end.unwrap_or_else(|| SocketEnd::Failed(self.broke(&error)))
    }

    fn closed(&self, frame: Option<CloseFrame>) -> SocketEnd {
        let (code, reason) = frame.map(|frame| (u16::from(frame.code), frame.reason.to_string())).unzip();
        SocketEnd::Closed { code, reason: self.vendor.scrub(&reason.unwrap_or_default()) }
    }

    fn broke(&self, error: &Error) -> StageError {
        match error {
            Error::Capacity(what) => self.vendor.garbled(&what.to_string()),
            Error::Protocol(what) if *what != RESET => self.vendor.garbled(&what.to_string()),
            Error::Utf8(_) => self.vendor.garbled("a text that is not UTF-8"),
            error => self.vendor.failed(Fault::Engine, &format!("the connection broke off: {error}")),
        }
    }
}

const RESET: tokio_tungstenite::tungstenite::error::ProtocolError =
    tokio_tungstenite::tungstenite::error::ProtocolError::ResetWithoutClosingHandshake;
