//! What an STT fake hears: speech by its energy, words from a script or an engine.
//!
//! Invariant: driven by received audio alone; time is milliseconds of stream audio. Nothing here knows a vendor's
//! messages.

mod engine;
mod hearing;
mod loud;
mod timing;
mod words;

pub(crate) use engine::EngineEar;
pub(crate) use hearing::{BLOCK_MS, Hearing};
pub(crate) use timing::{Word, joined, mishear, spread};

use crate::stage::Stt;
use std::sync::Arc;

/// A block of 20 ms whose root mean square is at least this is loud: about −42 dBFS, between the noise of a room and a
/// quiet voice.
pub(crate) const LOUD_RMS: u16 = 250;

/// Where an STT fake has its words from.
#[derive(Clone)]
pub enum Ear {
    /// One turn for each stretch of speech; speech after the last is not understood.
    Script(Vec<FakeTurn>),
    /// Whatever this engine understands. It is opened for each connection.
    Engine(Arc<dyn Stt>),
}

impl Default for Ear {
    /// Understands nothing.
    fn default() -> Self {
        Self::Script(Vec::new())
    }
}

/// One turn of a script: its words, and what is made of the silence in and after it. Milliseconds are audio after the
/// last loud sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FakeTurn {
    /// The words.
    pub text: String,
    /// When the turn may be over; never if there is none. Default 160 ms.
    pub eager_after_ms: Option<u64>,
    /// When it is over; without, only the timeout ends it. Default 400 ms.
    pub end_after_ms: Option<u64>,
    /// So many eager ends are taken back: because the caller goes on, or else by themselves. Each has only a part of
    /// the words.
    pub resumes: u32,
}

impl FakeTurn {
    /// A turn of these words with an eager end and an end.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), eager_after_ms: Some(160), end_after_ms: Some(400), resumes: 0 }
    }

    /// So many eager ends that are taken back come before the one that is not.
    #[must_use]
    pub fn eager_then_resumed(self, resumes: u32) -> Self {
        Self { resumes, ..self }
    }

    /// No eager end.
    #[must_use]
    pub fn without_eager(self) -> Self {
        Self { eager_after_ms: None, ..self }
    }

    /// Neither an eager end nor an end.
    #[must_use]
    pub fn never_ends(self) -> Self {
        Self { eager_after_ms: None, end_after_ms: None, ..self }
    }

    /// The end comes after so much silence.
    #[must_use]
    pub fn ends_after(self, ms: u64) -> Self {
        Self { end_after_ms: Some(ms), ..self }
    }
}
