//! What Nova's messages mean for the segments of the caller's speech.
//!
//! Invariant: each window of the stream is made final once. Nova finds pauses, not turns: its ends of speech are finals
//! and nothing more. Knows no socket and no time.

use super::super::dialect::{Dialect, Heard, Request};
use super::super::json::Garbled;
use super::super::stream_clock::StreamClock;
use super::command;
use super::message::{Results, ServerMessage, Stability, decode};
use crate::stage::{SttEvent, SttHints};

/// Two times closer than this are the same: the wire's are floats of 32 bits.
const SAME_SECONDS: f64 = 0.01;

/// The state of one connection.
#[derive(Debug, Default)]
pub(super) struct Segments {
    /// The words told last of the segment that is open, and where their window ends.
    open: Option<Open>,
    /// Up to where the stream's words are final.
    closed_until: f64,
    /// Whether the open words were asked to be made final because no more followed.
    asked: bool,
}

#[derive(Debug)]
struct Open {
    text: String,
    window_end: f64,
}

/// Seconds of the stream.
#[derive(Clone, Copy, Debug)]
struct Window {
    start: f64,
    end: f64,
}

impl Window {
    fn of(results: &Results) -> Self {
        Self { start: results.start, end: results.start + results.duration.max(0.0) }
    }

    /// Whether all of it lies before `end`; an empty window at the very end does not.
    fn is_before(self, end: f64) -> bool {
        self.start + SAME_SECONDS < end && self.end <= end + SAME_SECONDS
    }
}

impl Segments {
    fn interim(&mut self, results: Results) -> Heard {
        let window = Window::of(&results);
        let told = self.open.as_ref().is_some_and(|open| open.text == results.transcript);
        if results.transcript.is_empty() || window.is_before(self.closed_until) {
            return Heard::Nothing;
        }
        self.asked = false;
        self.open = Some(Open { text: results.transcript.clone(), window_end: window.end });
        if told { Heard::Nothing } else { Heard::Event(SttEvent::Interim { text: results.transcript }) }
    }

    /// Empty finals of silence say nothing, unless they take words back or answer a question.
    fn final_words(&mut self, results: Results, clock: &StreamClock) -> Heard {
        let window = Window::of(&results);
        if window.is_before(self.closed_until) {
            tracing::trace!(?results, "Nova makes a window final again");
            return Heard::Nothing;
        }
        self.closed_until = self.closed_until.max(window.end);
        self.asked = false;
        let was_open = self.open.take().is_some();
        if results.transcript.is_empty() && !was_open && !results.from_finalize {
            return Heard::Nothing;
        }
        Heard::Event(SttEvent::Final { text: results.transcript, end: clock.position(window.end) })
    }

    /// No word follows, yet the words before are not final: steady noise hides the pause that would make them so.
    fn utterance_end(&mut self) -> Heard {
        if self.open.is_none() || std::mem::replace(&mut self.asked, true) {
            return Heard::Nothing;
        }
        Heard::Say(command::FINALIZE)
    }
}

impl Dialect for Segments {
    type Message = ServerMessage;

    fn decode(text: &str) -> Result<ServerMessage, Garbled> {
        decode(text)
    }

    fn is_provisional(message: &ServerMessage) -> bool {
        matches!(message, ServerMessage::Results(results) if results.stability == Stability::Interim)
    }

    fn heard(&mut self, message: ServerMessage, clock: &StreamClock) -> Heard {
        match message {
            ServerMessage::Results(results) => match results.stability {
                Stability::Interim => self.interim(results),
                Stability::Final => self.final_words(results, clock),
            },
            ServerMessage::UtteranceEnd => self.utterance_end(),
            ServerMessage::ConfigureSuccess => Heard::Answered,
            ServerMessage::ConfigureFailure(notice) => Heard::Refused(notice.said()),
            // One that is fatal is followed by the end of the connection.
            ServerMessage::Error(notice) => Heard::Warned(notice.said()),
            ServerMessage::SpeechStarted | ServerMessage::Metadata | ServerMessage::Unknown => Heard::Nothing,
        }
    }

    fn asked(&self, request: Request) -> Option<&'static str> {
        (request == Request::Finalize).then_some(command::FINALIZE)
    }

    fn configure(&self, hints: &SttHints) -> Option<String> {
        command::configure(hints)
    }

    fn left_open(&mut self, clock: &StreamClock) -> Option<SttEvent> {
        let open = self.open.take()?;
        Some(SttEvent::Final { text: open.text, end: clock.position(open.window_end) })
    }
}

#[cfg(test)]
#[path = "segments_tests.rs"]
mod tests;
