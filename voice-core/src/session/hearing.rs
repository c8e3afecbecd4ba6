//! The link to the STT: opened early, opened again when it breaks, never in the way of the VAD.
//!
//! Invariant: feeding never waits. The audio whose words are not final is kept, up to a limit: a stream that breaks is
//! followed by one that is given it again, so that no word is lost. Audio whose words are final is never given again,
//! and words of the open segment replace its earlier ones: none doubles.

use super::backlog::Backlog;
use super::retry::Retry;
use crate::stage::{LISTEN_RATE, StageError, Stt, SttEvent, SttHints, SttSession};
use crate::units::Position;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Sleep;

/// An engine that does not open within this time is as good as broken.
const OPEN_DEADLINE: Duration = Duration::from_secs(10);
/// A stream that took this much audio beyond what was kept for it had opened well: its end starts the attempts anew.
const PROVEN_SAMPLES: u64 = LISTEN_RATE.samples_in_ms(5_000);
/// The usual waits between attempts to open a stream; after the last the STT has failed. Even the first is one: a vendor
/// that drops all its calls at once gets them back one after the other.
const RETRY_AFTER: [Duration; 4] =
    [Duration::from_millis(100), Duration::from_millis(250), Duration::from_secs(1), Duration::from_secs(4)];
/// One that has failed is tried again this often, where that is of any use.
const RETRY_FAILED_AFTER: Duration = Duration::from_secs(15);
/// Engines of which it is remembered that they broke.
const MAX_BROKEN: usize = 16;

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
    /// It has failed: it is not opened again soon, if ever.
    Failed(StageError),
}

/// The link of one call.
pub(super) struct SttLink {
    stt: Arc<dyn Stt>,
    link: Link,
    retry: Retry,
    attempts: usize,
    /// The audio that the next stream will need.
    backlog: Backlog,
    /// Up to here the present stream was given the audio.
    fed_to: Position,
    /// Where the caller was when the present stream opened: what it took before was kept for it.
    opened_at: Position,
    /// How far the present stream may be behind, as it was given that much at once.
    lag_samples: u64,
    /// The final that was asked for and has not come.
    asked: Option<Position>,
    /// The present stream was not asked for it yet.
    asking: bool,
    /// The engine behind the present stream, if there are several.
    serving: Option<String>,
    /// Of several engines those that broke since one had proved good.
    broken: Vec<String>,
    behind: bool,
    fed_samples: u64,
    /// All hints so far, for the streams to come.
    hints: SttHints,
}

impl SttLink {
    pub(super) fn new(stt: Arc<dyn Stt>, retry: Retry) -> Self {
        let link = Link::Opening(opening(&stt));
        Self {
            stt,
            link,
            retry,
            attempts: 1,
            backlog: Backlog::new(),
            fed_to: Position::ZERO,
            opened_at: Position::ZERO,
            lag_samples: 0,
            asked: None,
            asking: false,
            serving: None,
            broken: Vec::new(),
            behind: false,
            fed_samples: 0,
            hints: SttHints::default(),
        }
    }

    /// Gives the next samples. The first refusal of a row is returned, the others are counted as part of it; what was
    /// refused is given with the next samples, as long as it is kept.
    pub(super) fn push(&mut self, samples: &[i16], position: Position) -> Option<StageError> {
        self.backlog.push(samples, position);
        let refusal = self.feed().err();
        if matches!(self.link, Link::Open(_)) && self.backlog.drop_wordless(self.fed_to.minus(self.lag_samples)) {
            self.asked = None;
        }
        let was_behind = std::mem::replace(&mut self.behind, refusal.is_some());
        refusal.filter(|_| !was_behind)
    }

    /// Gives the stream all that it was not given yet, and asks for the final that is wanted of it.
    fn feed(&mut self) -> Result<(), StageError> {
        let Link::Open(session) = &mut self.link else { return Ok(()) };
        self.fed_to = self.fed_to.max(self.backlog.start());
        while self.fed_to < self.backlog.end() {
            let chunk = self.backlog.chunk_at(self.fed_to);
            if chunk.is_empty() {
                break;
            }
            session.feed.push(chunk, self.fed_to)?;
            let samples = chunk.len() as u64;
            self.backlog.taken();
            self.fed_to = self.fed_to.plus(samples);
            self.fed_samples += samples;
        }
        if let Some(end) = self.asked.filter(|_| std::mem::take(&mut self.asking)) {
            session.feed.finalize(end);
        }
        Ok(())
    }

