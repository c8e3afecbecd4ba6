//! The link to the STT: opened early, opened again when it breaks, never in the way of the VAD.
//!
//! Invariant: feeding never waits. While no stream is open the caller's audio is kept, up to a limit, and given to the
//! next one.

use crate::stage::{LISTEN_RATE, StageError, Stt, SttEvent, SttSession};
use crate::units::Position;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Sleep;

/// Audio kept while no stream is open: beyond it the oldest is lost. Ten seconds of 16 kHz samples are 320 KB.
const BACKLOG_SAMPLES: usize = LISTEN_RATE.samples_in_ms(10_000) as usize;
/// Waits between attempts to open a stream; after the last the STT has failed for good.
const RETRY_AFTER: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(250), Duration::from_secs(1), Duration::from_secs(4)];

enum Link {
    Waiting(Pin<Box<Sleep>>),
    Opening(BoxFuture<'static, Result<SttSession, StageError>>),
    Open(SttSession),
    Failed,
}

/// What comes from the link.
pub(super) enum SttNews {
    Event(SttEvent),
    /// It broke and is being opened again.
    Broken(StageError),
    /// It is not going to be opened again.
    Failed(StageError),
}

/// The link of one call.
pub(super) struct SttLink {
    stt: Arc<dyn Stt>,
    link: Link,
    attempts: usize,
    backlog: VecDeque<i16>,
    backlog_end: Position,
    behind: bool,
}

impl SttLink {
    pub(super) fn new(stt: Arc<dyn Stt>) -> Self {
        let link = Link::Opening(stt.open());
        Self { stt, link, attempts: 1, backlog: VecDeque::new(), backlog_end: Position::ZERO, behind: false }
    }

    /// Gives the next samples. The first refusal of a row is returned, the others are counted as part of it.
    pub(super) fn push(&mut self, samples: &[i16], position: Position) -> Option<StageError> {
        match &mut self.link {
            Link::Open(session) => {
                let result = session.feed.push(samples, position);
                let was_behind = std::mem::replace(&mut self.behind, result.is_err());
                result.err().filter(|_| !was_behind)
            }
            Link::Waiting(_) | Link::Opening(_) => {
                self.keep(samples, position);
                None
            }
            Link::Failed => None,
        }
    }

    pub(super) fn speech_started(&mut self, onset: Position) {
        if let Link::Open(session) = &mut self.link {
            session.feed.speech_started(onset);
        }
    }

    pub(super) fn finalize(&mut self, end: Position) {
        if let Link::Open(session) = &mut self.link {
            session.feed.finalize(end);
        }
    }

    /// Cancellation safe: nothing is lost between two polls.
    pub(super) fn poll_news(&mut self, cx: &mut Context<'_>) -> Poll<SttNews> {
        loop {
            match &mut self.link {
                Link::Failed => return Poll::Pending,
                Link::Waiting(sleep) => {
                    std::task::ready!(sleep.as_mut().poll(cx));
                    self.link = Link::Opening(self.stt.open());
                }
                Link::Opening(opening) => match std::task::ready!(opening.poll_unpin(cx)) {
                    Ok(session) => self.opened(session),
                    Err(error) => return Poll::Ready(self.broke(error)),
                },
                Link::Open(session) => match std::task::ready!(session.events.poll_next_unpin(cx)) {
                    Some(Ok(event)) => {
                        self.attempts = 0;
                        return Poll::Ready(SttNews::Event(event));
                    }
                    Some(Err(error)) => return Poll::Ready(self.broke(error)),
                    None => return Poll::Ready(self.broke(StageError::Ended { engine: "the STT" })),
                },
            }
        }
    }

    fn opened(&mut self, mut session: SttSession) {
        let kept = self.backlog.make_contiguous();
        let mut position = self.backlog_end.minus(kept.len() as u64);
        for chunk in kept.chunks(LISTEN_RATE.samples_in_ms(20) as usize) {
            // A stream that refuses audio right after opening reports it by ending.
            let _ = session.feed.push(chunk, position);
            position = position.plus(chunk.len() as u64);
        }
        self.backlog = VecDeque::new();
        self.link = Link::Open(session);
    }

    fn broke(&mut self, error: StageError) -> SttNews {
        match RETRY_AFTER.get(self.attempts).filter(|_| error.is_retryable()) {
            Some(wait) => {
                self.attempts += 1;
                self.link = Link::Waiting(Box::pin(tokio::time::sleep(*wait)));
                SttNews::Broken(error)
            }
            None => {
                self.link = Link::Failed;
                SttNews::Failed(error)
            }
        }
    }

    fn keep(&mut self, samples: &[i16], position: Position) {
        self.backlog.extend(samples);
        let excess = self.backlog.len().saturating_sub(BACKLOG_SAMPLES);
        self.backlog.drain(..excess);
        self.backlog_end = position.plus(samples.len() as u64);
    }
}
