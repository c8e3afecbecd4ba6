//! One engine of the C library: text in, samples out.
//!
//! Invariant: an engine never leaves the thread that opened it. It knows no replies.

use super::super::models::PicoFiles;
use super::config::PicoConfig;
use super::native::{Native, Work};

/// The most samples a step gives. The C library breaks off if it finds less room than it has samples.
pub(super) const STEP_SAMPLES: usize = 128;

/// An engine with its voice loaded, and the text it is speaking.
pub(super) struct PicoEngine {
    native: Native,
    text: Vec<u8>,
    given: usize,
    prefix: String,
}

/// Where the engine stands after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// More is to come.
    Speaking,
    /// The text is spoken.
    Spoken,
}

impl PicoEngine {
    pub(super) fn open(files: &PicoFiles, config: &PicoConfig) -> Result<Self, String> {
        let native = Native::open(&files.analysis, &files.signal)?;
        Ok(Self { native, text: Vec::new(), given: 0, prefix: manner(config) })
    }

    /// Takes the next text; the one before must be spoken or stopped.
    pub(super) fn say(&mut self, text: &str) {
        self.text.clear();
        self.text.extend_from_slice(self.prefix.as_bytes());
        self.text.extend_from_slice(text.as_bytes());
        // A zero makes the engine speak what it has instead of waiting for the end of a sentence.
        self.text.push(0);
        self.given = 0;
    }

    /// Speaks a little on and writes the samples to the front of `out`, which has room for [`STEP_SAMPLES`]; says how
    /// many they are.
    pub(super) fn step(&mut self, out: &mut [i16]) -> Result<(usize, Step), String> {
        let rest = self.text.get(self.given..).unwrap_or_default();
        if !rest.is_empty() {
            self.given += self.native.put_text(rest)?;
        }
        let (samples, work) = self.native.get_samples(out)?;
        let spoken = work == Work::Idle && self.given >= self.text.len();
        Ok((samples, if spoken { Step::Spoken } else { Step::Speaking }))
    }

    /// Forgets the text it was speaking.
    pub(super) fn stop(&mut self) -> Result<(), String> {
        self.text.clear();
        self.given = 0;
        self.native.forget()
    }
}

/// The engine's own marks for speed, pitch and volume; they hold until the text's end.
fn manner(config: &PicoConfig) -> String {
    let marks = [
        ("speed", config.speed_percent.clamp(20, 500)),
        ("pitch", config.pitch_percent.clamp(50, 200)),
        ("volume", config.volume_percent.clamp(0, 500)),
    ];
    let changed = marks.iter().filter(|(_, percent)| *percent != 100);
    changed.map(|(name, percent)| format!("<{name} level='{percent}'>")).collect()
}