    /// Samples that streams have taken since the last time it was asked.
    pub(super) fn take_fed_samples(&mut self) -> u64 {
        std::mem::take(&mut self.fed_samples)
    }

    pub(super) fn speech_started(&mut self, onset: Position) {
        self.backlog.speech_started(onset);
        self.asked = None;
        if let Link::Open(session) = &mut self.link {
            session.feed.speech_started(onset);
        }
    }

    pub(super) fn speech_ended(&mut self, end: Position) {
        self.backlog.speech_ended(end);
    }

    pub(super) fn finalize(&mut self, end: Position) {
        (self.asked, self.asking) = (Some(end), true);
        // A stream that is behind is asked once it has all the audio.
        let _ = self.feed();
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
        match event {
            SttEvent::Serving(serving) => self.serving = Some(serving.engine.clone()),
            // One that does not know covers all that was fed.
            SttEvent::Final { end: Position::ZERO, .. } => self.closed(self.backlog.end()),
            SttEvent::Final { end, .. } => self.closed(*end),
            SttEvent::EndOfTurn { end, .. } => self.closed(end.unwrap_or(self.backlog.end())),
            SttEvent::StartOfTurn { text } | SttEvent::Interim { text } | SttEvent::EagerEndOfTurn { text } => {
                if !text.trim().is_empty() {
                    self.backlog.words_open();
                }
            }
            SttEvent::TurnResumed => {}
        }
    }

    /// The words up to `end` are final. Speech after it may be what the final was asked for.
    fn closed(&mut self, end: Position) {
        self.backlog.words_final(end);
        if self.backlog.is_settled() {
            self.asked = None;
        }
    }

    fn opened(&mut self, mut session: SttSession) {
        if self.hints != SttHints::default() {
            session.feed.expect(&self.hints);
        }
        if let Some(open_from) = self.backlog.open_from() {
            session.feed.speech_started(open_from);
        }
        self.link = Link::Open(session);
        self.asking = true;
        self.backlog.opened();
        (self.fed_to, self.opened_at) = (self.backlog.start(), self.backlog.end());
        self.lag_samples = self.opened_at.since(self.fed_to);
        // What it refuses now it is given with the next samples.
        let _ = self.feed();
    }

    fn broke(&mut self, error: StageError) -> SttNews {
        let was_open = matches!(self.link, Link::Open(_));
        if was_open && self.fed_to.since(self.opened_at) >= PROVEN_SAMPLES {
            self.attempts = 0;
            self.broken.clear();
        }
        // Of several engines one whose configuration is wrong says nothing of the others.
        let is_of_use = error.is_retryable() || (was_open && self.serving.is_some());
        if was_open && self.is_first_break_of_its_engine() {
            self.link = waiting(self.retry.wait(RETRY_AFTER[0], &error));
            return SttNews::Broken(error);
        }
        match RETRY_AFTER.get(self.attempts).filter(|_| is_of_use) {
            Some(wait) => {
                self.attempts += 1;
                self.link = waiting(self.retry.wait(*wait, &error));
                SttNews::Broken(error)
            }
            None => {
                let wait = is_of_use.then(|| self.retry.wait(RETRY_FAILED_AFTER, &error));
                self.link = wait.map_or(Link::Failed, waiting);
                SttNews::Failed(error)
            }
        }
    }

    /// Another engine is ready at once; but each of them only once, or two that take turns would never be waited for.
    fn is_first_break_of_its_engine(&mut self) -> bool {
        let Some(engine) = &self.serving else { return false };
        let is_first = self.broken.len() < MAX_BROKEN && !self.broken.contains(engine);
        if is_first {
            self.broken.push(engine.clone());
        }
        is_first
    }
}

fn waiting(wait: Duration) -> Link {
    Link::Waiting(Box::pin(tokio::time::sleep(wait)))
}

fn opening(stt: &Arc<dyn Stt>) -> BoxFuture<'static, Result<SttSession, StageError>> {
    let open = stt.open();
    let late = StageError::Stalled { engine: "the STT", waited: OPEN_DEADLINE };
    async move { tokio::time::timeout(OPEN_DEADLINE, open).await.unwrap_or(Err(late)) }.boxed()
}

#[cfg(test)]
#[path = "hearing_tests.rs"]
mod tests;
