//! The link to the STT: opened early, opened again when it breaks, never in the way of the VAD.
//!
//! Invariant: feeding never waits. The audio whose words are not final is kept, up to a limit: a stream that breaks is
//! followed by one that is given it again, so that no word is lost; as its words replace the open segment, none doubles.

use crate::stage::{LISTEN_RATE, StageError, Stt, SttEvent, SttHints, SttSession};
use crate::units::Position;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Sleep;

/// Audio kept for the next stream: beyond it the oldest is lost. Ten seconds of 16 kHz samples are 320 KB.
const BACKLOG_SAMPLES: usize = LISTEN_RATE.samples_in_ms(10_000) as usize;
/// Kept before an onset, and of silence: an engine wants to hear how a word begins.
const KEPT_SILENCE_SAMPLES: u64 = LISTEN_RATE.samples_in_ms(500);
/// An engine that does not open within this time is as good as broken.
const OPEN_DEADLINE: Duration = Duration::from_secs(10);
/// A stream that took this much audio had opened well: its end starts the attempts anew.
const PROVEN_SAMPLES: u64 = LISTEN_RATE.samples_in_ms(5_000);
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
    /// The audio that the next stream will need, up to `kept_end`.
    kept: VecDeque<i16>,
    kept_end: Position,
    /// Where the speech begins whose words are not final.
    open_from: Option<Position>,
    speaking: bool,
    /// The final that was asked for and has not come.
    asked: Option<Position>,
    taken_samples: u64,
    behind: bool,
    fed_samples: u64,
    /// All hints so far, for the streams to come.
    hints: SttHints,
}

impl SttLink {
    pub(super) fn new(stt: Arc<dyn Stt>) -> Self {
        let link = Link::Opening(opening(&stt));
        Self {
            stt,
            link,
            attempts: 1,
            kept: VecDeque::with_capacity(BACKLOG_SAMPLES + LISTEN_RATE.samples_in_ms(40) as usize),
            kept_end: Position::ZERO,
            open_from: None,
            speaking: false,
            asked: None,
            taken_samples: 0,
            behind: false,
            fed_samples: 0,
            hints: SttHints::default(),
        }
    }

    /// Gives the next samples. The first refusal of a row is returned, the others are counted as part of it.
    pub(super) fn push(&mut self, samples: &[i16], position: Position) -> Option<StageError> {
        self.keep(samples, position);
        match &mut self.link {
            Link::Open(session) => {
                self.taken_samples += samples.len() as u64;
                let result = session.feed.push(samples, position);
                self.fed_samples += if result.is_ok() { samples.len() as u64 } else { 0 };
                let was_behind = std::mem::replace(&mut self.behind, result.is_err());
                result.err().filter(|_| !was_behind)
            }
            Link::Waiting(_) | Link::Opening(_) | Link::Failed => None,
        }
    }

    /// Samples that streams have taken since the last time it was asked.
    pub(super) fn take_fed_samples(&mut self) -> u64 {
        std::mem::take(&mut self.fed_samples)
    }

    pub(super) fn speech_started(&mut self, onset: Position) {
        self.speaking = true;
        self.asked = None;
        self.open_from.get_or_insert(onset);
        if let Link::Open(session) = &mut self.link {
            session.feed.speech_started(onset);
        }
    }

    pub(super) fn speech_ended(&mut self) {
        self.speaking = false;
    }

    pub(super) fn finalize(&mut self, end: Position) {
        self.asked = Some(end);
        if let Link::Open(session) = &mut self.link {
            session.feed.finalize(end);
        }
    }

    /// The caller's turn was taken as over without the STT's saying so.
    pub(super) fn turn_ended(&mut self) {
        if let Link::Open(session) = &mut self.link {
            session.feed.turn_ended();
        }
    }

    /// What to expect from here on.
    pub(super) fn expect(&mut self, hints: &SttHints) {
        self.hints.merge(hints);
        if let Link::Open(session) = &mut self.link {
            session.feed.expect(hints);
        }
    }

