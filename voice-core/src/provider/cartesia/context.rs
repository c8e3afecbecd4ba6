//! One context: what it was given to speak and what of that has come.
//!
//! Invariant: its submissions are spoken in order, so two counts say it all: how many have begun to sound and how many
//! Cartesia says are spoken. It decides nothing.

use super::message::WordTime;
use crate::provider::contexts::{Clause, PcmDecoder, TagStripper, TimedWord, WireEncoding, samples_at};
use crate::units::SampleRate;
use bytes::Bytes;
use std::time::Duration;
use tokio::time::Instant;

/// Word times that may come before the first audio.
const MAX_EARLY_WORDS: usize = 1_024;

/// How the end of a submission's audio is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marks {
    /// Cartesia says so, a `flush_done` for each.
    Told,
    /// It says nothing: a submission that has begun is taken for spoken.
    Guessed,
}

/// What is known of one context.
pub(super) struct SpeechContext {
    pub(super) id: String,
    rate: SampleRate,
    submitted: Vec<Clause>,
    /// How many have begun, by the ids of their audio.
    begun: usize,
    /// How many were submitted when audio last came.
    reached: usize,
    flushed: usize,
    /// Where in the reply's audio that of this context begins; unknown before it does.
    base_samples: Option<u64>,
    decoder: PcmDecoder,
    tags: TagStripper,
    early_words: Vec<WordTime>,
    last_audio: Option<Instant>,
    last_audio_length: Duration,
    pub(super) ending: Ending,
}

/// Whether the context was told that nothing follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// More may follow.
    Open,
    /// It was told.
    Told,
    /// It was told after it had been silent so long that it may be forgotten, and may not answer.
    ToldLate,
}

impl SpeechContext {
    pub(super) fn new(id: String, encoding: WireEncoding, rate: SampleRate) -> Self {
        Self {
            id,
            rate,
            submitted: Vec::new(),
            begun: 0,
            reached: 0,
            flushed: 0,
            base_samples: None,
            decoder: PcmDecoder::new(encoding),
            tags: TagStripper::default(),
            early_words: Vec::new(),
            last_audio: None,
            last_audio_length: Duration::ZERO,
            ending: Ending::Open,
        }
    }

    pub(super) fn submitted(&mut self, clause: Clause) {
        self.submitted.push(clause);
    }

    /// Takes audio that follows the reply's first `total_samples`.
    pub(super) fn audio(&mut self, data: Vec<u8>, flush_id: Option<u64>, total_samples: u64, now: Instant) -> Bytes {
        let pcm = self.decoder.decode(data);
        if pcm.is_empty() {
            return pcm;
        }
        self.base_samples.get_or_insert(total_samples);
        let begun = flush_id.and_then(|id| usize::try_from(id).ok()).filter(|id| *id > 0);
        self.begun = begun.unwrap_or(self.submitted.len()).clamp(self.begun, self.submitted.len().max(self.begun));
        self.reached = self.submitted.len();
        self.last_audio = Some(now);
        self.last_audio_length = self.rate.duration_of(pcm.len() as u64 / 2);
        pcm
    }

    /// Takes the times of words; gives those that can be placed in the reply's audio, earlier ones included.
    pub(super) fn words(&mut self, words: Vec<WordTime>) -> Vec<TimedWord> {
        let room = MAX_EARLY_WORDS.saturating_sub(self.early_words.len());
        self.early_words.extend(words.into_iter().take(room));
        let Some(base) = self.base_samples else { return Vec::new() };
        let (rate, tags) = (self.rate, &mut self.tags);
        let place = |seconds: f64| base.saturating_add(samples_at(rate, seconds));
        let placed = self.early_words.drain(..).filter_map(|word| {
            let (start_samples, end_samples) = (place(word.start_s), place(word.end_s));
            let text = tags.strip(&word.word);
            let word = TimedWord { text, start_samples, end_samples: end_samples.max(start_samples) };
            (!word.text.is_empty()).then_some(word)
        });
        placed.collect()
    }

    /// A submission is said to be spoken. One of which nothing has been heard is not: then its mark tells of its
    /// arrival. Gives how many clauses of the reply are complete.
    pub(super) fn flushed(&mut self, flush_id: Option<u64>) -> Option<u32> {
        let id = flush_id.and_then(|id| usize::try_from(id).ok()).filter(|id| *id > 0).unwrap_or(self.flushed + 1);
        if id <= self.flushed || id > self.begun {
            return None;
        }
        self.flushed = id;
        self.submitted.get(id - 1).map(|clause| clause.clauses)
    }

    /// Whether anything was ever sent to it.
    pub(super) fn is_used(&self) -> bool {
        !self.submitted.is_empty()
    }

    pub(super) fn has_audio(&self) -> bool {
        self.base_samples.is_some()
    }

    /// Whether all that was submitted is spoken.
    pub(super) fn is_settled(&self, marks: Marks) -> bool {
        let spoken = match marks {
            Marks::Told => self.flushed,
            Marks::Guessed => self.begun(marks),
        };
        spoken == self.submitted.len()
    }

