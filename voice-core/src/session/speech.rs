//! From what the TTS gives to what the line plays: whole samples at the line's rate, without leading silence.
//!
//! Invariant: samples and word times that come out count from the same sample, the first that is kept.

use super::agent::PlayoutConfig;
use crate::audio::{Resampler, pcm16_from_le_bytes};
use crate::units::SampleRate;

/// The most silence that is cut: a longer one is meant.
const MAX_TRIM_MS: u64 = 1_000;
/// Words whose times came before the audio did.
const MAX_EARLY_WORDS: usize = 256;

/// When a word sounds, in samples at the line's rate after trimming.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SpokenWord {
    pub(super) text: String,
    pub(super) start_samples: u64,
    pub(super) end_samples: u64,
}

/// The intake of one reply's audio.
pub(super) struct SpeechIntake {
    from: SampleRate,
    to: SampleRate,
    resampler: Option<Resampler>,
    decoded: Vec<i16>,
    resampled: Vec<i16>,
    trim_below: u16,
    keep_samples: u64,
    trimmed: u64,
    trimming: bool,
    early_words: Vec<SpokenWord>,
}

impl SpeechIntake {
    pub(super) fn new(from: SampleRate, to: SampleRate, config: &PlayoutConfig) -> Self {
        Self {
            from,
            to,
            resampler: (from != to).then(|| Resampler::new(from, to).ok()).flatten(),
            decoded: Vec::new(),
            resampled: Vec::new(),
            trim_below: config.trim_below.unsigned_abs(),
            keep_samples: to.samples_in_ms(config.trim_keep_ms),
            trimmed: 0,
            trimming: true,
            early_words: Vec::new(),
        }
    }

    /// Takes PCM16 little-endian bytes; gives what may be played of them, perhaps nothing.
    pub(super) fn audio(&mut self, pcm: &[u8]) -> &[i16] {
        self.decoded.clear();
        // An odd last byte is half a sample: it is dropped, the whole ones are played.
        let whole = pcm.get(..pcm.len() & !1).unwrap_or_default();
        let _ = pcm16_from_le_bytes(whole, &mut self.decoded);
        self.resampled.clear();
        match &mut self.resampler {
            Some(resampler) => resampler.push(&self.decoded, &mut self.resampled),
            None => std::mem::swap(&mut self.decoded, &mut self.resampled),
        }
        self.trimmed_tail()
    }

    /// No audio follows: gives what the resampler still held.
    pub(super) fn finish(&mut self) -> &[i16] {
        self.resampled.clear();
        if let Some(resampler) = &mut self.resampler {
            resampler.flush(&mut self.resampled);
        }
        self.trimmed_tail()
    }

    /// Silence cut so far, in samples at the line's rate.
    pub(super) fn trimmed_samples(&self) -> u64 {
        self.trimmed
    }

    /// Takes a word's time in samples at the TTS's rate; given back by [`Self::next_word`] once it can be placed.
    pub(super) fn word(&mut self, text: String, start_samples: u64, end_samples: u64) {
        if self.early_words.len() < MAX_EARLY_WORDS {
            self.early_words.push(SpokenWord { text, start_samples, end_samples });
        }
    }

    /// The words that can be placed by now, in order.
    pub(super) fn take_words(&mut self) -> Vec<SpokenWord> {
        if self.trimming {
            return Vec::new();
        }
        let (from, to, trimmed) = (self.from, self.to, self.trimmed);
        let place = |samples: u64| from.convert(samples, to).saturating_sub(trimmed);
        let words = std::mem::take(&mut self.early_words);
        words
            .into_iter()
            .map(|word| SpokenWord {
                start_samples: place(word.start_samples),
                end_samples: place(word.end_samples),
                text: word.text,
            })
            .collect()
    }

    fn trimmed_tail(&mut self) -> &[i16] {
        if !self.trimming {
            return &self.resampled;
        }
        let loud = self.resampled.iter().position(|sample| sample.unsigned_abs() > self.trim_below);
        let may_trim = self.to.samples_in_ms(MAX_TRIM_MS).saturating_sub(self.trimmed) as usize;
        let cut = match loud {
            Some(first) => first.saturating_sub(self.keep_samples as usize).min(may_trim),
            None => self.resampled.len().min(may_trim),
        };
        self.trimming = loud.is_none() && cut == self.resampled.len();
        self.trimmed += cut as u64;
        self.resampled.get(cut..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::pcm16_to_le_bytes;

    fn bytes(samples: &[i16]) -> Vec<u8> {
        let mut bytes = Vec::new();
        pcm16_to_le_bytes(samples, &mut bytes);
        bytes
    }

    fn intake(from: SampleRate, to: SampleRate) -> SpeechIntake {
        SpeechIntake::new(from, to, &PlayoutConfig::default())
    }

    #[test]
    fn leading_silence_is_cut_and_word_times_move_with_it() {
        let mut intake = intake(SampleRate::Hz16000, SampleRate::Hz16000);
        intake.word("hello".into(), 1_600, 3_200);
        assert_eq!(intake.audio(&bytes(&[10; 1_600])).len(), 0);
        assert!(intake.take_words().is_empty(), "not placed before the first sound");
        assert_eq!(intake.audio(&bytes(&[5_000; 320])).len(), 320);
        let words = intake.take_words();
        assert_eq!((words[0].start_samples, words[0].end_samples), (0, 1_600));
        assert_eq!(intake.audio(&bytes(&[0; 320])).len(), 320, "only the beginning is cut");
    }

    #[test]
    fn the_attack_is_kept() {
        let mut intake = intake(SampleRate::Hz16000, SampleRate::Hz16000);
        let mut samples = vec![0; 1_000];
        samples.extend([9_000; 10]);
        assert_eq!(intake.audio(&bytes(&samples)).len(), 10 + 80);
        assert_eq!(intake.trimmed_samples(), 920);
    }

    #[test]
    fn a_long_silence_is_meant() {
        let mut intake = intake(SampleRate::Hz16000, SampleRate::Hz16000);
        assert_eq!(intake.audio(&bytes(&[0; 48_000])).len(), 32_000);
        assert!(!intake.trimming);
    }

    #[test]
    fn another_rate_and_an_odd_byte_are_taken() {
        let mut intake = intake(SampleRate::Hz24000, SampleRate::Hz8000);
        let mut pcm = bytes(&[8_000; 2_400]);
        pcm.push(7);
        let first = intake.audio(&pcm).len();
        let rest = intake.finish().len();
        assert!((first + rest).abs_diff(800) <= 1, "{first} + {rest}");
    }
}
