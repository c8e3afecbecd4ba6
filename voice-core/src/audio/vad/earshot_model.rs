//! The speech model that is always there: `earshot`, whose weights come with its crate.

use super::{SpeechModel, VadSource};

/// Opens `earshot`, a small recurrent network over mel features with windows of 16 ms.
#[derive(Clone, Copy, Debug, Default)]
pub struct EarshotVad;

impl VadSource for EarshotVad {
    fn open(&self) -> Box<dyn SpeechModel> {
        Box::new(EarshotModel { detector: ::earshot::Detector::default_boxed() })
    }
}

/// Samples per window, as the crate documents it.
const WINDOW_SAMPLES: usize = 256;

struct EarshotModel {
    detector: Box<::earshot::Detector>,
}

impl SpeechModel for EarshotModel {
    fn window_samples(&self) -> usize {
        WINDOW_SAMPLES
    }

    /// Answers 0 for a window of another length, without looking at it.
    fn probability(&mut self, window: &[i16]) -> f32 {
        if window.len() == WINDOW_SAMPLES { self.detector.predict_i16(window).clamp(0.0, 1.0) } else { 0.0 }
    }

    fn reset(&mut self) {
        self.detector.reset();
    }
}
