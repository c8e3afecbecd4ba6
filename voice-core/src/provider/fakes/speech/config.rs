//! How the speech fake behaves.

use crate::provider::fakes::cutter::ChunkSizes;
use crate::provider::scripted::ToneTts;
use crate::stage::Tts;
use std::sync::Arc;

/// A speech endpoint that listens on loopback. The default is as fast as its voice.
#[derive(Clone)]
pub struct SpeechFake {
    /// Speaks. Default tones.
    pub voice: Arc<dyn Tts>,
    /// From the request to the first audio.
    pub first_audio_ms: u64,
    /// How fast audio goes out after that: 100 is real time, 0 as fast as it comes.
    pub pace_percent: u32,
    /// The sizes of the pieces.
    pub chunks: ChunkSizes,
    /// The longest text.
    pub most_characters: usize,
    /// What the body is in the end.
    pub end: SpeechEnd,
}

impl Default for SpeechFake {
    fn default() -> Self {
        Self {
            voice: Arc::new(ToneTts::new()),
            first_audio_ms: 0,
            pace_percent: 0,
            chunks: ChunkSizes::default(),
            most_characters: 4_096,
            end: SpeechEnd::default(),
        }
    }
}

impl std::fmt::Debug for SpeechFake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SpeechFake").field("voice", &self.voice.name()).field("end", &self.end).finish_non_exhaustive()
    }
}

/// What the body is in the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpeechEnd {
    /// All of the audio.
    #[default]
    Whole,
    /// One byte more than whole samples.
    OddByte,
    /// No audio at all.
    Empty,
    /// An error as JSON, with status 200.
    JsonError,
}
