//! One context: what it was given to speak and what of that has come.
//!
//! Invariant: ElevenLabs acknowledges no clause, so what is spoken is a guess: something came since the last clause, and
//! the characters it was said of are most of those sent. It is certain once they are all of them. It decides nothing.

use super::message::CharacterTime;
use crate::provider::contexts::{PcmDecoder, TimedWord, WireEncoding, WordBuilder, samples_at};
use crate::units::SampleRate;
use bytes::Bytes;

/// Of the characters sent so many must have been heard of before nothing more is owed; not all, as a vendor leaves out
/// what it cannot speak.
const MOST_PERCENT: u64 = 80;

/// How far the vendor knows of the context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It was told nothing.
    Unknown,
    /// More may follow.
    Open,
    /// It was told that nothing follows.
    Closed,
}

/// What is known of one context.
pub(super) struct SpeechContext {
    pub(super) id: String,
    pub(super) stage: Stage,
    rate: SampleRate,
    decoder: PcmDecoder,
    words: WordBuilder,
    sent_characters: u64,
    timed_characters: u64,
    has_audio: bool,
    heard_since_clause: bool,
}

impl SpeechContext {
    pub(super) fn new(id: String, encoding: WireEncoding, rate: SampleRate) -> Self {
        Self {
            id,
            stage: Stage::Unknown,
            rate,
            decoder: PcmDecoder::new(encoding),
            words: WordBuilder::default(),
            sent_characters: 0,
            timed_characters: 0,
            has_audio: false,
            heard_since_clause: false,
        }
    }

    pub(super) fn submitted(&mut self, clause: &str) {
        self.stage = Stage::Open;
        self.sent_characters += clause.chars().filter(|character| !character.is_whitespace()).count() as u64;
        self.heard_since_clause = false;
    }

    pub(super) fn audio(&mut self, data: Vec<u8>) -> Bytes {
        let pcm = self.decoder.decode(data);
        if !pcm.is_empty() {
            self.has_audio = true;
            self.heard_since_clause = true;
        }
        pcm
    }

    /// Takes the characters of a message whose audio follows the reply's first `total_samples`; gives the words that
    /// are complete.
    pub(super) fn characters(&mut self, characters: &[CharacterTime], total_samples: u64) -> Vec<TimedWord> {
        let rate = self.rate;
        let place = |ms: f64| total_samples.saturating_add(samples_at(rate, ms / 1_000.0));
        let mut words = Vec::new();
        for character in characters {
            if !character.text.trim().is_empty() {
                self.timed_characters += 1;
            }
            words.extend(self.words.push(&character.text, place(character.start_ms), place(character.end_ms)));
        }
        words
    }

    /// The word that no further character completes.
    pub(super) fn last_word(&mut self) -> Option<TimedWord> {
        self.words.finish()
    }

    pub(super) fn has_audio(&self) -> bool {
        self.has_audio
    }

    /// Whether all that was submitted seems to be spoken.
    pub(super) fn is_settled(&self) -> bool {
        let most = self.timed_characters * 100 >= self.sent_characters * MOST_PERCENT;
        self.sent_characters == 0 || (self.heard_since_clause && (self.timed_characters == 0 || most))
    }

    /// Whether every character that was submitted has sounded.
    pub(super) fn is_spoken(&self) -> bool {
        self.sent_characters == 0 || (self.heard_since_clause && self.timed_characters >= self.sent_characters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context() -> SpeechContext {
        SpeechContext::new("c".into(), WireEncoding::S16, SampleRate::Hz8000)
    }

    fn times(text: &str) -> Vec<CharacterTime> {
        let time = |(at, text): (u32, char)| {
            let start_ms = f64::from(at) * 10.0;
            CharacterTime { text: text.into(), start_ms, end_ms: start_ms + 10.0 }
        };
        (0..).zip(text.chars()).map(time).collect()
    }

    #[test]
    fn times_start_anew_in_each_message_and_words_may_span_two() {
        let mut context = context();
        let mut words = context.characters(&times("One mo"), 0);
        words.extend(context.characters(&times("ment."), 4_000));
        words.extend(context.last_word());
        let words: Vec<_> = words.iter().map(|w| (w.text.as_str(), w.start_samples, w.end_samples)).collect();
        assert_eq!(words, [("One", 0, 240), ("moment.", 320, 4_400)]);
    }

    #[test]
    fn a_clause_is_spoken_when_something_came_and_most_characters_were_timed() {
        let mut context = context();
        assert!(context.is_settled(), "nothing was asked for");
        context.submitted("One moment. ");
        assert!(!context.is_settled());
        context.audio(vec![0; 2]);
        assert!(context.is_settled(), "no times: any audio will do");
        context.characters(&times("One mo"), 0);
        assert!(!context.is_settled());
        context.characters(&times("men"), 0);
        assert!(context.is_settled() && !context.is_spoken());
        context.characters(&times("t."), 0);
        assert!(context.is_spoken());
        context.submitted("So. ");
        assert!(!context.is_settled());
    }
}
