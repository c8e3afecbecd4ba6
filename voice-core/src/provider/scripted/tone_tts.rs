//! A voice for a machine without one: tones with the rhythm of the words.

use super::tts::ScriptedTts;
use super::tts_script::{TtsConfig, TtsSound};
use crate::stage::{StageError, Tts, TtsSession};
use futures::future::BoxFuture;

/// Speaks in tones, one a word, at 16 kHz, twenty times faster than real time, with exact word times. A stand-in where
/// no speech synthesis is there: pauses, lengths and interruptions are those of speech, the words are not to be heard.
#[derive(Debug)]
pub struct ToneTts(ScriptedTts);

/// 50 ms of work a second of audio: about what a small local voice takes.
const MS_PER_AUDIO_SECOND: u64 = 50;

impl ToneTts {
    /// The voice; it has no settings.
    pub fn new() -> Self {
        let config =
            TtsConfig { sound: TtsSound::Tone, ms_per_audio_second: MS_PER_AUDIO_SECOND, ..TtsConfig::default() };
        Self(ScriptedTts::unrecorded(config))
    }
}

impl Default for ToneTts {
    fn default() -> Self {
        Self::new()
    }
}

impl Tts for ToneTts {
    fn name(&self) -> &str {
        "tones"
    }

    fn open(&self) -> BoxFuture<'static, Result<Box<dyn TtsSession>, StageError>> {
        self.0.open()
    }
}
