//! What Nova says: text to message.
//!
//! Invariant: total on any text; unknown types and fields are no errors. `channel` is an object in one message and an
//! array in others, so the type is read first. What nothing here needs (words, confidences, entities) is not read.

use super::super::json::{Garbled, Kind, Notice, read};
use serde::Deserialize;

/// A message of Nova.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ServerMessage {
    Results(Results),
    /// The vendor's own VAD; paired with nothing.
    SpeechStarted,
    /// No word for a while.
    UtteranceEnd,
    /// The account of the stream, at its end.
    Metadata,
    /// A Configure took effect.
    ConfigureSuccess,
    /// It did not; the earlier settings stay.
    ConfigureFailure(Notice),
    /// Something we said was not understood; the stream may go on.
    Error(Notice),
    /// Newer than this codec.
    Unknown,
}

/// The words of a window of the stream.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Results {
    /// The window, in seconds of the stream.
    pub(super) start: f64,
    pub(super) duration: f64,
    pub(super) stability: Stability,
    pub(super) transcript: String,
    /// Whether Finalize was answered.
    pub(super) from_finalize: bool,
}

/// Whether the words of a window may still change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stability {
    Interim,
    Final,
}

#[derive(Deserialize)]
struct ResultsBody {
    channel: Channel,
    #[serde(default)]
    start: Option<f64>,
    #[serde(default)]
    duration: Option<f64>,
    #[serde(default)]
    is_final: Option<bool>,
    #[serde(default)]
    speech_final: Option<bool>,
    #[serde(default)]
    from_finalize: Option<bool>,
}

#[derive(Deserialize)]
struct Channel {
    #[serde(default)]
    alternatives: Vec<Alternative>,
}

#[derive(Deserialize)]
struct Alternative {
    #[serde(default)]
    transcript: Option<String>,
}

impl From<ResultsBody> for Results {
    fn from(body: ResultsBody) -> Self {
        // The end of speech and the answer to Finalize are final whatever else is said.
        let marks = [body.is_final, body.speech_final, body.from_finalize];
        let stability = if marks.contains(&Some(true)) { Stability::Final } else { Stability::Interim };
        let best = body.channel.alternatives.into_iter().next();
        Self {
            start: body.start.unwrap_or_default(),
            duration: body.duration.unwrap_or_default(),
            stability,
            transcript: best.and_then(|best| best.transcript).unwrap_or_default(),
            from_finalize: body.from_finalize.unwrap_or_default(),
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
        "Results" => ServerMessage::Results(read::<ResultsBody>(text)?.into()),
        "SpeechStarted" => ServerMessage::SpeechStarted,
        "UtteranceEnd" => ServerMessage::UtteranceEnd,
        "Metadata" => ServerMessage::Metadata,
        "ConfigureSuccess" => ServerMessage::ConfigureSuccess,
        "ConfigureFailure" => ServerMessage::ConfigureFailure(read(text)?),
        "Error" => ServerMessage::Error(read(text)?),
        _ => ServerMessage::Unknown,
    })
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
