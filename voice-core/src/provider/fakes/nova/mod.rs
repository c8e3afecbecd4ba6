//! A fake of Deepgram Nova, `/v1/listen`.
//!
//! | file | what |
//! |---|---|
//! | `query` | what a stream is asked to be, and the refusals |
//! | `segments` | audio in, results out: pure |
//! | `message` | results as JSON |
//! | `stream` | one connection |

mod message;
mod query;
mod segments;
mod stream;

#[cfg(test)]
mod tests;

use super::deepgram::{self, ConfigureAnswer};
use super::ear::Ear;
use super::visit::{Accepted, ErrorScript, Head, Refusal, Visit};

/// How the fake of Nova behaves.
#[derive(Clone)]
pub struct NovaFake {
    /// What it hears. Of a turn only its words and whether it ends matter here: silence is the query's.
    pub ear: Ear,
    /// How a Finalize is answered.
    pub finalize: FinalizeAnswer,
    /// How the beginning of speech is told.
    pub speech_starts: SpeechStarts,
    /// How a Configure is answered.
    pub configure: ConfigureAnswer,
    /// Whether each final comes twice.
    pub repeats_finals: bool,
    /// Whether flags that are false are told.
    pub tells_flags: bool,
    /// Time without audio or KeepAlive after which the stream is closed. Default 10 s.
    pub inactivity_ms: u64,
    /// What CloseStream leads to after the last results.
    pub closes: Closing,
    /// Each message comes up to so late, in order.
    pub jitter_ms: u64,
    /// Seed of everything random.
    pub seed: u64,
}

impl Default for NovaFake {
    fn default() -> Self {
        Self {
            ear: Ear::default(),
            finalize: FinalizeAnswer::default(),
            speech_starts: SpeechStarts::default(),
            configure: ConfigureAnswer::default(),
            repeats_finals: false,
            tells_flags: true,
            inactivity_ms: 10_000,
            closes: Closing::default(),
            jitter_ms: 0,
            seed: 1,
        }
    }
}

/// How a Finalize is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum FinalizeAnswer {
    /// With the words that are open, perhaps none.
    #[default]
    Words,
    /// The same, after so much further audio.
    Late {
        /// How much.
        ms: u64,
    },
    /// The words come as an ordinary final, and the answer is empty.
    Empty,
    /// Not at all.
    Silent,
}

/// How the beginning of speech is told, if the client wants it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpeechStarts {
    /// Once, first.
    #[default]
    Once,
    /// Never.
    Missing,
    /// Twice.
    Doubled,
    /// After the first words.
    Late,
}

/// What CloseStream leads to after the last results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Closing {
    /// The summary, and a close with 1000.
    #[default]
    Closes,
    /// Nothing: the client has to go by itself.
    Stays,
}

pub(super) use super::deepgram::refusal;

pub(super) fn open(head: &Head, visit: &Visit) -> Result<Accepted, Refusal> {
    let id = &visit.request_id;
    let subprotocol = deepgram::admit(head, &visit.shared).map_err(|said| refusal(401, said, id))?;
    let (settings, decoder) = query::read(head).map_err(|said| refusal(400, &said, id))?;
    let error = message::error("the stream broke inside the service", "");
    Ok(Accepted {
        subprotocol,
        headers: vec![("dg-request-id", id.clone())],
        error: ErrorScript { messages: vec![error], close: Some(Some(1011)) },
        serve: Box::new(|socket| Box::pin(stream::serve(socket, settings, decoder))),
    })
}
