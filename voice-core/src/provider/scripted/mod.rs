//! Engines that follow a script: exact in time, deterministic under a seed, with faults on demand.
//!
//! Invariant: no task is spawned and no clock but `tokio::time` is used, so that in a paused test hours pass in
//! milliseconds; with all delays at zero no timer is used at all. Nothing here knows how the stages are joined.

mod clock;
mod dialogue;
mod llm;
mod llm_log;
mod llm_script;
mod loud_vad;
mod rng;
mod stand_in_stt;
mod stt;
mod stt_driver;
mod stt_script;
mod tone_tts;
mod tts;
mod tts_log;
mod tts_script;
mod tts_voice;

#[cfg(test)]
mod tests;

pub use dialogue::{BookAppointment, DialogueError, DialogueLlm, DialogueScript};
pub use llm::ScriptedLlm;
pub use llm_log::{Generation, GenerationEnd, LlmLog};
pub use llm_script::{LlmConfig, LlmFault, LlmReply};
pub use loud_vad::LoudVad;
pub use stand_in_stt::{StandInConfig, StandInStt};
pub use stt::{ScriptedStt, SttConfig};
pub use stt_driver::{SttDriver, SttLog};
pub use stt_script::{SttAction, SttAt, SttStep, Utterance};
pub use tone_tts::ToneTts;
pub use tts::ScriptedTts;
pub use tts_log::{SpokenReply, TtsLog};
pub use tts_script::{RaggedChunks, TtsConfig, TtsFault, TtsSound, WordTimes};
pub use tts_voice::{RampSample, ramp_sample, read_ramp};
