//! How the ElevenLabs fake behaves.

use crate::provider::fakes::cutter::ChunkSizes;
use crate::provider::scripted::ToneTts;
use crate::stage::Tts;
use std::sync::Arc;

/// An ElevenLabs that listens on loopback. The default is as the real one in its manners, and as fast as its voice.
#[derive(Clone)]
pub struct ElevenLabsFake {
    /// Speaks. Default tones.
    pub voice: Arc<dyn Tts>,
    /// How names are written.
    pub spelling: Spelling,
    /// From a context's first text to its first audio.
    pub first_audio_ms: u64,
    /// How fast audio goes out after that: 100 is real time, 0 as fast as it comes.
    pub pace_percent: u32,
    /// The sizes of the pieces of audio.
    pub chunks: ChunkSizes,
    /// When a wrong key is noticed.
    pub key_check: KeyCheck,
    /// Whether characters have times.
    pub alignments: Alignments,
    /// Whether the end of a context is told.
    pub finals: Finals,
    /// What comes after `close_context`.
    pub close_context: CloseManner,
    /// What comes after `close_socket`.
    pub close_socket: SocketClose,
    /// Without input for so long the socket is closed; where it is not set, as the client asks, else 20 s.
    pub inactivity_ms: Option<u64>,
    /// Contexts a socket may have.
    pub most_contexts: usize,
}

impl Default for ElevenLabsFake {
    fn default() -> Self {
        Self {
            voice: Arc::new(ToneTts::new()),
            spelling: Spelling::default(),
            first_audio_ms: 0,
            pace_percent: 0,
            chunks: ChunkSizes::default(),
            key_check: KeyCheck::default(),
            alignments: Alignments::default(),
            finals: Finals::default(),
            close_context: CloseManner::default(),
            close_socket: SocketClose::default(),
            inactivity_ms: None,
            most_contexts: 5,
        }
    }
}

impl std::fmt::Debug for ElevenLabsFake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ElevenLabsFake").field("voice", &self.voice.name()).finish_non_exhaustive()
    }
}

/// How names are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spelling {
    /// `contextId`, `charStartTimesMs`.
    #[default]
    Camel,
    /// `context_id`, `char_start_times_ms`.
    Snake,
    /// Now so, now so, and `charsStartTimesMs` too.
    Mixed,
}

/// When a wrong key is noticed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyCheck {
    /// With the first message: the socket opens all the same.
    #[default]
    FirstMessage,
    /// At the upgrade, where there is a key by then.
    Upgrade,
}

/// Whether characters have times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Alignments {
    /// With each piece of audio, from its own start.
    #[default]
    Given,
    /// `null`.
    Null,
    /// Not there.
    Absent,
}

/// Whether the end of a context is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Finals {
    /// Once it is closed and drained.
    #[default]
    OnClose,
    /// Never.
    Missing,
}

/// What comes after `close_context`. Text that waits for its schedule is dropped in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CloseManner {
    /// All that was begun is spoken to its end.
    #[default]
    Drains,
    /// So many pieces of audio more.
    Late(u32),
    /// What comes within so many milliseconds.
    LateFor(u64),
}

/// What comes after `close_socket`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SocketClose {
    /// The contexts drain, then the server closes.
    #[default]
    Drains,
    /// The server never closes.
    Never,
}
