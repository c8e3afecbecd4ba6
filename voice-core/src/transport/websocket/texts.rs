//! How fast a client's text messages are read.
//!
//! Invariant: none is dropped: at the bound the socket is not read until there is time, so that what the client sends waits
//! with the client. It knows no message and no socket.

use crate::pace::Pace;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::time::{Sleep, sleep_until};

/// Read at once: what a client that reports every 20 ms what it played sends in 30 s of a network that stands still.
const BURST: u32 = 1_536;
/// One more is read after this long: 100 a second are twice what a client sends that reports what it played every 20 ms.
const EVERY: Duration = Duration::from_millis(10);

/// The text messages of one line.
pub(super) struct Texts {
    pace: Pace,
    waits: Option<Pin<Box<Sleep>>>,
}

impl Texts {
    pub(super) fn new() -> Self {
        Self { pace: Pace::new(BURST, EVERY, now()), waits: None }
    }

    /// One was read, after [`Texts::poll_ready`] had said that it may be.
    pub(super) fn count(&mut self) {
        let _ = self.pace.admit(now());
    }

    /// Ready once one more may be read. Cancellation safe.
    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let next = self.pace.next();
        while next > now() {
            let until = sleep_until(next.into());
            ready!(self.waits.insert(Box::pin(until)).as_mut().poll(cx));
        }
        Poll::Ready(())
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where time enters a line")]
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    #[tokio::test(start_paused = true)]
    async fn what_was_reported_while_the_network_stood_still_is_read_at_once_and_a_flood_is_not() {
        let (mut texts, start) = (Texts::new(), now());
        for _ in 0..30 * 50 {
            poll_fn(|cx| texts.poll_ready(cx)).await;
            texts.count();
        }
        assert_eq!(now(), start);
        for _ in 0..300 {
            poll_fn(|cx| texts.poll_ready(cx)).await;
            texts.count();
        }
        assert!((2_600..=2_700).contains(&(now() - start).as_millis()));
    }
}
