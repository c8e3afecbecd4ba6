//! The half of a stream that is read. It also sends what its feed was given, so that a stream needs no task but its
//! socket's.
//!
//! Invariant: audio and requests leave in their order, live audio at once, a replay at its pace, one Configure at a
//! time. Nothing counts as sent before the socket took it. Dropping the feed says farewell once all is sent; dropping the
//! events, at once. Bounds: a socket that takes no more holds up the feed's queue, which then refuses.

use super::super::net::{SocketWriter, Vendor};
use super::chunker::Block;
use super::configuring::Configuring;
use super::dialect::{Dialect, Heard, Request};
use super::feed::Order;
use super::pacer::Pacer;
use super::stream_clock::StreamClock;
use crate::provider::clock;
use crate::stage::{LISTEN_RATE, StageError, SttEvent};
use futures::stream::{BoxStream, unfold};
use std::ops::ControlFlow;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

/// A socket that takes no more is asked again after this.
const ASK_AGAIN: Duration = Duration::from_millis(20);

type Item = Result<SttEvent, StageError>;

/// What comes from the socket.
pub(super) struct Inbox<M> {
    pub(super) messages: mpsc::Receiver<M>,
    /// Why it ended, if not as we wished.
    pub(super) broke: oneshot::Receiver<StageError>,
}

/// What may not leave yet.
enum Held {
    Audio(Block),
    Ask(Request),
}

/// One connection's stream.
pub(super) struct Call<D: Dialect> {
    dialect: D,
    vendor: Vendor,
    inbox: Inbox<D::Message>,
    orders: mpsc::Receiver<Order>,
    /// The order under way: nothing behind it leaves before it.
    held: Option<Held>,
    /// What the dialect says of itself. The same twice is once.
    owed: Option<&'static str>,
    /// Gone once nothing more will be sent.
    writer: Option<SocketWriter>,
    clock: StreamClock,
    pacer: Pacer,
    configuring: Configuring,
}

impl<D: Dialect> Call<D> {
    pub(super) fn new(
        dialect: D,
        vendor: Vendor,
        inbox: Inbox<D::Message>,
        orders: mpsc::Receiver<Order>,
        writer: SocketWriter,
        pacer: Pacer,
    ) -> Self {
        let (clock, configuring) = (StreamClock::default(), Configuring::default());
        let (held, owed, writer) = (None, None, Some(writer));
        Self { dialect, vendor, inbox, orders, held, owed, writer, clock, pacer, configuring }
    }

    /// The events; an error is the last of them.
    pub(super) fn events(self) -> BoxStream<'static, Item> {
        let events = unfold(Some(self), async |call| {
            let mut call = call?;
            let item = call.next().await?;
            let goes_on = item.is_ok();
            Some((item, goes_on.then_some(call)))
        });
        Box::pin(events)
    }

    async fn next(&mut self) -> Option<Item> {
        loop {
            let due = self.send(clock::now());
            let takes_orders = self.held.is_none() && self.writer.is_some();
            tokio::select! {
                biased;
                message = self.inbox.messages.recv() => match message {
                    None => return self.ended(),
                    Some(message) => if let ControlFlow::Break(item) = self.heard(message) {
                        return Some(item);
                    },
                },
                order = self.orders.recv(), if takes_orders => self.take(order),
                () = until(due), if due.is_some() => {}
            }
        }
    }

    fn heard(&mut self, message: D::Message) -> ControlFlow<Item> {
        match self.dialect.heard(message, &self.clock) {
            Heard::Nothing => {}
            Heard::Event(event) => return ControlFlow::Break(Ok(event)),
            Heard::Answered => self.configuring.answered(),
            Heard::Refused(said) => {
                let (engine, said) = (self.vendor.name, self.vendor.scrub(&said));
                tracing::warn!(engine, said, "the engine keeps its settings: it refused a change");
                self.configuring.answered();
            }
            Heard::Warned(said) => {
                tracing::warn!(engine = self.vendor.name, said = self.vendor.scrub(&said), "it warns")
            }
            Heard::Say(text) => self.owed = Some(text),
            Heard::Failed { fault, said } => return ControlFlow::Break(Err(self.vendor.failed(fault, &said))),
        }
        ControlFlow::Continue(())
    }

    /// The socket is gone: after our farewell with the words it left open, else with an error.
    fn ended(&mut self) -> Option<Item> {
        match (self.inbox.broke.try_recv(), &self.writer) {
            (_, None) => self.dialect.left_open(&self.clock).map(Ok),
            (Ok(error), Some(_)) => Some(Err(error)),
            (Err(_), Some(_)) => Some(Err(self.vendor.ended())),
        }
    }

    fn take(&mut self, order: Option<Order>) {
        match order {
            Some(Order::Audio(block)) => self.held = Some(Held::Audio(block)),
            Some(Order::Ask(request)) => self.held = Some(Held::Ask(request)),
            Some(Order::Expect(hints)) => self.configuring.ask(hints),
            None => self.writer = None,
        }
    }

    /// Sends what may leave at `now`. Says when to look again though nothing comes.
    fn send(&mut self, now: Instant) -> Option<Instant> {
        let configure = self.configure(now);
        let owed = self.send_owed(now);
        let held = match self.held.take() {
            Some(Held::Audio(block)) => self.send_audio(block, now),
            Some(Held::Ask(request)) => self.ask(request, now),
            None => None,
        };
        [configure, owed, held, self.configuring.due()].into_iter().flatten().min()
    }

    fn send_audio(&mut self, block: Block, now: Instant) -> Option<Instant> {
        if let Some(ready_at) = self.pacer.ready_at().filter(|ready_at| *ready_at > now) {
            self.held = Some(Held::Audio(block));
            return Some(ready_at);
        }
        match self.writer.as_ref()?.binary(block.bytes.clone()) {
            Ok(()) => {
                self.clock.sent(&block);
                self.pacer.sent(LISTEN_RATE.duration_of(block.samples()), now);
                None
            }
            Err(StageError::Full { .. }) => {
                self.held = Some(Held::Audio(block));
                Some(now + ASK_AGAIN)
            }
            // The socket tells why it ended.
            Err(_) => None,
        }
    }

    /// What a request means is decided when it can be sent.
    fn ask(&mut self, request: Request, now: Instant) -> Option<Instant> {
        let text = self.dialect.asked(request)?;
        match self.say(text) {
            Ok(()) => self.dialect.said(request),
            Err(StageError::Full { .. }) => {
                self.held = Some(Held::Ask(request));
                return Some(now + ASK_AGAIN);
            }
            Err(_) => {}
        }
        None
    }

    fn send_owed(&mut self, now: Instant) -> Option<Instant> {
        let text = self.owed.take()?;
        let is_full = matches!(self.say(text), Err(StageError::Full { .. }));
        self.owed = is_full.then_some(text);
        is_full.then(|| now + ASK_AGAIN)
    }

    /// A change that the socket does not take goes with what is asked for meanwhile.
    fn configure(&mut self, now: Instant) -> Option<Instant> {
        let hints = self.configuring.next(now)?;
        let text = self.dialect.configure(&hints)?;
        match self.say(text) {
            Ok(()) => self.configuring.sent(now),
            Err(StageError::Full { .. }) => {
                self.configuring.ask(hints);
                return Some(now + ASK_AGAIN);
            }
            Err(_) => {}
        }
        None
    }

    /// Says something beside the audio.
    fn say(&self, text: impl Into<String>) -> Result<(), StageError> {
        self.writer.as_ref().map_or_else(|| Err(self.vendor.ended()), |writer| writer.text(text.into()))
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
#[path = "call_tests.rs"]
mod tests;
