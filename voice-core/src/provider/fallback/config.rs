//! How long to wait for an engine, and how long one that failed rests.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The patience of a list of engines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FallbackConfig {
    /// How long an engine rests after a failure; twice as long after each further one in a row.
    pub rest_ms: u64,
    /// The longest rest, and that of an engine whose configuration is wrong.
    pub longest_rest_ms: u64,
    /// STT and TTS: how long opening may take. An engine that is given up before, after half of it
    /// at least, counts as failed; a TTS that takes so long has the next opened beside it.
    pub open_ms: u64,
    /// LLM: how long the first piece of an answer may take while another engine could be asked.
    pub first_token_ms: u64,
    /// TTS: how long the first audio may take after the first clause.
    pub first_audio_ms: u64,
}

impl Default for FallbackConfig {
    fn default() -> Self {
        Self { rest_ms: 30_000, longest_rest_ms: 300_000, open_ms: 3_000, first_token_ms: 2_500, first_audio_ms: 3_000 }
    }
}

impl FallbackConfig {
    pub(super) fn open_deadline(&self) -> Duration {
        Duration::from_millis(self.open_ms)
    }
}
