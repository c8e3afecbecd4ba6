//! The half of a stream that is fed.
//!
//! Invariant: it never waits. What it is given goes into one bounded queue in its order, so that no request overtakes
//! audio. A queue without room for all of a push refuses it whole, so that it can be given again and is heard once; it
//! drops a request with a warning.

use super::super::net::Vendor;
use super::chunker::{Block, Chunker};
use super::dialect::Request;
use crate::stage::{StageError, SttFeed, SttHints};
use crate::units::Position;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{PermitIterator, Sender};

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
    /// What is collected goes before the request. Without room for both neither goes: the audio waits for more of it.
    fn ask(&mut self, request: Request) {
        if self.understands != Some(request) {
            return;
        }
        let partial = usize::from(!self.chunker.is_empty());
        match room(&self.orders, &self.vendor, partial + 1) {
            Ok(places) => {
                let audio = self.chunker.flush().map(Order::Audio);
                let orders = audio.into_iter().chain([Order::Ask(request)]);
                places.zip(orders).for_each(|(place, order)| place.send(order));
            }
            Err(error) => not_sent(&error),
        }
    }
}

impl Drop for Feed {
    /// The last samples go too, in a block shorter than the others, unless the queue is full or gone.
    fn drop(&mut self) {
        if let Some(block) = self.chunker.flush()
            && let Ok(mut places) = room(&self.orders, &self.vendor, 1)
        {
            places.next().into_iter().for_each(|place| place.send(Order::Audio(block.clone())));
        }
    }
}

/// Places for so many orders, or none at all.
fn room<'a>(orders: &'a Sender<Order>, vendor: &Vendor, count: usize) -> Result<PermitIterator<'a, Order>, StageError> {
    orders.try_reserve_many(count).map_err(|error| match error {
        TrySendError::Full(()) => vendor.full(),
        TrySendError::Closed(()) => vendor.ended(),
    })
}

fn not_sent(error: &StageError) {
    tracing::warn!(%error, "a request was not sent");
}

impl SttFeed for Feed {
    fn push(&mut self, samples: &[i16], position: Position) -> Result<(), StageError> {
        if self.orders.is_closed() {
            return Err(self.vendor.ended());
        }
        let mut places = room(&self.orders, &self.vendor, self.chunker.fills(samples.len(), position))?;
        self.chunker.push(samples, position, |block| {
            if let Some(place) = places.next() {
                place.send(Order::Audio(block));
            }
        });
        Ok(())
    }

    fn finalize(&mut self, _end: Position) {
        self.ask(Request::Finalize);
    }

    fn turn_ended(&mut self) {
        self.ask(Request::EndTurn);
    }

    fn expect(&mut self, hints: &SttHints) {
        match room(&self.orders, &self.vendor, 1) {
            Ok(places) => places.for_each(|place| place.send(Order::Expect(hints.clone()))),
            Err(error) => not_sent(&error),
        }
    }
}
