//! Voice activity: a stream of samples in, speech edges with positions out.
//!
//! Invariant: a speech model only says how likely a window is; when speech began, when that is certain enough to say
//! so and when it is over is decided here, the same way for every model. It knows nothing of turns: a cough is speech
//! to it, and the turn machine decides what to make of that.

mod config;
mod detector;
mod earshot_model;
mod energy;
mod gate;
mod layered;
#[cfg(test)]
mod tests;

pub use config::VadConfig;
pub use detector::VoiceDetector;
pub use earshot_model::EarshotVad;
pub use layered::LayeredVad;

use crate::units::Position;

/// A model that says how likely it is that a window of audio holds speech.
///
/// Windows are consecutive: the model may keep state between them.
pub trait SpeechModel: Send {
    /// Samples it wants at a time, at 16 kHz.
    fn window_samples(&self) -> usize;
    /// The probability (0–1) of speech in the next window of exactly `window_samples` samples.
    fn probability(&mut self, window: &[i16]) -> f32;
    /// Forgets what it has heard.
    fn reset(&mut self);
}

/// Where speech models come from: one is opened for each call, weights are shared as the source sees fit.
pub trait VadSource: Send + Sync {
    /// A model that has heard nothing yet.
    fn open(&self) -> Box<dyn SpeechModel>;
    /// The thresholds that suit its models: what one model is sure of with 0.6, another is with 0.3.
    fn config(&self) -> VadConfig {
        VadConfig::default()
    }
}

/// An edge between speech and silence. Positions are samples at 16 kHz since the detector's start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum VadEvent {
    /// Speech began at `onset`, which lies before the audio that gave it away.
    SpeechStarted {
        /// The first sample of speech.
        onset: Position,
        /// The model's probability when it was noticed.
        confidence: f32,
    },
    /// Speech ended at `end`, some hangover ago.
    SpeechEnded {
        /// Just after the last sample of speech.
        end: Position,
    },
}
