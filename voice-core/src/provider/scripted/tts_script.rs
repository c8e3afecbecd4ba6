//! How a scripted TTS speaks, and what goes wrong.

use crate::units::SampleRate;

/// The manner of a [`super::ScriptedTts`]. The default gives everything at once, without a timer.
#[derive(Clone, Debug)]
pub struct TtsConfig {
    /// The rate of its audio. Default 16 kHz.
    pub rate: SampleRate,
    /// How long opening takes.
    pub open_ms: u64,
    /// From a reply's first clause to its first audio.
    pub first_audio_ms: u64,
    /// How long a second of audio takes to make, in milliseconds: 0 is at once, 1000 is real time.
    pub ms_per_audio_second: u64,
    /// Zeros before a reply's first sound, at most 10 s.
    pub leading_silence_ms: u64,
    /// The samples of an audio event. Default 640: 40 ms at 16 kHz.
    pub chunk_samples: usize,
    /// Audio events of random size, from 1 sample to `chunk_samples`.
    pub ragged_chunks: RaggedChunks,
    /// The audio of a character of text. Default 60 ms, about 17 characters a second.
    pub ms_per_character: u64,
    /// What the samples are. Default a ramp that says which reply and sample it is.
    pub sound: TtsSound,
    /// Whether words have times. Default exact ones.
    pub word_times: WordTimes,
    /// Up to so much is added to `first_audio_ms`.
    pub jitter_ms: u64,
    /// The seed of jitter and chunk sizes.
    pub seed: u64,
    /// What goes wrong: with which reply of the engine, counted from 0 over all sessions, and how.
    pub faults: Vec<(u32, TtsFault)>,
}

impl Default for TtsConfig {
    fn default() -> Self {
        Self {
            rate: SampleRate::Hz16000,
            open_ms: 0,
            first_audio_ms: 0,
            ms_per_audio_second: 0,
            leading_silence_ms: 0,
            chunk_samples: 640,
            ragged_chunks: RaggedChunks::Off,
            ms_per_character: 60,
            sound: TtsSound::Ramp,
            word_times: WordTimes::Exact,
            jitter_ms: 0,
            seed: 1,
            faults: Vec::new(),
        }
    }
}

/// Whether audio events have odd sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RaggedChunks {
    /// All but a clause's last have the same size.
    Off,
    /// Random sizes.
    On,
}

/// What the samples are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TtsSound {
    /// Every sample says which reply and which sample of it it is; see [`super::ramp_sample`].
    Ramp,
    /// A tone while a word lasts, zeros between words.
    Tone,
}

/// Whether words have times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WordTimes {
    /// Each word's, before its audio.
    Exact,
    /// None.
    Off,
}

/// What can go wrong with a reply. Samples are of the reply's audio, leading silence included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TtsFault {
    /// The session has lost its connection: beginning this reply and every later one of the session fails with
    /// `Ended` until a new session is opened.
    SessionEnded,
    /// An error once so many samples were given.
    ErrorAfter(u64),
    /// Nothing more once so many samples were given.
    StallAfter(u64),
    /// The stream ends without `Done` once so many samples were given.
    BreakAfter(u64),
    /// A cancel is ignored: audio goes on.
    IgnoreCancel,
}
