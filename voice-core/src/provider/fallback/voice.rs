//! One engine's voice within a reply: its audio at the rate of the reply, its words once their audio has come.

use super::script::Pace;
use crate::audio::{Resampler, pcm16_from_le_bytes, pcm16_to_le_bytes};
use crate::stage::{StageError, TtsEvent};
use crate::units::SampleRate;
use bytes::Bytes;
use futures::stream::BoxStream;
use std::collections::VecDeque;
use std::pin::Pin;
use tokio::time::Sleep;

/// Words whose audio has not come yet; further ones are not told.
const MAX_EARLY_WORDS: usize = 1_024;

/// A voice that speaks.
pub(super) struct Voice {
    /// The engine's place in the list.
    pub(super) at: usize,
    pub(super) events: BoxStream<'static, Result<TtsEvent, StageError>>,
    /// How many clauses it was given.
    pub(super) fed: usize,
    /// Until when its first audio must come; set with its first clause.
    pub(super) deadline: Option<Pin<Box<Sleep>>>,
    from: SampleRate,
    to: SampleRate,
    resampler: Option<Resampler>,
    /// Samples of the reply before its first, at the reply's rate.
    offset: u64,
    /// Samples it gave, at its own rate.
    taken: u64,
    taken_at_clause_end: u64,
    words: VecDeque<Word>,
    /// Where the last word that was told ends.
    told_to: u64,
    timing: Timing,
}

/// Whether it says when words are spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Timing {
    NoWordSoFar,
    /// Before their audio: audio without words is silence.
    Early,
    /// Some only after their audio: audio without words may be words.
    Late,
}

/// A word's time in samples of the voice.
struct Word {
    text: String,
    start: u64,
    end: u64,
}

impl Voice {
    pub(super) fn new(
        at: usize,
        events: BoxStream<'static, Result<TtsEvent, StageError>>,
        rates: (SampleRate, SampleRate),
        offset: u64,
    ) -> Self {
        let (from, to) = rates;
        Self {
            at,
            events,
            fed: 0,
            deadline: None,
            from,
            to,
            resampler: (from != to).then(|| Resampler::new(from, to).ok()).flatten(),
            offset,
            taken: 0,
            taken_at_clause_end: 0,
            words: VecDeque::new(),
            told_to: 0,
            timing: Timing::NoWordSoFar,
        }
    }

    /// Whether it has given audio.
    pub(super) fn is_audible(&self) -> bool {
        self.taken > 0
    }

    /// Takes audio; gives it at the rate of the reply.
    pub(super) fn audio(&mut self, pcm: Bytes) -> Bytes {
        self.taken += pcm.len() as u64 / 2;
        let Some(resampler) = &mut self.resampler else { return pcm };
        let (mut samples, mut resampled) = (Vec::new(), Vec::new());
        // An odd last byte is half a sample.
        let _ = pcm16_from_le_bytes(pcm.get(..pcm.len() & !1).unwrap_or_default(), &mut samples);
        resampler.push(&samples, &mut resampled);
        to_bytes(&resampled)
    }

    /// What the resampler still holds.
    pub(super) fn flush(&mut self) -> Bytes {
        let mut rest = Vec::new();
        if let Some(resampler) = &mut self.resampler {
            resampler.flush(&mut rest);
        }
        to_bytes(&rest)
    }

    /// Takes a word's time.
    pub(super) fn word(&mut self, text: String, start: u64, end: u64) {
        let is_late = self.timing == Timing::Late || end <= self.taken;
        self.timing = if is_late { Timing::Late } else { Timing::Early };
        if self.words.len() < MAX_EARLY_WORDS {
            self.words.push_back(Word { text, start, end });
        }
    }

    /// The next word whose audio has come, placed in the reply.
    pub(super) fn next_word(&mut self) -> Option<TtsEvent> {
        self.words.front().filter(|word| word.end <= self.taken)?;
        let Word { text, start, end } = self.words.pop_front()?;
        self.told_to = self.told_to.max(end);
        let place = |samples| self.offset + self.from.convert(samples, self.to);
        Some(TtsEvent::Word { text, start_samples: place(start), end_samples: place(end) })
    }

    /// All its audio was given: words that count past it end with it.
    pub(super) fn all_given(&mut self) {
        for word in &mut self.words {
            word.end = word.end.min(self.taken);
            word.start = word.start.min(word.end);
        }
    }

    pub(super) fn clause_ended(&mut self) {
        self.taken_at_clause_end = self.taken;
    }

    /// How far it has come, if its words do not say so: none was told yet, or the audio may be ahead of them. A word whose
    /// audio has not all come says that it is not.
    pub(super) fn pace(&self) -> Option<Pace> {
        let ms = |samples: u64| samples.saturating_mul(1_000) / u64::from(self.from.hz());
        let known = self.told_to.max(self.taken_at_clause_end).min(self.taken);
        let untold = self.timing != Timing::Early && self.words.is_empty();
        untold.then(|| Pace { known_ms: ms(known), since_ms: ms(self.taken - known) })
    }
}

fn to_bytes(samples: &[i16]) -> Bytes {
    let mut bytes = Vec::with_capacity(samples.len() * 2);
    pcm16_to_le_bytes(samples, &mut bytes);
    Bytes::from(bytes)
}