    /// Whether it was silent for so long that Cartesia may have forgotten it.
    pub(super) fn is_stale(&self, marks: Marks, idle: Duration, now: Instant) -> bool {
        let played = match marks {
            Marks::Told => Duration::ZERO,
            Marks::Guessed => self.last_audio_length,
        };
        let silent = self.last_audio.map(|last| now.saturating_duration_since(last).saturating_sub(played));
        self.is_settled(marks) && silent.is_some_and(|silent| silent >= idle)
    }

    /// What was submitted and not even begun, where nothing is left half spoken.
    pub(super) fn take_unspoken(&mut self, marks: Marks) -> Vec<Clause> {
        let half_spoken = marks == Marks::Told && self.begun > self.flushed;
        if half_spoken { Vec::new() } else { self.submitted.split_off(self.begun(marks).min(self.submitted.len())) }
    }

    /// How many submissions have begun to sound. An id that has never gone up counts nothing where nothing else does:
    /// then audio is taken for that of all that was submitted before it.
    fn begun(&self, marks: Marks) -> usize {
        if marks == Marks::Guessed && self.begun <= 1 { self.reached } else { self.begun }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(clauses: u32) -> SpeechContext {
        let mut context = SpeechContext::new("c".into(), WireEncoding::S16, SampleRate::Hz8000);
        for clauses in 1..=clauses {
            context.submitted(Clause { text: format!("{clauses}. "), clauses });
        }
        context
    }

    fn word(word: &str, start_s: f64, end_s: f64) -> WordTime {
        WordTime { word: word.into(), start_s, end_s }
    }

    #[test]
    fn words_wait_for_the_audio_and_count_from_the_start_of_the_reply() {
        let mut context = context(1);
        assert!(context.words(vec![word("<x>", 0.0, 0.0), word("a", 0.5, 0.25)]).is_empty());
        context.audio(vec![0; 2], None, 4_000, crate::provider::clock::now());
        let placed = context.words(vec![word(" b ", 1.0, 2.0)]);
        let placed: Vec<_> = placed.iter().map(|w| (w.text.as_str(), w.start_samples, w.end_samples)).collect();
        assert_eq!(placed, [("a", 8_000, 8_000), ("b", 12_000, 20_000)]);
    }

    #[test]
    fn marks_count_only_what_was_heard() {
        let mut context = context(3);
        assert_eq!(context.flushed(Some(1)), None, "nothing was heard yet");
        context.audio(vec![0; 2], Some(1), 0, crate::provider::clock::now());
        assert_eq!((context.flushed(Some(1)), context.flushed(Some(1))), (Some(1), None));
        context.audio(vec![0; 2], Some(9), 1, crate::provider::clock::now());
        assert_eq!((context.flushed(Some(7)), context.flushed(None), context.flushed(None)), (None, Some(2), Some(3)));
        assert!(context.is_settled(Marks::Told));
    }

    #[test]
    fn only_what_has_not_begun_can_be_said_again() {
        let now = crate::provider::clock::now();
        let mut half = context(2);
        half.audio(vec![0; 2], Some(1), 0, now);
        assert!(half.take_unspoken(Marks::Told).is_empty());
        let mut spoken = context(2);
        spoken.audio(vec![0; 2], Some(1), 0, now);
        spoken.flushed(Some(1));
        assert_eq!(spoken.take_unspoken(Marks::Told), [Clause { text: "2. ".into(), clauses: 2 }]);
    }

    #[test]
    fn an_id_that_never_goes_up_counts_no_submissions() {
        let now = crate::provider::clock::now();
        let mut told = context(3);
        told.audio(vec![0; 2], Some(1), 0, now);
        assert!(told.is_settled(Marks::Guessed) && !told.is_settled(Marks::Told));
        assert!(told.take_unspoken(Marks::Guessed).is_empty());
        let mut counted = context(3);
        counted.audio(vec![0; 2], Some(2), 0, now);
        assert_eq!(counted.take_unspoken(Marks::Guessed), [Clause { text: "3. ".into(), clauses: 3 }]);
    }

    #[test]
    fn a_context_goes_stale_only_when_all_is_spoken() {
        let now = crate::provider::clock::now();
        let idle = Duration::from_millis(800);
        let mut context = context(1);
        context.audio(vec![0; 16_000], None, 0, now);
        let later = |ms| now + Duration::from_millis(ms);
        assert!(!context.is_stale(Marks::Told, idle, later(9_000)), "not spoken");
        assert!(!context.is_stale(Marks::Guessed, idle, later(1_799)), "a second of audio came");
        assert!(context.is_stale(Marks::Guessed, idle, later(1_800)));
        context.flushed(None);
        assert!(!context.is_stale(Marks::Told, idle, later(799)));
        assert!(context.is_stale(Marks::Told, idle, later(800)));
    }
}
