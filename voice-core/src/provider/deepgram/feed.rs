//! The half of a stream that is fed.
//!
//! Invariant: it never waits. What it is given goes into one bounded queue in its order, so that no request overtakes
//! audio; a full queue refuses audio and drops a request with a warning.

use super::super::net::Vendor;
use super::chunker::{Block, Chunker};
use super::dialect::Request;
use crate::stage::{StageError, SttFeed, SttHints};
use crate::units::Position;
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;

/// What is to be sent.
#[derive(Debug)]
pub(super) enum Order {
    Audio(Block),
    Ask(Request),
    Expect(SttHints),
}

/// Feeds one stream.
pub(super) struct Feed {
    pub(super) vendor: Vendor,
    pub(super) chunker: Chunker,
    pub(super) orders: Sender<Order>,
    /// The one request that this engine understands.
    pub(super) understands: Option<Request>,
}

impl Feed {
    fn ask(&mut self, request: Request) {
        if self.understands != Some(request) {
            return;
        }
        let partial = self.chunker.flush().map(Order::Audio);
        for order in partial.into_iter().chain([Order::Ask(request)]) {
            self.order(order);
        }
    }

    fn order(&self, order: Order) {
        if let Err(error) = queue(&self.orders, &self.vendor, order) {
            tracing::warn!(%error, "a request was not sent");
        }
    }
}

impl Drop for Feed {
    /// The last samples go too, in a block shorter than the others.
    fn drop(&mut self) {
        if let Some(block) = self.chunker.flush() {
            // A queue that is full or gone has lost more than these.
            let _ = queue(&self.orders, &self.vendor, Order::Audio(block));
        }
    }
}

fn queue(orders: &Sender<Order>, vendor: &Vendor, order: Order) -> Result<(), StageError> {
    orders.try_send(order).map_err(|error| match error {
        TrySendError::Full(_) => vendor.full(),
        TrySendError::Closed(_) => vendor.ended(),
    })
}

impl SttFeed for Feed {
    fn push(&mut self, samples: &[i16], position: Position) -> Result<(), StageError> {
        if self.orders.is_closed() {
            return Err(self.vendor.ended());
        }
        let (orders, vendor) = (&self.orders, &self.vendor);
        self.chunker.push(samples, position, |block| queue(orders, vendor, Order::Audio(block)))
    }

    fn finalize(&mut self, _end: Position) {
        self.ask(Request::Finalize);
    }

    fn turn_ended(&mut self) {
        self.ask(Request::EndTurn);
    }

    fn expect(&mut self, hints: &SttHints) {
        self.order(Order::Expect(hints.clone()));
    }
}
