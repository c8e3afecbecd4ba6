//! What Flux says: text to message.
//!
//! Invariant: total on any text; unknown types, events and fields are no errors. What nothing here needs (the words' own
//! times, the languages, the settings in force) is not read.

use super::super::json::{Garbled, Kind, Notice, read};
use serde::Deserialize;
use std::borrow::Cow;

/// A message of Flux.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ServerMessage {
    /// The stream is open.
    Connected {
        /// What to tell Deepgram's support.
        request_id: String,
    },
    TurnInfo(TurnInfo),
    /// A Configure took effect.
    ConfigureSuccess,
    /// It did not; the earlier settings stay.
    ConfigureFailure(Notice),
    Warning(Notice),
    /// The stream ends.
    Error(Notice),
    /// Newer than this codec.
    Unknown,
}

/// The state of a turn.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TurnInfo {
    pub(super) event: TurnEvent,
    pub(super) turn_index: u64,
    /// How much of the stream is decoded, in seconds.
    pub(super) audio_window_end: f64,
    /// The whole turn so far.
    pub(super) transcript: String,
    pub(super) end_of_turn_confidence: Option<f64>,
    /// Why it ended: `model`, `timeout`, `manual`.
    pub(super) trigger: Option<String>,
}

/// What a [`TurnInfo`] is told for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TurnEvent {
    Update,
    StartOfTurn,
    EagerEndOfTurn,
    TurnResumed,
    EndOfTurn,
    /// Newer than this codec.
    Unknown,
}

impl TurnEvent {
    fn named(name: &str) -> Self {
        match name {
            "Update" => Self::Update,
            "StartOfTurn" => Self::StartOfTurn,
            "EagerEndOfTurn" => Self::EagerEndOfTurn,
            "TurnResumed" => Self::TurnResumed,
            "EndOfTurn" => Self::EndOfTurn,
            _ => Self::Unknown,
        }
    }
}

#[derive(Deserialize)]
struct Greeting {
    #[serde(default)]
    request_id: Option<String>,
}

#[derive(Deserialize)]
struct TurnBody<'a> {
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(default)]
    turn_index: Option<u64>,
    #[serde(default)]
    audio_window_end: Option<f64>,
    #[serde(default)]
    transcript: Option<String>,
    #[serde(default)]
    end_of_turn_confidence: Option<f64>,
    #[serde(default)]
    trigger: Option<String>,
}

impl From<TurnBody<'_>> for TurnInfo {
    fn from(body: TurnBody<'_>) -> Self {
        Self {
            event: TurnEvent::named(&body.event),
            turn_index: body.turn_index.unwrap_or_default(),
            audio_window_end: body.audio_window_end.unwrap_or_default(),
            transcript: body.transcript.unwrap_or_default(),
            end_of_turn_confidence: body.end_of_turn_confidence,
            trigger: body.trigger,
        }
    }
}

/// Reads one text message.
///
/// # Errors
/// [`Garbled`] if it is no JSON object or one of a known type without what makes it one.
pub(crate) fn decode(text: &str) -> Result<ServerMessage, Garbled> {
    let Kind { kind } = read(text)?;
    Ok(match kind.as_ref() {
        "Connected" => ServerMessage::Connected { request_id: read::<Greeting>(text)?.request_id.unwrap_or_default() },
        "TurnInfo" => ServerMessage::TurnInfo(read::<TurnBody<'_>>(text)?.into()),
        "ConfigureSuccess" => ServerMessage::ConfigureSuccess,
        "ConfigureFailure" => ServerMessage::ConfigureFailure(read(text)?),
        "Warning" => ServerMessage::Warning(read(text)?),
        "Error" => ServerMessage::Error(read(text)?),
        _ => ServerMessage::Unknown,
    })
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
