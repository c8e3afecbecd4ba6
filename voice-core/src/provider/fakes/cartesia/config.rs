//! How the Cartesia fake behaves.

use crate::provider::fakes::cutter::ChunkSizes;
use crate::provider::scripted::ToneTts;
use crate::stage::Tts;
use std::sync::Arc;

/// A Sonic that listens on loopback. The default is as the real one in its manners, and as fast as its voice.
#[derive(Clone)]
pub struct CartesiaFake {
    /// Speaks. Default tones.
    pub voice: Arc<dyn Tts>,
    /// From a context's first text to its first audio.
    pub first_audio_ms: u64,
    /// How fast audio goes out after that: 100 is real time, 1000 ten times that, 0 as fast as it comes.
    pub pace_percent: u32,
    /// The sizes of the chunks.
    pub chunks: ChunkSizes,
    /// What comes after a cancel.
    pub cancel: CancelManner,
    /// When word times come.
    pub timestamps: TimestampPlace,
    /// Every so many-th word has no time; 0 is none of them.
    pub untimed_words: u32,
    /// After every so many-th chunk comes a message of a type nobody knows; 0 is never.
    pub unknown_messages: u32,
    /// A context dies so long after its last audio. The vendor's: 1 s, elsewhere 5 s.
    pub context_expiry_ms: u64,
    /// A socket on which nothing is said for so long is closed.
    pub idle_ms: u64,
    /// Contexts that may be active at once, over all sockets; ten times as many sockets.
    pub concurrency: usize,
}

impl Default for CartesiaFake {
    fn default() -> Self {
        Self {
            voice: Arc::new(ToneTts::new()),
            first_audio_ms: 0,
            pace_percent: 0,
            chunks: ChunkSizes::default(),
            cancel: CancelManner::default(),
            timestamps: TimestampPlace::default(),
            untimed_words: 0,
            unknown_messages: 0,
            context_expiry_ms: 1_000,
            idle_ms: 300_000,
            concurrency: 15,
        }
    }
}

impl std::fmt::Debug for CartesiaFake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CartesiaFake").field("voice", &self.voice.name()).field("cancel", &self.cancel).finish()
    }
}

/// What comes after a cancel, where the context still had something to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CancelManner {
    /// Nothing.
    Silent,
    /// `done` at once.
    Done,
    /// So many chunks more, then `done`.
    Late(u32),
    /// The whole rest, then `done`.
    RunsOn,
    /// What comes within so many milliseconds, then `done`.
    LateFor(u64),
    /// An error.
    Error,
    /// So many chunks more and `done`, but only after the first chunk of another context.
    AfterNext(u32),
}

impl Default for CancelManner {
    fn default() -> Self {
        Self::Late(3)
    }
}

/// When word times come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimestampPlace {
    /// Before the audio, where the voice knows them by then.
    #[default]
    Before,
    /// After each chunk, those that have begun by its end.
    Between,
    /// After the audio of each piece of text.
    After,
}
