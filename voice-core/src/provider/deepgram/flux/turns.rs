//! What Flux's messages mean for the caller's turn.
//!
//! Invariant: words are told only between the start and the end of a turn, each turn ends once, and no event is made
//! from the confidence: only Flux's own count. Knows no socket and no time.

use super::super::dialect::{Dialect, Heard, Request};
use super::super::json::{Garbled, Notice};
use super::super::stream_clock::StreamClock;
use super::command::{self, Languages};
use super::message::{ServerMessage, TurnEvent, TurnInfo, decode};
use crate::stage::{Fault, SttEvent, SttHints};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The state of one connection.
#[derive(Debug)]
pub(super) struct Turns {
    languages: Languages,
    /// Whether Flux may be told to end a turn; shared by all streams of one engine.
    may_force_end: Arc<AtomicBool>,
    /// Whether it was told to and has not shown that it understood.
    forced_end: bool,
    open: Option<OpenTurn>,
    /// The latest turn that ended.
    ended: Option<u64>,
}

/// The turn under way.
#[derive(Debug)]
struct OpenTurn {
    index: u64,
    /// The words told last.
    text: String,
    window_end: f64,
}

impl Turns {
    pub(super) fn new(languages: Languages, may_force_end: Arc<AtomicBool>) -> Self {
        Self { languages, may_force_end, forced_end: false, open: None, ended: None }
    }

    fn turn(&mut self, turn: TurnInfo, clock: &StreamClock) -> Heard {
        if self.ended.is_some_and(|ended| turn.turn_index <= ended) {
            tracing::trace!(?turn, "Flux speaks of a turn that is over");
            return Heard::Nothing;
        }
        match turn.event {
            TurnEvent::StartOfTurn => {
                self.open_with(&turn);
                Heard::Event(SttEvent::StartOfTurn { text: turn.transcript })
            }
            TurnEvent::Update => self.update(turn),
            TurnEvent::EagerEndOfTurn => {
                self.open_with(&turn);
                Heard::Event(SttEvent::EagerEndOfTurn { text: turn.transcript })
            }
            TurnEvent::TurnResumed if self.open.is_some() => Heard::Event(SttEvent::TurnResumed),
            TurnEvent::EndOfTurn => {
                let is_ours = turn.trigger.as_deref() == Some("manual");
                tracing::debug!(is_ours, confidence = turn.end_of_turn_confidence, "Flux ends a turn");
                (self.open, self.ended) = (None, Some(turn.turn_index));
                self.forced_end &= !is_ours;
                let end = Some(clock.position(turn.audio_window_end));
                Heard::Event(SttEvent::EndOfTurn { text: turn.transcript, end })
            }
            TurnEvent::TurnResumed | TurnEvent::Unknown => Heard::Nothing,
        }
    }

    /// Words before a turn's start are no bid for it; the same words again are no news.
    fn update(&mut self, turn: TurnInfo) -> Heard {
        let Some(open) = self.open.as_mut().filter(|open| open.index == turn.turn_index) else {
            return Heard::Nothing;
        };
        open.window_end = turn.audio_window_end;
        if turn.transcript.is_empty() || turn.transcript == open.text {
            return Heard::Nothing;
        }
        open.text.clone_from(&turn.transcript);
        Heard::Event(SttEvent::Interim { text: turn.transcript })
    }

    fn open_with(&mut self, turn: &TurnInfo) {
        let (index, text) = (turn.turn_index, turn.transcript.clone());
        self.open = Some(OpenTurn { index, text, window_end: turn.audio_window_end });
    }

    fn error(&mut self, notice: &Notice) -> Heard {
        if self.forced_end && notice.has_code("UNPARSABLE_CLIENT_MESSAGE") {
            tracing::warn!("this Deepgram does not know ForceEndTurn: it is not sent again");
            self.may_force_end.store(false, Ordering::Relaxed);
        }
        Heard::Failed { fault: Fault::Engine, said: notice.said().into() }
    }
}

impl Dialect for Turns {
    type Message = ServerMessage;

    fn decode(text: &str) -> Result<ServerMessage, Garbled> {
        decode(text)
    }

    fn is_provisional(message: &ServerMessage) -> bool {
        matches!(message, ServerMessage::TurnInfo(turn) if turn.event == TurnEvent::Update)
    }

    fn heard(&mut self, message: ServerMessage, clock: &StreamClock) -> Heard {
        match message {
            ServerMessage::TurnInfo(turn) => self.turn(turn, clock),
            ServerMessage::ConfigureSuccess => Heard::Answered,
            ServerMessage::ConfigureFailure(notice) => Heard::Refused(notice.said()),
            ServerMessage::Warning(notice) if notice.has_code("FORCE_END_TURN_NO_ACTIVE_TURN") => {
                // Its own end of the turn was on the way already.
                self.forced_end = false;
                Heard::Nothing
            }
            ServerMessage::Warning(notice) => Heard::Warned(notice.said()),
            ServerMessage::Error(notice) => self.error(&notice),
            ServerMessage::Connected { .. } | ServerMessage::Unknown => Heard::Nothing,
        }
    }

    fn asked(&self, request: Request) -> Option<&'static str> {
        let may = request == Request::EndTurn && self.may_force_end.load(Ordering::Relaxed) && self.open.is_some();
        may.then_some(command::FORCE_END_TURN)
    }

    fn said(&mut self, request: Request) {
        self.forced_end |= request == Request::EndTurn;
    }

    fn configure(&self, hints: &SttHints) -> Option<String> {
        command::configure(hints, self.languages)
    }

    fn left_open(&mut self, clock: &StreamClock) -> Option<SttEvent> {
        let open = self.open.take().filter(|open| !open.text.is_empty())?;
        Some(SttEvent::Final { text: open.text, end: clock.position(open.window_end) })
    }
}

#[cfg(test)]
#[path = "turns_tests.rs"]
mod tests;
