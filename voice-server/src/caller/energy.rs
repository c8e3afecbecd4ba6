//! Where a stretch of audio is loud: the ruler for every time that is read off the audio.
//!
//! Invariant: a pure function of the samples. It is no voice detector and decides nothing; it measures after the fact.

use voice_core::units::SampleRate;

/// A sample at or above this is audible: -46 dBFS, where the engine's own trimming of silence ends.
pub(super) const AUDIBLE: i16 = 164;

/// The caller's samples this far below its loudest are background noise of the recording: 35 dB.
const NOISE_BELOW_PEAK: i32 = 56;

/// Silence shorter than this does not end a stretch: a stop consonant or a pause between words.
const JOIN_MS: u64 = 200;

/// A stretch of sound, in samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    /// The first loud sample.
    pub(super) begin: u64,
    /// Just after the last one.
    pub(super) end: u64,
}

impl Stretch {
    /// The same stretch, `samples` later.
    #[must_use]
    pub(super) fn shifted(self, samples: u64) -> Self {
        Self { begin: self.begin + samples, end: self.end + samples }
    }
}

/// Whether a sample can be heard.
pub(super) fn is_audible(sample: i16) -> bool {
    sample.unsigned_abs() >= AUDIBLE.unsigned_abs()
}

/// The stretches of speech in a recording of a person: audible, and not far below the loudest sample.
pub(super) fn speech_stretches(samples: &[i16], rate: SampleRate) -> Vec<Stretch> {
    let peak = samples.iter().map(|&s| i32::from(s).abs()).max().unwrap_or(0);
    let threshold = (peak / NOISE_BELOW_PEAK).max(i32::from(AUDIBLE));
    stretches_above(samples, threshold, rate.samples_in_ms(JOIN_MS))
}

/// The stretches of audible sound; silence shorter than `join_samples` does not end one.
pub(super) fn audible_stretches(samples: &[i16], join_samples: u64) -> Vec<Stretch> {
    stretches_above(samples, i32::from(AUDIBLE), join_samples)
}

fn stretches_above(samples: &[i16], threshold: i32, join_samples: u64) -> Vec<Stretch> {
    let mut found: Vec<Stretch> = Vec::new();
    let loud = samples.iter().zip(0_u64..).filter(|&(&sample, _)| i32::from(sample).abs() >= threshold);
    for (_, at) in loud {
        match found.last_mut() {
            Some(last) if at - last.end < join_samples.max(1) => last.end = at + 1,
            _ => found.push(Stretch { begin: at, end: at + 1 }),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(len: usize, loud: &[(usize, usize, i16)]) -> Vec<i16> {
        let mut samples = vec![0; len];
        for &(from, to, level) in loud {
            samples[from..to].fill(level);
        }
        samples
    }

    #[test]
    fn a_short_silence_does_not_end_a_stretch() {
        let rate = SampleRate::Hz8000;
        let samples = with(8_000, &[(100, 200, 9_000), (1_000, 1_100, -9_000), (4_000, 4_010, 9_000)]);
        let expected = [Stretch { begin: 100, end: 1_100 }, Stretch { begin: 4_000, end: 4_010 }];
        assert_eq!(speech_stretches(&samples, rate), expected);
    }

    #[test]
    fn noise_far_below_the_voice_is_not_speech() {
        let samples = with(8_000, &[(0, 8_000, 200), (3_000, 4_000, 20_000)]);
        assert_eq!(speech_stretches(&samples, SampleRate::Hz8000), [Stretch { begin: 3_000, end: 4_000 }]);
        assert_eq!(audible_stretches(&samples, 1), [Stretch { begin: 0, end: 8_000 }]);
    }

    #[test]
    fn silence_and_the_loudest_negative_sample() {
        assert!(speech_stretches(&[0; 100], SampleRate::Hz8000).is_empty());
        assert!(speech_stretches(&[], SampleRate::Hz8000).is_empty());
        assert_eq!(audible_stretches(&[i16::MIN], 0), [Stretch { begin: 0, end: 1 }]);
        assert!(is_audible(i16::MIN) && is_audible(-164) && !is_audible(163));
    }
}
