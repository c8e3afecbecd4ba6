//! The caller's audio that the next STT stream would have to be given: all whose words are not final.
//!
//! Invariant: bounded, and pure: it knows no stream and no time. What lies before the final words is dropped; of what
//! lies after them speech is kept, and of silence as much as may hold words that the VAD has missed.

use crate::stage::LISTEN_RATE;
use crate::units::Position;
use std::collections::VecDeque;

/// Audio kept before the first stream has opened, and room for that much from the start: 320 KB.
const BACKLOG_SAMPLES: u64 = LISTEN_RATE.samples_in_ms(10_000);
/// The most audio without final words that is kept; beyond it the oldest is lost. As long as the longest turn usually
/// may be, as an engine that finds turns gives no final before their end: 1.9 MB, and only then.
const MAX_KEPT_SAMPLES: u64 = LISTEN_RATE.samples_in_ms(60_000);
/// Kept before an onset: an engine wants to hear how a word begins.
const KEPT_BEFORE_ONSET_SAMPLES: u64 = LISTEN_RATE.samples_in_ms(500);
/// Kept of silence: the VAD may have missed words that an engine is about to report.
const KEPT_SILENCE_SAMPLES: u64 = LISTEN_RATE.samples_in_ms(2_000);
/// Engines end a final a little before the VAD ends the speech: what is left then holds no word.
const SAME_END_SAMPLES: u64 = LISTEN_RATE.samples_in_ms(300);
/// An engine that has heard this much silence after speech and said no word of it will say none: it was a cough, or the
/// agent's echo. Longer than a dead connection goes unnoticed.
const WORDLESS_AFTER_SAMPLES: u64 = LISTEN_RATE.samples_in_ms(10_000);
/// What a stream is given at once.
const CHUNK_SAMPLES: usize = LISTEN_RATE.samples_in_ms(20) as usize;

/// The audio of one call that is kept.
pub(super) struct Backlog {
    samples: VecDeque<i16>,
    end: Position,
    /// Up to here all words are final.
    final_end: Position,
    /// Where the speech begins whose words are not final.
    open_from: Option<Position>,
    /// Just after the latest speech that the VAD has heard.
    speech_end: Position,
    speaking: bool,
    words: Words,
    taken: Taken,
}

/// Whether an engine has said words that are not final yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Words {
    None,
    Open,
}

/// Whether the present stream has taken any audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    Nothing,
    Some,
}

impl Backlog {
    pub(super) fn new() -> Self {
        Self {
            samples: VecDeque::with_capacity(BACKLOG_SAMPLES as usize + 2 * CHUNK_SAMPLES),
            end: Position::ZERO,
            final_end: Position::ZERO,
            open_from: None,
            speech_end: Position::ZERO,
            speaking: false,
            words: Words::None,
            taken: Taken::Nothing,
        }
    }

    /// Where the kept audio begins.
    pub(super) fn start(&self) -> Position {
        self.end.minus(self.samples.len() as u64)
    }

    /// Just after the kept audio: all that was heard of the caller.
    pub(super) fn end(&self) -> Position {
        self.end
    }

    /// Where the speech begins whose words are not final.
    pub(super) fn open_from(&self) -> Option<Position> {
        self.open_from
    }

    /// The next samples from `from` on, as many as lie in a row.
    pub(super) fn chunk_at(&self, from: Position) -> &[i16] {
        let from = from.since(self.start()) as usize;
        let (front, back) = self.samples.as_slices();
        let rest = front.get(from..).filter(|rest| !rest.is_empty());
        let rest = rest.or_else(|| back.get(from.saturating_sub(front.len())..)).unwrap_or_default();
        rest.get(..CHUNK_SAMPLES).unwrap_or(rest)
    }

    pub(super) fn push(&mut self, samples: &[i16], position: Position) {
        self.samples.extend(samples);
        self.end = position.plus(samples.len() as u64);
        self.trim();
    }

    /// A stream has opened that has taken nothing yet.
    pub(super) fn opened(&mut self) {
        self.taken = Taken::Nothing;
    }

    /// The stream has taken some.
    pub(super) fn taken(&mut self) {
        self.taken = Taken::Some;
    }

    pub(super) fn speech_started(&mut self, onset: Position) {
        self.speaking = true;
        self.open_from.get_or_insert(onset);
    }

    pub(super) fn speech_ended(&mut self, end: Position) {
        self.speaking = false;
        self.speech_end = self.speech_end.max(end);
    }

    /// Words came that are not final. Those that the VAD missed are somewhere in the silence that was kept.
    pub(super) fn words_open(&mut self) {
        let from = self.start().plus(KEPT_BEFORE_ONSET_SAMPLES);
        self.open_from.get_or_insert(from);
        self.words = Words::Open;
    }

    /// The words up to `end` are final; speech after it is still open.
    pub(super) fn words_final(&mut self, end: Position) {
        self.final_end = self.final_end.max(end.min(self.end));
        self.words = Words::None;
        let is_open = self.speaking || self.speech_end > self.final_end.plus(SAME_END_SAMPLES);
        self.open_from = is_open.then_some(self.final_end);
        self.trim();
        if self.samples.capacity() > 2 * BACKLOG_SAMPLES as usize {
            self.samples.shrink_to(BACKLOG_SAMPLES as usize + 2 * CHUNK_SAMPLES);
        }
    }

    /// Whether the words of all speech that is over are final.
    pub(super) fn is_settled(&self) -> bool {
        self.speaking || self.open_from.is_none()
    }

    /// An engine has heard everything up to `heard`. Says whether speech is given up for that: nobody found a word in it.
    pub(super) fn drop_wordless(&mut self, heard: Position) -> bool {
        let is_wordless = self.words == Words::None && !self.speaking && self.open_from.is_some();
        let is_over = heard >= self.speech_end.plus(WORDLESS_AFTER_SAMPLES);
        if is_wordless && is_over {
            self.open_from = None;
        }
        is_wordless && is_over
    }

    /// Drops the audio that no stream will need.
    fn trim(&mut self) {
        let spoken_from = match self.open_from {
            Some(open_from) => open_from.minus(KEPT_BEFORE_ONSET_SAMPLES),
            None => self.end.minus(KEPT_SILENCE_SAMPLES),
        };
        let needed_from = match self.taken {
            // All is kept: it may still be opening.
            Taken::Nothing => spoken_from.min(self.end.minus(BACKLOG_SAMPLES)),
            Taken::Some => spoken_from,
        };
        let needed = self.end.since(needed_from.max(self.final_end)).min(MAX_KEPT_SAMPLES);
        let excess = self.samples.len().saturating_sub(needed as usize);
        self.samples.drain(..excess);
    }
}

#[cfg(test)]
#[path = "backlog_tests.rs"]
mod tests;
