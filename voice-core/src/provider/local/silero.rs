//! Silero VAD v6.2: how likely a window of 32 ms holds speech.
//!
//! Invariant: a window is judged at once, on the caller's thread: it takes about an eighth of a millisecond, less than handing
//! it to another would. A call keeps only the network's state (1 KiB) and the 64 samples before the window; the
//! sessions, one a core, are shared: a model takes a free one and waits for its own only if all are taken.

use super::{LocalError, LocalModels, runtime};
use crate::audio::{SpeechModel, VadConfig, VadSource};
use ort::session::Session;
use ort::value::{Tensor, TensorRef};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const ENGINE: &str = "Silero";
/// Samples of a window at 16 kHz, and of the audio before it that the network is shown too; both as v6.2 was trained.
const WINDOW: usize = 512;
const CONTEXT: usize = 64;
/// Numbers of the network's state: its declared shape is 2 × 1 × 128.
const STATE: usize = 256;
const RATE: i64 = 16_000;

/// Silero VAD v6.2; one value serves all calls.
pub struct SileroVad {
    sessions: Arc<Sessions>,
    opened: AtomicUsize,
}

impl SileroVad {
    /// Loads the model once for each core (about 3 MB each). Blocks for some 10 ms a core: call it at start-up.
    ///
    /// # Errors
    /// [`LocalError`] if files are missing or damaged or ONNX Runtime cannot be loaded.
    pub fn load(models: &LocalModels) -> Result<Self, LocalError> {
        let broken = |reason: String| LocalError::Model { part: ENGINE, reason };
        let path = models.silero_file()?;
        let environment = runtime::load(models, ENGINE)?;
        let weights = std::fs::read(&path).map_err(|error| broken(format!("{}: {error}", path.display())))?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let session = |_| runtime::small_session(&environment, &weights).map(Mutex::new);
        let sessions = (0..cores).map(session).collect::<ort::Result<Vec<_>>>();
        let sessions = Sessions(sessions.map_err(|error| broken(error.to_string()))?);
        Ok(Self { sessions: Arc::new(sessions), opened: AtomicUsize::new(0) })
    }
}

impl VadSource for SileroVad {
    fn open(&self) -> Box<dyn SpeechModel> {
        let own = self.opened.fetch_add(1, Ordering::Relaxed);
        Box::new(SileroModel {
            sessions: self.sessions.clone(),
            own,
            state: [0.0; STATE],
            input: [0.0; CONTEXT + WINDOW],
        })
    }

    /// Its window is twice as long as earshot's and its probability stays near 0 without speech, so a single window that
    /// is not all but silent starts speech.
    fn config(&self) -> VadConfig {
        VadConfig {
            confident_probability: 0.4,
            likely_probability: 0.3,
            stop_probability: 0.3,
            min_likely_sound_ms: 32,
            ..VadConfig::default()
        }
    }
}

struct Sessions(Vec<Mutex<Session>>);

impl Sessions {
    /// A free session, `own` first; if none is free, `own` once it is.
    fn take(&self, own: usize) -> Option<MutexGuard<'_, Session>> {
        let own = own % self.0.len().max(1);
        let (before, after) = self.0.split_at_checked(own)?;
        let free = after.iter().chain(before).find_map(|session| session.try_lock().ok());
        free.or_else(|| after.first().map(|session| session.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// One call's model.
struct SileroModel {
    sessions: Arc<Sessions>,
    own: usize,
    state: [f32; STATE],
    /// The context, then the window.
    input: [f32; CONTEXT + WINDOW],
}

impl SileroModel {
    fn run(&mut self) -> ort::Result<f32> {
        let mut session = self.sessions.take(self.own).ok_or_else(|| ort::Error::new("there is no session"))?;
        let input = TensorRef::from_array_view(([1, CONTEXT + WINDOW], &self.input[..]))?;
        let state = TensorRef::from_array_view(([2, 1, STATE / 2], &self.state[..]))?;
        let rate = Tensor::from_array(([0_usize; 0], vec![RATE]))?;
        let outputs = session.run(ort::inputs!["input" => input, "state" => state, "sr" => rate])?;
        let output = |name| outputs.get(name).ok_or_else(|| ort::Error::new(format!("the model gives no {name}")));
        let (_, probability) = output("output")?.try_extract_tensor::<f32>()?;
        let (_, state) = output("stateN")?.try_extract_tensor::<f32>()?;
        if state.len() != STATE {
            return Err(ort::Error::new("the model's state has another size"));
        }
        let probability = probability.first().copied().unwrap_or(0.0);
        self.state.copy_from_slice(state);
        Ok(probability)
    }
}

impl SpeechModel for SileroModel {
    fn window_samples(&self) -> usize {
        WINDOW
    }

    /// Answers 0 for a window of another length, and where the model fails, which is logged.
    fn probability(&mut self, window: &[i16]) -> f32 {
        if window.len() != WINDOW {
            return 0.0;
        }
        self.input.copy_within(WINDOW.., 0);
        for (input, sample) in self.input.iter_mut().skip(CONTEXT).zip(window) {
            *input = f32::from(*sample) / 32_768.0;
        }
        self.run().unwrap_or_else(|error| {
            tracing::warn!(engine = ENGINE, %error, "a window could not be judged");
            0.0
        })
    }

    fn reset(&mut self) {
        self.state.fill(0.0);
        self.input.fill(0.0);
    }
}
