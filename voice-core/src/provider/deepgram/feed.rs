//! The half of a stream that is fed.
//!
//! Invariant: it never waits. What it is given goes into one bounded queue in its order, so that no request overtakes
//! audio. A queue without room for all of a push refuses it whole, so that it can be given again and is heard once; a
//! request or hints wait for room, the latest of each, and go before what is pushed next.

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
    pub(super) refused: Refused,
}

/// What the queue had no room for.
#[derive(Debug, Default)]
pub(super) struct Refused {
    request: Option<Request>,
    hints: Option<SttHints>,
}

impl Feed {
    fn ask(&mut self, request: Request) {
        if self.understands == Some(request) {
            self.refused.request = Some(request);
            let _later = self.catch_up();
        }
    }

    /// Gives on what waits for room. What is collected goes before a request; without room for both neither goes: the
    /// audio waits for more of it.
    fn catch_up(&mut self) -> Result<(), StageError> {
        let Refused { request, hints } = &self.refused;
        let partial = request.is_some() && !self.chunker.is_empty();
        let count = [partial, request.is_some(), hints.is_some()].into_iter().filter(|wanted| *wanted).count();
        let places = room(&self.orders, &self.vendor, count)?;
        let Refused { request, hints } = std::mem::take(&mut self.refused);
        let audio = if partial { self.chunker.flush() } else { None };
        let requests = request.map(Order::Ask).into_iter().chain(hints.map(Order::Expect));
        let orders = audio.map(Order::Audio).into_iter().chain(requests);
        places.zip(orders).for_each(|(place, order)| place.send(order));
        Ok(())
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

impl SttFeed for Feed {
    fn push(&mut self, samples: &[i16], position: Position) -> Result<(), StageError> {
        if self.orders.is_closed() {
            return Err(self.vendor.ended());
        }
        let caught_up = self.catch_up();
        let blocks = self.chunker.fills(samples.len(), position);
        if blocks > 0 {
            caught_up?;
        }
        let mut places = room(&self.orders, &self.vendor, blocks)?;
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
        self.refused.hints.get_or_insert_default().merge(hints);
        let _later = self.catch_up();
    }
}
