//! What the fakes have seen and done, for tests to wait for and for people to read.
//!
//! Invariant: bounded, and noting never waits.

use super::Service;
use super::clock::now;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::watch;

/// Events that are kept, the latest ones; and so many answers.
const MAX_EVENTS: usize = 1_000;

/// What came to an STT.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SttCounts {
    /// Streams opened.
    pub opened: u64,
    /// Streams that are over, whoever ended them.
    pub ended: u64,
    /// Samples received, at the stream's rate.
    pub audio_samples: u64,
    /// Turns (Nova: utterances) begun.
    pub turns: u64,
    /// Turns (Nova: utterances) ended.
    pub turn_ends: u64,
    /// Eager ends.
    pub eager_ends: u64,
    /// Text messages received.
    pub commands: u64,
    /// Messages sent.
    pub messages: u64,
    /// Protocol pings received.
    pub pings: u64,
}

/// What a language model was asked and wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChatCounts {
    /// Generations asked for.
    pub requests: u64,
    /// Generations that came to their end.
    pub finished: u64,
    /// Generations the client left.
    pub cancelled: u64,
    /// Deltas written.
    pub tokens: u64,
    /// Of those, written after the client had left.
    pub late_tokens: u64,
    /// Lists of models asked for.
    pub model_lists: u64,
}

/// What a voice was asked and spoke.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct VoiceCounts {
    /// Sockets opened; for HTTP the requests.
    pub opened: u64,
    /// Sockets that are over, whoever ended them.
    pub ended: u64,
    /// Contexts begun; for HTTP the requests.
    pub contexts: u64,
    /// Contexts spoken to their end.
    pub finished: u64,
    /// Contexts the client cancelled or left.
    pub cancelled: u64,
    /// Characters to speak.
    pub characters: u64,
    /// Bytes of audio sent, before any base64.
    pub audio_bytes: u64,
    /// Chunks of audio sent after the client had cancelled.
    pub late_chunks: u64,
    /// Errors sent in mid-stream.
    pub errors: u64,
}

impl VoiceCounts {
    /// With those of `further` on top.
    pub(super) fn add(&mut self, further: &Self) {
        self.opened += further.opened;
        self.ended += further.ended;
        self.contexts += further.contexts;
        self.finished += further.finished;
        self.cancelled += further.cancelled;
        self.characters += further.characters;
        self.audio_bytes += further.audio_bytes;
        self.late_chunks += further.late_chunks;
        self.errors += further.errors;
    }
}

/// All counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FakesCounts {
    /// TCP connections accepted.
    pub connections: u64,
    /// Openings and requests refused, by rule or by fault.
    pub refused: u64,
    /// Faults that struck.
    pub faults: u64,
    /// Flux.
    pub flux: SttCounts,
    /// Nova.
    pub nova: SttCounts,
    /// Chat.
    pub chat: ChatCounts,
    /// Speech over HTTP.
    pub speech: VoiceCounts,
    /// Cartesia.
    pub cartesia: VoiceCounts,
    /// ElevenLabs.
    pub elevenlabs: VoiceCounts,
}

/// Something worth telling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FakesEvent {
    /// Where.
    pub service: Service,
    /// On which connection or request of it, from 1.
    pub number: u64,
    /// What.
    pub what: String,
}

/// Something that was answered. The time between is the fake's own: what it computed, and what it was told to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FakesAnswer {
    /// Where.
    pub service: Service,
    /// On which connection or request of it, from 1.
    pub number: u64,
    /// When what is answered had come in full: a request; to a voice on a socket the first text of a context; to Flux the
    /// audio with which a turn ended. Nova's words answer nothing in particular and are not noted.
    pub asked: Instant,
    /// When the first of the answer was about to be written: its first event or audio, or the end of the turn.
    pub answered: Instant,
}

/// Something that is to be answered.
#[derive(Debug)]
pub(super) struct Question {
    log: FakesLog,
    answer: FakesAnswer,
}

impl Question {
    pub(super) fn new(log: FakesLog, service: Service, number: u64, asked: Instant) -> Self {
        Self { log, answer: FakesAnswer { service, number, asked, answered: asked } }
    }

    /// It is, now.
    pub(super) fn answered(self) {
        push_bounded(&self.log.answers, FakesAnswer { answered: now(), ..self.answer });
    }
}

/// Counters, and the latest events and answers. A clone shows the same log.
#[derive(Clone, Debug)]
pub struct FakesLog {
    counts: Arc<watch::Sender<FakesCounts>>,
    events: Arc<Mutex<VecDeque<FakesEvent>>>,
    answers: Arc<Mutex<VecDeque<FakesAnswer>>>,
}

impl Default for FakesLog {
    fn default() -> Self {
        let counts = Arc::new(watch::Sender::new(FakesCounts::default()));
        Self { counts, events: Arc::default(), answers: Arc::default() }
    }
}

impl FakesLog {
    /// The counters as they stand.
    pub fn counts(&self) -> FakesCounts {
        *self.counts.borrow()
    }

    /// Waits until the counters are as `is_reached` says and gives them. Waits for ever if that never happens. Dropping
    /// the future is harmless.
    pub async fn until(&self, mut is_reached: impl FnMut(&FakesCounts) -> bool) -> FakesCounts {
        let mut counts = self.counts.subscribe();
        match counts.wait_for(|counts| is_reached(counts)).await {
            Ok(counts) => *counts,
            // The sender is ours, so it is there.
            Err(_) => self.counts(),
        }
    }

    /// The latest thousand events, oldest first.
    pub fn events(&self) -> Vec<FakesEvent> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// The latest thousand answers, in the order they were given.
    pub fn answers(&self) -> Vec<FakesAnswer> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }

    /// Changes the counters.
    pub(super) fn count(&self, change: impl FnOnce(&mut FakesCounts)) {
        self.counts.send_modify(change);
    }

    /// Adds an event; the oldest goes when there are too many.
    pub(super) fn note(&self, service: Service, number: u64, what: impl Into<String>) {
        let what = what.into();
        tracing::debug!(?service, number, what, "fake");
        push_bounded(&self.events, FakesEvent { service, number, what });
    }
}

/// Adds one; the oldest goes when there are too many.
fn push_bounded<T>(kept: &Mutex<VecDeque<T>>, item: T) {
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.len() == MAX_EVENTS {
        kept.pop_front();
    }
    kept.push_back(item);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_counter_can_be_waited_for_and_events_are_bounded() {
        let log = FakesLog::default();
        let change = async {
            for number in 0..=MAX_EVENTS as u64 {
                log.count(|counts| counts.flux.turns += 1);
                log.note(Service::Flux, number, "a turn");
                tokio::task::yield_now().await;
            }
        };
        let (seen, ()) = tokio::join!(log.until(|counts| counts.flux.turns >= 3), change);
        assert!(seen.flux.turns >= 3);
        assert_eq!(log.counts().flux.turns, MAX_EVENTS as u64 + 1);
        assert_eq!((log.events().len(), log.events()[0].number), (MAX_EVENTS, 1));
    }
}
