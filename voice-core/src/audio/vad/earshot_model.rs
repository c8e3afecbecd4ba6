//! The speech model that is always there: `earshot`, whose weights come with its crate.

use super::{SpeechModel, VadSource};

/// Opens [`EarshotModel`]s.
#[derive(Clone, Copy, Debug, Default)]
pub struct EarshotVad;

impl VadSource for EarshotVad {
    fn open(&self) -> Box<dyn SpeechModel> {
        Box::new(EarshotModel::new())
    }
}

/// A small recurrent network over mel features; windows of 16 ms.
pub struct EarshotModel {
    detector: Box<::earshot::Detector>,
}

impl EarshotModel {
    /// Samples per window, as the crate documents it.
    const WINDOW_SAMPLES: usize = 256;

    /// A model that has heard nothing yet.
    pub fn new() -> Self {
        Self { detector: ::earshot::Detector::default_boxed() }
    }
}

impl Default for EarshotModel {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for EarshotModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EarshotModel").finish_non_exhaustive()
    }
}

impl SpeechModel for EarshotModel {
    fn window_samples(&self) -> usize {
        Self::WINDOW_SAMPLES
    }

    /// Answers 0 for a window of another length, without looking at it.
    fn probability(&mut self, window: &[i16]) -> f32 {
        if window.len() == Self::WINDOW_SAMPLES { self.detector.predict_i16(window).clamp(0.0, 1.0) } else { 0.0 }
    }

    fn reset(&mut self) {
        self.detector.reset();
    }
}
