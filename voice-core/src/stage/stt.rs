//! Speech-to-text: caller audio in, words out.

use super::{Serving, StageError};
use crate::units::{Position, SampleRate};
use futures::future::BoxFuture;
use futures::stream::BoxStream;

/// The rate of the audio every STT is given: 16 kHz, which all speech models use.
pub const LISTEN_RATE: SampleRate = SampleRate::Hz16000;

/// A speech-to-text engine; one value serves many calls.
pub trait Stt: Send + Sync {
    /// What to call it in logs and bills: vendor and model.
    fn name(&self) -> &str {
        "the STT"
    }

    /// Opens a stream for one call. Dropping the future abandons the attempt.
    ///
    /// # Errors
    /// [`StageError::Open`] if the engine cannot be reached or refuses, [`StageError::Busy`] if it asks to be left alone
    /// for a while: the session then heeds its `retry_after`.
    fn open(&self) -> BoxFuture<'static, Result<SttSession, StageError>>;
}

/// An open stream: one half to feed, one to read. Dropping both ends it.
pub struct SttSession {
    /// Takes the caller's audio.
    pub feed: Box<dyn SttFeed>,
    /// What was understood. Ends only when the stream does; an `Err` is its last item.
    pub events: BoxStream<'static, Result<SttEvent, StageError>>,
}

/// The half of an STT stream that is fed. No method waits.
pub trait SttFeed: Send {
    /// Gives the next samples, mono PCM16 at [`LISTEN_RATE`], the first of them at `position` (16 kHz samples since
    /// the start of the call). Consecutive: silence is fed too, so that the engine can tell time.
    ///
    /// # Errors
    /// [`StageError::Full`] if the engine is behind; those samples are not heard. [`StageError::Ended`] after its end.
    fn push(&mut self, samples: &[i16], position: Position) -> Result<(), StageError>;

    /// Asks for the final transcript of what was said up to `end` (16 kHz samples): the caller seems to have stopped.
    /// Engines without the ability ignore it. More speech may follow.
    fn finalize(&mut self, end: Position);

    /// Tells the engine when the VAD hears speech begin; engines that find speech themselves ignore it.
    fn speech_started(&mut self, _onset: Position) {}

    /// The caller's turn was taken as over without the engine's saying so. One that finds turns itself may end its own
    /// there; what it says of that turn later is still understood.
    fn turn_ended(&mut self) {}

    /// What to expect from here on. An engine takes what it can use and ignores the rest.
    fn expect(&mut self, _hints: &SttHints) {}
}

/// What an STT should expect. A field that is `None` keeps its value.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct SttHints {
    /// Words and names that are likely, in place of all earlier ones.
    pub keyterms: Option<Vec<String>>,
    /// Languages that are likely (BCP 47), in place of all earlier ones.
    pub languages: Option<Vec<String>>,
    /// How certain the engine must be (0–1) to declare the end of a turn.
    pub eot_threshold: Option<f32>,
    /// How certain it must be (0–1) to say that a turn may be over.
    pub eager_eot_threshold: Option<f32>,
    /// Silence after which it ends a turn, however uncertain.
    pub eot_timeout_ms: Option<u64>,
}

impl SttHints {
    /// These, with the fields of `newer` that are set in place of their own.
    pub fn merge(&mut self, newer: &Self) {
        fn set<T: Clone>(old: &mut Option<T>, new: &Option<T>) {
            if new.is_some() {
                old.clone_from(new);
            }
        }
        set(&mut self.keyterms, &newer.keyterms);
        set(&mut self.languages, &newer.languages);
        set(&mut self.eot_threshold, &newer.eot_threshold);
        set(&mut self.eager_eot_threshold, &newer.eager_eot_threshold);
        set(&mut self.eot_timeout_ms, &newer.eot_timeout_ms);
    }
}

/// What an STT reports. Positions are 16 kHz samples since the start of the call.
///
/// A *segment* is a stretch of speech between two finals; an interim or eager text replaces the segment's earlier ones,
/// a final closes it, and the caller's turn is its finals joined.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum SttEvent {
    /// Who turns the audio into words from here on. Only engines that have several behind them say it.
    Serving(Serving),
    /// The engine hears a turn begin, and will say when that turn ends: silence alone does not end it soon.
    StartOfTurn {
        /// The words so far, perhaps none.
        text: String,
    },
    /// What the segment looks like so far.
    Interim {
        /// The whole segment so far.
        text: String,
    },
    /// The engine believes the turn may be over.
    EagerEndOfTurn {
        /// The whole segment.
        text: String,
    },
    /// It was not: the caller goes on.
    TurnResumed,
    /// These words will not change any more. They close the segment.
    Final {
        /// The segment's words; empty if the sound held none.
        text: String,
        /// The end of the audio they cover: where speech goes on beyond it, another final is waited for. An engine that
        /// does not know says [`Position::ZERO`]; then it is all that was fed so far.
        end: Position,
    },
    /// The engine is certain the turn is over. Closes the segment.
    EndOfTurn {
        /// The segment's words.
        text: String,
        /// The end of the audio they cover, where the engine says; else all that was fed so far.
        end: Option<Position>,
    },
}
