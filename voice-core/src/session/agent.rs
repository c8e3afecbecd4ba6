//! What answers a call: the stages and the policy.

use crate::audio::{VadConfig, VadSource};
use crate::history::HistoryConfig;
use crate::stage::{Llm, Stt, Tool, Tts};
use crate::turn::{Protection, TurnConfig};
use std::sync::Arc;

/// The stages and the policy of an agent. Cheap to clone: one agent answers many calls.
#[derive(Clone)]
pub struct Agent {
    /// Hears words.
    pub stt: Arc<dyn Stt>,
    /// Thinks.
    pub llm: Arc<dyn Llm>,
    /// Speaks.
    pub tts: Arc<dyn Tts>,
    /// Hears speech.
    pub vad: Arc<dyn VadSource>,
    /// What the model may call.
    pub tools: Vec<Arc<dyn Tool>>,
    /// The policy.
    pub config: AgentConfig,
}

/// The policy of an agent.
#[derive(Clone, Debug, Default)]
pub struct AgentConfig {
    /// The system prompt.
    pub instructions: String,
    /// Said when the call begins.
    pub greeting: Option<String>,
    /// Whether the greeting may be interrupted.
    pub greeting_protection: Protection,
    /// Turn-taking.
    pub turn: TurnConfig,
    /// Voice activity; none takes what suits the agent's VAD.
    pub vad: Option<VadConfig>,
    /// How much of the conversation the model is given.
    pub history: HistoryConfig,
    /// Sending audio.
    pub playout: PlayoutConfig,
}

/// How agent audio is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlayoutConfig {
    /// How far ahead of real time audio is sent to a far end that can drop it: enough to cover the scheduler's and the
    /// network's jitter. Two frames at the least, 40 ms: with one, the next would leave when the last was over, and each
    /// late timer would be a gap.
    pub lead_ms: u64,
    /// As `lead_ms`, for a far end that plays whatever it was sent: so much is heard after a pause.
    pub lead_undroppable_ms: u64,
    /// How much audio of a reply is kept ahead; beyond it the TTS is not read until some was played.
    pub buffer_ms: u64,
    /// Samples at or below this are silence when they open a reply: -46 dBFS.
    pub trim_below: i16,
    /// Silence left before the first speech of a reply, so that its attack is not cut.
    pub trim_keep_ms: u64,
}

impl Default for PlayoutConfig {
    fn default() -> Self {
        Self { lead_ms: 100, lead_undroppable_ms: 40, buffer_ms: 10_000, trim_below: 164, trim_keep_ms: 5 }
    }
}
