//! The events of one reply between the socket's task, which never waits, and the call, which reads when it has room.
//!
//! Invariant: unread audio is bounded, and text is taken only while what it will become fits; audio beyond the bound
//! fails this reply and no other. The first end counts, and nothing comes after it.

use crate::stage::{StageError, TtsEvent};
use crate::units::SampleRate;
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use std::time::Duration;

/// Unread events at most: a vendor that sends crumbs is as wrong as one that sends hours.
const MAX_EVENTS: usize = 16_384;
/// How long a byte of text is spoken, about: 14 characters a second in English, and a third as many of three bytes each
/// in Japanese.
const MS_PER_BYTE: u64 = 70;

type Event = Result<TtsEvent, StageError>;

/// What may wait in one reply's queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QueueLimits {
    /// The engine, for errors.
    pub(crate) engine: &'static str,
    /// Of the audio.
    pub(crate) rate: SampleRate,
    /// Unread audio beyond this fails the reply. A clause is refused where half of it is likely to be exceeded.
    pub(crate) audio: Duration,
}

/// What the reader should see next, and what it means if it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Awaited {
    pub(crate) within: Duration,
    pub(crate) then: Expiry,
}

/// What a passed deadline means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expiry {
    /// The vendor owes audio: the reply fails.
    Stalled,
    /// All there will be has come: the reply is complete.
    Complete,
    /// The vendor would soon forget the context: remind it.
    Remind,
}

/// The queue of one reply.
pub(crate) struct SpeechQueue {
    limits: QueueLimits,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    events: VecDeque<Event>,
    unread_samples: u64,
    total_samples: u64,
    asked: Asked,
    over: bool,
    waker: Option<Waker>,
    awaited: Option<Awaited>,
    /// Counts what restarts the wait.
    progress: u64,
}

/// The text whose audio has not all come, as far as one can guess.
#[derive(Default)]
struct Asked {
    bytes: u64,
    /// The reply's samples when the first of those bytes were asked for.
    since_samples: u64,
    answered: bool,
}

/// A poll of the queue.
pub(super) enum Taken {
    Event(Event),
    /// Nothing follows.
    Over,
    /// Nothing yet; the deadline, and a number that changes whenever its wait begins anew.
    Empty(Option<Awaited>, u64),
}

impl SpeechQueue {
    pub(crate) fn new(limits: QueueLimits) -> Self {
        Self { limits, inner: Mutex::default() }
    }

    /// Whether a clause may be sent now.
    ///
    /// # Errors
    /// [`StageError::Full`] until the reader has caught up, [`StageError::Ended`] after the end.
    pub(crate) fn may_ask(&self, clause: &str) -> Result<(), StageError> {
        let mut inner = self.lock();
        if inner.over {
            return Err(StageError::Ended { engine: self.limits.engine });
        }
        if inner.unread_samples == 0 && inner.asked.answered {
            inner.asked = Asked { since_samples: inner.total_samples, ..Asked::default() };
        }
        let ahead = self.expected_samples(&inner, clause.len());
        let limit = self.limits.rate.samples_in(self.limits.audio) / 2;
        let under_way = inner.asked.bytes > 0 || inner.unread_samples > 0;
        if under_way && ahead > limit { Err(StageError::Full { engine: self.limits.engine }) } else { Ok(()) }
    }

    /// A clause was sent.
    pub(crate) fn asked(&self, clause: &str) {
        let mut inner = self.lock();
        inner.asked.bytes += clause.len() as u64;
        inner.asked.answered = false;
    }

    fn expected_samples(&self, inner: &Inner, more_bytes: usize) -> u64 {
        let spoken = |bytes: u64| self.limits.rate.samples_in_ms(bytes.saturating_mul(MS_PER_BYTE));
        let came = inner.total_samples.saturating_sub(inner.asked.since_samples);
        let to_come = spoken(inner.asked.bytes).saturating_sub(came);
        inner.unread_samples + to_come + spoken(more_bytes as u64)
    }

    /// Audio came: whole samples.
    ///
    /// # Errors
    /// [`StageError::Full`] where it is beyond the bound. The reply has failed with it.
    pub(crate) fn audio(&self, pcm: Bytes) -> Result<(), StageError> {
        let samples = pcm.len() as u64 / 2;
        let mut inner = self.lock();
        if inner.over || samples == 0 {
            return Ok(());
        }
        let bound = self.limits.rate.samples_in(self.limits.audio);
        if inner.unread_samples + samples > bound || inner.events.len() >= MAX_EVENTS {
            let error = StageError::Full { engine: self.limits.engine };
            inner.end(Err(error.clone()));
            return Err(error);
        }
        inner.unread_samples += samples;
        inner.total_samples += samples;
        inner.asked.answered = true;
        inner.progress += 1;
        inner.push(Ok(TtsEvent::Audio(pcm)));
        Ok(())
    }

    /// A word's time or a clause's end. Times of words beyond the bound are dropped: they can be guessed.
    pub(crate) fn event(&self, event: TtsEvent) {
        let mut inner = self.lock();
        if !inner.over && inner.events.len() < MAX_EVENTS {
            inner.push(Ok(event));
        }
    }

    /// The reply is spoken, or has failed.
    pub(crate) fn end(&self, end: Result<(), StageError>) {
        self.lock().end(end.map(|()| TtsEvent::Done));
    }

    /// Drops everything; the stream ends.
    pub(crate) fn cancel(&self) {
        let mut inner = self.lock();
        inner.events.clear();
        inner.unread_samples = 0;
        inner.over = true;
        inner.wake();
    }

