//! Both directions of a call as one stereo WAV on one clock: left the caller as sent, right the agent as played.
//!
//! Invariant: sample `n` of either side is the `n`th of the caller's clock. Written as the call goes on, so that a
//! call that breaks leaves what there was.

use super::energy::{Stretch, audible_stretches};
use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use voice_core::units::SampleRate;

/// Writes a recording.
pub(super) struct Recorder {
    writer: WavWriter<BufWriter<File>>,
}

impl Recorder {
    /// Begins a file; one that is there is overwritten.
    pub(super) fn create(path: &Path, rate: SampleRate) -> hound::Result<Self> {
        let spec =
            WavSpec { channels: 2, sample_rate: rate.hz(), bits_per_sample: 16, sample_format: SampleFormat::Int };
        Ok(Self { writer: WavWriter::create(path, spec)? })
    }

    /// Adds a stretch of both sides; the longer one is cut to the shorter.
    pub(super) fn push(&mut self, caller: &[i16], agent: &[i16]) -> hound::Result<()> {
        for (&left, &right) in caller.iter().zip(agent) {
            self.writer.write_sample(left)?;
            self.writer.write_sample(right)?;
        }
        Ok(())
    }

    /// Ends the file.
    pub(super) fn finish(self) -> hound::Result<()> {
        self.writer.finalize()
    }
}

/// A recording that was read back.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Samples per second.
    pub rate: SampleRate,
    /// The left side: the caller as sent.
    pub caller: Vec<i16>,
    /// The right side: the agent as played.
    pub agent: Vec<i16>,
}

impl Recording {
    /// Reads a recording.
    ///
    /// # Errors
    /// Whatever `hound` says of the file, and `Unsupported` if it is no stereo PCM16 of the line's rates.
    pub fn read(path: &Path) -> Result<Self, std::io::Error> {
        let mut reader = WavReader::open(path).map_err(std::io::Error::other)?;
        let spec = reader.spec();
        let rate = SampleRate::from_hz(spec.sample_rate).filter(|_| spec.channels == 2 && spec.bits_per_sample == 16);
        let rate = rate.ok_or(std::io::ErrorKind::Unsupported)?;
        let both: Vec<i16> = reader.samples().collect::<Result<_, _>>().map_err(std::io::Error::other)?;
        let caller = both.iter().step_by(2).copied().collect();
        let agent = both.iter().skip(1).step_by(2).copied().collect();
        Ok(Self { rate, caller, agent })
    }

    /// When the caller sounded, as (from, to) in milliseconds; silence shorter than `join_ms` does not end a stretch.
    pub fn caller_sounds_ms(&self, join_ms: u64) -> Vec<(f64, f64)> {
        self.sounds_ms(&self.caller, join_ms)
    }

    /// When the agent sounded, in the same way.
    pub fn agent_sounds_ms(&self, join_ms: u64) -> Vec<(f64, f64)> {
        self.sounds_ms(&self.agent, join_ms)
    }

    fn sounds_ms(&self, side: &[i16], join_ms: u64) -> Vec<(f64, f64)> {
        let ms = |samples: u64| samples as f64 * 1_000.0 / f64::from(self.rate.hz());
        let stretches = audible_stretches(side, self.rate.samples_in_ms(join_ms));
        stretches.into_iter().map(|Stretch { begin, end }| (ms(begin), ms(end))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_are_read_back_on_one_clock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("call.wav");
        let mut recorder = Recorder::create(&path, SampleRate::Hz8000).unwrap();
        recorder.push(&[0; 80], &[9_000; 80]).unwrap();
        recorder.push(&[9_000; 160], &[0; 160]).unwrap();
        recorder.finish().unwrap();
        let recording = Recording::read(&path).unwrap();
        assert_eq!(recording.caller_sounds_ms(5), [(10.0, 30.0)]);
        assert_eq!(recording.agent_sounds_ms(5), [(0.0, 10.0)]);
    }
}
