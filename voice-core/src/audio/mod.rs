//! Audio as the line carries it: frames, codecs, resampling and voice activity.
//!
//! Invariant: no function here allocates per frame once it is warm. It knows nothing of calls, turns or transports.

mod frame;
mod vad;

pub use frame::{FRAME_MS, Frame, MAX_FRAME_SAMPLES};
pub use vad::{SpeechModel, VadConfig, VadEvent, VadSource};
