//! The sound of a scripted voice: how long a clause lasts, where its words are, what its samples are.
//!
//! Invariant: pure; a clause of n characters lasts n times the samples of a character, and a word sounds for exactly
//! its characters.

use super::tts_script::TtsSound;
use crate::units::{ReplyId, SampleRate};

/// What one sample of a ramp says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RampSample {
    /// The reply's id modulo 7.
    pub reply: u32,
    /// The sample's place in the reply's audio (leading silence included) modulo 4096.
    pub position: u64,
}

/// The ramp's sample of `reply` at `position`: 4096 to 32767, so that no sample is taken for silence.
pub fn ramp_sample(reply: ReplyId, position: u64) -> i16 {
    let high = (reply.0 % 7 + 1) as i16;
    (high << 12) | (position % 4096) as i16
}

/// Reads a ramp's sample; `None` for anything a ramp does not hold, silence say. Only audio that was neither resampled
/// nor coded with loss can be read.
pub fn read_ramp(sample: i16) -> Option<RampSample> {
    let high = u32::try_from(sample >> 12).ok()?;
    Some(RampSample { reply: high.checked_sub(1)?, position: u64::from(sample as u16 & 0x0FFF) })
}

/// A word of a clause and when it sounds, in samples from the clause's start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TimedWord {
    pub(super) text: String,
    pub(super) start_samples: u64,
    pub(super) end_samples: u64,
}

/// How long `clause` lasts.
pub(super) fn clause_samples(clause: &str, per_character: u64) -> u64 {
    clause.chars().count() as u64 * per_character
}

/// The words of `clause` and when they sound.
pub(super) fn timed_words(clause: &str, per_character: u64) -> Vec<TimedWord> {
    let mut words: Vec<TimedWord> = Vec::new();
    let mut in_word = false;
    for (index, character) in (0u64..).zip(clause.chars()) {
        let (start_samples, end_samples) = (index * per_character, (index + 1) * per_character);
        match (words.last_mut(), character.is_whitespace()) {
            (_, true) => {}
            (Some(word), false) if in_word => {
                word.text.push(character);
                word.end_samples = end_samples;
            }
            _ => words.push(TimedWord { text: character.into(), start_samples, end_samples }),
        }
        in_word = !character.is_whitespace();
    }
    words
}

/// The peak of the tone, about −15 dBFS: the level of telephone speech.
const TONE_PEAK: f64 = 6_000.0;
/// Fade at both ends of a word, so that it does not click.
const FADE_MS: u64 = 8;
/// The notes words take in turn: a pentatonic scale, in hertz.
const NOTES_HZ: [f64; 5] = [220.0, 247.5, 275.0, 330.0, 366.7];

/// The little-endian samples `from..to` of a clause that starts at `clause_start` of `reply`'s audio.
pub(super) struct Sound<'a> {
    pub(super) sound: TtsSound,
    pub(super) rate: SampleRate,
    pub(super) reply: ReplyId,
    pub(super) clause_start: u64,
    pub(super) words: &'a [TimedWord],
}

impl Sound<'_> {
    /// The samples `from..to`, counted from the start of the reply.
    pub(super) fn bytes(&self, from: u64, to: u64) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(2 * to.saturating_sub(from) as usize);
        (from..to).for_each(|position| bytes.extend_from_slice(&self.sample(position).to_le_bytes()));
        bytes
    }

    fn sample(&self, position: u64) -> i16 {
        match self.sound {
            TtsSound::Ramp => ramp_sample(self.reply, position),
            TtsSound::Tone => self.tone(position.saturating_sub(self.clause_start)),
        }
    }

    fn tone(&self, offset: u64) -> i16 {
        let index = self.words.partition_point(|word| word.end_samples <= offset);
        let Some(word) = self.words.get(index).filter(|word| word.start_samples <= offset) else { return 0 };
        let fade = self.rate.samples_in_ms(FADE_MS).max(1);
        let edge = (offset - word.start_samples).min(word.end_samples - offset).min(fade);
        let hz = NOTES_HZ.get(note_of(&word.text)).copied().unwrap_or(220.0);
        let seconds = (offset - word.start_samples) as f64 / f64::from(self.rate.hz());
        let wave = (std::f64::consts::TAU * hz * seconds).sin();
        (wave * TONE_PEAK * edge as f64 / fade as f64) as i16
    }
}

fn note_of(word: &str) -> usize {
    word.bytes().fold(0, |sum: usize, byte| sum.wrapping_add(usize::from(byte))) % NOTES_HZ.len()
}
