//! Text-to-speech: clauses in, audio out.

use super::{Serving, StageError};
use crate::units::{ReplyId, SampleRate};
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;

/// A text-to-speech engine; one value serves many calls.
pub trait Tts: Send + Sync {
    /// What to call it in logs and bills: vendor and model.
    fn name(&self) -> &str {
        "the TTS"
    }

    /// Opens what one call needs (a socket, a voice) before the first reply needs it. Dropping the future abandons the
    /// attempt.
    ///
    /// # Errors
    /// [`StageError::Open`] if the engine cannot be reached or refuses, [`StageError::Busy`] if it asks to be left alone
    /// for a while: the session then heeds its `retry_after`.
    fn open(&self) -> BoxFuture<'static, Result<Box<dyn TtsSession>, StageError>>;
}

/// One call's TTS.
pub trait TtsSession: Send {
    /// The rate of its audio.
    fn sample_rate(&self) -> SampleRate;

    /// Begins a reply. Several may be open at once; each has its own stream.
    ///
    /// # Errors
    /// [`StageError::Ended`] if the connection is gone; the session then opens a new one.
    fn begin(&mut self, reply: ReplyId) -> Result<TtsReply, StageError>;
}

/// One reply being spoken. Dropping both halves cancels it.
pub struct TtsReply {
    /// Takes the clauses.
    pub feed: Box<dyn TtsFeed>,
    /// The audio, in the order of the clauses. Ends after [`TtsEvent::Done`] or an `Err`.
    pub events: BoxStream<'static, Result<TtsEvent, StageError>>,
}

/// The half of a reply that is fed. No method waits.
pub trait TtsFeed: Send {
    /// Speaks `clause` after those before it. The text ends with its own spacing.
    ///
    /// # Errors
    /// [`StageError::Full`] or [`StageError::Ended`]; the clause is not spoken.
    fn speak(&mut self, clause: &str) -> Result<(), StageError>;

    /// No clause follows: the stream ends when all are spoken.
    fn finish(&mut self);

    /// Stops at once and drops what was not spoken. May be called again; nothing waits for it.
    fn cancel(&mut self);

    /// What was really handed to each of several engines since the last time it was asked, also after a cancel. `None`
    /// where there is one engine: all clauses that were taken went to it.
    fn take_handed(&mut self) -> Option<Vec<Handed>> {
        None
    }
}

/// Text that one of several engines was handed, spoken or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handed {
    /// The engine's name, as its [`Serving`] says it.
    pub engine: String,
    /// How many characters.
    pub characters: u64,
}

/// What a TTS reports for one reply.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum TtsEvent {
    /// Who speaks from here on. Only engines that have several behind them say it.
    Serving(Serving),
    /// The next audio: whole samples of mono PCM16, little-endian, at the session's rate.
    Audio(Bytes),
    /// When a word is spoken, in samples of this reply's audio at the session's rate. Comes before or after its audio.
    Word {
        /// The word as in the clauses, without surrounding space.
        text: String,
        /// Its first sample.
        start_samples: u64,
        /// Just after its last sample.
        end_samples: u64,
    },
    /// The audio so far is all of the first `clauses` clauses.
    ClauseEnd {
        /// How many clauses are complete, counted from 1.
        clauses: u32,
    },
    /// All clauses are spoken.
    Done,
}
