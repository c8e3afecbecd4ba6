//! Audio as the line carries it: frames, codecs, resampling and voice activity.
//!
//! Invariant: no function here allocates per frame once it is warm. It knows nothing of calls, turns or transports.

mod frame;
mod g711;
#[cfg(feature = "opus")]
mod opus_codec;
mod pcm;
mod reframer;
mod resampler;
mod vad;

pub use frame::{FRAME_MS, Frame, MAX_FRAME_SAMPLES};
pub use g711::G711;
#[cfg(feature = "opus")]
pub use opus_codec::{MAX_OPUS_PACKET_BYTES, OpusConfig, OpusDecoder, OpusEncoder, OpusError};
pub use pcm::{PcmError, pcm16_from_le_bytes, pcm16_to_le_bytes};
pub use reframer::Reframer;
pub use resampler::{ResampleError, Resampler};
pub use vad::{EarshotVad, LayeredVad, SpeechModel, VadConfig, VadEvent, VadSource, VoiceDetector};
