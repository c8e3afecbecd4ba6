//! What Flux and Nova differ in, as far as a call's stream is concerned: pure, no socket and no time.

use super::json::Garbled;
use super::stream_clock::StreamClock;
use crate::stage::{Fault, SttEvent, SttHints};
use std::borrow::Cow;

/// One protocol over Deepgram's socket, and its state during one connection.
pub(super) trait Dialect: Send + 'static {
    /// What it says.
    type Message: Send + 'static;

    /// Reads one text message; total on any text.
    fn decode(text: &str) -> Result<Self::Message, Garbled>;

    /// Whether a later message tells the same better, so that a slow reader may miss this one.
    fn is_provisional(message: &Self::Message) -> bool;

    /// What a message means.
    fn heard(&mut self, message: Self::Message, clock: &StreamClock) -> Heard;

    /// What to say for a request, if anything.
    fn asked(&self, request: Request) -> Option<&'static str>;

    /// It was said.
    fn said(&mut self, _request: Request) {}

    /// What to say for a change of what to expect, if any of it is this protocol's.
    fn configure(&self, hints: &SttHints) -> Option<String>;

    /// The words still open when the stream ends at our wish.
    fn left_open(&mut self, clock: &StreamClock) -> Option<SttEvent>;
}

/// What a message means.
#[derive(Debug, PartialEq)]
pub(super) enum Heard {
    Nothing,
    Event(SttEvent),
    /// A Configure was answered.
    Answered,
    /// A Configure was refused, in the vendor's words.
    Refused(String),
    /// The vendor complains, in its words, and goes on.
    Warned(String),
    /// Something is to be said back.
    Say(&'static str),
    /// The stream is over.
    Failed {
        fault: Fault,
        said: Cow<'static, str>,
    },
}

/// What the session asks of the engine beside audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// The caller seems to have stopped: the words so far, final.
    Finalize,
    /// The caller's turn is over.
    EndTurn,
}
