//! One engine of the C library: text in, samples out. The only module with `unsafe`.
//!
//! Invariant: an engine never leaves the thread that opened it. It knows no replies.
#![expect(
    unsafe_code,
    reason = "ttspico marks creating an engine unsafe because a voice without both of its resources crashes; `open` adds both first"
)]

use super::super::models::PicoFiles;
use super::config::PicoConfig;
use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use ttspico::{Engine, EngineResetMode, EngineStatus, PicoError, System};

/// Memory reserved for the C library. It needs about 4 MB, and reads some of it that it never wrote: then it speaks
/// differently from one engine to the next. A block above 32 MiB is what glibc always takes fresh from the system
/// (`DEFAULT_MMAP_THRESHOLD_MAX`), which hands out zeroes and backs only what is touched.
const MEMORY_BYTES: usize = 40 << 20;

/// The most samples a step gives. The C library breaks off if it finds less room than it has samples.
pub(super) const STEP_SAMPLES: usize = 128;

/// Only names the voice within its system.
const VOICE: &str = "voice";

/// An engine with its voice loaded, and the text it is speaking.
pub(super) struct PicoEngine {
    engine: Engine,
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
        let system = System::new(MEMORY_BYTES).map_err(sentence)?;
        let voice = System::create_voice(system.clone(), VOICE).map_err(sentence)?;
        for path in [&files.analysis, &files.signal] {
            let resource = load(&system, path)?;
            voice.borrow_mut().add_resource(resource).map_err(sentence)?;
        }
        // SAFETY: both resources, text analysis and signal generation, were added to the voice just above, which is
        // all the call asks for; the `?` leaves before it if either could not be.
        let engine = unsafe { ttspico::Voice::create_engine(voice) }.map_err(sentence)?;
        Ok(Self { engine, text: Vec::new(), given: 0, prefix: manner(config) })
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
            self.given += self.engine.put_text(rest).map_err(sentence)?;
        }
        let (samples, status) = self.engine.get_data(out).map_err(sentence)?;
        let spoken = status == EngineStatus::Idle && self.given >= self.text.len();
        Ok((samples, if spoken { Step::Spoken } else { Step::Speaking }))
    }

    /// Forgets the text it was speaking.
    pub(super) fn stop(&mut self) -> Result<(), String> {
        self.text.clear();
        self.given = 0;
        self.engine.reset(EngineResetMode::Soft).map_err(sentence)
    }
}

fn load(system: &Rc<RefCell<System>>, path: &Path) -> Result<Rc<RefCell<ttspico::Resource>>, String> {
    let name = path.to_str().ok_or("the path of its files is not UTF-8")?;
    System::load_resource(system.clone(), name).map_err(sentence)
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

// By value, for `map_err`.
#[expect(clippy::needless_pass_by_value, reason = "used as a function value")]
fn sentence(error: PicoError) -> String {
    error.to_string()
}