    /// Cancellation safe: nothing is lost between two polls.
    pub(super) fn poll_news(&mut self, cx: &mut Context<'_>) -> Poll<SttNews> {
        loop {
            match &mut self.link {
                Link::Failed => return Poll::Pending,
                Link::Waiting(sleep) => {
                    std::task::ready!(sleep.as_mut().poll(cx));
                    self.link = Link::Opening(opening(&self.stt));
                }
                Link::Opening(opening) => match std::task::ready!(opening.poll_unpin(cx)) {
                    Ok(session) => self.opened(session),
                    Err(error) => return Poll::Ready(self.broke(error)),
                },
                Link::Open(session) => match std::task::ready!(session.events.poll_next_unpin(cx)) {
                    Some(Ok(event)) => {
                        // It works; but one that breaks off at each word is not opened anew at once for ever.
                        self.attempts = self.attempts.min(1);
                        self.note(&event);
                        return Poll::Ready(SttNews::Event(event));
                    }
                    Some(Err(error)) => return Poll::Ready(self.broke(error)),
                    None => return Poll::Ready(self.broke(StageError::Ended { engine: "the STT" })),
                },
            }
        }
    }

    /// What the event says about the audio it covers.
    fn note(&mut self, event: &SttEvent) {
        let closed = match event {
            SttEvent::Final { end, .. } => Some(*end),
            SttEvent::EndOfTurn { end, .. } => Some(end.unwrap_or(self.kept_end)),
            SttEvent::Serving(_)
            | SttEvent::StartOfTurn { .. }
            | SttEvent::Interim { .. }
            | SttEvent::EagerEndOfTurn { .. }
            | SttEvent::TurnResumed => None,
        };
        if let Some(end) = closed {
            self.open_from = self.speaking.then_some(end);
            self.asked = None;
        }
    }

    fn opened(&mut self, mut session: SttSession) {
        if self.hints != SttHints::default() {
            session.feed.expect(&self.hints);
        }
        let kept = self.kept.make_contiguous();
        let mut position = self.kept_end.minus(kept.len() as u64);
        if let Some(open_from) = self.open_from {
            session.feed.speech_started(open_from);
        }
        for chunk in kept.chunks(LISTEN_RATE.samples_in_ms(20) as usize) {
            // A stream that refuses audio right after opening reports it by ending.
            if session.feed.push(chunk, position).is_ok() {
                self.fed_samples += chunk.len() as u64;
            }
            position = position.plus(chunk.len() as u64);
        }
        if let Some(end) = self.asked {
            session.feed.finalize(end);
        }
        self.taken_samples = 0;
        self.link = Link::Open(session);
    }

    fn broke(&mut self, error: StageError) -> SttNews {
        if matches!(self.link, Link::Open(_)) && self.taken_samples >= PROVEN_SAMPLES {
            self.attempts = 0;
        }
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
        self.kept.extend(samples);
        self.kept_end = position.plus(samples.len() as u64);
        let needed_from = self.open_from.unwrap_or(self.kept_end).minus(KEPT_SILENCE_SAMPLES);
        // Before the first final all is kept: the stream may still be opening.
        let needed = if self.taken_samples == 0 { BACKLOG_SAMPLES as u64 } else { self.kept_end.since(needed_from) };
        let excess = self.kept.len().saturating_sub((needed as usize).min(BACKLOG_SAMPLES));
        self.kept.drain(..excess);
    }
}

fn opening(stt: &Arc<dyn Stt>) -> BoxFuture<'static, Result<SttSession, StageError>> {
    let open = stt.open();
    let late = StageError::Stalled { engine: "the STT", waited: OPEN_DEADLINE };
    async move { tokio::time::timeout(OPEN_DEADLINE, open).await.unwrap_or(Err(late)) }.boxed()
}