    /// What the reader waits for from here on. The same as before leaves the wait as it is.
    pub(crate) fn wait_for(&self, awaited: Option<Awaited>) {
        let mut inner = self.lock();
        if inner.awaited != awaited {
            inner.awaited = awaited;
            inner.progress += 1;
            inner.wake();
        }
    }

    /// The wait begins anew.
    pub(crate) fn restart_wait(&self) {
        self.lock().progress += 1;
    }

    pub(crate) fn is_over(&self) -> bool {
        self.lock().over
    }

    /// Samples that came so far, read or not.
    pub(crate) fn total_samples(&self) -> u64 {
        self.lock().total_samples
    }

    /// The next event. Where there is none, the waker of `cx` is told of the next change.
    pub(super) fn take(&self, cx: &mut Context<'_>) -> Taken {
        let mut inner = self.lock();
        match inner.events.pop_front() {
            Some(event) => {
                if let Ok(TtsEvent::Audio(pcm)) = &event {
                    inner.unread_samples = inner.unread_samples.saturating_sub(pcm.len() as u64 / 2);
                }
                Taken::Event(event)
            }
            None if inner.over => Taken::Over,
            None => {
                inner.waker = Some(cx.waker().clone());
                Taken::Empty(inner.awaited, inner.progress)
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn push(&mut self, event: Event) {
        self.events.push_back(event);
        self.wake();
    }

    fn end(&mut self, end: Event) {
        if !self.over {
            self.over = true;
            self.push(end);
        }
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// For tests: the events that wait, as a reader would get them.
#[cfg(any(test, feature = "fuzzing"))]
impl SpeechQueue {
    pub(crate) fn drain(&self) -> Vec<Event> {
        let mut cx = Context::from_waker(Waker::noop());
        let next = || match self.take(&mut cx) {
            Taken::Event(event) => Some(event),
            Taken::Over | Taken::Empty(..) => None,
        };
        std::iter::from_fn(next).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: StageError = StageError::Full { engine: "a TTS" };
    const ENDED: StageError = StageError::Ended { engine: "a TTS" };

    fn queue(seconds: u64) -> SpeechQueue {
        let audio = Duration::from_secs(seconds);
        SpeechQueue::new(QueueLimits { engine: "a TTS", rate: SampleRate::Hz8000, audio })
    }

    fn seconds(count: usize) -> Bytes {
        Bytes::from(vec![0; count * 16_000])
    }

    #[test]
    fn audio_beyond_the_bound_fails_the_reply_after_what_it_holds() {
        let queue = queue(2);
        assert_eq!(queue.audio(seconds(2)), Ok(()));
        assert_eq!(queue.audio(Bytes::from_static(&[0, 0])), Err(FULL));
        assert_eq!(queue.audio(seconds(1)), Ok(()), "a dead reply's audio is nobody's fault");
        assert_eq!(queue.drain(), [Ok(TtsEvent::Audio(seconds(2))), Err(FULL)]);
    }

    #[test]
    fn read_audio_makes_room() {
        let queue = queue(2);
        for _ in 0..10 {
            assert_eq!(queue.audio(seconds(2)), Ok(()));
            assert_eq!(queue.drain().len(), 1);
        }
        assert_eq!(queue.total_samples(), 160_000);
    }

    #[test]
    fn crumbs_and_words_are_bounded() {
        let queue = queue(120);
        let crumbs = (0..20_000).take_while(|_| queue.audio(Bytes::from_static(&[0, 0])).is_ok());
        assert_eq!(crumbs.count(), MAX_EVENTS);
        queue.event(TtsEvent::ClauseEnd { clauses: 1 });
        assert_eq!(queue.drain().len(), MAX_EVENTS + 1, "all crumbs and the error");
    }

    #[test]
    fn text_is_taken_while_its_audio_will_fit() {
        let queue = queue(20);
        let clause = "x".repeat(50);
        let mut taken = 0;
        while queue.may_ask(&clause).is_ok() {
            queue.asked(&clause);
            taken += 1;
        }
        assert_eq!(taken, 2, "3.5 s each, and at most 10 s are asked for");
        queue.audio(seconds(7)).expect("within the bound");
        assert_eq!(queue.may_ask(&clause), Err(FULL), "unread");
        queue.drain();
        assert_eq!(queue.may_ask(&clause), Ok(()));
    }

    #[test]
    fn a_clause_of_any_length_is_taken_when_nothing_is_under_way() {
        let queue = queue(20);
        let clause = "x".repeat(5_000);
        assert_eq!(queue.may_ask(&clause), Ok(()));
        queue.asked(&clause);
        assert_eq!(queue.may_ask("y"), Err(FULL));
        queue.audio(seconds(5)).expect("spoken faster than was guessed");
        queue.drain();
        assert_eq!(queue.may_ask("y"), Ok(()), "a wrong guess never blocks a reader that waits");
    }

    #[test]
    fn the_first_end_counts() {
        let queue = queue(2);
        queue.end(Ok(()));
        queue.end(Err(ENDED));
        queue.event(TtsEvent::ClauseEnd { clauses: 1 });
        assert_eq!(queue.drain(), [Ok(TtsEvent::Done)]);
        assert_eq!(queue.may_ask("y"), Err(ENDED));
    }

    #[test]
    fn a_cancelled_queue_gives_nothing() {
        let queue = queue(2);
        queue.audio(seconds(1)).expect("within the bound");
        queue.cancel();
        queue.end(Err(ENDED));
        assert!(queue.drain().is_empty() && queue.is_over());
    }
}
