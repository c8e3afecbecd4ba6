//! The link to the STT: opened early, opened again when it breaks, never in the way of the VAD.
//!
//! Invariant: feeding never waits. The audio whose words are not final is kept, up to a limit: a stream that breaks is
//! followed by one that is given it again, so that no word is lost. Audio whose words are final is never given again,
//! and words of the open segment replace its earlier ones: none doubles.

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

/// Audio kept before the first stream has opened, and room for that much from the start: 320 KB.
const BACKLOG_SAMPLES: u64 = LISTEN_RATE.samples_in_ms(10_000);
/// The most audio without final words that is kept; beyond it the oldest is lost. As long as the longest turn usually
/// may be, as an engine that finds turns gives no final before their end: 1.9 MB, and only then.
const MAX_KEPT_SAMPLES: u64 = LISTEN_RATE.samples_in_ms(60_000);
/// Kept before an onset: an engine wants to hear how a word begins.
const KEPT_BEFORE_ONSET_SAMPLES: u64 = LISTEN_RATE.samples_in_ms(500);
/// Kept of silence: the VAD may have missed words that an engine is about to report.
const KEPT_SILENCE_SAMPLES: u64 = LISTEN_RATE.samples_in_ms(2_000);
/// What a stream is given at once of audio that was kept.
const CHUNK_SAMPLES: usize = LISTEN_RATE.samples_in_ms(20) as usize;
/// An engine that does not open within this time is as good as broken.
const OPEN_DEADLINE: Duration = Duration::from_secs(10);
/// A stream that took this much audio had opened well: its end starts the attempts anew.
const PROVEN_SAMPLES: u64 = LISTEN_RATE.samples_in_ms(5_000);
/// Waits between attempts to open a stream; after the last the STT has failed.
const RETRY_AFTER: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(250), Duration::from_secs(1), Duration::from_secs(4)];
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
    attempts: usize,
    /// The audio that the next stream will need, up to `kept_end`.
    kept: VecDeque<i16>,
    kept_end: Position,
    /// Up to here all words are final.
    final_end: Position,
    /// Up to here the present stream was given the audio.
    fed_to: Position,
    /// Where the speech begins whose words are not final.
    open_from: Option<Position>,
    speaking: bool,
    /// The final that was asked for and has not come.
    asked: Option<Position>,
    /// The present stream was not asked for it yet.
    asking: bool,
    /// The engine behind the present stream, if there are several.
    serving: Option<String>,
    /// Of several engines those that broke since one had proved good.
    broken: Vec<String>,
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
            kept: VecDeque::with_capacity(BACKLOG_SAMPLES as usize + 2 * CHUNK_SAMPLES),
            kept_end: Position::ZERO,
            final_end: Position::ZERO,
            fed_to: Position::ZERO,
            open_from: None,
            speaking: false,
            asked: None,
            asking: false,
            serving: None,
            broken: Vec::new(),
            taken_samples: 0,
            behind: false,
            fed_samples: 0,
            hints: SttHints::default(),
        }
    }

    /// Gives the next samples. The first refusal of a row is returned, the others are counted as part of it; what was
    /// refused is given with the next samples, as long as it is kept.
    pub(super) fn push(&mut self, samples: &[i16], position: Position) -> Option<StageError> {
        self.kept.extend(samples);
        self.kept_end = position.plus(samples.len() as u64);
        self.trim();
        let refusal = self.feed().err();
        let was_behind = std::mem::replace(&mut self.behind, refusal.is_some());
        refusal.filter(|_| !was_behind)
    }

    /// Gives the stream all that it was not given yet, and asks for the final that is wanted of it.
    fn feed(&mut self) -> Result<(), StageError> {
        let Link::Open(session) = &mut self.link else { return Ok(()) };
        let kept_from = self.kept_end.minus(self.kept.len() as u64);
        self.fed_to = self.fed_to.max(kept_from);
        while self.fed_to < self.kept_end {
            let chunk = chunk_at(&self.kept, self.fed_to.since(kept_from) as usize);
            if chunk.is_empty() {
                break;
            }
            session.feed.push(chunk, self.fed_to)?;
            let samples = chunk.len() as u64;
            self.fed_to = self.fed_to.plus(samples);
            self.taken_samples += samples;
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
            SttEvent::Final { end, .. } => self.closed(*end),
            SttEvent::EndOfTurn { end, .. } => self.closed(end.unwrap_or(self.kept_end)),
            SttEvent::StartOfTurn { text } | SttEvent::Interim { text } | SttEvent::EagerEndOfTurn { text } => {
                if !text.trim().is_empty() {
                    // Words that the VAD missed are somewhere in the silence that was kept.
                    let kept_from = self.kept_end.minus(self.kept.len() as u64);
                    self.open_from.get_or_insert(kept_from.plus(KEPT_BEFORE_ONSET_SAMPLES));
                }
            }
            SttEvent::TurnResumed => {}
        }
        if !matches!(event, SttEvent::Serving(_)) {
            // It works; but one that breaks off at each word is not opened anew at once for ever.
            self.attempts = self.attempts.min(1);
        }
    }

    /// The words up to `end` are final.
    fn closed(&mut self, end: Position) {
        self.final_end = self.final_end.max(end.min(self.kept_end));
        self.open_from = self.speaking.then_some(end);
        self.asked = None;
        self.trim();
        if self.kept.capacity() > 2 * BACKLOG_SAMPLES as usize {
            self.kept.shrink_to(BACKLOG_SAMPLES as usize + 2 * CHUNK_SAMPLES);
        }
    }

    fn opened(&mut self, mut session: SttSession) {
        if self.hints != SttHints::default() {
            session.feed.expect(&self.hints);
        }
        if let Some(open_from) = self.open_from {
            session.feed.speech_started(open_from);
        }
        self.link = Link::Open(session);
        self.taken_samples = 0;
        self.asking = true;
        self.fed_to = self.kept_end.minus(self.kept.len() as u64);
        // What it refuses now it is given with the next samples.
        let _ = self.feed();
    }

    fn broke(&mut self, error: StageError) -> SttNews {
        let was_open = matches!(self.link, Link::Open(_));
        if was_open && self.taken_samples >= PROVEN_SAMPLES {
            self.attempts = 0;
            self.broken.clear();
        }
        // Of several engines one whose configuration is wrong says nothing of the others.
        let is_of_use = error.is_retryable() || (was_open && self.serving.is_some());
        if was_open && self.is_first_break_of_its_engine() {
            self.link = waiting(Duration::ZERO);
            return SttNews::Broken(error);
        }
        match RETRY_AFTER.get(self.attempts).filter(|_| is_of_use) {
            Some(wait) => {
                self.attempts += 1;
                self.link = waiting(*wait);
                SttNews::Broken(error)
            }
            None => {
                self.link = if is_of_use { waiting(RETRY_FAILED_AFTER) } else { Link::Failed };
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

    /// Drops the audio that no stream will need.
    fn trim(&mut self) {
        let needed_from = match self.open_from {
            // Before a stream took any all is kept: it may still be opening.
            _ if self.taken_samples == 0 => self.kept_end.minus(BACKLOG_SAMPLES),
            Some(open_from) => open_from.minus(KEPT_BEFORE_ONSET_SAMPLES),
            None => self.kept_end.minus(KEPT_SILENCE_SAMPLES),
        };
        let needed = self.kept_end.since(needed_from.max(self.final_end)).min(MAX_KEPT_SAMPLES);
        let excess = self.kept.len().saturating_sub(needed as usize);
        self.kept.drain(..excess);
    }
}

fn waiting(wait: Duration) -> Link {
    Link::Waiting(Box::pin(tokio::time::sleep(wait)))
}

/// The next samples from `from` on, as many as lie in a row.
fn chunk_at(kept: &VecDeque<i16>, from: usize) -> &[i16] {
    let (front, back) = kept.as_slices();
    let rest = front.get(from..).filter(|rest| !rest.is_empty());
    let rest = rest.or_else(|| back.get(from.saturating_sub(front.len())..)).unwrap_or_default();
    rest.get(..CHUNK_SAMPLES).unwrap_or(rest)
}

fn opening(stt: &Arc<dyn Stt>) -> BoxFuture<'static, Result<SttSession, StageError>> {
    let open = stt.open();
    let late = StageError::Stalled { engine: "the STT", waited: OPEN_DEADLINE };
    async move { tokio::time::timeout(OPEN_DEADLINE, open).await.unwrap_or(Err(late)) }.boxed()
}
