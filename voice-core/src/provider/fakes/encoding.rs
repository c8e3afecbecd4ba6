//! Audio as TTS vendors put it on the wire: rates and encodings the engine itself does not speak included.

use crate::audio::{G711, Resampler};
use crate::units::SampleRate;

/// How a sample is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    S16,
    F32,
    MuLaw,
    ALaw,
}

/// Encoding and rate of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Format {
    pub(super) encoding: Encoding,
    pub(super) hz: u32,
}

impl Format {
    pub(super) fn bytes_per_sample(self) -> u64 {
        match self.encoding {
            Encoding::S16 => 2,
            Encoding::F32 => 4,
            Encoding::MuLaw | Encoding::ALaw => 1,
        }
    }
}

/// Brings a voice's PCM16 to a format.
pub(super) struct Encoder {
    resampler: Option<Resampler>,
    odd_rate: Option<Linear>,
    encoding: Encoding,
}

impl Encoder {
    pub(super) fn new(from: SampleRate, format: Format) -> Self {
        let engine_rate = SampleRate::from_hz(format.hz);
        let to = engine_rate.unwrap_or(SampleRate::Hz48000);
        let odd_rate = engine_rate.is_none().then(|| Linear::new(to.hz(), format.hz));
        Self { resampler: Resampler::new(from, to).ok(), odd_rate, encoding: format.encoding }
    }

    /// Encodes whole little-endian samples; what the filter holds back comes with the next ones.
    pub(super) fn push(&mut self, pcm: &[u8]) -> Vec<u8> {
        let samples: Vec<i16> = pcm.as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect();
        let mut out = Vec::new();
        match &mut self.resampler {
            Some(resampler) => resampler.push(&samples, &mut out),
            None => out = samples,
        }
        self.encode(out)
    }

    /// What was held back.
    pub(super) fn flush(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        if let Some(resampler) = &mut self.resampler {
            resampler.flush(&mut out);
        }
        self.encode(out)
    }

    fn encode(&mut self, samples: Vec<i16>) -> Vec<u8> {
        let samples = match &mut self.odd_rate {
            Some(linear) => linear.push(&samples),
            None => samples,
        };
        encode(self.encoding, &samples)
    }
}

fn encode(encoding: Encoding, samples: &[i16]) -> Vec<u8> {
    let mut bytes = Vec::new();
    match encoding {
        Encoding::S16 => crate::audio::pcm16_to_le_bytes(samples, &mut bytes),
        Encoding::F32 => samples.iter().for_each(|s| bytes.extend((f32::from(*s) / 32_768.0).to_le_bytes())),
        Encoding::MuLaw => G711::MuLaw.encode(samples, &mut bytes),
        Encoding::ALaw => G711::ALaw.encode(samples, &mut bytes),
    }
    bytes
}

/// Straight lines between samples: enough for the rates of CD audio, which only a client's refusal is tested with.
struct Linear {
    from_hz: u64,
    to_hz: u64,
    taken: u64,
    given: u64,
    last: i16,
}

impl Linear {
    fn new(from_hz: u32, to_hz: u32) -> Self {
        Self { from_hz: from_hz.into(), to_hz: to_hz.max(1).into(), taken: 0, given: 0, last: 0 }
    }

    fn push(&mut self, samples: &[i16]) -> Vec<i16> {
        let mut out = Vec::new();
        for &sample in samples {
            // The output sample lies between the last input sample and this one.
            while self.given * self.from_hz <= self.taken * self.to_hz {
                let behind = (self.taken * self.to_hz - self.given * self.from_hz) as i64;
                let step = i64::from(self.last) - i64::from(sample);
                out.push((i64::from(sample) + step * behind / self.to_hz as i64) as i16);
                self.given += 1;
            }
            self.taken += 1;
            self.last = sample;
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_keeps_the_length_and_the_level() {
        let pcm: Vec<u8> = std::iter::repeat_n(8_192i16.to_le_bytes(), 16_000).flatten().collect();
        for encoding in [Encoding::S16, Encoding::F32, Encoding::MuLaw, Encoding::ALaw] {
            for hz in [8_000, 16_000, 22_050, 24_000, 44_100, 48_000] {
                let format = Format { encoding, hz };
                let mut encoder = Encoder::new(SampleRate::Hz16000, format);
                let mut bytes = encoder.push(&pcm);
                bytes.extend(encoder.flush());
                let samples = bytes.len() as u64 / format.bytes_per_sample();
                assert!(samples.abs_diff(hz.into()) <= 2, "{samples} samples of a second at {hz} Hz");
                let middle = level_at(&bytes, format, samples / 2);
                assert!((middle - 0.25).abs() < 0.01, "{middle} in {encoding:?} at {hz} Hz");
            }
        }
    }

    fn level_at(bytes: &[u8], format: Format, sample: u64) -> f32 {
        let at = (sample * format.bytes_per_sample()) as usize;
        let pcm = match format.encoding {
            Encoding::S16 => i16::from_le_bytes([bytes[at], bytes[at + 1]]),
            Encoding::F32 => return f32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]),
            Encoding::MuLaw => G711::MuLaw.decode_sample(bytes[at]),
            Encoding::ALaw => G711::ALaw.decode_sample(bytes[at]),
        };
        f32::from(pcm) / 32_768.0
    }

    #[test]
    fn straight_lines_do_not_mind_how_the_samples_are_cut() {
        let samples: Vec<i16> = (0..1_000).map(|n| (n * 30) as i16).collect();
        let whole = Linear::new(48_000, 22_050).push(&samples);
        let mut cut = Linear::new(48_000, 22_050);
        let pieces: Vec<i16> = samples.chunks(7).flat_map(|piece| cut.push(piece)).collect();
        assert_eq!(pieces, whole);
        assert!(whole.windows(2).all(|pair| pair[0] <= pair[1]), "a rising line stays one");
    }
}
